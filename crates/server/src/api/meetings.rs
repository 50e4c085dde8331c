//! The rooms of our own, for whoever holds a link to one. Deliberately not here: video.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use minijinja::{Environment, context};
use utoipa::OpenApi;

use crate::app::App;
use crate::http::Problem;
use crate::http::json::Instant;
use crate::meetings::Entrance;

/// The link is the secret: it goes to no other site and into no cache.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

pub fn routes() -> Router<App> {
    Router::new().route("/meet/{token}", get(enter_room))
}

/// Documentation of the room.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(enter_room))]
    struct Document;
    Document::openapi()
}

/// A session's room, for whoever has its link, as long as the session is paid and not cancelled.
#[utoipa::path(
    get, path = "/meet/{token}/", tag = "meetings",
    params(("token" = String, Path, description = "from the link")),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        crate::http::openapi::Refused,
    ),
)]
async fn enter_room(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    let (booking, entrance) = app.rooms.open(&token).ok_or_else(Problem::not_found)?;
    let found = app.db.read(move |reads| reads.booking(booking)).await?;
    let parts = found.ok_or_else(Problem::not_found)?;
    let meeting = app.rooms.meeting(&parts.booking, parts.is_paid(), parts.booking.payee);
    let slot = parts.booking.slot().filter(|_| meeting.join_url.is_some());
    let slot = slot.ok_or_else(Problem::not_found)?;
    let facts = context! {
        title => parts.booking.title,
        payer => parts.payer.full_name,
        payee => parts.payee.full_name,
        starts_at => Instant(slot.starts_at).text(),
        ends_at => Instant(slot.ends_at).text(),
        is_host => entrance == Entrance::Host,
    };
    let page = Environment::new().render_named_str("room.html", include_str!("../meetings/room.html"), facts);
    let page = page.map_err(|error| Problem::internal(error.to_string()))?;
    Ok((HEADERS, Html(page)).into_response())
}
