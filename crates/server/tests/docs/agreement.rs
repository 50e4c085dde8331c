use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::Value;
use store::testing::TestDb;

use crate::mainjob::house::{House, run};

/// Other mounts of documented operations: the alias and the documented path.
const ALIASES: [(&str, &str); 9] = [
    ("/accounts/login", "/api/login"),
    ("/api/auth/login", "/api/login"),
    ("/api/accounts/token", "/api/login"),
    ("/api/accounts/register", "/api/register"),
    ("/api/accounts/token/refresh", "/api/token/refresh"),
    ("/healthz", "/api/health"),
    ("/readyz", "/api/ready"),
    ("/api/payments/webhooks/sandbox", "/api/payments/webhooks/{gateway}"),
    ("/api/payments/webhooks/stripe", "/api/payments/webhooks/{gateway}"),
];
/// The document itself and its viewer.
const NOT_THE_API: [&str; 5] =
    ["/openapi.json", "/api/openapi.json", "/api/postman.json", "/docs", "/docs/viewer-9.3.8.js"];
const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

fn documented() -> BTreeSet<String> {
    let document = serde_json::to_value(server::api::document()).expect("plain JSON");
    let paths = document["paths"].as_object().expect("paths");
    let operations = |(path, item): (&String, &Value)| {
        let path = path.trim_end_matches('/').to_owned();
        let methods: Vec<String> = item.as_object().expect("an item").keys().cloned().collect();
        methods.into_iter().map(move |method| format!("{} {path}", method.to_uppercase()))
    };
    paths.iter().flat_map(operations).collect()
}

/// The paths a router was built with, which it tells only in its debug form.
fn registered_paths(house: &House) -> BTreeSet<String> {
    let shown = format!("{:?}", server::api::routes(house.app.clone()));
    let paths = shown.split("RouteId(").filter_map(|part| part.split_once("): \"/"));
    let paths = paths.filter_map(|(_, rest)| rest.split('"').next()).map(|path| format!("/{path}"));
    // The fallback is a route of its own at the root.
    paths.filter(|path| path != "/" && !path.contains("__private")).collect()
}

fn canonical(path: &str) -> String {
    let path = path.replacen("/stripe-payments/", "/api/payments/", 1);
    let alias = ALIASES.iter().find(|(alias, _)| *alias == path);
    alias.map_or(path, |(_, documented)| (*documented).to_owned())
}

/// Every method that a path answers with something else than 405.
async fn registered(house: &House) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in registered_paths(house) {
        if NOT_THE_API.contains(&path.as_str()) {
            continue;
        }
        let concrete: Vec<&str> =
            path.split('/').map(|step| if step.starts_with('{') { "1" } else { step }).collect();
        for method in METHODS {
            let reply = house.send(method.clone(), None, &concrete.join("/"), &[], None).await;
            if reply.status != 405 {
                found.insert(format!("{method} {}", canonical(&path)));
            }
        }
    }
    found
}

#[test]
fn router_and_document_agree() {
    let settings = [("BURSAR_GATEWAYS__STRIPE__SECRET_KEY", "sk_test_0123456789")];
    run(&TestDb::sqlite(), &settings, async |house| {
        let (registered, documented) = (registered(house).await, documented());
        assert!(registered.len() > 50, "the router tells its paths: {registered:?}");
        let unwritten: Vec<_> = registered.difference(&documented).collect();
        assert!(unwritten.is_empty(), "not documented: {unwritten:#?}");
        let invented: Vec<_> = documented.difference(&registered).collect();
        assert!(invented.is_empty(), "documented and not there: {invented:#?}");
    });
}

#[test]
fn every_documented_operation_has_a_name_of_its_own() {
    let document = serde_json::to_value(server::api::document()).expect("plain JSON");
    let mut names = BTreeSet::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("an item").values() {
            let name = operation["operationId"].as_str().expect("a name").to_owned();
            assert!(operation["summary"].is_string(), "{name} says nothing");
            assert!(names.insert(name.clone()), "{name} twice");
        }
    }
}

#[test]
fn the_document_in_the_tree_is_fresh() {
    let text = server::api::document().to_pretty_json().expect("plain JSON");
    super::is_fresh("openapi.json", &format!("{text}\n"));
}

#[test]
fn the_collection_in_the_tree_is_fresh() {
    let document = serde_json::to_value(server::api::document()).expect("plain JSON");
    let collection = server::http::postman::collection(&document);
    let text = serde_json::to_string_pretty(&collection).expect("plain JSON");
    super::is_fresh("postman.json", &format!("{text}\n"));
}

/// A filter that stands in no path would be documented as a required part of it.
#[test]
fn the_parameters_of_a_path_are_those_that_stand_in_it() {
    let document = serde_json::to_value(server::api::document()).expect("plain JSON");
    for (path, item) in document["paths"].as_object().expect("paths") {
        let standing: BTreeSet<&str> =
            path.split('/').filter_map(|step| step.strip_prefix('{')?.strip_suffix('}')).collect();
        for (method, operation) in item.as_object().expect("an item") {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let of_path = parameters.filter(|parameter| parameter["in"] == "path");
            let named: BTreeSet<&str> = of_path.filter_map(|parameter| parameter["name"].as_str()).collect();
            assert_eq!(named, standing, "{method} {path}");
        }
    }
}
