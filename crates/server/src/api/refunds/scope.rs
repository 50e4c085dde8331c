//! Finding payments and refunds through the caller's scope: not there and not yours are the same.

use axum::http::HeaderMap;
use domain::id::{Id, PaymentId, PersonId, RefundId};
use domain::idempotency::Key;
use domain::records::{Payment, Person};
use domain::refunds::By;
use store::reads::refunds::RefundParts;

use crate::app::App;
use crate::http::Problem;
use crate::http::caller::note_reading;
use crate::http::idempotency::Request;

/// A payment of the caller's; administrators see every one.
pub(super) async fn payment(app: &App, person: &Person, raw: i64) -> Result<Payment, Problem> {
    let id = PaymentId::from_raw(positive(raw)?);
    let found = app.db.read(move |reads| reads.find::<Payment>(&id)).await?;
    let visible =
        |payment: &Payment| person.admin || payment.payer == person.id || payment.payee == person.id;
    found.filter(visible).ok_or_else(Problem::not_found)
}

/// A refund that goes to the caller or was asked for by him; administrators see every one.
pub(super) async fn refund(app: &App, person: &Person, text: &str) -> Result<RefundParts, Problem> {
    let id = refund_id(text)?;
    let found = app.db.read(move |reads| reads.refund(id)).await?;
    let visible = |parts: &RefundParts| person.admin || concerns(parts, person.id);
    let parts = found.filter(visible).ok_or_else(Problem::not_found)?;
    if !concerns(&parts, person.id) {
        note_reading(app, person, &format!("/api/payments/refund-requests/{id}")).await?;
    }
    Ok(parts)
}

/// Anything but a positive whole number names nothing.
pub(super) fn refund_id(text: &str) -> Result<RefundId, Problem> {
    let raw = text.parse::<i64>().map_err(|_| Problem::not_found())?;
    Ok(RefundId::from_raw(positive(raw)?))
}

pub(super) fn payment_id(text: &str) -> Result<i64, Problem> {
    text.parse::<i64>().map_err(|_| Problem::not_found())
}

fn positive(raw: i64) -> Result<i64, Problem> {
    if raw > 0 { Ok(raw) } else { Err(Problem::not_found()) }
}

fn concerns(parts: &RefundParts, person: PersonId) -> bool {
    parts.refund.payer == person || parts.refund.requested_by == Some(person)
}

/// As whom somebody asks for a refund.
pub(super) fn asking(person: &Person) -> By {
    if person.admin { By::Admin(person.id) } else { By::Party(person.id) }
}

/// The client's idempotency key for a request, if it sent one.
pub(super) fn client_key(
    person: &Person,
    operation: &str,
    (path, digest): (&[&str], [u8; 32]),
    headers: &HeaderMap,
) -> Result<Option<Key>, Problem> {
    Request { person: person.id, operation, path, digest }.key(headers)
}
