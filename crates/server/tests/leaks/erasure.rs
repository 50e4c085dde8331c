//! The canaries of erasure: two people who have told something of themselves in every field there is. Once
//! they are forgotten nothing of it is in the database's files, whatever is in its log, nor in ours.

use serde_json::{Value, json};
use store::both;
use store::engine::Options;
use store::testing::TestDb;
use store::verify::verify_database;

use super::finder::Finder;
use super::node::{self, Node};

/// In everything that the two say or are called.
const CANARY: &str = "zebrafinch";
const PASSWORD: &str = "a long enough password";
const BOOKINGS: &str = "/api/bookings/bookings/";

/// A word of its own for each field.
fn of(field: &str) -> String {
    format!("{CANARY}-{field}")
}

struct Subject {
    id: Value,
    token: String,
}

async fn subject(node: &Node<'_>, role: &str) -> Subject {
    let email = format!("{}@example.org", of(&role.to_lowercase()));
    let new = json!({ "email": email, "password": PASSWORD, "full_name": of("name"), "role": role });
    node.post(None, "/api/register/", &new).await.expect_success();
    let login = json!({ "email": email, "password": PASSWORD });
    let login = node.post(None, "/api/login/", &login).await.expect_success();
    let token = login["access_token"].as_str().expect("a token").to_owned();
    let profile = json!({
        "bio": of("bio"), "city": of("city"), "country": of("country"), "postal_code": of("code"),
        "native_language": of("native"), "learning_language": of("learning"), "about": of("about"),
        "qualification": of("qualification"), "teaching_languages": [of("teaching")],
        "profile_picture": format!("https://example.org/{}.png", of("picture")),
    });
    node.patch(&token, "/api/accounts/profiles/me/", &profile).await.expect_success();
    node.post(None, "/api/password-reset/", &json!({ "email": email })).await.expect_success();
    Subject { id: login["user"]["id"].clone(), token }
}

/// A lesson that is booked, moved, paid by a card that is saved, and given back.
async fn story(node: &Node<'_>, student: &Subject, teacher: &Subject) {
    let gig = json!({
        // The title stands on receipts, which stay.
        "category": "language", "service_title": "Spanish", "price_per_session": "75.00",
        "service_type": of("kind"), "short_description": of("short"), "full_description": of("full"),
        "session_duration": 60, "tags": [of("tag")], "what_you_provide_in_session": of("texts"),
        "status": "active",
    });
    let gig = node.post(Some(&teacher.token), "/api/accounts/gigs/", &gig).await.expect_success();
    let booking = json!({
        "teacher": teacher.id, "gig": gig["id"], "notes": of("notes"),
        "start_time": "2030-01-01T10:00:00Z", "end_time": "2030-01-01T11:00:00Z",
    });
    let id = node.keyed(&student.token, BOOKINGS, &booking).await.expect_success()["id"].clone();
    let at = |verb: &str| format!("{BOOKINGS}{id}/{verb}/");
    node.keyed(&teacher.token, &at("confirm"), &json!({})).await.expect_success();
    let later = json!({ "start_time": "2030-01-02T10:00:00Z", "reason": of("move") });
    node.keyed(&teacher.token, &at("reschedule"), &later).await.expect_success();
    let pay = json!({ "booking_id": id, "payment_method_id": "pm_card_visa", "save_payment_method": true });
    node.keyed(&student.token, "/api/payments/process-booking-payment/", &pay).await.expect_success();
    node.keyed(&teacher.token, &at("cancel"), &json!({ "reason": of("cancel") })).await.expect_success();
    node.rest().await;
}

async fn erase(node: &Node<'_>, subject: &Subject) {
    let body = json!({ "password": PASSWORD });
    node.post(Some(&subject.token), "/api/accounts/me/erase/", &body).await.expect_success();
    node.rest().await;
}

/// What is around every hit.
fn hits(bytes: &[u8]) -> Vec<String> {
    let found = bytes.windows(CANARY.len()).enumerate().filter(|(_, window)| *window == CANARY.as_bytes());
    let around = |(at, _): (usize, &[u8])| {
        let (from, until) = (at.saturating_sub(80), (at + 40).min(bytes.len()));
        String::from_utf8_lossy(&bytes[from..until]).into_owned()
    };
    found.map(around).collect()
}

fn verified(db: &TestDb) {
    assert_eq!(verify_database(&db.url, &Options::default()).expect("readable"), []);
}

both! {
    fn whoever_is_forgotten_is_in_no_byte_of_the_database_or_the_log(db) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let node = Node::start(db);
        let [student, teacher] = runtime.block_on(async {
            let student = subject(&node, "STUDENT").await;
            let teacher = subject(&node, "TEACHER").await;
            story(&node, &student, &teacher).await;
            [student, teacher]
        });
        let before = node::stored(db);
        for field in ["name", "bio", "city", "code", "notes", "cancel", "tag", "full", "student", "picture"] {
            assert!(Finder::contains(&before, &of(field)), "{field} is found as long as it is there");
        }
        runtime.block_on(async {
            erase(&node, &student).await;
            erase(&node, &teacher).await;
        });
        let logs = node.logs();
        assert!(logs.lines().count() > 20, "there is something to search in: {logs}");
        assert_eq!(hits(logs.as_bytes()), [""; 0], "in the log");
        // Killed, so that nothing is tidied up at the end.
        assert_eq!(hits(&node.stop()), [""; 0], "in the database");
        verified(db);
    }
}
