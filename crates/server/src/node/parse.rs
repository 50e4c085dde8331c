//! From bytes to a [`Node`]: JSON with strictness that `serde_json` does not have, and forms.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Node;

/// Deeper nesting is an attack, not a request.
pub const DEPTH_MAX: usize = 32;
/// Fields of one form or query string.
pub const FIELDS_MAX: usize = 1_000;
/// Integers stay exact in JavaScript clients.
const INTEGER_MAX: i64 = domain::id::ID_MAX;

/// Why bytes are not input we read. The sentence never quotes the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the body is not valid JSON")]
    Syntax,
    #[error("a member name occurs twice in one object")]
    Duplicate,
    #[error("text must not contain the NUL character")]
    Nul,
    #[error("an integer is beyond 2^53 - 1")]
    Integer,
    #[error("the body is nested more than 32 levels deep")]
    Depth,
    #[error("the form has more than 1000 fields")]
    Fields,
    #[error("the form is not valid UTF-8 text")]
    Encoding,
}

impl Node {
    /// Strict JSON: no duplicate names, NUL, inexact integers, or deep nesting.
    pub fn from_json(bytes: &[u8]) -> Result<Node, Malformed> {
        let raw: &RawValue = serde_json::from_slice(bytes).map_err(|_| Malformed::Syntax)?;
        read(raw, 1)
    }

    /// An urlencoded form or a query string. Repeated names make a list; `a[b]` and `a.b` nest.
    pub fn from_form(text: &str) -> Result<Node, Malformed> {
        Node::from_fields(
            form_urlencoded::parse(text.as_bytes())
                .map(|(name, value)| (name.into_owned(), value.into_owned())),
        )
    }

    /// Named texts, as [`Node::from_form`].
    pub fn from_fields(fields: impl IntoIterator<Item = (String, String)>) -> Result<Node, Malformed> {
        let mut root = BTreeMap::new();
        for (index, (name, value)) in fields.into_iter().enumerate() {
            if index >= FIELDS_MAX {
                return Err(Malformed::Fields);
            }
            if name.contains('\0') || value.contains('\0') {
                return Err(Malformed::Nul);
            }
            let steps: Vec<&str> = name.split(['.', '[', ']']).filter(|step| !step.is_empty()).collect();
            if steps.len() > DEPTH_MAX {
                return Err(Malformed::Depth);
            }
            place(&mut root, &steps, value);
        }
        Ok(Node::Object(root))
    }
}

/// Puts a form's value where its name says. A name that is both a value and an object is ignored
/// the second time, as unknown members are.
fn place(members: &mut BTreeMap<String, Node>, steps: &[&str], value: String) {
    let Some((first, rest)) = steps.split_first() else {
        return;
    };
    if rest.is_empty() {
        match members.get_mut(*first) {
            None => {
                members.insert((*first).to_owned(), Node::Loose(value));
            }
            Some(Node::List(items)) => items.push(Node::Loose(value)),
            Some(Node::Loose(earlier)) => {
                let earlier = Node::Loose(std::mem::take(earlier));
                let both = Node::List(vec![earlier, Node::Loose(value)]);
                members.insert((*first).to_owned(), both);
            }
            Some(_) => {}
        }
        return;
    }
    let inner = members.entry((*first).to_owned()).or_insert_with(Node::empty);
    if let Node::Object(inner) = inner {
        place(inner, rest, value);
    }
}

fn read(raw: &RawValue, depth: usize) -> Result<Node, Malformed> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => read_object(text, depth),
        Some(b'[') => read_list(text, depth),
        Some(b'"') => read_text(text).map(Node::Text),
        Some(b't') => Ok(Node::Bool(true)),
        Some(b'f') => Ok(Node::Bool(false)),
        Some(b'n') => Ok(Node::Null),
        _ => read_number(text),
    }
}

fn read_object(text: &str, depth: usize) -> Result<Node, Malformed> {
    if depth > DEPTH_MAX {
        return Err(Malformed::Depth);
    }
    let Members(pairs) = serde_json::from_str(text).map_err(|_| Malformed::Syntax)?;
    let mut members = BTreeMap::new();
    for (name, value) in pairs {
        if name.contains('\0') {
            return Err(Malformed::Nul);
        }
        if members.insert(name, read(value, depth + 1)?).is_some() {
            return Err(Malformed::Duplicate);
        }
    }
    Ok(Node::Object(members))
}

fn read_list(text: &str, depth: usize) -> Result<Node, Malformed> {
    if depth > DEPTH_MAX {
        return Err(Malformed::Depth);
    }
    let Items(items) = serde_json::from_str(text).map_err(|_| Malformed::Syntax)?;
    let items: Result<Vec<Node>, Malformed> = items.into_iter().map(|item| read(item, depth + 1)).collect();
    items.map(Node::List)
}

fn read_text(text: &str) -> Result<String, Malformed> {
    let text: String = serde_json::from_str(text).map_err(|_| Malformed::Syntax)?;
    if text.contains('\0') {
        return Err(Malformed::Nul);
    }
    Ok(text)
}

fn read_number(text: &str) -> Result<Node, Malformed> {
    let integral = !text.contains(['.', 'e', 'E']);
    let exact = || text.parse::<i64>().is_ok_and(|n| (-INTEGER_MAX..=INTEGER_MAX).contains(&n));
    if integral && !exact() {
        return Err(Malformed::Integer);
    }
    Ok(Node::Number(text.to_owned()))
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Members(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

struct Items<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_json_is_refused_with_a_reason() {
        let deep = format!("{}1{}", "[".repeat(33), "]".repeat(33));
        let cases: &[(&str, Malformed)] = &[
            ("", Malformed::Syntax),
            ("{", Malformed::Syntax),
            ("{} {}", Malformed::Syntax),
            ("{'a':1}", Malformed::Syntax),
            (r#"{"a":NaN}"#, Malformed::Syntax),
            (r#"{"a":Infinity}"#, Malformed::Syntax),
            (r#"{"a":01}"#, Malformed::Syntax),
            (r#"{"a":"\ud800"}"#, Malformed::Syntax),
            (r#"{"a":1,"a":2}"#, Malformed::Duplicate),
            (r#"{"x":{"a":1,"\u0061":2}}"#, Malformed::Duplicate),
            (r#"{"a":"x\u0000"}"#, Malformed::Nul),
            (r#"{"a\u0000":1}"#, Malformed::Nul),
            (r#"{"a":9007199254740992}"#, Malformed::Integer),
            (r#"{"a":-9007199254740992}"#, Malformed::Integer),
            ("[99999999999999999999999]", Malformed::Integer),
            (&deep, Malformed::Depth),
        ];
        for (text, why) in cases {
            assert_eq!(Node::from_json(text.as_bytes()), Err(*why), "{text}");
        }
        assert_eq!(Node::from_json(b"\"\xff\""), Err(Malformed::Syntax));
    }

    #[test]
    fn numbers_keep_their_digits() {
        let node =
            Node::from_json(br#"{"a": 10.0000000000000000001, "b": 9007199254740991}"#).expect("valid");
        assert_eq!(node.get("a"), Some(&Node::Number("10.0000000000000000001".into())));
        assert_eq!(node.get("b"), Some(&Node::Number("9007199254740991".into())));
    }

    #[test]
    fn forms_nest_and_repeat() {
        let node = Node::from_form("ids=1&ids=2&card[cvc]=123&card.exp=9&x=%C3%A9").expect("valid");
        let expected =
            Node::from_json(r#"{"ids":[1,2],"card":{"cvc":123,"exp":9},"x":"é"}"#.as_bytes()).expect("valid");
        assert_eq!(node.digest(), expected.digest());
        assert_eq!(Node::from_form("a=%00"), Err(Malformed::Nul));
        assert_eq!(Node::from_form(&"a=1&".repeat(1_001)), Err(Malformed::Fields));
    }
}
