//! Single stretches of availability: any user reads them, their teacher writes them.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use domain::calendar::{Edit, EditCalendar, HoursPatch};
use domain::id::{AvailabilityId, ID_MAX, Id};
use domain::records::{Availability, Person};
use domain::refusal::Refusal;
use serde::Deserialize;
use utoipa::IntoParams;

use super::input::AvailabilityInput;
use super::view::{AvailabilityView, calendar, render, whose};
use crate::app::App;
use crate::http::caller::{Caller, Teacher};
use crate::http::page::{Cursor, ListQuery, link_next};
use crate::http::{Body, Problem, Query};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WhoseQuery {
    /// The teacher's user id; one's own unless given.
    pub(super) teacher_id: Option<String>,
}

/// A teacher's availability, newest first.
#[utoipa::path(
    get, path = "/api/bookings/availability/", tag = "availability", security(("bearer" = [])),
    params(WhoseQuery, ListQuery),
    responses(
        (status = 200, body = Vec<AvailabilityView>),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn list_availability(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(query): Query<WhoseQuery>,
    Query(list): Query<ListQuery>,
) -> Result<(HeaderMap, Json<Vec<AvailabilityView>>), Problem> {
    let window = list.window()?;
    if query.teacher_id.is_none() && !caller.teacher {
        return Ok((HeaderMap::new(), Json(Vec::new())));
    }
    let payee = whose(&app, &caller, query.teacher_id.as_deref()).await?;
    let mut found = calendar(&app, payee).await?;
    let key = |row: &Availability| (row.created_at, row.id.raw());
    found.availability.sort_by_key(|row| Reverse(key(row)));
    found.availability.retain(|row| window.after.is_none_or(|after| key(row) < (after.created_at, after.id)));
    let limit = usize::try_from(window.limit).expect("at most 500");
    let more = found.availability.len() > limit;
    found.availability.truncate(limit);
    let last = found.availability.last().filter(|_| more).map(key);
    let link = last.map(|(created_at, id)| link_next(&uri, Cursor { created_at, id })).unwrap_or_default();
    let rows = found.availability.iter().map(|row| render(&found.person.uuid, row)).collect();
    Ok((link, Json(rows)))
}

/// Be available, every week or on a date.
#[utoipa::path(
    post, path = "/api/bookings/availability/", tag = "availability", security(("bearer" = [])),
    request_body = AvailabilityInput,
    responses(
        (status = 201, body = AvailabilityView),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn create_availability(
    State(app): State<App>,
    Teacher(caller): Teacher,
    body: Body<AvailabilityInput>,
) -> Result<(StatusCode, Json<AvailabilityView>), Problem> {
    let patch = checked(&body.value)?;
    Ok((StatusCode::CREATED, edit(&app, &caller.person, Edit::Add(patch)).await?))
}

/// One stretch of somebody's availability.
#[utoipa::path(
    get, path = "/api/bookings/availability/{id}/", tag = "availability", security(("bearer" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 200, body = AvailabilityView),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn get_availability(
    State(app): State<App>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<AvailabilityView>, Problem> {
    let id = parse(&id)?;
    let found = app.db.read(move |reads| {
        let Some(row) = reads.find::<Availability>(&id)? else { return Ok(None) };
        Ok(reads.find::<Person>(&row.payee)?.map(|person| (person, row)))
    });
    let (person, row) = found.await?.ok_or_else(Problem::not_found)?;
    Ok(Json(render(&person.uuid, &row)))
}

/// Say everything about a stretch anew.
#[utoipa::path(
    put, path = "/api/bookings/availability/{id}/", tag = "availability", security(("bearer" = [])),
    params(("id" = i64, Path)), request_body = AvailabilityInput,
    responses(
        (status = 200, body = AvailabilityView),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn replace_availability(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Path(id): Path<String>,
    body: Body<AvailabilityInput>,
) -> Result<Json<AvailabilityView>, Problem> {
    let id = parse(&id)?;
    let patch = checked(&body.value)?;
    edit(&app, &caller.person, Edit::Put(id, patch)).await
}

/// Change a stretch.
#[utoipa::path(
    patch, path = "/api/bookings/availability/{id}/", tag = "availability", security(("bearer" = [])),
    params(("id" = i64, Path)), request_body = Option<AvailabilityInput>,
    responses(
        (status = 200, body = AvailabilityView),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn update_availability(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Path(id): Path<String>,
    body: Body<AvailabilityInput>,
) -> Result<Json<AvailabilityView>, Problem> {
    let id = parse(&id)?;
    let patch = checked(&body.value)?;
    edit(&app, &caller.person, Edit::Patch(vec![(id, patch)])).await
}

/// Not be available then any more; bookings stay.
#[utoipa::path(
    delete, path = "/api/bookings/availability/{id}/", tag = "availability", security(("bearer" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 204),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn delete_availability(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (payee, edit) = (caller.person.id, Edit::Remove(vec![parse(&id)?]));
    app.db.submit(EditCalendar { payee, edit }).await.map_err(alone)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn edit(app: &App, person: &Person, edit: Edit) -> Result<Json<AvailabilityView>, Problem> {
    let rows = app.db.submit(EditCalendar { payee: person.id, edit }).await.map_err(alone)?;
    let row = rows.first().ok_or_else(Problem::not_found)?;
    Ok(Json(render(&person.uuid, row)))
}

/// The refusal of the one item there is: somebody else's is not there.
fn alone(error: store::Error) -> Problem {
    let store::Error::Refused(Refusal::InvalidItems(items)) = &error else {
        return error.into();
    };
    match items.first() {
        Some(item) if item.invalid.field != "id" => {
            Problem::field(item.invalid.field, item.invalid.problem.clone())
        }
        _ => Problem::not_found(),
    }
}

/// Anything but a positive whole number names nothing.
fn parse(id: &str) -> Result<AvailabilityId, Problem> {
    let raw = id.parse::<i64>().ok().filter(|raw| (1..=ID_MAX).contains(raw));
    raw.map(AvailabilityId::from_raw).ok_or_else(Problem::not_found)
}

fn checked(input: &AvailabilityInput) -> Result<HoursPatch, Problem> {
    input.patch().map_err(|messages| Problem::validation(&messages))
}
