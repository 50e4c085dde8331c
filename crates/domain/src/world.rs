//! What a batch of commands sees and changes.
//!
//! [`tables!`](crate::tables) is the one list of tables: the world, what can be asked of it and the
//! store's loading and writing are all made from it. Rows come in by key or by group before a
//! decision; what is new, changed or gone is written after it. Journal, events, audit and alerts
//! are only ever added.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::id::{AlertId, AuditId, EntryId, EventId, Id, JobId, LANES, Lane, PersonId};
use crate::ledger::{Account, AccountKey, Balance, Draft};
use crate::money::{Currency, Money};
use crate::records::{
    Alert, AlertAck, AuditBlock, AuditCursor, AuditEntry, AuditOrigin, Availability, Booking, Busy, Card,
    Claim, Customer, Entry, Event, IdempotencyRecord, InboxEvent, Job, JobState, LaneRow, LoginSlip,
    LoginThrottle, Meeting, Offer, OneTimeToken, Op, Payment, Person, Posting, Refund, Rollup, RollupDelta,
    RollupOpening, RollupTotal, Session, Setting, StudentProfile, TeacherProfile,
};
use crate::rows::{Record, Rows};
use crate::time::Timestamp;

/// Calls a macro with the list of tables: `field: Record`.
#[macro_export]
macro_rules! tables {
    ($callback:ident) => {
        $callback! {
            people: Person,
            teachers: TeacherProfile,
            students: StudentProfile,
            sessions: Session,
            one_time_tokens: OneTimeToken,
            login_throttles: LoginThrottle,
            login_slips: LoginSlip,
            claims: Claim,
            offers: Offer,
            bookings: Booking,
            meetings: Meeting,
            busy: Busy,
            availability: Availability,
            payments: Payment,
            ops: Op,
            refunds: Refund,
            cards: Card,
            customers: Customer,
            balances: Balance,
            inbox: InboxEvent,
            idempotency: IdempotencyRecord,
            jobs: Job,
            settings: Setting,
            alert_acks: AlertAck,
            audit_origins: AuditOrigin,
            audit_blocks: AuditBlock,
            audit_cursors: AuditCursor,
            rollups: Rollup,
            rollup_totals: RollupTotal,
            rollup_openings: RollupOpening,
            rollup_deltas: RollupDelta,
        }
    };
}

macro_rules! world {
    ($($field:ident: $record:ident),* $(,)?) => {
        /// The loaded part of the database, and what has become of it.
        #[derive(Debug, Default)]
        pub struct World {
            pub lanes: Rows<LaneRow>,
            $(pub $field: Rows<$record>,)*
            pub journal: Journal,
        }

        /// What commands ask to see.
        #[derive(Debug, Default)]
        pub struct Needs {
            $(pub $field: Wanted<$record>,)*
        }

        impl World {
            /// Makes everything so far final for [`World::rollback`].
            pub fn checkpoint(&mut self) {
                self.lanes.checkpoint();
                $(self.$field.checkpoint();)*
                self.journal.checkpoint();
            }

            /// Takes back the current command's changes.
            pub fn rollback(&mut self) {
                self.lanes.rollback();
                $(self.$field.rollback();)*
                self.journal.rollback();
            }
        }

        impl Needs {
            /// Leaves only what the world has not loaded yet.
            pub fn subtract(&mut self, world: &World) {
                $(
                    self.$field.keys.retain(|key| !world.$field.loaded(key));
                    self.$field.groups.retain(|group| !world.$field.group_loaded(group));
                )*
            }

            pub fn is_empty(&self) -> bool {
                true $(&& self.$field.keys.is_empty() && self.$field.groups.is_empty())*
            }
        }
    };
}
tables!(world);

/// Keys and groups of one table that somebody wants to see.
#[derive(Debug)]
pub struct Wanted<R: Record> {
    pub keys: BTreeSet<R::Key>,
    pub groups: BTreeSet<R::Group>,
}

impl<R: Record> Default for Wanted<R> {
    fn default() -> Self {
        Wanted { keys: BTreeSet::new(), groups: BTreeSet::new() }
    }
}

impl<R: Record> Wanted<R> {
    pub fn key(&mut self, key: R::Key) {
        self.keys.insert(key);
    }

    pub fn group(&mut self, group: R::Group) {
        self.groups.insert(group);
    }
}

/// Everything that is only ever added.
#[derive(Debug, Default)]
pub struct Journal {
    pub entries: Added<Entry>,
    pub postings: Added<Posting>,
    pub events: Added<Event>,
    pub audit: Added<AuditEntry>,
    pub alerts: Added<Alert>,
}

impl Journal {
    fn checkpoint(&mut self) {
        self.entries.checkpoint();
        self.postings.checkpoint();
        self.events.checkpoint();
        self.audit.checkpoint();
        self.alerts.checkpoint();
    }

    fn rollback(&mut self) {
        self.entries.rollback();
        self.postings.rollback();
        self.events.rollback();
        self.audit.rollback();
        self.alerts.rollback();
    }
}

/// New rows of an append-only table.
#[derive(Debug)]
pub struct Added<T> {
    rows: Vec<T>,
    safe: usize,
}

impl<T> Default for Added<T> {
    fn default() -> Self {
        Added { rows: Vec::new(), safe: 0 }
    }
}

impl<T> Added<T> {
    pub fn push(&mut self, row: T) {
        self.rows.push(row);
    }

    pub fn rows(&self) -> &[T] {
        &self.rows
    }

    fn checkpoint(&mut self) {
        self.safe = self.rows.len();
    }

    fn rollback(&mut self) {
        self.rows.truncate(self.safe);
    }
}

impl World {
    /// The next id of a lane whose lock is held.
    pub fn new_id<I: Id>(&mut self, lane: Lane) -> I {
        let mut sequence = 0;
        self.lanes.update(&lane, |row| {
            sequence = row.next;
            row.next += 1;
        });
        I::from_raw(sequence * LANES + lane.number())
    }

    /// Writes a balanced entry into a lane and moves the balances it touches.
    pub fn post(&mut self, lane: Lane, draft: Option<Draft>, at: Timestamp) {
        let Some(draft) = draft else { return };
        let entry: EntryId = self.new_id(lane);
        for (number, (account, posted, pending)) in (1..).zip(draft.movements) {
            let key = account.key(lane, draft.currency);
            self.journal.postings.push(Posting {
                entry,
                number,
                account: key.account.clone(),
                owner: key.owner,
                currency: key.currency,
                posted_minor: posted,
                pending_minor: pending,
            });
            self.move_balance(&key, posted, pending);
        }
        self.journal.entries.push(Entry {
            id: entry,
            recipe: draft.recipe.into(),
            subject: draft.subject.into(),
            subject_id: draft.subject_id,
            currency: draft.currency,
            at,
        });
    }

    fn move_balance(&mut self, key: &AccountKey, posted: i64, pending: i64) {
        if self.balances.get(key).is_none() {
            self.balances.insert(Balance {
                key: key.clone(),
                posted_minor: 0,
                pending_minor: 0,
                postings: 0,
            });
        }
        self.balances.update(key, |balance| {
            balance.posted_minor += posted;
            balance.pending_minor += pending;
            balance.postings += 1;
        });
    }

    /// Posted plus pending of an account, debit +.
    pub fn balance(&self, account: &Account, lane: Lane, currency: Currency) -> Money {
        let balance = self.balances.get(&account.key(lane, currency));
        currency.minor(balance.map_or(0, |b| b.posted_minor + b.pending_minor))
    }

    /// Tells subscribers. `body` is a JSON object.
    pub fn tell(&mut self, lane: Lane, kind: &'static str, subject: i64, at: Timestamp, body: String) {
        let id: EventId = self.new_id(lane);
        self.journal.events.push(Event { id, kind: kind.into(), subject, at, body });
    }

    /// Queues work that follows from this commit.
    pub fn queue(&mut self, lane: Lane, kind: &'static str, key: String, body: String, at: Timestamp) {
        let id: JobId = self.new_id(lane);
        self.jobs.insert(Job {
            id,
            kind: kind.into(),
            key,
            body,
            state: JobState::Queued,
            attempts: 0,
            run_at: at,
            last_error: None,
            created_at: at,
        });
    }

    /// Asks for a human.
    pub fn alert(&mut self, lane: Lane, kind: &'static str, subject: i64, detail: String, at: Timestamp) {
        let id: AlertId = self.new_id(lane);
        self.journal.alerts.push(Alert { id, kind: kind.into(), subject, detail, at });
    }

    /// Remembers who did what, from where. `change` is a JSON object without secrets and personal data.
    pub fn audit(
        &mut self,
        cx: &Context<'_>,
        actor: Option<PersonId>,
        action: &'static str,
        object: (&str, i64, Lane),
        change: String,
    ) {
        let (object, object_id, lane) = object;
        let id: AuditId = self.new_id(lane);
        let object = object.to_string();
        self.journal.audit.push(AuditEntry {
            id,
            actor,
            action: action.into(),
            object,
            object_id,
            change,
            at: cx.now,
            origin_mark: actor.and(cx.origin).map(origin_mark),
        });
        if let (Some(actor), Some(origin)) = (actor, cx.origin) {
            self.audit_origins.insert(AuditOrigin { actor, audit: id, origin: origin.to_string() });
        }
    }
}

/// What stays in the sealed row of where somebody was, when that itself is erased. The request's id in
/// it cannot be guessed, so neither can the address.
pub fn origin_mark(origin: &str) -> String {
    hex(&Sha256::digest(origin.as_bytes()))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).expect("four bits");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}
