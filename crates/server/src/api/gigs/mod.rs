//! Gigs: what teachers offer. Everybody browses the active ones; each teacher looks after his own.
//!
//! Invariants: another teacher's gig and a missing one are the same 404; a price is a string on the
//! wire and never a float; deleting only archives.

mod browse;
mod own;
mod state;
mod view;

pub(super) use browse::words;

use axum::Router;
use axum::routing::get;
use utoipa::OpenApi;

use crate::app::App;

/// The room's routes.
pub fn routes() -> Router<App> {
    let own = get(own::get_gig).put(own::replace_gig).patch(own::update_gig).delete(own::delete_gig);
    Router::new()
        .route("/api/accounts/gigs/public", get(browse::list_public_gigs))
        .route("/api/accounts/gigs/status-summary", get(state::summarize_gigs))
        .route("/api/accounts/gigs", get(own::list_gigs).post(own::create_gig))
        .route("/api/accounts/gigs/{id}", own)
        .route("/api/accounts/gigs/{id}/status", get(state::get_gig_status).patch(state::set_gig_status))
}

/// Documentation of the room.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(
        browse::list_public_gigs,
        own::list_gigs,
        own::create_gig,
        own::get_gig,
        own::replace_gig,
        own::update_gig,
        own::delete_gig,
        state::summarize_gigs,
        state::get_gig_status,
        state::set_gig_status,
    ))]
    struct Document;
    Document::openapi()
}
