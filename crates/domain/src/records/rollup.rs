//! What reports are read from: sums a day, and changes of them that have not been added yet.

use super::{by_id, by_key, words};
use crate::id::{DeltaId, Lane};
use crate::money::Currency;
use crate::policy::Kind;

words! {
    /// What is counted, and on which day.
    Measure {
        /// Payments by state, on the day they were made.
        Created = "created",
        /// Payments when they were captured, whatever goes back later.
        Captured = "captured",
        /// The same by hour of the day, by card brand or gateway, and by seconds it took at most.
        Hour = "hour",
        Method = "method",
        Latency = "latency",
        /// The same by payer and by payee.
        Payer = "payer",
        Payee = "payee",
        /// Refunds when they were processed.
        Refunded = "refunded",
        /// Refunds that somebody asked for, by state, on the day they were asked for.
        Request = "request",
        /// Finished attempts to charge, by outcome, on the day they began.
        Attempt = "attempt",
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RollupKey {
    pub measure: Measure,
    /// Days since 1970-01-01 in the reports' time zone.
    pub day: i64,
    pub kind: Kind,
    pub currency: Currency,
    /// Which state, hour, brand, person; empty where the measure has no parts.
    pub label: String,
}

/// Sums in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    pub number: i64,
    pub total_minor: i64,
    pub base_minor: i64,
    pub fee_minor: i64,
    pub share_minor: i64,
}

/// The sums of one day. They live in one lane: only the folding of deltas writes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollup {
    pub key: RollupKey,
    pub amounts: Amounts,
}

impl Rollup {
    pub const LANE: Lane = Lane(0);
}

by_key!(Rollup, RollupKey, |rollup| rollup.key.clone(), lane | _rollup | Rollup::LANE);

/// What one commit changed in the sums; folded into them soon after, and gone then.
#[derive(Clone, Debug, PartialEq)]
pub struct RollupDelta {
    pub id: DeltaId,
    pub body: String,
}

by_id!(RollupDelta, DeltaId);

impl Amounts {
    pub fn add(&mut self, other: Amounts, sign: i64) {
        self.number += sign * other.number;
        self.total_minor += sign * other.total_minor;
        self.base_minor += sign * other.base_minor;
        self.fee_minor += sign * other.fee_minor;
        self.share_minor += sign * other.share_minor;
    }
}
