//! Webhooks of gateways. The signature is the authentication; the answer says only "it is safe".

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use gateways::gateway::InboundError;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::app::App;
use crate::http::{Problem, body};
use crate::inbound::{self, ReceiveError};

/// The room's routes under one of its mounts, one for each gateway that can send something.
pub fn routes(prefix: &str, app: &App) -> Router<App> {
    let router = app.gateways.iter().fold(Router::new(), |router, gateway| {
        let name = gateway.name();
        let receive = move |State(app), request| receive_webhook(app, name, request);
        router.route(&format!("{prefix}/webhooks/{name}"), post(receive))
    });
    match app.rooms.provider() {
        Some(provider) => {
            router.route(&format!("{prefix}/webhooks/{}", provider.name()), post(receive_meeting_webhook))
        }
        None => router,
    }
}

/// Documentation of the room: one path for all gateways.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(receive_webhook))]
    struct Document;
    Document::openapi()
}

#[derive(Serialize, ToSchema)]
struct Received {
    /// `success`: handled, ignored, kept for later or a duplicate
    status: &'static str,
}

/// An event of a gateway; its signature is the authentication.
#[utoipa::path(
    post, path = "/api/payments/webhooks/{gateway}/", tag = "webhooks",
    params(("gateway" = String, Path, description = "`stripe`, `paypal`, `sandbox` or `zoom`, where configured")),
    request_body(content = Object, description = "As the gateway sends it, with its signature in the headers"),
    responses(
        (status = 200, body = Received, description = "To Zoom's `endpoint.url_validation`: its proof"),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
async fn receive_webhook(app: App, gateway: &'static str, request: Request) -> Result<Response, Problem> {
    let (parts, raw) = request.into_parts();
    let bytes = body::read(raw, body::BYTES_MAX).await?;
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    inbound::receive(&app, gateway, &header, &bytes).await.map_err(problem)?;
    Ok(Json(Received { status: "success" }).into_response())
}

/// An event of the meeting provider's; its signature is the authentication.
async fn receive_meeting_webhook(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, raw) = request.into_parts();
    let bytes = body::read(raw, body::BYTES_MAX).await?;
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let proof = inbound::receive_meeting(&app, &header, &bytes).await.map_err(problem)?;
    Ok(match proof {
        Some(proof) => Json(proof).into_response(),
        None => Json(Received { status: "success" }).into_response(),
    })
}

fn problem(error: ReceiveError) -> Problem {
    let bad = Problem::bad_request;
    match error {
        ReceiveError::UnknownGateway => Problem::not_found(),
        ReceiveError::Refused(InboundError::NoSecret) => {
            bad("webhook_not_configured", "No webhook secret is configured, so nothing can be authentic.")
        }
        ReceiveError::Refused(InboundError::BadSignature) => {
            bad("webhook_signature", "The signature does not fit.")
        }
        ReceiveError::Refused(InboundError::Stale) => {
            bad("webhook_stale", "It was signed too long ago, or in the future.")
        }
        ReceiveError::Refused(InboundError::Unparsable) => bad("malformed", "The event cannot be read."),
        ReceiveError::Store(error) => error.into(),
    }
}
