//! Buying a session in one step: booking, payment and operation in one commit.

use super::begin::{self, Begun, Method};
use crate::calendar;
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{BookingId, Id, OfferId, PersonId};
use crate::idempotency::Key;
use crate::operations::{Rail, Ticket};
use crate::policy::{BookingFlow, Kind, PriceUnit};
use crate::pricing::hourly;
use crate::records::{Booking, BookingState, Call, Confirmer, Offer, OfferState};
use crate::refusal::Refusal;
use crate::schedule::Slot;
use crate::time::Span;
use crate::world::{Needs, World};

#[derive(Clone, Debug)]
pub struct PurchaseSession {
    pub offer: OfferId,
    pub payer: PersonId,
    pub rail: Rail,
    pub method: Method,
    /// Flat at the gig's price, or by the hour for the slot.
    pub unit: PriceUnit,
    /// When; `None` leaves the booking to be scheduled by the teacher.
    pub slot: Option<Slot>,
    pub key: Option<Key>,
}

impl Command for PurchaseSession {
    type Receipt = Begun;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.offer.lane());
        lanes.insert(self.payer.lane());
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        if let Some(key) = &self.key {
            key.needs(world, needs);
        }
        needs.offers.key(self.offer);
        needs.people.key(self.payer);
        needs.students.key(self.payer);
        let Some(offer) = world.offers.peek(&self.offer) else {
            return;
        };
        if let Some(slot) = self.slot {
            calendar::needs(needs, [self.payer, offer.payee], slot);
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Begun, Refusal> {
        if let Some(begun) = begin::seen(cx, world, self.key.as_ref())? {
            return Ok(begun);
        }
        if cx.policies.booking.flow == BookingFlow::ConfirmThenPay {
            return Err(Refusal::FlowNotOffered);
        }
        let offer = world.offers.get(&self.offer).ok_or(Refusal::NotFound)?.clone();
        self.check(cx, &offer)?;
        let booking = self.booking(cx, world, &offer);
        if let Some(slot) = self.slot {
            calendar::take(cx, world, booking.id, ([booking.payer, booking.payee], slot))?;
        }
        let quote = super::quote_booking(&booking);
        super::check_amount(cx.policies, quote.total())?;
        let payment = begin::new_payment(cx, world, &booking, quote, &self.rail, self.method.saved);
        let op = begin::charge_op(cx, world, &payment, Some(&self.method), Confirmer::Server, false);
        if let Some(key) = &self.key {
            key.begin(cx, world, op.id);
        }
        let ticket = Ticket::of(cx, &op, Call::Create, &self.rail);
        let lasts = Span::minutes(offer.session_minutes);
        let hourly_minor = hourly(&booking, &payment.quote, Some(lasts));
        world.bookings.insert(Booking { payment: Some(payment.id), ..booking });
        world.payments.insert(crate::records::Payment { op: Some(op.id), hourly_minor, ..payment });
        world.ops.insert(op);
        Ok(Begun::Send(Box::new(ticket)))
    }
}

impl PurchaseSession {
    fn check(&self, cx: &Context<'_>, offer: &Offer) -> Result<(), Refusal> {
        if offer.payee == self.payer {
            return Err(Refusal::OwnOffer);
        }
        if offer.state != OfferState::Active {
            return Err(Refusal::OfferInactive);
        }
        match self.slot {
            Some(slot) => crate::bookings::check_slot(cx, slot),
            None => Ok(()),
        }
    }

    fn booking(&self, cx: &Context<'_>, world: &mut World, offer: &Offer) -> Booking {
        let id: BookingId = world.new_id(offer.payee.lane());
        let confirm_by = cx.now + cx.policies.booking.confirm_ttl;
        Booking {
            id,
            kind: Kind::GigPurchase,
            payer: self.payer,
            payee: offer.payee,
            offer: offer.id,
            title: offer.title.clone(),
            starts_at: self.slot.map(|slot| slot.starts_at),
            ends_at: self.slot.map(|slot| slot.ends_at),
            state: BookingState::Pending,
            rate_minor: offer.price_minor,
            unit: self.unit,
            currency: offer.currency,
            fee: cx.policies.fee(Kind::GigPurchase),
            payment: None,
            last_payment_error: None,
            notes: String::new(),
            session_type: "video_call".into(),
            cancellation_reason: None,
            cancelled_by: None,
            completion: None,
            completed_at: None,
            proposed_starts_at: None,
            proposed_ends_at: None,
            proposed_by: None,
            proposal_reason: None,
            proposal_version: None,
            proposal_outcome: None,
            room: None,
            wake_at: Some(self.slot.map_or(confirm_by, |slot| confirm_by.min(slot.starts_at))),
            version: 1,
            created_at: cx.now,
            updated_at: cx.now,
        }
    }
}

/// The session a flat purchase with a start time lasts.
pub fn flat_slot(offer: &Offer, starts_at: crate::time::Timestamp) -> Slot {
    Slot { starts_at, ends_at: starts_at + Span::minutes(offer.session_minutes) }
}
