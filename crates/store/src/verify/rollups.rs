//! The reports' sums against the rows that they sum: payments, refunds and operations, which the other
//! checks compare with the postings.
//!
//! Persons are many, so what is kept of their labels is one number a day: sums of amounts times a mark
//! of the label, which are equal where every label's amounts are. What is kept as openings is looked at
//! as what was added on each day: the next opening, or the total, less this one.

use std::collections::BTreeMap;

use domain::id::LANES;
use domain::money::Currency;
use domain::policy::Kind;
use domain::records::{Amounts, Measure, Rollup, RollupOpening, RollupTotal, TotalKey, Word};
use domain::rollups::Kept;

use super::{FINDINGS_MAX, Finding};
use crate::engine::{Fault, Value};
use crate::reads::{Reads, read_delta};
use crate::tables::Stored;

/// Rows read together.
const PAGE: usize = 500;

/// A measure's sums of a day; those of all days have none.
type Place = (Measure, Option<i64>, Kind, Currency);

/// What a place should have and what it has.
#[derive(Default)]
struct Sides {
    expected: Amounts,
    found: Amounts,
    marks: i64,
}

#[derive(Default)]
struct Comparison(BTreeMap<Place, Sides>);

impl Comparison {
    fn expect(&mut self, kept: &Kept) {
        self.each(kept, |sides, labels, amounts| {
            sides.expected.add(amounts, 1);
            sides.marks = sides.marks.wrapping_add(marked(labels, amounts));
        });
    }

    fn find(&mut self, kept: &Kept) {
        self.each(kept, Sides::found);
    }

    fn each(&mut self, kept: &Kept, mut tell: impl FnMut(&mut Sides, [&str; 2], Amounts)) {
        for (key, amounts) in &kept.days {
            let place = (key.measure, Some(key.day), key.kind, key.currency);
            tell(self.0.entry(place).or_default(), [&key.label, ""], *amounts);
        }
        for (key, days) in &kept.totals {
            for (day, amounts) in days {
                let own = key.measure.has_openings().then_some(Some(*day));
                for day in own.into_iter().chain([None]) {
                    tell(self.at(key, day), [&key.label, &key.part], *amounts);
                }
            }
        }
    }

    fn at(&mut self, key: &TotalKey, day: Option<i64>) -> &mut Sides {
        self.0.entry((key.measure, day, key.kind, key.currency)).or_default()
    }
}

impl Sides {
    fn found(&mut self, labels: [&str; 2], amounts: Amounts) {
        self.found.add(amounts, 1);
        self.marks = self.marks.wrapping_sub(marked(labels, amounts));
    }
}

pub(super) fn check(reads: &mut Reads<'_>, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let settings = reads.report_settings()?;
    let mut compared = Comparison::default();
    for lane in 0..LANES {
        reads.recount(lane, &settings, |key, amounts| {
            let mut kept = Kept::default();
            kept.add(&key, amounts);
            compared.expect(&kept);
        })?;
    }
    days(reads, &mut compared)?;
    totals(reads, &mut compared)?;
    openings(reads, &mut compared)?;
    waiting(reads, &mut compared)?;
    let wrong = compared.0.into_iter().filter(|(_, sides)| sides.expected != sides.found || sides.marks != 0);
    findings.extend(wrong.take(FINDINGS_MAX).map(|((measure, day, kind, currency), sides)| {
        let (what, kind, currency) = (measure.word(), kind.word(), currency.code());
        let told = |side: Amounts| format!("{} of {}", side.number, side.total_minor);
        let (expected, found) = (told(sides.expected), told(sides.found));
        let when = day.map_or_else(|| "all days".to_owned(), |day| format!("day {day}"));
        let detail = format!("{what} {kind} {currency} of {when}: expected {expected}, found {found}");
        Finding { invariant: "reports", detail }
    }));
    Ok(())
}

fn days(reads: &mut Reads<'_>, compared: &mut Comparison) -> Result<(), Fault> {
    each_page(reads, |_, page: &[Rollup]| {
        for Rollup { key, amounts } in page {
            let place = (key.measure, Some(key.day), key.kind, key.currency);
            compared.0.entry(place).or_default().found([&key.label, ""], *amounts);
        }
        Ok(())
    })
}

fn totals(reads: &mut Reads<'_>, compared: &mut Comparison) -> Result<(), Fault> {
    each_page(reads, |_, page: &[RollupTotal]| {
        for RollupTotal { key, amounts, .. } in page {
            compared.at(key, None).found([&key.label, &key.part], *amounts);
        }
        Ok(())
    })
}

/// Each opening with the next of its total; the last one with the total itself, which names its day.
fn openings(reads: &mut Reads<'_>, compared: &mut Comparison) -> Result<(), Fault> {
    let mut open: Option<RollupOpening> = None;
    each_page(reads, |reads, page: &[RollupOpening]| {
        let next = page.iter().cloned().map(Some).chain((page.len() < PAGE).then_some(None));
        for next in next {
            let Some(this) = std::mem::replace(&mut open, next) else { continue };
            let key = &this.key.total;
            let then = match &open {
                Some(next) if next.key.total == *key => Some(next.amounts),
                _ => {
                    let total = reads.find::<RollupTotal>(key)?;
                    total.filter(|total| total.last_day == this.key.day).map(|total| total.amounts)
                }
            };
            // A total that is missing, or says another day, leaves a difference that nothing explains.
            let mut added = then.unwrap_or(Amounts { number: i64::from(i32::MAX), ..Amounts::default() });
            added.add(this.amounts, -1);
            compared.at(key, Some(this.key.day)).found([&key.label, &key.part], added);
        }
        Ok(())
    })
}

/// Tells the rows of a table of the sums' lane page by page, in the order of their keys; the last page,
/// and only it, is not a full one.
fn each_page<R: Stored>(
    reads: &mut Reads<'_>,
    mut tell: impl FnMut(&mut Reads<'_>, &[R]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let names: Vec<&str> = R::COLUMNS[1..R::KEY].iter().map(|column| column.name).collect();
    let columns = names.join(", ");
    let lane = Value::Int(Rollup::LANE.number());
    let mut after = vec![lane.clone()];
    after.extend(R::COLUMNS[1..R::KEY].iter().map(|column| match column.kind {
        crate::engine::Kind::Int => Value::Int(i64::MIN),
        crate::engine::Kind::Text => Value::text(""),
    }));
    let places: Vec<String> = (2..=R::KEY).map(|place| format!("${place}")).collect();
    let rest =
        format!("WHERE lane = $1 AND ({columns}) > ({}) ORDER BY {columns} LIMIT {PAGE}", places.join(", "));
    loop {
        let page: Vec<R> = reads.select(&rest, &after)?;
        tell(reads, &page)?;
        let Some(last) = page.last().filter(|_| page.len() == PAGE) else { return Ok(()) };
        after = R::key_values(&last.key());
    }
}

fn waiting(reads: &mut Reads<'_>, compared: &mut Comparison) -> Result<(), Fault> {
    let mut after = None;
    loop {
        let page = reads.waiting_deltas(after, PAGE)?;
        for delta in &page {
            compared.find(&Kept::of(&read_delta(delta)?));
        }
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
    }
}

/// Linear in the amounts, different for different labels.
fn marked(labels: [&str; 2], amounts: Amounts) -> i64 {
    let Amounts { number, total_minor, base_minor, fee_minor, share_minor, hourly_minor, rated } = amounts;
    let sum = [number, total_minor, base_minor, fee_minor, share_minor, hourly_minor, rated]
        .iter()
        .fold(0_i64, |sum, part| sum.wrapping_mul(1_000_003).wrapping_add(*part));
    // FNV-1a
    let bytes = labels[0].bytes().chain([b'\t']).chain(labels[1].bytes());
    let mark = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |mark, byte| {
        (mark ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    sum.wrapping_mul(mark.cast_signed())
}
