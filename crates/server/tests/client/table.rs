//! The table as text: calls, what is kept of their answers, and the types of what is read.

use std::collections::BTreeMap;

use axum::http::Method;
use domain::time::{Span, Timestamp};
use serde_json::Value;

use super::web::iso;

/// One line of the table with those that belong to it.
pub enum Line {
    Call(Row),
    Mailed {
        address: String,
        purpose: String,
        name: String,
    },
    /// Somebody goes where `$oauth_url` leads; both halves of what he comes back with are kept.
    Google {
        address: String,
        ticket: String,
        proof: String,
    },
    Clock(String),
}

pub struct Row {
    /// Of its line.
    pub number: usize,
    pub who: String,
    pub method: Method,
    pub path: String,
    pub status: u16,
    pub body: Option<String>,
    /// Fields and their types.
    pub reads: Vec<(String, String)>,
    /// Names and the fields they are of.
    pub keeps: Vec<(String, String)>,
}

/// Reads the table; a line that is none stops the test.
pub fn parse(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(detail) = line.strip_prefix("  ") {
            let Some(Line::Call(row)) = lines.last_mut() else { panic!("line {number} belongs to no call") };
            let (word, rest) = detail.split_once(' ').unwrap_or_else(|| panic!("line {number} says nothing"));
            match word {
                "sends" => row.body = Some(rest.to_owned()),
                "reads" => row.reads = pairs(rest, ": ", number),
                "keeps" => row.keeps = pairs(rest, " = ", number),
                _ => panic!("line {number}: {word}"),
            }
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        lines.push(match words[..] {
            ["clock", instant] => Line::Clock(instant.to_owned()),
            ["mailed", address, purpose, name] => {
                Line::Mailed { address: address.into(), purpose: purpose.into(), name: name.into() }
            }
            ["google", address, ticket, proof] => {
                Line::Google { address: address.into(), ticket: ticket.into(), proof: proof.into() }
            }
            [who, method, path, status] => Line::Call(Row {
                number,
                who: who.to_owned(),
                method: method.parse().unwrap_or_else(|_| panic!("line {number}: {method}")),
                path: path.to_owned(),
                status: status.parse().unwrap_or_else(|_| panic!("line {number}: {status}")),
                body: None,
                reads: Vec::new(),
                keeps: Vec::new(),
            }),
            _ => panic!("line {number} is none"),
        });
    }
    lines
}

/// `a: b, c: d`; what stands in quotes may hold commas.
fn pairs(text: &str, between: &str, number: usize) -> Vec<(String, String)> {
    let mut quoted = false;
    let parts = text.split(|letter| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    });
    let pair = |part: &str| {
        let (left, right) = part.trim().split_once(between)?;
        Some((left.to_owned(), right.trim().to_owned()))
    };
    parts.map(|part| pair(part).unwrap_or_else(|| panic!("line {number}: {part}"))).collect()
}

/// What was kept, and the day on which the walk began.
pub struct Names {
    begun_at: Timestamp,
    kept: BTreeMap<String, String>,
}

impl Names {
    pub fn new(now: Timestamp) -> Names {
        Names { begun_at: midnight(now), kept: BTreeMap::new() }
    }

    pub fn set(&mut self, name: &str, value: &Value) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.kept.insert(name.to_owned(), text);
    }

    /// A text with its names and instants filled in.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['$', '@']) {
            filled.push_str(&rest[..at]);
            let (sign, after) = rest[at..].split_at(1);
            let is_part = |letter: char| {
                letter.is_ascii_alphanumeric() || letter == '_' || (sign == "@" && letter == ':')
            };
            let end = after.find(|letter| !is_part(letter)).unwrap_or(after.len());
            let (word, tail) = after.split_at(end);
            if sign == "$" {
                filled.push_str(self.kept.get(word).unwrap_or_else(|| panic!("nothing is kept as {word}")));
            } else if word.starts_with(|letter: char| letter.is_ascii_digit()) {
                filled.push_str(&iso(self.instant(word)));
            } else {
                // An address.
                filled.push('@');
                filled.push_str(word);
            }
            rest = tail;
        }
        filled.push_str(rest);
        filled
    }

    /// `2T23:30`: a time of a day after that of the beginning.
    pub fn instant(&self, text: &str) -> Timestamp {
        let text = text.trim_start_matches('@');
        let number = |text: &str| text.parse::<i64>().unwrap_or_else(|_| panic!("{text} in an instant"));
        let (days, time) = text.split_once('T').expect("days, then a time");
        let (hours, minutes) = time.split_once(':').expect("hours and minutes");
        self.begun_at + Span::days(number(days)) + Span::minutes(60 * number(hours) + number(minutes))
    }
}

/// The beginning of a day in UTC.
pub fn midnight(now: Timestamp) -> Timestamp {
    Timestamp::from_seconds(now.seconds() - now.seconds().rem_euclid(86_400))
}

/// What a client finds there: `a.b` inside, `*` each of a list, `.` the whole. Empty when a part of
/// the way is missing somewhere.
pub fn find<'a>(body: &'a Value, field: &str) -> Vec<&'a Value> {
    let mut found = vec![body];
    for step in field.split('.').filter(|step| !step.is_empty()) {
        let mut next = Vec::new();
        for value in found {
            if step == "*" {
                next.extend(value.as_array().into_iter().flatten());
                continue;
            }
            let member = step.parse().map_or_else(|_| value.get(step), |index: usize| value.get(index));
            let Some(member) = member else { return Vec::new() };
            next.push(member);
        }
        found = next;
    }
    found
}

/// Whether a value has a type of the table, or is the value that stands there instead.
pub fn fits(value: &Value, kind: &str) -> bool {
    if let Some(kind) = kind.strip_suffix('?') {
        return value.is_null() || fits(value, kind);
    }
    let is_text = |is: fn(&str) -> bool| value.as_str().is_some_and(is);
    match kind {
        "text" => is_text(|text| !text.is_empty()) || value == "",
        "time" => is_text(|text| serde_json::from_value::<server::http::json::Instant>(text.into()).is_ok()),
        "number" => value.is_number(),
        "whole" => value.is_i64(),
        "flag" => value.is_boolean(),
        "list" => value.is_array(),
        "object" => value.is_object(),
        "decimal" => value.is_number() || is_text(|text| super::scaled(&text.into(), 2) >= 0),
        literal => {
            let literal: Value =
                serde_json::from_str(literal).unwrap_or_else(|_| panic!("no type: {literal}"));
            value == &literal || (literal.is_f64() && value.as_f64() == literal.as_f64())
        }
    }
}

#[test]
fn a_wrong_type_a_missing_field_and_a_short_list_are_noticed() {
    let body =
        serde_json::json!({ "a": { "b": "x" }, "l": [{ "n": 1 }, { "m": 2 }], "none": null, "p": 52.5 });
    for (field, kind, wanted) in [
        ("a.b", "text", true),
        ("a.b", "\"x\"", true),
        ("a.b", "\"y\"", false),
        ("a.b", "number", false),
        ("a.b", "time", false),
        ("p", "52.5", true),
        ("p", "whole", false),
        ("none", "text?", true),
        ("none", "text", false),
        ("l", "list", true),
    ] {
        let found = find(&body, field);
        assert_eq!(found.len(), 1, "{field}");
        assert_eq!(fits(found[0], kind), wanted, "{field} {kind}");
    }
    for missing in ["a.c", "c", "l.*.n", "none.x"] {
        assert!(find(&body, missing).is_empty(), "{missing}");
    }
    assert_eq!(find(&serde_json::json!([]), "*.id").len(), 0);
}
