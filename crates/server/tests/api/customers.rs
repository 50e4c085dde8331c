//! The administrators' list of gateway customers.

use serde_json::{Value, json};

use super::market::{Login, Market, run};

const CUSTOMERS: &str = "/api/payments/admin/customers/";
const BOOKINGS: &str = "/api/bookings/bookings/";

async fn pay(market: &Market, student: &Login, teacher: &Login, begins: i64) {
    let gigs = market.get(teacher, "/api/accounts/gigs/").await.expect(200).body;
    let request = json!({
        "teacher": teacher.person.uuid, "gig": gigs[0]["id"],
        "start_time": Market::at(begins), "end_time": Market::at(begins + 60),
    });
    let made = market.post(student, BOOKINGS, request).await.expect(201);
    let id = made.body["id"].as_i64().expect("an id");
    market.post(teacher, &format!("{BOOKINGS}{id}/confirm/"), json!({})).await.expect(200);
    let body = json!({"booking_id": id, "payment_method_id": "pm_card_visa", "save_payment_method": true});
    market.post(student, "/api/payments/process-booking-payment/", body).await.expect(200);
}

store::both! {
    fn they_show_gateway_ids_masked_cards_and_payments(db) {
        run(db, &[], async |market| {
            let (sam, tina) = (market.student("sam").await, market.teacher("tina").await);
            let (admin, other) = (market.admin().await, market.student("uma").await);
            market.gig(tina.person.id).await;
            pay(&market, &sam, &tina, 600).await;
            pay(&market, &sam, &tina, 800).await;
            market.advance_to(1);
            let save = json!({"payment_method_id": "pm_card_mastercard"});
            market.post(&other, "/api/payments/payment-methods/save/", save).await.expect(201);
            let listed = market.get(&admin, CUSTOMERS).await.expect(200);
            assert!(!listed.text.contains("pm_"), "no token leaves: {}", listed.text);
            assert_eq!(listed.body["count"], 2);
            let [newest, oldest] = &listed.body["results"].as_array().expect("a list")[..] else {
                panic!("{}", listed.text)
            };
            assert_eq!(newest["email"], "uma@example.org");
            assert_eq!(newest["payments"], json!([]));
            assert_eq!(oldest["id"], sam.person.uuid.as_str());
            assert_eq!(oldest["gateway"], "sandbox");
            assert!(oldest["customer_id"].as_str().is_some_and(|id| !id.is_empty()));
            assert_eq!(oldest["cards"][0]["number"], "****4242");
            let paid = &oldest["payments"][0];
            assert_eq!((&paid["count"], &paid["captured_cents"]), (&json!(2), &json!(10_500)));
            assert_eq!(paid["captured_dollars"].to_string(), "105.0");
            assert_eq!((&paid["refunded_cents"], &paid["currency"]), (&json!(0), &json!("USD")));
            filters(&market, &admin, &sam).await;
            market.get(&sam, CUSTOMERS).await.refused(403, "admin_required");
        });
    }
}

async fn filters(market: &Market, admin: &Login, sam: &Login) {
    let count = async |query: &str| {
        let listed = market.get(admin, &format!("{CUSTOMERS}{query}")).await.expect(200).body;
        listed["results"].as_array().expect("a list").len()
    };
    assert_eq!(count(&format!("?user={}", sam.person.uuid)).await, 1);
    assert_eq!(count("?gateway=sandbox").await, 2);
    assert_eq!(count("?gateway=other").await, 0);
    let first = market.get(admin, &format!("{CUSTOMERS}?limit=1")).await.expect(200).body;
    let next = first["next"].as_str().expect("a second page");
    let second = market.get(admin, &next[next.find("/api/").expect("a path")..]).await.expect(200).body;
    assert_eq!(second["results"][0]["id"], sam.person.uuid.as_str());
    assert_eq!(second["next"], Value::Null);
    market.get(admin, &format!("{CUSTOMERS}?user=nobody")).await.refused(400, "validation_failed");
}
