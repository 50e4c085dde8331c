//! Availability on the wire, and whose it is.

use domain::id::PersonId;
use domain::records::Availability;
use serde::Serialize;
use store::reads::calendar::Calendar;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::dates::day_text;
use crate::http::json::Instant;

/// A stretch of a teacher's availability.
#[derive(Serialize, ToSchema)]
#[schema(as = Availability)]
pub(super) struct AvailabilityView {
    id: i64,
    /// The teacher's user id.
    teacher: String,
    /// 0 = Monday to 6 = Sunday
    day_of_week: i64,
    /// `HH:MM`, with seconds where there are any, in the teacher's zone
    start_time: String,
    end_time: String,
    is_recurring: bool,
    /// Null for what recurs every week.
    #[schema(value_type = Option<String>, format = Date)]
    date: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

pub(super) fn render(teacher: &str, row: &Availability) -> AvailabilityView {
    AvailabilityView {
        id: row.id.0,
        teacher: teacher.to_owned(),
        day_of_week: row.hours.weekday,
        start_time: time_of_day(row.hours.from_second),
        end_time: time_of_day(row.hours.until_second),
        is_recurring: row.hours.date.is_none(),
        date: row.hours.date.map(day_text),
        created_at: Instant(row.created_at),
        updated_at: Instant(row.updated_at),
    }
}

/// `09:30`, or `09:30:15`.
pub(super) fn time_of_day(second: i64) -> String {
    let (hour, minute, rest) = (second / 3_600, second / 60 % 60, second % 60);
    if rest == 0 { format!("{hour:02}:{minute:02}") } else { format!("{hour:02}:{minute:02}:{rest:02}") }
}

/// Whose calendar is asked for: the one of the id, else one's own.
pub(super) async fn whose(app: &App, caller: &Caller, teacher_id: Option<&str>) -> Result<PersonId, Problem> {
    let Some(uuid) = teacher_id.map(str::trim).filter(|uuid| !uuid.is_empty()) else {
        let own = caller.teacher.then_some(caller.person.id);
        return own.ok_or_else(|| Problem::field("teacher_id", "is required"));
    };
    let uuid = uuid.to_owned();
    app.db.read(move |reads| reads.id_of_uuid(&uuid)).await?.ok_or_else(Problem::not_found)
}

/// The calendar of somebody who teaches.
pub(super) async fn calendar(app: &App, payee: PersonId) -> Result<Calendar, Problem> {
    app.db.read(move |reads| reads.calendar(payee)).await?.ok_or_else(Problem::not_found)
}
