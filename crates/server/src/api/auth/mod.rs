//! Registering, logging in and out, passwords and addresses.
//!
//! Invariants: an unknown address costs a login as much as a known one and, where the contract lets
//! it, is answered the same; secrets are read into wiped memory and never quoted; every guess is
//! counted before it is weighed. Deliberately not here: what a login is (`auth`), what may begin a
//! session (`domain::people`).

mod google;
mod login;
mod mailed;
mod passwords;
mod refresh;
mod register;

pub use login::UserView;
pub(super) use login::busy;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::app::App;
use crate::http::limits::Bucket;
use crate::http::peer::Peer;
use crate::http::problem;

/// One sentence for people.
#[derive(Serialize, ToSchema)]
pub struct Message {
    pub message: &'static str,
}

/// The room's routes on all their mounts.
pub fn routes(app: &App) -> Router<App> {
    let mut logins = vec!["/api/login", "/api/auth/login", "/api/accounts/token"];
    if app.config.compat.alias_mounts {
        logins.push("/accounts/login");
    }
    let mut login = Router::new();
    for path in logins {
        login = login.route(path, post(login::log_in));
    }
    let login = login
        .route("/api/auth/google/initiate", post(google::initiate))
        .route("/api/auth/google/depart", get(google::depart))
        .route("/api/auth/google/callback", get(google::arrive).post(google::callback))
        .layer(from_fn(problem::unsuccessful));
    let open = Router::new()
        .route("/api/register", post(register::register))
        .route("/api/accounts/register", post(register::register))
        .route("/api/token/refresh", post(refresh::refresh_token))
        .route("/api/accounts/token/refresh", post(refresh::refresh_token))
        .route("/api/logout", post(refresh::log_out))
        .route("/api/password-reset", post(passwords::request_reset))
        .route("/api/password-reset/confirm", post(passwords::reset_password))
        .route("/api/resend-verification", post(register::resend_verification))
        .route("/api/verify-email", post(register::verify_email))
        .route("/api/change-password", post(passwords::change_password));
    login.merge(open).layer(from_fn_with_state(app.clone(), limit))
}

/// Documentation of the room.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(
        login::log_in,
        register::register,
        register::resend_verification,
        register::verify_email,
        refresh::refresh_token,
        refresh::log_out,
        passwords::request_reset,
        passwords::reset_password,
        passwords::change_password,
        google::initiate,
        google::depart,
        google::arrive,
        google::callback,
    ))]
    struct Document;
    Document::openapi()
}

/// Each of these operations has a bucket an address, before anything is read.
async fn limit(State(app): State<App>, peer: Peer, request: Request, next: Next) -> Response {
    let operation = request.uri().path().rsplit('/').next().unwrap_or_default();
    match app.limits.check(Bucket::Login, &format!("{} {operation}", peer.address)) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}
