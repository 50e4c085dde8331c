//! Intents that the payer's client confirms.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::id::{BookingId, Id, OpId};
use domain::idempotency::Answer;
use domain::operations::Claimed;
use domain::payments::{Begun, ConfirmIntent, PayBooking};
use domain::records::{Confirmer, Op, OpKind, OpState, Person, Space};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answers::Standing;
use super::settle::{self, Tell, settle};
use crate::api::methods::{self, Choice};
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::idempotency::{self, Request};
use crate::http::json::MoneyNumber;
use crate::http::limits::Bucket;
use crate::http::openapi::IdempotencyKey;
use crate::http::{Body, Problem};
use crate::protocol::Protocol;

#[derive(Deserialize, ToSchema)]
pub(crate) struct CreatePaymentIntent {
    session_booking_id: i64,
    payment_method_id: Option<String>,
    #[serde(default)]
    save_payment_method: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentIntent {
    success: bool,
    message: &'static str,
    client_secret: Option<String>,
    payment_id: i64,
    payment_intent_id: Option<String>,
    #[schema(value_type = f64)]
    amount_dollars: MoneyNumber,
    status: &'static str,
}

/// Open an intent that the client confirms; while it is open, the same one again.
#[utoipa::path(
    post, path = "/api/payments/create-payment-intent/", tag = "payments", security(("bearer" = [])),
    request_body = CreatePaymentIntent,
    params(IdempotencyKey),
    responses(
        (status = 201, body = PaymentIntent),
        (status = 200, body = PaymentIntent),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn create_payment_intent(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body<CreatePaymentIntent>,
) -> Result<Response, Problem> {
    caller.limit(Bucket::Payment)?;
    let Body { value: input, digest } = body;
    let person = &caller.person;
    let identity = Request { person: person.id, operation: "create_payment_intent", path: &[], digest };
    let key = identity.key(&headers)?;
    let opening = |method| PayBooking {
        booking: BookingId::from_raw(input.session_booking_id),
        payer: person.id,
        rail: Protocol::rail(app.gateways.default().as_ref()),
        method,
        confirmer: Confirmer::Client,
        action_allowed: true,
        key: key.clone(),
    };
    let method = match input.payment_method_id {
        None => None,
        Some(token) => {
            let wish = (Choice::token(token), input.save_payment_method);
            Some(methods::method_for(&app, person, wish, |method| opening(Some(method))).await?)
        }
    };
    let begun = app.db.submit(opening(method)).await?;
    // The key leads to the operation, never to a kept answer: the answer carries a secret.
    let status = if matches!(begun, Begun::Open(_)) { StatusCode::OK } else { StatusCode::CREATED };
    let tell: Tell = Arc::new(move |standing: &Standing| intent(standing, status));
    settle(&app, begun, None, tell).await
}

fn intent(standing: &Standing, status: StatusCode) -> Result<Answer, Problem> {
    if let Some(problem) = standing.refused() {
        return Err(problem);
    }
    let open = PaymentIntent {
        success: true,
        message: "Payment intent created",
        client_secret: standing.client_secret.clone(),
        payment_id: standing.payment.id.0,
        payment_intent_id: standing.op.reference.clone(),
        amount_dollars: MoneyNumber(standing.payment.quote.total()),
        status: if standing.is_waiting() { "requires_confirmation" } else { "succeeded" },
    };
    Ok(idempotency::success(status, &open))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct ConfirmPayment {
    payment_intent_id: String,
    payment_method_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ConfirmedPayment {
    success: bool,
    message: &'static str,
    /// `succeeded` or `requires_action`
    status: &'static str,
    requires_action: bool,
    client_secret: Option<String>,
    payment_id: i64,
    booking_id: Option<i64>,
}

/// Confirm an open intent; after its success the same answer again.
#[utoipa::path(
    post, path = "/api/payments/confirm-payment/", tag = "payments", security(("bearer" = [])),
    request_body = ConfirmPayment,
    responses(
        (status = 200, body = ConfirmedPayment),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn confirm_payment(
    State(app): State<App>,
    caller: Caller,
    body: Body<ConfirmPayment>,
) -> Result<Response, Problem> {
    caller.limit(Bucket::Payment)?;
    let input = body.value;
    let person = &caller.person;
    let op = own_intent(&app, person, &input.payment_intent_id).await?;
    let tell: Tell = Arc::new(|standing: &Standing| confirmed(standing));
    if !op.state.live() {
        return settle(&app, Begun::Open(op.id), None, tell).await;
    }
    let method = match input.payment_method_id {
        None => None,
        Some(token) => {
            let choice = Choice::token(token);
            Some(methods::chosen(&app, person, choice).await?)
        }
    };
    let refreshed = refresh(&app, &op).await?;
    if !refreshed.state.live() || (method.is_none() && challenged(&app, &refreshed).await) {
        return settle(&app, Begun::Open(op.id), None, tell).await;
    }
    let rail = op_rail(&app, &op)?;
    match app.db.submit(ConfirmIntent { op: op.id, payer: person.id, rail, method }).await? {
        Claimed::Go(ticket) => settle::drive(&app, *ticket, None, &tell).await,
        Claimed::Over => settle(&app, Begun::Open(op.id), None, tell).await,
        Claimed::Busy | Claimed::NotYet => settle(&app, Begun::Join(op.id), None, tell).await,
    }
}

/// What the gateway knows may be news: the client may have confirmed without us.
async fn refresh(app: &App, op: &Op) -> Result<Op, Problem> {
    app.protocol.take(op, false, true).await?;
    app.protocol.find(op.id).await?.ok_or_else(Problem::not_found)
}

/// Whether a challenge is open that only the payer's client can finish.
async fn challenged(app: &App, op: &Op) -> bool {
    let Some(gateway) = app.gateways.get(&op.gateway) else { return false };
    let Some(reference) = op.reference.as_deref() else { return false };
    let answer = gateway.find_charge(reference).await;
    matches!(answer, domain::gateway::Answer::Done(report) if report.state == domain::gateway::ChargeState::NeedsAction)
}

fn op_rail(app: &App, op: &Op) -> Result<domain::operations::Rail, Problem> {
    let gateway = app.gateways.get(&op.gateway).ok_or_else(Problem::not_found)?;
    Ok(Protocol::rail(gateway.as_ref()))
}

/// The caller's own charge by the gateway's id of it.
async fn own_intent(app: &App, person: &Person, reference: &str) -> Result<Op, Problem> {
    let names: Vec<String> =
        app.gateways.iter().map(|gateway| format!("{}:{reference}", gateway.name())).collect();
    let payer = person.id;
    let found = app
        .db
        .read(move |reads| {
            for name in &names {
                if let Some(target) = reads.claimed(Space::GatewayObject, name)? {
                    return reads.find::<Op>(&OpId::from_raw(target));
                }
            }
            Ok(None)
        })
        .await?;
    found.filter(|op| op.payer == payer && op.kind == OpKind::Charge).ok_or_else(Problem::not_found)
}

fn confirmed(standing: &Standing) -> Result<Answer, Problem> {
    if let Some(problem) = standing.refused() {
        return Err(problem);
    }
    let waiting = standing.op.state == OpState::Waiting;
    let answer = ConfirmedPayment {
        success: !waiting,
        message: if waiting { "The card needs your authentication." } else { "Payment confirmed" },
        status: if waiting { "requires_action" } else { "succeeded" },
        requires_action: waiting,
        client_secret: standing.client_secret.clone().filter(|_| waiting),
        payment_id: standing.payment.id.0,
        booking_id: standing.payment.booking.map(|id| id.0),
    };
    Ok(idempotency::success(StatusCode::OK, &answer))
}
