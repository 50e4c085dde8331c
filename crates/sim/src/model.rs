//! What the people of the simulation know, and what they must never hear.
//!
//! A model of its own, independent of the code under test: it knows prices by its own arithmetic
//! and remembers what was answered.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::LANES;

use crate::audit::Violation;
use crate::call::{About, Call, Reply};
use crate::market::Market;

/// A booking that somebody was told of.
#[derive(Clone, Debug)]
pub struct Known {
    pub id: i64,
    pub student: usize,
    pub teacher: usize,
    /// What the payer must be charged, by our own reckoning.
    pub total_minor: i64,
    pub is_accepted: bool,
    /// Nobody expects anything of it any more.
    pub is_closed: bool,
}

#[derive(Debug, Default)]
pub struct Model {
    pub bookings: Vec<Known>,
    /// Booking and reference of every intent that a client was given.
    pub intents: Vec<(i64, String)>,
    /// Calls that somebody may make again.
    pub repeatable: Vec<Call>,
    /// What somebody does at once after a decline: the same with a better card.
    pub eager: Option<Call>,
    /// Calls so far.
    pub calls: u64,
    /// Final answers by token, path and key.
    answers: BTreeMap<(String, String, String), (String, Reply)>,
    /// Bookings of which somebody was told that they are paid, and at which call.
    paid: BTreeMap<i64, u64>,
    /// How often each status was answered.
    pub statuses: BTreeMap<u16, u64>,
}

impl Model {
    /// Takes in an answer. `started` is the number of the call it answers.
    pub fn hears(
        &mut self,
        market: &Market,
        call: &Call,
        started: u64,
        reply: &Reply,
    ) -> Result<(), Violation> {
        *self.statuses.entry(reply.status).or_default() += 1;
        expected_status(call, reply)?;
        self.same_key_same_answer(call, reply)?;
        self.follow(&call.about, reply);
        if reply.is_decline() && matches!(call.about, About::ConfirmIntent { .. }) {
            let body = call.body.replace("declined", "visa");
            self.eager = Some(Call { body, ..call.clone() });
        }
        if let (504, About::Pay { booking }) = (reply.status, &call.about)
            && started.is_multiple_of(2)
        {
            // "It did not work, so I cancel."
            self.eager = Some(call.cancelling(*booking));
        }
        match &call.about {
            About::Book { student, teacher, minutes, .. } if reply.status == 201 => {
                let id = number(reply, "id")?;
                let base = market.teachers[*teacher].price_minor * minutes / 60;
                self.learn(Known {
                    id,
                    student: *student,
                    teacher: *teacher,
                    total_minor: base + fee_on_top(base),
                    is_accepted: false,
                    is_closed: false,
                });
            }
            About::Purchase { student, teacher } if reply.status == 200 => {
                let id = number(reply, "booking_id")?;
                let total_minor = market.teachers[*teacher].price_minor;
                let (student, teacher) = (*student, *teacher);
                let (is_accepted, is_closed) = (false, false);
                self.learn(Known { id, student, teacher, total_minor, is_accepted, is_closed });
                self.told_paid(id);
            }
            About::Pay { booking } | About::ConfirmIntent { booking } => {
                let is_settled =
                    matches!(reply.status, 200 | 503) || (reply.status == 400 && !reply.is_decline());
                if is_settled {
                    self.intents.retain(|(of, _)| of != booking);
                }
                // An older attempt is told as it went: by its key, or by its intent.
                let is_new_attempt = matches!(call.about, About::Pay { .. }) && call.key.is_none();
                let paid_before = self.paid.get(booking).is_some_and(|at| *at < started);
                if is_new_attempt && paid_before && (reply.is_decline() || reply.status == 202) {
                    return Err(Violation::new("I30", format!("booking {booking} was paid, then {reply:?}")));
                }
                self.payment_answer(*booking, reply);
            }
            About::OpenIntent { booking } if matches!(reply.status, 200 | 201) => {
                self.learn_intent(*booking, reply);
            }
            _ => {}
        }
        Ok(())
    }

    /// Bookings of which somebody was told that they are paid.
    pub fn told_paid_for(&self) -> BTreeSet<i64> {
        self.paid.keys().copied().collect()
    }

    pub fn known(&self, booking: i64) -> Option<&Known> {
        self.bookings.iter().find(|known| known.id == booking)
    }

    /// Who hears that a booking is gone loses interest in it.
    fn follow(&mut self, about: &About, reply: &Reply) {
        let (About::Accept { booking }
        | About::Cancel { booking }
        | About::Complete { booking }
        | About::Pay { booking }
        | About::OpenIntent { booking }
        | About::ConfirmIntent { booking }) = about
        else {
            return;
        };
        let Some(known) = self.bookings.iter_mut().find(|known| known.id == *booking) else { return };
        known.is_accepted |= matches!(about, About::Accept { .. }) && reply.status == 200;
        known.is_closed |= matches!(reply.code(), "booking_cancelled" | "booking_over");
    }

    /// Bookings of which something can still be expected.
    pub fn open(&self) -> Vec<&Known> {
        self.bookings.iter().filter(|known| !known.is_closed).collect()
    }

    fn learn(&mut self, known: Known) {
        if self.known(known.id).is_none() {
            self.bookings.push(known);
        }
    }

    fn told_paid(&mut self, booking: i64) {
        let at = self.calls;
        self.paid.entry(booking).or_insert(at);
    }

    fn payment_answer(&mut self, booking: i64, reply: &Reply) {
        if reply.status == 202 {
            self.learn_intent(booking, reply);
        }
        if reply.status == 200 && reply.body["status"] == "succeeded" {
            self.told_paid(booking);
        }
    }

    fn learn_intent(&mut self, booking: i64, reply: &Reply) {
        let Some(reference) = reply.body["payment_intent_id"].as_str() else { return };
        let intent = (booking, reference.to_owned());
        if !self.intents.contains(&intent) {
            self.intents.push(intent);
        }
    }

    fn same_key_same_answer(&mut self, call: &Call, reply: &Reply) -> Result<(), Violation> {
        let Some(key) = &call.key else { return Ok(()) };
        // An open intent's answer carries what the gateway says now; only its end is final.
        let is_final = reply.status == 200 || reply.is_decline();
        if !is_final || matches!(call.about, About::OpenIntent { .. }) {
            return Ok(());
        }
        let identity = (call.token.clone(), call.path.clone(), key.clone());
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
        // A key may be rolled twice for different bodies.
        422 if call.key.is_some() => {}
        _ => return Err(Violation::new("status", format!("{:?} was answered {reply:?}", call.about))),
    }
    let names_own_booking = !matches!(call.about, About::Book { .. } | About::Purchase { .. });
    if reply.status == 404 && names_own_booking {
        return Err(Violation::new("I29", format!("{:?} is gone: {reply:?}", call.about)));
    }
    Ok(())
}

fn number(reply: &Reply, member: &str) -> Result<i64, Violation> {
    let body = if reply.body["booking"].is_object() { &reply.body["booking"] } else { &reply.body };
    let number = body[member].as_i64().filter(|number| *number >= LANES);
    number.ok_or_else(|| Violation::new("shape", format!("no {member} in {reply:?}")))
}

/// Five per cent, at least one dollar; the prices of the simulation need no rounding.
fn fee_on_top(base_minor: i64) -> i64 {
    (base_minor / 20).max(100)
}
