//! A body to begin from: an operation's example, or a skeleton of its schema.

use serde_json::{Map, Value, json};

/// Schemas of ours are not deeper.
const DEPTH_MAX: usize = 8;

/// The body of an operation; `None` when it takes none.
pub(super) fn sample(document: &Value, operation: &Value) -> Option<Value> {
    let content = operation["requestBody"]["content"].as_object()?.values().next()?;
    Some(skeleton(document, &content["schema"], DEPTH_MAX))
}

/// What a reference leads to; of alternatives, the first that is not null.
pub(super) fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..DEPTH_MAX {
        if let Some(name) = schema["$ref"].as_str() {
            schema = document.pointer(name.trim_start_matches('#')).unwrap_or(&Value::Null);
        } else if let Some(first) =
            schema["oneOf"].as_array().and_then(|all| all.iter().find(|one| is_something(one)))
        {
            schema = first;
        } else {
            break;
        }
    }
    schema
}

fn is_something(schema: &Value) -> bool {
    schema["type"] != "null"
}

fn skeleton(document: &Value, schema: &Value, depth: usize) -> Value {
    let schema = resolved(document, schema);
    if !schema["example"].is_null() {
        return schema["example"].clone();
    }
    if depth == 0 {
        return Value::Null;
    }
    let words = schema["enum"].as_array();
    if let Some(word) = words.and_then(|words| words.first()) {
        return word.clone();
    }
    match kind(schema) {
        "object" => {
            let members = schema["properties"].as_object().into_iter().flatten();
            let members = members.map(|(name, member)| (name.clone(), skeleton(document, member, depth - 1)));
            Value::Object(members.collect::<Map<String, Value>>())
        }
        "array" => json!([skeleton(document, &schema["items"], depth - 1)]),
        "integer" | "number" => json!(0),
        "boolean" => json!(false),
        "string" => json!(""),
        _ => Value::Null,
    }
}

/// The type of a schema, null aside.
pub(super) fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("")
        }
        _ => "",
    }
}
