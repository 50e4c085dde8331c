//! What a payer wants to pay with, resolved to a token at the gateway (contract 2.6).
//!
//! Invariants: exactly one method; another's card does not exist; a card number is compared with
//! the published test numbers and goes nowhere; a gateway that does not answer deletes nothing.
//! Deliberately not here: listing and deleting cards (`cards.rs`), charging.

use std::fmt;

use axum::http::StatusCode;
use domain::cards::{NoteCustomer, Save};
use domain::command::{Command, Rehearse};
use domain::gateway::{Answer, CardReport, Decline};
use domain::id::{CardId, Id, PersonId};
use domain::payments::{Begun, Method};
use domain::records::{Card, Customer, Person};
use gateways::gateway::{CreateCustomer, Gateway, RawCard};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use zeroize::Zeroize;

use crate::app::App;
use crate::config::RawCard as RawCards;
use crate::http::Problem;

/// Characters.
const NAME_MAX: usize = 100;
const TOKEN_MAX: usize = 255;
const EXP_YEAR_MIN: i64 = 2024;
/// What a gateway that cannot be reached asks of clients.
const RETRY_AFTER_SECONDS: u64 = 5;

/// A card as typed: only published test numbers, and only where the marketplace allows them.
#[derive(Deserialize, ToSchema)]
pub struct CardDetails {
    pub card_number: String,
    pub exp_month: i64,
    pub exp_year: i64,
    pub cvc: String,
    pub cardholder_name: Option<String>,
}

/// Wiped when it goes.
impl Drop for CardDetails {
    fn drop(&mut self) {
        self.card_number.zeroize();
        self.cvc.zeroize();
    }
}

/// Reaches no log.
impl fmt::Debug for CardDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardDetails")
    }
}

/// The three ways to name a payment method; exactly one is meant.
#[derive(Debug)]
pub struct Choice {
    payment_method_id: Option<String>,
    /// A saved card: the number of its row or its token.
    saved_payment_method_id: Option<String>,
    card_details: Option<CardDetails>,
}

enum Chosen {
    Saved(String),
    Token(String),
}

/// The payment method of a request, and what is paid with it. Where the card is to be kept for later, it
/// is kept when a payment begins: what is refused or was asked before leaves no card behind. A card that
/// its gateway will not keep is used as it is, so that the charge itself says why.
pub async fn method_for<C: Command<Receipt = Begun>>(
    app: &App,
    person: &Person,
    (choice, save): (Choice, bool),
    paying: impl Fn(Method) -> C,
) -> Result<Method, Problem> {
    let method = chosen(app, person, choice).await?;
    if !save || method.saved {
        return Ok(method);
    }
    let begun = app.db.submit(Rehearse(paying(method.clone()))).await?;
    match begun {
        Begun::Send(_) | Begun::CancelFirst(_) => keep(app, person, method.token).await,
        Begun::Join(_) | Begun::Open(_) | Begun::Replay(_) => Ok(method),
    }
}

/// The payment method that a request names.
pub async fn chosen(app: &App, person: &Person, choice: Choice) -> Result<Method, Problem> {
    match choice.read(app)? {
        Chosen::Saved(reference) => Ok(saved(saved_card(app, person.id, reference).await?)),
        Chosen::Token(token) => match known_card(app, person.id, token.clone()).await? {
            Some(card) => Ok(saved(card)),
            None => Ok(Method { token, customer: None, saved: false }),
        },
    }
}

async fn keep(app: &App, person: &Person, token: String) -> Result<Method, Problem> {
    Ok(match save_card(app, person, &token).await? {
        Kept::Saved(card) => Method { saved: false, ..saved(*card) },
        Kept::Declined(_) => Method { token, customer: None, saved: false },
    })
}

fn saved(card: Card) -> Method {
    Method { token: card.token, customer: Some(card.customer), saved: true }
}

impl Choice {
    /// What the members of a request say.
    pub fn new(token: Option<String>, saved: Option<String>, card: Option<CardDetails>) -> Choice {
        Choice { payment_method_id: token, saved_payment_method_id: saved, card_details: card }
    }

    pub fn token(token: String) -> Choice {
        Choice::new(Some(token), None, None)
    }

    fn read(self, app: &App) -> Result<Chosen, Problem> {
        let Choice { payment_method_id, saved_payment_method_id, card_details } = self;
        if card_details.is_some() {
            check_raw_cards(app)?;
        }
        match (payment_method_id, saved_payment_method_id, card_details) {
            (Some(token), None, None) => Ok(Chosen::Token(check_token("payment_method_id", token)?)),
            (None, Some(saved), None) => Ok(Chosen::Saved(check_token("saved_payment_method_id", saved)?)),
            (None, None, Some(card)) => Ok(Chosen::Token(test_token(app, card, "card_details.")?)),
            _ => {
                let detail =
                    "Send exactly one of payment_method_id, saved_payment_method_id and card_details.";
                Err(Problem::bad_request("payment_method_count", detail))
            }
        }
    }
}

/// 400 `raw_card_disabled` where card numbers are not taken at all; asked before anything else is
/// done with them.
pub(super) fn check_raw_cards(app: &App) -> Result<(), Problem> {
    if app.config.payments.raw_card == RawCards::TestCards {
        return Ok(());
    }
    let detail =
        "Card numbers are not accepted here: make a token in the browser and send payment_method_id.";
    Err(Problem::bad_request("raw_card_disabled", detail))
}

/// A token's form. What looks like a card number is none, and is not repeated.
pub(super) fn check_token(field: &'static str, token: String) -> Result<String, Problem> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    let is_token = !token.is_empty() && token.len() <= TOKEN_MAX && token.bytes().all(plain);
    let is_row = field == "saved_payment_method_id" && row_id(&token).is_some();
    if is_row || (is_token && !token.bytes().all(|b| b.is_ascii_digit() || b == b'-')) {
        return Ok(token);
    }
    Err(Problem::field(field, "must be the id of a payment method"))
}

fn row_id(reference: &str) -> Option<CardId> {
    // Longer ones are card numbers in the wrong field: our ids end at 2^53.
    let digits = reference.len() < 13 && reference.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| reference.parse().ok().map(CardId::from_raw)).flatten()
}

/// The token that stands for a published test number. `prefix` is where the fields stand in the
/// request.
pub(super) fn test_token(app: &App, mut card: CardDetails, prefix: &str) -> Result<String, Problem> {
    let wrong = |field: &str, message: &str| Err(Problem::field(&format!("{prefix}{field}"), message));
    if !(1..=12).contains(&card.exp_month) {
        return wrong("exp_month", "must be 1 to 12");
    }
    if !(EXP_YEAR_MIN..=9999).contains(&card.exp_year) {
        return wrong("exp_year", "must be 2024 or later");
    }
    if !(3..=4).contains(&card.cvc.len()) || !card.cvc.bytes().all(|b| b.is_ascii_digit()) {
        return wrong("cvc", "must be 3 or 4 digits");
    }
    if card.cardholder_name.as_ref().is_some_and(|name| name.chars().count() > NAME_MAX) {
        return wrong("cardholder_name", "must be at most 100 characters");
    }
    let mut raw = RawCard {
        number: std::mem::take(&mut card.card_number),
        exp_month: card.exp_month,
        exp_year: card.exp_year,
        cvc: std::mem::take(&mut card.cvc),
    };
    let token = app.gateways.default().test_token(&raw);
    raw.number.zeroize();
    raw.cvc.zeroize();
    token.ok_or_else(|| {
        Problem::bad_request("card_not_test", "Only the published test card numbers are accepted here.")
    })
}

/// The caller's saved card of the default gateway, by row id or token; otherwise 404.
pub(super) async fn saved_card(app: &App, person: PersonId, reference: String) -> Result<Card, Problem> {
    let gateway = app.gateways.default().name();
    let row = row_id(&reference);
    let cards = app.db.read(move |reads| reads.of::<Card>(&person)).await?;
    let meant = |card: &Card| match row {
        Some(id) => card.id == id,
        None => card.token == reference,
    };
    let card = cards.into_iter().find(|card| card.active && card.gateway == gateway && meant(card));
    card.ok_or_else(Problem::not_found)
}

/// The caller's saved card behind a token; `None` for a token that is nobody's saved card, 404 for
/// one that is another's or was deleted.
pub(super) async fn known_card(app: &App, person: PersonId, token: String) -> Result<Option<Card>, Problem> {
    let gateway = app.gateways.default().name();
    let found = app.db.read(move |reads| reads.saved_card(gateway, &token)).await?;
    let own = |card: &Card| card.person == person && card.active;
    match found {
        None => Ok(None),
        Some(card) if own(&card) => Ok(Some(card)),
        Some(_) => Err(Problem::not_found()),
    }
}

/// What came of keeping a card.
pub(super) enum Kept {
    Saved(Box<Card>),
    Declined(Decline),
}

/// Attaches a token to the person at the gateway and saves the card.
pub(super) async fn save_card(app: &App, person: &Person, token: &str) -> Result<Kept, Problem> {
    let gateway = app.gateways.default().as_ref();
    let customer = customer_of(app, gateway, person).await?;
    let report = match gateway.attach_card(&customer, token).await {
        Answer::Done(report) => report,
        Answer::Declined(decline) => return Ok(Kept::Declined(decline)),
        Answer::Rejected(reason) => {
            tracing::warn!(gateway = gateway.name(), reason, "a card cannot be attached");
            return Err(Problem::not_found());
        }
        Answer::NotSent(reason) => return Err(unreachable_gateway(gateway, &reason)),
        Answer::Unknown(why) => return Err(unreachable_gateway(gateway, &why.reason)),
    };
    Ok(Kept::Saved(Box::new(record(app, person.id, customer, report).await?)))
}

async fn record(app: &App, person: PersonId, customer: String, report: CardReport) -> Result<Card, Problem> {
    let gateway = app.gateways.default().name().to_string();
    Ok(app.db.record(Save { person, gateway, customer, report }).await?)
}

/// The person as the gateway knows him. Racers send the same key, so the gateway makes one.
async fn customer_of(app: &App, gateway: &dyn Gateway, person: &Person) -> Result<String, Problem> {
    let key = (person.id, gateway.name().to_string());
    if let Some(known) = app.db.read(move |reads| reads.find::<Customer>(&key)).await? {
        return Ok(known.reference);
    }
    let request = CreateCustomer {
        key: format!("{}:customer:{}", app.policies.instance, person.id),
        person: person.uuid.clone(),
        email: person.email.clone(),
        name: person.full_name.clone(),
    };
    let reference = match gateway.create_customer(&request).await {
        Answer::Done(reference) => reference,
        Answer::Declined(decline) => return Err(unreachable_gateway(gateway, &decline.code)),
        Answer::Rejected(reason) | Answer::NotSent(reason) => {
            return Err(unreachable_gateway(gateway, &reason));
        }
        Answer::Unknown(why) => return Err(unreachable_gateway(gateway, &why.reason)),
    };
    let note = NoteCustomer { person: person.id, gateway: gateway.name().to_string(), reference };
    Ok(app.db.record(note).await?.reference)
}

/// 503: nothing was charged and nothing saved; the same request may be sent again.
fn unreachable_gateway(gateway: &dyn Gateway, reason: &str) -> Problem {
    tracing::warn!(gateway = gateway.name(), reason, "the gateway did not answer about a card");
    let detail = "The payment provider could not be reached; nothing was charged.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "gateway_unavailable", detail)
        .retry_after(RETRY_AFTER_SECONDS)
}

/// 400 with the bank's words.
pub(super) fn declined(decline: &Decline) -> Problem {
    let details = json!({ "code": decline.code, "decline_code": decline.decline_code, "param": null });
    Problem::bad_request(decline.code.clone(), decline.message.clone()).details(details)
}
