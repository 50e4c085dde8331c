//! Requesting a session.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::bookings::Create;
use domain::id::{Id, OfferId, PersonId};
use domain::idempotency::{Done, Once, Repeatable};
use domain::records::{Booking, Person, Space};
use domain::schedule::Slot;
use domain::time::Span;
use serde::Deserialize;
use store::reads::bookings::BookingParts;
use utoipa::ToSchema;

use super::view::{BookingView, Look, render};
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::idempotency::{self, Request, respond};
use crate::http::json::{FreeText, Instant, MoneyText};
use crate::http::openapi::IdempotencyKey;
use crate::http::{Body, Problem};

/// Characters.
const SESSION_TYPE_MAX: usize = 50;
const SESSION_TYPE_DEFAULT: &str = "video_call";
/// 0.017 hours: what rounding to two decimals may do, and a little more.
const DURATION_TOLERANCE: Span = Span(61_200_000);

#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateBooking {
    /// The teacher's user id.
    teacher: String,
    gig: i64,
    #[schema(value_type = String, format = DateTime)]
    start_time: Instant,
    #[schema(value_type = String, format = DateTime)]
    end_time: Instant,
    /// Must agree with the times when it is given.
    #[schema(value_type = Option<f64>)]
    duration_hours: Option<MoneyText>,
    /// Must be the start when it is given.
    #[schema(value_type = Option<String>, format = DateTime)]
    scheduled_datetime: Option<Instant>,
    #[schema(value_type = Option<String>)]
    notes: Option<FreeText>,
    /// `video_call` unless given.
    session_type: Option<String>,
}

/// Request a session with a teacher.
#[utoipa::path(
    post, path = "/api/bookings/bookings/", tag = "bookings", security(("bearer" = [])),
    request_body = CreateBooking,
    params(IdempotencyKey),
    responses(
        (status = 201, body = BookingView),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn create_booking(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body<CreateBooking>,
) -> Result<Response, Problem> {
    let Body { value: input, digest } = body;
    let person = caller.person;
    let key = Request { person: person.id, operation: "create_booking", path: &[], digest }.key(&headers)?;
    check(&input)?;
    let teacher = find_teacher(&app, &input.teacher).await?;
    let command = Create {
        payer: person.id,
        payee: teacher.id,
        offer: OfferId::from_raw(input.gig),
        slot: Slot { starts_at: input.start_time.0, ends_at: input.end_time.0 },
        notes: input.notes.map(String::from).unwrap_or_default(),
        session_type: input.session_type.unwrap_or_else(|| SESSION_TYPE_DEFAULT.to_string()),
    };
    let look = Look::of(&app, person.id);
    let answer = move |booking: &Booking| {
        let (payer, payee) = (person.clone(), teacher.clone());
        let parts = BookingParts { booking: booking.clone(), payer, payee, payment: None, op: None };
        idempotency::success(StatusCode::CREATED, &render(&parts, &look))
    };
    match app.db.submit(Once { request: Repeatable { command, key }, render: Arc::new(answer) }).await? {
        Done::Fresh { answer, .. } => Ok(respond(answer, false)),
        Done::Replay(answer) => Ok(respond(answer, true)),
    }
}

fn check(input: &CreateBooking) -> Result<(), Problem> {
    let length = input.end_time.0 - input.start_time.0;
    if let Some(hours) = &input.duration_hours {
        let Some(hours) = Hours::parse(hours.as_str()) else {
            return Err(Problem::field("duration_hours", "must be a number of hours such as 1.5"));
        };
        if !hours.agrees(length) {
            return Err(Problem::field("duration_hours", "must be the time between start and end"));
        }
    }
    if input.scheduled_datetime.is_some_and(|at| at != input.start_time) {
        return Err(Problem::field("scheduled_datetime", "must be the start"));
    }
    let session_type = input.session_type.as_deref().unwrap_or(SESSION_TYPE_DEFAULT);
    if session_type.is_empty() || session_type.chars().count() > SESSION_TYPE_MAX {
        return Err(Problem::field("session_type", "must be 1 to 50 characters"));
    }
    Ok(())
}

async fn find_teacher(app: &App, uuid: &str) -> Result<Person, Problem> {
    let uuid = uuid.trim().to_ascii_lowercase();
    let found = app.db.read(move |reads| match reads.claimed(Space::Uuid, &uuid)? {
        Some(person) => reads.find::<Person>(&PersonId::from_raw(person)),
        None => Ok(None),
    });
    found.await?.filter(|person| person.active).ok_or_else(Problem::not_found)
}

/// Hours as a decimal, exact: `digits / 10^places`.
struct Hours {
    digits: i128,
    places: u32,
}

impl Hours {
    const WHOLE_MAX: usize = 9;
    /// JavaScript prints up to 17 significant digits; more say nothing here.
    const PLACES_MAX: usize = 18;

    fn parse(text: &str) -> Option<Hours> {
        let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) || whole.len() > Hours::WHOLE_MAX {
            return None;
        }
        let fraction = &fraction[..fraction.len().min(Hours::PLACES_MAX)];
        let places = u32::try_from(fraction.len()).expect("at most 18");
        Some(Hours { digits: format!("{whole}{fraction}").parse().ok()?, places })
    }

    fn agrees(&self, length: Span) -> bool {
        let scale = 10_i128.pow(self.places);
        let claimed = self.digits * i128::from(Span::HOUR.0);
        let difference = claimed - i128::from(length.0) * scale;
        difference.abs() <= i128::from(DURATION_TOLERANCE.0) * scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agrees(hours: &str, minutes: i64) -> Option<bool> {
        Hours::parse(hours).map(|hours| hours.agrees(Span::minutes(minutes)))
    }

    #[test]
    fn hours_agree_within_a_minute_and_are_read_exactly() {
        for hours in ["1.5", "1.50", "1.517", "1.483", "1.5000000000000000000000001"] {
            assert_eq!(agrees(hours, 90), Some(true), "{hours}");
        }
        for hours in ["1", "1.5171", "1.4829", "999999999"] {
            assert_eq!(agrees(hours, 90), Some(false), "{hours}");
        }
        assert_eq!(agrees("1.6666666666666667", 100), Some(true));
        for junk in ["", "-1.5", "1e1", "NaN", "1.", ".5", "1,5", "9999999999"] {
            assert_eq!(agrees(junk, 90), None, "{junk}");
        }
    }
}
