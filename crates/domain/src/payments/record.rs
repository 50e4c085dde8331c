//! Recording what a gateway says of a charge. Answers, confirmations, webhooks' refetches, recovery
//! and reconciliation all end here; an operation that is final is never changed again by an older
//! word.

use std::fmt;
use std::sync::Arc;

use super::complete;
use crate::command::{Fact, Lanes};
use crate::context::{Context, Plant};
use crate::gateway::{Answer, ChargeReport, ChargeState, Decline};
use crate::id::{Id, OpId, PersonId};
use crate::idempotency::{self, Key};
use crate::letters;
use crate::money::Currency;
use crate::operations::{Heard, Rail, Step, Ticket};
use crate::policy::Kind;
use crate::records::{
    BookingState, Call, Claim, Confirmer, Op, OpKind, OpState, Payment, PaymentState, Space,
};
use crate::schedule;
use crate::time::Span;
use crate::world::{Needs, World};

/// A report about a charge operation.
#[derive(Clone, Debug)]
pub struct RecordCharge {
    pub op: OpId,
    pub payer: PersonId,
    /// The reporter's fence; `None` when nobody holds the operation.
    pub fence: Option<i64>,
    pub rail: Rail,
    pub heard: Heard<ChargeReport>,
    /// Keeps the final answer under the request's key, in the same commit.
    pub finish: Option<Finish>,
}

/// How the edge renders an outcome; `None` when there is nothing final to keep.
pub type Render = dyn Fn(&Settled) -> Option<idempotency::Answer> + Send + Sync;

#[derive(Clone)]
pub struct Finish {
    pub key: Key,
    pub render: Arc<Render>,
}

impl fmt::Debug for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finish").field("key", &self.key).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
pub struct Settled {
    pub step: Step,
    pub op: Op,
    pub payment: Payment,
    /// The decline just heard, also where the operation goes on waiting.
    pub decline: Option<Decline>,
    /// A refund that had to follow at once.
    pub refund: Option<OpId>,
    /// What the payer's client needs to finish a charge that waits for him; never kept.
    pub client_secret: Option<String>,
}

impl Fact for RecordCharge {
    type Receipt = Settled;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.op.lane());
        lanes.insert(self.payer.lane());
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        if let Some(finish) = &self.finish {
            finish.key.needs(world, needs);
        }
        needs.ops.key(self.op);
        let Some(op) = world.ops.peek(&self.op) else {
            return;
        };
        needs.payments.key(op.payment);
        needs.ops.group(op.payment);
        for object in self.report().into_iter().flat_map(objects) {
            needs.claims.key((Space::GatewayObject, format!("{}:{object}", op.gateway)));
        }
        let Some(payment) = world.payments.peek(&op.payment) else {
            return;
        };
        crate::refunds::needs(needs, payment);
        crate::refunds::needs_of_op(needs, op, payment, self.currency().unwrap_or(op.amount.currency));
        // Money that was taken frees no time.
        if !self.succeeded()
            && let Some(booking) = payment.booking.and_then(|id| world.bookings.peek(&id))
        {
            schedule::needs_to_free(needs, booking);
        }
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> Settled {
        let mut heard = Outcome::default();
        let step = self.apply(cx, world, &mut heard);
        let op = world.ops.get(&self.op).expect("operations are never deleted").clone();
        let payment = world.payments.get(&op.payment).expect("an operation has its payment").clone();
        let client_secret = self.report().and_then(|report| report.client_secret.clone());
        let settled =
            Settled { step, op, payment, decline: heard.decline, refund: heard.refund, client_secret };
        if let Some(finish) = &self.finish
            && let Some(answer) = (finish.render)(&settled)
        {
            finish.key.finish(cx, world, &answer);
        }
        settled
    }
}

/// What happened on the way, for the receipt.
#[derive(Default)]
struct Outcome {
    decline: Option<Decline>,
    refund: Option<OpId>,
}

fn objects(report: &ChargeReport) -> impl Iterator<Item = &String> {
    std::iter::once(&report.reference).chain(&report.movement)
}

impl RecordCharge {
    /// What the gateway told of the charge, where it did.
    fn report(&self) -> Option<&ChargeReport> {
        match &self.heard {
            Heard::Answer(Answer::Done(report)) => Some(report),
            _ => None,
        }
    }

    fn succeeded(&self) -> bool {
        self.report().is_some_and(|report| report.state == ChargeState::Succeeded)
    }

    /// The currency the gateway speaks of: ours, unless something is very wrong.
    fn currency(&self) -> Option<Currency> {
        self.report().map(|report| report.amount.currency)
    }

    fn apply(&self, cx: &Context<'_>, world: &mut World, out: &mut Outcome) -> Step {
        let op = world.ops.get(&self.op).expect("operations are never deleted").clone();
        match &self.heard {
            Heard::Answer(Answer::Done(report)) => self.reported(cx, world, &op, report, out),
            // A no to somebody who only looked is no word about the charge.
            Heard::Answer(Answer::Declined(Decline { message: reason, .. }) | Answer::Rejected(reason))
                if self.fence.is_none() =>
            {
                self.unknown(cx, world, &op, reason, None)
            }
            Heard::Answer(Answer::Declined(decline)) => declined(cx, world, &op, decline, out),
            // Of the only try there ever was, by him who made it: nobody else can have sent anything.
            Heard::Answer(Answer::NotSent(reason))
                if op.tries == 1 && self.fence == Some(op.fence) && op.state.live() =>
            {
                not_sent(cx, world, &op, reason)
            }
            Heard::Answer(Answer::NotSent(reason)) => self.unknown(cx, world, &op, reason, None),
            Heard::Answer(Answer::Rejected(reason)) => rejected(cx, world, &op, reason, out),
            Heard::Answer(Answer::Unknown(why)) if cx.plants.removed(Plant::Timeout) => {
                rejected(cx, world, &op, &why.reason, out)
            }
            Heard::Answer(Answer::Unknown(why)) => self.unknown(cx, world, &op, &why.reason, why.retry_after),
            Heard::Absent if self.rail.absence_counts(cx, &op) => {
                rejected(cx, world, &op, "it never arrived at the gateway", out)
            }
            Heard::Absent => self.unknown(cx, world, &op, "not found yet", None),
        }
    }

    fn reported(
        &self,
        cx: &Context<'_>,
        world: &mut World,
        op: &Op,
        report: &ChargeReport,
        out: &mut Outcome,
    ) -> Step {
        note_objects(cx, world, op, report);
        let live = op.state.live() || cx.plants.removed(Plant::CompareAndSet);
        match &report.state {
            ChargeState::Succeeded if live => {
                out.refund = complete::succeeded(cx, world, op, report);
                Step::Over
            }
            ChargeState::Succeeded if op.state != OpState::Succeeded && op.state != OpState::Late => {
                out.refund = complete::late(cx, world, op, report);
                Step::Over
            }
            ChargeState::Cancelled => {
                cancelled(cx, world, op);
                Step::Over
            }
            _ if !live && !op.cancel_wanted => Step::Over,
            ChargeState::NeedsMethod { last_decline: Some(decline) } => declined(cx, world, op, decline, out),
            ChargeState::NeedsMethod { last_decline: None } | ChargeState::NeedsConfirmation => {
                self.unconfirmed(cx, world, op)
            }
            ChargeState::NeedsAction => self.challenged(cx, world, op),
            ChargeState::Processing | ChargeState::Succeeded => {
                self.unknown(cx, world, op, "the gateway is still processing it", None)
            }
        }
    }

    fn unconfirmed(&self, cx: &Context<'_>, world: &mut World, op: &Op) -> Step {
        match op.confirmer {
            _ if op.cancel_wanted => self.next(cx, world, op, Call::Cancel),
            Confirmer::Client => wait(cx, world, op),
            Confirmer::Server => self.next(cx, world, op, Call::Confirm),
        }
    }

    /// 3-D Secure: the payer finishes it where his client can; otherwise the charge is ended, so that
    /// it neither blocks nor doubles the next attempt.
    fn challenged(&self, cx: &Context<'_>, world: &mut World, op: &Op) -> Step {
        let may_wait = op.action_allowed || op.confirmer == Confirmer::Client;
        if may_wait && !op.cancel_wanted {
            return wait(cx, world, op);
        }
        world.ops.update(&op.id, |op| {
            op.cancel_wanted = true;
            if op.error.is_none() {
                op.error = Some("authentication_required".into());
                op.error_message = Some("The card needs the payer's authentication.".into());
            }
        });
        self.next(cx, world, op, Call::Cancel)
    }

    /// The next call of whoever holds the operation; anybody else leaves it to recovery.
    fn next(&self, cx: &Context<'_>, world: &mut World, op: &Op, call: Call) -> Step {
        if self.fence != Some(op.fence) || op.lease_until.is_none_or(|until| until <= cx.now) {
            world.ops.update(&op.id, |op| op.wake_at = Some(op.lease_until.unwrap_or(cx.now)));
            return Step::Superseded;
        }
        let op = world.ops.get(&op.id).expect("loaded");
        Step::Next(Box::new(Ticket::of(cx, op, call, &self.rail)))
    }

    fn unknown(
        &self,
        cx: &Context<'_>,
        world: &mut World,
        op: &Op,
        reason: &str,
        retry_after: Option<Span>,
    ) -> Step {
        if self.fence.is_some_and(|fence| fence != op.fence) {
            return Step::Superseded;
        }
        if !op.state.live() {
            // Over, but its wish to be closed at the gateway is not: try again by schedule.
            world.ops.update(&op.id, |op| {
                op.lease_until = None;
                op.wake_at = op.wake_at.map(|_| crate::operations::retry_at(op.tries, cx.now));
            });
            return Step::Over;
        }
        match self.fence {
            None if op.state == OpState::Waiting => return Step::Waiting,
            // Whoever holds it will tell; if he does not, recovery comes when his lease ends.
            None if op.held(cx.now) => return Step::Unknown,
            _ => {}
        }
        world.ops.update(&op.id, |op| op.becomes_unknown(retry_after, cx.now));
        world.payments.update(&op.payment, |payment| {
            payment.state = PaymentState::Processing;
            payment.failure = Some(reason.to_string());
            payment.updated_at = cx.now;
        });
        Step::Unknown
    }
}

/// Remembers the gateway's ids, and leads from each of them to this operation.
fn note_objects(cx: &Context<'_>, world: &mut World, op: &Op, report: &ChargeReport) {
    for object in objects(report) {
        let key = (Space::GatewayObject, format!("{}:{object}", op.gateway));
        if world.claims.get(&key).is_none() {
            let (space, name) = key;
            world.claims.insert(Claim { space, name, target: op.id.raw(), created_at: cx.now });
        }
    }
    let known = op.reference.is_some() && (op.movement.is_some() || report.movement.is_none());
    if known {
        return;
    }
    world.ops.update(&op.id, |op| {
        op.reference = Some(report.reference.clone());
        op.movement = op.movement.take().or_else(|| report.movement.clone());
    });
    if world.payments.get(&op.payment).is_some_and(|payment| payment.op == Some(op.id)) {
        world.payments.update(&op.payment, |payment| payment.reference = Some(report.reference.clone()));
    }
}

fn wait(cx: &Context<'_>, world: &mut World, op: &Op) -> Step {
    let ttl = cx.policies.intent_ttl;
    world.ops.update(&op.id, |op| {
        op.deadline = op.deadline.or(Some(cx.now + ttl));
        op.waits(cx.now);
    });
    let state = match op.confirmer {
        Confirmer::Client => PaymentState::Pending,
        Confirmer::Server => PaymentState::Processing,
    };
    world.payments.update(&op.payment, |payment| {
        payment.state = state;
        payment.updated_at = cx.now;
    });
    Step::Waiting
}

/// A definite no of the payer's bank. Where the payer's client confirms, the same charge can be tried
/// with another card until its deadline; where we confirm, this operation is over and is closed at
/// the gateway behind the payer's back.
fn declined(cx: &Context<'_>, world: &mut World, op: &Op, decline: &Decline, out: &mut Outcome) -> Step {
    out.decline = Some(decline.clone());
    if !op.state.live() {
        return Step::Over;
    }
    world.ops.update(&op.id, |op| op.note_decline(decline));
    if op.confirmer == Confirmer::Client && !op.cancel_wanted {
        note_failure(cx, world, op, &decline.message);
        return wait(cx, world, op);
    }
    world.ops.update(&op.id, |op| {
        op.end(OpState::Failed, cx.now);
        if op.reference.is_some() {
            op.want_cancel(cx.now);
        }
    });
    failed(cx, world, op, &decline.message);
    letters::of_decline(world, op, cx.now);
    Step::Over
}

/// The gateway will not have it, or it provably never arrived: definite, nothing moved. Our bug or
/// our configuration, so a human is told.
fn rejected(cx: &Context<'_>, world: &mut World, op: &Op, reason: &str, out: &mut Outcome) -> Step {
    let decline = Decline {
        code: "payment_failed".into(),
        decline_code: None,
        message: "The payment could not be made.".into(),
    };
    out.decline = Some(decline.clone());
    if !op.state.live() {
        return Step::Over;
    }
    world.ops.update(&op.id, |op| {
        op.note_decline(&decline);
        op.end(OpState::Failed, cx.now);
        if op.reference.is_some() {
            op.want_cancel(cx.now);
        }
    });
    failed(cx, world, op, &decline.message);
    world.alert(op.id.lane(), "charge_rejected", op.id.raw(), reason.to_string(), cx.now);
    Step::Over
}

fn not_sent(cx: &Context<'_>, world: &mut World, op: &Op, reason: &str) -> Step {
    world.ops.update(&op.id, |op| {
        op.never_left(reason, cx.now);
        if op.reference.is_some() {
            op.want_cancel(cx.now);
        }
    });
    failed(cx, world, op, "The payment provider could not be reached.");
    world.payments.update(&op.payment, |payment| payment.state = PaymentState::Pending);
    cancel_unpayable(cx, world, op);
    Step::NotSent
}

/// The gateway says it is ended: believed for operations that were still open.
fn cancelled(cx: &Context<'_>, world: &mut World, op: &Op) {
    if !op.state.live() {
        world.ops.update(&op.id, |op| {
            op.cancel_wanted = false;
            op.lease_until = None;
            op.wake_at = None;
        });
        return;
    }
    let failed_first = op.error.as_deref() == Some("authentication_required");
    let state = if failed_first { OpState::Failed } else { OpState::Cancelled };
    world.ops.update(&op.id, |op| {
        op.cancel_wanted = false;
        op.end(state, cx.now);
    });
    if failed_first {
        failed(cx, world, op, op.error_message.as_deref().unwrap_or("authentication required"));
        letters::of_decline(world, op, cx.now);
        return;
    }
    world.payments.update(&op.payment, |payment| {
        payment.state = PaymentState::Pending;
        payment.updated_at = cx.now;
    });
    cancel_unpayable(cx, world, op);
}

/// The attempt is over without money: the payment can be tried again, the booking says why.
fn failed(cx: &Context<'_>, world: &mut World, op: &Op, message: &str) {
    world.payments.update(&op.payment, |payment| {
        payment.state = PaymentState::Failed;
        payment.updated_at = cx.now;
    });
    note_failure(cx, world, op, message);
    let body = format!(r#"{{"payment_id":{},"op_id":{}}}"#, op.payment, op.id);
    world.tell(op.id.lane(), "payment.failed", op.payment.raw(), cx.now, body);
    cancel_unpayable(cx, world, op);
}

fn note_failure(cx: &Context<'_>, world: &mut World, op: &Op, message: &str) {
    world.payments.update(&op.payment, |payment| payment.failure = Some(message.to_string()));
    let booking = world.payments.get(&op.payment).expect("loaded").booking;
    if let Some(booking) = booking {
        world.bookings.update(&booking, |booking| {
            booking.last_payment_error = Some(message.to_string());
            booking.updated_at = cx.now;
        });
    }
}

/// A purchase that was never paid leaves no booking behind; a booking does, unless the marketplace
/// wants it cancelled. A payment whose booking is gone can never be tried again.
fn cancel_unpayable(cx: &Context<'_>, world: &mut World, op: &Op) {
    let payment = world.payments.get(&op.payment).expect("loaded").clone();
    let Some(id) = payment.booking else { return };
    let state = world.bookings.get(&id).expect("loaded with its payment").state;
    let open = matches!(state, BookingState::Pending | BookingState::Confirmed);
    let unwanted = payment.kind == Kind::GigPurchase || cx.policies.booking.cancel_on_payment_failure;
    let another = world.ops.of(&op.payment).any(|other| other.kind == OpKind::Charge && other.state.live());
    if open && unwanted && !another {
        let close = if payment.kind == Kind::GigPurchase { schedule::close_quietly } else { schedule::close };
        close(world, id, None, "payment failed", cx.now);
    }
    let gone = !open || unwanted;
    if gone && payment.state == PaymentState::Pending && !another {
        world.payments.update(&op.payment, |payment| payment.state = PaymentState::Cancelled);
    }
}
