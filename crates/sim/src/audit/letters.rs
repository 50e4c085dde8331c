//! I27: of everything that happened people are told once, however often the gateway said it and
//! whoever crashed meanwhile. A letter is a job; its mails carry the job's id, so a repeat of a job is
//! the same mail.

use std::collections::BTreeMap;

use domain::records::{BookingState, JobState, OpKind, OpState};
use serde_json::Value;

use super::states::is_captured;
use super::{Snapshot, Violation, must};

/// How often something was told: the job's kind, what it is about, and what happened to it.
type Told = BTreeMap<(String, i64, String), usize>;

pub fn check(seen: &Snapshot) -> Result<(), Violation> {
    let told = told(seen)?;
    let count = |kind: &str, about: i64, event: &str| {
        told.get(&(kind.to_owned(), about, event.to_owned())).copied().unwrap_or_default()
    };
    for payment in seen.payments.values() {
        let receipts = count("receipt", payment.id.0, "");
        let wanted = usize::from(is_captured(payment.state));
        must(receipts == wanted, "I27", || format!("{receipts} receipts for {payment:?}"))?;
    }
    for refund in &seen.refunds {
        let attempts = |states: &[OpState]| {
            let ours = seen.ops.values().filter(|op| op.refund == Some(refund.id));
            ours.filter(|op| states.contains(&op.state)).count()
        };
        // A returned one had gone out before, and both were told.
        let processed = (
            count("refund_letter", refund.id.0, "refund.processed"),
            [OpState::Succeeded, OpState::Returned],
        );
        let failed =
            (count("refund_letter", refund.id.0, "refund.failed"), [OpState::Failed, OpState::Returned]);
        for (letters, states) in [processed, failed] {
            let events = attempts(&states);
            must(letters == events, "I27", || format!("{letters} letters of {events} events of {refund:?}"))?;
        }
        let rejected = count("refund_letter", refund.id.0, "refund.rejected");
        must(rejected <= 1, "I27", || format!("{refund:?} was rejected in {rejected} letters"))?;
    }
    bookings(seen, &count)?;
    declines(seen, &told)
}

fn bookings(seen: &Snapshot, count: &impl Fn(&str, i64, &str) -> usize) -> Result<(), Violation> {
    for booking in seen.bookings.values() {
        let of = |event: &str| count("booking_letter", booking.id.0, event);
        for event in ["requested", "confirmed", "completed"] {
            must(of(event) <= 1, "I27", || format!("{booking:?} was {event} in {} letters", of(event)))?;
        }
        let completed = usize::from(booking.state == BookingState::Completed);
        must(of("completed") == completed, "I27", || format!("nobody was told of {booking:?}"))?;
        let ended = of("cancelled") + of("declined");
        let over = usize::from(booking.state == BookingState::Cancelled);
        // A purchase that was never paid ends in silence.
        must(ended <= over, "I27", || format!("the end of {booking:?} was told {ended} times"))?;
        for (letter, event) in
            [("rescheduled", "booking.rescheduled"), ("reschedule_requested", "booking.reschedule_requested")]
        {
            let events = seen.events.iter().filter(|e| e.subject == booking.id.0 && e.kind == event).count();
            must(of(letter) == events, "I27", || {
                format!("{} letters of {events} times {event} of {booking:?}", of(letter))
            })?;
        }
    }
    Ok(())
}

/// Only what was declined is told as declined, and once.
fn declines(seen: &Snapshot, told: &Told) -> Result<(), Violation> {
    for ((kind, about, _), letters) in told.iter().filter(|((kind, ..), _)| kind == "decline_letter") {
        let op = seen.ops.values().find(|op| op.id.0 == *about);
        let ended = op.is_some_and(|op| {
            op.kind == OpKind::Charge && matches!(op.state, OpState::Failed | OpState::Cancelled)
        });
        must(ended && *letters == 1, "I27", || format!("{letters} {kind} of {op:?}"))?;
    }
    Ok(())
}

/// At rest every letter has left.
pub fn conclude(seen: &Snapshot) -> Result<(), Violation> {
    let waiting = seen.jobs.iter().find(|job| job.state != JobState::Done);
    must(waiting.is_none(), "I27", || format!("{waiting:?} was not done"))
}

fn told(seen: &Snapshot) -> Result<Told, Violation> {
    let mut told = Told::new();
    for job in &seen.jobs {
        let body: Value = serde_json::from_str(&job.body)
            .map_err(|error| Violation::new("I27", format!("{job:?} says nothing: {error}")))?;
        let subject = match job.kind.as_ref() {
            "receipt" => "payment_id",
            "refund_letter" => "refund_id",
            "booking_letter" => "booking_id",
            "decline_letter" => "op_id",
            _ => continue,
        };
        let about = body[subject].as_i64().unwrap_or_default();
        let event = body["event"].as_str().unwrap_or_default().to_owned();
        *told.entry((job.kind.to_string(), about, event)).or_default() += 1;
    }
    Ok(told)
}
