//! Webhook events: stored once, acknowledged, then worked off.
//!
//! Invariants: an event is stored before anything is done about it; the same event id is one event;
//! what an event says is a hint, so nothing here moves money; one that tells of a success we have
//! recorded needs no work; one about something unknown is parked and tried again until it is given up
//! with an alert; a body is kept as long as the event is to be worked off, and no longer: it may tell of
//! people.

use crate::command::{Fact, Lanes};
use crate::context::Context;
use crate::gateway::{Hint, Notice};
use crate::id::{Id, InboxId, Lane, OpId};
use crate::operations::retry_at;
use crate::records::{Claim, InboxEvent, InboxState, OpKind, OpState, Space};
use crate::world::{Needs, World};

/// An authentic event has arrived.
#[derive(Clone, Debug)]
pub struct Receive {
    pub gateway: String,
    pub notice: Notice,
    pub body: String,
    /// False: of the other mode (test events at a live server); kept, never worked off.
    pub relevant: bool,
}

impl Receive {
    fn name(&self) -> String {
        format!("{}:{}", self.gateway, self.notice.event)
    }

    /// The claim of the charge whose success the event tells of.
    fn success(&self) -> Option<(Space, String)> {
        match &self.notice.hint {
            Hint::Charge { reference, succeeded: true } => {
                Some((Space::GatewayObject, format!("{}:{reference}", self.gateway)))
            }
            _ => None,
        }
    }

    /// Whether the event tells only what the books say too. Success is final, so it does not matter
    /// that nobody holds the operation still.
    fn is_old(&self, world: &World) -> bool {
        let claim = self.success().and_then(|claim| world.claims.get(&claim));
        let op = claim.and_then(|claim| world.ops.get(&OpId::from_raw(claim.target)));
        op.is_some_and(|op| op.kind == OpKind::Charge && op.state == OpState::Succeeded)
    }

    fn event(&self, cx: &Context<'_>, id: InboxId, old: bool) -> InboxEvent {
        let (hint, object, charge) = match &self.notice.hint {
            Hint::Charge { reference, .. } => ("charge", reference.clone(), None),
            Hint::Refund { reference, charge } => ("refund", reference.clone(), charge.clone()),
            Hint::Dispute { reference, charge } => ("dispute", reference.clone(), charge.clone()),
            Hint::CardDetached { token } => ("card", token.clone(), None),
            Hint::Payout { reference } => ("payout", reference.clone(), None),
            Hint::Other => ("other", String::new(), None),
        };
        // Payouts are not made through gateways yet, so nothing waits for their events.
        let relevant = self.relevant && !matches!(hint, "other" | "payout");
        let work = relevant && !old;
        let state = match (work, relevant) {
            (true, _) => InboxState::Received,
            (false, true) => InboxState::Processed,
            (false, false) => InboxState::Ignored,
        };
        InboxEvent {
            id,
            gateway: self.gateway.clone(),
            event: self.notice.event.clone(),
            kind: self.notice.kind.clone(),
            hint: hint.into(),
            object,
            charge,
            body: if work { self.body.clone() } else { String::new() },
            state,
            attempts: 0,
            failures: 0,
            error: None,
            wake_at: work.then_some(cx.now),
            received_at: cx.now,
            processed_at: (!work).then_some(cx.now),
        }
    }
}

impl Fact for Receive {
    /// `None` for a duplicate.
    type Receipt = Option<InboxEvent>;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(Lane::of(&self.name()));
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        needs.claims.key((Space::WebhookEvent, self.name()));
        let Some(charge) = self.success() else { return };
        if let Some(claim) = world.claims.peek(&charge) {
            needs.ops.key(OpId::from_raw(claim.target));
        }
        needs.claims.key(charge);
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> Option<InboxEvent> {
        let name = self.name();
        if world.claims.get(&(Space::WebhookEvent, name.clone())).is_some() {
            return None;
        }
        let lane = Lane::of(&name);
        let event = self.event(cx, world.new_id(lane), self.is_old(world));
        let claim = Claim { space: Space::WebhookEvent, name, target: event.id.raw(), created_at: cx.now };
        world.claims.insert(claim);
        if !self.relevant {
            let detail = format!("an event of the other mode: {}", self.notice.kind);
            world.alert(lane, "webhook_wrong_mode", event.id.raw(), detail, cx.now);
        }
        world.inbox.insert(event.clone());
        Some(event)
    }
}

/// How working off an event went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worked {
    Processed,
    /// It means nothing to us.
    Ignored,
    /// Its object is not known (yet).
    Parked,
    Failed(String),
}

/// An event was worked off, or not.
#[derive(Clone, Debug)]
pub struct Settle {
    pub id: InboxId,
    pub worked: Worked,
}

impl Fact for Settle {
    type Receipt = InboxState;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.id.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.inbox.key(self.id);
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> InboxState {
        let Some(event) = world.inbox.get(&self.id).cloned() else { return InboxState::Dead };
        let attempts = event.attempts + 1;
        let failures = event.failures + i64::from(matches!(self.worked, Worked::Failed(_)));
        let policy = cx.policies.inbox;
        let again = Some(retry_at(attempts, cx.now));
        let (state, wake_at, error) = match &self.worked {
            Worked::Processed => (InboxState::Processed, None, None),
            Worked::Ignored => (InboxState::Ignored, None, None),
            Worked::Parked if cx.now < event.received_at + policy.park => (InboxState::Parked, again, None),
            Worked::Parked => (InboxState::Dead, None, Some("its object never appeared".into())),
            Worked::Failed(error) if failures < policy.failures_max => {
                (InboxState::Failed, again, Some(error.clone()))
            }
            Worked::Failed(error) => (InboxState::Dead, None, Some(error.clone())),
        };
        world.inbox.update(&self.id, |event| {
            event.state = state;
            event.attempts = attempts;
            event.failures = failures;
            event.wake_at = wake_at;
            event.error.clone_from(&error);
            event.processed_at = wake_at.is_none().then_some(cx.now);
            if wake_at.is_none() {
                event.body = String::new();
            }
        });
        if state == InboxState::Dead {
            let detail = error.unwrap_or_default();
            world.alert(self.id.lane(), "webhook_dead", self.id.raw(), detail, cx.now);
        }
        state
    }
}
