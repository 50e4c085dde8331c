use axum::http::Method;
use domain::records::{Entry, Op, Payment, Posting, Refund};
use domain::time::Span;
use serde_json::json;

use super::house::{House, run};

/// Every row that tells of money.
struct Books {
    payments: Vec<Payment>,
    ops: Vec<Op>,
    refunds: Vec<Refund>,
    entries: Vec<Entry>,
    postings: Vec<Posting>,
}

async fn books(house: &House) -> Books {
    let found = house.app.db.read(|reads| {
        Ok(Books {
            payments: reads.everything()?,
            ops: reads.everything()?,
            refunds: reads.everything()?,
            entries: reads.everything()?,
            postings: reads.everything()?,
        })
    });
    found.await.expect("a database")
}

/// What was there is there, as it was; a share that fell due meanwhile aside.
fn are_kept(before: &Books, after: &Books) {
    for entry in &before.entries {
        assert!(after.entries.contains(entry), "{entry:?}");
    }
    for posting in &before.postings {
        assert!(after.postings.contains(posting), "{posting:?}");
    }
    for op in &before.ops {
        assert!(after.ops.contains(op), "{op:?}");
    }
    for refund in &before.refunds {
        assert!(after.refunds.contains(refund), "{refund:?}");
    }
    for payment in &before.payments {
        let same = |now: &&Payment| {
            let sums = |p: &Payment| (p.captured_minor, p.refunded_minor, p.refund_reserved_minor);
            now.id == payment.id && now.quote == payment.quote && sums(now) == sums(payment)
        };
        assert!(after.payments.iter().any(|now| same(&now)), "{payment:?}");
    }
}

store::both! {
    fn h_12_deleting_and_maintenance_touch_no_financial_row(db) {
        run(db, &[], async |house| {
            let cast = house.cast("50.00").await;
            let admin = house.admin().await;
            let card = json!({ "payment_method_id": "pm_card_visa" });
            let card = house.post(Some(&cast.student), "/api/payments/payment-methods/save/", card).await.expect(201);
            let token = card.body["payment_method"]["stripe_payment_method_id"].as_str().expect("a card").to_owned();
            let held = house.booking(&cast, 0, 90).await;
            let cancelled = house.booking(&cast, 120, 90).await;
            let unpaid = house.booking(&cast, 240, 90).await;
            for booking in [held, cancelled] {
                house.pay(&cast, booking, &token).await.expect(200);
            }
            house.pay(&cast, unpaid, "pm_card_chargeDeclined").await.refused(400, "card_declined");
            let at = |booking: i64, verb: &str| format!("/api/bookings/bookings/{booking}/{verb}");
            house.post(Some(&cast.student), &at(cancelled, "cancel/"), json!({})).await.expect(200);
            house.rest().await;
            let before = books(house).await;
            assert_eq!((before.payments.len(), before.refunds.len()), (3, 1));

            let delete = async |who, path: &str, status| {
                house.send(Method::DELETE, Some(who), path, &[], None).await.expect(status);
            };
            delete(&cast.student, &at(unpaid, ""), 204).await;
            delete(&cast.student, &at(cancelled, ""), 204).await;
            delete(&cast.student, &format!("/api/payments/payment-methods/{token}/delete/"), 200).await;
            delete(&cast.teacher, &format!("/api/accounts/gigs/{}/", cast.gig), 204).await;
            let clear = "/api/bookings/availability/bulk/";
            house.post(Some(&cast.teacher), clear, json!([])).await.expect(201);
            for person in [&cast.student, &cast.teacher] {
                let path = format!("/api/accounts/users/{}/", person.uuid);
                let body = Some(json!({ "is_active": false }).to_string());
                house.send(Method::PATCH, Some(&admin), &path, &[], body).await.expect(200);
            }
            house.advance(Span::days(40)).await;

            are_kept(&before, &books(house).await);
            let findings = house.app.db.read(store::verify::verify).await.expect("a database");
            assert!(findings.is_empty(), "{findings:?}");
        });
    }
}
