//! One booking, its operations, the gateway and everything under way between them, as small values.

use std::fmt;

use super::bag::{Bag, Packed};
use super::step::Step;

/// Requests of the client for one booking: two tabs, or one impatient click.
const OPERATIONS: usize = 2;
const WORKERS: usize = 2;
/// Takes the client's requests; both workers recover what was left open.
const FRONT: usize = 0;
const SENDS_MAX: u8 = 3;
/// Each webhook is delivered up to this often.
const DELIVERIES: u8 = 2;
/// More keys than sends and crashes can use up.
const KEYS_MAX: u8 = 8;
const REQUESTS_MAX: usize = 8;
const WEBHOOKS_MAX: usize = 16;

/// Whether the payer may try again within one operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempts {
    One,
    /// A success was preceded by a decline, whose webhook is still to come.
    Several,
}

/// The rules of the protocol; a search without one shows what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The intent is committed before anything is sent.
    IntentFirst,
    /// Every try of an operation carries the same key.
    SameKey,
    /// One live or paid operation per booking.
    OneLiveOperation,
    /// A timeout means that nobody knows.
    TimeoutIsUnknown,
    /// A result is applied once, to an operation that waits for one.
    CompareAndSet,
    /// A late failure does not overwrite a success.
    Monotone,
    /// A webhook event counts once.
    Inbox,
    /// A webhook that nobody understands yet is kept.
    Park,
    /// Once the gateway has forgotten the key nothing is sent again, only looked up.
    KeyWindow,
    /// While a request may still arrive, "not found" proves nothing.
    NoEarlyLookUp,
    /// The key's time ends only when no request travels any more.
    Drain,
    /// A webhook is a hint: what counts is the object it names.
    Fetch,
}

/// Which of the variants a search runs.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    attempts: Attempts,
    crashes_max: u8,
    /// One bit a rule.
    removed: u16,
}

/// What must never be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    ChargedTwice,
    PostedTwice,
    PostedButNotDone,
    DoneWithoutCharge,
    /// Everything has come to rest, and a charge is not recorded as one.
    ChargeLost,
    /// An operation is open and nothing can happen any more.
    Stuck,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Outcome {
    Done,
    Declined,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Progress {
    #[default]
    Absent,
    Intent,
    InFlight,
    Unknown,
    Done,
    Failed,
}

impl Progress {
    fn is_open(self) -> bool {
        matches!(self, Progress::Intent | Progress::InFlight | Progress::Unknown)
    }
}

/// Our row: what we know, how often the ledger was posted, which key the next try carries.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Operation {
    progress: Progress,
    posted: u8,
    key: u8,
    key_expired: bool,
    sends: u8,
}

/// The gateway's side of an operation: the truth, and what it answers to a key it remembers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Remote {
    charges: u8,
    /// One bit a key.
    remembers: u8,
    /// Of the remembered keys, those that were charged.
    charged: u8,
}

/// A request on its way; `worker` waits for the answer, if it still does.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Request {
    op: u8,
    key: u8,
    worker: u8,
}

impl Packed for Request {
    fn pack(self) -> u8 {
        1 << 5 | self.op << 4 | self.key << 1 | self.worker
    }

    fn unpack(byte: u8) -> Request {
        Request { op: byte >> 4 & 1, key: byte >> 1 & 0b111, worker: byte & 1 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Webhook {
    event: u8,
    op: u8,
    outcome: Outcome,
    deliveries_left: u8,
}

impl Packed for Webhook {
    fn pack(self) -> u8 {
        let declined = u8::from(self.outcome == Outcome::Declined);
        self.event << 4 | self.op << 3 | declined << 2 | self.deliveries_left
    }

    fn unpack(byte: u8) -> Webhook {
        let outcome = if byte & 0b100 == 0 { Outcome::Done } else { Outcome::Declined };
        let [event, op, deliveries_left] = [byte >> 4, byte >> 3 & 1, byte & 0b11];
        Webhook { event, op, outcome, deliveries_left }
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Worker {
    #[default]
    Idle,
    Calling {
        op: u8,
        key: u8,
    },
    Waiting {
        op: u8,
        key: u8,
    },
    Answered {
        op: u8,
        outcome: Outcome,
    },
}

/// Everything at one moment. Equal states are met once, so what is under way is kept sorted.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct State {
    operations: [Operation; OPERATIONS],
    remotes: [Remote; OPERATIONS],
    workers: [Worker; WORKERS],
    requests: Bag<Request, REQUESTS_MAX>,
    webhooks: Bag<Webhook, WEBHOOKS_MAX>,
    /// One bit an event.
    inbox: u16,
    events: u8,
    crashes: u8,
}

type Successors = Vec<(Step, State)>;

impl Setting {
    pub(super) const fn new(attempts: Attempts) -> Setting {
        let crashes_max = match attempts {
            Attempts::One => 2,
            Attempts::Several => 1,
        };
        Setting { attempts, crashes_max, removed: 0 }
    }

    pub(super) const fn without(self, rule: Rule) -> Setting {
        Setting { removed: self.removed | 1 << rule as u16, ..self }
    }

    fn keeps(self, rule: Rule) -> bool {
        self.removed & (1 << rule as u16) == 0
    }

    /// Everything that can happen next, in a fixed order, so that traces are reproducible.
    pub(super) fn successors(self, state: &State, out: &mut Successors) {
        self.submits(state, out);
        for worker in 0..WORKERS {
            self.works(state, worker, out);
        }
        self.executes(state, out);
        self.delivers(state, out);
        self.expires(state, out);
    }

    /// The client asks the first worker; at most one operation of a booking may be live or paid.
    fn submits(self, state: &State, out: &mut Successors) {
        if state.workers[FRONT] != Worker::Idle {
            return;
        }
        let live = |op: &Operation| op.progress.is_open() || op.progress == Progress::Done;
        let taken = self.keeps(Rule::OneLiveOperation) && state.operations.iter().any(live);
        for op in absent(state).filter(|_| !taken) {
            if self.keeps(Rule::IntentFirst) {
                out.push((Step::Submit(op), state.with_progress(op, Progress::Intent)));
            } else {
                let calling = state.with_worker(FRONT, Worker::Calling { op, key: 0 });
                out.push((Step::SubmitAndCall(op), calling));
            }
        }
    }

    fn works(self, state: &State, worker: usize, out: &mut Successors) {
        let idle = state.with_worker(worker, Worker::Idle);
        match state.workers[worker] {
            Worker::Idle => return self.recovers(state, worker, out),
            Worker::Calling { op, key } => {
                let mut sent = state.with_worker(worker, Worker::Waiting { op, key });
                sent.requests.add(Request { op, key, worker: small(worker) });
                sent.operations[index(op)].sends += 1;
                out.push((Step::Send(op), sent));
            }
            Worker::Waiting { op, .. } => {
                let now =
                    if self.keeps(Rule::TimeoutIsUnknown) { Progress::Unknown } else { Progress::Failed };
                let in_flight = state.operations[index(op)].progress == Progress::InFlight;
                let after = if in_flight { idle.with_progress(op, now) } else { idle };
                out.push((Step::TimeOut(op), after));
            }
            Worker::Answered { op, outcome } => {
                let unwritten = state.operations[index(op)].progress == Progress::Absent;
                let first_written = unwritten && !self.keeps(Rule::IntentFirst);
                let known = if first_written { idle.with_progress(op, Progress::InFlight) } else { idle };
                out.push((Step::Record(op), self.apply(&known, op, outcome)));
            }
        }
        if state.crashes < self.crashes_max {
            out.push((Step::Crash(small(worker)), State { crashes: state.crashes + 1, ..idle }));
        }
    }

    /// An idle worker takes up whatever is open: with the same key while the gateway remembers it,
    /// by looking it up afterwards.
    fn recovers(self, state: &State, worker: usize, out: &mut Successors) {
        for op in open(state) {
            let ours = state.operations[index(op)];
            let truth = state.remotes[index(op)].outcome();
            if ours.key_expired && self.keeps(Rule::KeyWindow) {
                if !state.travels(op) || !self.keeps(Rule::Drain) {
                    out.push((Step::LookUp(op), self.apply(state, op, truth)));
                }
            } else if ours.sends < SENDS_MAX {
                let same = self.keeps(Rule::SameKey) || ours.progress == Progress::Intent;
                let key = if same { ours.key } else { ours.key + 1 };
                let mut claimed = state.with_worker(worker, Worker::Calling { op, key });
                claimed.operations[index(op)].key = key;
                out.push((Step::Claim(op), claimed.with_progress(op, Progress::InFlight)));
            }
            let early = ours.progress == Progress::Unknown && !ours.key_expired;
            if early && !self.keeps(Rule::NoEarlyLookUp) {
                out.push((Step::LookUpEarly(op), self.apply(state, op, truth)));
            }
        }
    }

    /// The gateway executes a request: as it remembers, or either way; the answer may be lost.
    fn executes(self, state: &State, out: &mut Successors) {
        for (place, request) in state.requests.iter() {
            let Request { op, key, worker } = request;
            let remembered = state.remotes[index(op)].remembered(key);
            let possible = match remembered {
                Some(Outcome::Done) => &[Outcome::Done][..],
                Some(Outcome::Declined) => &[Outcome::Declined],
                None => &[Outcome::Done, Outcome::Declined],
            };
            for &outcome in possible {
                let mut after = *state;
                after.requests.remove(place);
                if remembered.is_none() {
                    self.executes_first(&mut after, op, key, outcome);
                }
                out.push((Step::Execute { op, outcome, answered: false }, after));
                let waits = matches!(state.workers[index(worker)], Worker::Waiting { op: o, .. } if o == op);
                if waits {
                    let told = after.with_worker(index(worker), Worker::Answered { op, outcome });
                    out.push((Step::Execute { op, outcome, answered: true }, told));
                }
            }
        }
    }

    fn executes_first(self, state: &mut State, op: u8, key: u8, outcome: Outcome) {
        let remote = &mut state.remotes[index(op)];
        remote.remembers |= 1 << key;
        if outcome == Outcome::Done {
            remote.charged |= 1 << key;
            remote.charges += 1;
        }
        state.announce(op, outcome, DELIVERIES);
        if self.attempts == Attempts::Several && outcome == Outcome::Done {
            state.announce(op, Outcome::Declined, 1);
        }
    }

    /// Webhooks arrive in any order, some twice.
    fn delivers(self, state: &State, out: &mut Successors) {
        for (place, webhook) in state.webhooks.iter() {
            let Webhook { event, op, outcome, deliveries_left } = webhook;
            let mut after = *state;
            after.webhooks.remove(place);
            let dropped = after;
            if deliveries_left > 1 {
                let again = Webhook { deliveries_left: deliveries_left - 1, ..webhook };
                after.webhooks.add(again);
            }
            let seen = state.inbox & (1 << event) != 0;
            if seen && self.keeps(Rule::Inbox) {
                out.push((Step::WebhookAgain, after));
            } else if state.operations[index(op)].progress == Progress::Absent {
                // Parked until the row exists: nothing happens now.
                if !self.keeps(Rule::Park) {
                    out.push((Step::WebhookDropped, dropped));
                }
            } else {
                after.inbox |= 1 << event;
                let believed = self.believed(state, op, outcome);
                out.push((Step::Webhook(op, outcome), self.apply(&after, op, believed)));
            }
        }
    }

    fn believed(self, state: &State, op: u8, said: Outcome) -> Outcome {
        let charged = state.remotes[index(op)].charges > 0;
        if charged && self.keeps(Rule::Fetch) { Outcome::Done } else { said }
    }

    /// The gateway forgets a key, by the rules only when no request with it is under way.
    fn expires(self, state: &State, out: &mut Successors) {
        for op in open(state) {
            let travels = self.keeps(Rule::Drain) && state.travels(op);
            let fresh = !state.operations[index(op)].key_expired;
            if fresh && !travels && !state.is_being_sent(op) {
                let mut after = *state;
                after.operations[index(op)].key_expired = true;
                let charges = after.remotes[index(op)].charges;
                after.remotes[index(op)] = Remote { charges, ..Remote::default() };
                out.push((Step::KeyExpires(op), after));
            }
        }
    }

    /// The one place where a result becomes our state and a posting.
    fn apply(self, state: &State, op: u8, outcome: Outcome) -> State {
        let mut after = *state;
        let ours = &mut after.operations[index(op)];
        let waits = ours.progress.is_open();
        match outcome {
            Outcome::Done if waits || !self.keeps(Rule::CompareAndSet) => {
                ours.progress = Progress::Done;
                ours.posted += 1;
            }
            Outcome::Declined
                if waits || (ours.progress == Progress::Done && !self.keeps(Rule::Monotone)) =>
            {
                ours.progress = Progress::Failed;
            }
            Outcome::Done | Outcome::Declined => {}
        }
        after
    }
}

impl State {
    /// What is wrong here, if anything. `dead` when nothing can happen next.
    pub(super) fn violation(&self, dead: bool) -> Option<Violation> {
        if self.remotes.iter().map(|remote| remote.charges).sum::<u8>() > 1 {
            return Some(Violation::ChargedTwice);
        }
        let resting = self.is_resting();
        for (ours, remote) in self.operations.iter().zip(&self.remotes) {
            let done = ours.progress == Progress::Done;
            let violation = match (ours.posted, remote.charges) {
                (2.., _) => Some(Violation::PostedTwice),
                (1, _) if !done => Some(Violation::PostedButNotDone),
                (_, 0) if done => Some(Violation::DoneWithoutCharge),
                (_, 1) if resting && !done => Some(Violation::ChargeLost),
                _ => None,
            };
            if violation.is_some() {
                return violation;
            }
        }
        (dead && open(self).next().is_some()).then_some(Violation::Stuck)
    }

    /// Nothing under way, nobody at work, every operation decided.
    fn is_resting(&self) -> bool {
        let idle = self.workers.iter().all(|worker| *worker == Worker::Idle);
        let nothing_under_way = self.requests.is_empty() && self.webhooks.is_empty();
        idle && nothing_under_way && open(self).next().is_none()
    }

    fn travels(&self, op: u8) -> bool {
        self.requests.iter().any(|(_, request)| request.op == op)
    }

    fn is_being_sent(&self, wanted: u8) -> bool {
        self.workers.iter().any(|worker| {
            matches!(worker, Worker::Calling { op, .. } | Worker::Waiting { op, .. } if *op == wanted)
        })
    }

    fn announce(&mut self, op: u8, outcome: Outcome, deliveries_left: u8) {
        self.webhooks.add(Webhook { event: self.events, op, outcome, deliveries_left });
        self.events += 1;
    }

    fn with_progress(&self, op: u8, progress: Progress) -> State {
        let mut after = *self;
        after.operations[index(op)].progress = progress;
        after
    }

    fn with_worker(&self, place: usize, worker: Worker) -> State {
        let mut after = *self;
        after.workers[place] = worker;
        after
    }
}

impl Remote {
    fn remembered(self, key: u8) -> Option<Outcome> {
        assert!(key < KEYS_MAX, "a key for each bit");
        let charged = self.charged & 1 << key != 0;
        let outcome = if charged { Outcome::Done } else { Outcome::Declined };
        (self.remembers & 1 << key != 0).then_some(outcome)
    }

    fn outcome(self) -> Outcome {
        if self.charges > 0 { Outcome::Done } else { Outcome::Declined }
    }
}

fn open(state: &State) -> impl Iterator<Item = u8> {
    selected(state, Progress::is_open)
}

fn absent(state: &State) -> impl Iterator<Item = u8> {
    selected(state, |progress| progress == Progress::Absent)
}

fn selected(state: &State, wanted: impl Fn(Progress) -> bool) -> impl Iterator<Item = u8> {
    let operations = (0..).zip(&state.operations);
    operations.filter(move |(_, ours)| wanted(ours.progress)).map(|(op, _)| op)
}

fn index(small: u8) -> usize {
    usize::from(small)
}

fn small(index: usize) -> u8 {
    u8::try_from(index).expect("two workers")
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempts = match self.attempts {
            Attempts::One => "one attempt",
            Attempts::Several => "several attempts",
        };
        write!(f, "{attempts}, rules removed: {:#b}", self.removed)
    }
}
