//! Steps of the walk: a request of the document, and a script that checks its answer against the
//! document's schema and against what the step says besides.

use serde_json::{Value, json};

use super::body::{kind, resolved};
use super::{Operation, bearer, operations, raw};

/// A step of `walk.json` as an item. Its members: `name`, `operation` (an operation id), `as` (whose
/// token), `body`, `path` (parameters), `before` (a script), `status`, `expects` (members and their
/// values) and `keeps` (variables and the members they are of).
pub(super) fn item(document: &Value, step: &Value) -> Value {
    let name = step["operation"].as_str().unwrap_or_default();
    let all = operations(document);
    let found = all.iter().find(|operation| operation.told["operationId"] == name);
    let operation = found.unwrap_or_else(|| panic!("the document has no operation {name}"));
    let mut request = json!({ "method": operation.method, "header": [], "url": url(operation, step) });
    if let Some(who) = step["as"].as_str() {
        request["auth"] = bearer(&format!("{who}_token"));
    }
    if !step["body"].is_null() {
        request["body"] = raw(&step["body"]);
    }
    let before = step["before"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let before: Vec<String> = before.map(str::to_owned).collect();
    let after = checks(document, operation, step);
    json!({
        "name": step["name"],
        "event": [script("prerequest", &before), script("test", &after)],
        "request": request,
    })
}

fn script(when: &str, lines: &[String]) -> Value {
    json!({ "listen": when, "script": { "type": "text/javascript", "exec": lines } })
}

fn url(operation: &Operation<'_>, step: &Value) -> Value {
    let filled = |part: &str| match super::parameter(part) {
        Some(name) => step["path"][name].as_str().unwrap_or_default().to_owned(),
        None => part.to_owned(),
    };
    let parts: Vec<String> = operation.path.split('/').skip(1).map(filled).collect();
    json!({ "raw": format!("{{{{base_url}}}}/{}", parts.join("/")), "host": ["{{base_url}}"], "path": parts })
}

/// The lines of the test script.
fn checks(document: &Value, operation: &Operation<'_>, step: &Value) -> Vec<String> {
    let status = &step["status"];
    let mut lines = vec![
        format!("pm.test('answers {status}', () => pm.response.to.have.status({status}));"),
        "const body = pm.response.text() ? pm.response.json() : {};".to_owned(),
    ];
    let schema = resolved(document, answer(operation, status));
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        lines.extend(typed(document, &schema["properties"][name], name));
    }
    for (member, wanted) in step["expects"].as_object().into_iter().flatten() {
        let wanted = wanted.to_string();
        lines.push(format!(
            "pm.test({}, () => pm.expect({}).to.eql({wanted}));",
            quoted(&format!("{member} is {wanted}")),
            read(member),
        ));
    }
    for (variable, member) in step["keeps"].as_object().into_iter().flatten() {
        let member = read(member.as_str().unwrap_or_default());
        lines.push(format!("pm.collectionVariables.set('{variable}', {member});"));
    }
    lines
}

/// The schema of the answer with this status; ranges such as 4XX stand for what has none of its own.
fn answer<'a>(operation: &'a Operation<'_>, status: &Value) -> &'a Value {
    let responses = &operation.told["responses"];
    let exact = status.to_string();
    let range = format!("{}XX", exact.get(..1).unwrap_or_default());
    let found = responses.get(&exact).or_else(|| responses.get(&range)).unwrap_or(&Value::Null);
    found["content"]
        .as_object()
        .and_then(|content| content.values().next())
        .map_or(&Value::Null, |c| &c["schema"])
}

/// A check that a member is there and of its type.
fn typed(document: &Value, schema: &Value, name: &str) -> Option<String> {
    let kind = match kind(resolved(document, schema)) {
        "integer" | "number" => "number",
        kind @ ("string" | "boolean" | "array" | "object") => kind,
        _ => return None,
    };
    let title = quoted(&format!("{name}: {kind}"));
    Some(format!("pm.test({title}, () => pm.expect({}).to.be.a('{kind}'));", read(name)))
}

/// `body['a']['b']` for `a.b`.
fn read(member: &str) -> String {
    let parts = member.split('.').map(|part| format!("[{}]", quoted(part)));
    format!("body{}", parts.collect::<String>())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
