//! Charges: created, confirmed, challenged, cancelled.
//!
//! Invariant: a charge moves money at most once (it has one `movement`, set on success and never
//! after); cancelled and succeeded are for ever.

use domain::gateway::{Answer, ChargeReport, ChargeState};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::cards::{self, Behaviour, Card};
use super::core::{Desk, Verdict, rejected};
use super::tables::{Charge, ChargeAt, NOT_AUTHENTICATED, Sql};
use super::{customers, disputes, webhooks};
use crate::gateway::{ConfirmCharge, CreateCharge};

pub(super) fn create(desk: &Desk<'_>, request: &CreateCharge) -> Sql<Verdict<ChargeReport>> {
    if request.amount.minor <= 0 {
        return Ok(rejected("the amount must be positive"));
    }
    if let Some(customer) = &request.customer
        && !customers::exists(desk, customer)?
    {
        return Ok(rejected("no such customer"));
    }
    let mut charge = Charge {
        id: desk.tables.id("pi"),
        created_at: desk.now,
        state: ChargeAt::NeedsMethod,
        amount: request.amount,
        refunded: request.amount.currency.zero(),
        customer: request.customer.clone(),
        method: None,
        card: None,
        decline: None,
        movement: None,
        tag: Some(request.tag.clone()),
        description: request.description.clone(),
    };
    if let Some(token) = &request.method
        && let Err(why) = give_method(desk, &mut charge, token)?
    {
        return Ok(rejected(why));
    }
    if request.confirm {
        return attempt(desk, charge);
    }
    desk.tables.put_charge(&charge)?;
    Ok(done(desk, &charge))
}

pub(super) fn confirm(desk: &Desk<'_>, request: &ConfirmCharge) -> Sql<Verdict<ChargeReport>> {
    let Some(mut charge) = desk.tables.charge(&request.reference)? else {
        return Ok(rejected("no such charge"));
    };
    match charge.state {
        ChargeAt::Cancelled => return Ok(rejected("the charge is cancelled")),
        ChargeAt::Succeeded => return Ok(done(desk, &charge)),
        // The payer is being asked already; only another method starts anew.
        ChargeAt::NeedsAction if request.method.is_none() => return Ok(done(desk, &charge)),
        ChargeAt::NeedsMethod | ChargeAt::NeedsConfirmation | ChargeAt::NeedsAction => {}
    }
    if let Some(token) = &request.method
        && let Err(why) = give_method(desk, &mut charge, token)?
    {
        return Ok(rejected(why));
    }
    attempt(desk, charge)
}

/// A charge that had succeeded stays so, and says so.
pub(super) fn cancel(desk: &Desk<'_>, reference: &str) -> Sql<Verdict<ChargeReport>> {
    let Some(mut charge) = desk.tables.charge(reference)? else {
        return Ok(rejected("no such charge"));
    };
    if !matches!(charge.state, ChargeAt::Succeeded | ChargeAt::Cancelled) {
        charge.state = ChargeAt::Cancelled;
        desk.tables.put_charge(&charge)?;
        webhooks::of_charge(desk, "payment_intent.canceled", &charge)?;
    }
    Ok(done(desk, &charge))
}

pub(super) fn find(desk: &Desk<'_>, reference: &str) -> Sql<Verdict<ChargeReport>> {
    desk.settle()?;
    Ok(match desk.tables.charge(reference)? {
        Some(charge) => done(desk, &charge),
        None => rejected("no such charge"),
    })
}

/// The payer passed or failed the challenge.
pub(super) fn authenticate(desk: &Desk<'_>, reference: &str, passed: bool) -> Sql<Answer<ChargeReport>> {
    let Some(mut charge) = desk.tables.charge(reference)? else {
        return Ok(Answer::Rejected("no such charge".to_owned()));
    };
    if charge.state != ChargeAt::NeedsAction {
        return Ok(Answer::Rejected("no challenge is open".to_owned()));
    }
    let card = card_of(&charge);
    let behaviour = card.map(|card| card.behaviour);
    if passed && behaviour == Some(Behaviour::Challenges) {
        succeed(desk, &mut charge)?;
    } else {
        let by = match card {
            Some(card) if passed => card.name,
            _ => NOT_AUTHENTICATED,
        };
        decline(desk, &mut charge, by)?;
    }
    Ok(Answer::Done(report(desk, &charge)))
}

/// Sets the method; the inner error says why it cannot be used.
fn give_method(desk: &Desk<'_>, charge: &mut Charge, token: &str) -> Sql<Result<(), &'static str>> {
    let card = match customers::usable_card(desk, token, charge.customer.as_deref())? {
        Ok(card) => card,
        Err(why) => return Ok(Err(why)),
    };
    charge.method = Some(token.to_owned());
    charge.card = Some(card.name.to_owned());
    charge.state = ChargeAt::NeedsConfirmation;
    Ok(Ok(()))
}

/// Asks the payer's bank.
fn attempt(desk: &Desk<'_>, mut charge: Charge) -> Sql<Verdict<ChargeReport>> {
    let Some(card) = card_of(&charge) else {
        return Ok(rejected("a payment method is missing"));
    };
    if desk.bank_declines {
        decline(desk, &mut charge, cards::DECLINED.name)?;
        return Ok(declined(cards::DECLINED));
    }
    match card.behaviour {
        Behaviour::Declines(..) => {
            decline(desk, &mut charge, card.name)?;
            Ok(declined(card))
        }
        Behaviour::SilentlyDeclines => {
            decline(desk, &mut charge, card.name)?;
            Ok(Verdict { lost: true, ..declined(card) })
        }
        Behaviour::Challenges | Behaviour::ChallengesThenDeclines => {
            charge.state = ChargeAt::NeedsAction;
            desk.tables.put_charge(&charge)?;
            webhooks::of_charge(desk, "payment_intent.requires_action", &charge)?;
            Ok(done(desk, &charge))
        }
        Behaviour::SilentlySucceeds => {
            succeed(desk, &mut charge)?;
            Ok(Verdict { lost: true, ..done(desk, &charge) })
        }
        Behaviour::Succeeds | Behaviour::Disputes | Behaviour::RefundFails | Behaviour::RefundPends => {
            succeed(desk, &mut charge)?;
            Ok(done(desk, &charge))
        }
    }
}

fn succeed(desk: &Desk<'_>, charge: &mut Charge) -> Sql<()> {
    charge.state = ChargeAt::Succeeded;
    charge.decline = None;
    charge.movement = Some(desk.tables.id("ch"));
    desk.tables.put_charge(charge)?;
    webhooks::of_charge(desk, "payment_intent.succeeded", charge)?;
    if card_of(charge).is_some_and(|card| card.behaviour == Behaviour::Disputes) {
        disputes::open(desk, charge)?;
    }
    Ok(())
}

fn decline(desk: &Desk<'_>, charge: &mut Charge, by: &str) -> Sql<()> {
    charge.state = ChargeAt::NeedsMethod;
    charge.decline = Some(by.to_owned());
    desk.tables.put_charge(charge)?;
    webhooks::of_charge(desk, "payment_intent.payment_failed", charge)
}

fn declined(card: &Card) -> Verdict<ChargeReport> {
    Answer::Declined(card.decline()).into()
}

fn done(desk: &Desk<'_>, charge: &Charge) -> Verdict<ChargeReport> {
    Answer::Done(report(desk, charge)).into()
}

pub(super) fn card_of(charge: &Charge) -> Option<&'static Card> {
    charge.card.as_deref().and_then(Card::named)
}

pub(super) fn report(desk: &Desk<'_>, charge: &Charge) -> ChargeReport {
    let last_decline = charge.decline.as_deref().map(|by| match Card::named(by) {
        Some(card) => card.decline(),
        None => cards::not_authenticated(),
    });
    ChargeReport {
        reference: charge.id.clone(),
        state: match charge.state {
            ChargeAt::NeedsMethod => ChargeState::NeedsMethod { last_decline },
            ChargeAt::NeedsConfirmation => ChargeState::NeedsConfirmation,
            ChargeAt::NeedsAction => ChargeState::NeedsAction,
            ChargeAt::Succeeded => ChargeState::Succeeded,
            ChargeAt::Cancelled => ChargeState::Cancelled,
        },
        amount: charge.amount,
        client_secret: Some(client_secret(desk.secret, &charge.id)),
        movement: charge.movement.clone(),
        card: card_of(charge).map(Card::face),
        tag: charge.tag.clone(),
        refunded: charge.refunded,
    }
}

/// Derived, so that the books hold no secret; nobody else can derive it.
fn client_secret(secret: &str, charge: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(b"client secret of ");
    mac.update(charge.as_bytes());
    let bytes = mac.finalize().into_bytes();
    let (half, _) = bytes.split_at(16);
    let number = u128::from_be_bytes(half.try_into().expect("split at sixteen bytes"));
    format!("{charge}_secret_{number:032x}")
}
