//! What the people of the simulation know, and what they must never hear.
//!
//! A model of its own, independent of the code under test: it knows prices by its own arithmetic
//! and remembers what was answered.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::LANES;

use crate::actors::Heard;
use crate::audit::Violation;
use crate::call::{Call, Reply, Who};

/// A booking that somebody was told of.
#[derive(Clone, Debug)]
pub struct Known {
    pub id: i64,
    pub student: usize,
    pub teacher: usize,
    pub price: Price,
    /// How long it was to be at first.
    pub minutes: i64,
    /// Once somebody was told of it.
    pub payment: Option<i64>,
    /// Who has asked for another time; the other party may answer.
    pub asked_by: Option<Who>,
    pub is_accepted: bool,
    /// Nobody expects anything of it any more.
    pub is_closed: bool,
}

/// What the payer must be charged, by our own reckoning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Price {
    /// An hour, and a fee on top.
    Hourly(i64),
    /// However long it takes, with the fee in it.
    Flat(i64),
}

impl Price {
    /// The charge for so many minutes.
    pub fn total(self, minutes: i64) -> i64 {
        match self {
            Price::Hourly(rate) => rate * minutes / 60 + fee_on_top(rate * minutes / 60),
            Price::Flat(price) => price,
        }
    }
}

#[derive(Debug, Default)]
pub struct Model {
    /// The marketplace never returns its fee.
    pub keeps_fee: bool,
    pub bookings: Vec<Known>,
    /// Booking and reference of every intent that a client was given.
    pub intents: Vec<(i64, String)>,
    /// Requests for refunds that the administrator has heard of.
    pub requests: BTreeSet<i64>,
    /// Refunds of which somebody was told that the money has gone back.
    pub told_returned: BTreeSet<i64>,
    /// Calls that somebody may make again.
    pub repeatable: Vec<Call>,
    /// What somebody does at once after a decline: the same with a better card.
    pub eager: Option<Call>,
    /// Calls so far.
    pub calls: u64,
    /// Final answers by caller, path and key, each with its body.
    answers: BTreeMap<(Who, String, String), (String, Reply)>,
    /// Bookings of which somebody was told that they are paid, and at which call.
    paid: BTreeMap<i64, u64>,
    /// How often each status was answered.
    pub statuses: BTreeMap<u16, u64>,
}

impl Model {
    pub fn new(keeps_fee: bool) -> Model {
        Model { keeps_fee, ..Model::default() }
    }

    /// Takes in an answer.
    pub fn hears(&mut self, heard: &Heard<'_>) -> Result<(), Violation> {
        *self.statuses.entry(heard.reply.status).or_default() += 1;
        expected_status(heard.call, heard.reply)?;
        self.same_key_same_answer(heard.call, heard.reply)?;
        // Who hears that a booking is gone loses interest in it.
        if let Some(known) = self.concerned(heard) {
            known.is_closed |= matches!(heard.reply.code(), "booking_cancelled" | "booking_over");
            known.payment = known.payment.or_else(|| heard.reply.body["payment_id"].as_i64());
        }
        heard.call.actor.hears(self, heard)
    }

    /// Bookings of which somebody was told that they are paid.
    pub fn told_paid_for(&self) -> BTreeSet<i64> {
        self.paid.keys().copied().collect()
    }

    pub fn known(&self, booking: i64) -> Option<&Known> {
        self.bookings.iter().find(|known| known.id == booking)
    }

    /// The booking that a call was about.
    pub fn concerned(&mut self, heard: &Heard<'_>) -> Option<&mut Known> {
        let booking = heard.call.about.booking?;
        self.bookings.iter_mut().find(|known| known.id == booking)
    }

    /// Bookings of which something can still be expected.
    pub fn open(&self) -> Vec<&Known> {
        self.bookings.iter().filter(|known| !known.is_closed).collect()
    }

    /// Remembers a new booking by its id in the answer, and what it must cost; answers the id.
    pub fn learn(&mut self, heard: &Heard<'_>, member: &str, price: Price) -> Result<i64, Violation> {
        let id = number(heard.reply, member)?;
        let about = &heard.call.about;
        if self.known(id).is_none() {
            self.bookings.push(Known {
                id,
                student: about.student,
                teacher: about.teacher,
                price,
                minutes: about.minutes,
                payment: heard.reply.body["payment_id"].as_i64(),
                asked_by: None,
                is_accepted: false,
                is_closed: false,
            });
        }
        Ok(id)
    }

    /// The answer to asking for money back.
    pub fn hears_of_refund(&mut self, heard: &Heard<'_>) {
        let body = &heard.reply.body;
        let Some(id) = body["refund_request_id"].as_i64() else { return };
        self.requests.insert(id);
        if heard.reply.status == 200 && body["refund_status"] == "PROCESSED" {
            self.told_returned.insert(id);
        }
    }

    pub fn told_paid(&mut self, booking: i64) {
        let at = self.calls;
        self.paid.entry(booking).or_insert(at);
    }

    /// I30: after "paid" no new attempt is told that it failed or is open.
    pub fn paid_stays_paid(&self, heard: &Heard<'_>) -> Result<(), Violation> {
        let Some(booking) = heard.call.about.booking else { return Ok(()) };
        let was_paid = self.paid.get(&booking).is_some_and(|at| *at < heard.started);
        if was_paid && (heard.reply.is_decline() || heard.reply.status == 202) {
            return Err(Violation::new("I30", format!("booking {booking} was paid, then {:?}", heard.reply)));
        }
        Ok(())
    }

    /// The answer to any way of paying a booking.
    pub fn hears_of_payment(&mut self, heard: &Heard<'_>) {
        let (Some(booking), reply) = (heard.call.about.booking, heard.reply) else { return };
        let is_settled = matches!(reply.status, 200 | 503) || (reply.status == 400 && !reply.is_decline());
        if is_settled {
            self.intents.retain(|(of, _)| *of != booking);
        }
        if reply.status == 202 {
            self.learn_intent(heard);
        }
        if reply.status == 200 && reply.body["status"] == "succeeded" {
            self.told_paid(booking);
        }
    }

    /// Remembers the intent that an answer names.
    pub fn learn_intent(&mut self, heard: &Heard<'_>) {
        let reference = heard.reply.body["payment_intent_id"].as_str();
        let (Some(booking), Some(reference)) = (heard.call.about.booking, reference) else { return };
        let intent = (booking, reference.to_owned());
        if !self.intents.contains(&intent) {
            self.intents.push(intent);
        }
    }

    fn same_key_same_answer(&mut self, call: &Call, reply: &Reply) -> Result<(), Violation> {
        let Some(key) = &call.key else { return Ok(()) };
        let is_final = reply.status == 200 || reply.is_decline();
        if !is_final || !call.actor.answer_stays(reply) {
            return Ok(());
        }
        let identity = (call.who, call.path.clone(), key.clone());
        match self.answers.get(&identity) {
            Some((body, first)) if *body == call.body && first != reply => {
                Err(Violation::new("I28", format!("key {key} was answered {first:?}, then {reply:?}")))
            }
            Some(_) => Ok(()),
            None => {
                self.answers.insert(identity, (call.body.clone(), reply.clone()));
                Ok(())
            }
        }
    }
}

/// Nobody here breaks a rule of the protocol, so most statuses would be our fault.
fn expected_status(call: &Call, reply: &Reply) -> Result<(), Violation> {
    match reply.status {
        200 | 201 | 202 | 400 | 404 | 409 | 502 | 503 | 504 => {}
        // Who had asked for another time may have changed without anybody hearing of it.
        403 if reply.code() == "wrong_party" && call.path.contains("/respond_reschedule/") => {}
        // A key may be rolled twice for different bodies.
        422 if call.key.is_some() => {}
        // Logins that died half-way count as guesses.
        429 if reply.code() == "rate_limited" => {}
        _ => return Err(Violation::new("status", format!("{call:?} was answered {reply:?}"))),
    }
    if reply.status == 404 && call.about.booking.is_some() {
        return Err(Violation::new("I29", format!("{call:?} is gone: {reply:?}")));
    }
    Ok(())
}

fn number(reply: &Reply, member: &str) -> Result<i64, Violation> {
    let body = if reply.body["booking"].is_object() { &reply.body["booking"] } else { &reply.body };
    let number = body[member].as_i64().filter(|number| *number >= LANES);
    number.ok_or_else(|| Violation::new("shape", format!("no {member} in {reply:?}")))
}

/// Five per cent, at least one dollar; the prices of the simulation need no rounding.
pub fn fee_on_top(base_minor: i64) -> i64 {
    (base_minor / 20).max(100)
}
