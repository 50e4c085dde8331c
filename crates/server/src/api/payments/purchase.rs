//! Buying a session in one step: flat at the gig's price, or by the hour for chosen times.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::id::{Id, OfferId};
use domain::idempotency::Answer;
use domain::payments::{PurchaseSession, flat_slot};
use domain::policy::PriceUnit;
use domain::records::{Offer, OfferState};
use domain::schedule::Slot;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answers::Standing;
use super::settle::{Tell, settle};
use crate::api::methods::{self, CardDetails, Choice};
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::idempotency::{self, Request};
use crate::http::json::{Instant, MoneyNumber};
use crate::http::limits::Bucket;
use crate::http::openapi::IdempotencyKey;
use crate::http::{Body, Problem};
use crate::protocol::Protocol;

#[derive(Deserialize, ToSchema)]
pub(crate) struct ProcessPayment {
    gig_id: i64,
    /// Exactly one of the three methods.
    payment_method_id: Option<String>,
    saved_payment_method_id: Option<String>,
    card_details: Option<CardDetails>,
    #[serde(default)]
    save_card: bool,
    /// Without it the teacher names the time when he confirms.
    #[schema(value_type = Option<String>, format = DateTime)]
    start_time: Option<Instant>,
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct ProcessDirectPayment {
    gig_id: i64,
    #[schema(value_type = String, format = DateTime)]
    start_time: Instant,
    #[schema(value_type = String, format = DateTime)]
    end_time: Instant,
    /// Exactly one of the three methods.
    payment_method_id: Option<String>,
    saved_payment_method_id: Option<String>,
    card_details: Option<CardDetails>,
    #[serde(default)]
    save_card: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Purchased {
    success: bool,
    message: &'static str,
    payment_id: i64,
    payment_intent_id: Option<String>,
    #[schema(value_type = f64)]
    amount: MoneyNumber,
    /// Lower case, as this endpoint's clients know it.
    currency: String,
    /// `succeeded`
    status: &'static str,
    booking_id: Option<i64>,
    payment_method_saved: bool,
    used_saved_card: bool,
}

/// Buy a session at the gig's flat price.
#[utoipa::path(
    post, path = "/api/payments/process-payment/", tag = "payments", security(("bearer" = [])),
    request_body = ProcessPayment,
    params(IdempotencyKey),
    responses(
        (status = 200, body = Purchased),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn process_payment(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body<ProcessPayment>,
) -> Result<Response, Problem> {
    let Body { value: input, digest } = body;
    let offer = offer(&app, input.gig_id).await?;
    let wanted = Wanted {
        operation: "process_payment",
        unit: app.policies.gig_purchase_unit,
        slot: input.start_time.map(|at| flat_slot(&offer, at.0)),
        choice: Choice::new(input.payment_method_id, input.saved_payment_method_id, input.card_details),
        save: input.save_card,
        digest,
    };
    purchase(&app, &caller, &headers, &offer, wanted).await
}

/// Buy a session at the gig's hourly price for chosen times.
#[utoipa::path(
    post, path = "/api/payments/process-direct-payment/", tag = "payments", security(("bearer" = [])),
    request_body = ProcessDirectPayment,
    params(IdempotencyKey),
    responses(
        (status = 200, body = Purchased),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn process_direct_payment(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body<ProcessDirectPayment>,
) -> Result<Response, Problem> {
    let Body { value: input, digest } = body;
    let offer = offer(&app, input.gig_id).await?;
    let wanted = Wanted {
        operation: "process_direct_payment",
        unit: PriceUnit::Hour,
        slot: Some(Slot { starts_at: input.start_time.0, ends_at: input.end_time.0 }),
        choice: Choice::new(input.payment_method_id, input.saved_payment_method_id, input.card_details),
        save: input.save_card,
        digest,
    };
    purchase(&app, &caller, &headers, &offer, wanted).await
}

/// What both forms want.
struct Wanted {
    operation: &'static str,
    unit: PriceUnit,
    slot: Option<Slot>,
    choice: Choice,
    save: bool,
    digest: [u8; 32],
}

async fn purchase(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    offer: &Offer,
    wanted: Wanted,
) -> Result<Response, Problem> {
    caller.limit(Bucket::Payment)?;
    let person = &caller.person;
    let identity =
        Request { person: person.id, operation: wanted.operation, path: &[], digest: wanted.digest };
    let key = Some(identity.key_or_derived(headers, app.policies.derived_window)?);
    let buying = |method| PurchaseSession {
        offer: offer.id,
        payer: person.id,
        rail: Protocol::rail(app.gateways.default().as_ref()),
        method,
        unit: wanted.unit,
        slot: wanted.slot,
        key: key.clone(),
    };
    let method = methods::method_for(app, person, (wanted.choice, wanted.save), &buying).await?;
    let (save, saved) = (wanted.save, method.saved);
    let begun = app.db.submit(buying(method)).await?;
    let tell: Tell = Arc::new(move |standing: &Standing| purchased(standing, save, saved));
    settle(app, begun, key, tell).await
}

/// A gig as buyers see it; one that was never public does not exist for them.
async fn offer(app: &App, id: i64) -> Result<Offer, Problem> {
    let id = OfferId::from_raw(id);
    let found = app.db.read(move |reads| reads.find::<Offer>(&id)).await?;
    let visible = |offer: &Offer| !matches!(offer.state, OfferState::Draft | OfferState::Archived);
    found.filter(visible).ok_or_else(Problem::not_found)
}

fn purchased(standing: &Standing, save: bool, saved: bool) -> Result<Answer, Problem> {
    if let Some(problem) = standing.refused() {
        return Err(problem);
    }
    let quote = &standing.payment.quote;
    let answer = Purchased {
        success: true,
        message: "Payment processed successfully",
        payment_id: standing.payment.id.0,
        payment_intent_id: standing.payment.reference.clone(),
        amount: MoneyNumber(quote.total()),
        currency: quote.currency.code().to_ascii_lowercase(),
        status: "succeeded",
        booking_id: standing.payment.booking.map(|id| id.0),
        payment_method_saved: save,
        used_saved_card: saved,
    };
    Ok(idempotency::success(StatusCode::OK, &answer))
}
