//! Our API judged by somebody else's reading of our own document: schemathesis against a server that
//! really listens, as everybody who can call it. It finds server errors, undocumented statuses and
//! media types, answers that are not of their schema, methods and authentication that do not hold.

use std::process::Command;

use gateways::testing::{peer_script, peers};
use serde_json::json;
use store::testing::TestDb;

use crate::mainjob::house::{House, Login, run};

const SEED: &str = "20260";
const EXAMPLES_MAX: &str = "30";
/// For callers who are refused whatever they say; what is open to them has its own number in the settings.
const REFUSED_EXAMPLES_MAX: &str = "5";

enum Who {
    Anonymous,
    Student,
    Teacher,
    Admin,
}

/// A marketplace in which something has happened, so that there is something to ask about, to change and
/// to forget; and the caller's login.
async fn furnish(house: &House, who: Who) -> Option<Login> {
    let cast = house.cast("75.00").await;
    let booking = house.booking(&cast, 0, 60).await;
    house.pay(&cast, booking, "pm_card_visa").await.expect(200);
    house.booking(&cast, 120, 60).await;
    let card = json!({ "payment_method_id": "pm_card_visa" });
    house.post(Some(&cast.student), "/api/payments/payment-methods/save/", card).await.expect(201);
    house.rest().await;
    match who {
        Who::Anonymous => None,
        Who::Student => Some(cast.student),
        Who::Teacher => Some(cast.teacher),
        Who::Admin => Some(house.admin().await),
    }
}

fn judge(who: Who) {
    run(&TestDb::sqlite(), &[], async |house| {
        let mut command = Command::new(peers().join("venv/bin/schemathesis"));
        command
            .current_dir(house.folder())
            .arg("--config-file")
            .arg(peer_script("schemathesis.toml"))
            .args(["run", &format!("{}/openapi.json", house.base), "--no-color", "--warnings", "off"])
            .args(["--phases", "examples,coverage,fuzzing,stateful"])
            .args(["--seed", SEED, "--no-shrink", "--generation-database", "none"]);
        if let Some(login) = furnish(house, who).await {
            command.args(["--header", &format!("Authorization: Bearer {}", login.token)]);
            command.args(["--max-examples", EXAMPLES_MAX]);
        } else {
            command.args(["--max-examples", REFUSED_EXAMPLES_MAX]);
        }
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        let output = output.expect("no panic").expect("the peers were installed by e2e/peers/install");
        let said = String::from_utf8_lossy(&output.stdout);
        println!("{said}");
        assert!(output.status.success(), "see what was printed");
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
