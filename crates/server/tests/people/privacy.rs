//! What is kept about somebody is handed out, and forgotten when he asks.

use axum::http::Method;
use domain::people::ERASED_NAME;
use domain::time::Span;
use serde_json::{Value, json};
use server::http::json::Instant;
use store::both;
use store::testing::TestDb;
use store::verify::verify_database;

use super::{Node, PASSWORD, START, access, on};

const EXPORT: &str = "/api/accounts/me/export/";
const ERASE: &str = "/api/accounts/me/erase/";
const BOOKINGS: &str = "/api/bookings/bookings/";
/// In everything that this person ever says or is called.
const CANARY: &str = "zebrafish";

/// A student who leaves traces everywhere, and a teacher with a gig.
struct Cast {
    student: String,
    teacher: String,
    teacher_id: String,
    gig: Value,
}

impl Cast {
    async fn of(node: &Node) -> Cast {
        let email = format!("{CANARY}@x.org");
        node.register(&email, "STUDENT").await;
        let student = access(&node.log_in(&email).await);
        let profile = json!({
            "full_name": format!("Ada {CANARY}"), "bio": CANARY, "city": CANARY, "postal_code": CANARY,
        });
        node.patch("/api/accounts/profiles/me/", &student, profile).await.told(200);
        let teacher = node.somebody("t@x.org", "TEACHER").await;
        let teacher_id = node.get("/api/accounts/me/", &teacher).await.told(200)["id"].clone();
        let gig = json!({
            "category": "language", "service_type": "Talk", "service_title": "Talk",
            "short_description": "Talk", "full_description": "Talk", "price_per_session": "50.00",
            "session_duration": 60, "status": "active",
        });
        let gig = node.post("/api/accounts/gigs/", &teacher, gig).await.told(201)["id"].clone();
        Cast { student, teacher, teacher_id: teacher_id.as_str().expect("an id").to_owned(), gig }
    }

    /// Paid by a card that is saved.
    async fn paid(&self, node: &Node) -> i64 {
        let begins = START + Span::DAY;
        let booking = json!({
            "teacher": self.teacher_id, "gig": self.gig, "notes": format!("bring a {CANARY}"),
            "start_time": Instant(begins).text(), "end_time": Instant(begins + Span::HOUR).text(),
        });
        let id = node.post(BOOKINGS, &self.student, booking).await.told(201)["id"].as_i64().expect("an id");
        node.post(&format!("{BOOKINGS}{id}/confirm/"), &self.teacher, json!({})).await.told(200);
        let pay = json!({"booking_id": id, "payment_method_id": "pm_card_visa", "save_payment_method": true});
        let keyed = [("idempotency-key", "once")];
        let path = "/api/payments/process-booking-payment/";
        node.client.send(Method::POST, Some(&self.student), path, &keyed, Some(&pay)).await.told(200);
        id
    }

    async fn cancel(&self, node: &Node, id: i64) {
        let reason = json!({ "reason": format!("the {CANARY} is ill") });
        node.post(&format!("{BOOKINGS}{id}/cancel/"), &self.student, reason).await.told(200);
    }
}

async fn erase(node: &Node, token: &str) -> crate::common::Answer {
    node.post(ERASE, token, json!({ "password": PASSWORD })).await
}

fn findings(db: &TestDb) -> usize {
    verify_database(&db.url, &store::engine::Options::default()).expect("readable").len()
}

both! {
    fn everything_that_is_kept_of_somebody_is_handed_out(db) {
        on(db, async |node| {
            let cast = Cast::of(node).await;
            let id = cast.paid(node).await;
            let answer = node.get(EXPORT, &cast.student).await.expect(200);
            assert!(answer.headers["content-disposition"].to_str().expect("text").contains("attachment"));
            let tables = &answer.body["tables"];
            assert_eq!(answer.body["complete"], true);
            assert_eq!(tables["person"][0]["email"], format!("{CANARY}@x.org"));
            assert_eq!(tables["student_profile"][0]["city"], CANARY);
            assert_eq!(tables["booking"][0]["id"], id);
            assert_eq!(tables["payment"][0]["total_minor"], 5_250);
            assert_eq!(tables["card"][0]["last_four"], "4242");
            assert!(tables["person"][0]["created_at"].as_str().expect("an instant").ends_with('Z'));
            assert!(tables["audit_origin"][0]["origin"].as_str().expect("text").starts_with("127.0.0.1 "));
            for secret in ["password", "token", "$argon2", "pm_card", "rotations"] {
                let opens = tables["person"].to_string() + &tables["session"].to_string() + &tables["card"].to_string();
                assert!(!opens.contains(secret), "{secret}: {opens}");
            }
            let csv = node.get(&format!("{EXPORT}?format=csv"), &cast.student).await.expect(200);
            assert!(csv.headers["content-type"].to_str().expect("text").starts_with("text/csv"));
            assert!(csv.text.starts_with("table,row,column,value\r\n"));
            assert!(csv.text.contains(&format!("person,1,email,\"{CANARY}@x.org\"")), "{}", csv.text);
            node.get(&format!("{EXPORT}?format=xml"), &cast.student).await.refused(400, "validation_failed");
            node.get(EXPORT, "").await.told(401);
            let other = node.get(EXPORT, &cast.teacher).await.expect(200);
            assert_eq!(other.body["tables"]["person"][0]["email"], "t@x.org");
            assert_eq!(other.body["tables"]["card"], json!([]), "nobody else's");
        });
    }

    fn somebody_erased_has_left_no_word_and_the_books_are_whole(db) {
        on(db, async |node| {
            let cast = Cast::of(node).await;
            let id = cast.paid(node).await;
            erase(node, &cast.student).await.refused(409, "money_pending");
            cast.cancel(node, id).await;
            server::jobs::run_until_idle(&node.app).await;
            node.post(ERASE, &cast.student, json!({ "password": "wrong horse" })).await.refused(400, "wrong_password");
            node.post(ERASE, &cast.student, json!({})).await.refused(400, "validation_failed");
            erase(node, &cast.student).await.told(200);
            node.get("/api/accounts/me/", &cast.student).await.told(401);
            server::jobs::run_until_idle(&node.app).await;
            let shown = node.get(&format!("{BOOKINGS}{id}/"), &cast.teacher).await.told(200);
            assert_eq!(shown["student_name"], ERASED_NAME);
            assert_eq!(shown["payment_details"]["total_amount"].to_string(), "52.5");
            let dump = std::thread::scope(|scope| scope.spawn(|| db.dump()).join().expect("readable"));
            let hits: Vec<&str> = dump.lines().filter(|line| line.to_lowercase().contains(CANARY)).collect();
            assert_eq!(hits, [""; 0]);
            let faces: Vec<&str> =
                dump.lines().filter(|line| line.starts_with("card:") && line.contains("4242")).collect();
            assert_eq!(faces, [""; 0]);
            assert!(dump.lines().any(|line| line.starts_with("audit:") && line.contains("person.erased")));
            node.post("/api/login/", "", json!({"email": format!("{CANARY}@x.org"), "password": PASSWORD}))
                .await
                .told(401);
            node.register(&format!("{CANARY}@x.org"), "STUDENT").await;
        });
        assert_eq!(findings(db), 0, "no amount has changed, and the chain holds");
    }

    fn who_is_owed_money_or_is_needed_stays(db) {
        on(db, async |node| {
            let cast = Cast::of(node).await;
            cast.paid(node).await;
            erase(node, &cast.teacher).await.refused(409, "money_pending");
            let admin = node.admin().await;
            erase(node, &admin).await.refused(400, "wrong_state");
            node.post(ERASE, "", json!({ "password": PASSWORD })).await.told(401);
        });
    }
}
