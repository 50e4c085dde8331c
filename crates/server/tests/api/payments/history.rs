use serde_json::{Value, json};

use super::{Cast, LIST};
use crate::api::market::{Login, Market, run};

const HISTORY: &str = "/api/payments/history/";
const SUMMARY: &str = "/api/payments/summary/";

/// Two sessions paid, one of them cancelled and refunded, one declined, one gig bought.
async fn story(market: &Market) -> Cast {
    let cast = Cast::of(market).await;
    for begins in [600, 700] {
        let id = cast.booked(market, begins).await;
        cast.pay(market, id, "visa").await.expect(200);
        if begins == 700 {
            cast.act(market, &cast.student, id, "cancel").await;
        }
    }
    let bad = cast.booked(market, 800).await;
    cast.pay(market, bad, "declined").await.expect(400);
    let body = json!({ "gig_id": cast.gig.0, "payment_method_id": "pm_card_visa" });
    market.post(&cast.student, "/api/payments/process-payment/", body).await.expect(200);
    cast
}

async fn history(market: &Market, who: &Login, query: &str) -> Value {
    market.get(who, &format!("{HISTORY}{query}")).await.expect(200).body
}

fn ids(page: &Value) -> Vec<i64> {
    page["results"].as_array().expect("rows").iter().map(|row| row["id"].as_i64().expect("an id")).collect()
}

store::both! {
    fn the_history_sums_what_its_filter_shows(db) {
        run(db, &[], async |market| {
            let cast = story(&market).await;
            let seen = history(&market, &cast.student, "").await;
            assert_eq!((&seen["count"], &seen["next"], &seen["previous"]), (&json!(4), &json!(null), &json!(null)));
            assert_eq!(seen["summary"], json!({
                "total_payments": 4, "total_amount_dollars": 207.50, "successful_payments": 3,
                "pending_payments": 0, "failed_payments": 1, "as_student": 4, "as_teacher": 0,
                "total_spent_dollars": 128.75, "total_earned_dollars": 0.00,
                "platform_fees_paid_dollars": 0.00, "currency": "USD",
            }));
            let taught = history(&market, &cast.teacher, "").await;
            assert_eq!(ids(&taught), ids(&seen));
            let summary = &taught["summary"];
            assert_eq!(summary["total_earned_dollars"], json!(120.00));
            assert_eq!(summary["platform_fees_paid_dollars"], json!(8.75));
            assert_eq!((&summary["as_student"], &summary["as_teacher"]), (&json!(0), &json!(4)));
            assert_eq!(summary["total_spent_dollars"], json!(0.00));
            let rows = market.get(&cast.student, LIST).await.expect(200).body;
            assert_eq!(seen["results"], rows, "rows as in the list");

            let cases = [
                ("?status=COMPLETED", 2, 128.75), ("?status=refunded", 1, 78.75), ("?status=failed", 1, 0.0),
                ("?kind=gig_purchase", 1, 50.0), ("?role=teacher", 0, 0.0), ("?role=student", 4, 207.50),
                ("?min_amount=78.75", 3, 157.50), ("?max_amount=78.74", 1, 50.0), ("?min_amount=", 4, 207.50),
                ("?min_amount=50&max_amount=50.00&currency=usd", 1, 50.0),
                ("?date_from=2030-01-01&date_to=2030-01-01", 4, 207.50), ("?date_from=2030-01-02", 0, 0.0),
                ("?date_to=2029-12-31", 0, 0.0),
            ];
            for (query, count, amount) in cases {
                let seen = history(&market, &cast.student, query).await;
                assert_eq!(seen["count"], json!(count), "{query}");
                assert_eq!(ids(&seen).len(), count, "{query}");
                assert_eq!(seen["summary"]["total_payments"], json!(count), "{query}");
                assert_eq!(seen["summary"]["total_amount_dollars"], json!(amount), "{query}");
            }
            for (who, more) in [(&cast.student, ""), (&cast.teacher, "&kind=gig_purchase"), (&cast.teacher, "&role=teacher")] {
                let [kept, summed] = ["", "date_from=2000-01-01"];
                let kept = history(&market, who, &format!("?{kept}{more}")).await;
                let summed = history(&market, who, &format!("?{summed}{more}")).await;
                assert_eq!(kept, summed, "from the sums as from the rows {more}");
            }
            let stranger = market.student("zoe").await;
            assert_eq!(history(&market, &stranger, "").await["count"], json!(0));
            let junk = ["status=GOOD", "role=admin", "kind=car", "date_from=soon", "min_amount=x", "min_amount=-1",
                "max_amount=1.001", "min_amount=NaN", "page=0", "page=x", "page_size=0", "cursor=x", "currency=ZZZ"];
            for query in junk {
                let answer = market.get(&cast.student, &format!("{HISTORY}?{query}")).await;
                answer.refused(400, "validation_failed");
            }
            market.send(axum::http::Method::GET, None, HISTORY, &[], None).await.refused(401, "unauthorized");
        });
    }

    fn the_history_is_paged_by_number_and_by_cursor(db) {
        run(db, &[], async |market| {
            let cast = story(&market).await;
            let all = ids(&history(&market, &cast.student, "").await);
            assert_eq!(all.len(), 4);
            let first = history(&market, &cast.student, "?page_size=3&role=student").await;
            assert_eq!((ids(&first), &first["previous"]), (all[..3].to_vec(), &json!(null)));
            let next = first["next"].as_str().expect("a link");
            let path = &next[next.find("/api").expect("a path")..];
            let second = market.get(&cast.student, path).await.expect(200).body;
            assert_eq!((ids(&second), &second["next"]), (all[3..].to_vec(), &json!(null)));
            assert_eq!(second["summary"], first["summary"], "the summary is of the whole set");
            assert!(second["previous"].as_str().expect("a link").contains("page=1"));
            let past = history(&market, &cast.student, "?page=9").await;
            assert_eq!((ids(&past), &past["count"]), (vec![], &json!(4)));

            let deep = market.get(&cast.student, &format!("{HISTORY}?page=200&page_size=100")).await;
            assert_eq!(deep.body["code"], json!("use_cursor"));
            assert_eq!(deep.body["next"], json!(null), "there is no such row");
            let place = market.get(&cast.student, &format!("{LIST}?limit=1")).await.expect(200);
            let link = place.headers["link"].to_str().expect("text");
            let cursor = link.split("cursor=").nth(1).and_then(|rest| rest.split('>').next()).expect("a cursor");
            let rest = history(&market, &cast.student, &format!("?page_size=2&cursor={cursor}")).await;
            assert_eq!(ids(&rest), all[1..3]);
            let next = rest["next"].as_str().expect("a link");
            let rest = market.get(&cast.student, &next[next.find("/api").expect("a path")..]).await.expect(200);
            assert_eq!(ids(&rest.body), all[3..]);
        });
    }

    fn the_summary_tells_what_was_spent_and_earned(db) {
        run(db, &[], async |market| {
            let cast = story(&market).await;
            let seen = market.get(&cast.student, &format!("{SUMMARY}?date_from=2030-01-01")).await.expect(200).body;
            let nothing = json!({
                "total_earned_dollars": 0.0, "platform_fees_paid_dollars": 0.0, "gross_revenue_dollars": 0.0,
                "total_sessions": 0, "unique_students": 0, "average_session_earnings_dollars": 0.0,
                "average_hourly_rate_dollars": 0.0,
            });
            assert_eq!(seen, json!({
                "user": { "id": cast.student.person.uuid, "email": "sam@example.org", "name": "sam Example",
                    "role": "STUDENT" },
                "as_student": { "total_spent_dollars": 128.75, "total_sessions": 2,
                    "average_session_cost_dollars": 64.38, "unique_teachers": 1 },
                "as_teacher": nothing,
                "date_range": { "from": "2030-01-01", "to": null, "time_zone": "UTC" }, "currency": "USD",
            }));
            let taught = market.get(&cast.teacher, SUMMARY).await.expect(200).body;
            assert_eq!(taught["as_teacher"], json!({
                "total_earned_dollars": 120.0, "platform_fees_paid_dollars": 8.75, "gross_revenue_dollars": 128.75,
                "total_sessions": 2, "unique_students": 1, "average_session_earnings_dollars": 60.0,
                "average_hourly_rate_dollars": 50.0,
            }));
            for (who, more) in [(&cast.student, ""), (&cast.teacher, ""), (&cast.teacher, "&kind=gig_purchase")] {
                let mut kept = market.get(who, &format!("{SUMMARY}?{more}")).await.expect(200).body;
                let summed = format!("{SUMMARY}?date_from=2000-01-01{more}");
                let summed = market.get(who, &summed).await.expect(200).body;
                kept["date_range"]["from"] = json!("2000-01-01");
                assert_eq!(kept, summed, "from the sums as from the rows {more}");
            }
            let sold = market.get(&cast.teacher, &format!("{SUMMARY}?kind=gig_purchase")).await.expect(200).body;
            assert_eq!(sold["as_teacher"]["total_earned_dollars"], json!(45.0));
            let before = market.get(&cast.teacher, &format!("{SUMMARY}?date_to=2029-12-31")).await.expect(200).body;
            assert_eq!(before["as_teacher"], nothing);
            let admin = market.admin().await;
            let path = format!("/api/payments/admin/summary/{}/", cast.teacher.person.uuid);
            assert_eq!(market.get(&admin, &path).await.expect(200).body, taught);
            market.get(&cast.teacher, &path).await.refused(403, "admin_required");
            market.get(&admin, "/api/payments/admin/summary/1/").await.refused(404, "not_found");
            for query in ["kind=car", "date_from=soon", "currency=EUR"] {
                market.get(&admin, &format!("{path}?{query}")).await.refused(400, "validation_failed");
            }
        });
    }
}
