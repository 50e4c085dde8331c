//! Whether a gig can be booked.

use axum::Json;
use axum::extract::{Path, State};
use domain::offers::SetOfferState;
use domain::records::{Offer, OfferState, Word};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::own::{find, parse};
use super::view::StatusInput;
use crate::app::App;
use crate::http::caller::Teacher;
use crate::http::{Body, Problem};

#[derive(Serialize, ToSchema)]
pub(super) struct GigStatus {
    gig_id: i64,
    service_title: String,
    /// `active`, `inactive`, `draft` or `suspended`
    status: &'static str,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NewStatus {
    status: StatusInput,
}

#[derive(Serialize, ToSchema)]
pub(super) struct StatusChanged {
    gig_id: i64,
    old_status: &'static str,
    new_status: &'static str,
    message: String,
}

/// How many of my gigs are in which state.
#[derive(Serialize, ToSchema)]
pub(super) struct Summary {
    total: usize,
    active: usize,
    inactive: usize,
    draft: usize,
    suspended: usize,
}

/// The state of one of my gigs.
#[utoipa::path(
    get, path = "/api/accounts/gigs/{id}/status/", tag = "gigs", security(("bearer" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 200, body = GigStatus),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn get_gig_status(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Path(id): Path<String>,
) -> Result<Json<GigStatus>, Problem> {
    let offer = find(&app, &caller, &id).await?;
    Ok(Json(GigStatus { gig_id: offer.id.0, service_title: offer.title, status: offer.state.word() }))
}

/// Change the state of a gig. Only administrators set and lift a suspension.
#[utoipa::path(
    patch, path = "/api/accounts/gigs/{id}/status/", tag = "gigs", security(("bearer" = [])),
    params(("id" = i64, Path)), request_body = NewStatus,
    responses(
        (status = 200, body = StatusChanged),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn set_gig_status(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Path(id): Path<String>,
    body: Body<NewStatus>,
) -> Result<Json<StatusChanged>, Problem> {
    let state = body.value.status.into();
    let set = SetOfferState { offer: parse(&id)?, actor: caller.actor(), state };
    let (offer, old) = app.db.submit(set).await?;
    Ok(Json(StatusChanged {
        gig_id: offer.id.0,
        old_status: old.word(),
        new_status: offer.state.word(),
        message: format!("The gig is now {}.", offer.state.word()),
    }))
}

/// How many of my gigs are in which state?
#[utoipa::path(
    get, path = "/api/accounts/gigs/status-summary/", tag = "gigs", security(("bearer" = [])),
    responses(
        (status = 200, body = Summary),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn summarize_gigs(
    State(app): State<App>,
    Teacher(caller): Teacher,
) -> Result<Json<Summary>, Problem> {
    let payee = caller.person.id;
    let offers = app.db.read(move |reads| reads.offers_of(payee)).await?;
    let count = |state| offers.iter().filter(|offer: &&Offer| offer.state == state).count();
    Ok(Json(Summary {
        total: offers.len(),
        active: count(OfferState::Active),
        inactive: count(OfferState::Inactive),
        draft: count(OfferState::Draft),
        suspended: count(OfferState::Suspended),
    }))
}
