//! Stretches of availability as they arrive, alone or in batches.

use std::collections::BTreeMap;

use domain::calendar::{HOURS_MAX, HoursPatch};
use domain::refusal::Refusal;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::http::Problem;
use crate::http::dates::day_number;
use crate::logging::mask_card_numbers;
use crate::node::Node;

/// A stretch of the week, or of one date, by the wall clock of the teacher's zone.
#[derive(Deserialize, ToSchema)]
pub(super) struct AvailabilityInput {
    /// Which one, where several are changed.
    pub(super) id: Option<i64>,
    /// 0 = Monday to 6 = Sunday; of the date where there is one.
    day_of_week: Option<i64>,
    /// `HH:MM` or `HH:MM:SS`
    start_time: Option<String>,
    /// The same, up to `24:00`
    end_time: Option<String>,
    /// Every week, which is so unless there is a date.
    is_recurring: Option<bool>,
    /// `2026-01-31`: on that date these hours stand in for the weekly ones.
    date: Option<String>,
}

const MEMBERS: [&str; 6] = ["id", "day_of_week", "start_time", "end_time", "is_recurring", "date"];

/// Messages of each field.
pub(super) type Messages = BTreeMap<String, Vec<String>>;

impl AvailabilityInput {
    /// What the rules look at; a time or a date that cannot be read is refused here.
    pub(super) fn patch(&self) -> Result<HoursPatch, Messages> {
        let mut messages = Messages::new();
        let mut time = |field: &str, text: Option<&String>| {
            let second = text.and_then(|text| second_of_day(text.trim()));
            if text.is_some() && second.is_none() {
                messages.insert(field.into(), vec!["must be a time of day such as 09:30".into()]);
            }
            second
        };
        let from_second = time("start_time", self.start_time.as_ref());
        let until_second = time("end_time", self.end_time.as_ref());
        let date = self.date.as_deref().filter(|text| !text.trim().is_empty()).map(day_number);
        if date == Some(None) {
            messages.insert("date".into(), vec!["must be a date such as 2026-01-31".into()]);
        }
        if !messages.is_empty() {
            return Err(messages);
        }
        let (weekday, is_recurring) = (self.day_of_week, self.is_recurring);
        Ok(HoursPatch { weekday, from_second, until_second, is_recurring, date: date.flatten() })
    }
}

/// `09:30`, `09:30:15`, and `24:00` for the end of a day.
fn second_of_day(text: &str) -> Option<i64> {
    let two_digits = |part: &str| -> Option<i64> {
        let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| plain)
    };
    let parts: Option<Vec<i64>> = text.split(':').map(two_digits).collect();
    let (hour, minute, second) = match parts?[..] {
        [hour, minute] => (hour, minute, 0),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let is_time = hour < 24 && minute < 60 && second < 60;
    let is_end = (hour, minute, second) == (24, 0, 0);
    (is_time || is_end).then_some(hour * 3_600 + minute * 60 + second)
}

/// The items of a batch, as they were sent.
pub(super) struct Batch(Vec<Node>);

impl Batch {
    /// A list, or an object with the list under a name. Nothing at all is not an empty list.
    pub(super) fn of(node: Node, name: &str) -> Result<Batch, Problem> {
        let items = match node {
            Node::List(items) => Some(items),
            Node::Object(mut members) => match members.remove(name) {
                Some(Node::List(items)) => Some(items),
                _ => None,
            },
            _ => None,
        };
        let items = items.ok_or_else(|| Problem::field(name, "must be a list"))?;
        if items.len() > HOURS_MAX {
            return Err(Problem::field(name, format!("at most {HOURS_MAX} at once")));
        }
        Ok(Batch(items))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every item read; all that cannot be read are named together.
    pub(super) fn read<T>(&self, read: impl Fn(Node) -> Result<T, Messages>) -> Result<Vec<T>, Problem> {
        let (mut good, mut wrong) = (Vec::new(), Vec::new());
        for (index, node) in self.0.iter().enumerate() {
            match read(node.clone()) {
                Ok(item) => good.push(item),
                Err(messages) => wrong.push((index, messages)),
            }
        }
        if wrong.is_empty() { Ok(good) } else { Err(self.rejected(wrong)) }
    }

    /// The problem of a batch that the rules refuse.
    pub(super) fn refused(&self, error: store::Error) -> Problem {
        let store::Error::Refused(Refusal::InvalidItems(items)) = error else {
            return error.into();
        };
        let mut wrong: BTreeMap<usize, Messages> = BTreeMap::new();
        for item in items {
            let messages = wrong.entry(item.index).or_default();
            messages.entry(item.invalid.field.into()).or_default().push(item.invalid.problem);
        }
        self.rejected(wrong.into_iter().collect())
    }

    fn rejected(&self, wrong: Vec<(usize, Messages)>) -> Problem {
        let item = |(index, errors): (usize, Messages)| {
            let sent = self.0.get(index).cloned().map_or(Value::Null, echo);
            json!({ "index": index, "data": sent, "errors": errors })
        };
        let details: Vec<Value> = wrong.into_iter().map(item).collect();
        Problem::from(Refusal::InvalidItems(Vec::new())).details(Value::Array(details))
    }
}

/// What an item says, for whoever has to find it: the members that we know, and no card numbers.
fn echo(node: Node) -> Value {
    let plain = |value: Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let masked = mask_card_numbers(&text).into_owned();
        if masked == text { value } else { Value::String(masked) }
    };
    match node.into_json() {
        Value::Object(members) => {
            let known = members.into_iter().filter(|(name, _)| MEMBERS.contains(&name.as_str()));
            known.map(|(name, value)| (name, plain(value))).collect()
        }
        value => plain(value),
    }
}

/// One item of a batch of stretches.
pub(super) fn stretch(node: Node) -> Result<AvailabilityInput, Messages> {
    node.read().map_err(|error| Messages::from([(field(&error.path), vec![error.message])]))
}

fn field(path: &str) -> String {
    if path.is_empty() { "item".into() } else { path.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_echoed_is_known_and_no_card_number() {
        let sent =
            br#"{"day_of_week": 0, "start_time": "4242 4242 4242 4242", "id": 4242424242424242, "cvc": 1}"#;
        let shown = echo(Node::from_json(sent).expect("valid"));
        assert_eq!(shown["day_of_week"], 0);
        assert!(
            !shown.to_string().contains("4242424242") && !shown.to_string().contains("4242 4242"),
            "{shown}"
        );
        assert_eq!(shown.get("cvc"), None);
    }

    #[test]
    fn times_of_day_have_two_digits_and_an_end() {
        for (text, second) in [("00:00", 0), ("09:30", 34_200), ("23:59:59", 86_399), ("24:00", 86_400)] {
            assert_eq!(second_of_day(text), Some(second), "{text}");
        }
        for junk in ["", "9:30", "09", "09:60", "24:01", "25:00", "-1:00", "09:30:60", "09:30:00:00", "+9:30"]
        {
            assert_eq!(second_of_day(junk), None, "{junk}");
        }
    }
}
