//! The sums that reports are made of: those of whole days, and what has not been added to them yet.

use domain::id::Id;
use domain::money::Currency;
use domain::policy::Kind;
use domain::records::{Amounts, Measure, Rollup, RollupDelta, Word};
use domain::rollups::Sums;

use super::Reads;
use crate::engine::{Fault, Value};

/// More than wait at any time: folding is always at work.
const WAITING_MAX: usize = 100_000;

/// Which days are summed; both ends inclusive.
#[derive(Clone, Copy, Debug)]
pub struct RollupFilter {
    pub first_day: i64,
    pub last_day: i64,
    pub kind: Option<Kind>,
    pub currency: Currency,
}

impl RollupFilter {
    fn lets_through(&self, day: i64, kind: Kind, currency: Currency) -> bool {
        (self.first_day..=self.last_day).contains(&day)
            && self.kind.is_none_or(|only| only == kind)
            && self.currency == currency
    }
}

impl Reads<'_> {
    /// The sums of some measures, up to the snapshot's last commit.
    pub fn rollups(&mut self, measures: &[Measure], filter: &RollupFilter) -> Result<Sums, Fault> {
        let mut sums = Sums::new();
        for measure in measures {
            let params = [
                Value::Int(Rollup::LANE.number()),
                Value::text(measure.word()),
                Value::Int(filter.first_day),
                Value::Int(filter.last_day),
                Value::text(filter.kind.map_or("", Word::word)),
                Value::text(filter.currency.code()),
            ];
            let rest = "WHERE lane = $1 AND measure = $2 AND day BETWEEN $3 AND $4 \
                        AND ($5 = '' OR kind = $5) AND currency = $6";
            let stored: Vec<Rollup> = self.select(rest, &params)?;
            sums.extend(stored.into_iter().map(|rollup| (rollup.key, rollup.amounts)));
        }
        for delta in self.waiting_deltas(WAITING_MAX)? {
            for (key, amounts) in read(&delta)? {
                if measures.contains(&key.measure) && filter.lets_through(key.day, key.kind, key.currency) {
                    sums.entry(key).or_default().add(amounts, 1);
                }
            }
        }
        sums.retain(|_, amounts| *amounts != Amounts::default());
        Ok(sums)
    }
}

fn read(delta: &RollupDelta) -> Result<Sums, Fault> {
    delta.sums().ok_or_else(|| Fault::other(format!("delta {} cannot be read", delta.id.raw())))
}
