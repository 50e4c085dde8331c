use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body as RawBody;
use axum::http::{Request, StatusCode};
use axum::routing::{get as on_get, post as on_post};
use axum::{Json, Router};
use domain::money::Currency;
use hyper::body::Frame;
use serde::Deserialize;
use serde_json::{Value, json};
use server::http::json::{Instant, MoneyNumber, MoneyText};
use server::http::{Body, Problem, Query};
use tokio::io::AsyncRead;

use super::{get, problem, send, wrapped};

#[derive(Deserialize)]
struct Pay {
    booking_id: i64,
    #[serde(default)]
    save: bool,
    amount: Option<MoneyText>,
    at: Option<Instant>,
    card: Option<Card>,
}

#[derive(Deserialize)]
struct Card {
    number: String,
}

async fn pay(body: Body<Pay>) -> Result<Json<Value>, Problem> {
    let pay = body.value;
    let amount = match &pay.amount {
        Some(text) => Some(text.money("amount", Currency::USD)?),
        None => None,
    };
    let amount = amount.map(|amount| serde_json::to_value(MoneyNumber(amount)).expect("a number"));
    let at = pay.at.map(Instant::text);
    let digits = pay.card.map(|card| card.number.len());
    Ok(Json(json!({
        "booking_id": pay.booking_id, "save": pay.save, "amount": amount, "at": at,
        "digits": digits, "digest": body.digest,
    })))
}

#[derive(Deserialize)]
struct Filter {
    status: Option<String>,
    #[serde(default)]
    page: i64,
}

async fn list(Query(filter): Query<Filter>) -> Json<Value> {
    Json(json!({"status": filter.status, "page": filter.page}))
}

fn router() -> Router {
    let routes = Router::new().route("/pay", on_post(pay)).route("/list", on_get(list));
    wrapped(routes, &[("BURSAR_LIMITS__OTHER_PER_MINUTE", "0")])
}

async fn post(kind: Option<&str>, body: impl Into<RawBody>) -> axum::response::Response {
    let mut request = Request::post("/pay/");
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    send(&router(), request.body(body.into()).expect("valid")).await
}

#[tokio::test]
async fn the_three_forms_of_a_body_mean_the_same() {
    let boundary = "multipart/form-data; boundary=XX";
    let parts = [
        ("booking_id", "7"),
        ("save", "true"),
        ("amount", "78.75"),
        ("at", "2026-01-31T10:00:00+01:00"),
        ("card.number", "42"),
    ];
    let mut multipart = String::new();
    for (name, value) in parts {
        let heading = "--XX\r\nContent-Disposition: form-data; name=\"";
        multipart.extend([heading, name, "\"\r\n\r\n", value, "\r\n"]);
    }
    multipart.push_str("--XX--\r\n");
    let bodies = [
        (
            None,
            r#"{"booking_id":7,"save":true,"amount":78.75,"at":"2026-01-31T10:00:00+01:00","card":{"number":"42"}}"#,
        ),
        (
            Some("application/json; charset=utf-8"),
            r#"{"amount":"78.75","booking_id":"7","card":{"number":42},"at":"2026-01-31T10:00:00+01:00","save":true}"#,
        ),
        (
            Some("application/x-www-form-urlencoded"),
            "booking_id=7&save=true&amount=78.75&card[number]=42&at=2026-01-31T10%3A00%3A00%2B01%3A00",
        ),
        (Some(boundary), multipart.as_str()),
    ];
    let mut digests = Vec::new();
    for (kind, body) in bodies {
        let response = post(kind, body.to_owned()).await;
        assert_eq!(response.status(), StatusCode::OK, "{kind:?}");
        let mut body = super::json(response).await;
        digests.push(body["digest"].take());
        assert_eq!(body["amount"].to_string(), "78.75");
        assert_eq!(body["at"], "2026-01-31T09:00:00Z");
        assert_eq!(
            (&body["booking_id"], &body["save"], &body["digits"]),
            (&json!(7), &json!(true), &json!(2))
        );
    }
    assert_eq!(digests[0], digests[2]);
    assert_eq!(digests[2], digests[3]);
}

#[tokio::test]
async fn malformed_bodies_are_400() {
    let json = Some("application/json");
    let form = Some("application/x-www-form-urlencoded");
    let cases: Vec<(Option<&str>, Vec<u8>)> = vec![
        (json, b"{".to_vec()),
        (json, b"\xff".to_vec()),
        (json, b"[1]".to_vec()),
        (json, br#"{"booking_id":1,"booking_id":2}"#.to_vec()),
        (json, br#"{"booking_id":1,"x":"\u0000"}"#.to_vec()),
        (json, br#"{"booking_id":NaN}"#.to_vec()),
        (json, br#"{"booking_id":1,"x":9007199254740992}"#.to_vec()),
        (json, [b"[".repeat(200), b"]".repeat(200)].concat()),
        (form, b"booking_id=\xff".to_vec()),
        (form, b"booking_id=1&x=%00".to_vec()),
        (Some("multipart/form-data"), b"--".to_vec()),
        (Some("multipart/form-data; boundary=X"), b"--X\r\n".to_vec()),
        (Some("text/plain"), b"booking_id=1".to_vec()),
        (Some("application/xml"), b"<a/>".to_vec()),
    ];
    for (kind, body) in cases {
        let shown = String::from_utf8_lossy(&body).into_owned();
        let response = post(kind, body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{shown}");
        problem(response, StatusCode::BAD_REQUEST, "malformed").await;
    }
}

#[tokio::test]
async fn wrong_fields_are_named_and_never_quoted() {
    let cases = [
        ("{}", "booking_id"),
        ("", "booking_id"),
        (r#"{"booking_id":"4242424242424242x"}"#, "booking_id"),
        (r#"{"booking_id":1,"amount":1.005}"#, "amount"),
        (r#"{"booking_id":1,"amount":"4242424242424242 x"}"#, "amount"),
        (r#"{"booking_id":1,"at":"2026-01-31T10:00:00"}"#, "at"),
        (r#"{"booking_id":1,"card":{}}"#, "card.number"),
        (r#"{"booking_id":1,"card":4242424242424242}"#, "card"),
    ];
    for (body, field) in cases {
        let response = post(None, body).await;
        let body = problem(response, StatusCode::BAD_REQUEST, "validation_failed").await;
        assert!(body["details"][field][0].is_string(), "{field}: {body}");
        assert!(!body.to_string().contains("4242"), "{body}");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_off() {
    let (mut sender, receiver) = tokio::io::duplex(4_096);
    let writer = tokio::spawn(async move {
        while tokio::io::AsyncWriteExt::write_all(&mut sender, &[b' '; 4_096]).await.is_ok() {}
    });
    let response = post(Some("application/json"), RawBody::new(Trickle(receiver))).await;
    problem(response, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").await;
    writer.await.expect("it stops when nobody reads");
}

/// A body that announces no length.
struct Trickle(tokio::io::DuplexStream);

impl axum::body::HttpBody for Trickle {
    type Data = axum::body::Bytes;
    type Error = std::io::Error;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut room = [0; 4_096];
        let mut buffer = tokio::io::ReadBuf::new(&mut room);
        let read = Pin::new(&mut self.0).poll_read(context, &mut buffer);
        read.map(|read| match read {
            Ok(()) if buffer.filled().is_empty() => None,
            Ok(()) => Some(Ok(Frame::data(buffer.filled().to_vec().into()))),
            Err(error) => Some(Err(error)),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up() {
    let (sender, receiver) = tokio::io::duplex(16);
    let response = post(None, RawBody::new(Trickle(receiver))).await;
    problem(response, StatusCode::BAD_REQUEST, "malformed").await;
    drop(sender);
}

#[tokio::test]
async fn query_strings_are_read_like_forms() {
    let router = router();
    let body = super::json(get(&router, "/list/?status=PAID&page=3&unknown=1").await).await;
    assert_eq!(body, json!({"status": "PAID", "page": 3}));
    let body = super::json(get(&router, "/list?status=").await).await;
    assert_eq!(body, json!({"status": null, "page": 0}));
    let response = get(&router, "/list?page=x").await;
    let body = problem(response, StatusCode::BAD_REQUEST, "validation_failed").await;
    assert!(body["details"]["page"].is_array());
}
