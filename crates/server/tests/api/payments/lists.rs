use serde_json::{Value, json};

use super::{Cast, LIST};
use crate::api::market::{Login, Market, run};

async fn ids(market: &Market, who: &Login, query: &str) -> Vec<i64> {
    let listed = market.get(who, &format!("{LIST}{query}")).await.expect(200);
    listed
        .body
        .as_array()
        .expect("a bare array")
        .iter()
        .map(|row| row["id"].as_i64().expect("an id"))
        .collect()
}

store::both! {
    fn a_payment_shows_everything_to_its_parties_alone(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let id = cast.booked(&market, 600).await;
            let paid = cast.pay(&market, id, "visa").await.expect(200).body;
            let path = format!("{LIST}{}/", paid["payment_id"]);
            let seen = market.get(&cast.student, &path).await.expect(200);
            assert_eq!(seen.body, json!({
                "id": paid["payment_id"], "kind": "booking", "status": "COMPLETED",
                "amount_cents": 7_875, "amount_dollars": 78.75,
                "hourly_rate_cents": 5_000, "hourly_rate_dollars": 50.0, "session_duration_hours": 1.5,
                "platform_fee_cents": 375, "teacher_earnings_cents": 7_500, "refunded_cents": 0,
                "currency": "USD", "payment_method_type": "card",
                "stripe_payment_intent_id": paid["payment_intent_id"],
                "student_email": "sam@example.org", "teacher_email": "tina@example.org",
                "teacher_name": "tina Example", "gig_title": "Spanish conversation",
                "session_date": Market::at(600), "booking_id": id, "failure_reason": null,
                "paid_at": Market::at(0), "created_at": Market::at(0), "updated_at": Market::at(0),
            }));
            let admin = market.admin().await;
            for who in [&cast.teacher, &admin] {
                assert_eq!(market.get(who, &path).await.expect(200).body, seen.body);
                assert_eq!(market.get(who, LIST).await.expect(200).body, json!([seen.body]));
            }
            let stranger = market.student("zoe").await;
            market.get(&stranger, &path).await.refused(404, "not_found");
            assert_eq!(market.get(&stranger, LIST).await.expect(200).body, json!([]));
            for junk in ["0", "-1", "x", "9007199254740993", "99999999999999999999", "1.0"] {
                market.get(&cast.student, &format!("{LIST}{junk}/")).await.refused(404, "not_found");
            }
        });
    }

    fn lists_are_filtered(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            let (good, bad) = (cast.booked(&market, 600).await, cast.booked(&market, 700).await);
            let good = cast.pay(&market, good, "visa").await.expect(200).body["payment_id"].as_i64().expect("id");
            cast.pay(&market, bad, "declined").await.expect(400);
            let body = json!({ "gig_id": cast.gig.0, "payment_method_id": "pm_card_visa" });
            let flat = market.post(&cast.student, "/api/payments/process-payment/", body).await.expect(200);
            let flat = flat.body["payment_id"].as_i64().expect("an id");
            let all = ids(&market, &cast.student, "").await;
            assert_eq!(all.len(), 3);
            let count = async |query: &str| ids(&market, &cast.student, query).await.len();
            assert_eq!(count("?status=COMPLETED").await, 2);
            assert_eq!(count("?status=completed&kind=booking").await, 1);
            assert_eq!(ids(&market, &cast.student, "?kind=gig_purchase").await, [flat]);
            assert!(ids(&market, &cast.teacher, "?role=teacher").await.contains(&good));
            assert_eq!((count("?role=student").await, count("?role=teacher").await), (3, 0));
            assert_eq!(count("?date_from=2030-01-01&date_to=2030-01-01").await, 3);
            assert_eq!((count("?date_from=2030-01-02").await, count("?date_to=2029-12-31").await), (0, 0));
            for query in ["?status=GOOD", "?role=admin", "?kind=car", "?date_from=soon", "?limit=x", "?limit=0",
                "?limit=-1", "?cursor=x", "?date_to=2030-02-30"] {
                market.get(&cast.student, &format!("{LIST}{query}")).await.refused(400, "validation_failed");
            }
            market.get(&cast.student, &format!("{LIST}?cursor=%00")).await.refused(400, "malformed");
        });
    }

    fn lists_are_paged_by_cursor(db) {
        run(db, &[], async |market| {
            let cast = Cast::of(&market).await;
            for begins in [600, 700, 800, 900, 1_000] {
                let id = cast.booked(&market, begins).await;
                cast.pay(&market, id, "visa").await.expect(200);
            }
            let all = ids(&market, &cast.student, "").await;
            assert_eq!(all.len(), 5);
            let (mut seen, mut path) = (Vec::new(), format!("{LIST}?limit=2"));
            loop {
                let page = market.get(&cast.student, &path).await.expect(200);
                let rows: Vec<Value> = page.body.as_array().expect("rows").clone();
                seen.extend(rows.iter().map(|row| row["id"].as_i64().expect("an id")));
                let Some(link) = page.headers.get("link") else { break };
                let link = link.to_str().expect("text");
                assert!(link.ends_with(r#"rel="next""#), "{link}");
                link.trim_start_matches('<').split('>').next().expect("a target").clone_into(&mut path);
            }
            assert_eq!(seen, all);
        });
    }
}
