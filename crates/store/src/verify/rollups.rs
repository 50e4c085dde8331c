//! The reports' sums against the rows that they sum: payments, refunds and operations, which the other
//! checks compare with the postings.
//!
//! Persons are many, so what is kept of their labels is one number a day: sums of amounts times a mark
//! of the label, which are equal where every label's amounts are.

use std::collections::BTreeMap;

use domain::id::LANES;
use domain::money::Currency;
use domain::policy::Kind;
use domain::records::{Amounts, Measure, Rollup, RollupKey, Word};

use super::{FINDINGS_MAX, Finding};
use crate::engine::{Fault, Value};
use crate::reads::{Reads, read_delta};

/// Rows read together.
const PAGE: usize = 500;

type Day = (Measure, i64, Kind, Currency);

/// What one day should have and what it has.
#[derive(Default)]
struct Sides {
    expected: Amounts,
    found: Amounts,
    marks: i64,
}

pub(super) fn check(reads: &mut Reads<'_>, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let calendar = reads.report_calendar()?;
    let mut days: BTreeMap<Day, Sides> = BTreeMap::new();
    for lane in 0..LANES {
        reads.recount(lane, &calendar, |key, amounts| {
            let sides = days.entry(day(&key)).or_default();
            sides.expected.add(amounts, 1);
            sides.marks = sides.marks.wrapping_add(marked(&key, amounts));
        })?;
    }
    let mut found = |key: &RollupKey, amounts: Amounts| {
        let sides = days.entry(day(key)).or_default();
        sides.found.add(amounts, 1);
        sides.marks = sides.marks.wrapping_sub(marked(key, amounts));
    };
    stored(reads, &mut found)?;
    waiting(reads, &mut found)?;
    let wrong = days.into_iter().filter(|(_, sides)| sides.expected != sides.found || sides.marks != 0);
    findings.extend(wrong.take(FINDINGS_MAX).map(|((measure, day, kind, currency), sides)| {
        let (what, kind, currency) = (measure.word(), kind.word(), currency.code());
        let told = |side: Amounts| format!("{} of {}", side.number, side.total_minor);
        let (expected, found) = (told(sides.expected), told(sides.found));
        let detail = format!("{what} {kind} {currency} of day {day}: expected {expected}, found {found}");
        Finding { invariant: "reports", detail }
    }));
    Ok(())
}

fn stored(reads: &mut Reads<'_>, found: &mut impl FnMut(&RollupKey, Amounts)) -> Result<(), Fault> {
    let rest = format!(
        "WHERE lane = $1 AND (measure, day, kind, currency, label) > ($2, $3, $4, $5, $6) \
         ORDER BY measure, day, kind, currency, label LIMIT {PAGE}"
    );
    let lane = Value::Int(Rollup::LANE.number());
    let empty = || Value::text("");
    let mut after = vec![lane.clone(), empty(), Value::Int(i64::MIN), empty(), empty(), empty()];
    loop {
        let page: Vec<Rollup> = reads.select(&rest, &after)?;
        for rollup in &page {
            found(&rollup.key, rollup.amounts);
        }
        let Some(Rollup { key, .. }) = page.last() else { return Ok(()) };
        after = vec![
            lane.clone(),
            Value::text(key.measure.word()),
            Value::Int(key.day),
            Value::text(key.kind.word()),
            Value::text(key.currency.code()),
            Value::text(key.label.as_str()),
        ];
    }
}

fn waiting(reads: &mut Reads<'_>, found: &mut impl FnMut(&RollupKey, Amounts)) -> Result<(), Fault> {
    let mut after = None;
    loop {
        let page = reads.waiting_deltas(after, PAGE)?;
        for delta in &page {
            for (key, amounts) in read_delta(delta)? {
                found(&key, amounts);
            }
        }
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
    }
}

fn day(key: &RollupKey) -> Day {
    (key.measure, key.day, key.kind, key.currency)
}

/// Linear in the amounts, different for different labels.
fn marked(key: &RollupKey, amounts: Amounts) -> i64 {
    let Amounts { number, total_minor, base_minor, fee_minor, share_minor } = amounts;
    let sum = [number, total_minor, base_minor, fee_minor, share_minor]
        .iter()
        .fold(0_i64, |sum, part| sum.wrapping_mul(1_000_003).wrapping_add(*part));
    // FNV-1a
    let mark = key.label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |mark, byte| {
        (mark ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    sum.wrapping_mul(mark.cast_signed())
}
