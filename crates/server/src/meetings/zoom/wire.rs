//! Zoom's own form of things. Read leniently: what is not needed may be missing.

use domain::time::{Span, Timestamp};
use gateways::http::Reply;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::Secret;
use crate::meetings::provider::{Appointment, No, Said, Shown};

/// A meeting at one time.
const SCHEDULED: i64 = 2;
/// Characters.
const TOPIC_MAX: usize = 200;
/// The longest pause that is granted: a daily limit ends within it.
const PAUSE_MAX: Span = Span::DAY;

/// What makes a meeting. Nobody is let in before its host.
pub(super) fn meeting(appointment: &Appointment) -> Value {
    let mut body = time(appointment);
    body["type"] = json!(SCHEDULED);
    body["agenda"] = json!(appointment.mark);
    body["settings"] = json!({ "join_before_host": false, "waiting_room": true });
    body
}

/// What moves one.
pub(super) fn time(to: &Appointment) -> Value {
    let seconds = (to.ends_at - to.starts_at).whole_seconds();
    json!({
        "topic": to.title.chars().take(TOPIC_MAX).collect::<String>(),
        "start_time": instant(to.starts_at),
        "duration": (seconds + 59) / 60,
        "timezone": "UTC",
    })
}

fn instant(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_second(at.seconds()).expect("instants are within the calendar");
    at.to_string()
}

#[derive(Deserialize)]
struct Meeting {
    id: i64,
    join_url: Secret,
    start_url: Option<Secret>,
    password: Option<Secret>,
}

/// A meeting from an answer.
pub(super) fn shown(body: &[u8]) -> Said<Shown> {
    let meeting: Meeting = serde_json::from_slice(body).map_err(|_| unreadable())?;
    Ok(Shown {
        reference: meeting.id.to_string(),
        join_url: meeting.join_url,
        password: meeting.password,
        host_url: meeting.start_url,
    })
}

/// It was an answer, so something has happened.
fn unreadable() -> No {
    No::Unknown("an answer that cannot be read".into())
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    meetings: Vec<Listed>,
    #[serde(default)]
    next_page_token: String,
}

#[derive(Deserialize)]
struct Listed {
    id: i64,
    #[serde(default)]
    agenda: String,
}

/// The references on one page of a list whose meetings carry the mark, and where to go on.
pub(super) fn page(body: &[u8], mark: &str) -> Said<(Vec<String>, Option<String>)> {
    let page: Page = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let ours = page.meetings.iter().filter(|listed| listed.agenda.trim() == mark);
    let next = Some(page.next_page_token).filter(|token| !token.is_empty());
    Ok((ours.map(|listed| listed.id.to_string()).collect(), next))
}

/// A no with Zoom's number for why; its words may quote what was sent and are left out.
pub(super) fn refused(reply: &Reply) -> No {
    #[derive(Deserialize)]
    struct Why {
        code: i64,
    }
    let why = serde_json::from_slice(&reply.body).map_or(0, |why: Why| why.code);
    No::Refused(format!("refused with {} (code {why})", reply.status))
}

/// How long the other side wants to be left alone: in seconds, or until an instant.
pub(super) fn pause(reply: &Reply, now: Timestamp) -> Option<Span> {
    let until = |text: &str| text.trim().parse::<jiff::Timestamp>().ok();
    let instant = reply.header("retry-after").and_then(until);
    let pause = instant.map(|until| Timestamp::from_seconds(until.as_second()) - now);
    pause.or_else(|| reply.retry_after()).map(|pause| pause.clamp(Span::ZERO, PAUSE_MAX))
}

/// One segment of a path.
pub(super) fn in_path(segment: &str) -> String {
    form_urlencoded::byte_serialize(segment.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_whole_and_never_too_few() {
        let starts_at = Timestamp::from_seconds(1_700_000_000);
        let of = |seconds| {
            let ends_at = starts_at + Span::seconds(seconds);
            let (mark, title, host) = ("m".into(), "x".repeat(300), String::new());
            meeting(&Appointment { mark, title, host, starts_at, ends_at })
        };
        assert_eq!(of(3_600)["duration"], 60);
        assert_eq!(of(3_601)["duration"], 61);
        assert_eq!(of(60)["start_time"], "2023-11-14T22:13:20Z");
        assert_eq!(of(60)["topic"].as_str().map(str::len), Some(TOPIC_MAX));
    }

    #[test]
    fn only_what_carries_the_mark_is_ours() {
        let body =
            br#"{"next_page_token":"n","meetings":[{"id":1,"agenda":"m"},{"id":2},{"id":3,"agenda":"mm"}]}"#;
        assert_eq!(page(body, "m"), Ok((vec!["1".into()], Some("n".into()))));
        assert_eq!(page(b"{}", "m"), Ok((vec![], None)));
        assert_eq!(page(b"<html>", "m"), Err(unreadable()));
    }

    #[test]
    fn an_address_is_one_segment() {
        assert_eq!(in_path("a b/c+d@example.org"), "a%20b%2Fc%2Bd%40example.org");
    }
}
