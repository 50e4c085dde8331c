//! Everything that is sent stands in Stripe's own `OpenAPI` document.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;

use gateways::testing::peers;
use serde_json::Value;

use super::fake::Seen;
use super::parameters::every_call;

#[tokio::test]
async fn only_documented_parameters_are_sent() {
    let file = File::open(peers().join("stripe.com.json")).unwrap();
    let document: Value = serde_json::from_reader(BufReader::new(file)).unwrap();
    let mut operations = BTreeSet::new();
    for seen in every_call().await {
        let (template, operation) = find(&document, &seen);
        let documented = documented(operation, &seen.method);
        for (name, _) in seen.form.iter().chain(&seen.query) {
            let bare = name.split('[').next().unwrap();
            assert!(documented.contains(bare), "{template}: {name} in {documented:?}");
        }
        for required in required(operation) {
            let sent = |(name, _): &(String, String)| *name == required;
            assert!(seen.form.iter().any(sent), "{template} lacks {required}");
        }
        operations.insert(format!("{} {template}", seen.method));
    }
    assert_eq!(operations.len(), 12, "{operations:?}");
}

/// The document's path that fits, with the names of its variables in braces.
fn find<'a>(document: &'a Value, seen: &Seen) -> (&'a String, &'a Value) {
    let sent: Vec<&str> = seen.path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == sent.len()
            && parts.iter().zip(&sent).all(|(part, sent)| part == sent || part.starts_with('{'))
    };
    document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(template, _)| fits(template))
        .find_map(|(template, verbs)| Some((template, verbs.get(seen.method.to_lowercase())?)))
        .unwrap_or_else(|| panic!("{} {} is not documented", seen.method, seen.path))
}

fn documented(operation: &Value, method: &str) -> BTreeSet<String> {
    if method == "GET" {
        let parameters = operation["parameters"].as_array().unwrap();
        let in_query = |parameter: &&Value| parameter["in"] == "query";
        let name = |parameter: &Value| parameter["name"].as_str().unwrap().to_owned();
        return parameters.iter().filter(in_query).map(name).collect();
    }
    let properties = form(operation)["properties"].as_object();
    properties.into_iter().flat_map(|p| p.keys().cloned()).collect()
}

fn required(operation: &Value) -> Vec<String> {
    let names = form(operation)["required"].as_array();
    let text = |name: &Value| name.as_str().unwrap().to_owned();
    names.into_iter().flatten().map(text).collect()
}

fn form(operation: &Value) -> &Value {
    &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
}
