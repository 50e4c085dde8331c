//! A tree of untrusted input, and the lenient, exact reader that turns it into typed requests.
//!
//! JSON bodies, forms, query strings and configuration all become a [`Node`] first, then a struct
//! through serde. Invariants: numbers keep their text, so no amount ever passes a float; an error
//! names the field and what was expected, never the value (it may be a card or a secret).
//! `#[serde(flatten)]` and untagged enums bypass the leniency for forms: request types do without.
//! Deliberately not here: HTTP, files, and any rule about what a field means.

mod parse;
mod read;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

pub use parse::Malformed;
pub use read::FieldError;

/// Input as it arrived, sorted by member name.
#[derive(Clone, PartialEq, Eq)]
pub enum Node {
    Null,
    Bool(bool),
    /// The digits as they were written.
    Number(String),
    Text(String),
    /// Text of a form, a query string or the environment: it may stand for a number, a boolean or
    /// a list of one, and an empty one for nothing.
    Loose(String),
    List(Vec<Node>),
    Object(BTreeMap<String, Node>),
}

impl Node {
    /// An object without members: what an empty body means.
    pub fn empty() -> Node {
        Node::Object(BTreeMap::new())
    }

    /// The member of an object, if this is one and has it.
    pub fn get(&self, name: &str) -> Option<&Node> {
        match self {
            Node::Object(members) => members.get(name),
            _ => None,
        }
    }

    /// SHA-256 of the content, independent of member order, spacing and encoding of the body:
    /// what idempotency compares.
    pub fn digest(&self) -> [u8; 32] {
        let mut text = String::new();
        self.write_canonical(&mut text);
        Sha256::digest(text.as_bytes()).into()
    }

    /// The same tree for free-form fields (metadata) that are stored as JSON.
    pub fn into_json(self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(value),
            Node::Number(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            Node::Text(text) | Node::Loose(text) => Value::String(text),
            Node::List(items) => items.into_iter().map(Node::into_json).collect(),
            Node::Object(members) => {
                members.into_iter().map(|(name, node)| (name, node.into_json())).collect()
            }
        }
    }

    fn write_canonical(&self, out: &mut String) {
        match self {
            Node::Null => out.push('n'),
            Node::Bool(true) => write_text("true", out),
            Node::Bool(false) => write_text("false", out),
            Node::Number(text) | Node::Text(text) | Node::Loose(text) => write_text(text, out),
            Node::List(items) => {
                out.push('[');
                for item in items {
                    item.write_canonical(out);
                }
                out.push(']');
            }
            Node::Object(members) => {
                out.push('{');
                for (name, node) in members {
                    write_text(name, out);
                    node.write_canonical(out);
                }
                out.push('}');
            }
        }
    }
}

/// Length first, so that no text can imitate the structure around it.
fn write_text(text: &str, out: &mut String) {
    out.push_str(&text.len().to_string());
    out.push(':');
    out.push_str(text);
}

/// Shows the shape only: values may be card numbers or secrets.
impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Node::Null => f.write_str("null"),
            Node::Bool(_) => f.write_str("bool"),
            Node::Number(_) => f.write_str("number"),
            Node::Text(_) | Node::Loose(_) => f.write_str("text"),
            Node::List(items) => f.debug_list().entries(items).finish(),
            Node::Object(members) => f.debug_map().entries(members).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_ignores_order_and_encoding_but_not_content() {
        let json = Node::from_json(br#"{"b": 1, "a": "x"}"#).expect("valid");
        let form = Node::from_form("a=x&b=1").expect("valid");
        let other = Node::from_json(br#"{"b": 2, "a": "x"}"#).expect("valid");
        assert_eq!(json.digest(), form.digest());
        assert_ne!(json.digest(), other.digest());
    }

    #[test]
    fn debug_never_shows_a_value() {
        let node = Node::from_json(br#"{"card_number": "4242424242424242"}"#).expect("valid");
        assert!(!format!("{node:?}").contains("4242"));
    }
}
