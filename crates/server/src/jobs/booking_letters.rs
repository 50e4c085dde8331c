//! Letters about bookings and attempts to pay them.
//!
//! A letter says what is true when it is written, so a late one never invites to a session that has
//! been cancelled meanwhile.

use domain::id::{BookingId, Id, PaymentId, PersonId};
use domain::records::{Booking, BookingState, Job, Payment, Person};
use domain::time::Timestamp;
use domain::upkeep::JobEnd;
use serde::Deserialize;
use store::reads::bookings::BookingParts;

use super::letters::{Envelope, send_all, text};
use super::queue::parse;
use crate::app::App;
use crate::mail::invitation::{Method, Session, invitation};
use crate::mail::templates::Facts;

#[derive(Deserialize)]
struct BookingBody {
    booking_id: i64,
    event: String,
    #[serde(default)]
    more: More,
}

/// What the rows do not tell any more.
#[derive(Default, Deserialize)]
struct More {
    /// Of a cancelled booking: whether calendars have it.
    #[serde(default)]
    was_confirmed: bool,
    /// Who asked, or answered.
    by: Option<i64>,
    /// The time asked for, and the time before, in microseconds.
    starts_at: Option<i64>,
    from: Option<i64>,
    #[serde(default)]
    accepted: bool,
}

/// Something has happened to a booking.
pub(super) async fn booking(app: &App, job: &Job) -> Result<(), JobEnd> {
    let body: BookingBody = parse(job)?;
    let id = BookingId::from_raw(body.booking_id);
    let found = app.db.read(move |reads| reads.booking(id)).await;
    let found = found.map_err(|fault| JobEnd::Retry(fault.to_string()))?;
    let parts = found.ok_or_else(|| JobEnd::Hopeless("its booking does not exist".into()))?;
    let (letter, to) = plan(&body, &parts)?;
    let envelopes = to.into_iter().map(|person| {
        let (role, other) =
            if person.id == parts.booking.payer { ("payer", &parts.payee) } else { ("payee", &parts.payer) };
        let meeting = app.rooms.meeting(&parts.booking, parts.is_paid(), parts.booking.payer);
        let join_url = meeting.join_url.unwrap_or_default();
        let booking = (&parts.booking, body.more.was_confirmed, join_url.as_str());
        let invites = matches!(letter, "booking_confirmed" | "booking_rescheduled" | "booking_cancelled");
        let invitation = invites.then(|| invite(app, job, booking, (person, other))).flatten();
        let facts = Facts { join_url: join_url.clone(), ..facts(&body, &parts.booking, (person, other)) };
        Envelope { role: role.into(), person, letter, facts, invitation }
    });
    send_all(app, job, envelopes.collect()).await
}

/// Which letter, and to whom (BR-66).
fn plan<'a>(body: &BookingBody, parts: &'a BookingParts) -> Result<(&'static str, Vec<&'a Person>), JobEnd> {
    let (payer, payee) = (&parts.payer, &parts.payee);
    let both = vec![payer, payee];
    let by = body.more.by.map(PersonId::from_raw);
    let other = both.iter().copied().filter(|person| Some(person.id) != by).collect();
    Ok(match body.event.as_str() {
        "requested" => ("booking_requested", vec![payee]),
        "confirmed" => ("booking_confirmed", vec![payer]),
        "declined" => ("booking_declined", vec![payer]),
        "cancelled" => ("booking_cancelled", both),
        "rescheduled" => ("booking_rescheduled", both),
        "completed" => ("booking_completed", both),
        "reschedule_requested" => ("reschedule_requested", other),
        "reschedule_answered" => ("reschedule_answered", other),
        event => return Err(JobEnd::Hopeless(format!("this version knows no letter of {event}"))),
    })
}

fn facts(body: &BookingBody, booking: &Booking, (to, other): (&Person, &Person)) -> Facts {
    let reason = match body.event.as_str() {
        "declined" | "cancelled" => booking.cancellation_reason.clone(),
        "reschedule_requested" => booking.proposal().and_then(|proposal| proposal.reason),
        _ => None,
    };
    Facts {
        name: to.full_name.clone(),
        other: other.full_name.clone(),
        title: booking.title.clone(),
        starts_at: booking.starts_at.map_or(String::new(), text),
        new_starts_at: body.more.starts_at.map_or(String::new(), |at| text(Timestamp(at))),
        old_starts_at: body.more.from.map_or(String::new(), |at| text(Timestamp(at))),
        reason: reason.unwrap_or_default(),
        notes: booking.notes.clone(),
        accepted: body.more.accepted,
        ..Facts::default()
    }
}

/// The calendar file for one party, as the booking is now: none before it is confirmed.
pub(super) fn invite(
    app: &App,
    job: &Job,
    (booking, was_confirmed, url): (&Booking, bool, &str),
    (to, other): (&Person, &Person),
) -> Option<(Method, String)> {
    let slot = booking.slot()?;
    let method = match booking.state {
        BookingState::Confirmed => Method::Request,
        BookingState::Cancelled if was_confirmed => Method::Cancel,
        BookingState::Pending | BookingState::Completed | BookingState::Cancelled => return None,
    };
    let file = invitation(&Session {
        method,
        uid: format!("booking-{}@{}", booking.id, app.mailer.host()),
        sequence: booking.version,
        stamp: job.created_at,
        starts_at: slot.starts_at,
        ends_at: slot.ends_at,
        title: &booking.title,
        description: &format!("With {}", other.full_name),
        url,
        organizer: app.mailer.address(),
        attendee: (&to.full_name, &to.email),
    });
    Some((method, file))
}

#[derive(Deserialize)]
struct DeclineBody {
    payment_id: i64,
}

/// An attempt to pay has failed for good: to the payer.
pub(super) async fn decline(app: &App, job: &Job) -> Result<(), JobEnd> {
    let body: DeclineBody = parse(job)?;
    let id = PaymentId::from_raw(body.payment_id);
    let read = app.db.read(move |reads| {
        let Some(payment) = reads.find::<Payment>(&id)? else { return Ok(None) };
        let people = reads.find_many::<Person>(&[payment.payer, payment.payee])?;
        let booking = match payment.booking {
            Some(booking) => reads.find::<Booking>(&booking)?,
            None => None,
        };
        Ok(Some((payment, people, booking)))
    });
    let read = read.await.map_err(|fault| JobEnd::Retry(fault.to_string()))?;
    let (payment, people, booking) =
        read.ok_or_else(|| JobEnd::Hopeless("its payment does not exist".into()))?;
    let person = |id: PersonId| people.iter().find(|person| person.id == id);
    let (Some(payer), Some(payee)) = (person(payment.payer), person(payment.payee)) else {
        return Err(JobEnd::Hopeless("a party of its payment does not exist".into()));
    };
    let facts = Facts {
        name: payer.full_name.clone(),
        other: payee.full_name.clone(),
        title: booking.as_ref().map_or("your purchase", |booking| &booking.title).to_owned(),
        payment: payment.id.to_string(),
        amount: payment.quote.total().to_string(),
        starts_at: booking.and_then(|booking| booking.starts_at).map_or(String::new(), text),
        reason: payment.failure.unwrap_or_default(),
        ..Facts::default()
    };
    let envelope =
        Envelope { role: "payer".into(), person: payer, letter: "payment_declined", facts, invitation: None };
    send_all(app, job, vec![envelope]).await
}
