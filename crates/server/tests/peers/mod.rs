//! Our API judged by somebody else's reading of our own document: schemathesis against a server that
//! really listens, as everybody who can call it. It finds server errors, undocumented statuses and
//! media types, answers that are not of their schema, methods and authentication that do not hold.

use std::process::Command;

use gateways::testing::peers;
use store::testing::TestDb;

use crate::mainjob::house::{House, Login, run};

/// Checks that are not made, and why.
const LEFT_OUT: [&str; 2] = [
    // What a rule refuses is a 400 (contract X-3), and no schema can say that a time needs an offset,
    // that a gig must exist or that a whole number ends at 2^53 - 1.
    "positive_data_acceptance",
    // Forms know only text, so numbers and words are read from each other, and a body that
    // is missing has no members.
    "negative_data_rejection",
];
/// 501 is what the contract wants where Google is not configured; to schemathesis it is a fault.
const NOT_CONFIGURED: &str = "^/api/auth/google/";
const SEED: &str = "20260";
const EXAMPLES_MAX: &str = "10";
/// Seconds. A busy machine tries fewer cases of the same sequence.
const TIME_MAX: &str = "40";

enum Who {
    Anonymous,
    Student,
    Teacher,
    Admin,
}

async fn login(house: &House, who: Who) -> Option<Login> {
    match who {
        Who::Anonymous => None,
        Who::Student => Some(house.register("sam", "STUDENT").await),
        Who::Teacher => Some(house.register("tina", "TEACHER").await),
        Who::Admin => Some(house.admin().await),
    }
}

fn judge(who: Who) {
    run(&TestDb::sqlite(), &[], async |house| {
        let mut command = Command::new(peers().join("venv/bin/schemathesis"));
        command
            .current_dir(house.folder())
            .args(["run", &format!("{}/openapi.json", house.base), "--no-color", "--warnings", "off"])
            .args(["--checks", "all", "--exclude-checks", &LEFT_OUT.join(",")])
            .args(["--exclude-path-regex", NOT_CONFIGURED])
            .args(["--seed", SEED, "--max-examples", EXAMPLES_MAX, "--no-shrink"])
            .args([
                "--max-time",
                TIME_MAX,
                "--generation-database",
                "none",
                "--phases",
                "examples,coverage,fuzzing",
            ]);
        if let Some(login) = login(house, who).await {
            command.args(["--header", &format!("Authorization: Bearer {}", login.token)]);
        }
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        let output = output.expect("no panic").expect("the peers were installed by e2e/peers/install");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
    });
}

#[test]
fn our_document_holds_for_anonymous_callers() {
    judge(Who::Anonymous);
}

#[test]
fn our_document_holds_for_students() {
    judge(Who::Student);
}

#[test]
fn our_document_holds_for_teachers() {
    judge(Who::Teacher);
}

#[test]
fn our_document_holds_for_administrators() {
    judge(Who::Admin);
}
