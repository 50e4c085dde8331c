//! Deltas as text: one line a key, its parts between tabs.

use super::Sums;
use crate::money::Currency;
use crate::policy::Kind;
use crate::records::{Amounts, Measure, RollupDelta, RollupKey, Word};

pub(super) fn write(sums: &Sums) -> String {
    let line = |(key, amounts): (&RollupKey, &Amounts)| {
        let Amounts { number, total_minor, base_minor, fee_minor, share_minor, hourly_minor, rated } =
            amounts;
        let (measure, kind, currency) = (key.measure.word(), key.kind.word(), key.currency.code());
        let (day, label) = (key.day, &key.label);
        format!(
            "{measure}\t{day}\t{kind}\t{currency}\t{label}\t{number}\t{total_minor}\t{base_minor}\t\
             {fee_minor}\t{share_minor}\t{hourly_minor}\t{rated}"
        )
    };
    sums.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl RollupDelta {
    /// What it adds; `None` when it was not written by us.
    pub fn sums(&self) -> Option<Sums> {
        self.body.lines().map(read).collect()
    }
}

fn read(line: &str) -> Option<(RollupKey, Amounts)> {
    let parts: Vec<&str> = line.split('\t').collect();
    let [measure, day, kind, currency, label, numbers @ ..] = &parts[..] else { return None };
    let numbers: Vec<i64> = numbers.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?;
    let [number, total_minor, base_minor, fee_minor, share_minor, hourly_minor, rated] = numbers[..] else {
        return None;
    };
    let key = RollupKey {
        measure: Measure::parse(measure)?,
        day: day.parse().ok()?,
        kind: Kind::parse(kind)?,
        currency: Currency::parse(currency)?,
        label: (*label).to_owned(),
    };
    let amounts = Amounts { number, total_minor, base_minor, fee_minor, share_minor, hourly_minor, rated };
    Some((key, amounts))
}
