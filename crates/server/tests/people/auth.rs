use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::records::Purpose;
use domain::time::Span;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use store::both;

use super::{PASSWORD, START, access, on, refresh, with};

const ADA: &str = "Ada@Example.org";

const SECRET: &str = "a secret that two servers share, long";

/// A token as the outside issuer makes them.
fn outside_token(subject: &str, email: &str) -> String {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let claims = json!({
        "iss": "https://issuer.example.org", "aud": "bursar", "sub": subject, "email": email,
        "email_verified": true, "name": "Grace Hopper", "exp": START.seconds() + 600,
    });
    let message = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("signed");
    format!("{message}.{signature}")
}

const OUTSIDE: &[(&str, &str)] = &[
    ("BURSAR_AUTH__EXTERNAL__ISSUER", "https://issuer.example.org"),
    ("BURSAR_AUTH__EXTERNAL__AUDIENCE", "bursar"),
    ("BURSAR_AUTH__EXTERNAL__SECRET", SECRET),
];

both! {
    fn an_outsider_is_taken_in_once_and_known_by_his_address(db) {
        with(db, OUTSIDE, async |node| {
            let pair = {
                node.register(ADA, "STUDENT").await;
                node.log_in(ADA).await
            };
            let me = async |token: &str| node.get("/api/accounts/me/", token).await.told(200);
            let grace = outside_token("42", "grace@example.org");
            let first = me(&grace).await;
            assert_eq!((&first["full_name"], &first["is_verified"]), (&json!("Grace Hopper"), &json!(true)));
            assert_eq!(me(&grace).await["id"], first["id"]);
            let ada = me(&outside_token("43", ADA)).await;
            assert_eq!(ada["full_name"], "Ada Lovelace", "known by the address");
            node.get("/api/accounts/me/", &access(&pair)).await.refused(401, "unauthorized");
            node.post("/api/login/", "", json!({"email": ADA, "password": PASSWORD})).await.told(401);
            node.post("/api/accounts/become-teacher/", &grace, json!({})).await.told(201);
            node.real.advance(Span::minutes(11));
            node.get("/api/accounts/me/", &grace).await.refused(401, "unauthorized");
        });
    }

    fn a_registration_is_answered_by_what_is_known_of_the_address(db) {
        on(db, async |node| {
            let body = |role: &str| json!({
                "email": ADA, "password": PASSWORD, "full_name": "Ada", "role": role,
                "city": "Paris", "years_of_experience": "3", "is_admin": true, "is_verified": true,
            });
            let made = node.post("/api/accounts/register/", "", body("instructor")).await.told(201);
            assert_eq!(made["user_id"].as_str().expect("an id").len(), 36);
            let other_password = json!({"email": "ada@example.ORG", "password": "another one", "full_name": "Eve"});
            let again = node.post("/api/register", "", other_password).await.told(200);
            assert_eq!(again["action"], "verify_email");
            let user = node.log_in(ADA).await["user"].clone();
            assert_eq!(user["role"], "TEACHER");
            assert_eq!(user["full_name"], "Ada", "a second registration changes nothing");
            assert_eq!(user["is_verified"], false);
            let token = node.mailed(Purpose::VerifyEmail).await;
            node.post("/api/verify-email/", "", json!({"token": token})).await.told(200);
            let problem = node.post("/api/register/", "", body("student")).await.refused(409, "email_taken");
            assert_eq!(problem["action"], "login");
        });
    }

    fn of_racing_registrations_one_makes_a_person(db) {
        on(db, async |node| {
            let body = || json!({"email": ADA, "password": PASSWORD, "full_name": "Ada"});
            let ask = || node.post("/api/register/", "", body());
            let (a, b, c) = tokio::join!(ask(), ask(), ask());
            let mut statuses = [a, b, c].map(|answer| answer.status.as_u16());
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 200, 201]);
        });
    }

    fn nobody_registers_as_an_administrator_or_with_nonsense(db) {
        on(db, async |node| {
            let cases = [
                ("role", json!("ADMIN")),
                ("email", json!("not an address")),
                ("email", json!("a@x.org\r\nBcc: b@x.org")),
                ("password", json!("short")),
                ("password", json!("x".repeat(1_025))),
                ("full_name", json!("x".repeat(151))),
                ("full_name", json!("")),
                ("years_of_experience", json!(-1)),
                ("years_of_experience", json!("many")),
            ];
            for (field, value) in cases {
                let mut body = json!({"email": ADA, "password": PASSWORD, "full_name": "Ada"});
                body[field] = value;
                let problem = node.post("/api/register/", "", body).await.refused(400, "validation_failed");
                assert!(problem["details"][field].is_array(), "{}", problem.text);
            }
            let missing = node.post("/api/register/", "", json!({"email": ADA})).await;
            missing.refused(400, "validation_failed");
            node.post("/api/register/", "", json!([])).await.refused(400, "malformed");
        });
    }

    fn a_login_answers_on_every_mount_and_in_every_form(db) {
        on(db, async |node| {
            node.register(ADA, "STUDENT").await;
            for path in ["/api/login", "/accounts/login/", "/api/auth/login/", "/api/accounts/token/"] {
                let form = format!("email=ada%40example.org&password={}", PASSWORD.replace(' ', "+"));
                let request = Request::post(path)
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(Body::from(form));
                let body = node.send(request.expect("valid")).await.told(200);
                assert_eq!(body["access_token"], body["access"]);
                assert_eq!(body["refresh_token"], body["refresh"]);
                assert_eq!(body["token_type"], "Bearer");
                assert_eq!(body["expires_in"], 900);
                assert_eq!(body["user"]["email"], ADA);
                assert_eq!(body["user"]["role"], "STUDENT");
                assert_eq!(body["user"]["created_at"], "2027-01-15T08:00:00Z");
                assert!(body["message"].is_string());
            }
            let header = format!("token {}", access(&node.log_in(ADA).await));
            let request = Request::get("/api/accounts/me/").header("authorization", header);
            node.send(request.body(Body::empty()).expect("valid")).await.told(200);
        });
    }

    fn a_wrong_login_tells_nothing(db) {
        on(db, async |node| {
            node.register(ADA, "STUDENT").await;
            let wrong = json!({"email": ADA, "password": "wrong horse"});
            let wrong = node.post("/api/login/", "", wrong).await;
            assert!(wrong.headers.contains_key("www-authenticate"));
            let wrong = wrong.refused(401, "invalid_credentials");
            let unknown = json!({"email": "nobody@example.org", "password": "wrong horse"});
            let unknown = node.post("/accounts/login/", "", unknown).await.refused(401, "invalid_credentials");
            assert_eq!(wrong.body, unknown.body);
            assert_eq!(wrong["success"], false);
            let malformed = node.post("/api/login/", "", json!({"email": ADA})).await;
            assert_eq!(malformed.refused(400, "validation_failed")["success"], false);
        });
    }

    fn guesses_are_slowed_down_for_known_and_unknown_alike(db) {
        on(db, async |node| {
            node.register(ADA, "STUDENT").await;
            for email in [ADA, "nobody@example.org"] {
                let guess = || json!({"email": email, "password": "wrong horse"});
                for _ in 0..11 {
                    node.post("/api/login/", "", guess()).await.refused(401, "invalid_credentials");
                }
                let slowed = node.post("/api/login/", "", guess()).await;
                assert_eq!(slowed.headers["retry-after"], "2");
                slowed.refused(429, "rate_limited");
                node.real.advance(Span::seconds(2));
            }
            node.log_in(ADA).await;
            node.log_in(ADA).await;
        });
    }

    fn a_rate_per_address_holds(db) {
        with(db, &[("BURSAR_LIMITS__LOGIN_PER_MINUTE", "3")], async |node| {
            for _ in 0..3 {
                node.post("/api/login/", "", json!({})).await.told(400);
            }
            node.post("/api/login/", "", json!({})).await.refused(429, "rate_limited");
            node.post("/api/token/refresh/", "", json!({})).await.told(400);
        });
    }

    fn tabs_that_race_all_stay_logged_in(db) {
        on(db, async |node| {
            node.register(ADA, "STUDENT").await;
            let first = refresh(&node.log_in(ADA).await);
            let ask = |token: String| node.post("/api/token/refresh/", "", json!({"refresh_token": token}));
            let (a, b, c, d) = tokio::join!(
                ask(first.clone()), ask(first.clone()), ask(first.clone()), ask(first.clone())
            );
            let pairs: Vec<Value> = [a, b, c, d].into_iter().map(|answer| answer.told(200)).collect();
            for pair in &pairs {
                assert_ne!(refresh(pair), first);
                node.get("/api/accounts/me/", &access(pair)).await.told(200);
            }
            node.real.advance(Span::HOUR);
            let mut last = String::new();
            for pair in &pairs {
                last = refresh(&ask(refresh(pair)).await.told(200));
            }
            node.real.advance(Span::HOUR);
            ask(first).await.refused(401, "invalid_refresh_token");
            ask(last).await.refused(401, "invalid_refresh_token");
            node.get("/api/accounts/me/", &access(&pairs[0])).await.refused(401, "unauthorized");
        });
    }

    fn refresh_tokens_that_are_none_are_refused(db) {
        on(db, async |node| {
            node.register(ADA, "STUDENT").await;
            let pair = node.log_in(ADA).await;
            let (session, secret) = {
                let token = refresh(&pair);
                let (session, secret) = token.split_once('.').expect("two parts");
                (session.to_owned(), secret.to_owned())
            };
            let junk = [
                "x".to_owned(),
                ".".to_owned(),
                format!("{session}."),
                format!("{session}.{}", "A".repeat(43)),
                format!("999999.{secret}"),
                format!("-1.{secret}"),
                format!("{session}.{secret}x"),
                access(&pair),
            ];
            for token in junk {
                let answer = node.post("/api/accounts/token/refresh/", "", json!({"refresh": token})).await;
                answer.refused(401, "invalid_refresh_token");
                node.post("/api/logout/", "", json!({"refresh_token": token})).await.told(200);
            }
            node.post("/api/token/refresh/", "", json!({})).await.refused(400, "validation_failed");
            node.post("/api/token/refresh/", "", json!({"refresh": refresh(&pair)})).await.told(200);
        });
    }

    fn a_logout_ends_both_tokens_at_once(db) {
        on(db, async |node| {
            node.register(ADA, "STUDENT").await;
            let pair = node.log_in(ADA).await;
            node.post("/api/logout/", "", json!({"refresh_token": refresh(&pair)})).await.told(200);
            node.get("/api/accounts/me/", &access(&pair)).await.refused(401, "unauthorized");
            node.post("/api/token/refresh/", "", json!({"refresh": refresh(&pair)})).await.told(401);
        });
    }

    fn access_ends_with_its_time(db) {
        on(db, async |node| {
            let token = node.somebody(ADA, "STUDENT").await;
            node.real.advance(Span::minutes(16));
            node.get("/api/accounts/me/", &token).await.refused(401, "unauthorized");
            for bad in ["", "x", "a.b.c"] {
                let answer = node.get("/api/accounts/me/", bad).await;
                assert!(answer.headers.contains_key("www-authenticate"));
                answer.refused(401, "unauthorized");
            }
        });
    }

    fn a_forgotten_password_is_replaced_by_mail(db) {
        on(db, async |node| {
            node.register(ADA, "STUDENT").await;
            let pair = node.log_in(ADA).await;
            let known = node.post("/api/password-reset/", "", json!({"email": ADA})).await.told(200);
            let unknown = node.post("/api/password-reset/", "", json!({"email": "x@example.org"})).await.told(200);
            assert_eq!(known, unknown);
            let token = node.mailed(Purpose::PasswordReset).await;
            let confirm = |token: &str, password: &str| {
                node.post("/api/password-reset/confirm/", "", json!({"token": token, "new_password": password}))
            };
            confirm(&token, "short").await.refused(400, "validation_failed");
            for forged in ["", "x", "1.password_reset.x", &token.replace("password_reset", "verify_email"), &format!("{token}x")] {
                confirm(forged, "a new password").await.refused(400, "invalid_token");
            }
            confirm(&token, "a new password").await.told(200);
            confirm(&token, "a new password").await.refused(400, "invalid_token");
            node.get("/api/accounts/me/", &access(&pair)).await.told(401);
            node.post("/api/token/refresh/", "", json!({"refresh": refresh(&pair)})).await.told(401);
            node.post("/api/login/", "", json!({"email": ADA, "password": PASSWORD})).await.told(401);
            let new = json!({"email": ADA, "password": "a new password"});
            assert_eq!(node.post("/api/login/", "", new).await.told(200)["user"]["is_verified"], true);
        });
    }

    fn a_changed_password_ends_the_other_logins(db) {
        on(db, async |node| {
            node.register(ADA, "STUDENT").await;
            let (own, other) = (node.log_in(ADA).await, node.log_in(ADA).await);
            let change = |current: &str| {
                let body = json!({"current_password": current, "new_password": "a new password"});
                node.call(axum::http::Method::POST, "/api/change-password/", own["access"].as_str().expect("a token"), body)
            };
            change("wrong horse").await.refused(400, "wrong_password");
            node.post("/api/change-password/", "", json!({})).await.told(401);
            change(PASSWORD).await.told(200);
            node.get("/api/accounts/me/", &access(&own)).await.told(200);
            node.get("/api/accounts/me/", &access(&other)).await.told(401);
            node.post("/api/token/refresh/", "", json!({"refresh": refresh(&own)})).await.told(200);
            node.post("/api/token/refresh/", "", json!({"refresh": refresh(&other)})).await.told(401);
        });
    }

    fn links_lead_to_allowed_places_only(db) {
        with(db, &[("BURSAR_AUTH__REDIRECTS", "https://app.example.org")], async |node| {
            let register = |email: &str, redirect: &str| {
                let body = json!({"email": email, "password": PASSWORD, "full_name": "Ada", "redirect_to": redirect});
                node.post("/api/register/", "", body)
            };
            register("a@x.org", "https://app.example.org/verify").await.told(201);
            for evil in ["https://app.example.org.evil.com/", "https://evil.com", "javascript:alert(1)"] {
                register("b@x.org", evil).await.refused(400, "validation_failed");
            }
        });
    }

    fn unverified_people_wait_outside_where_it_is_required(db) {
        with(db, &[("BURSAR_AUTH__REQUIRE_VERIFIED", "true")], async |node| {
            node.register(ADA, "STUDENT").await;
            let login = || node.post("/api/login/", "", json!({"email": ADA, "password": PASSWORD}));
            assert_eq!(login().await.refused(401, "email_not_verified")["action"], "verify_email");
            node.post("/api/resend-verification/", "", json!({"email": ADA})).await.told(200);
            node.post("/api/resend-verification/", "", json!({"email": "x@example.org"})).await.told(200);
            let token = node.mailed(Purpose::VerifyEmail).await;
            node.post("/api/verify-email/", "", json!({"token": "1.verify_email.x"})).await.refused(400, "invalid_token");
            node.post("/api/verify-email/", "", json!({"token": token})).await.told(200);
            login().await.told(200);
        });
    }

    fn google_is_honest_about_not_being_there(db) {
        on(db, async |node| {
            for path in ["/api/auth/google/initiate/", "/api/auth/google/callback/"] {
                node.post(path, "", json!({})).await.refused(501, "not_configured");
            }
        });
    }
}
