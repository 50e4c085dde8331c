//! The same request twice: once with an effect, and the same answer both times.
//!
//! Invariants: the record commits with the effect; an answer is kept only when it is final; refusals
//! are not kept; a key belongs to one person. Where a gateway is called in between, the record first
//! points to the operation and receives its answer when the operation is over.

use std::sync::Arc;

use crate::command::{Command, Fact, Lanes};
use crate::context::Context;
use crate::id::{Id, OpId, PersonId};
use crate::records::IdempotencyRecord;
use crate::refusal::Refusal;
use crate::time::Span;
use crate::world::{Needs, World};

/// The identity of a request. `None` at the call site where a request has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub person: PersonId,
    pub operation: String,
    /// SHA-256 of the client's key, or of the body where it is derived; hex.
    pub key: String,
    pub body_hash: String,
    /// Derived keys count only within this span after the first request; a client's key for the
    /// whole retention.
    pub window: Option<Span>,
}

/// An answer as it went over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// JSON.
    pub body: String,
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Never,
    /// Answered before, exactly so.
    Answered(Answer),
    /// Its operation is (or was, without a kept answer) under way.
    Running(OpId),
}

impl Key {
    pub fn needs(&self, world: &World, needs: &mut Needs) {
        needs.idempotency.key(self.row_key());
        if let Some(op) = world.idempotency.peek(&self.row_key()).and_then(|record| record.op) {
            needs.ops.key(op);
        }
    }

    fn row_key(&self) -> (PersonId, String, String) {
        (self.person, self.operation.clone(), self.key.clone())
    }

    /// Looks the request up; the same key with another body is refused.
    pub fn seen(&self, cx: &Context<'_>, world: &World) -> Result<Seen, Refusal> {
        let Some(record) = world.idempotency.get(&self.row_key()) else {
            return Ok(Seen::Never);
        };
        let running = record.op.is_some_and(|op| world.ops.get(&op).is_some_and(|op| op.state.live()));
        if record.expires_at <= cx.now && !running {
            return Ok(Seen::Never);
        }
        if record.body_hash != self.body_hash {
            return Err(Refusal::IdempotencyKeyReused);
        }
        match (record.status, &record.answer, record.op) {
            (Some(status), Some(body), _) => {
                let status = u16::try_from(status).expect("stored from a u16");
                Ok(Seen::Answered(Answer { status, body: body.clone() }))
            }
            (_, _, Some(op)) => Ok(Seen::Running(op)),
            _ => Ok(Seen::Never),
        }
    }

    /// Remembers that an operation will give the answer.
    pub fn begin(&self, cx: &Context<'_>, world: &mut World, op: OpId) {
        self.put(cx, world, Some(op), None);
    }

    /// Keeps the final answer, with the effect it belongs to.
    pub fn finish(&self, cx: &Context<'_>, world: &mut World, answer: &Answer) {
        let op = world.idempotency.get(&self.row_key()).and_then(|record| record.op);
        self.put(cx, world, op, Some(answer));
    }

    fn put(&self, cx: &Context<'_>, world: &mut World, op: Option<OpId>, answer: Option<&Answer>) {
        let key = self.row_key();
        let created_at = match world.idempotency.get(&key) {
            Some(record) if record.expires_at > cx.now => record.created_at,
            _ => cx.now,
        };
        world.idempotency.remove(&key);
        world.idempotency.insert(IdempotencyRecord {
            person: self.person,
            operation: self.operation.clone(),
            key: self.key.clone(),
            body_hash: self.body_hash.clone(),
            op,
            status: answer.map(|a| i64::from(a.status)),
            answer: answer.map(|a| a.body.clone()),
            created_at,
            expires_at: created_at + self.window.unwrap_or(cx.policies.idempotency_ttl),
        });
    }
}

/// How the edge renders a receipt into the answer that is kept.
pub type Render<R> = dyn Fn(&R) -> Answer + Send + Sync;

/// A repeatable command with no gateway in between: its answer is kept in its own commit.
pub struct Once<C: Command> {
    pub request: Repeatable<C>,
    pub render: Arc<Render<C::Receipt>>,
}

/// What came of a request that may be a repeat.
#[derive(Clone, Debug)]
pub enum Done<R> {
    Fresh { receipt: R, answer: Answer },
    Replay(Answer),
}

impl<C: Command> Command for Once<C> {
    type Receipt = Done<C::Receipt>;

    fn lanes(&self, lanes: &mut Lanes) {
        self.request.lanes(lanes);
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        self.request.needs(world, needs);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Self::Receipt, Refusal> {
        let receipt = match self.request.decide(cx, world)? {
            Ran::Replay(answer) => return Ok(Done::Replay(answer)),
            Ran::Now(receipt) => receipt,
        };
        let answer = (self.render)(&receipt);
        if let Some(key) = &self.request.key {
            key.finish(cx, world, &answer);
        }
        Ok(Done::Fresh { receipt, answer })
    }
}

/// A command whose answer is known only after gateways have been asked: [`Keep`] stores it then.
/// Until then a repeat runs the command again, so that must do nothing twice.
pub struct Repeatable<C: Command> {
    pub command: C,
    pub key: Option<Key>,
}

/// What came of a repeatable request.
#[derive(Clone, Debug)]
pub enum Ran<R> {
    Now(R),
    Replay(Answer),
}

impl<C: Command> Command for Repeatable<C> {
    type Receipt = Ran<C::Receipt>;

    fn lanes(&self, lanes: &mut Lanes) {
        self.command.lanes(lanes);
        lanes.extend(self.key.iter().map(|key| key.person.lane()));
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        self.command.needs(world, needs);
        if let Some(key) = &self.key {
            key.needs(world, needs);
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Self::Receipt, Refusal> {
        if let Some(key) = &self.key
            && let Seen::Answered(answer) = key.seen(cx, world)?
        {
            return Ok(Ran::Replay(answer));
        }
        Ok(Ran::Now(self.command.decide(cx, world)?))
    }
}

/// A request that was committed before its gateway was asked has its answer now.
#[derive(Clone, Debug)]
pub struct Keep {
    pub key: Key,
    pub answer: Answer,
}

impl Fact for Keep {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.key.person.lane());
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        self.key.needs(world, needs);
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) {
        self.key.finish(cx, world, &self.answer);
    }
}

/// A request that waited for another one's operation has its answer now. The first answer stays: what
/// becomes of the booking later changes no answer that was given.
#[derive(Clone, Debug)]
pub struct Agree {
    pub key: Key,
    pub answer: Answer,
}

impl Fact for Agree {
    type Receipt = Answer;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.key.person.lane());
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        self.key.needs(world, needs);
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> Answer {
        if let Ok(Seen::Answered(first)) = self.key.seen(cx, world) {
            return first;
        }
        self.key.finish(cx, world, &self.answer);
        self.answer.clone()
    }
}

/// Looks up whether a request was answered before; changes nothing.
#[derive(Clone, Debug)]
pub struct Look {
    pub key: Key,
}

impl Command for Look {
    type Receipt = Seen;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.key.person.lane());
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        self.key.needs(world, needs);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Seen, Refusal> {
        self.key.seen(cx, world)
    }
}
