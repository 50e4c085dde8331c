//! Beginning to pay a booking: every check, the price, the payment and its operation in one commit.

use crate::command::{Command, Lanes};
use crate::context::{Context, Plant};
use crate::id::{BookingId, Id, OpId, PaymentId, PersonId};
use crate::idempotency::{Answer, Key, Seen};
use crate::operations::{Rail, Ticket};
use crate::policy::BookingFlow;
use crate::pricing::hourly;
use crate::records::{
    Booking, BookingState, Call, Confirmer, OfferState, Op, OpKind, OpState, Payment, PaymentState, Quote,
};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// A payment method at a gateway: its token, and the customer it belongs to when it is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    pub token: String,
    pub customer: Option<String>,
    pub saved: bool,
}

#[derive(Clone, Debug)]
pub struct PayBooking {
    pub booking: BookingId,
    pub payer: PersonId,
    pub rail: Rail,
    /// Required when the server confirms.
    pub method: Option<Method>,
    pub confirmer: Confirmer,
    /// Whether the payer's client can finish a 3-D Secure challenge.
    pub action_allowed: bool,
    pub key: Option<Key>,
}

/// How a payment begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// Committed: make this call now.
    Send(Box<Ticket>),
    /// The same payment is under way, or was for the same request: wait for this operation.
    Join(OpId),
    /// An open intent stands in the way: end it at the gateway, then ask again.
    CancelFirst(OpId),
    /// The client's intent is open already.
    Open(OpId),
    Replay(Answer),
}

impl Command for PayBooking {
    type Receipt = Begun;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.booking.lane());
        lanes.insert(self.payer.lane());
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        if let Some(key) = &self.key {
            key.needs(world, needs);
        }
        needs.bookings.key(self.booking);
        let Some(booking) = world.bookings.peek(&self.booking) else {
            return;
        };
        needs.offers.key(booking.offer);
        let Some(payment) = booking.payment else {
            return;
        };
        needs.payments.key(payment);
        needs.ops.group(payment);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Begun, Refusal> {
        if let Some(begun) = seen(cx, world, self.key.as_ref())? {
            return Ok(begun);
        }
        let booking = world.bookings.get(&self.booking).filter(|b| b.payer == self.payer);
        let booking = booking.ok_or(Refusal::NotFound)?.clone();
        if let Some(begun) = self.under_way(cx, world, &booking) {
            return Ok(begun);
        }
        payable(cx, world, &booking)?;
        let quote = super::quote_booking(&booking);
        super::check_amount(cx.policies, quote.total())?;
        let payment = self.payment(cx, world, &booking, quote);
        let ticket = self.launch(cx, world, payment);
        world.bookings.update(&self.booking, |booking| {
            booking.payment = Some(payment);
            booking.last_payment_error = None;
            booking.updated_at = cx.now;
        });
        Ok(Begun::Send(Box::new(ticket)))
    }
}

/// Paying a booking, with what its answer shows: loaded with the rest, in the same round trips.
#[derive(Clone, Debug)]
pub struct PayAndShow(pub PayBooking);

/// A booking as its payment's answer shows it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub booking: Booking,
    pub payee_name: String,
}

impl Command for PayAndShow {
    type Receipt = (Begun, Shown);

    fn lanes(&self, lanes: &mut Lanes) {
        self.0.lanes(lanes);
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        self.0.needs(world, needs);
        if let Some(booking) = world.bookings.peek(&self.0.booking) {
            needs.people.key(booking.payee);
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<(Begun, Shown), Refusal> {
        let booking = world.bookings.get(&self.0.booking).filter(|b| b.payer == self.0.payer);
        let booking = booking.ok_or(Refusal::NotFound)?.clone();
        let payee_name = world.people.get(&booking.payee).map(|payee| payee.full_name.clone());
        let shown = Shown { booking, payee_name: payee_name.unwrap_or_default() };
        Ok((self.0.decide(cx, world)?, shown))
    }
}

/// The same request seen before.
pub(super) fn seen(cx: &Context<'_>, world: &World, key: Option<&Key>) -> Result<Option<Begun>, Refusal> {
    let Some(key) = key else { return Ok(None) };
    Ok(match key.seen(cx, world)? {
        Seen::Never => None,
        Seen::Answered(answer) => Some(Begun::Replay(answer)),
        Seen::Running(op) => Some(Begun::Join(op)),
    })
}

/// The checks of BR-20, in their order.
fn payable(cx: &Context<'_>, world: &World, booking: &Booking) -> Result<(), Refusal> {
    // What was refunded in full is not paid, but cancelled.
    let gone = |p: &&Payment| p.state == PaymentState::Refunded && booking.state == BookingState::Cancelled;
    let paid =
        booking.payment.and_then(|id| world.payments.get(&id)).filter(|p| p.state.captured() && !gone(p));
    if let Some(payment) = paid.filter(|_| !cx.plants.removed(Plant::Unique)) {
        return Err(Refusal::AlreadyPaid { payment: payment.id });
    }
    let before_confirmation = cx.policies.booking.flow == BookingFlow::PayThenConfirm;
    match booking.state {
        BookingState::Cancelled => return Err(Refusal::BookingCancelled),
        BookingState::Completed => return Err(Refusal::BookingOver),
        BookingState::Pending if !before_confirmation => return Err(Refusal::BookingNotConfirmed),
        BookingState::Pending | BookingState::Confirmed => {}
    }
    let slot = booking.slot().ok_or(Refusal::NeedsTimes)?;
    if slot.ends_at <= cx.now {
        return Err(Refusal::BookingOver);
    }
    let offer = world.offers.get(&booking.offer).ok_or(Refusal::OfferInactive)?;
    if offer.state == OfferState::Active { Ok(()) } else { Err(Refusal::OfferInactive) }
}

impl PayBooking {
    /// What a live operation of this booking means for the request.
    fn under_way(&self, cx: &Context<'_>, world: &mut World, booking: &Booking) -> Option<Begun> {
        let payment = booking.payment.filter(|_| !cx.plants.removed(Plant::Unique))?;
        let live = |op: &&Op| op.kind == OpKind::Charge && op.state.live();
        let op = world.ops.of(&payment).find(live)?.clone();
        let idle = op.state == OpState::Waiting && op.lease_until.is_none() && !op.cancel_wanted;
        match (self.confirmer, op.confirmer) {
            (Confirmer::Client, Confirmer::Client) if idle => return Some(Begun::Open(op.id)),
            // An open intent, or a challenge that its payer abandoned to pay otherwise.
            (Confirmer::Server, _) if idle => return Some(Begun::CancelFirst(op.id)),
            _ => {}
        }
        if let Some(key) = &self.key {
            key.begin(cx, world, op.id);
        }
        Some(Begun::Join(op.id))
    }

    /// The booking's one payment, made or taken up again with today's quote.
    fn payment(&self, cx: &Context<'_>, world: &mut World, booking: &Booking, quote: Quote) -> PaymentId {
        let saved = self.method.as_ref().is_some_and(|m| m.saved);
        if let Some(id) = booking.payment {
            world.payments.update(&id, |payment| {
                payment.quote = quote;
                payment.hourly_minor = hourly(booking, &quote, None);
                payment.gateway.clone_from(&self.rail.gateway);
                payment.state = PaymentState::Processing;
                payment.used_saved_card = saved;
                payment.updated_at = cx.now;
            });
            return id;
        }
        let payment = new_payment(cx, world, booking, quote, &self.rail, saved);
        let id = payment.id;
        world.payments.insert(payment);
        id
    }

    fn launch(&self, cx: &Context<'_>, world: &mut World, payment: PaymentId) -> Ticket {
        let payment = world.payments.get(&payment).expect("just made").clone();
        let op = charge_op(cx, world, &payment, self.method.as_ref(), self.confirmer, self.action_allowed);
        let open = if self.confirmer == Confirmer::Client {
            PaymentState::Pending
        } else {
            PaymentState::Processing
        };
        world.payments.update(&payment.id, |payment| {
            payment.op = Some(op.id);
            payment.state = open;
        });
        if let Some(key) = &self.key {
            key.begin(cx, world, op.id);
        }
        let ticket = Ticket::of(cx, &op, Call::Create, &self.rail);
        world.ops.insert(op);
        ticket
    }
}

pub(super) fn new_payment(
    cx: &Context<'_>,
    world: &mut World,
    booking: &Booking,
    quote: Quote,
    rail: &Rail,
    saved: bool,
) -> Payment {
    let id = world.new_id(booking.id.lane());
    // What is just being made has no rows yet, and the next command of the batch may ask for them.
    world.ops.admit_group(id, Vec::new());
    world.refunds.admit_group(id, Vec::new());
    Payment {
        id,
        kind: booking.kind,
        payer: booking.payer,
        payee: booking.payee,
        booking: Some(booking.id),
        offer: booking.offer,
        quote,
        hourly_minor: hourly(booking, &quote, None),
        state: PaymentState::Processing,
        gateway: rail.gateway.clone(),
        op: None,
        reference: None,
        card_brand: None,
        card_last_four: None,
        used_saved_card: saved,
        failure: None,
        captured_minor: 0,
        refunded_minor: 0,
        refund_reserved_minor: 0,
        paid_at: None,
        released_at: None,
        wake_at: None,
        created_at: cx.now,
        updated_at: cx.now,
    }
}

/// A charge operation, claimed in the commit that makes it: one commit before the call.
pub(super) fn charge_op(
    cx: &Context<'_>,
    world: &mut World,
    payment: &Payment,
    method: Option<&Method>,
    confirmer: Confirmer,
    action_allowed: bool,
) -> Op {
    let lease_until = cx.now + cx.policies.lease;
    Op {
        id: world.new_id(payment.id.lane()),
        kind: OpKind::Charge,
        payment: payment.id,
        refund: None,
        payer: payment.payer,
        gateway: payment.gateway.clone(),
        amount: payment.quote.total(),
        customer: method.and_then(|m| m.customer.clone()),
        method: method.map(|m| m.token.clone()),
        confirmer,
        action_allowed,
        state: OpState::InFlight,
        cancel_wanted: false,
        reference: None,
        movement: None,
        fence: 1,
        lease_until: Some(lease_until),
        first_sent_at: Some(cx.now),
        tries: 1,
        deadline: (confirmer == Confirmer::Client).then_some(cx.now + cx.policies.intent_ttl),
        wake_at: Some(lease_until),
        error: None,
        decline_code: None,
        error_message: None,
        created_at: cx.now,
        updated_at: cx.now,
    }
}
