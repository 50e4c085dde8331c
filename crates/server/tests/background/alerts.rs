//! Vital signs that go bad: alerted once, told by mail, shown and ticked off.

use domain::time::Span;
use serde_json::{Value, json};

use super::place::{Login, Place, run_with};

const ALERTS: &str = "/api/payments/admin/alerts";
const VITALS: &str = "/api/payments/admin/vitals";
/// As many as make a sample.
const DECLINES: usize = 20;

/// Letters to this address about alerts.
fn digests(place: &Place, address: &str) -> Vec<String> {
    let files = std::fs::read_dir(place.letters()).map_or(Vec::new(), |files| files.flatten().collect());
    let texts = files.iter().map(|file| std::fs::read_to_string(file.path()).expect("text"));
    texts.filter(|text| text.contains(address) && text.contains("The marketplace needs you")).collect()
}

store::both! {
    fn failing_payments_alert_once_and_administrators_are_told(db) {
        let settings = [("BURSAR_MAIL__ADMIN_RECIPIENTS", "ops@example.com")];
        run_with(db, &settings, async |place| {
            let admin = place.admin().await;
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            let before = place.get(Some(&admin), VITALS).await.1;
            assert_eq!((&before["healthy"], &before["payments"]), (&json!(true), &json!(0)));
            for _ in 0..DECLINES {
                let (status, body) = place.pay(&lesson, "pm_card_declined").await;
                assert_eq!(status, 400, "{body}");
            }
            let seen = place.get(Some(&admin), VITALS).await.1;
            assert_eq!(seen["healthy"], false);
            assert_eq!(seen["over"], json!(["failure_rate"]));
            assert_eq!(seen["failed_rate"].to_string(), "100.0");
            assert_eq!(seen["thresholds"]["failed_rate"].to_string(), "5.0");
            for _ in 0..2 {
                place.advance(Span::minutes(11)).await;
            }
            // Registering left mails that cannot be sent: alerts as well.
            let alerts = place.get(Some(&admin), &format!("{ALERTS}?status=open")).await.1;
            let alerts = alerts["results"].as_array().expect("a list").clone();
            let ours: Vec<&Value> = alerts.iter().filter(|alert| alert["kind"] == "failure_rate").collect();
            let [alert] = ours[..] else { panic!("told once: {alerts:?}") };
            assert_eq!(alert["detail"], "20 of 20 attempts failed");
            assert_eq!(alert["acknowledged_at"], Value::Null);
            for address in ["<admin@example.org>", "<ops@example.com>"] {
                let told = digests(&place, address);
                assert_eq!(told.len(), 1, "{address}");
                assert!(told[0].contains("failure_rate"), "{}", told[0]);
            }
            ticked_off(&place, &admin, (&alert["id"], alerts.len())).await;
            assert_eq!(place.get(Some(&lesson.student), ALERTS).await.0, 403);
            assert_eq!(place.get(Some(&lesson.student), VITALS).await.0, 403);
        });
    }
}

async fn ticked_off(place: &Place, admin: &Login, (id, all): (&Value, usize)) {
    let path = format!("{ALERTS}/{id}/ack");
    for _ in 0..2 {
        let (status, ticked) = place.post(Some(admin), &path, &json!({})).await;
        assert_eq!(status, 200);
        assert_eq!(ticked["acknowledged_by"], admin.person.uuid.as_str());
    }
    let open = place.get(Some(admin), &format!("{ALERTS}?status=open")).await.1;
    assert_eq!(open["count"], all - 1);
    assert!(open["results"].as_array().expect("a list").iter().all(|alert| alert["id"] != *id));
    assert_eq!(place.get(Some(admin), ALERTS).await.1["count"], all);
    for missing in ["1", "0", "x"] {
        let path = format!("{ALERTS}/{missing}/ack");
        assert_eq!(place.post(Some(admin), &path, &json!({})).await.0, 404);
    }
    assert_eq!(place.get(Some(admin), &format!("{ALERTS}?status=other")).await.0, 400);
}
