//! A teacher's recurring week at a glance.

use axum::Json;
use axum::extract::State;
use domain::records::Availability;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::own::WhoseQuery;
use super::view::{calendar, time_of_day, whose};
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::json::ratio;
use crate::http::{Problem, Query};

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

#[derive(Serialize, ToSchema)]
pub(super) struct WeeklyAvailability {
    teacher: WeekTeacher,
    weekly_schedule: Week,
    summary: WeekSummary,
}

#[derive(Serialize, ToSchema)]
pub(super) struct WeekTeacher {
    id: String,
    name: String,
    email: String,
    /// IANA name; the times of day are this zone's.
    time_zone: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Week {
    monday: WeekDay,
    tuesday: WeekDay,
    wednesday: WeekDay,
    thursday: WeekDay,
    friday: WeekDay,
    saturday: WeekDay,
    sunday: WeekDay,
}

#[derive(Serialize, ToSchema)]
pub(super) struct WeekDay {
    /// 0 = Monday
    day_of_week: usize,
    day_name: &'static str,
    available: bool,
    slots: Vec<WeekSlot>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct WeekSlot {
    id: i64,
    start_time: String,
    end_time: String,
    #[schema(value_type = f64)]
    duration_hours: Box<RawValue>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct WeekSummary {
    total_availability_slots: usize,
    available_days_count: usize,
    #[schema(value_type = f64)]
    total_weekly_hours: Box<RawValue>,
    days_with_availability: Vec<&'static str>,
}

/// A teacher's recurring availability, day by day.
#[utoipa::path(
    get, path = "/api/bookings/availability/weekly/", tag = "availability", security(("bearer" = [])),
    params(WhoseQuery),
    responses(
        (status = 200, body = WeeklyAvailability),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn get_weekly_availability(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<WhoseQuery>,
) -> Result<Json<WeeklyAvailability>, Problem> {
    let payee = whose(&app, &caller, query.teacher_id.as_deref()).await?;
    let mut found = calendar(&app, payee).await?;
    found.availability.retain(|row| row.hours.date.is_none());
    found.availability.sort_by_key(|row| (row.hours.weekday, row.hours.from_second));
    let days_with_availability: Vec<&'static str> = (0..)
        .zip(DAYS)
        .filter_map(|(weekday, name)| {
            found.availability.iter().any(|row| row.hours.weekday == weekday).then_some(name)
        })
        .collect();
    let seconds = found.availability.iter().map(length).sum();
    let [monday, tuesday, wednesday, thursday, friday, saturday, sunday] =
        [0, 1, 2, 3, 4, 5, 6].map(|weekday| day(weekday, &found.availability));
    Ok(Json(WeeklyAvailability {
        teacher: WeekTeacher {
            id: found.person.uuid,
            name: found.person.full_name,
            email: found.person.email,
            time_zone: found.time_zone,
        },
        weekly_schedule: Week { monday, tuesday, wednesday, thursday, friday, saturday, sunday },
        summary: WeekSummary {
            total_availability_slots: found.availability.len(),
            available_days_count: days_with_availability.len(),
            total_weekly_hours: ratio(seconds, 3_600, 2),
            days_with_availability,
        },
    }))
}

fn day(weekday: usize, rows: &[Availability]) -> WeekDay {
    let of_day = |row: &&Availability| usize::try_from(row.hours.weekday) == Ok(weekday);
    let slots: Vec<WeekSlot> = rows.iter().filter(of_day).map(slot).collect();
    WeekDay { day_of_week: weekday, day_name: DAYS[weekday], available: !slots.is_empty(), slots }
}

fn slot(row: &Availability) -> WeekSlot {
    WeekSlot {
        id: row.id.0,
        start_time: time_of_day(row.hours.from_second),
        end_time: time_of_day(row.hours.until_second),
        duration_hours: ratio(length(row), 3_600, 2),
    }
}

/// Seconds by the wall clock.
fn length(row: &Availability) -> i64 {
    row.hours.until_second - row.hours.from_second
}
