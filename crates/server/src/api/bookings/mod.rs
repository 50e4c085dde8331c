//! Bookings: requesting, listing, confirming, cancelling and completing sessions (contract 2.5).
//!
//! Invariants: a booking is found through its parties' scope, so another's is a 404; its price is
//! never taken from a request; cancelling drives the refund before it answers, and an answer that
//! does not come leaves it processing. Deliberately not here: availability, paying.

mod cancel;
mod change;
mod create;
mod list;
mod meeting;
mod refund;
mod reschedule;
mod scope;
mod view;

use axum::Router;
use axum::routing::{get, post};
use utoipa::OpenApi;

use crate::app::App;

/// The room's routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/bookings/bookings", get(list::list_bookings).post(create::create_booking))
        .route("/api/bookings/bookings/my", get(list::my_bookings))
        .route(
            "/api/bookings/bookings/{id}",
            get(list::get_booking).patch(change::edit_booking).delete(cancel::delete_booking),
        )
        .route("/api/bookings/bookings/{id}/confirm", post(change::confirm_booking))
        .route("/api/bookings/bookings/{id}/decline", post(cancel::decline_booking))
        .route("/api/bookings/bookings/{id}/cancel", post(cancel::cancel_booking))
        .route("/api/bookings/bookings/{id}/reschedule", post(reschedule::reschedule_booking))
        .route("/api/bookings/bookings/{id}/request_reschedule", post(reschedule::request_reschedule))
        .route("/api/bookings/bookings/{id}/respond_reschedule", post(reschedule::respond_reschedule))
        .route("/api/bookings/bookings/{id}/create_meeting", post(meeting::create_meeting))
        .route("/api/bookings/bookings/{id}/meeting_info", get(meeting::meeting_info))
        .route("/api/bookings/bookings/{id}/complete", post(change::complete_booking))
        .route("/api/bookings/bookings/{id}/complete_manually", post(change::complete_booking_manually))
}

/// Documentation of the room.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(
        list::list_bookings,
        list::my_bookings,
        list::get_booking,
        create::create_booking,
        change::edit_booking,
        change::confirm_booking,
        meeting::create_meeting,
        meeting::meeting_info,
        change::complete_booking,
        change::complete_booking_manually,
        reschedule::reschedule_booking,
        reschedule::request_reschedule,
        reschedule::respond_reschedule,
        cancel::cancel_booking,
        cancel::decline_booking,
        cancel::delete_booking,
    ))]
    struct Document;
    Document::openapi()
}
