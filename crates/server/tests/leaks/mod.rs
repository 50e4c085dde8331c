//! The leak canary: the shipped binary goes through everything a card number, a password, a token and a
//! secret can be sent to. Afterwards its logs, its error bodies and what it has stored are searched.

mod erasure;
mod finder;
mod node;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use store::engine::Access;

use finder::Finder;
use node::{ADMIN_PASSWORD, Node, SECRETS};

const NUMBER: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";
/// Passes the check and is nobody's test card.
const UNKNOWN: &str = "4539578763621486";
const CVC: &str = "8391";
const PASSWORDS: [&str; 4] =
    ["zebra-crossing-one", "zebra-crossing-two", "zebra-crossing-wrong", "zebra-crossing-new"];

fn finder(node: &Node<'_>, heard: &BTreeSet<String>) -> Finder {
    let mut finder = Finder::default();
    for number in [NUMBER, DECLINED, UNKNOWN] {
        finder.card(number);
    }
    finder.code(CVC);
    let words = PASSWORDS.into_iter().chain([ADMIN_PASSWORD]).map(|word| ("password", word));
    let tokens = heard.iter().map(|token| ("token", token.as_str()));
    for (name, secret) in words.chain(SECRETS).chain(tokens) {
        finder.exact(name, secret);
    }
    for token in node.mailed_tokens() {
        finder.exact("mailed token", &token);
    }
    finder
}

async fn person(node: &Node<'_>, name: &str, role: &str, password: &str) -> Value {
    let email = format!("{name}@example.org");
    let new = json!({
        "email": email, "password": password, "full_name": name, "role": role, "bio": typed(UNKNOWN),
    });
    node.post(None, "/api/register/", &new).await.expect_success();
    let wrong = json!({ "email": email, "password": PASSWORDS[2] });
    assert_eq!(node.post(None, "/api/login/", &wrong).await.status, 401);
    let login = json!({ "email": email, "password": password });
    node.post(None, "/api/login/", &login).await.expect_success()
}

/// As people type numbers.
fn typed(number: &str) -> String {
    format!("my card is {} {}-{} {}.", &number[..4], &number[4..8], &number[8..12], &number[12..])
}

fn card(number: &str) -> Value {
    json!({ "card_number": number, "exp_month": 12, "exp_year": 2031, "cvc": CVC, "cardholder_name": "S" })
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().expect("text").to_owned()
}

/// Registering, booking, paying, refunding: with cards, passwords and tokens at every step.
async fn flow(node: &Node<'_>, heard: &mut BTreeSet<String>) {
    let student = person(node, "sam", "STUDENT", PASSWORDS[0]).await;
    let teacher = person(node, "tina", "TEACHER", PASSWORDS[1]).await;
    for login in [&student, &teacher] {
        heard.extend([text(login, "access_token"), text(login, "refresh_token")]);
    }
    let (sam, tina) = (text(&student, "access_token"), text(&teacher, "access_token"));
    let gig = json!({
        "category": "language", "service_type": "Conversation", "service_title": "Spanish",
        "short_description": "Talk", "full_description": typed(UNKNOWN), "price_per_session": "75.00",
        "session_duration": 60, "tags": [], "what_you_provide_in_session": "Texts", "status": "active",
    });
    let gig = node.post(Some(&tina), "/api/accounts/gigs/", &gig).await.expect_success();
    let mut bookings = Vec::new();
    for hour in 10..12 {
        let booking = json!({
            "teacher": teacher["user"]["id"], "gig": gig["id"], "notes": typed(NUMBER),
            "start_time": format!("2030-01-01T{hour}:00:00Z"), "end_time": format!("2030-01-01T{hour}:30:00Z"),
        });
        let made = node.post(Some(&sam), "/api/bookings/bookings/", &booking).await.expect_success();
        let path = format!("/api/bookings/bookings/{}/confirm/", made["id"]);
        node.post(Some(&tina), &path, &json!({})).await.expect_success();
        bookings.push(made["id"].as_i64().expect("an id"));
    }
    pay(node, &sam, bookings[0]).await;
    let open = json!({ "session_booking_id": bookings[1] });
    let intent = node.post(Some(&sam), "/api/payments/create-payment-intent/", &open).await.expect_success();
    heard.insert(text(&intent, "client_secret"));
    let path = format!("/api/bookings/bookings/{}/cancel/", bookings[0]);
    node.post(Some(&sam), &path, &json!({ "reason": typed(NUMBER) })).await.expect_success();
    let changed = json!({ "current_password": PASSWORDS[0], "new_password": PASSWORDS[3] });
    node.post(Some(&sam), "/api/change-password/", &changed).await.expect_success();
    let refresh = json!({ "refresh_token": teacher["refresh_token"] });
    let refreshed = node.post(None, "/api/token/refresh/", &refresh).await.expect_success();
    heard.extend([text(&refreshed, "access_token"), text(&refreshed, "refresh_token")]);
    node.post(None, "/api/password-reset/", &json!({ "email": "sam@example.org" })).await.expect_success();
}

/// Raw cards where they belong, and everywhere else.
async fn pay(node: &Node<'_>, token: &str, booking: i64) {
    const PAY: &str = "/api/payments/process-booking-payment/";
    const ADD: &str = "/api/payments/add-payment-method/";
    let with = |number: &str| json!({ "booking_id": booking, "card_details": card(number) });
    for number in [DECLINED, UNKNOWN] {
        assert_eq!(node.post(Some(token), PAY, &with(number)).await.status, 400);
    }
    let mut misplaced = vec![
        json!({ "booking_id": booking, "payment_method_id": NUMBER }),
        json!({ "booking_id": booking, "saved_payment_method_id": NUMBER }),
        json!({ "booking_id": NUMBER, "card_details": card(NUMBER) }),
        json!({ "booking_id": booking, "card_details": NUMBER }),
        json!({ "booking_id": booking, "card_details": { "card_number": [NUMBER], "cvc": [CVC] } }),
    ];
    for member in ["exp_month", "exp_year", "cvc", "cardholder_name", "card_number"] {
        let mut card = card(NUMBER);
        card[member] = json!({ NUMBER: CVC });
        misplaced.push(json!({ "booking_id": booking, "card_details": card }));
    }
    for body in &misplaced {
        let status = node.post(Some(token), PAY, body).await.status;
        assert!((400..500).contains(&status), "{status}");
    }
    let broken = with(NUMBER).to_string();
    let (half, _) = broken.split_at(broken.len() - 9);
    let form = format!("card_number={NUMBER}&cvc={CVC}&exp_month=%");
    for (kind, body) in [
        ("application/json", half),
        ("text/plain", &broken),
        ("application/x-www-form-urlencoded", &form),
        ("multipart/form-data; boundary=x", &broken),
    ] {
        let status = node.send(Some(token), ADD, kind, body.to_owned()).await.status;
        assert!((400..500).contains(&status), "{kind}: {status}");
    }
    for path in [format!("/api/payments/{NUMBER}/"), format!("{ADD}?card_number={NUMBER}&cvc={CVC}")] {
        let status = node.post(Some(token), &path, &json!({})).await.status;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    node.post(Some(token), ADD, &card(NUMBER)).await.expect_success();
    node.post(Some(token), PAY, &with(NUMBER)).await.expect_success();
}

store::both! {
    fn nothing_secret_is_logged_answered_or_stored(db) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut heard = BTreeSet::new();
        let node = Node::start(db);
        runtime.block_on(async {
            flow(&node, &mut heard).await;
            // Two to confirm an address, one to reset a password.
            node.links(3).await;
        });
        let finder = finder(&node, &heard);
        let (logs, errors) = (node.logs(), node.errors());
        assert!(logs.lines().count() > 20, "there is something to search in: {logs}");
        for line in logs.lines() {
            serde_json::from_str::<Value>(line).expect("every line of the log is JSON");
        }
        assert!(errors.len() > 15, "{}", errors.len());
        let stored = node.stop();
        assert!(Finder::contains(&stored, "sam@example.org"), "what is stored can be read");
        for (place, bytes) in [
            ("logs", logs.as_bytes()), ("errors", errors.join("\n").as_bytes()), ("database", &stored),
        ] {
            assert_eq!(finder.find(bytes), [] as [String; 0], "in the {place}");
        }
        // A search that never found anything is not known to work.
        let planted = [typed(NUMBER), PASSWORDS[1].to_owned(), SECRETS[0].1.to_owned()];
        let found = finder.find(format!("{logs}{}\"cvc\":\"{CVC}\"", planted.join("\n")).as_bytes());
        assert_eq!(found.len(), 4, "{found:?}");
        let mut connection = db.open(Access::Write);
        let insert = "INSERT INTO setting (name, value) VALUES ('planted', $1)";
        let value = format!("{NUMBER} {}", heard.first().expect("a token"));
        connection.execute(insert, &[value.as_str().into()]).expect("a table");
        drop(connection);
        let found = finder.find(&node::stored(db));
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
