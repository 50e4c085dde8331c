//! The auditor: after every step that changed something it walks all rows and the gateway's own
//! books and compares them with the invariants I1–I17, I20, I27 and I29 of the design, by rules of its own.
//!
//! It shares no rule with the code under test, only the shapes of rows. What the people were told
//! is compared in `model`; here is what must be true of the world. I18 and I19 are about coupons, which
//! nobody can use yet.

mod books;
mod ledger;
mod letters;
mod refunds;
mod sessions;
mod states;

use std::collections::BTreeMap;
use std::fmt;

use domain::id::{BookingId, OpId, PaymentId};
use domain::records::{Alert, Booking, Busy, Entry, Event, Job, Op, Payment, Posting, Refund};
use gateways::sandbox::Readout;
use store::Db;
use store::engine::Fault;

use crate::model::Model;

/// Something that must never be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// `I1` … as in the design, or a word where the design has no number.
    pub invariant: &'static str,
    pub detail: String,
}

impl Violation {
    pub fn new(invariant: &'static str, detail: impl Into<String>) -> Violation {
        Violation { invariant, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.detail)
    }
}

/// A violation when the condition does not hold.
pub(crate) fn must(
    holds: bool,
    invariant: &'static str,
    detail: impl FnOnce() -> String,
) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { invariant, detail: detail() }) }
}

/// All rows that matter, at one moment.
pub struct Snapshot {
    pub bookings: BTreeMap<BookingId, Booking>,
    pub payments: BTreeMap<PaymentId, Payment>,
    pub ops: BTreeMap<OpId, Op>,
    pub refunds: Vec<Refund>,
    pub entries: Vec<Entry>,
    pub postings: Vec<Posting>,
    pub balances: Vec<domain::ledger::Balance>,
    pub alerts: Vec<Alert>,
    pub busy: Vec<Busy>,
    pub jobs: Vec<Job>,
    pub events: Vec<Event>,
}

impl Snapshot {
    pub fn take(db: &Db) -> Result<Snapshot, Fault> {
        db.read_now(|reads| {
            Ok(Snapshot {
                bookings: reads.everything::<Booking>()?.into_iter().map(|row| (row.id, row)).collect(),
                payments: reads.everything::<Payment>()?.into_iter().map(|row| (row.id, row)).collect(),
                ops: reads.everything::<Op>()?.into_iter().map(|row| (row.id, row)).collect(),
                refunds: reads.everything()?,
                entries: reads.everything()?,
                postings: reads.everything()?,
                balances: reads.everything()?,
                alerts: reads.everything()?,
                busy: reads.everything()?,
                jobs: reads.everything()?,
                events: reads.everything()?,
            })
        })
    }
}

/// Remembers what it saw last, because some invariants are about time.
#[derive(Default)]
pub struct Auditor {
    history: states::History,
    journal: ledger::Journal,
    lives: sessions::Lives,
    decisions: refunds::Decisions,
}

impl Auditor {
    /// What must hold at every moment.
    pub fn look(&mut self, seen: &Snapshot, books: &Readout, model: &Model) -> Result<(), Violation> {
        self.journal.check(seen)?;
        states::check(seen, model)?;
        self.history.check(seen)?;
        sessions::check(seen)?;
        self.lives.check(seen)?;
        refunds::check(seen, model)?;
        self.decisions.check(seen)?;
        letters::check(seen)?;
        books::check(seen, books)
    }

    /// What must hold besides when nothing is under way any more.
    pub fn conclude(&mut self, seen: &Snapshot, books: &Readout, model: &Model) -> Result<(), Violation> {
        self.look(seen, books, model)?;
        refunds::conclude(seen, model)?;
        letters::conclude(seen)?;
        books::conclude(seen, books)
    }
}
