//! Moving a booking to another time, at once or by asking the other party.
//!
//! What has been paid, or is being paid, moves only to a time of the same length, so its price cannot
//! change under the money; anything else is priced anew.

use serde_json::json;

use super::cancel::REASON_MAX;
use super::wake::wake_when_moved;
use super::{Actor, Proposal, check_slot, lanes_of, payment_of};
use crate::calendar;
use crate::command::{Command, Lanes};
use crate::context::{Context, Plant};
use crate::id::{BookingId, Id, OpId, PersonId};
use crate::letters;
use crate::meetings;
use crate::policy;
use crate::pricing::quote_booking;
use crate::records::{Booking, BookingState, OpKind};
use crate::refusal::Refusal;
use crate::schedule::{self, Slot};
use crate::world::{Needs, World};

#[derive(Clone, Debug)]
pub struct Reschedule {
    pub booking: BookingId,
    pub payer: PersonId,
    pub actor: Actor,
    /// The version of the booking that the asker has seen.
    pub seen: i64,
    pub slot: Slot,
    /// At most 1000 characters.
    pub reason: Option<String>,
    pub form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// At once, unless the marketplace moves bookings by request only.
    AtOnce,
    /// The other party is asked.
    Ask,
}

#[derive(Clone, Debug)]
pub enum Rescheduled {
    Moved {
        booking: Box<Booking>,
        from: Slot,
    },
    /// The other party has to answer.
    Asked(Box<Booking>),
}

impl Command for Reschedule {
    type Receipt = Rescheduled;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes_of(self.booking, self.payer, lanes);
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        needs.bookings.key(self.booking);
        if let Some(booking) = world.bookings.peek(&self.booking) {
            needs_to_move(needs, booking, self.slot);
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Rescheduled, Refusal> {
        let booking = world.bookings.get(&self.booking).ok_or(Refusal::NotFound)?.clone();
        if self.reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_MAX) {
            return Err(Refusal::invalid("reason", format!("At most {REASON_MAX} characters.")));
        }
        self.actor.concerns(&booking)?;
        let by_request = cx.policies.booking.reschedule == policy::Reschedule::ByRequest;
        match (self.form, self.actor) {
            (Form::AtOnce, Actor::Party(_)) if !by_request => self.move_now(cx, world, &booking),
            (Form::AtOnce, Actor::Admin(_) | Actor::System) => self.move_now(cx, world, &booking),
            (Form::AtOnce | Form::Ask, Actor::Party(by)) => self.ask(cx, world, &booking, by),
            (Form::Ask, Actor::Admin(_) | Actor::System) => Err(Refusal::WrongParty),
        }
    }
}

impl Reschedule {
    fn move_now(
        &self,
        cx: &Context<'_>,
        world: &mut World,
        booking: &Booking,
    ) -> Result<Rescheduled, Refusal> {
        let from = movable(cx, booking)?;
        let moved = |booking: Booking| Rescheduled::Moved { booking: Box::new(booking), from };
        if from == self.slot {
            return Ok(moved(booking.clone()));
        }
        self.unchanged(booking)?;
        let now = move_to(cx, world, booking, self.slot)?;
        let change = json!({
            "from": [from.starts_at.0, from.ends_at.0],
            "to": [self.slot.starts_at.0, self.slot.ends_at.0],
        });
        let object = ("booking", booking.id.raw(), booking.id.lane());
        world.audit(cx, self.actor.person(), "booking.rescheduled", object, change.to_string());
        Ok(moved(now))
    }

    fn ask(
        &self,
        cx: &Context<'_>,
        world: &mut World,
        booking: &Booking,
        by: PersonId,
    ) -> Result<Rescheduled, Refusal> {
        let from = movable(cx, booking)?;
        if let Some(open) = booking.proposal() {
            let is_same = open.by == by && open.slot == self.slot;
            let asked = Rescheduled::Asked(Box::new(booking.clone()));
            return if is_same { Ok(asked) } else { Err(Refusal::RescheduleOpen) };
        }
        if from == self.slot {
            return Err(Refusal::invalid("start_time", "This is the booking's time already."));
        }
        self.unchanged(booking)?;
        check_move(cx, world, booking, self.slot)?;
        calendar::check(cx, world, booking.id, ([booking.payer, booking.payee], self.slot))?;
        let proposal = Proposal { slot: self.slot, by, reason: self.reason.clone() };
        let id = booking.id;
        world.bookings.update(&id, |booking| {
            booking.propose(cx, &proposal);
            booking.wake_at = wake_when_asked(cx, booking);
        });
        let to = json!({ "to": [self.slot.starts_at.0, self.slot.ends_at.0] }).to_string();
        let object = ("booking", id.raw(), id.lane());
        world.audit(cx, Some(by), "booking.reschedule_requested", object, to);
        let body = format!(r#"{{"booking_id":{id}}}"#);
        world.tell(id.lane(), "booking.reschedule_requested", id.raw(), cx.now, body);
        let booking = world.bookings.get(&id).expect("just changed").clone();
        let more = json!({ "by": by.raw(), "starts_at": self.slot.starts_at.0 });
        letters::of_booking(world, &booking, "reschedule_requested", (more, cx.now));
        Ok(Rescheduled::Asked(Box::new(booking)))
    }

    /// Nobody moves what has meanwhile become something else.
    fn unchanged(&self, booking: &Booking) -> Result<(), Refusal> {
        if booking.version == self.seen { Ok(()) } else { Err(Refusal::BookingChanged) }
    }
}

/// A request lapses when the session was to begin.
fn wake_when_asked(cx: &Context<'_>, booking: &Booking) -> Option<crate::time::Timestamp> {
    let lapses_at = booking.starts_at.filter(|at| *at > cx.now);
    booking.wake_at.into_iter().chain(lapses_at).min()
}

/// Asks for what [`move_to`] touches.
pub(super) fn needs_to_move(needs: &mut Needs, booking: &Booking, slot: Slot) {
    schedule::needs_to_free(needs, booking);
    calendar::needs(needs, [booking.payer, booking.payee], slot);
    if let Some(payment) = booking.payment {
        needs.payments.key(payment);
        needs.ops.group(payment);
    }
}

/// The time of a booking that has not begun.
pub(super) fn movable(cx: &Context<'_>, booking: &Booking) -> Result<Slot, Refusal> {
    match booking.state {
        BookingState::Cancelled => return Err(Refusal::BookingCancelled),
        BookingState::Completed => return Err(Refusal::WrongState),
        BookingState::Pending | BookingState::Confirmed => {}
    }
    let slot = booking.slot().ok_or(Refusal::NeedsTimes)?;
    if slot.starts_at <= cx.now { Err(Refusal::BookingOver) } else { Ok(slot) }
}

/// The rules of BR-7 that look at the new time and at the money.
fn check_move(cx: &Context<'_>, world: &World, booking: &Booking, slot: Slot) -> Result<(), Refusal> {
    let from = movable(cx, booking)?;
    check_slot(cx, slot)?;
    if from.length() == slot.length() || cx.plants.removed(Plant::LengthFixed) {
        return Ok(());
    }
    if is_paid(world, booking) {
        return Err(Refusal::LengthFixed);
    }
    match live_charge(world, booking) {
        Some(op) => Err(Refusal::PaymentInProgress { op }),
        None => Ok(()),
    }
}

/// Moves an open booking; its payment goes with it.
pub(super) fn move_to(
    cx: &Context<'_>,
    world: &mut World,
    booking: &Booking,
    slot: Slot,
) -> Result<Booking, Refusal> {
    check_move(cx, world, booking, slot)?;
    schedule::free(world, booking);
    calendar::take(cx, world, booking.id, ([booking.payer, booking.payee], slot))?;
    let (id, paid) = (booking.id, is_paid(world, booking));
    world.bookings.update(&id, |now| {
        now.starts_at = Some(slot.starts_at);
        now.ends_at = Some(slot.ends_at);
        now.version += 1;
        now.updated_at = cx.now;
        now.wake_at = Some(wake_when_moved(cx, booking, slot, paid));
    });
    let now = world.bookings.get(&id).expect("just changed").clone();
    if booking.slot().map(Slot::length) != Some(slot.length()) {
        price_anew(cx, world, &now);
    }
    world.tell(id.lane(), "booking.rescheduled", id.raw(), cx.now, format!(r#"{{"booking_id":{id}}}"#));
    let more = json!({ "from": booking.starts_at.map(|at| at.0) });
    letters::of_booking(world, &now, "rescheduled", (more, cx.now));
    meetings::follow(world, &now, cx.now);
    Ok(now)
}

/// A payment that was tried for the old time must not be completed by late money of the old price.
fn price_anew(cx: &Context<'_>, world: &mut World, booking: &Booking) {
    let Some(payment) = payment_of(world, booking).filter(|payment| !payment.state.captured()) else {
        return;
    };
    let (id, quote) = (payment.id, quote_booking(booking));
    if payment.quote != quote {
        world.payments.update(&id, |payment| {
            payment.quote = quote;
            payment.updated_at = cx.now;
        });
    }
}

fn is_paid(world: &World, booking: &Booking) -> bool {
    payment_of(world, booking).is_some_and(|payment| payment.state.captured())
}

fn live_charge(world: &World, booking: &Booking) -> Option<OpId> {
    let live = |op: &&crate::records::Op| op.kind == OpKind::Charge && op.state.live();
    world.ops.of(&booking.payment?).find(live).map(|op| op.id)
}
