//! Letters about refunds.

use domain::id::{Id, RefundId};
use domain::records::{Job, Person};
use domain::upkeep::JobEnd;
use serde::Deserialize;

use super::letters::{Envelope, send_all};
use super::queue::parse;
use crate::app::App;
use crate::mail::templates::Facts;

/// A marketplace has fewer; a letter to everybody would be an attack.
const ADMINS_MAX: usize = 50;

#[derive(Deserialize)]
struct RefundBody {
    refund_id: i64,
    /// `refund.requested`, `refund.rejected`, `refund.processed` or `refund.failed`.
    event: String,
}

/// What became of a refund: to the payer always, to the payee when the money has gone back, to the
/// administrators when they must decide.
pub(super) async fn refund(app: &App, job: &Job) -> Result<(), JobEnd> {
    let body: RefundBody = parse(job)?;
    let id = RefundId::from_raw(body.refund_id);
    let read = app.db.read(move |reads| Ok((reads.refund(id)?, reads.admins(ADMINS_MAX)?)));
    let (parts, admins) = read.await.map_err(|fault| JobEnd::Retry(fault.to_string()))?;
    let parts = parts.ok_or_else(|| JobEnd::Hopeless("its refund does not exist".into()))?;
    let facts = |to: &Person, other: &Person| Facts {
        name: to.full_name.clone(),
        other: other.full_name.clone(),
        refund: parts.refund.id.to_string(),
        payment: parts.payment.id.to_string(),
        title: parts.booking.as_ref().map_or("your purchase", |booking| &booking.title).to_owned(),
        amount: parts.refund.amount().to_string(),
        share: parts.refund.currency.minor(parts.refund.share_minor).to_string(),
        notes: parts.refund.admin_notes.clone(),
        ..Facts::default()
    };
    let letter = match body.event.as_str() {
        "refund.requested" => "refund_requested",
        "refund.rejected" => "refund_rejected",
        "refund.processed" => "refund_processed",
        "refund.failed" => "refund_failed",
        event => return Err(JobEnd::Hopeless(format!("this version knows no letter of {event}"))),
    };
    let (payer, payee) = (&parts.payer, &parts.payee);
    let mut all = vec![envelope("payer", letter, (payer, facts(payer, payee)))];
    match letter {
        "refund_processed" => {
            let letter = "refund_processed_to_payee";
            all.push(envelope("payee", letter, (payee, facts(payee, payer))));
        }
        "refund_requested" => all.extend(admins.iter().map(|admin| {
            let role = format!("admin-{}", admin.id);
            envelope(&role, "refund_to_decide", (admin, facts(admin, payer)))
        })),
        _ => {}
    }
    send_all(app, job, all).await
}

fn envelope<'a>(role: &str, letter: &'static str, (person, facts): (&'a Person, Facts)) -> Envelope<'a> {
    Envelope { role: role.to_owned(), person, letter, facts, invitation: None }
}
