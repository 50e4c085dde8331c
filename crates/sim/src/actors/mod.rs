//! What students and teachers do next: one file an actor, one line in `ACTORS`. They know only
//! what they were told.
//!
//! Invariants: an actor is a client of the API, so it makes requests and hears answers, and never
//! looks at rows; all chance comes from the seed. A new one needs nothing else: the run sends,
//! crashes and repeats its requests, and the auditor looks at what became of them.

mod accept;
mod answer_move;
mod ask_back;
mod ask_move;
mod book;
mod cancel;
mod complete;
mod confirm_intent;
mod decide;
mod move_lesson;
mod open_intent;
mod pay;
mod petition;
mod purchase;

use domain::time::{Span, Timestamp};
use serde_json::{Value, json};
use server::http::json::Instant;

use crate::audit::Violation;
use crate::call::{About, Call, Reply, Who};
use crate::chance::Chance;
use crate::market::Market;
use crate::model::{Known, Model};
use crate::swarm::Swarm;

pub use cancel::cancelling;

/// Everything that people do.
static ACTORS: [&dyn Actor; 14] = [
    &book::Book,
    &purchase::Purchase,
    &accept::Accept,
    &pay::Pay,
    &open_intent::OpenIntent,
    &confirm_intent::ConfirmIntent,
    &cancel::Cancel,
    &complete::Complete,
    &move_lesson::MoveLesson,
    &ask_move::AskMove,
    &answer_move::AnswerMove,
    &ask_back::AskBack,
    &petition::Petition,
    &decide::Decide,
];

/// One thing that people do.
pub trait Actor: Sync {
    /// A word for the trace.
    fn name(&self) -> &'static str;

    /// How much somebody wants this now; 0 when there is nothing to do it with.
    fn weight(&self, scene: &Scene<'_>) -> u32;

    /// The request itself; `None` when nobody wants it after all.
    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call>;

    /// What the answer means for what people know and do next. Statuses, keys and closed bookings
    /// are looked at for everybody.
    fn hears(&self, _model: &mut Model, _heard: &Heard<'_>) -> Result<(), Violation> {
        Ok(())
    }

    /// Whether this answer under a key, a good one or a decline, stays the same for ever.
    fn answer_stays(&self, _reply: &Reply) -> bool {
        true
    }
}

/// What an actor may look at.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub market: &'a Market,
    pub model: &'a Model,
    pub swarm: &'a Swarm,
}

/// An answer and what it answers.
#[derive(Clone, Copy)]
pub struct Heard<'a> {
    pub market: &'a Market,
    pub call: &'a Call,
    /// The number of the call.
    pub started: u64,
    pub reply: &'a Reply,
}

/// Cards by how often they are used; the sandbox says what each does.
const CARDS: [(&str, u32); 9] = [
    ("pm_card_visa", 50),
    ("pm_card_mastercard", 5),
    ("pm_card_declined", 12),
    ("pm_card_three_ds", 8),
    ("pm_card_three_ds_declined", 3),
    ("pm_card_timeout_charged", 5),
    ("pm_card_timeout_uncharged", 4),
    ("pm_card_refund_fails", 4),
    ("pm_card_refund_pending", 4),
];
/// Weight of doing something again that was done before.
const AGAIN_WEIGHT: u32 = 15;
/// So many calls can still be made again.
const REPEATABLE_MAX: usize = 12;

/// Somebody's next request; `None` when nobody wants anything.
pub fn next_call(chance: &mut Chance, market: &Market, model: &mut Model, swarm: &Swarm) -> Option<Call> {
    if model.eager.is_some() {
        return model.eager.take();
    }
    let scene = Scene { market, model, swarm };
    let mut weights: Vec<u32> = ACTORS.iter().map(|actor| actor.weight(&scene)).collect();
    weights.push(if model.repeatable.is_empty() { 0 } else { AGAIN_WEIGHT });
    if weights.iter().all(|weight| *weight == 0) {
        return None;
    }
    let Some(actor) = ACTORS.get(chance.weighted(&weights)) else {
        return chance.pick(&model.repeatable).cloned();
    };
    let call = actor.next(chance, &scene)?;
    if model.repeatable.len() == REPEATABLE_MAX {
        model.repeatable.remove(0);
    }
    model.repeatable.push(call.clone());
    Some(call)
}

impl<'a> Scene<'a> {
    /// 1 when there is an open booking, 0 otherwise: to multiply weights with.
    fn has_open(&self) -> u32 {
        u32::from(!self.model.open().is_empty())
    }

    /// 1 while a run may have more bookings.
    fn may_book(&self) -> u32 {
        u32::from(self.model.open().len() < self.swarm.bookings_max)
    }

    /// Mostly the newest booking that was accepted, so that requests meet.
    fn some_booking(&self, chance: &mut Chance) -> Option<&'a Known> {
        let open = self.model.open();
        let accepted = open.iter().rev().find(|known| known.is_accepted);
        if chance.permille(700) && accepted.is_some() {
            return accepted.copied();
        }
        chance.pick(&open).copied()
    }

    /// A booking of which somebody was told that it is paid, and its payment.
    fn some_paid(&self, chance: &mut Chance) -> Option<(&'a Known, i64)> {
        let paid: Vec<_> =
            self.model.bookings.iter().filter_map(|known| Some((known, known.payment?))).collect();
        chance.pick(&paid).copied()
    }

    /// 1 when somebody has paid, 0 otherwise.
    fn has_paid(&self) -> u32 {
        u32::from(self.model.bookings.iter().any(|known| known.payment.is_some()))
    }

    /// Any student and any teacher, about nothing that exists yet.
    fn strangers(&self, chance: &mut Chance) -> About {
        let (student, teacher) =
            (chance.below(self.market.students.len()), chance.below(self.market.teachers.len()));
        About { booking: None, student, teacher, minutes: 0 }
    }
}

impl Known {
    fn about(&self) -> About {
        About { booking: Some(self.id), student: self.student, teacher: self.teacher, minutes: 0 }
    }

    fn payer(&self) -> Who {
        Who::Student(self.student)
    }

    fn payee(&self) -> Who {
        Who::Teacher(self.teacher)
    }

    /// Mostly the student.
    fn either(&self, chance: &mut Chance) -> Who {
        if chance.permille(600) { self.payer() } else { self.payee() }
    }

    fn path(&self, verb: &str) -> String {
        booking_path(self.id, verb)
    }
}

fn booking_path(booking: i64, verb: &str) -> String {
    format!("/api/bookings/bookings/{booking}/{verb}/")
}

fn card(chance: &mut Chance) -> &'static str {
    CARDS[chance.weighted(&CARDS.map(|(_, weight)| weight))].0
}

fn key(chance: &mut Chance) -> Option<String> {
    chance.permille(400).then(|| format!("key-{}", chance.roll() % 1_000_000))
}

/// A new time, mostly of the same length.
fn new_time(chance: &mut Chance, scene: &Scene<'_>, known: &Known) -> Value {
    let starts_at = some_start(chance, scene.market.now());
    let minutes = if chance.permille(700) { known.minutes } else { chance.between(1, 4) * 30 };
    json!({
        "start_time": Instant(starts_at).text(),
        "end_time": Instant(starts_at + Span::minutes(minutes)).text(),
        "reason": "a train",
    })
}

/// Some amount that may fit or not, as the wire has it.
fn some_amount(chance: &mut Chance) -> String {
    let minor = chance.between(1, 4_000);
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// A quarter of an hour some time from now.
fn some_start(chance: &mut Chance, now: Timestamp) -> Timestamp {
    let quarter = Span::minutes(15).0;
    let hours_max = if chance.permille(500) { 72 } else { 24 * 14 };
    let start = now.0 + Span::minutes(chance.between(30, 60 * hours_max)).0;
    Timestamp(start - start % quarter)
}
