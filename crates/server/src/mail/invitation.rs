//! Invitations: a session as an iCalendar file (RFC 5545, RFC 5546) that calendars take in, move and
//! remove by themselves. One session keeps one UID; the greatest SEQUENCE counts.

use domain::time::Timestamp;

/// Bytes of a line without its end.
const LINE_MAX: usize = 75;

/// What the calendar shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Enter the session, or move it.
    Request,
    Cancel,
}

impl Method {
    /// As the standard spells it.
    pub fn word(self) -> &'static str {
        match self {
            Method::Request => "REQUEST",
            Method::Cancel => "CANCEL",
        }
    }
}

/// A session as one party's calendar shows it.
#[derive(Clone, Debug)]
pub struct Session<'a> {
    pub method: Method,
    /// The same for the life of the booking: letters, digits, hyphens and an `@`.
    pub uid: String,
    /// Goes up with every change.
    pub sequence: i64,
    /// When this was written.
    pub stamp: Timestamp,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub title: &'a str,
    pub description: &'a str,
    /// Where it takes place; empty: nowhere yet.
    pub url: &'a str,
    /// The marketplace's address.
    pub organizer: &'a str,
    /// Name and address of the party who reads it. The other's address is not told.
    pub attendee: (&'a str, &'a str),
}

/// The file.
pub fn invitation(session: &Session<'_>) -> String {
    let status = match session.method {
        Method::Request => "CONFIRMED",
        Method::Cancel => "CANCELLED",
    };
    let (name, address) = session.attendee;
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Bursar//Sessions//EN".to_owned(),
        format!("METHOD:{}", session.method.word()),
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}", session.uid),
        format!("SEQUENCE:{}", session.sequence),
        format!("DTSTAMP:{}", instant(session.stamp)),
        format!("DTSTART:{}", instant(session.starts_at)),
        format!("DTEND:{}", instant(session.ends_at)),
        format!("SUMMARY:{}", escaped(session.title)),
        format!("DESCRIPTION:{}", escaped(session.description)),
        format!("ORGANIZER:mailto:{}", session.organizer),
        format!("ATTENDEE;CN={};ROLE=REQ-PARTICIPANT;RSVP=FALSE:mailto:{address}", quoted(name)),
        format!("STATUS:{status}"),
        "TRANSP:OPAQUE".to_owned(),
    ];
    if !session.url.is_empty() {
        lines.push(format!("LOCATION:{}", escaped(session.url)));
        lines.push(format!("URL:{}", session.url));
    }
    lines.extend(["END:VEVENT", "END:VCALENDAR"].map(str::to_owned));
    lines.iter().map(|line| folded(line)).collect()
}

fn instant(at: Timestamp) -> String {
    let instant =
        jiff::Timestamp::from_microsecond(at.0).expect("instants of the product lie in the calendar");
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Text as a value: its own signs are escaped, other control characters fall away.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '\\' | ';' | ',' => out.extend(['\\', sign]),
            '\n' => out.push_str("\\n"),
            sign if sign.is_control() => {}
            sign => out.push(sign),
        }
    }
    out
}

/// Text as a parameter, which knows no escapes.
fn quoted(text: &str) -> String {
    let plain: String = text.chars().filter(|sign| !sign.is_control() && *sign != '"').collect();
    format!("\"{plain}\"")
}

/// A line with its end, broken where it is too long, never inside a character.
fn folded(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let mut width = 0;
    for sign in line.chars() {
        if width + sign.len_utf8() > LINE_MAX {
            out.push_str("\r\n ");
            width = 1;
        }
        out.push(sign);
        width += sign.len_utf8();
    }
    out.push_str("\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(method: Method, title: &str) -> Session<'_> {
        Session {
            method,
            uid: "booking-513@bursar.example".into(),
            sequence: 3,
            stamp: Timestamp::from_seconds(1_800_000_000),
            starts_at: Timestamp::from_seconds(1_800_090_000),
            ends_at: Timestamp::from_seconds(1_800_093_600),
            title,
            description: "With Eve, the teacher;\nbring a \\ book",
            url: "https://bursar.example/meet/abc",
            organizer: "bursar@bursar.example",
            attendee: ("Ada \"A\" Berg, Dr.", "ada@example.org"),
        }
    }

    #[test]
    fn a_request_reads_as_the_standard_has_it() {
        let expected = "BEGIN:VCALENDAR\r\n\
            VERSION:2.0\r\n\
            PRODID:-//Bursar//Sessions//EN\r\n\
            METHOD:REQUEST\r\n\
            BEGIN:VEVENT\r\n\
            UID:booking-513@bursar.example\r\n\
            SEQUENCE:3\r\n\
            DTSTAMP:20270115T080000Z\r\n\
            DTSTART:20270116T090000Z\r\n\
            DTEND:20270116T100000Z\r\n\
            SUMMARY:Spanish\\, slowly\r\n\
            DESCRIPTION:With Eve\\, the teacher\\;\\nbring a \\\\ book\r\n\
            ORGANIZER:mailto:bursar@bursar.example\r\n\
            ATTENDEE;CN=\"Ada A Berg, Dr.\";ROLE=REQ-PARTICIPANT;RSVP=FALSE:mailto:ada@ex\r\n\
            \x20ample.org\r\n\
            STATUS:CONFIRMED\r\n\
            TRANSP:OPAQUE\r\n\
            LOCATION:https://bursar.example/meet/abc\r\n\
            URL:https://bursar.example/meet/abc\r\n\
            END:VEVENT\r\n\
            END:VCALENDAR\r\n";
        assert_eq!(invitation(&session(Method::Request, "Spanish, slowly")), expected);
    }

    #[test]
    fn a_cancellation_names_the_same_event() {
        let text = invitation(&session(Method::Cancel, "Spanish"));
        for line in ["METHOD:CANCEL", "STATUS:CANCELLED", "UID:booking-513@bursar.example", "SEQUENCE:3"] {
            assert!(text.contains(&format!("\r\n{line}\r\n")), "{line}");
        }
    }

    #[test]
    fn long_lines_are_folded_between_characters() {
        let title = "ä€🎻".repeat(40);
        let text = invitation(&session(Method::Request, &title));
        assert!(text.split("\r\n").all(|line| line.len() <= LINE_MAX), "{text}");
        assert!(text.replace("\r\n ", "").contains(&format!("SUMMARY:{title}\r\n")), "{text}");
    }

    #[test]
    fn nobody_writes_a_line_of_his_own_into_the_file() {
        let text = invitation(&session(Method::Request, "x\r\nATTENDEE:mailto:eve@example.org"));
        assert!(text.contains("SUMMARY:x\\nATTENDEE:mailto:eve@example.org\r\n"), "{text}");
        assert!(!text.contains("\r\nATTENDEE:"), "{text}");
    }
}
