use std::sync::Arc;

use axum::http::Method;
use domain::time::{Span, Timestamp};
use serde_json::{Value, json};
use server::auth::token::{Claims, Tokens, from_header};
use server::clock::ManualClock;
use server::config::Secrets;
use server::dice::OsDice;

use super::house::{House, Login, PASSWORD, WEBHOOK_SECRET, run};

const PAY: &str = "/api/payments/process-booking-payment/";

/// The same login, issued an hour ago.
pub fn expired(house: &House, login: &Login) -> Login {
    let secrets = Secrets::load(&house.app.config, &OsDice).expect("all are set");
    let claims: Claims = house.app.tokens.verify(&login.token).expect("just issued");
    let then = Arc::new(ManualClock::at(house.app.real_clock.now() - Span::HOUR));
    let tokens = Tokens::new(&house.app.config, &secrets, then);
    Login { uuid: login.uuid.clone(), token: tokens.issue(&claims).token.expose().to_owned() }
}

/// The same login, signed with another key.
fn forged(house: &House, login: &Login) -> Login {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display().to_string();
    let settings = [
        ("BURSAR_SERVER__DATA_DIR", path.as_str()),
        ("BURSAR_SECRETS__JWT_KEY", "another-key-that-is-also-long-enough-to-sign-with-0123456789abcde"),
        ("BURSAR_SECRETS__KEY_ENCRYPTION_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
    ];
    let config = crate::http::config(&settings);
    let secrets = Secrets::load(&config, &OsDice).expect("set or made");
    let claims: Claims = house.app.tokens.verify(&login.token).expect("just issued");
    let tokens = Tokens::new(&config, &secrets, Arc::clone(&house.app.real_clock));
    Login { uuid: login.uuid.clone(), token: tokens.issue(&claims).token.expose().to_owned() }
}

store::both! {
    fn expired_and_forged_tokens_open_nothing(db) {
        run(db, &[], async |house| {
            let cast = house.cast("50.00").await;
            let booking = house.booking(&cast, 0, 90).await;
            let body = json!({ "booking_id": booking, "payment_method_id": "pm_card_visa" });
            assert!(from_header(&format!("Bearer {}", cast.student.token)).is_some());
            let nonsense = Login { uuid: String::new(), token: "a.b.c".into() };
            for who in [expired(house, &cast.student), forged(house, &cast.student), nonsense] {
                let reply = house.post(Some(&who), PAY, body.clone()).await.refused(401, "unauthorized");
                assert!(reply.headers.contains_key("www-authenticate"));
                house.get(Some(&who), "/api/payments/payments/").await.refused(401, "unauthorized");
            }
            house.post(None, PAY, body).await.refused(401, "unauthorized");
            assert_eq!(house.charged().await, (0, 0));
            assert_eq!(house.state(&cast, booking).await, "CONFIRMED UNPAID");
        });
    }

    fn a_webhook_nobody_signed_completes_nothing(db) {
        run(db, &[], async |house| {
            let cast = house.cast("50.00").await;
            let booking = house.booking(&cast, 0, 90).await;
            let body = json!({ "session_booking_id": booking });
            let made = house.post(Some(&cast.student), "/api/payments/create-payment-intent/", body).await;
            let made = made.expect(201);
            let reference = made.body["payment_intent_id"].as_str().expect("an intent");
            let now = house.app.clock.now();
            house.tell_as("e1", reference, "whsec_guess", now).await.refused(400, "webhook_signature");
            for at in [now - Span::HOUR, now + Span::HOUR, Timestamp(0)] {
                house.tell_as("e2", reference, WEBHOOK_SECRET, at).await.refused(400, "webhook_stale");
            }
            let path = "/api/payments/webhooks/sandbox/";
            for signature in ["", "t=1", "t=x,v1=00", "v1=", "t=99999999999999999999,v1=00"] {
                let headers = [("sandbox-signature", signature)];
                house.send(Method::POST, None, path, &headers, Some("{}".into())).await.expect(400);
            }
            house.send(Method::POST, None, path, &[], None).await.expect(400);
            // A good signature under a lie: the gateway is asked, and knows of no success.
            house.tell("e3", reference).await.expect(200);
            house.rest().await;
            assert_eq!(house.state(&cast, booking).await, "CONFIRMED PENDING");
            assert_eq!(house.charged().await, (0, 0));
        });
    }

    fn strange_bodies_are_told_and_write_nothing(db) {
        run(db, &[], async |house| {
            let cast = house.cast("50.00").await;
            let booking = house.booking(&cast, 0, 90).await;
            let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
            for body in [
                "{", "{}", "[]", "null", "\u{0}", "{\"booking_id\":NaN}", "{\"booking_id\":1e999}",
                "{\"booking_id\":-0.5}", "{\"booking_id\":\"\\u0000\"}", "{\"booking_id\":1,\"booking_id\":2}",
                deep.as_str(),
            ] {
                let sent = Some(body.to_owned());
                let reply = house.send(Method::POST, Some(&cast.student), PAY, &[], sent).await;
                assert!([400, 404].contains(&reply.status.as_u16()), "{body:.40}: {}", reply.text);
                assert!(reply.body["code"].is_string());
            }
            let large = format!("{{\"booking_id\":{booking},\"x\":\"{}\"}}", "x".repeat(1 << 20));
            let reply = house.send(Method::POST, Some(&cast.student), PAY, &[], Some(large)).await;
            reply.refused(413, "body_too_large");
            let listed = house.get(Some(&cast.student), "/api/payments/payments/").await.expect(200);
            assert_eq!(listed.body, Value::Array(Vec::new()));
            assert_eq!(house.charged().await, (0, 0));
        });
    }

    fn a_client_cannot_grant_itself_anything(db) {
        run(db, &[], async |house| {
            let person = json!({
                "email": "mallory@example.org", "password": PASSWORD, "full_name": "Mallory",
                "role": "ADMIN", "is_admin": true, "is_verified": true,
            });
            let made = house.post(None, "/api/register/", person).await;
            assert_eq!(made.status, 400, "{}", made.text);
            let cast = house.cast("50.00").await;
            let patch = json!({ "is_admin": true, "role": "ADMIN", "is_active": true }).to_string();
            let path = "/api/accounts/profiles/me/";
            house.send(Method::PATCH, Some(&cast.student), path, &[], Some(patch.clone())).await;
            let users = format!("/api/accounts/users/{}/", cast.student.uuid);
            house.send(Method::PATCH, Some(&cast.student), &users, &[], Some(patch)).await.expect(403);
            house.get(Some(&cast.student), "/api/accounts/users/").await.expect(403);
            house.get(Some(&cast.student), "/api/sandbox/books/").await.expect(403);
        });
    }
}
