//! Stripe's own SDK and we believe and refuse the same signatures.

use std::io::Write;
use std::process::{Command, Stdio};

use domain::time::{Span, Timestamp};
use gateways::signature;
use gateways::testing::{peer_python, peer_script};
use serde_json::{Value, json};

const SECRET: &str = "whsec_shared";
const BODY: &str = "{\"id\":\"evt_1\",\"text\":\"grüße\"}";

/// Asks the SDK; one answer a question.
fn ask(questions: &Value) -> Vec<Value> {
    let mut child = Command::new(peer_python())
        .arg(peer_script("stripe_signatures.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(questions.to_string().as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn ours(header: &str, body: &str, now: Timestamp) -> bool {
    let secrets = [SECRET.to_owned()];
    signature::verify(header, body.as_bytes(), &secrets, now, signature::TOLERANCE).is_ok()
}

#[test]
fn the_sdk_and_we_agree() {
    let answers = ask(&json!([{ "sign": BODY, "secret": SECRET }]));
    let now = Timestamp::from_seconds(answers[0]["now"].as_i64().unwrap());
    let theirs = answers[0]["header"].as_str().unwrap();
    assert!(ours(theirs, BODY, now), "what they sign we accept");

    let good = signature::sign(SECRET, now, BODY.as_bytes());
    assert_eq!(good, theirs);
    let hour_old = signature::sign(SECRET, now - Span::HOUR, BODY.as_bytes());
    let other_secret = signature::sign("whsec_other", now, BODY.as_bytes());
    let other_body = signature::sign(SECRET, now, b"{}");
    let (stamp, digest) = good.split_once(',').unwrap();
    let cases = [
        (good.clone(), true),
        (format!("{stamp},v1={},{digest}", "0".repeat(64)), true),
        (format!("{good},v0=anything"), true),
        (hour_old, false),
        (other_secret, false),
        (other_body, false),
        (good.replace("v1=", "v0="), false),
        (digest.to_owned(), false),
        (stamp.to_owned(), false),
        (format!("t=soon,{digest}"), false),
        (format!("t={},{digest}", now.seconds() - 1), false),
        (String::new(), false),
        ("v1=".to_owned(), false),
        (good[..good.len() - 2].to_owned(), false),
    ];
    let questions: Vec<Value> = cases
        .iter()
        .map(|(header, _)| json!({ "verify": BODY, "header": header, "secret": SECRET }))
        .collect();
    let answers = ask(&Value::Array(questions));
    for ((header, accepted), answer) in cases.iter().zip(answers) {
        assert_eq!(answer["accepted"], *accepted, "the SDK on {header:?}");
        assert_eq!(ours(header, BODY, now), *accepted, "we on {header:?}");
    }
}
