//! The stream of one's own changes: server-sent events, resumed by `Last-Event-ID`.
//!
//! A message is a hint: it names what has changed, and the object is asked for as always. Who was away
//! is told each of his bookings, payments and refunds that has changed meanwhile, once, as it is now.
//! Connections are counted and end after a while, so that a revoked login does not go on listening.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use domain::id::{Id, PersonId};
use domain::time::{Span, Timestamp};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::{Value, json};
use store::reads::changes::{Changed, Told};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Sleep;
use utoipa::OpenApi;

use crate::app::App;
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::json::Instant;
use crate::notices::{Watch, WatchError};

const LAST_EVENT_ID: &str = "last-event-id";
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Then the client comes again, and is asked again who he is.
const LIFETIME: Duration = Duration::from_mins(5);
/// Commits that ran side by side are not told in the order of their instants.
const OVERLAP: Span = Span::seconds(5);
/// More than this to make up for, and the client had better ask for its lists.
const MISSED_MAX: usize = 500;

/// The route of this file.
pub fn routes() -> Router<App> {
    Router::new().route("/api/notifications/stream", get(stream_notifications))
}

/// Documentation of this file.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(stream_notifications))]
    struct Document;
    Document::openapi()
}

/// What happens to my bookings, payments and refunds, as it happens. The name of a message is its kind
/// (`payment.completed`, `booking.changed`, …); `reset` means: ask for your lists.
#[utoipa::path(
    get, path = "/api/notifications/stream/", tag = "notifications", security(("bearer" = [])),
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "the id of the last message that was seen"),
    ),
    responses(
        (
            status = 200,
            description = "Messages without end",
            content_type = "text/event-stream",
            body = String,
        ),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
async fn stream_notifications(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let since = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).map(read_id).transpose()?;
    let person = caller.person.id;
    // First watch, then look back: nothing falls between the two.
    let watch = app.notices.watch(person).await.map_err(|error| match error {
        WatchError::Full => Problem::too_many(HEARTBEAT.as_secs()),
        WatchError::Store(fault) => fault.into(),
    })?;
    let missed = match since {
        Some(since) => missed(&app, person, since).await?,
        None => VecDeque::new(),
    };
    let stream = Listening { person, missed, watch, end: Box::pin(tokio::time::sleep(LIFETIME)) };
    let stream = unfold(stream, |mut listening| async move {
        let next = listening.next().await?;
        Some((Ok(next), listening))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")))
}

/// `<microseconds>-<id>`.
fn read_id(text: &str) -> Result<Timestamp, Problem> {
    let at = text.split_once('-').and_then(|(at, _)| at.parse().ok()).map(Timestamp);
    at.ok_or_else(|| Problem::field("Last-Event-ID", "is not an id of this stream"))
}

async fn missed(app: &App, person: PersonId, since: Timestamp) -> Result<VecDeque<Event>, Problem> {
    let since = since - OVERLAP;
    let changed = app.db.read(move |reads| reads.changed_since(person, since, MISSED_MAX)).await?;
    Ok(changed.map_or_else(|| VecDeque::from([reset()]), |changed| changed.iter().map(summary).collect()))
}

/// One connection.
struct Listening {
    person: PersonId,
    missed: VecDeque<Event>,
    watch: Watch,
    end: Pin<Box<Sleep>>,
}

impl Listening {
    /// `None`: the connection is over.
    async fn next(&mut self) -> Option<Event> {
        if let Some(missed) = self.missed.pop_front() {
            return Some(missed);
        }
        loop {
            let heard = tokio::select! {
                heard = self.watch.events.recv() => heard,
                () = self.end.as_mut() => return None,
            };
            match heard {
                Ok(told) if told.parties.contains(&self.person) => return Some(message(&told)),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Some(reset()),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

fn message(told: &Arc<Told>) -> Event {
    let event = &told.event;
    let mut body: Value = serde_json::from_str(&event.body).unwrap_or_else(|_| json!({}));
    body["type"] = json!(event.kind);
    body["created_at"] = json!(Instant(event.at).text());
    let id = format!("{}-{}", event.at.0, event.id.raw());
    Event::default().id(id).event(event.kind.as_ref()).data(body.to_string())
}

fn summary(changed: &Changed) -> Event {
    let kind = format!("{}.changed", changed.object);
    let mut body = json!({ "type": kind, "created_at": Instant(changed.at).text() });
    body[format!("{}_id", changed.object)] = json!(changed.id);
    Event::default().id(format!("{}-{}", changed.at.0, changed.id)).event(kind).data(body.to_string())
}

fn reset() -> Event {
    Event::default().event("reset").data("{}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_junk_is_not() {
        assert_eq!(read_id("1700000000000001-513").ok(), Some(Timestamp(1_700_000_000_000_001)));
        for junk in ["", "x", "12", "x-1", "99999999999999999999-1"] {
            assert!(read_id(junk).is_err(), "{junk}");
        }
    }
}
