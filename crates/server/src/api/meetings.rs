//! Links of ours into rooms, for whoever holds one: a page of our own, or the way on into the meeting
//! of a provider. Deliberately not here: video.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use domain::time::Span;
use minijinja::{Environment, context};
use utoipa::OpenApi;

use crate::app::App;
use crate::http::Problem;
use crate::http::json::Instant;
use crate::meetings::{Entrance, No};

/// Seconds, where the provider does not say when to come back.
const RETRY_AFTER: i64 = 10;

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
        (status = 303, description = "Into the provider's meeting; for its host through a link made now"),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
async fn enter_room(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    let (booking, entrance) = app.rooms.open(&token).ok_or_else(Problem::not_found)?;
    let found = app.db.read(move |reads| reads.booking(booking)).await?;
    let parts = found.ok_or_else(Problem::not_found)?;
    let meeting = app.rooms.meeting(&parts.booking, parts.is_paid(), parts.booking.payee);
    let join_url = meeting.join_url.ok_or_else(Problem::not_found)?;
    if parts.booking.room.is_some() {
        return onward(&app, meeting.id.zip(Some(join_url)), entrance).await;
    }
    let slot = parts.booking.slot().ok_or_else(Problem::not_found)?;
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

/// Into the provider's meeting. Its host's links do not last, so each visit gets a fresh one.
async fn onward(app: &App, room: Option<(String, String)>, entrance: Entrance) -> Result<Response, Problem> {
    let (reference, join_url) = room.ok_or_else(Problem::not_found)?;
    let url = match entrance {
        Entrance::Guest => join_url,
        Entrance::Host => host_url(app, &reference).await?,
    };
    let location = HeaderValue::from_str(&url).map_err(|_| Problem::not_found())?;
    Ok((StatusCode::SEE_OTHER, HEADERS, [(header::LOCATION, location)]).into_response())
}

async fn host_url(app: &App, reference: &str) -> Result<String, Problem> {
    let provider = app.rooms.provider().ok_or_else(Problem::not_found)?;
    let seconds = |pause: Option<Span>| pause.map_or(RETRY_AFTER, Span::whole_seconds).unsigned_abs();
    match provider.show(reference).await {
        Ok(Some(shown)) => {
            let url = shown.host_url.ok_or_else(Problem::not_found)?;
            Ok(url.expose().to_owned())
        }
        Ok(None) => Err(Problem::not_found()),
        Err(No::Later { pause, .. }) => Err(Problem::unavailable(seconds(pause))),
        Err(No::Unknown(_) | No::Refused(_)) => Err(Problem::unavailable(seconds(None))),
    }
}
