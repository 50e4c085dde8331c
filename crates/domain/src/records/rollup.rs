//! What reports are read from: sums a day, and changes of them that have not been added yet.

use super::{by_id, by_key, words};
use crate::id::{DeltaId, Lane};
use crate::money::Currency;
use crate::policy::Kind;

words! {
    /// What is counted. The first ones are kept by day; the next ones as totals with what they were when
    /// a day began; the next ones as totals alone; the last two only travel, and are spread over others.
    Measure {
        /// Payments by state, on the day they were made.
        Created = "created",
        /// Payments when they were captured, whatever goes back later.
        Captured = "captured",
        /// Each captured payment that reaches the reports' bound, by instant and id.
        Large = "large",
        /// Refunds when they were processed.
        Refunded = "refunded",
        /// Refunds that somebody asked for, by state, on the day they were asked for.
        Request = "request",

        /// Captured payments by hour of the day, by card brand or gateway, by seconds it took at most.
        Hour = "hour",
        Method = "method",
        Latency = "latency",
        /// Finished attempts to charge, by outcome, on the day they began.
        Attempt = "attempt",
        /// Captured payments by who paid and by who was paid.
        Payer = "payer",
        Payee = "payee",

        /// A person's payments on a side that are not paid, in parts by [`Standing`]: those that are paid
        /// are the captured ones without the returned ones.
        PayerStanding = "payer_standing",
        PayeeStanding = "payee_standing",
        /// A person's payments on a side that are paid, in parts by who is on the other.
        PayerPartner = "payer_partner",
        PayeePartner = "payee_partner",
        /// What went back of a person's payments on a side.
        PayerReturned = "payer_returned",
        PayeeReturned = "payee_returned",

        /// A payment under its standing, payer and payee.
        Parties = "parties",
        /// A processed refund under its payment's payer and payee.
        Returned = "returned",
    }
}

words! {
    /// Where a payment stands for its parties.
    Standing {
        /// Not decided yet.
        Open = "open",
        /// Captured, and not gone back as a whole.
        Paid = "paid",
        Returned = "returned",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl Measure {
    /// Totals of it are kept, not sums of days.
    pub fn is_total(self) -> bool {
        self.has_openings() || self >= Measure::PayerStanding
    }

    /// What its totals were when a day began is kept too, so that any span of days is a difference.
    pub fn has_openings(self) -> bool {
        (Measure::Hour..=Measure::Payee).contains(&self)
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
    /// The hourly prices of those that have one, and how many have.
    pub hourly_minor: i64,
    pub rated: i64,
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

/// What is summed over all days.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TotalKey {
    pub measure: Measure,
    /// Which hour, brand, person.
    pub label: String,
    /// Which of its parts; empty where there are none.
    pub part: String,
    pub kind: Kind,
    pub currency: Currency,
}

/// A sum over all days.
#[derive(Clone, Debug, PartialEq)]
pub struct RollupTotal {
    pub key: TotalKey,
    /// The last day on which something was added, where days are told apart.
    pub last_day: i64,
    pub amounts: Amounts,
}

by_key!(RollupTotal, TotalKey, |total| total.key.clone(), lane | _total | Rollup::LANE);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpeningKey {
    pub total: TotalKey,
    pub day: i64,
}

/// What a total was when a day began on which something was added to it.
#[derive(Clone, Debug, PartialEq)]
pub struct RollupOpening {
    pub key: OpeningKey,
    pub amounts: Amounts,
}

by_key!(RollupOpening, OpeningKey, |opening| opening.key.clone(), lane | _opening | Rollup::LANE);

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
        self.hourly_minor += sign * other.hourly_minor;
        self.rated += sign * other.rated;
    }
}
