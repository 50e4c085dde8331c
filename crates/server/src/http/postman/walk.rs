//! Steps of the walk: a request of the document, and a script that checks its answer against the
//! document's schema and against what the step says besides.

use serde_json::{Value, json};

use super::body::{kind, resolved};
use super::{Operation, bearer, operations, raw};

/// How often a step is repeated that is to be waited for, or that was one too many in its minute.
const TRIES_MAX: u32 = 90;
const PAUSE_MS: u32 = 2_000;
/// How often the step was sent before, in a script.
const TRIES: &str = "Number(pm.collectionVariables.get('tries') || 0)";

/// A step of `walk.json` as an item. Its members: `name`, `operation` (an operation id), `as` (whose
/// token), `body`, `path` (parameters), `before` (a script), `status`, `expects` (members and their
/// values), `waits` (repeated until it is so), `keeps` (variables and the members they are of) and `needs`
/// (a variable without which it is left out).
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
    let before = preparation(step);
    let after = unless_waiting(step, &checks(document, operation, step));
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

/// The lines of the script before the request.
fn preparation(step: &Value) -> Vec<String> {
    let pause = format!("if ({TRIES} > 0) {{ setTimeout(() => {{}}, {PAUSE_MS}); }}");
    let needs = step["needs"].as_str();
    let needs =
        needs.map(|name| format!("if (!pm.variables.get('{name}')) {{ pm.execution.skipRequest(); }}"));
    let own = step["before"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    [pause].into_iter().chain(needs).chain(own).collect()
}

/// The checks, or the same request again.
fn unless_waiting(step: &Value, checks: &[String]) -> Vec<String> {
    let known = expected(step).map(|(member, wanted)| format!("{} === {wanted}", read(member)));
    let known: Vec<String> = known.collect();
    let waits = if step["waits"] == true { format!(" || !({})", known.join(" && ")) } else { String::new() };
    let mut lines = vec![
        "const body = pm.response.text() ? pm.response.json() : {};".to_owned(),
        format!("const tries = {TRIES} + 1;"),
        format!("if (tries < {TRIES_MAX} && (pm.response.code === 429{waits})) {{"),
        "    pm.collectionVariables.set('tries', tries);".to_owned(),
        "    pm.execution.setNextRequest(pm.info.requestId);".to_owned(),
        "} else {".to_owned(),
        "    pm.collectionVariables.set('tries', 0);".to_owned(),
    ];
    lines.extend(checks.iter().map(|line| format!("    {line}")));
    lines.push("}".to_owned());
    lines
}

/// Members of the answer and their values, as they stand in a script.
fn expected(step: &Value) -> impl Iterator<Item = (&str, String)> {
    let all = step["expects"].as_object().into_iter().flatten();
    all.map(|(member, wanted)| (member.as_str(), wanted.to_string()))
}

/// The checks of an answer.
fn checks(document: &Value, operation: &Operation<'_>, step: &Value) -> Vec<String> {
    let status = &step["status"];
    let mut lines = vec![format!("pm.test('answers {status}', () => pm.response.to.have.status({status}));")];
    let schema = resolved(document, answer(operation, status));
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        lines.extend(typed(document, &schema["properties"][name], name));
    }
    for (member, wanted) in expected(step) {
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
