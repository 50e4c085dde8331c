//! Paying a confirmed booking in one request.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::context::Plant;
use domain::id::{BookingId, Id};
use domain::idempotency::Key;
use domain::payments::{Begun, Method, PayBooking, quote_booking};
use domain::records::{Booking, Confirmer, Person};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answers::{self, BookingView, PaidBooking, RequiresAction, Standing};
use super::planted;
use super::settle::{Tell, settle};
use crate::api::methods::{self, CardDetails, Choice};
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::idempotency::Request;
use crate::http::limits::Bucket;
use crate::http::{Body, Problem};
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
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 ASCII characters")),
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
    let view = booking_view(&app, person, input.booking_id).await?;
    let choice = Choice::new(input.payment_method_id, input.saved_payment_method_id, input.card_details);
    let method = methods::method_for(&app, person, choice, input.save_payment_method).await?;
    let start = Start { view, method, action_allowed: input.allow_action, key };
    pay(&app, person, start).await
}

struct Start {
    view: BookingView,
    method: Method,
    action_allowed: bool,
    key: Option<Key>,
}

async fn pay(app: &App, person: &Person, start: Start) -> Result<Response, Problem> {
    let view = start.view;
    let booking = view.booking.id;
    let amount = quote_booking(&view.booking).total();
    let tell: Tell = Arc::new(move |standing: &Standing| answers::paid_booking(&view, standing));
    let command = PayBooking {
        booking,
        payer: person.id,
        rail: Protocol::rail(app.gateways.default().as_ref()),
        method: Some(start.method),
        confirmer: Confirmer::Server,
        action_allowed: start.action_allowed,
        key: start.key.clone(),
    };
    if app.plants.removed(Plant::Intent) {
        return planted::pay(app, command, amount, tell).await;
    }
    for _ in 0..ROUNDS_MAX {
        match app.db.submit(command.clone()).await? {
            Begun::CancelFirst(op) => {
                let open = app.protocol.find(op).await?.ok_or_else(Problem::not_found)?;
                app.protocol.take(&open, true, true).await?;
                let ended = app.protocol.find(op).await?.ok_or_else(Problem::not_found)?;
                if ended.state == domain::records::OpState::Succeeded {
                    // It had been paid meanwhile: the same answer, and no second charge.
                    return settle(app, Begun::Open(op), None, tell).await;
                }
            }
            begun => return settle(app, begun, start.key, tell).await,
        }
    }
    Err(Problem::conflict("payment_in_progress", "This payment is being processed.").retry_after(2))
}

/// The booking through its payer's scope, with what its answers show.
pub(super) async fn booking_view(app: &App, person: &Person, id: i64) -> Result<BookingView, Problem> {
    let (id, payer) = (BookingId::from_raw(id), person.id);
    let found = app
        .db
        .read(move |reads| {
            let Some(booking) = reads.find::<Booking>(&id)?.filter(|booking| booking.payer == payer) else {
                return Ok(None);
            };
            let teacher = reads.find::<Person>(&booking.payee)?;
            Ok(teacher.map(|teacher| BookingView { booking, teacher_name: teacher.full_name }))
        })
        .await?;
    found.ok_or_else(Problem::not_found)
}
