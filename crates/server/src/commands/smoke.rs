//! `bursar smoke`: a whole booking over HTTP on a marketplace of its own: people, a gig, a card, a
//! payment, a cancellation and the money back, then the books recounted.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use domain::time::Span;
use reqwest::Method;
use serde_json::{Value, json};
use store::engine::Options;
use store::verify::verify_database;

use super::house::{House, VisitError, id, private_config, text};
use super::start::url;
use crate::clock::{OffsetClock, SystemClock};
use crate::dice::{OsDice, uuid_v4};
use crate::http::json::Instant;

const PASSWORD: &str = "a lantern in the harbour";

/// Says every step; 1 when one went wrong. Nothing is left behind.
pub async fn smoke() -> Result<ExitCode, VisitError> {
    let folder = std::env::temp_dir().join(format!("bursar-smoke-{}", uuid_v4(&OsDice)));
    let outcome = run(folder.clone()).await;
    if let Err(error) = std::fs::remove_dir_all(&folder) {
        tracing::warn!(%error, folder = %folder.display(), "the smoke test's folder is left behind");
    }
    match outcome {
        Ok(()) => {
            println!("smoke: all is well");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            println!("smoke: {error}");
            Ok(ExitCode::from(1))
        }
    }
}

async fn run(folder: PathBuf) -> Result<(), VisitError> {
    let config = private_config(&folder)?;
    let (url, clock) = (url(&config)?, Arc::new(OffsetClock::new(Arc::new(SystemClock))));
    let house = House::open(config, clock).await?;
    println!("smoke: started");
    let student = join(&house, "student").await?;
    let teacher = join(&house, "teacher").await?;
    println!("smoke: two people are registered and logged in");
    let booking = book(&house, &student, &teacher).await?;
    println!("smoke: booking {booking} is requested and confirmed");
    pay(&house, &student, booking).await?;
    println!("smoke: it is paid: 52.50");
    cancel(&house, &student, booking).await?;
    println!("smoke: it is cancelled, and the money is on its way back");
    house.elapse(Span::MINUTE).await;
    check_end(&house, &student, booking).await?;
    house.close().await?;
    let findings = tokio::task::spawn_blocking(move || verify_database(&url, &Options::default())).await?;
    match findings.map_err(super::StartError::from)?.first() {
        Some(finding) => Err(VisitError::Wrong(format!("the books are not in order: {finding}"))),
        None => Ok(()),
    }
}

struct Somebody {
    uuid: String,
    token: String,
}

async fn join(house: &House, role: &str) -> Result<Somebody, VisitError> {
    let email = format!("{role}@smoke.example");
    let person =
        json!({ "email": email, "password": PASSWORD, "full_name": format!("Smoke {role}"), "role": role });
    let registered = house.post(None, "/api/register/", &person).await?;
    let login = house.post(None, "/api/login/", &json!({ "email": email, "password": PASSWORD })).await?;
    Ok(Somebody { uuid: text(&registered, "user_id")?, token: text(&login, "access_token")? })
}

async fn book(house: &House, student: &Somebody, teacher: &Somebody) -> Result<i64, VisitError> {
    let gig = json!({
        "category": "language", "service_type": "Conversation", "service_title": "Spanish conversation",
        "short_description": "Talk", "full_description": "Talk a lot", "price_per_session": "50.00",
        "session_duration": 60, "tags": [], "what_you_provide_in_session": "Time", "status": "active",
    });
    let gig = house.post(Some(&teacher.token), "/api/accounts/gigs/", &gig).await?;
    let start = house.app().clock.now() + Span::DAY;
    let booking = json!({
        "teacher": teacher.uuid, "gig": id(&gig, "id")?, "start_time": Instant(start).text(),
        "end_time": Instant(start + Span::HOUR).text(),
    });
    let booking = id(&house.post(Some(&student.token), "/api/bookings/bookings/", &booking).await?, "id")?;
    let path = format!("/api/bookings/bookings/{booking}/confirm/");
    house.post(Some(&teacher.token), &path, &json!({})).await?;
    Ok(booking)
}

async fn pay(house: &House, student: &Somebody, booking: i64) -> Result<(), VisitError> {
    let card = json!({
        "card_number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123",
        "cardholder_name": "Smoke Student",
    });
    let card = house.post(Some(&student.token), "/api/payments/add-payment-method/", &card).await?;
    let method = text(&card, "payment_method_id")?;
    let path = "/api/payments/process-booking-payment/";
    let paid = json!({ "booking_id": booking, "payment_method_id": method });
    let paid = house.post(Some(&student.token), path, &paid).await?;
    expect(&paid["amount_paid"].to_string(), "52.50")
        .or_else(|_| expect(&paid["amount_paid"].to_string(), "52.5"))
}

async fn cancel(house: &House, student: &Somebody, booking: i64) -> Result<(), VisitError> {
    let path = format!("/api/bookings/bookings/{booking}/cancel/");
    let answer = house.post(Some(&student.token), &path, &json!({ "reason": "ill" })).await?;
    if answer["refund"].is_null() { Err(VisitError::Missing("refund")) } else { Ok(()) }
}

async fn check_end(house: &House, student: &Somebody, booking: i64) -> Result<(), VisitError> {
    let path = format!("/api/bookings/bookings/{booking}/");
    let (_, booking) = house.ask(Some(&student.token), Method::GET, &path, &Value::Null).await?;
    expect(&text(&booking, "status")?, "CANCELLED")?;
    expect(&text(&booking, "payment_status")?, "REFUNDED")
}

fn expect(found: &str, wanted: &str) -> Result<(), VisitError> {
    if found == wanted { Ok(()) } else { Err(VisitError::Wrong(format!("{found} instead of {wanted}"))) }
}
