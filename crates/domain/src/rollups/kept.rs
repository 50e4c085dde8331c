//! Lines of deltas, spread over the sums that are kept.

use std::collections::BTreeMap;

use super::Sums;
use crate::records::{Amounts, Measure, RollupKey, Standing, TotalKey, Word};

/// What is added to the sums that are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// To the sums of days.
    pub days: Sums,
    /// To totals, by the day it belongs to; 0 where days are not told apart.
    pub totals: BTreeMap<TotalKey, BTreeMap<i64, Amounts>>,
}

impl Kept {
    /// What lines add.
    pub fn of(lines: &Sums) -> Kept {
        let mut kept = Kept::default();
        for (key, amounts) in lines {
            kept.add(key, *amounts);
        }
        kept
    }

    /// Adds what a line adds.
    pub fn add(&mut self, key: &RollupKey, amounts: Amounts) {
        match key.measure {
            Measure::Parties => self.parties(key, amounts),
            Measure::Returned => self.returned(key, amounts),
            measure if measure.is_total() => self.total(key, measure, (&key.label, ""), amounts),
            _ => self.days.entry(key.clone()).or_default().add(amounts, 1),
        }
    }

    /// What several add together. Where they undo each other nothing is left, as with a payment that
    /// begins and ends in the same moment.
    pub fn all<'a>(each: impl IntoIterator<Item = &'a Kept>) -> Kept {
        let mut all = Kept::default();
        for kept in each {
            all.merge(kept);
        }
        let nothing = Amounts::default();
        all.days.retain(|_, amounts| *amounts != nothing);
        all.totals.values_mut().for_each(|days| days.retain(|_, amounts| *amounts != nothing));
        all.totals.retain(|_, days| !days.is_empty());
        all
    }

    fn merge(&mut self, other: &Kept) {
        for (key, amounts) in &other.days {
            self.days.entry(key.clone()).or_default().add(*amounts, 1);
        }
        for (key, days) in &other.totals {
            let total = self.totals.entry(key.clone()).or_default();
            for (day, amounts) in days {
                total.entry(*day).or_default().add(*amounts, 1);
            }
        }
    }

    fn parties(&mut self, key: &RollupKey, amounts: Amounts) {
        let mut words = key.label.split(' ');
        let (standing, payer, payee) =
            (words.next().unwrap_or(""), words.next().unwrap_or(""), words.next().unwrap_or(""));
        let paid = standing == Standing::Paid.word();
        if paid || standing == Standing::Returned.word() {
            self.day(key, Measure::Captured, Amounts { hourly_minor: 0, rated: 0, ..amounts });
            self.total(key, Measure::Payer, (payer, ""), amounts);
            self.total(key, Measure::Payee, (payee, ""), amounts);
        }
        if paid {
            let counted = Amounts { number: amounts.number, ..Amounts::default() };
            self.total(key, Measure::PayerPartner, (payer, payee), counted);
            self.total(key, Measure::PayeePartner, (payee, payer), counted);
        } else {
            self.total(key, Measure::PayerStanding, (payer, standing), amounts);
            self.total(key, Measure::PayeeStanding, (payee, standing), amounts);
        }
    }

    fn returned(&mut self, key: &RollupKey, amounts: Amounts) {
        let (payer, payee) = key.label.split_once(' ').unwrap_or((&key.label, ""));
        self.day(key, Measure::Refunded, amounts);
        self.total(key, Measure::PayerReturned, (payer, ""), amounts);
        self.total(key, Measure::PayeeReturned, (payee, ""), amounts);
    }

    fn day(&mut self, key: &RollupKey, measure: Measure, amounts: Amounts) {
        let key = RollupKey { measure, label: String::new(), ..key.clone() };
        self.days.entry(key).or_default().add(amounts, 1);
    }

    fn total(&mut self, key: &RollupKey, measure: Measure, (label, part): (&str, &str), amounts: Amounts) {
        let day = if measure.has_openings() { key.day } else { 0 };
        let (label, part) = (label.to_owned(), part.to_owned());
        let key = TotalKey { measure, label, part, kind: key.kind, currency: key.currency };
        self.totals.entry(key).or_default().entry(day).or_default().add(amounts, 1);
    }
}
