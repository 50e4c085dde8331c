//! The API as a Postman collection (v2.1), made from its own document: a walk through the test cards that
//! checks itself, and every operation with a body to begin from.
//!
//! Invariants: addresses, methods and the fields a step expects are the document's, so the collection
//! cannot say anything else; what the walk does is data (`walk.json`). Deliberately not here: running it
//! (`cargo xtask postman`).

mod body;
mod walk;

use serde_json::{Value, json};

const SCHEMA: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
const WALK: &str = include_str!("walk.json");
/// The folder of the collection that is run.
pub const FOLDER: &str = "A walk through the test cards";

/// The collection of a document.
pub fn collection(document: &Value) -> Value {
    let steps: Vec<Value> = serde_json::from_str(WALK).expect("it is tested");
    let mut items = vec![json!({
        "name": FOLDER,
        "description": "Two people register, book, pay with each of the published test cards, and get their \
                        money back. Run it against a server with the sandbox: newman run postman.json \
                        --folder \"A walk through the test cards\" --env-var base_url=http://127.0.0.1:8000. \
                        It waits where banks take their time; with --env-var admin_email=... and \
                        admin_password=... an administrator moves the sandbox's clock instead.",
        "item": steps.iter().map(|step| walk::item(document, step)).collect::<Vec<Value>>(),
    })];
    items.extend(by_tag(document));
    json!({
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": SCHEMA,
        },
        "variable": [
            { "key": "base_url", "value": "http://127.0.0.1:8000" },
            { "key": "token", "value": "" },
            { "key": "password", "value": "a lantern in the harbour" },
            { "key": "admin_email", "value": "" },
            { "key": "admin_password", "value": "" },
        ],
        "item": items,
    })
}

/// One operation of the document.
struct Operation<'a> {
    method: String,
    path: &'a str,
    told: &'a Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, told) in item.as_object().into_iter().flatten() {
            all.push(Operation { method: method.to_uppercase(), path, told });
        }
    }
    all
}

/// A folder a tag, in the order of the document.
fn by_tag(document: &Value) -> Vec<Value> {
    let mut folders: Vec<(String, Vec<Value>)> = Vec::new();
    for operation in operations(document) {
        let tag = operation.told["tags"][0].as_str().unwrap_or("other").to_owned();
        let item = operation.item(document);
        match folders.iter_mut().find(|(name, _)| *name == tag) {
            Some((_, items)) => items.push(item),
            None => folders.push((tag, vec![item])),
        }
    }
    folders.into_iter().map(|(name, item)| json!({ "name": name, "item": item })).collect()
}

impl Operation<'_> {
    /// The operation as somebody calls it who has put his token into `token`.
    fn item(&self, document: &Value) -> Value {
        let mut request = json!({
            "method": self.method,
            "header": [],
            "description": self.told["summary"],
            "url": self.url(),
        });
        if self.needs_login() {
            request["auth"] = bearer("token");
        }
        if let Some(sample) = body::sample(document, self.told) {
            request["body"] = raw(&sample);
        }
        json!({ "name": self.told["operationId"], "request": request })
    }

    fn needs_login(&self) -> bool {
        self.told["security"].as_array().is_some_and(|ways| !ways.is_empty())
    }

    /// Path parameters become variables of the request.
    fn url(&self) -> Value {
        let steps: Vec<String> = self.path.split('/').skip(1).map(variable_step).collect();
        let names = self.path.split('/').filter_map(parameter);
        let variables: Vec<Value> = names.map(|name| json!({ "key": name, "value": "" })).collect();
        let raw = format!("{{{{base_url}}}}/{}", steps.join("/"));
        json!({ "raw": raw, "host": ["{{base_url}}"], "path": steps, "variable": variables })
    }
}

/// The name in `{name}`.
fn parameter(step: &str) -> Option<&str> {
    step.strip_prefix('{')?.strip_suffix('}')
}

fn variable_step(step: &str) -> String {
    parameter(step).map_or_else(|| step.to_owned(), |name| format!(":{name}"))
}

/// Logged in by the token in a variable.
fn bearer(variable: &str) -> Value {
    let token = format!("{{{{{variable}}}}}");
    json!({ "type": "bearer", "bearer": [{ "key": "token", "value": token, "type": "string" }] })
}

/// A JSON body. `"{{#name#}}"` stands for a variable without quotes: a number.
fn raw(body: &Value) -> Value {
    let text = serde_json::to_string_pretty(body).expect("plain JSON");
    let text = text.replace("\"{{#", "{{").replace("#}}\"", "}}");
    json!({ "mode": "raw", "raw": text, "options": { "raw": { "language": "json" } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        serde_json::to_value(crate::api::document()).expect("plain JSON")
    }

    #[test]
    fn every_operation_is_in_the_collection_under_its_name() {
        let (document, collection) = (document(), collection(&document()));
        let folders = collection["item"].as_array().unwrap();
        let items = folders.iter().skip(1).flat_map(|folder| folder["item"].as_array().unwrap());
        let names: Vec<&str> = items.map(|item| item["name"].as_str().unwrap()).collect();
        assert_eq!(names.len(), operations(&document).len());
        for operation in operations(&document) {
            assert!(names.contains(&operation.told["operationId"].as_str().unwrap()));
        }
    }

    #[test]
    fn the_walk_calls_operations_of_the_document_and_checks_what_it_is_told() {
        let collection = collection(&document());
        let steps = collection["item"][0]["item"].as_array().unwrap();
        assert!(steps.len() > 30, "{} steps", steps.len());
        for step in steps {
            let url = step["request"]["url"]["raw"].as_str().unwrap();
            assert!(url.starts_with("{{base_url}}/api/") && !url.contains(":{"), "{url}");
            let script = step["event"][1]["script"]["exec"].as_array().unwrap();
            let checks = script.iter().filter(|line| line.as_str().unwrap().contains("pm.test("));
            assert!(checks.count() > 0, "{step} checks nothing");
        }
    }

    #[test]
    fn the_walk_pays_with_every_card_that_is_published() {
        for number in gateways::sandbox::published_numbers() {
            assert!(WALK.contains(&format!("\"{number}\"")), "{number}");
        }
    }

    #[test]
    fn numbers_are_sent_as_numbers() {
        let body = raw(&json!({ "booking_id": "{{#booking#}}", "text": "{{word}}" }));
        let text = body["raw"].as_str().unwrap();
        assert!(text.contains("\"booking_id\": {{booking}}") && text.contains("\"{{word}}\""), "{text}");
    }
}
