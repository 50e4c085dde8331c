//! Customers and their saved cards.
//!
//! Invariant: a saved card is a token of its own, charged only for the customer it is attached to;
//! a detached one is never charged again; of a deleted customer only the id is left. The published
//! `pm_card_*` tokens belong to nobody.

use domain::gateway::{Answer, CardReport};
use rusqlite::params;

use super::cards::Card;
use super::core::{Desk, Verdict, rejected};
use super::tables::{SavedCard, Sql};
use super::webhooks;
use crate::gateway::CreateCustomer;

pub(super) fn create(desk: &Desk<'_>, request: &CreateCustomer) -> Sql<Verdict<String>> {
    let id = desk.tables.id("cus");
    desk.tables.write(
        "INSERT INTO customer (id, created_at, person, email, name) VALUES ($1, $2, $3, $4, $5)",
        params![id, desk.now.0, request.person, request.email, request.name],
    )?;
    Ok(Answer::Done(id).into())
}

pub(super) fn exists(desk: &Desk<'_>, customer: &str) -> Sql<bool> {
    let sql = "SELECT 1 FROM customer WHERE id = $1 AND person <> ''";
    Ok(desk.tables.one(sql, [customer], |_| Ok(()))?.is_some())
}

/// Deleting whom there is no more changes nothing.
pub(super) fn delete(desk: &Desk<'_>, customer: &str) -> Sql<Verdict<()>> {
    let known = desk.tables.one("SELECT 1 FROM customer WHERE id = $1", [customer], |_| Ok(()))?;
    if known.is_none() {
        return Ok(rejected("no such customer"));
    }
    while let Some(card) = desk.tables.one(
        "SELECT id FROM saved_card WHERE customer = $1 AND detached_at IS NULL",
        [customer],
        |row| row.get::<_, String>(0),
    )? {
        detach(desk, &card)?;
    }
    desk.tables
        .write("UPDATE customer SET person = '', email = '', name = '' WHERE id = $1", params![customer])?;
    Ok(Answer::Done(()).into())
}

/// Mints the customer's own token for a test card; a token that is the customer's already stays.
pub(super) fn attach(desk: &Desk<'_>, customer: &str, token: &str) -> Sql<Verdict<CardReport>> {
    if !exists(desk, customer)? {
        return Ok(rejected("no such customer"));
    }
    let Some(card) = Card::of_token(token) else {
        let known = usable_card(desk, token, Some(customer))?;
        return Ok(match known {
            Ok(card) => attached(customer, token, card),
            Err(why) => rejected(why),
        });
    };
    if !card.saves {
        return Ok(Answer::Declined(card.decline()).into());
    }
    let id = desk.tables.id("pm");
    desk.tables.write(
        "INSERT INTO saved_card (id, created_at, customer, card) VALUES ($1, $2, $3, $4)",
        params![id, desk.now.0, customer, card.name],
    )?;
    Ok(attached(customer, &id, card))
}

/// Detaching what is detached changes nothing.
pub(super) fn detach(desk: &Desk<'_>, token: &str) -> Sql<Verdict<()>> {
    let Some(saved) = saved(desk, token)? else {
        return Ok(rejected("no such saved card"));
    };
    if !saved.detached {
        desk.tables
            .write("UPDATE saved_card SET detached_at = $1 WHERE id = $2", params![desk.now.0, saved.id])?;
        webhooks::of_detached_card(desk, &saved)?;
    }
    Ok(Answer::Done(()).into())
}

/// The test card behind a token that this customer (or nobody) may use; the inner error says why
/// not.
pub(super) fn usable_card(
    desk: &Desk<'_>,
    token: &str,
    customer: Option<&str>,
) -> Sql<Result<&'static Card, &'static str>> {
    if let Some(card) = Card::of_token(token) {
        return Ok(Ok(card));
    }
    let Some(saved) = saved(desk, token)? else {
        return Ok(Err("no such payment method"));
    };
    if saved.detached {
        return Ok(Err("the payment method was detached"));
    }
    if customer != Some(saved.customer.as_str()) {
        return Ok(Err("the payment method is attached to another customer"));
    }
    Ok(Card::named(&saved.card).ok_or("no such payment method"))
}

fn saved(desk: &Desk<'_>, token: &str) -> Sql<Option<SavedCard>> {
    desk.tables.one(
        "SELECT id, customer, card, detached_at IS NOT NULL FROM saved_card WHERE id = $1",
        [token],
        |row| {
            Ok(SavedCard { id: row.get(0)?, customer: row.get(1)?, card: row.get(2)?, detached: row.get(3)? })
        },
    )
}

fn attached(customer: &str, token: &str, card: &Card) -> Verdict<CardReport> {
    Answer::Done(CardReport {
        token: token.to_owned(),
        customer: Some(customer.to_owned()),
        face: card.face(),
    })
    .into()
}
