//! The API: every route on one page. One file, or folder, a resource with its request and response
//! types, documentation and handlers. The contract's prefixes are mounts of the same handlers.

pub mod alerts;
pub mod audit;
pub mod auth;
pub mod bookings;
pub mod calendar;
pub mod cards;
pub mod customers;
pub mod exports;
pub mod gigs;
pub mod health;
pub mod meetings;
pub mod methods;
pub mod notifications;
pub mod payments;
pub mod people;
pub mod privacy;
pub mod refunds;
pub mod sandbox;
pub mod teachers;
pub mod timeline;
pub mod tracking;
pub mod users;
pub mod webhooks;

use axum::Router;
use utoipa::openapi::OpenApi;

use crate::app::App;
use crate::http::openapi;

/// Where payments are mounted: the canonical prefix and the seeds' one.
const PAYMENTS: [&str; 2] = ["/api/payments", "/stripe-payments"];

/// The API's document, of every room whether it is configured or not. Mounts beside the canonical
/// ones are left out.
pub fn document() -> OpenApi {
    let mut document = openapi::base();
    for room in vec![
        auth::document(),
        people::document(),
        users::document(),
        teachers::document(),
        gigs::document(),
        bookings::document(),
        calendar::document(),
        payments::document(),
        tracking::document(),
        exports::document(),
        refunds::document(),
        cards::document(),
        webhooks::document(),
        sandbox::document(),
        health::document(),
        meetings::document(),
        audit::document(),
        customers::document(),
        alerts::document(),
        timeline::document(),
        privacy::document(),
        notifications::document(),
    ] {
        document.merge(room);
    }
    document
}

/// All routes, without the surroundings.
pub fn routes(app: App) -> Router {
    let mounts = if app.config.compat.alias_mounts { &PAYMENTS[..] } else { &PAYMENTS[..1] };
    let mut router = bookings::routes()
        .merge(calendar::routes())
        .merge(auth::routes(&app))
        .merge(people::routes())
        .merge(privacy::routes())
        .merge(notifications::routes())
        .merge(users::routes())
        .merge(gigs::routes())
        .merge(teachers::routes())
        .merge(health::routes())
        .merge(meetings::routes())
        .merge(sandbox::routes(&app));
    for prefix in mounts {
        router = router
            .merge(payments::routes(prefix))
            .merge(tracking::routes(prefix))
            .merge(exports::routes(prefix))
            .merge(refunds::routes(prefix))
            .merge(cards::routes(prefix))
            .merge(audit::routes(prefix))
            .merge(customers::routes(prefix))
            .merge(alerts::routes(prefix))
            .merge(timeline::routes(prefix))
            .merge(webhooks::routes(prefix, &app));
    }
    router.with_state(app).merge(openapi::router(&document()))
}
