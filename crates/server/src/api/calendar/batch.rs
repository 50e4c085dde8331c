//! Many stretches at once: all of them or none.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::calendar::{Edit, EditCalendar};
use domain::id::{AvailabilityId, Id};
use serde::Serialize;
use utoipa::ToSchema;

use super::input::{AvailabilityInput, Batch, Messages, stretch};
use super::view::{AvailabilityView, render};
use crate::app::App;
use crate::http::Problem;
use crate::http::body::Tree;
use crate::http::caller::{Caller, Teacher};
use crate::node::Node;

const LIST: &str = "availabilities";

#[derive(Serialize, ToSchema)]
pub(super) struct Availabilities {
    message: &'static str,
    /// In the order of the request.
    availabilities: Vec<AvailabilityView>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct DeletedAvailabilities {
    message: &'static str,
    deleted: usize,
}

/// A list of ids.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a body that is read item by item")]
pub(super) struct AvailabilityIds {
    ids: Vec<i64>,
}

/// Add many; what is there already is returned as it is. An empty list takes all away.
#[utoipa::path(
    post, path = "/api/bookings/availability/bulk/", tag = "availability", security(("bearer" = [])),
    request_body(content = Vec<AvailabilityInput>, description = "or `{\"availabilities\": [...]}`"),
    responses(
        (status = 201, body = Availabilities),
        crate::http::openapi::RefusedBatch,
    ),
)]
pub(super) async fn create_availabilities(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Tree(node): Tree,
) -> Result<(StatusCode, Json<Availabilities>), Problem> {
    let batch = Batch::of(node, LIST)?;
    if batch.is_empty() {
        let cleared = edit(&app, &caller, &batch, Edit::Clear).await?;
        return Ok((StatusCode::CREATED, told("The availability has been cleared.", cleared)));
    }
    let patches = batch.read(|node| stretch(node)?.patch())?;
    let rows = edit(&app, &caller, &batch, Edit::AddAll(patches)).await?;
    Ok((StatusCode::CREATED, told("The availability has been saved.", rows)))
}

/// Replace the recurring week; dates keep theirs.
#[utoipa::path(
    put, path = "/api/bookings/availability/replace/", tag = "availability", security(("bearer" = [])),
    request_body(content = Vec<AvailabilityInput>, description = "or `{\"availabilities\": [...]}`"),
    responses(
        (status = 200, body = Availabilities),
        crate::http::openapi::RefusedBatch,
    ),
)]
pub(super) async fn replace_availabilities(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Tree(node): Tree,
) -> Result<Json<Availabilities>, Problem> {
    let batch = Batch::of(node, LIST)?;
    let patches = batch.read(|node| stretch(node)?.patch())?;
    let rows = edit(&app, &caller, &batch, Edit::Replace(patches)).await?;
    Ok(told("The availability has been replaced.", rows))
}

/// Change many, each by its id.
#[utoipa::path(
    put, path = "/api/bookings/availability/bulk/update/", tag = "availability", security(("bearer" = [])),
    request_body(content = Vec<AvailabilityInput>, description = "or `{\"availabilities\": [...]}`"),
    responses(
        (status = 200, body = Availabilities),
        crate::http::openapi::RefusedBatch,
    ),
)]
pub(super) async fn update_availabilities(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Tree(node): Tree,
) -> Result<Json<Availabilities>, Problem> {
    let batch = Batch::of(node, LIST)?;
    let items = batch.read(|node| {
        let input = stretch(node)?;
        let id = input.id.ok_or_else(|| Messages::from([("id".into(), vec!["is required".into()])]))?;
        Ok((AvailabilityId::from_raw(id), input.patch()?))
    })?;
    let rows = edit(&app, &caller, &batch, Edit::Patch(items)).await?;
    Ok(told("The availability has been changed.", rows))
}

/// Take many away.
#[utoipa::path(
    delete, path = "/api/bookings/availability/bulk/delete/", tag = "availability",
    security(("bearer" = [])), request_body = AvailabilityIds,
    responses(
        (status = 200, body = DeletedAvailabilities),
        crate::http::openapi::RefusedBatch,
    ),
)]
pub(super) async fn delete_availabilities(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Tree(node): Tree,
) -> Result<Json<DeletedAvailabilities>, Problem> {
    let batch = Batch::of(node, "ids")?;
    let mut ids = batch.read(|node: Node| {
        let id = node.read::<i64>();
        id.map(AvailabilityId::from_raw).map_err(|error| Messages::from([("id".into(), vec![error.message])]))
    })?;
    edit(&app, &caller, &batch, Edit::Remove(ids.clone())).await?;
    ids.sort_unstable();
    ids.dedup();
    Ok(Json(DeletedAvailabilities { message: "The availability has been taken away.", deleted: ids.len() }))
}

async fn edit(
    app: &App,
    caller: &Caller,
    batch: &Batch,
    edit: Edit,
) -> Result<Vec<AvailabilityView>, Problem> {
    let person = &caller.person;
    let rows = app.db.submit(EditCalendar { payee: person.id, edit }).await;
    let rows = rows.map_err(|error| batch.refused(error))?;
    Ok(rows.iter().map(|row| render(&person.uuid, row)).collect())
}

fn told(message: &'static str, availabilities: Vec<AvailabilityView>) -> Json<Availabilities> {
    Json(Availabilities { message, availabilities })
}
