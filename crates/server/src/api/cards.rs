//! Saved cards: adding, listing, choosing the default, deleting (contract 2.6).
//!
//! Invariants: a card is a token at the gateway and a face; numbers are taken only as published
//! test numbers; a card is deleted here first, and a gateway that does not answer keeps nothing
//! alive and deletes nothing. Deliberately not here: which card pays (`methods.rs`), and telling the
//! gateway of a deleted card (`jobs/cards.rs`).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use domain::cards::{Delete, Deleter, SetDefault};
use domain::gateway::CardFace;
use domain::records::{Card, Person};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::methods::{
    CardDetails, Kept, check_raw_cards, check_token, declined, known_card, save_card, saved_card, test_token,
};
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::json::Instant;
use crate::http::limits::Bucket;
use crate::http::{Body, Problem, problem};

/// More cards than anybody has.
const CARDS_MAX: usize = 500;

/// The room's routes under one of its mounts.
pub fn routes(prefix: &str) -> Router<App> {
    let at = |path: &str| format!("{prefix}{path}");
    Router::new()
        .route(&at("/add-payment-method"), post(add_payment_method))
        .route(&at("/payment-methods"), get(list_payment_methods))
        .route(&at("/payment-methods/save"), post(save_payment_method))
        .route(&at("/payment-methods/{id}/default"), post(default_payment_method))
        .route(&at("/payment-methods/{id}/delete"), delete(delete_payment_method))
        .layer(from_fn(problem::unsuccessful))
}

/// Documentation of the room.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(
        add_payment_method,
        list_payment_methods,
        save_payment_method,
        default_payment_method,
        delete_payment_method,
    ))]
    struct Document;
    Document::openapi()
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "payment_method_id": "pm_card_visa", "save_for_future": true }))]
pub(crate) struct AddPaymentMethod {
    payment_method_id: Option<String>,
    /// Published test numbers only, and only in the sandbox.
    card_number: Option<String>,
    exp_month: Option<i64>,
    exp_year: Option<i64>,
    cvc: Option<String>,
    cardholder_name: Option<String>,
    /// True unless given.
    save_for_future: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AddedPaymentMethod {
    success: bool,
    message: &'static str,
    payment_method_id: String,
    card_last4: Option<String>,
    card_brand: String,
    saved: bool,
}

/// Check a card, and save it unless told otherwise.
#[utoipa::path(
    post, path = "/api/payments/add-payment-method/", tag = "cards", security(("bearer" = [])),
    request_body = AddPaymentMethod,
    responses(
        (status = 200, body = AddedPaymentMethod),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn add_payment_method(
    State(app): State<App>,
    caller: Caller,
    body: Body<AddPaymentMethod>,
) -> Result<Json<AddedPaymentMethod>, Problem> {
    caller.limit(Bucket::Payment)?;
    let saves = body.value.save_for_future.unwrap_or(true);
    let token = token_of(&app, body.value)?;
    let known = known_card(&app, caller.person.id, token.clone()).await?;
    let added = match known {
        Some(card) => added(card.token.clone(), Some(face(&card)), true),
        None if saves => {
            let card = kept(&app, &caller.person, &token).await?;
            added(card.token.clone(), Some(face(&card)), true)
        }
        None => {
            let face = app.gateways.default().known_face(&token);
            added(token, face, false)
        }
    };
    Ok(Json(added))
}

fn token_of(app: &App, input: AddPaymentMethod) -> Result<String, Problem> {
    let has_card = input.card_number.is_some() || input.cvc.is_some();
    if has_card {
        check_raw_cards(app)?;
    }
    match (input.payment_method_id, input.card_number) {
        (Some(token), None) if !has_card => check_token("payment_method_id", token),
        (None, Some(card_number)) => {
            let missing = |field| move || Problem::field(field, "is required");
            let card = CardDetails {
                card_number,
                exp_month: input.exp_month.ok_or_else(missing("exp_month"))?,
                exp_year: input.exp_year.ok_or_else(missing("exp_year"))?,
                cvc: input.cvc.ok_or_else(missing("cvc"))?,
                cardholder_name: input.cardholder_name,
            };
            test_token(app, card, "")
        }
        _ => {
            let detail = "Send exactly one of payment_method_id and card_number.";
            Err(Problem::bad_request("payment_method_count", detail))
        }
    }
}

async fn kept(app: &App, person: &Person, token: &str) -> Result<Card, Problem> {
    match save_card(app, person, token).await? {
        Kept::Saved(card) => Ok(*card),
        Kept::Declined(decline) => Err(declined(&decline)),
    }
}

fn added(token: String, face: Option<CardFace>, saved: bool) -> AddedPaymentMethod {
    AddedPaymentMethod {
        success: true,
        message: if saved { "The card is saved." } else { "The card can be used once." },
        payment_method_id: token,
        card_last4: face.as_ref().map(|face| face.last_four.clone()),
        card_brand: face.map_or_else(|| "unknown".to_string(), |face| face.brand),
        saved,
    }
}

fn face(card: &Card) -> CardFace {
    CardFace {
        brand: card.brand.clone(),
        last_four: card.last_four.clone(),
        exp_month: card.exp_month,
        exp_year: card.exp_year,
    }
}

/// A saved card.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentMethod {
    id: i64,
    stripe_payment_method_id: String,
    /// Never null: `unknown` where the gateway does not say.
    card_brand: String,
    card_last_four: String,
    card_exp_month: i64,
    card_exp_year: i64,
    is_default: bool,
    /// `Visa ****4242 (Default)`
    display_name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

fn view(card: &Card) -> PaymentMethod {
    let mark = if card.is_default { " (Default)" } else { "" };
    PaymentMethod {
        id: card.id.0,
        stripe_payment_method_id: card.token.clone(),
        card_brand: card.brand.clone(),
        card_last_four: card.last_four.clone(),
        card_exp_month: card.exp_month,
        card_exp_year: card.exp_year,
        is_default: card.is_default,
        display_name: format!("{} ****{}{mark}", brand_name(&card.brand), card.last_four),
        created_at: Instant(card.created_at),
        updated_at: Instant(card.updated_at),
    }
}

fn brand_name(brand: &str) -> String {
    match brand {
        "amex" => "American Express".to_string(),
        "diners" => "Diners Club".to_string(),
        "jcb" => "JCB".to_string(),
        "unionpay" => "UnionPay".to_string(),
        "unknown" => "Card".to_string(),
        other => {
            let mut letters = other.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    }
}

/// List one's saved cards, the default first.
#[utoipa::path(
    get, path = "/api/payments/payment-methods/", tag = "cards", security(("bearer" = [])),
    responses(
        (status = 200, body = Vec<PaymentMethod>),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn list_payment_methods(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<PaymentMethod>>, Problem> {
    let person = caller.person.id;
    let gateway = app.gateways.default().name();
    let mut cards = app.db.read(move |reads| reads.of::<Card>(&person)).await?;
    cards.retain(|card| card.active && card.gateway == gateway);
    cards.sort_by_key(|card| std::cmp::Reverse((card.is_default, card.created_at, card.id)));
    cards.truncate(CARDS_MAX);
    Ok(Json(cards.iter().map(view).collect()))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "payment_method_id": "pm_card_visa" }))]
pub(crate) struct SavePaymentMethod {
    payment_method_id: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SavedPaymentMethod {
    success: bool,
    message: &'static str,
    payment_method: PaymentMethod,
}

/// Save a card that the client has made a token of.
#[utoipa::path(
    post, path = "/api/payments/payment-methods/save/", tag = "cards", security(("bearer" = [])),
    request_body = SavePaymentMethod,
    responses(
        (status = 201, body = SavedPaymentMethod),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(crate) async fn save_payment_method(
    State(app): State<App>,
    caller: Caller,
    body: Body<SavePaymentMethod>,
) -> Result<(StatusCode, Json<SavedPaymentMethod>), Problem> {
    caller.limit(Bucket::Payment)?;
    let token = check_token("payment_method_id", body.value.payment_method_id)?;
    let card = match known_card(&app, caller.person.id, token.clone()).await? {
        Some(card) => card,
        None => kept(&app, &caller.person, &token).await?,
    };
    let message = "The card is saved.";
    Ok((
        StatusCode::CREATED,
        Json(SavedPaymentMethod { success: true, message, payment_method: view(&card) }),
    ))
}

/// Make a card the one that is offered first.
#[utoipa::path(
    post, path = "/api/payments/payment-methods/{id}/default/", tag = "cards", security(("bearer" = [])),
    params(("id" = String, Path, description = "the number of the saved card or its `pm_` id")),
    responses(
        (status = 200, body = SavedPaymentMethod),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn default_payment_method(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<SavedPaymentMethod>, Problem> {
    let person = caller.person.id;
    let card = saved_card(&app, person, id).await?.id;
    let card = app.db.submit(SetDefault { person, card }).await?;
    let message = "This card is the default now.";
    Ok(Json(SavedPaymentMethod { success: true, message, payment_method: view(&card) }))
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Said {
    success: bool,
    message: &'static str,
}

/// Delete a saved card.
#[utoipa::path(
    delete, path = "/api/payments/payment-methods/{id}/delete/", tag = "cards", security(("bearer" = [])),
    params(("id" = String, Path, description = "the number of the saved card or its `pm_` id")),
    responses(
        (status = 200, body = Said),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn delete_payment_method(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Said>, Problem> {
    let person = caller.person.id;
    let card = saved_card(&app, person, id).await?.id;
    app.db.submit(Delete { person, card, by: Deleter::Owner }).await?;
    Ok(Json(Said { success: true, message: "The card is deleted." }))
}
