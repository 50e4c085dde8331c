//! When a teacher is taken; who takes his time is for him alone to see.

use axum::Json;
use axum::extract::State;
use domain::calendar::Zone;
use domain::records::Word;
use domain::schedule::Slot;
use serde::{Deserialize, Serialize};
use store::reads::calendar::Taken;
use utoipa::{IntoParams, ToSchema};

use super::view::whose;
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::dates::{day_number, day_text};
use crate::http::json::Instant;
use crate::http::{Problem, Query};

/// Days that can be asked for at once; fewer than the store looks at together, zones considered.
const DAYS_MAX: i64 = 93;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ScheduleQuery {
    /// The teacher's user id.
    teacher_id: Option<String>,
    /// The first day, in the teacher's zone: `2026-01-31`.
    start_date: Option<String>,
    /// The last day, at most 92 after the first.
    end_date: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Schedule {
    teacher_id: String,
    start_date: String,
    end_date: String,
    /// IANA name; the days are this zone's.
    time_zone: String,
    schedule: Vec<BusyTime>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct BusyTime {
    #[schema(value_type = String, format = DateTime)]
    start_time: Instant,
    #[schema(value_type = String, format = DateTime)]
    end_time: Instant,
    /// This and what follows: null for everybody but the session's teacher.
    booking_id: Option<i64>,
    /// PENDING or CONFIRMED
    status: Option<String>,
    student_name: Option<String>,
}

/// When a teacher is taken.
#[utoipa::path(
    get, path = "/api/bookings/schedule/", tag = "availability", security(("bearer" = [])),
    params(ScheduleQuery),
    responses(
        (status = 200, body = Schedule),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn get_schedule(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ScheduleQuery>,
) -> Result<Json<Schedule>, Problem> {
    let first = date("start_date", query.start_date.as_deref())?;
    let last = date("end_date", query.end_date.as_deref())?;
    if last < first || last - first >= DAYS_MAX {
        return Err(Problem::field(
            "end_date",
            format!("must be 0 to {} days after start_date", DAYS_MAX - 1),
        ));
    }
    let payee = whose(&app, &caller, query.teacher_id.as_deref()).await?;
    let is_own = payee == caller.person.id;
    let found = app.db.read(move |reads| {
        let Some(calendar) = reads.calendar(payee)? else { return Ok(None) };
        let zone = Zone::named(&calendar.time_zone).unwrap_or_default();
        let range = Slot { starts_at: zone.bounds(first).0, ends_at: zone.bounds(last).1 };
        let mut busy = reads.busy(payee, range.starts_at.day()..=range.ends_at.day())?;
        busy.retain(|row| row.slot().meets(range));
        let taken = if is_own {
            reads.sessions(payee, busy)?
        } else {
            busy.into_iter().map(|busy| Taken { busy, session: None }).collect()
        };
        Ok(Some((calendar, taken)))
    });
    let (calendar, taken) = found.await?.ok_or_else(Problem::not_found)?;
    Ok(Json(Schedule {
        teacher_id: calendar.person.uuid,
        start_date: day_text(first),
        end_date: day_text(last),
        time_zone: calendar.time_zone,
        schedule: taken.into_iter().map(shown).collect(),
    }))
}

fn date(field: &str, text: Option<&str>) -> Result<i64, Problem> {
    let day = text.and_then(day_number);
    day.ok_or_else(|| Problem::field(field, "must be a date such as 2026-01-31"))
}

fn shown(taken: Taken) -> BusyTime {
    let (booking, payer) = taken.session.unzip();
    BusyTime {
        start_time: Instant(taken.busy.starts_at),
        end_time: Instant(taken.busy.ends_at),
        booking_id: booking.as_ref().map(|booking| booking.id.0),
        status: booking.map(|booking| booking.state.word().to_ascii_uppercase()),
        student_name: payer.map(|payer| payer.full_name),
    }
}
