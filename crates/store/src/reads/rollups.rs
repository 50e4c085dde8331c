//! The sums that reports are made of: those of whole days, and what has not been added to them yet.

use domain::money::Currency;
use domain::policy::Kind;
use domain::records::{Amounts, Measure, Rollup, RollupDelta, RollupKey, Word};
use domain::rollups::Sums;

use super::Reads;
use crate::engine::{Fault, Row, Value};

/// Deltas read together.
const PAGE: usize = 500;

/// Which days are summed; both ends inclusive.
#[derive(Clone, Copy, Debug)]
pub struct RollupFilter {
    pub first_day: i64,
    pub last_day: i64,
    pub kind: Option<Kind>,
    pub currency: Currency,
}

impl RollupFilter {
    fn lets_through(&self, key: &RollupKey) -> bool {
        (self.first_day..=self.last_day).contains(&key.day)
            && self.kind.is_none_or(|only| only == key.kind)
            && self.currency == key.currency
    }
}

/// What reports show by day; everything else they show by its parts, whatever the day.
fn by_day(measure: Measure) -> bool {
    matches!(measure, Measure::Created | Measure::Captured | Measure::Refunded | Measure::Request)
}

impl Reads<'_> {
    /// The sums of some measures, up to the snapshot's last commit. What is not shown by day is summed
    /// by the database, under the filter's first day.
    pub fn rollups(&mut self, measures: &[Measure], filter: &RollupFilter) -> Result<Sums, Fault> {
        let mut sums = Sums::new();
        for measure in measures {
            self.stored(*measure, filter, &mut sums)?;
        }
        let mut after = None;
        loop {
            let waiting = self.waiting_deltas(after, PAGE)?;
            for (key, amounts) in
                waiting.iter().map(read).collect::<Result<Vec<_>, _>>()?.into_iter().flatten()
            {
                if measures.contains(&key.measure) && filter.lets_through(&key) {
                    let day = if by_day(key.measure) { key.day } else { filter.first_day };
                    sums.entry(RollupKey { day, ..key }).or_default().add(amounts, 1);
                }
            }
            after = waiting.last().map(|delta| delta.id);
            if waiting.len() < PAGE {
                break;
            }
        }
        sums.retain(|_, amounts| *amounts != Amounts::default());
        Ok(sums)
    }

    fn stored(&mut self, measure: Measure, filter: &RollupFilter, sums: &mut Sums) -> Result<(), Fault> {
        let day = if by_day(measure) { "day" } else { "CAST($3 AS BIGINT)" };
        let grouped = if by_day(measure) { "day, kind, label" } else { "kind, label" };
        let sum = |column: &str| format!("CAST(sum({column}) AS BIGINT)");
        let columns = ["number", "total_minor", "base_minor", "fee_minor", "share_minor"].map(sum).join(", ");
        let sql = format!(
            "SELECT {day}, kind, label, {columns} FROM rollup \
              WHERE lane = $1 AND measure = $2 AND day BETWEEN $3 AND $4 \
                AND ($5 = '' OR kind = $5) AND currency = $6 \
              GROUP BY {grouped}"
        );
        let params = [
            Value::Int(Rollup::LANE.number()),
            Value::text(measure.word()),
            Value::Int(filter.first_day),
            Value::Int(filter.last_day),
            Value::text(filter.kind.map_or("", Word::word)),
            Value::text(filter.currency.code()),
        ];
        for mut row in self.rows(&sql, &params)? {
            let key = RollupKey {
                measure,
                day: row.int()?,
                kind: kind(&mut row)?,
                currency: filter.currency,
                label: row.text()?,
            };
            let amounts = Amounts {
                number: row.int()?,
                total_minor: row.int()?,
                base_minor: row.int()?,
                fee_minor: row.int()?,
                share_minor: row.int()?,
            };
            sums.insert(key, amounts);
        }
        Ok(())
    }
}

fn kind(row: &mut Row) -> Result<Kind, Fault> {
    let word = row.text()?;
    Kind::parse(&word).ok_or_else(|| row.corrupt("a kind"))
}

pub(crate) fn read(delta: &RollupDelta) -> Result<Sums, Fault> {
    delta.sums().ok_or_else(|| Fault::other(format!("delta {} cannot be read", delta.id.0)))
}
