//! Paying a confirmed booking in one request.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::context::Plant;
use domain::id::{BookingId, Id};
use domain::payments::{Begun, PayAndShow, PayBooking, Shown};
use domain::records::{Confirmer, OpState};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answers::{self, PaidBooking, RequiresAction, Standing};
use super::planted;
use super::settle::{Tell, settle};
use crate::api::methods::{self, CardDetails, Choice};
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::idempotency::Request;
use crate::http::limits::Bucket;
use crate::http::openapi::IdempotencyKey;
use crate::http::{Body, Problem};
use crate::meetings::Rooms;
use crate::protocol::Protocol;

/// An open intent is ended at its gateway at most so often before we give up on a busy client.
const ROUNDS_MAX: usize = 3;

#[derive(Deserialize, ToSchema)]
pub(crate) struct ProcessBookingPayment {
    booking_id: i64,
    /// Exactly one of the three methods.
    payment_method_id: Option<String>,
    saved_payment_method_id: Option<String>,
    card_details: Option<CardDetails>,
    #[serde(default)]
    save_payment_method: bool,
    /// Whether the client can finish a 3-D Secure challenge.
    #[serde(default)]
    allow_action: bool,
}

/// Pay a booking with a card.
#[utoipa::path(
    post, path = "/api/payments/process-booking-payment/", tag = "payments", security(("bearer" = [])),
    request_body = ProcessBookingPayment,
    params(IdempotencyKey),
    responses(
        (status = 200, body = PaidBooking),
        (status = 202, body = RequiresAction),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn process_booking_payment(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body<ProcessBookingPayment>,
) -> Result<Response, Problem> {
    caller.limit(Bucket::Payment)?;
    let Body { value: input, digest } = body;
    let person = &caller.person;
    let identity = Request { person: person.id, operation: "process_booking_payment", path: &[], digest };
    let key = identity.key(&headers)?;
    let choice = Choice::new(input.payment_method_id, input.saved_payment_method_id, input.card_details);
    let paying = |method| PayBooking {
        booking: BookingId::from_raw(input.booking_id),
        payer: person.id,
        rail: Protocol::rail(app.gateways.default().as_ref()),
        method: Some(method),
        confirmer: Confirmer::Server,
        action_allowed: input.allow_action,
        key: key.clone(),
    };
    let wish = (choice, input.save_payment_method);
    let method = methods::method_for(&app, person, wish, &paying).await?;
    pay(&app, paying(method)).await
}

async fn pay(app: &App, command: PayBooking) -> Result<Response, Problem> {
    if app.plants.removed(Plant::Intent) {
        return planted::pay(app, command).await;
    }
    let key = command.key.clone();
    let command = PayAndShow(command);
    for _ in 0..ROUNDS_MAX {
        let (begun, shown) = app.db.submit(command.clone()).await?;
        let tell = telling(&app.rooms, shown);
        let Begun::CancelFirst(op) = begun else { return settle(app, begun, key, tell).await };
        let open = app.protocol.find(op).await?.ok_or_else(Problem::not_found)?;
        app.protocol.take(&open, true, true).await?;
        let ended = app.protocol.find(op).await?.ok_or_else(Problem::not_found)?;
        if ended.state == OpState::Succeeded {
            // It had been paid meanwhile: the same answer, and no second charge.
            return settle(app, Begun::Open(op), None, tell).await;
        }
    }
    Err(Problem::conflict("payment_in_progress", "This payment is being processed.").retry_after(2))
}

/// How paying this booking is answered.
pub(super) fn telling(rooms: &Arc<Rooms>, shown: Shown) -> Tell {
    let rooms = Arc::clone(rooms);
    Arc::new(move |standing: &Standing| answers::paid_booking(&rooms, &shown, standing))
}
