use super::*;
use crate::clock::ManualClock;
use crate::config::{Sources, load};
use domain::time::Timestamp;
use serde_json::Value;

const NOW: i64 = 1_800_000_000;
const KEY: &str = "0123456789-the-signing-key-9876543210";
const RETIRED: &str = "0123456789-the-retired-key-9876543210";
const FOREIGN: &str = "0123456789-the-foreign-key-9876543210";
const INSTANCE: &str = "6f1c1e3a-0000-4000-8000-000000000001";
const PERSON: &str = "6f1c1e3a-0000-4000-8000-00000000000a";

fn tokens() -> (Tokens, Arc<ManualClock>) {
    let set = [
        ("BURSAR_SECRETS__JWT_KEY", KEY),
        ("BURSAR_SECRETS__JWT_KEYS_RETIRED", RETIRED),
        ("BURSAR_SECRETS__KEY_ENCRYPTION_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"),
        ("BURSAR_SECRETS__SANDBOX_WEBHOOK_SECRET", KEY),
        ("BURSAR_SECRETS__INSTANCE", INSTANCE),
    ];
    let sources = Sources {
        env: set.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        ..Sources::default()
    };
    let config = load(&sources).expect("valid");
    let secrets = Secrets::load(&config, &crate::dice::OsDice).expect("all are set");
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(NOW)));
    let tokens = Tokens::new(&config, &secrets, Arc::clone(&clock) as Arc<dyn Clock>);
    (tokens, clock)
}

fn claims() -> Claims {
    Claims { person: PERSON.into(), session: 513, version: 2 }
}

fn key_id(secret: &str) -> String {
    Key::new(&Secret::new(secret)).id
}

/// Signs any two texts as a token.
fn forge(header: &str, body: &str, secret: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", encode(header), encode(body));
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
    format!("{message}.{}", signature.expect("HMAC signs anything"))
}

fn header() -> Value {
    json!({"alg": "HS256", "typ": "at+jwt", "kid": key_id(KEY)})
}

fn body() -> Value {
    json!({
        "iss": format!("urn:bursar:{INSTANCE}"), "aud": "bursar-api", "sub": PERSON,
        "sid": 513, "ver": 2, "iat": NOW, "nbf": NOW, "exp": NOW + 900,
    })
}

/// The good token with one member changed, or removed when the value is null.
fn changed(mut object: Value, name: &str, value: &Value) -> String {
    let members = object.as_object_mut().expect("an object");
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.into(), value.clone());
    }
    object.to_string()
}

#[test]
fn a_token_is_read_as_it_was_issued() {
    let (tokens, clock) = tokens();
    let access = tokens.issue(&claims());
    assert_eq!(access.expires_in_seconds, 900);
    assert_eq!(tokens.verify(access.token.expose()), Ok(claims()));
    assert_eq!(forge(&header().to_string(), &body().to_string(), KEY).len(), access.token.expose().len());
    clock.advance(Span::seconds(899));
    assert_eq!(tokens.verify(access.token.expose()), Ok(claims()));
    clock.advance(Span::SECOND);
    assert_eq!(tokens.verify(access.token.expose()), Err(TokenError::Expired));
}

#[test]
fn a_retired_key_still_verifies() {
    let (tokens, _) = tokens();
    let header = changed(header(), "kid", &json!(key_id(RETIRED)));
    let token = forge(&header, &body().to_string(), RETIRED);
    assert_eq!(tokens.verify(&token), Ok(claims()));
}

#[test]
fn tokens_with_hostile_headers_are_refused() {
    use TokenError::{Header, Key as UnknownKey};
    let (tokens, _) = tokens();
    let cases = [
        ("alg", json!("none"), Header),
        ("alg", json!("None"), Header),
        ("alg", json!("NONE"), Header),
        ("alg", json!("nOnE"), Header),
        ("alg", json!(""), Header),
        ("alg", json!("hs256"), Header),
        ("alg", json!("HS384"), Header),
        ("alg", json!("HS512"), Header),
        ("alg", json!("RS256"), Header),
        ("alg", json!("ES256"), Header),
        ("alg", json!("PS256"), Header),
        ("alg", json!("EdDSA"), Header),
        ("alg", json!(256), Header),
        ("alg", json!(["HS256"]), Header),
        ("alg", json!(null), Header),
        ("typ", json!("JWT"), Header),
        ("typ", json!("at+JWT "), Header),
        ("typ", json!("refresh+jwt"), Header),
        ("typ", json!(null), Header),
        ("kid", json!(null), Header),
        ("kid", json!(7), Header),
        ("kid", json!(""), UnknownKey),
        ("kid", json!("../../dev/null"), UnknownKey),
        ("kid", json!("' OR '1'='1"), UnknownKey),
        ("kid", json!(key_id(FOREIGN)), UnknownKey),
        ("jku", json!("https://evil.example/jwks.json"), Header),
        ("jwk", json!({"kty": "oct", "k": "AAAA"}), Header),
        ("x5u", json!("https://evil.example/cert.pem"), Header),
        ("x5c", json!(["MIIB"]), Header),
        ("crit", json!(["exp"]), Header),
        ("crit", json!([]), Header),
        ("b64", json!(false), Header),
        ("zip", json!("DEF"), Header),
        ("enc", json!("A256GCM"), Header),
        ("cty", json!("JWT"), Header),
        ("x5t", json!("AAAA"), Header),
    ];
    for (name, value, error) in &cases {
        let token = forge(&changed(header(), name, value), &body().to_string(), KEY);
        assert_eq!(tokens.verify(&token), Err(*error), "{name}: {value}");
    }
    assert!(cases.len() > 30);
}

#[test]
fn tokens_with_hostile_claims_are_refused() {
    use TokenError::{Audience, Claims as Claim, Expired, Issuer, Malformed, NotYetValid};
    let (tokens, _) = tokens();
    let cases = [
        ("iss", json!(null), Issuer),
        ("iss", json!("urn:bursar:other"), Issuer),
        ("iss", json!([format!("urn:bursar:{INSTANCE}")]), Issuer),
        ("aud", json!(null), Audience),
        ("aud", json!("other-api"), Audience),
        ("aud", json!(["bursar-api"]), Audience),
        ("aud", json!("bursar-api "), Audience),
        ("exp", json!(null), Claim),
        ("exp", json!(NOW.to_string()), Claim),
        ("exp", json!("never"), Claim),
        ("exp", json!(true), Claim),
        ("exp", json!(1.9e9), Claim),
        ("exp", json!({}), Claim),
        ("exp", json!(NOW), Expired),
        ("exp", json!(NOW - 1), Expired),
        ("exp", json!(0), Expired),
        ("exp", json!(-1), Expired),
        ("exp", json!(i64::MAX), Malformed),
        ("nbf", json!(NOW + 61), NotYetValid),
        ("nbf", json!("now"), Claim),
        ("nbf", json!([0]), Claim),
        ("iat", json!(NOW + 3_600), NotYetValid),
        ("iat", json!(false), Claim),
        ("sub", json!(null), Claim),
        ("sub", json!(""), Claim),
        ("sub", json!(7), Claim),
        ("sub", json!([PERSON]), Claim),
        ("sub", json!("a\u{0}b"), Malformed),
        ("sid", json!(null), Claim),
        ("sid", json!("513"), Claim),
        ("sid", json!(1.5), Claim),
        ("ver", json!(null), Claim),
        ("ver", json!("2"), Claim),
    ];
    for (name, value, error) in cases {
        let token = forge(&header().to_string(), &changed(body(), name, &value), KEY);
        assert_eq!(tokens.verify(&token), Err(error), "{name}: {value}");
    }
}

#[test]
fn tokens_that_are_no_tokens_are_refused() {
    use TokenError::{Malformed, Signature};
    let (tokens, _) = tokens();
    let good = tokens.issue(&claims()).token;
    let good = good.expose();
    let parts: Vec<&str> = good.split('.').collect();
    let [header_part, body_part, signature] = parts[..] else {
        panic!("three parts");
    };
    let foreign = forge(&header().to_string(), &body().to_string(), FOREIGN);
    let admin = URL_SAFE_NO_PAD.encode(changed(body(), "sub", &json!("admin")));
    let twice = r#"{"alg":"none","alg":"HS256","typ":"at+jwt"}"#;
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(64), "]".repeat(64));
    let cases = [
        (String::new(), Malformed),
        (".".into(), Malformed),
        ("..".into(), Malformed),
        ("a.b".into(), Malformed),
        ("a.b.c.d.e".into(), Malformed),
        (format!("{good}."), Malformed),
        (format!("{good}.x"), Malformed),
        (format!(" {good}"), Malformed),
        (format!("{good}="), Malformed),
        (format!("{good}\n"), Malformed),
        (format!("{header_part}.{body_part}."), Malformed),
        (format!("{header_part}.{body_part}"), Malformed),
        (format!("{header_part}.{body_part}.é"), Malformed),
        (format!("{header_part}.{body_part}.AAAA"), Signature),
        (format!("{header_part}.{admin}.{signature}"), Signature),
        (format!("{header_part}.{body_part}.{}", URL_SAFE_NO_PAD.encode([0; 32])), Signature),
        (foreign, Signature),
        (forge(twice, &body().to_string(), KEY), Malformed),
        (forge(&header().to_string(), "[]", KEY), Malformed),
        (forge(&header().to_string(), "not json", KEY), Malformed),
        (forge(&header().to_string(), &deep, KEY), Malformed),
        (forge(&"x".repeat(9_000), "{}", KEY), Malformed),
    ];
    for (token, error) in cases {
        assert_eq!(tokens.verify(&token), Err(error), "{token}");
    }
}

#[test]
fn changing_any_character_breaks_a_token() {
    let (tokens, _) = tokens();
    let good = tokens.issue(&claims()).token;
    let good = good.expose().as_bytes();
    for at in 0..good.len() {
        let mut bad = good.to_vec();
        bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
        let bad = String::from_utf8(bad).expect("ASCII");
        assert!(tokens.verify(&bad).is_err(), "{at}");
    }
}

#[test]
fn both_schemes_of_the_header_are_known_in_any_case() {
    for (value, token) in [
        ("Bearer abc", Some("abc")),
        ("bearer  abc ", Some("abc")),
        ("TOKEN abc", Some("abc")),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("abc", None),
        ("", None),
    ] {
        assert_eq!(from_header(value), token, "{value}");
    }
}
