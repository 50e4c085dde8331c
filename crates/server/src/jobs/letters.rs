//! Jobs that send mail.
//!
//! A mail's id comes from its job, so a second try after half a success repeats no file and no
//! Message-ID. Whoever has no address any more gets none.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{BookingId, Id, PaymentId, PersonId};
use domain::records::{Booking, Job, Payment, Person, Purpose, Word};
use domain::rows::Record;
use domain::time::Timestamp;
use domain::upkeep::JobEnd;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::Error;

use super::booking_letters::invite;
use super::queue::parse;
use crate::app::App;
use crate::auth::one_time::{in_link, place};
use crate::http::json::Instant;
use crate::mail::invitation::Method;
use crate::mail::templates::Facts;
use crate::mail::{Mail, MailError};

#[derive(Deserialize)]
struct ReceiptBody {
    payment_id: i64,
}

/// What the receipts of a round are about, read at once.
#[derive(Default)]
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
        if ids.is_empty() {
            return Ok(Receipts::default());
        }
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
pub(super) async fn receipt<'a>(app: &App, job: &Job, read: &'a Receipts) -> Result<(), JobEnd> {
    let payment = read.payments.get(&payment_id(&parse(job)?));
    let parties = payment.and_then(|payment| {
        Some((payment, read.people.get(&payment.payer)?, read.people.get(&payment.payee)?))
    });
    let Some((payment, payer, payee)) = parties else {
        return Err(JobEnd::Hopeless("its payment or a party does not exist".into()));
    };
    let booking = payment.booking.and_then(|id| read.bookings.get(&id));
    let card = payment.card_last_four.as_ref().map(|four| {
        let brand = payment.card_brand.as_deref().unwrap_or("card");
        format!("{brand} ending in {four}")
    });
    let facts = |to: &Person, other: &Person| Facts {
        name: to.full_name.clone(),
        other: other.full_name.clone(),
        title: booking.map_or("your purchase", |booking| &booking.title).to_owned(),
        payment: payment.id.to_string(),
        amount: payment.quote.total().to_string(),
        fee: payment.quote.fee().to_string(),
        share: payment.quote.share().to_string(),
        at: text(payment.paid_at.unwrap_or(job.created_at)),
        starts_at: booking.and_then(|booking| booking.starts_at).map_or(String::new(), text),
        card: card.clone().unwrap_or_default(),
        join_url: booking.and_then(|booking| link(app, booking, payment)).unwrap_or_default(),
        ..Facts::default()
    };
    let envelope = |role: &str, letter: &'static str, to: &'a Person, other: &Person| Envelope {
        role: role.to_owned(),
        person: to,
        letter,
        facts: facts(to, other),
        invitation: booking.and_then(|booking| {
            let url = link(app, booking, payment).unwrap_or_default();
            invite(app, job, (booking, false, &url), (to, other))
        }),
    };
    let both = vec![envelope("payer", "receipt", payer, payee), envelope("payee", "paid", payee, payer)];
    send_all(app, job, both).await
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
    let (page, letter) = match purpose {
        Purpose::VerifyEmail => ("verify-email", "verify_email"),
        Purpose::PasswordReset => ("reset-password", "password_reset"),
    };
    let base = body.redirect_to.unwrap_or_else(|| format!("{}/{page}", app.config.public_url()));
    let joint = if base.contains('?') { '&' } else { '?' };
    let link = format!("{base}{joint}token={}", token.expose());
    let facts = Facts { name: person.full_name.clone(), link, ..Facts::default() };
    let envelope = Envelope { role: "person".into(), person: &person, letter, facts, invitation: None };
    send_all(app, job, vec![envelope]).await
}

/// A letter on its way to one person.
pub(super) struct Envelope<'a> {
    /// Tells the letters of one job apart.
    pub(super) role: String,
    pub(super) person: &'a Person,
    pub(super) letter: &'static str,
    pub(super) facts: Facts,
    pub(super) invitation: Option<(Method, String)>,
}

/// What a job remembers of earlier tries, in its body.
#[derive(Default, Deserialize, Serialize)]
struct Progress {
    /// Whom nothing needs to be sent any more.
    #[serde(default)]
    sent: BTreeSet<String>,
    /// Why somebody can never be reached.
    refused: Option<String>,
}

/// Sends everybody his letter. Who has got his is not sent it again because another could not be
/// reached, and who can never be reached keeps no other from his.
pub(super) async fn send_all(app: &App, job: &Job, envelopes: Vec<Envelope<'_>>) -> Result<(), JobEnd> {
    let mut body: Map<String, Value> = parse(job)?;
    let before = body.get("progress").cloned().unwrap_or_default();
    let mut progress: Progress = serde_json::from_value(before).unwrap_or_default();
    let mut unreached = None;
    for envelope in envelopes {
        if progress.sent.contains(&envelope.role) {
            continue;
        }
        let role = envelope.role.clone();
        match send(app, job, envelope).await {
            Ok(()) => {}
            Err(MailError::Permanent(why)) => progress.refused = Some(why),
            Err(error @ (MailError::Transient(_) | MailError::Settings(_))) => {
                unreached = Some(error.to_string());
                continue;
            }
        }
        progress.sent.insert(role);
    }
    match (unreached, progress.refused.take()) {
        (None, None) => Ok(()),
        (None, Some(why)) => Err(JobEnd::Hopeless(why)),
        (Some(error), None) if progress.sent.is_empty() => Err(JobEnd::Retry(error)),
        (Some(error), refused) => {
            progress.refused = refused;
            let progress = serde_json::to_value(progress).expect("words");
            body.insert("progress".into(), progress);
            Err(JobEnd::Partly { error, body: Value::Object(body).to_string() })
        }
    }
}

async fn send(app: &App, job: &Job, envelope: Envelope<'_>) -> Result<(), MailError> {
    let Envelope { role, person, letter, facts, invitation } = envelope;
    if person.email.is_empty() {
        return Ok(());
    }
    let mail = Mail {
        id: format!("{}-{}-{role}", job.kind, job.id).replace('_', "-"),
        to: person.email.clone(),
        to_name: person.full_name.clone(),
        letter: app.mailer.write(letter, &facts)?,
        invitation,
        at: job.created_at,
    };
    app.mailer.send(&mail).await
}

/// The link to join a session, once it is paid.
fn link(app: &App, booking: &Booking, payment: &Payment) -> Option<String> {
    app.rooms.meeting(booking, payment.is_paid(), payment.payer).join_url
}

/// An instant as letters show it.
pub(super) fn text(at: Timestamp) -> String {
    Instant(at).text()
}
