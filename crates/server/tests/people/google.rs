//! Logging in with Google, walked by real redirects to a real provider (`e2e/peers/run_openid.mjs`), and
//! every way of coming in by it that must fail.

use std::collections::BTreeMap;

use axum::http::header::LOCATION;
use domain::records::{LoginSlip, Purpose};
use domain::time::Span;
use serde_json::{Value, json};
use server::auth::chain::stored;
use server::clock::{Clock, SystemClock};
use server::jobs;
use store::both;
use store::testing::TestDb;

use super::{Node, PASSWORD, access, on, refresh};
use crate::common::browser::{BACK, Browser, PAGE, altered, fragment, provider, settings};
use crate::common::{ByHand, in_runtime};

const ADA: &str = "ada@example.org";
const INITIATE: &str = "/api/auth/google/initiate/";
const CALLBACK: &str = "/api/auth/google/callback/";

/// A node that people log in to at a provider of its own.
fn at_provider(db: &TestDb, own: &[(&str, &str)], test: impl AsyncFnOnce(&Node)) {
    let peer = provider();
    with_issuer(db, &peer.base, own, test);
}

fn with_issuer(db: &TestDb, issuer: &str, own: &[(&str, &str)], test: impl AsyncFnOnce(&Node)) {
    let settings = settings(issuer);
    let mut all: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.extend(own);
    // The provider lives in the world's time.
    let ByHand { app, real, client, .. } = ByHand::open(db, SystemClock.now(), &all);
    in_runtime(test(&Node { app, real, client }));
}

/// Somebody whom the provider knows under this name, with an address that it has verified.
fn known(sub: &'static str, email: &'static str) -> [(&'static str, &'static str); 4] {
    [("sub", sub), ("email", email), ("verified", "true"), ("name", "Grace Hopper")]
}

async fn begin(node: &Node) -> String {
    let begun = node.post(INITIATE, "", json!({ "redirect_to": PAGE })).await.told(200);
    assert_eq!(begun["success"], true);
    begun["oauth_url"].as_str().expect("an address").to_owned()
}

/// The address with which the provider sends the browser back.
async fn returning(node: &Node, browser: &mut Browser) -> String {
    let url = begin(node).await;
    let url = browser.follow(&url, BACK).await;
    assert!(url.contains("code=") || url.contains("error="), "{url}");
    url
}

/// What the client's page finds in its address.
async fn landed(browser: &mut Browser, url: &str) -> BTreeMap<String, String> {
    let answer = browser.go(url).await.expect(303);
    let target = answer.headers[LOCATION].to_str().expect("text");
    assert!(target.starts_with(&format!("{PAGE}#")), "{target}");
    fragment(target)
}

/// All the way to the client's page, as this person.
async fn walk(node: &Node, visitor: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut browser = Browser::new(&node.app, visitor);
    let url = returning(node, &mut browser).await;
    landed(&mut browser, &url).await
}

fn tickets(found: &BTreeMap<String, String>, role: Option<&str>) -> Value {
    assert_eq!(found.get("error"), None, "{found:?}");
    json!({ "access_token": found["access_token"], "refresh_token": found["refresh_token"], "role": role })
}

/// Logs in at the provider and here.
async fn come_in(node: &Node, visitor: &[(&str, &str)], role: Option<&str>) -> Value {
    let found = walk(node, visitor).await;
    node.post(CALLBACK, "", tickets(&found, role)).await.told(200)
}

async fn refused(node: &Node, visitor: &[(&str, &str)], extra: (&str, &str), error: &str) {
    let visitor: Vec<_> = visitor.iter().copied().chain([extra]).collect();
    assert_eq!(walk(node, &visitor).await["error"], error, "{extra:?}");
}

both! {
    fn somebody_new_chooses_a_role_and_comes_in_once(db) {
        at_provider(db, &[], async |node| {
            let grace = known("grace", "grace@example.org");
            let found = walk(node, &grace).await;
            let problem = node.post(CALLBACK, "", tickets(&found, None)).await.refused(400, "role_required");
            assert_eq!(problem["requires_role_selection"], true);
            assert_eq!(problem["success"], false);
            node.post(CALLBACK, "", tickets(&found, Some("ADMIN"))).await.refused(400, "validation_failed");
            let made = node.post(CALLBACK, "", tickets(&found, Some("TEACHER"))).await.told(200);
            assert_eq!((&made["success"], &made["created"]), (&json!(true), &json!(true)));
            assert_eq!(made["flow_type"], "signup");
            let user = &made["user"];
            assert_eq!((&user["email"], &user["role"]), (&json!("grace@example.org"), &json!("TEACHER")));
            assert_eq!((&user["is_verified"], &user["full_name"]), (&json!(true), &json!("Grace Hopper")));
            assert_eq!(node.get("/api/accounts/me/", &access(&made)).await.told(200)["id"], user["id"]);
            let again = json!({ "refresh_token": refresh(&made) });
            node.post("/api/token/refresh/", "", again).await.told(200);
            // The ticket was good once, and the tickets of a login open nothing else.
            node.post(CALLBACK, "", tickets(&found, Some("TEACHER"))).await.refused(400, "invalid_token");
            node.get("/api/accounts/me/", &found["access_token"]).await.refused(401, "unauthorized");
            // Whoever comes again needs no role, and is the same under another address.
            let back = come_in(node, &known("grace", "hopper@example.org"), None).await;
            assert_eq!((&back["created"], &back["flow_type"]), (&json!(false), &json!("login")));
            assert_eq!(back["user"]["id"], user["id"]);
        });
    }

    fn a_verified_account_is_linked_and_keeps_its_password(db) {
        at_provider(db, &[], async |node| {
            let id = node.register(ADA, "STUDENT").await;
            let token = node.mailed(Purpose::VerifyEmail).await;
            node.post("/api/verify-email/", "", json!({ "token": token })).await.told(200);
            let before = node.log_in(ADA).await;
            let came = come_in(node, &known("ada", "Ada@Example.org"), Some("TEACHER")).await;
            assert_eq!((&came["user"]["id"], &came["created"]), (&json!(id), &json!(false)));
            assert_eq!(came["user"]["role"], "STUDENT", "a role is chosen by those who have none");
            node.get("/api/accounts/me/", &access(&before)).await.told(200);
            node.post("/api/login/", "", json!({ "email": ADA, "password": PASSWORD })).await.told(200);
        });
    }

    /// Whoever registered somebody else's address and waits for its owner must not be in his account.
    fn whoever_registered_before_the_owner_came_is_out(db) {
        at_provider(db, &[], async |node| {
            let id = node.register(ADA, "STUDENT").await;
            let squatter = node.log_in(ADA).await;
            let came = come_in(node, &known("ada", ADA), None).await;
            assert_eq!((&came["user"]["id"], &came["user"]["is_verified"]), (&json!(id), &json!(true)));
            node.get("/api/accounts/me/", &access(&squatter)).await.refused(401, "unauthorized");
            let old = json!({ "refresh_token": refresh(&squatter) });
            node.post("/api/token/refresh/", "", old).await.refused(401, "invalid_refresh_token");
            let guess = json!({ "email": ADA, "password": PASSWORD });
            node.post("/api/login/", "", guess).await.refused(401, "invalid_credentials");
            node.get("/api/accounts/me/", &access(&came)).await.told(200);
            let admin = node.admin().await;
            let audit = node.get("/api/payments/admin/audit/?action=person.linked", &admin).await.told(200);
            assert_eq!(audit["results"].as_array().map(Vec::len), Some(1), "{audit}");
        });
    }

    fn the_suspended_and_the_erased_stay_out(db) {
        at_provider(db, &[], async |node| {
            let admin = node.admin().await;
            let ada = come_in(node, &known("ada", ADA), Some("STUDENT")).await;
            let path = format!("/api/accounts/users/{}/", ada["user"]["id"].as_str().expect("an id"));
            node.patch(&path, &admin, json!({ "is_active": false })).await.told(200);
            // By the subject, and by the address under another subject.
            for visitor in [known("ada", ADA), known("another", ADA)] {
                let found = walk(node, &visitor).await;
                let answer = node.post(CALLBACK, "", tickets(&found, None)).await;
                answer.refused(401, "invalid_credentials");
            }
            let eve = come_in(node, &known("eve", "eve@example.org"), Some("STUDENT")).await;
            node.post("/api/accounts/me/erase/", &access(&eve), json!({})).await.told(200);
            let found = walk(node, &known("eve", "eve@example.org")).await;
            node.post(CALLBACK, "", tickets(&found, None)).await.refused(400, "role_required");
            let new = node.post(CALLBACK, "", tickets(&found, Some("student"))).await.told(200);
            assert_eq!(new["created"], true);
            assert_ne!(new["user"]["id"], eve["user"]["id"], "what was erased does not come back");
        });
    }

    fn an_answer_counts_once_and_in_the_browser_that_left_for_it(db) {
        at_provider(db, &[], async |node| {
            let ada = known("ada", ADA);
            let mut browser = Browser::new(&node.app, &ada);
            let url = returning(node, &mut browser).await;
            // Somebody else's browser, a forged state, and none at all.
            Browser::new(&node.app, &ada).go(&url).await.refused(400, "invalid_token");
            let forged = altered(&url, "state", Some("forged"));
            browser.go(&forged).await.refused(400, "invalid_token");
            browser.go(&altered(&url, "state", None)).await.expect(400);
            assert!(landed(&mut browser, &url).await.contains_key("access_token"));
            browser.go(&url).await.refused(400, "invalid_token");
            // The code again, on the way back of another login.
            let next = returning(node, &mut browser).await;
            let code = |url: &str| {
                let (_, rest) = url.split_once("code=").expect("a code");
                rest.split('&').next().expect("a code").to_owned()
            };
            let replayed = altered(&next, "code", Some(&code(&url)));
            assert_eq!(landed(&mut browser, &replayed).await["error"], "login_failed");
            browser.go(&next).await.refused(400, "invalid_token");
            // A code that nobody has used yet, but of another login: its verifier is another.
            let mut eve = Browser::new(&node.app, &known("eve", "eve@example.org"));
            let theirs = returning(node, &mut eve).await;
            let mine = returning(node, &mut browser).await;
            let injected = altered(&mine, "code", Some(&code(&theirs)));
            assert_eq!(landed(&mut browser, &injected).await["error"], "login_failed");
            let mine = returning(node, &mut browser).await;
            let mixed = altered(&mine, "iss", Some("https://other.example.org"));
            assert_eq!(landed(&mut browser, &mixed).await["error"], "login_failed");
        });
    }

    fn only_the_identity_that_was_asked_for_is_believed(db) {
        at_provider(db, &[], async |node| {
            let ada = known("ada", ADA);
            for forged in [
                r#"{"nonce": "another"}"#,
                r#"{"nonce": null}"#,
                r#"{"aud": "another"}"#,
                r#"{"aud": ["bursar", "another"]}"#,
                r#"{"azp": "another"}"#,
                r#"{"iss": "https://accounts.example.org"}"#,
                r#"{"exp": 1000000000}"#,
                r#"{"sub": ""}"#,
            ] {
                refused(node, &ada, ("forged", forged), "login_failed").await;
            }
            refused(node, &ada, ("forged", r#"{"email_verified": "true"}"#), "email_not_verified").await;
            refused(node, &ada, ("forged", r#"{"email": null}"#), "email_not_verified").await;
            refused(node, &ada, ("denied", "1"), "access_denied").await;
            let unverified = [("sub", "ada"), ("email", ADA)];
            refused(node, &unverified, ("verified", "false"), "email_not_verified").await;
            // The page before the provider's is in the browser's hands: another nonce, another client.
            for (name, value) in [("nonce", "another"), ("client_id", "another")] {
                let mut browser = Browser::new(&node.app, &ada);
                let url = begin(node).await;
                let out = browser.go(&url).await.expect(303);
                let out = altered(out.headers[LOCATION].to_str().expect("text"), name, Some(value));
                let back = browser.follow(&out, BACK).await;
                assert_eq!(landed(&mut browser, &back).await["error"], "login_failed", "{name}");
            }
            // The forger's own tool makes no difference where nothing is forged.
            let honest: Vec<_> = ada.iter().copied().chain([("forged", r#"{"name": "Ada"}"#)]).collect();
            assert_eq!(come_in(node, &honest, Some("STUDENT")).await["user"]["full_name"], "Ada");
        });
    }

    fn halves_of_a_pair_and_late_ones_open_nothing(db) {
        at_provider(db, &[], async |node| {
            let ada = known("ada", ADA);
            let (one, other) = (walk(node, &ada).await, walk(node, &ada).await);
            let mut mixed = one.clone();
            mixed.insert("refresh_token".into(), other["refresh_token"].clone());
            node.post(CALLBACK, "", tickets(&mixed, Some("STUDENT"))).await.refused(400, "invalid_token");
            // What a login leaves with is no ticket.
            let begun = begin(node).await;
            let url = reqwest::Url::parse(&begun).expect("a URL");
            let of = |name: &str| {
                url.query_pairs().find(|(key, _)| key == name).expect("there").1.into_owned()
            };
            let body = json!({ "access_token": of("state"), "refresh_token": of("key"), "role": "STUDENT" });
            node.post(CALLBACK, "", body).await.refused(400, "invalid_token");
            let slip = stored(&one["access_token"]);
            let db = &node.app.db;
            let find = async |name: String| db.read(move |reads| reads.find::<LoginSlip>(&name)).await;
            let kept = find(slip.clone()).await.expect("a database").expect("known by its digest");
            assert!(!format!("{kept:?}").contains(&one["access_token"]), "{kept:?}");
            assert!(!format!("{kept:?}").contains(ADA), "{kept:?}");
            node.real.advance(Span::minutes(6));
            node.post(CALLBACK, "", tickets(&one, Some("STUDENT"))).await.refused(400, "invalid_token");
            node.real.advance(Span::minutes(5));
            Browser::new(&node.app, &ada).go(&begun).await.refused(400, "invalid_token");
            jobs::run_until_idle(&node.app).await;
            assert_eq!(find(slip).await.expect("a database"), None, "what is over is forgotten");
        });
    }

    fn a_page_elsewhere_is_no_place_to_go_on_to(db) {
        at_provider(db, &[("BURSAR_LIMITS__LOGIN_PER_MINUTE", "3")], async |node| {
            for elsewhere in ["https://evil.example.org/", "https://app.example.org.evil.org/"] {
                let body = json!({ "redirect_to": elsewhere });
                node.post(INITIATE, "", body).await.refused(400, "validation_failed");
            }
            let first = node.post(INITIATE, "", json!({})).await.told(200);
            let mut browser = Browser::new(&node.app, &known("ada", ADA));
            let url = browser.follow(first["oauth_url"].as_str().expect("an address"), "https://app.").await;
            assert!(url.starts_with("https://app.example.org/#access_token="), "{url}");
            node.post(INITIATE, "", json!({})).await.refused(429, "rate_limited");
        });
    }

    fn without_a_provider_it_is_said_so(db) {
        on(db, async |node| {
            let tokens = json!({ "access_token": "x", "refresh_token": "y" });
            for (path, body) in [(INITIATE, json!({})), (CALLBACK, tokens)] {
                let problem = node.post(path, "", body).await.refused(501, "not_configured");
                assert_eq!(problem["success"], false);
            }
            for path in ["depart/?state=x&key=y", "callback/?state=x&code=y"] {
                let answer = node.get(&format!("/api/auth/google/{path}"), "").await;
                answer.refused(501, "not_configured");
            }
        });
        let peer = provider();
        // A document of somebody else's, and nobody at all.
        for issuer in [peer.base.replace("127.0.0.1", "localhost"), "http://127.0.0.1:9".to_owned()] {
            with_issuer(db, &issuer, &[], async |node| {
                let problem = node.post(INITIATE, "", json!({})).await;
                problem.refused(503, "login_provider_unavailable");
            });
        }
    }
}
