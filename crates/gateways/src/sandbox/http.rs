//! The sandbox alone, behind HTTP on loopback: its verbs, and under `/v1/control/` its controls.
//!
//! A lost answer is a connection that stays silent for [`SILENCE`] and then ends in 504. There is
//! deliberately no authentication: nothing here is worth anything, and it listens on loopback only.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{FromRequest, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::gateway::Answer;
use domain::money::Currency;
use domain::time::Timestamp;
use serde::Deserialize;

use super::books::BooksError;
use super::core::{Core, Verdict};
use super::faults::Faults;
use super::wire::Wire;
use crate::gateway::{CancelCharge, ConfirmCharge, CreateCharge, CreateCustomer, CreatePayout, CreateRefund};

/// Longer than any client waits.
const SILENCE: Duration = Duration::from_mins(2);

type Sandbox = State<Arc<Core>>;

/// Every route of the sandbox.
pub fn router(core: Arc<Core>) -> Router {
    Router::new()
        .route("/v1/charges", post(create_charge))
        .route("/v1/charges/confirm", post(confirm_charge))
        .route("/v1/charges/cancel", post(cancel_charge))
        .route("/v1/charges/find", get(find_charge))
        .route("/v1/refunds", post(create_refund))
        .route("/v1/refunds/find", get(find_refund))
        .route("/v1/payouts", post(create_payout))
        .route("/v1/payouts/find", get(find_payout))
        .route("/v1/disputes/find", get(find_dispute))
        .route("/v1/disputes/evidence", post(submit_evidence))
        .route("/v1/customers", post(create_customer))
        .route("/v1/customers/delete", post(delete_customer))
        .route("/v1/cards/attach", post(attach_card))
        .route("/v1/cards/detach", post(detach_card))
        .route("/v1/statement", get(list_since))
        .route("/v1/control/authenticate", post(authenticate))
        .route("/v1/control/refund", post(refund_by_hand))
        .route("/v1/control/faults", post(set_faults).delete(clear_faults))
        .route("/v1/control/settle", post(settle_due))
        .route("/v1/control/books", get(books))
        .with_state(core)
}

#[derive(Deserialize)]
struct Reference {
    reference: String,
}

#[derive(Deserialize)]
struct Evidence {
    reference: String,
    evidence: String,
}

#[derive(Deserialize)]
struct Attach {
    customer: String,
    token: String,
}

#[derive(Deserialize)]
struct Delete {
    customer: String,
}

#[derive(Deserialize)]
struct Detach {
    token: String,
}

#[derive(Deserialize)]
struct Since {
    since: i64,
    page: Option<String>,
}

#[derive(Deserialize)]
struct Authenticate {
    reference: String,
    passed: bool,
}

#[derive(Deserialize)]
struct ByHand {
    charge: String,
    amount: i64,
    currency: String,
}

#[derive(Deserialize)]
struct Settle {
    now_micros: i64,
}

async fn create_charge(State(core): Sandbox, Sent(request): Sent<CreateCharge>) -> Response {
    answer(core.create_charge(&request).await).await
}

async fn confirm_charge(State(core): Sandbox, Sent(request): Sent<ConfirmCharge>) -> Response {
    answer(core.confirm_charge(&request).await).await
}

async fn cancel_charge(State(core): Sandbox, Sent(request): Sent<CancelCharge>) -> Response {
    answer(core.cancel_charge(&request).await).await
}

async fn find_charge(State(core): Sandbox, Query(of): Query<Reference>) -> Response {
    answer(core.find_charge(&of.reference).await).await
}

async fn create_refund(State(core): Sandbox, Sent(request): Sent<CreateRefund>) -> Response {
    answer(core.create_refund(&request).await).await
}

async fn find_refund(State(core): Sandbox, Query(of): Query<Reference>) -> Response {
    answer(core.find_refund(&of.reference).await).await
}

async fn create_payout(State(core): Sandbox, Sent(request): Sent<CreatePayout>) -> Response {
    answer(core.create_payout(&request).await).await
}

async fn find_payout(State(core): Sandbox, Query(of): Query<Reference>) -> Response {
    answer(core.find_payout(&of.reference).await).await
}

async fn find_dispute(State(core): Sandbox, Query(of): Query<Reference>) -> Response {
    answer(core.find_dispute(&of.reference).await).await
}

async fn submit_evidence(State(core): Sandbox, Json(body): Json<Evidence>) -> Response {
    answer(core.submit_evidence(&body.reference, &body.evidence).await).await
}

async fn create_customer(State(core): Sandbox, Sent(request): Sent<CreateCustomer>) -> Response {
    answer(core.create_customer(&request).await).await
}

async fn delete_customer(State(core): Sandbox, Json(body): Json<Delete>) -> Response {
    answer(core.delete_customer(&body.customer).await).await
}

async fn attach_card(State(core): Sandbox, Json(body): Json<Attach>) -> Response {
    answer(core.attach_card(&body.customer, &body.token).await).await
}

async fn detach_card(State(core): Sandbox, Json(body): Json<Detach>) -> Response {
    answer(core.detach_card(&body.token).await).await
}

async fn list_since(State(core): Sandbox, Query(of): Query<Since>) -> Response {
    let since = Timestamp(of.since);
    answer(core.list_since(since, of.page.as_deref()).await).await
}

async fn authenticate(State(core): Sandbox, Json(body): Json<Authenticate>) -> Response {
    answer(core.authenticate(&body.reference, body.passed).await.into()).await
}

async fn refund_by_hand(State(core): Sandbox, Json(body): Json<ByHand>) -> Response {
    let Some(currency) = Currency::parse(&body.currency) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    answer(core.refund_by_hand(&body.charge, currency.minor(body.amount)).await.into()).await
}

async fn set_faults(State(core): Sandbox, Json(faults): Json<Faults>) -> Response {
    controlled(core.set_faults(faults).await)
}

async fn clear_faults(State(core): Sandbox) -> Response {
    controlled(core.set_faults(Faults::default()).await)
}

async fn settle_due(State(core): Sandbox, Json(body): Json<Settle>) -> Response {
    controlled(core.settle_due(Timestamp(body.now_micros)).await)
}

async fn books(State(core): Sandbox) -> Response {
    match core.readout().await {
        Ok(readout) => Json(readout).into_response(),
        Err(error) => controlled(Err(error)),
    }
}

/// A request in the sandbox's own JSON.
struct Sent<Q>(Q);

impl<S: Send + Sync, Q: Wire> FromRequest<S> for Sent<Q> {
    type Rejection = (StatusCode, Json<&'static str>);

    async fn from_request(request: Request, state: &S) -> Result<Sent<Q>, Self::Rejection> {
        let unreadable = (StatusCode::BAD_REQUEST, Json("unreadable request"));
        match Json::<Q::Body>::from_request(request, state).await {
            Ok(Json(body)) => Q::read(body).map(Sent).ok_or(unreadable),
            Err(_) => Err(unreadable),
        }
    }
}

async fn answer<T: Wire>(verdict: Verdict<T>) -> Response {
    if verdict.lost {
        tokio::time::sleep(SILENCE).await;
        return StatusCode::GATEWAY_TIMEOUT.into_response();
    }
    match verdict.answer {
        Answer::Done(report) => Json(report.body()).into_response(),
        Answer::Declined(decline) => (StatusCode::PAYMENT_REQUIRED, Json(decline.body())).into_response(),
        Answer::Rejected(why) => (StatusCode::BAD_REQUEST, Json(why)).into_response(),
        Answer::NotSent(why) => (StatusCode::BAD_GATEWAY, Json(why)).into_response(),
        Answer::Unknown(unknown) => match unknown.retry_after {
            Some(pause) => {
                (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, pause.whole_seconds().to_string())])
                    .into_response()
            }
            None => (StatusCode::INTERNAL_SERVER_ERROR, Json(unknown.reason)).into_response(),
        },
    }
}

fn controlled(done: Result<(), BooksError>) -> Response {
    match done {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            tracing::error!(%error, "a sandbox control failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
