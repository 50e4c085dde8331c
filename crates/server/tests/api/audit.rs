//! The audit through the router: who did what, from where, and who may read it.

use axum::http::Method;
use serde_json::{Value, json};

use super::market::{Login, Market, run};

const AUDIT: &str = "/api/payments/admin/audit/";
const BOOKINGS: &str = "/api/bookings/bookings/";

async fn audit(market: &Market, admin: &Login, query: &str) -> Vec<Value> {
    let answer = market.get(admin, &format!("{AUDIT}{query}")).await.expect(200);
    answer.body["results"].as_array().expect("a list").clone()
}

fn actions(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["action"].as_str().expect("a word")).collect()
}

/// A session that is requested, confirmed and cancelled; its id.
async fn cancelled(market: &Market, student: &Login, teacher: &Login) -> i64 {
    let gig = market.gig(teacher.person.id).await;
    let request = json!({
        "teacher": teacher.person.uuid, "gig": gig.0, "notes": "my secret wishes",
        "start_time": Market::at(600), "end_time": Market::at(660),
    });
    let made = market.post(student, BOOKINGS, request).await.expect(201);
    let id = made.body["id"].as_i64().expect("an id");
    market.post(teacher, &format!("{BOOKINGS}{id}/confirm/"), json!({})).await.expect(200);
    let headers = [("x-request-id", "the-request-17")];
    let path = format!("{BOOKINGS}{id}/cancel/");
    let body = json!({"reason": "my secret illness"});
    market.send(Method::POST, Some(student), &path, &headers, Some(body)).await.expect(200);
    id
}

store::both! {
    fn it_tells_who_did_what_to_which_object_from_where(db) {
        run(db, &[], async |market| {
            let (sam, tina) = (market.student("sam").await, market.teacher("tina").await);
            let admin = market.admin().await;
            let id = cancelled(&market, &sam, &tina).await;
            let rows = audit(&market, &admin, &format!("?object=booking:{id}")).await;
            assert_eq!(actions(&rows), ["booking.cancelled", "booking.confirmed", "booking.requested"]);
            let expected = json!({
                "id": rows[0]["id"], "actor": sam.person.uuid, "actor_email": "sam@example.org",
                "action": "booking.cancelled", "object": "booking", "object_id": id.to_string(),
                "change": {"before": "confirmed", "after": "cancelled", "cause": "cancelled"},
                "ip_address": "127.0.0.1", "request_id": "the-request-17",
                "created_at": Market::at(0), "updated_at": Market::at(0),
            });
            assert_eq!(rows[0], expected);
            assert_eq!(rows[1]["actor"], tina.person.uuid.as_str());
            let all = audit(&market, &admin, "").await;
            let text = Value::from(all).to_string();
            assert!(!text.contains("secret"), "what people wrote is not in it: {text}");
        });
    }

    fn it_is_filtered_and_paged(db) {
        run(db, &[], async |market| {
            let (sam, tina) = (market.student("sam").await, market.teacher("tina").await);
            let admin = market.admin().await;
            cancelled(&market, &sam, &tina).await;
            let by_tina = audit(&market, &admin, &format!("?actor={}&object=booking", tina.person.uuid)).await;
            assert_eq!(actions(&by_tina), ["booking.confirmed"]);
            let confirmed = audit(&market, &admin, "?action=booking.confirmed").await;
            assert_eq!(confirmed, by_tina);
            let about_sam = audit(&market, &admin, &format!("?object=person:{}", sam.person.uuid)).await;
            assert_eq!(actions(&about_sam), ["person.registered"]);
            assert_eq!(about_sam[0]["object_id"], sam.person.uuid.as_str());
            assert_eq!(audit(&market, &admin, "?date_to=2029-12-31").await, [Value::Null; 0]);
            assert_eq!(audit(&market, &admin, "?date_from=2030-01-01&object=booking").await.len(), 3);
            let mut path = format!("{AUDIT}?object=booking&limit=2");
            let mut seen = Vec::new();
            loop {
                let page = market.get(&admin, &path).await.expect(200).body;
                assert_eq!(page["count"], 3);
                seen.extend(page["results"].as_array().expect("a list").clone());
                let Some(next) = page["next"].as_str() else { break };
                next[next.find("/api/").expect("a path")..].clone_into(&mut path);
            }
            assert_eq!(seen, audit(&market, &admin, "?object=booking").await);
            for wrong in ["?actor=nobody", "?object=booking:x", "?object=person:x", "?date_from=x", "?cursor=x"] {
                market.get(&admin, &format!("{AUDIT}{wrong}")).await.refused(400, "validation_failed");
            }
        });
    }

    fn only_administrators_read_it_and_their_reading_is_in_it(db) {
        run(db, &[], async |market| {
            let (sam, admin) = (market.student("sam").await, market.admin().await);
            market.get(&sam, AUDIT).await.refused(403, "admin_required");
            market.send(Method::GET, None, AUDIT, &[], None).await.expect(401);
            market.get(&admin, "/api/accounts/users/").await.expect(200);
            let rows = audit(&market, &admin, "?action=personal_data.read").await;
            let paths: Vec<&Value> = rows.iter().map(|row| &row["change"]["path"]).collect();
            assert_eq!(paths, ["/api/payments/admin/audit", "/api/accounts/users"], "its own reading too");
            assert!(rows.iter().all(|row| row["actor"] == admin.person.uuid.as_str()));
            let refused = audit(&market, &admin, &format!("?actor={}", sam.person.uuid)).await;
            assert!(!actions(&refused).contains(&"personal_data.read"), "he was shown nothing");
        });
    }
}
