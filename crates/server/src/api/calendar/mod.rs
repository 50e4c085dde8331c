//! Calendars: when teachers are available, what is free, what is taken (contract 2.4).
//!
//! Invariants: a teacher changes his own availability and nobody else's; a batch is taken whole or not
//! at all; times of day are the wall clock of the teacher's zone, instants are UTC; whose sessions they
//! are is told to their teacher alone. Deliberately not here: bookings, which need no availability
//! unless the marketplace wants it (`booking.enforce_availability`).

mod batch;
mod free;
mod input;
mod own;
mod taken;
mod view;
mod weekly;

use axum::Router;
use axum::routing::{delete, get, post, put};
use utoipa::OpenApi;

use crate::app::App;

/// The room's routes.
pub fn routes() -> Router<App> {
    let one = get(own::get_availability)
        .put(own::replace_availability)
        .patch(own::update_availability)
        .delete(own::delete_availability);
    Router::new()
        .route("/api/bookings/availability", get(own::list_availability).post(own::create_availability))
        .route("/api/bookings/availability/weekly", get(weekly::get_weekly_availability))
        .route("/api/bookings/availability/bulk", post(batch::create_availabilities))
        .route("/api/bookings/availability/replace", put(batch::replace_availabilities))
        .route("/api/bookings/availability/bulk/update", put(batch::update_availabilities))
        .route("/api/bookings/availability/bulk/delete", delete(batch::delete_availabilities))
        .route("/api/bookings/availability/{id}", one)
        .route("/api/bookings/slots/available", get(free::list_free_slots))
        .route("/api/bookings/schedule", get(taken::get_schedule))
}

/// Documentation of the room.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(
        own::list_availability,
        own::create_availability,
        own::get_availability,
        own::replace_availability,
        own::update_availability,
        own::delete_availability,
        weekly::get_weekly_availability,
        batch::create_availabilities,
        batch::replace_availabilities,
        batch::update_availabilities,
        batch::delete_availabilities,
        free::list_free_slots,
        taken::get_schedule,
    ))]
    struct Document;
    Document::openapi()
}
