//! When a session with a teacher could be booked: his hours and his busy times are read once, whatever
//! the day and however many slots it has.

use axum::Json;
use axum::extract::State;
use domain::calendar::{Zone, free_starts};
use domain::schedule::{LENGTH_MAX, Slot};
use domain::time::Span;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::{time_of_day, whose};
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::dates::{day_number, day_text};
use crate::http::json::Instant;
use crate::http::{Problem, Query};

/// Minutes of a session unless asked otherwise.
const DURATION_DEFAULT: i64 = 60;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FreeQuery {
    /// The teacher's user id.
    teacher_id: Option<String>,
    /// A day in the teacher's zone: `2026-01-31`.
    date: Option<String>,
    /// Minutes, 60 unless given.
    duration: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct FreeSlots {
    date: String,
    teacher_id: String,
    /// IANA name; the times of day are this zone's.
    time_zone: String,
    /// In order; they may overlap, since sessions are offered every half hour.
    available_slots: Vec<FreeSlot>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct FreeSlot {
    /// `HH:MM` in the teacher's zone
    start_time: String,
    end_time: String,
    #[schema(value_type = String, format = DateTime)]
    datetime_start: Instant,
    #[schema(value_type = String, format = DateTime)]
    datetime_end: Instant,
}

/// Sessions of a day that could be booked.
#[utoipa::path(
    get, path = "/api/bookings/slots/available/", tag = "availability", security(("bearer" = [])),
    params(FreeQuery),
    responses(
        (status = 200, body = FreeSlots),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn list_free_slots(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<FreeQuery>,
) -> Result<Json<FreeSlots>, Problem> {
    let day = query.date.as_deref().and_then(day_number);
    let day = day.ok_or_else(|| Problem::field("date", "must be a date such as 2026-01-31"))?;
    let length = length(&app, query.duration.unwrap_or(DURATION_DEFAULT))?;
    let payee = whose(&app, &caller, query.teacher_id.as_deref()).await?;
    let found = app.db.read(move |reads| {
        let Some(calendar) = reads.calendar(payee)? else { return Ok(None) };
        let zone = Zone::named(&calendar.time_zone).unwrap_or_default();
        let (from, until) = zone.bounds(day);
        let busy = reads.busy(payee, from.day()..=(until + length).day())?;
        Ok(Some((calendar, zone, busy)))
    });
    let (calendar, zone, busy) = found.await?.ok_or_else(Problem::not_found)?;
    let taken: Vec<Slot> = busy.iter().map(domain::records::Busy::slot).collect();
    let mut free = free_starts(&calendar.hours(), &zone, day, length, &taken);
    let now = app.clock.now();
    free.retain(|slot| slot.starts_at > now);
    Ok(Json(FreeSlots {
        date: day_text(day),
        teacher_id: calendar.person.uuid,
        time_zone: calendar.time_zone,
        available_slots: free.into_iter().map(|slot| shown(&zone, slot)).collect(),
    }))
}

/// A length that could be booked.
fn length(app: &App, minutes: i64) -> Result<Span, Problem> {
    let policy = &app.policies.booking;
    let most = policy.length_max.min(LENGTH_MAX);
    let wrong = || {
        let (least, most) = (policy.length_min.whole_seconds() / 60, most.whole_seconds() / 60);
        Problem::field("duration", format!("must be {least} to {most} minutes"))
    };
    let minutes = Some(minutes).filter(|minutes| (1..=24 * 60).contains(minutes)).ok_or_else(wrong)?;
    let length = Span::minutes(minutes);
    if length < policy.length_min || length > most { Err(wrong()) } else { Ok(length) }
}

fn shown(zone: &Zone, slot: Slot) -> FreeSlot {
    FreeSlot {
        start_time: time_of_day(zone.second(slot.starts_at)),
        end_time: time_of_day(zone.second(slot.ends_at)),
        datetime_start: Instant(slot.starts_at),
        datetime_end: Instant(slot.ends_at),
    }
}
