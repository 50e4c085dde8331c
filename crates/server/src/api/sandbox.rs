//! The sandbox's controls (contract section 8). They exist only while no real money can move.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::gateway::{Answer, ChargeReport, ChargeState};
use domain::id::OpId;
use domain::records::{Op, Space};
use domain::time::{Span, Timestamp};
use gateways::gateway::Gateway;
use gateways::sandbox::{ControlError, Faults, Readout};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::app::{App, Sandbox};
use crate::http::body::Tree;
use crate::http::caller::Caller;
use crate::http::json::Instant;
use crate::http::{Body, Problem};
use crate::jobs;

/// A clock that ran further than this in one step was a typing error.
const ADVANCE_MAX: Span = Span::days(3_660);

/// All controls; none when the sandbox is not in use.
pub fn routes(app: &App) -> Router<App> {
    if app.sandbox.is_none() {
        return Router::new();
    }
    Router::new()
        .route("/api/sandbox/clock", get(read_clock))
        .route("/api/sandbox/clock/advance", post(advance_clock))
        .route("/api/sandbox/faults", post(set_faults).delete(clear_faults))
        .route("/api/sandbox/books", get(read_books))
        .route("/api/sandbox/intents/{reference}/authenticate", post(authenticate_payer))
}

/// Documentation of the room.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(read_clock, advance_clock, set_faults, clear_faults, read_books, authenticate_payer))]
    struct Document;
    Document::openapi()
}

fn sandbox(app: &App) -> Result<&Sandbox, Problem> {
    app.sandbox.as_ref().ok_or_else(Problem::not_found)
}

/// What time the marketplace has.
#[derive(Serialize, ToSchema)]
pub struct ClockReading {
    #[schema(value_type = String)]
    now: Instant,
    /// How far it is ahead of the machine.
    offset_seconds: i64,
}

fn reading(app: &App, sandbox: &Sandbox) -> Json<ClockReading> {
    let offset_seconds = sandbox.clock.offset().whole_seconds();
    Json(ClockReading { now: Instant(app.clock.now()), offset_seconds })
}

/// What time the marketplace has.
#[utoipa::path(
    get, path = "/api/sandbox/clock/", tag = "sandbox", security(("bearer" = [])),
    responses(
        (status = 200, body = ClockReading),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
async fn read_clock(State(app): State<App>, caller: Caller) -> Result<Json<ClockReading>, Problem> {
    caller.require_admin()?;
    Ok(reading(&app, sandbox(&app)?))
}

/// Either of the two.
#[derive(Deserialize, ToSchema)]
pub struct Advance {
    seconds: Option<i64>,
    #[schema(value_type = Option<String>)]
    to: Option<Instant>,
}

impl Advance {
    fn span(&self, now: Timestamp) -> Result<Span, Problem> {
        let micros = match (self.seconds, self.to) {
            (Some(seconds), None) => seconds.checked_mul(Span::SECOND.0),
            (None, Some(to)) => to.0.0.checked_sub(now.0),
            _ => return Err(Problem::field("seconds", "give either seconds or to")),
        };
        let by = micros.map(Span).filter(|by| *by >= Span::ZERO && *by <= ADVANCE_MAX);
        by.ok_or_else(|| Problem::field("seconds", "the clock goes forward only, by ten years at most"))
    }
}

/// Advance the clock; all work that fell due is done when it answers.
#[utoipa::path(
    post, path = "/api/sandbox/clock/advance/", tag = "sandbox", security(("bearer" = [])),
    request_body = Advance,
    responses(
        (status = 200, body = ClockReading),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
async fn advance_clock(
    State(app): State<App>,
    caller: Caller,
    Body { value, .. }: Body<Advance>,
) -> Result<Json<ClockReading>, Problem> {
    caller.require_admin()?;
    let sandbox = sandbox(&app)?;
    jobs::advance(&app, sandbox, value.span(app.clock.now())?).await?;
    Ok(reading(&app, sandbox))
}

/// Script what the next calls to the gateway meet, and how webhooks travel.
#[utoipa::path(
    post, path = "/api/sandbox/faults/", tag = "sandbox", security(("bearer" = [])),
    request_body = Option<Object>,
    responses(
        (status = 200, body = Object),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
async fn set_faults(
    State(app): State<App>,
    caller: Caller,
    Tree(body): Tree,
) -> Result<Json<Faults>, Problem> {
    caller.require_admin()?;
    let faults: Faults = serde_json::from_value(body.into_json())
        .map_err(|error| Problem::field("faults", error.to_string()))?;
    sandbox(&app)?.gateway.set_faults(faults.clone()).await.map_err(unreachable)?;
    Ok(Json(faults))
}

/// Forget the script.
#[utoipa::path(
    delete, path = "/api/sandbox/faults/", tag = "sandbox", security(("bearer" = [])),
    responses(
        (status = 204),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
async fn clear_faults(State(app): State<App>, caller: Caller) -> Result<StatusCode, Problem> {
    caller.require_admin()?;
    sandbox(&app)?.gateway.set_faults(Faults::default()).await.map_err(unreachable)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The gateway's own truth.
#[utoipa::path(
    get, path = "/api/sandbox/books/", tag = "sandbox", security(("bearer" = [])),
    responses(
        (status = 200, body = Object),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
async fn read_books(State(app): State<App>, caller: Caller) -> Result<Json<Readout>, Problem> {
    caller.require_admin()?;
    sandbox(&app)?.gateway.books().await.map(Json).map_err(unreachable)
}

/// The payer's answer to a 3-D Secure challenge.
#[derive(Deserialize, ToSchema)]
pub struct Challenge {
    success: Option<bool>,
}

/// Answer a 3-D Secure challenge, as the payer.
#[utoipa::path(
    post, path = "/api/sandbox/intents/{reference}/authenticate/", tag = "sandbox", security(("bearer" = [])),
    params(("reference" = String, Path)),
    request_body = Option<Challenge>,
    responses(
        (status = 200, body = Authenticated),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
async fn authenticate_payer(
    State(app): State<App>,
    caller: Caller,
    Path(reference): Path<String>,
    Body { value, .. }: Body<Challenge>,
) -> Result<Json<Authenticated>, Problem> {
    let sandbox = sandbox(&app)?;
    let op = charge_of(&app, sandbox, &reference).await?.filter(|op| op.payer == caller.person.id);
    let reference = op.and_then(|op| op.reference).ok_or_else(Problem::not_found)?;
    let answer = sandbox.gateway.authenticate(&reference, value.success.unwrap_or(true)).await;
    match answer {
        Answer::Done(report) => Ok(Json(told(&report))),
        Answer::Rejected(why) => Err(Problem::bad_request("wrong_state", why)),
        Answer::Declined(decline) => Err(Problem::bad_request("card_declined", decline.message)),
        Answer::NotSent(why) => Err(silent(&why)),
        Answer::Unknown(why) => Err(silent(&why.reason)),
    }
}

async fn charge_of(app: &App, sandbox: &Sandbox, reference: &str) -> Result<Option<Op>, Problem> {
    let name = format!("{}:{reference}", sandbox.gateway.name());
    let op = app.db.read(move |reads| {
        let Some(op) = reads.claimed(Space::GatewayObject, &name)? else { return Ok(None) };
        reads.find::<Op>(&OpId(op))
    });
    Ok(op.await?)
}

/// How the intent stands after the challenge.
#[derive(Serialize, ToSchema)]
struct Authenticated {
    payment_intent_id: String,
    status: &'static str,
}

fn told(report: &ChargeReport) -> Authenticated {
    let status = match report.state {
        ChargeState::NeedsMethod { .. } => "requires_payment_method",
        ChargeState::NeedsConfirmation => "requires_confirmation",
        ChargeState::NeedsAction => "requires_action",
        ChargeState::Processing => "processing",
        ChargeState::Succeeded => "succeeded",
        ChargeState::Cancelled => "canceled",
    };
    Authenticated { payment_intent_id: report.reference.clone(), status }
}

/// 503: what was asked for did not happen, or does not count; it may be asked for again.
fn silent(why: &str) -> Problem {
    tracing::warn!(why, "the sandbox gateway did not answer");
    let detail = "The sandbox gateway did not answer; the same request may be sent again.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "gateway_unavailable", detail).retry_after(1)
}

fn unreachable(error: ControlError) -> Problem {
    Problem::internal(error)
}
