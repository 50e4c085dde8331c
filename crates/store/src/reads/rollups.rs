//! The sums that reports are made of: the kept ones, and what has not been added to them yet.

use std::collections::BTreeMap;

use domain::id::{Id, PaymentId, PersonId};
use domain::money::Currency;
use domain::policy::Kind;
use domain::records::{
    Amounts, Measure, Payment, PaymentState, Rollup, RollupDelta, RollupKey, RollupTotal, TotalKey, Word,
};
use domain::rollups::{Kept, Sums};

use super::Reads;
use crate::engine::{Fault, Row, Value};

/// Deltas read together.
const PAGE: usize = 500;
/// Large payments looked at together.
const LARGE_PAGE: i64 = 50;

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

    /// The lane, the measure, the days, the kind and the currency: $1 to $6.
    fn values(&self, measure: Measure) -> [Value; 6] {
        [
            lane(),
            Value::text(measure.word()),
            Value::Int(self.first_day),
            Value::Int(self.last_day),
            Value::text(self.kind.map_or("", Word::word)),
            Value::text(self.currency.code()),
        ]
    }
}

/// Somebody's totals.
#[derive(Clone, Debug, Default)]
pub struct PersonTotals(BTreeMap<TotalKey, Amounts>);

impl PersonTotals {
    /// The sum of those of a measure that a condition lets through.
    pub fn sum(&self, measure: Measure, wanted: impl Fn(&TotalKey) -> bool) -> Amounts {
        let mut sum = Amounts::default();
        for (_, amounts) in self.0.iter().filter(|(key, _)| key.measure == measure && wanted(key)) {
            sum.add(*amounts, 1);
        }
        sum
    }

    /// The sums of a measure's parts that a condition lets through.
    pub fn parts(&self, measure: Measure, wanted: impl Fn(&TotalKey) -> bool) -> BTreeMap<&str, Amounts> {
        let mut parts: BTreeMap<&str, Amounts> = BTreeMap::new();
        for (key, amounts) in self.0.iter().filter(|(key, _)| key.measure == measure && wanted(key)) {
            parts.entry(&key.part).or_default().add(*amounts, 1);
        }
        parts
    }
}

impl Reads<'_> {
    /// The sums of some measures, up to the snapshot's last commit; of those that are kept as totals the
    /// days are summed up, under day 0.
    pub fn rollups(&mut self, measures: &[Measure], filter: &RollupFilter) -> Result<Sums, Fault> {
        let mut sums = Sums::new();
        for measure in measures {
            if measure.is_total() {
                self.between(*measure, filter, &mut sums)?;
            } else {
                self.by_day(*measure, filter, &mut sums)?;
            }
        }
        let waiting = self.waiting()?;
        for (key, amounts) in &waiting.days {
            if measures.contains(&key.measure) && filter.lets_through(key.day, key.kind, key.currency) {
                sums.entry(key.clone()).or_default().add(*amounts, 1);
            }
        }
        for (key, days) in waiting.totals.iter().filter(|(key, _)| measures.contains(&key.measure)) {
            let wanted = |day: &&i64| filter.lets_through(**day, key.kind, key.currency);
            for day in days.keys().filter(wanted) {
                let TotalKey { measure, kind, currency, label, .. } = key.clone();
                let key = RollupKey { measure, day: 0, kind, currency, label };
                sums.entry(key).or_default().add(days[day], 1);
            }
        }
        sums.retain(|_, amounts| *amounts != Amounts::default());
        Ok(sums)
    }

    /// Somebody's totals of some measures, up to the snapshot's last commit.
    pub fn person_totals(&mut self, measures: &[Measure], person: PersonId) -> Result<PersonTotals, Fault> {
        let label = person.raw().to_string();
        let mut totals: BTreeMap<TotalKey, Amounts> = BTreeMap::new();
        for measure in measures {
            let params = [lane(), Value::text(measure.word()), Value::text(label.as_str())];
            let rest = "WHERE lane = $1 AND measure = $2 AND label = $3";
            let stored: Vec<RollupTotal> = self.select(rest, &params)?;
            totals.extend(stored.into_iter().map(|total| (total.key, total.amounts)));
        }
        let waiting = self.waiting()?.totals.into_iter();
        for (key, days) in waiting.filter(|(key, _)| measures.contains(&key.measure) && key.label == label) {
            let total = totals.entry(key).or_default();
            for amounts in days.values() {
                total.add(*amounts, 1);
            }
        }
        Ok(PersonTotals(totals))
    }

    /// The large payments captured on some days, last paid first, in one state only if it is given.
    pub fn large_payments(
        &mut self,
        filter: &RollupFilter,
        state: Option<PaymentState>,
        limit: usize,
    ) -> Result<Vec<Payment>, Fault> {
        let waiting = self.waiting()?.days;
        let label = |(key, _): (RollupKey, Amounts)| {
            let new = key.measure == Measure::Large && filter.lets_through(key.day, key.kind, key.currency);
            new.then_some(key.label)
        };
        let mut labels: Vec<String> = waiting.into_iter().filter_map(label).collect();
        let mut before = (i64::MAX, String::new());
        let mut found = Vec::new();
        loop {
            let stored = self.large_labels(filter, &before)?;
            let more = i64::try_from(stored.len()).is_ok_and(|length| length == LARGE_PAGE);
            before = stored.last().cloned().unwrap_or(before);
            // What waits is newer than nearly everything stored; the rest of the order is made here.
            labels.extend(stored.into_iter().map(|(_, label)| label));
            let ids: Vec<PaymentId> = labels.drain(..).filter_map(|label| id_in(&label)).collect();
            found.extend(self.find_many::<Payment>(&ids)?);
            found.retain(|payment| state.is_none_or(|only| only == payment.state));
            found.sort_by_key(|payment| std::cmp::Reverse((payment.paid_at, payment.id)));
            found.dedup_by_key(|payment| payment.id);
            found.truncate(limit);
            if !more || found.len() == limit {
                return Ok(found);
            }
        }
    }

    /// A page of what is stored of large payments, newest first: days and labels.
    fn large_labels(
        &mut self,
        filter: &RollupFilter,
        (day, label): &(i64, String),
    ) -> Result<Vec<(i64, String)>, Fault> {
        let sql = "SELECT day, label FROM rollup \
                    WHERE lane = $1 AND measure = $2 AND day BETWEEN $3 AND $4 \
                      AND ($5 = '' OR kind = $5) AND currency = $6 \
                      AND (day < $7 OR day = $7 AND label < $8) \
                    ORDER BY day DESC, label DESC LIMIT $9";
        let mut params =
            RollupFilter { last_day: filter.last_day.min(*day), ..*filter }.values(Measure::Large).to_vec();
        params.extend([Value::Int(*day), Value::text(label.as_str()), Value::Int(LARGE_PAGE)]);
        self.rows(sql, &params)?.into_iter().map(|mut row| Ok((row.int()?, row.text()?))).collect()
    }

    /// What the waiting deltas add.
    fn waiting(&mut self) -> Result<Kept, Fault> {
        let mut lines = Sums::new();
        let mut after = None;
        loop {
            let page = self.waiting_deltas(after, PAGE)?;
            for delta in &page {
                for (key, amounts) in read(delta)? {
                    lines.entry(key).or_default().add(amounts, 1);
                }
            }
            after = page.last().map(|delta| delta.id);
            if page.len() < PAGE {
                return Ok(Kept::of(&lines));
            }
        }
    }

    fn by_day(&mut self, measure: Measure, filter: &RollupFilter, sums: &mut Sums) -> Result<(), Fault> {
        let rest = "WHERE lane = $1 AND measure = $2 AND day BETWEEN $3 AND $4 \
                    AND ($5 = '' OR kind = $5) AND currency = $6";
        let stored: Vec<Rollup> = self.select(rest, &filter.values(measure))?;
        sums.extend(stored.into_iter().map(|rollup| (rollup.key, rollup.amounts)));
        Ok(())
    }

    /// A measure's totals of some days: what they were after the last one, which the next day on which
    /// something was added opened with, less what the first such day opened with.
    fn between(&mut self, measure: Measure, filter: &RollupFilter, sums: &mut Sums) -> Result<(), Fault> {
        let columns = AMOUNTS.map(|name| format!("COALESCE(b.{name}, t.{name}) - a.{name}")).join(", ");
        let same = |table: &str| {
            let columns = ["lane", "measure", "label", "part", "kind", "currency"];
            columns.map(|name| format!("{table}.{name} = t.{name}")).join(" AND ")
        };
        let first = |condition: &str| {
            format!("(SELECT min(x.day) FROM rollup_opening AS x WHERE {} AND x.day {condition})", same("x"))
        };
        let sql = format!(
            "SELECT t.kind, t.label, {columns} FROM rollup_total AS t \
               JOIN rollup_opening AS a ON {} AND a.day = {} \
               LEFT JOIN rollup_opening AS b ON t.last_day > $4 AND {} AND b.day = {} \
              WHERE t.lane = $1 AND t.measure = $2 AND t.last_day >= $3 AND ($5 = '' OR t.kind = $5) \
                AND t.currency = $6",
            same("a"),
            first(">= $3"),
            same("b"),
            first("> $4"),
        );
        for mut row in self.rows(&sql, &filter.values(measure))? {
            let (kind, label) = (kind(&mut row)?, row.text()?);
            let key = RollupKey { measure, day: 0, kind, currency: filter.currency, label };
            sums.entry(key).or_default().add(amounts(&mut row)?, 1);
        }
        Ok(())
    }
}

const AMOUNTS: [&str; 7] =
    ["number", "total_minor", "base_minor", "fee_minor", "share_minor", "hourly_minor", "rated"];

/// The [`AMOUNTS`] of a row.
fn amounts(row: &mut Row) -> Result<Amounts, Fault> {
    Ok(Amounts {
        number: row.int()?,
        total_minor: row.int()?,
        base_minor: row.int()?,
        fee_minor: row.int()?,
        share_minor: row.int()?,
        hourly_minor: row.int()?,
        rated: row.int()?,
    })
}

fn lane() -> Value {
    Value::Int(Rollup::LANE.number())
}

fn kind(row: &mut Row) -> Result<Kind, Fault> {
    let word = row.text()?;
    Kind::parse(&word).ok_or_else(|| row.corrupt("a kind"))
}

/// The payment that the label of a large one ends with.
fn id_in(label: &str) -> Option<PaymentId> {
    label.rsplit_once(' ')?.1.parse().ok().map(PaymentId::from_raw)
}

pub(crate) fn read(delta: &RollupDelta) -> Result<Sums, Fault> {
    delta.sums().ok_or_else(|| Fault::other(format!("delta {} cannot be read", delta.id.0)))
}
