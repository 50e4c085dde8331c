//! Whether payments are well (S0's alerts): how many fail, how long they take, how much goes back, and
//! whether fees are what the policy says. Figures of a bounded sample, in integers; a figure over its
//! threshold alerts once, and again only after it was fine in between.
//!
//! Deliberately not here: which payments are looked at, and who is told.

use std::collections::BTreeMap;

use crate::command::{Fact, Lanes};
use crate::context::Context;
use crate::id::{BookingId, Lane};
use crate::money::Currency;
use crate::pricing::quote_booking;
use crate::records::{Booking, Op, OpKind, OpState, Payment, Setting};
use crate::time::Span;
use crate::world::{Needs, World};

/// Fewer finished payments than this say nothing about a rate.
pub const SAMPLE_MIN: i64 = 20;
const BPS: i64 = 10_000;

/// From which figures on a human is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Failed of finished attempts, basis points.
    pub failed_rate_bps: i64,
    /// The slowest twentieth takes longer.
    pub processing: Span,
    /// Refunded of captured money, basis points.
    pub refund_rate_bps: i64,
}

/// The figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Payments looked at.
    pub payments: i64,
    /// Attempts that succeeded or failed for good.
    pub finished: i64,
    pub failed: i64,
    /// From the attempt's beginning to the money, median and 95th percentile; zero without any.
    pub processing_median: Span,
    pub processing_p95: Span,
    /// In the marketplace's currency.
    pub captured_minor: i64,
    pub refunded_minor: i64,
    /// Captured bookings whose price or fee is not what their frozen policy gives.
    pub off_policy: i64,
}

/// What a threshold watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Failures,
    Slowness,
    Refunds,
    Fees,
}

impl Sign {
    pub const ALL: [Sign; 4] = [Sign::Failures, Sign::Slowness, Sign::Refunds, Sign::Fees];

    /// The kind of its alert.
    pub fn alert(self) -> &'static str {
        match self {
            Sign::Failures => "failure_rate",
            Sign::Slowness => "slow_processing",
            Sign::Refunds => "refund_rate",
            Sign::Fees => "fee_off_policy",
        }
    }
}

impl Vitals {
    /// Of these payments with their operations and bookings.
    pub fn of(
        payments: &[Payment],
        ops: &[Op],
        bookings: &BTreeMap<BookingId, Booking>,
        currency: Currency,
    ) -> Vitals {
        let mut vitals = Vitals { payments: count(payments.len()), ..Vitals::default() };
        let paid: BTreeMap<_, _> = payments.iter().map(|payment| (payment.id, payment.paid_at)).collect();
        let mut taken = Vec::new();
        for op in ops.iter().filter(|op| op.kind == OpKind::Charge) {
            match op.state {
                OpState::Failed => vitals.failed += 1,
                OpState::Succeeded => {
                    let at = paid.get(&op.payment).copied().flatten();
                    taken.extend(at.map(|at| at - op.created_at));
                }
                _ => {}
            }
        }
        vitals.finished = vitals.failed + count(taken.len());
        taken.sort_unstable();
        vitals.processing_median = percentile(&taken, 50);
        vitals.processing_p95 = percentile(&taken, 95);
        for payment in payments.iter().filter(|payment| payment.state.captured()) {
            if payment.quote.currency == currency {
                vitals.captured_minor += payment.captured_minor;
                vitals.refunded_minor += payment.refunded_minor;
            }
            let booking = payment.booking.and_then(|id| bookings.get(&id));
            if booking.is_some_and(|booking| quote_booking(booking) != payment.quote) {
                vitals.off_policy += 1;
            }
        }
        vitals
    }

    /// Failed of finished attempts, basis points, half up.
    pub fn failed_rate_bps(&self) -> i64 {
        rate(self.failed, self.finished)
    }

    /// Refunded of captured money, basis points, half up.
    pub fn refund_rate_bps(&self) -> i64 {
        rate(self.refunded_minor, self.captured_minor)
    }

    /// Whether a figure is over its threshold.
    pub fn is_over(&self, sign: Sign, thresholds: &Thresholds) -> bool {
        let enough = self.finished >= SAMPLE_MIN;
        match sign {
            Sign::Failures => enough && self.failed_rate_bps() > thresholds.failed_rate_bps,
            Sign::Slowness => enough && self.processing_p95 > thresholds.processing,
            Sign::Refunds => enough && self.refund_rate_bps() > thresholds.refund_rate_bps,
            Sign::Fees => self.off_policy > 0,
        }
    }

    /// The figure in words, for the alert.
    pub fn describe(&self, sign: Sign) -> String {
        match sign {
            Sign::Failures => format!("{} of {} attempts failed", self.failed, self.finished),
            Sign::Slowness => {
                format!("one payment in twenty took {} s or longer", self.processing_p95.whole_seconds())
            }
            Sign::Refunds => {
                format!("{} of {} minor units went back", self.refunded_minor, self.captured_minor)
            }
            Sign::Fees => format!("{} payments are not what their policy gives", self.off_policy),
        }
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).expect("samples are small")
}

fn rate(part: i64, whole: i64) -> i64 {
    if whole == 0 { 0 } else { (2 * part * BPS + whole) / (2 * whole) }
}

/// The value that so many percent of the sorted values do not exceed (nearest rank).
fn percentile(sorted: &[Span], percent: usize) -> Span {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied().unwrap_or(Span::ZERO)
}

/// Vital signs were looked at.
#[derive(Clone, Debug)]
pub struct NoteVitals {
    pub vitals: Vitals,
    pub thresholds: Thresholds,
}

impl NoteVitals {
    fn name(sign: Sign) -> String {
        format!("vital:{}", sign.alert())
    }
}

impl Fact for NoteVitals {
    /// What has just become bad.
    type Receipt = Vec<Sign>;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.extend(Sign::ALL.map(|sign| Lane::of(&NoteVitals::name(sign))));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        for sign in Sign::ALL {
            needs.settings.key(NoteVitals::name(sign));
        }
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> Vec<Sign> {
        let mut new = Vec::new();
        for sign in Sign::ALL {
            let name = NoteVitals::name(sign);
            let over = self.vitals.is_over(sign, &self.thresholds);
            let known = world.settings.get(&name).is_some();
            if over && !known {
                let detail = self.vitals.describe(sign);
                world.alert(Lane::of(&name), sign.alert(), 0, detail, cx.now);
                world.settings.insert(Setting { name, value: cx.now.0.to_string() });
                new.push(sign);
            } else if known && !over {
                world.settings.remove(&name);
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    const THRESHOLDS: Thresholds =
        Thresholds { failed_rate_bps: 500, processing: Span::seconds(30), refund_rate_bps: 1_000 };

    fn well() -> Vitals {
        Vitals {
            payments: 100,
            finished: 100,
            failed: 5,
            processing_p95: Span::seconds(30),
            captured_minor: 1_000,
            refunded_minor: 100,
            ..Vitals::default()
        }
    }

    #[test]
    fn a_figure_at_its_threshold_is_fine_and_one_over_it_is_not() {
        for sign in Sign::ALL {
            assert!(!well().is_over(sign, &THRESHOLDS), "{sign:?}");
        }
        let ill = [
            (Sign::Failures, Vitals { failed: 6, ..well() }),
            (Sign::Slowness, Vitals { processing_p95: Span::seconds(31), ..well() }),
            (Sign::Refunds, Vitals { refunded_minor: 101, ..well() }),
            (Sign::Fees, Vitals { off_policy: 1, ..well() }),
        ];
        for (sign, vitals) in ill {
            assert!(vitals.is_over(sign, &THRESHOLDS), "{sign:?}");
        }
        let few = Vitals { finished: 19, failed: 19, ..well() };
        assert!(!few.is_over(Sign::Failures, &THRESHOLDS), "too few to say");
    }

    #[test]
    fn a_bad_figure_is_told_once_until_it_was_fine_again() {
        let mut bench = Bench::new();
        let mut note = |failed: i64| {
            let vitals = Vitals { failed, ..well() };
            bench.record(&NoteVitals { vitals, thresholds: THRESHOLDS })
        };
        assert_eq!(note(6), [Sign::Failures]);
        assert_eq!(note(7), []);
        assert_eq!(note(5), []);
        assert_eq!(note(6), [Sign::Failures]);
        assert_eq!(bench.world.journal.alerts.rows().len(), 2);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let spans: Vec<Span> = (1..=20).map(Span::seconds).collect();
        assert_eq!(percentile(&spans, 50), Span::seconds(10));
        assert_eq!(percentile(&spans, 95), Span::seconds(19));
        assert_eq!(percentile(&spans[..1], 95), Span::SECOND);
        assert_eq!(percentile(&[], 95), Span::ZERO);
    }
}
