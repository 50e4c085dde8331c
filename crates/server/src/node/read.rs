//! From a [`Node`] to a typed request: serde, lenient about forms, strict about everything else.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, IntoDeserializer,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::Node;

/// One field and what is wrong with it, in words that never quote the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Dotted path from the root; empty for the whole body.
    pub path: String,
    pub message: String,
}

impl Node {
    /// The typed form. Unknown members are ignored unless the type denies them.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, FieldError> {
        T::deserialize(self)
    }
}

impl FieldError {
    fn new(message: impl Into<String>) -> FieldError {
        FieldError { path: String::new(), message: message.into() }
    }

    fn under(mut self, step: &str) -> FieldError {
        self.path = if self.path.is_empty() { step.to_owned() } else { format!("{step}.{}", self.path) };
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

impl std::error::Error for FieldError {}

impl serde::de::Error for FieldError {
    fn custom<T: fmt::Display>(message: T) -> FieldError {
        FieldError::new(message.to_string())
    }
    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> FieldError {
        FieldError::new(format!("must be {expected}"))
    }
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> FieldError {
        FieldError::new(format!("is out of range; must be {expected}"))
    }
    fn invalid_length(_: usize, expected: &dyn Expected) -> FieldError {
        FieldError::new(format!("has the wrong length; must be {expected}"))
    }
    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> FieldError {
        FieldError::new(format!("must be one of: {}", expected.join(", ")))
    }
    fn unknown_field(field: &str, _: &'static [&'static str]) -> FieldError {
        FieldError::new("is not known").under(field)
    }
    fn missing_field(field: &'static str) -> FieldError {
        FieldError::new("is required").under(field)
    }
    fn duplicate_field(field: &'static str) -> FieldError {
        FieldError::new("is given twice").under(field)
    }
}

/// A whole number written as such, or with a fraction of zeros.
fn integer(node: &Node) -> Result<i64, FieldError> {
    let (Node::Number(text) | Node::Text(text) | Node::Loose(text)) = node else {
        return Err(FieldError::new("must be a whole number"));
    };
    let text = text.trim();
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        Some(_) => "",
        None => text,
    };
    let value: i64 = whole.parse().map_err(|_| FieldError::new("must be a whole number"))?;
    if value.unsigned_abs() > domain::id::ID_MAX.unsigned_abs() {
        return Err(FieldError::new("is beyond 2^53 - 1"));
    }
    Ok(value)
}

fn boolean(node: &Node) -> Result<bool, FieldError> {
    let wrong = || FieldError::new("must be true or false");
    match node {
        Node::Bool(value) => Ok(*value),
        Node::Number(text) | Node::Text(text) | Node::Loose(text) => {
            match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "on" | "yes" => Ok(true),
                "false" | "0" | "off" | "no" | "" => Ok(false),
                _ => Err(wrong()),
            }
        }
        _ => Err(wrong()),
    }
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
            visitor.visit_i64(integer(&self)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Node {
    type Error = FieldError;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    /// Free-form fields only; typed requests never come through here, so no amount becomes a float.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(value),
            Node::Number(text) => match text.parse::<i64>() {
                Ok(value) => visitor.visit_i64(value),
                Err(_) => visitor.visit_f64(text.parse().map_err(FieldError::custom)?),
            },
            Node::Text(text) | Node::Loose(text) => visitor.visit_string(text),
            Node::List(_) => self.deserialize_seq(visitor),
            Node::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_bool(boolean(&self)?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, _: V) -> Result<V::Value, FieldError> {
        unreachable!("request types have no floats: use DecimalText")
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self {
            Node::Number(text) | Node::Text(text) | Node::Loose(text) => visitor.visit_string(text),
            _ => Err(FieldError::new("must be text")),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self {
            Node::Null => visitor.visit_none(),
            Node::Loose(text) if text.is_empty() => visitor.visit_none(),
            node => visitor.visit_some(node),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self {
            Node::Null => visitor.visit_unit(),
            _ => Err(FieldError::new("must be null")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let items = match self {
            Node::List(items) => items,
            Node::Loose(text) if text.is_empty() => Vec::new(),
            Node::Loose(_) => vec![self],
            _ => return Err(FieldError::new("must be a list")),
        };
        visitor.visit_seq(Elements { index: 0, items: items.into_iter() })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self {
            Node::Object(members) => visitor.visit_map(Members { members: members.into_iter(), next: None }),
            _ => Err(FieldError::new("must be an object")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        self.deserialize_map(visitor)
    }

    /// Words of an enum in any case (contract X-11).
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        let (Node::Text(text) | Node::Loose(text)) = self else {
            return Err(FieldError::unknown_variant("", variants));
        };
        let known = variants.iter().find(|word| word.eq_ignore_ascii_case(text.trim()));
        visitor.visit_enum(Word(known.map_or(text, |word| (*word).to_owned())))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_unit()
    }
}

impl IntoDeserializer<'_, FieldError> for Node {
    type Deserializer = Node;
    fn into_deserializer(self) -> Node {
        self
    }
}

/// A variant without content; richer enums are not part of any request.
struct Word(String);

impl<'de> EnumAccess<'de> for Word {
    type Error = FieldError;
    type Variant = Word;
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Word), FieldError> {
        let value = seed.deserialize(IntoDeserializer::<FieldError>::into_deserializer(self.0.as_str()))?;
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for Word {
    type Error = FieldError;
    fn unit_variant(self) -> Result<(), FieldError> {
        Ok(())
    }
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, FieldError> {
        Err(FieldError::new("must be a plain word"))
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, FieldError> {
        Err(FieldError::new("must be a plain word"))
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, FieldError> {
        Err(FieldError::new("must be a plain word"))
    }
}

struct Elements {
    index: usize,
    items: std::vec::IntoIter<Node>,
}

impl<'de> SeqAccess<'de> for Elements {
    type Error = FieldError;
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, FieldError> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index += 1;
        seed.deserialize(item).map(Some).map_err(|error| error.under(&index.to_string()))
    }
}

struct Members {
    members: std::collections::btree_map::IntoIter<String, Node>,
    next: Option<(String, Node)>,
}

impl<'de> MapAccess<'de> for Members {
    type Error = FieldError;
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, FieldError> {
        self.next = self.members.next();
        let Some((name, _)) = &self.next else {
            return Ok(None);
        };
        seed.deserialize(IntoDeserializer::<FieldError>::into_deserializer(name.as_str())).map(Some)
    }
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, FieldError> {
        let (name, node) = self.next.take().expect("a value follows its key");
        seed.deserialize(node).map_err(|error| error.under(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Role {
        Student,
        Teacher,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Card {
        cvc: String,
        exp_month: u8,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Request {
        id: i64,
        #[serde(default)]
        save: bool,
        role: Role,
        note: Option<String>,
        #[serde(default)]
        ids: Vec<i64>,
        card: Option<Card>,
    }

    fn json(text: &str) -> Result<Request, FieldError> {
        Node::from_json(text.as_bytes()).expect("valid JSON").read()
    }

    #[test]
    fn json_and_form_give_the_same_request() {
        let from_json = json(
            r#"{"id":"7","save":true,"role":"TEACHER","ids":[1,2],"card":{"cvc":123,"exp_month":12},
               "payment_status":"PAID"}"#,
        );
        let from_form: Result<Request, FieldError> =
            Node::from_form("id=7&save=on&role=teacher&note=&ids=1&ids=2&card[cvc]=123&card[exp_month]=12.0")
                .expect("valid form")
                .read();
        assert_eq!(from_json, from_form);
        assert_eq!(from_json.expect("valid").card.expect("given").cvc, "123");
    }

    #[test]
    fn errors_name_the_field_and_not_the_value() {
        let cases = [
            (r#"{"role":"student"}"#, "id: is required"),
            (r#"{"id":"4242424242424242x","role":"student"}"#, "id: must be a whole number"),
            (r#"{"id":1.5,"role":"student"}"#, "id: must be a whole number"),
            (r#"{"id":1e3,"role":"student"}"#, "id: must be a whole number"),
            (r#"{"id":1,"role":"ADMIN"}"#, "role: must be one of: student, teacher"),
            (r#"{"id":1,"role":"student","save":"maybe"}"#, "save: must be true or false"),
            (r#"{"id":1,"role":"student","ids":[1,{}]}"#, "ids.1: must be a whole number"),
            (r#"{"id":1,"role":"student","ids":"1"}"#, "ids: must be a list"),
            (r#"{"id":1,"role":"student","card":{"cvc":"1"}}"#, "card.exp_month: is required"),
            (
                r#"{"id":1,"role":"student","card":{"cvc":"1","exp_month":4242}}"#,
                "card.exp_month: is out of range; must be u8",
            ),
            ("[1]", "must be an object"),
        ];
        for (text, message) in cases {
            let error = json(text).expect_err(text).to_string();
            assert_eq!(error, message, "{text}");
        }
    }
}
