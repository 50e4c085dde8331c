use super::*;
use crate::clock::ManualClock;
use crate::config::Secret;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::time::Timestamp;
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;
const SHARED: &str = "0123456789-the-shared-secret-9876543210";
const RSA: &[u8] = include_bytes!("../../../tests/fixtures/issuer.rsa.der");
const RSA_PUBLIC: &[u8] = include_bytes!("../../../tests/fixtures/issuer.rsa.pub.pem");
const EC: &[u8] = include_bytes!("../../../tests/fixtures/issuer.ec.der");
const JWKS: &str = include_str!("../../../tests/fixtures/issuer.jwks.json");

fn settings(secret: &str, jwks: &str) -> config::External {
    config::External {
        issuer: "https://id.example".into(),
        audience: "bursar".into(),
        secret: Secret::new(secret),
        jwks: jwks.into(),
    }
}

async fn external(secret: &str, jwks: &str) -> (External, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(NOW)));
    let opened = External::open(&settings(secret, jwks), Arc::clone(&clock) as Arc<dyn Clock>).await;
    (opened.expect("readable").expect("configured"), clock)
}

fn key_set() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/issuer.jwks.json").to_owned()
}

fn body() -> Value {
    json!({"iss": "https://id.example", "aud": ["other", "bursar"], "sub": "u-1",
           "email": "ada@example.org", "email_verified": true, "exp": NOW + 60})
}

fn sign(header: &Value, body: &Value, key: &EncodingKey, algorithm: Algorithm) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encode(header), encode(body));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm);
    format!("{message}.{}", signature.expect("signed"))
}

fn rs256(header: &Value, body: &Value) -> String {
    sign(header, body, &EncodingKey::from_rsa_der(RSA), Algorithm::RS256)
}

fn hs256(header: &Value, body: &Value, secret: &[u8]) -> String {
    sign(header, body, &EncodingKey::from_secret(secret), Algorithm::HS256)
}

#[tokio::test]
async fn each_kind_of_key_verifies_its_own_algorithm() {
    let (shared, _) = external(SHARED, "").await;
    let token = hs256(&json!({"alg": "HS256", "typ": "JWT"}), &body(), SHARED.as_bytes());
    let outsider = shared.verify(&token).await.expect("valid");
    assert_eq!(outsider.subject, "u-1");
    assert_eq!(outsider.email.as_deref(), Some("ada@example.org"));
    assert!(shared.is_named_by(&token));

    let (set, _) = external("", &key_set()).await;
    let token = rs256(&json!({"alg": "RS256", "kid": "rsa-1"}), &body());
    assert!(set.verify(&token).await.is_ok());
    let key = EncodingKey::from_ec_der(EC);
    let token = sign(&json!({"alg": "ES256", "kid": "ec-1"}), &body(), &key, Algorithm::ES256);
    assert!(set.verify(&token).await.is_ok());
}

#[tokio::test]
async fn a_public_key_is_never_a_shared_secret() {
    use TokenError::{Header, Key};
    let (set, _) = external("", &key_set()).await;
    let modulus = serde_json::from_str::<Value>(JWKS).expect("JSON")["keys"][0]["n"].clone();
    let modulus = modulus.as_str().expect("text").as_bytes();
    let oct = b"0123456789abcdef0123456789abcdef";
    let cases: [(Value, &[u8], TokenError); 5] = [
        (json!({"alg": "HS256", "kid": "rsa-1"}), RSA_PUBLIC, Header),
        (json!({"alg": "HS256", "kid": "rsa-1"}), modulus, Header),
        (json!({"alg": "HS256", "kid": "oct-1"}), oct, Key),
        (json!({"alg": "HS256"}), RSA_PUBLIC, Key),
        (json!({"alg": "none", "kid": "rsa-1"}), b"x", Header),
    ];
    for (header, secret, error) in cases {
        let token = hs256(&header, &body(), secret);
        assert_eq!(set.verify(&token).await, Err(error), "{header}");
    }
}

#[tokio::test]
async fn the_kind_of_a_key_decides_the_algorithm() {
    use TokenError::{Header, Key, Signature};
    let (set, _) = external("", &key_set()).await;
    let cases = [
        (json!({"alg": "RS256", "kid": "ec-1"}), Header),
        (json!({"alg": "ES256", "kid": "ec-1"}), Signature),
        (json!({"alg": "RS384", "kid": "rsa-1"}), Header),
        (json!({"alg": "RS256", "kid": "rsa-enc"}), Key),
        (json!({"alg": "RS256", "kid": "unknown"}), Key),
        (json!({"alg": "RS256"}), Key),
        (json!({"alg": "RS256", "kid": 1}), Header),
        (json!({"alg": "RS256", "kid": "rsa-1", "jku": "https://e"}), Header),
        (json!({"alg": "RS256", "kid": "rsa-1", "crit": ["x"]}), Header),
        (json!({"alg": "RS256", "kid": "rsa-1", "typ": "id+jwt"}), Header),
    ];
    for (header, error) in cases {
        let token = rs256(&header, &body());
        assert_eq!(set.verify(&token).await, Err(error), "{header}");
    }
    let key = EncodingKey::from_ec_der(EC);
    for (header, error) in [
        (json!({"alg": "ES256", "kid": "rsa-1"}), Header),
        (json!({"alg": "RS256", "kid": "rsa-1"}), Signature),
    ] {
        let token = sign(&header, &body(), &key, Algorithm::ES256);
        assert_eq!(set.verify(&token).await, Err(error), "{header}");
    }
}

#[tokio::test]
async fn claims_are_checked() {
    use TokenError::{Audience, Claims, Expired, Issuer, NotYetValid};
    let (shared, clock) = external(SHARED, "").await;
    let with = |name: &str, value: Value| {
        let mut body = body();
        body[name] = value;
        hs256(&json!({"alg": "HS256"}), &body, SHARED.as_bytes())
    };
    let cases = [
        (with("iss", json!("https://evil.example")), Issuer),
        (with("aud", json!("other")), Audience),
        (with("aud", json!(["bursar2"])), Audience),
        (with("aud", json!(7)), Audience),
        (with("exp", json!(NOW)), Expired),
        (with("exp", json!(null)), Claims),
        (with("nbf", json!(NOW + 100)), NotYetValid),
        (with("sub", json!("")), Claims),
        (with("sub", json!(null)), Claims),
    ];
    for (token, error) in cases {
        assert_eq!(shared.verify(&token).await, Err(error));
    }
    let unverified = shared.verify(&with("email_verified", json!("true"))).await;
    assert_eq!(unverified.expect("valid").email, None);
    clock.advance(Span::MINUTE);
    let late = shared.verify(&with("sub", json!("u-1"))).await;
    assert_eq!(late, Err(Expired));
}

#[tokio::test]
async fn a_new_key_is_found_without_a_restart_and_junk_does_not_make_us_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jwks.json");
    let mut set: Value = serde_json::from_str(JWKS).expect("JSON");
    let keys = set["keys"].as_array_mut().expect("a list");
    let rsa = keys.remove(0);
    std::fs::write(&path, set.to_string()).expect("writable");
    let (external, clock) = external("", path.to_str().expect("text")).await;
    let mut body = body();
    body["exp"] = json!(NOW + 3_600);
    let token = rs256(&json!({"alg": "RS256", "kid": "rsa-1"}), &body);
    set["keys"].as_array_mut().expect("a list").push(rsa);
    std::fs::write(&path, set.to_string()).expect("writable");
    assert_eq!(external.verify(&token).await, Err(TokenError::Key), "too soon to look again");
    clock.advance(Span::MINUTE);
    assert!(external.verify(&token).await.is_ok());
}

#[tokio::test]
async fn a_key_set_that_cannot_be_used_stops_the_start() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(NOW)));
    for place in ["/nowhere.json", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
        let settings = settings("", place);
        let opened = External::open(&settings, Arc::clone(&clock) as Arc<dyn Clock>);
        let error = opened.await.err().expect("unusable");
        assert!(error.to_string().contains("auth.external.jwks"), "{error}");
    }
}

#[tokio::test]
async fn an_identity_answers_our_question_and_is_for_us_alone() {
    let (set, _) = external("", &key_set()).await;
    let with = |changes: Value| {
        let mut body = body();
        body["aud"] = json!("bursar");
        body["nonce"] = json!("asked");
        for (name, value) in changes.as_object().expect("members") {
            body[name] = value.clone();
        }
        body
    };
    let header = json!({"alg": "RS256", "kid": "rsa-1", "typ": "JWT"});
    for changes in [json!({}), json!({"aud": ["bursar"]}), json!({"azp": "bursar"})] {
        let token = rs256(&header, &with(changes.clone()));
        assert!(set.verify_login(&token, "asked").await.is_ok(), "{changes}");
    }
    let cases = [
        (json!({"nonce": "another"}), TokenError::Nonce),
        (json!({"nonce": null}), TokenError::Nonce),
        (json!({"nonce": ["asked"]}), TokenError::Nonce),
        (json!({"aud": "another"}), TokenError::Audience),
        (json!({"aud": ["bursar", "another"]}), TokenError::Audience),
        (json!({"aud": ["bursar", "another"], "azp": "bursar"}), TokenError::Audience),
        (json!({"azp": "another"}), TokenError::Audience),
        (json!({"azp": null}), TokenError::Audience),
        (json!({"iss": "https://evil.example"}), TokenError::Issuer),
        (json!({"exp": NOW}), TokenError::Expired),
    ];
    for (changes, error) in cases {
        let token = rs256(&header, &with(changes.clone()));
        assert_eq!(set.verify_login(&token, "asked").await, Err(error), "{changes}");
    }
    let access = rs256(&json!({"alg": "RS256", "kid": "rsa-1", "typ": "at+jwt"}), &with(json!({})));
    assert_eq!(set.verify_login(&access, "asked").await, Err(TokenError::Header), "no identity");
}
