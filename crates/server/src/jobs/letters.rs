//! Jobs that send mail.
//!
//! A mail's id comes from its job, so a second try after half a success repeats no file and no
//! Message-ID. Whoever has no address any more gets none.

use std::collections::BTreeMap;

use domain::id::{BookingId, Id, PaymentId, PersonId, RefundId};
use domain::records::{Booking, Job, Payment, Person, Purpose, Word};
use domain::rows::Record;
use domain::upkeep::JobEnd;
use serde::Deserialize;
use store::Error;

use super::queue::parse;
use crate::app::App;
use crate::auth::one_time::{in_link, place};
use crate::http::json::Instant;
use crate::mail::templates::{self, Letter, Paid, Refunded};
use crate::mail::{Mail, MailError};

/// A marketplace has fewer; a letter to everybody would be an attack.
const ADMINS_MAX: usize = 50;

#[derive(Deserialize)]
struct ReceiptBody {
    payment_id: i64,
}

/// What the receipts of a round are about, read at once.
pub(super) struct Receipts {
    payments: BTreeMap<PaymentId, Payment>,
    bookings: BTreeMap<BookingId, Booking>,
    people: BTreeMap<PersonId, Person>,
}

impl Receipts {
    /// Reads for all jobs of the round that are receipts.
    pub(super) async fn read(app: &App, jobs: &[Job]) -> Result<Receipts, Error> {
        let receipts = jobs.iter().filter(|job| job.kind == "receipt");
        let ids: Vec<PaymentId> =
            receipts.filter_map(|job| parse(job).ok().map(|body| payment_id(&body))).collect();
        let read = app.db.read(move |reads| {
            let payments = reads.find_many::<Payment>(&ids)?;
            let bookings: Vec<BookingId> = payments.iter().filter_map(|payment| payment.booking).collect();
            let people: Vec<PersonId> =
                payments.iter().flat_map(|payment| [payment.payer, payment.payee]).collect();
            Ok(Receipts {
                bookings: by_key(reads.find_many::<Booking>(&bookings)?),
                people: by_key(reads.find_many::<Person>(&people)?),
                payments: by_key(payments),
            })
        });
        Ok(read.await?)
    }
}

fn by_key<R: Record>(rows: Vec<R>) -> BTreeMap<R::Key, R> {
    rows.into_iter().map(|row| (row.key(), row)).collect()
}

fn payment_id(body: &ReceiptBody) -> PaymentId {
    PaymentId::from_raw(body.payment_id)
}

/// A payment was completed: the payer's receipt and the payee's note.
pub(super) async fn receipt(app: &App, job: &Job, read: &Receipts) -> Result<(), JobEnd> {
    let payment = read.payments.get(&payment_id(&parse(job)?));
    let parties = payment.and_then(|payment| {
        Some((payment, read.people.get(&payment.payer)?, read.people.get(&payment.payee)?))
    });
    let Some((payment, payer, payee)) = parties else {
        return Err(JobEnd::Hopeless("its payment or a party does not exist".into()));
    };
    let booking = payment.booking.and_then(|id| read.bookings.get(&id));
    let paid = Paid {
        payment: payment.id.raw(),
        title: booking.map_or("your purchase", |booking| &booking.title),
        payer: &payer.full_name,
        payee: &payee.full_name,
        total: payment.quote.total(),
        fee: payment.quote.fee(),
        share: payment.quote.share(),
        at: Instant(payment.paid_at.unwrap_or(job.created_at)).text(),
        starts_at: booking.and_then(|booking| booking.starts_at).map(|at| Instant(at).text()),
        card: payment.card_last_four.as_ref().map(|four| {
            let brand = payment.card_brand.as_deref().unwrap_or("card");
            format!("{brand} ending in {four}")
        }),
    };
    send(app, job, "payer", payer, templates::receipt(&paid)).await?;
    send(app, job, "payee", payee, templates::paid(&paid)).await
}

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
    let told = Refunded {
        refund: parts.refund.id.raw(),
        payment: parts.payment.id.raw(),
        title: parts.booking.as_ref().map_or("your purchase", |booking| &booking.title),
        payer: &parts.payer.full_name,
        payee: &parts.payee.full_name,
        amount: parts.refund.amount(),
        share: parts.refund.currency.minor(parts.refund.share_minor),
        notes: &parts.refund.admin_notes,
    };
    let letter = match body.event.as_str() {
        "refund.requested" => templates::refund_requested(&told),
        "refund.rejected" => templates::refund_rejected(&told),
        "refund.processed" => templates::refund_processed(&told),
        "refund.failed" => templates::refund_failed(&told),
        event => return Err(JobEnd::Hopeless(format!("this version knows no letter of {event}"))),
    };
    send(app, job, "payer", &parts.payer, letter).await?;
    match body.event.as_str() {
        "refund.processed" => {
            send(app, job, "payee", &parts.payee, templates::refund_processed_to_payee(&told)).await
        }
        "refund.requested" => {
            for admin in &admins {
                let role = format!("admin-{}", admin.id);
                send(app, job, &role, admin, templates::refund_to_decide(&told)).await?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

#[derive(Deserialize)]
struct MailBody {
    /// `verify_email` or `password_reset`.
    template: String,
    person: i64,
    /// The link's secret.
    sealed: String,
    redirect_to: Option<String>,
}

/// A mail whose link carries a secret.
pub(super) async fn mail(app: &App, job: &Job) -> Result<(), JobEnd> {
    let body: MailBody = parse(job)?;
    let id = PersonId::from_raw(body.person);
    let found = app.db.read(move |reads| reads.find::<Person>(&id)).await;
    let found = found.map_err(|fault| JobEnd::Retry(fault.to_string()))?;
    let person = found.ok_or_else(|| JobEnd::Hopeless("its person does not exist".into()))?;
    let purpose = Purpose::parse(&body.template);
    let purpose =
        purpose.ok_or_else(|| JobEnd::Hopeless(format!("this version knows no mail {}", body.template)))?;
    let secret = app.seal.open(&place(purpose), &body.sealed);
    let secret = secret.ok_or_else(|| JobEnd::Hopeless("its secret does not open".into()))?;
    let token = in_link(id, purpose, &secret);
    let (page, letter): (&str, fn(&str, &str) -> Letter) = match purpose {
        Purpose::VerifyEmail => ("verify-email", templates::verify_email),
        Purpose::PasswordReset => ("reset-password", templates::password_reset),
    };
    let base = body.redirect_to.unwrap_or_else(|| format!("{}/{page}", app.config.public_url()));
    let joint = if base.contains('?') { '&' } else { '?' };
    let link = format!("{base}{joint}token={}", token.expose());
    send(app, job, "person", &person, letter(&person.full_name, &link)).await
}

async fn send(app: &App, job: &Job, role: &str, person: &Person, letter: Letter) -> Result<(), JobEnd> {
    if person.email.is_empty() {
        return Ok(());
    }
    let (subject, text) = letter;
    let mail = Mail {
        id: format!("{}-{}-{role}", job.kind, job.id),
        to: person.email.clone(),
        to_name: person.full_name.clone(),
        subject,
        text,
        at: job.created_at,
    };
    app.mailer.send(&mail).await.map_err(|error| match error {
        MailError::Transient(_) | MailError::Settings(_) => JobEnd::Retry(error.to_string()),
        MailError::Permanent(_) => JobEnd::Hopeless(error.to_string()),
    })
}
