//! The ledger recounted: I1 to I6, and the clearing account against the operations.

use std::collections::BTreeMap;

use domain::records::{Entry, OpKind, OpState, Posting};

use super::{Snapshot, Violation, must, refunds};

/// An account as the walk keys it: lane, name, owner, currency.
pub type Place = (i64, String, i64, String);

/// What the journal held when it was looked at last.
#[derive(Default)]
pub struct Journal {
    entries: BTreeMap<i64, Entry>,
    postings: BTreeMap<(i64, i64), Posting>,
}

impl Journal {
    pub fn check(&mut self, seen: &Snapshot) -> Result<(), Violation> {
        balanced(seen)?;
        let sums = recount(seen)?;
        no_debts_without_cause(&sums)?;
        clearing(seen, &sums)?;
        refunds::recount(seen, &sums)?;
        self.append_only(seen)
    }

    /// I4: what was written stays as it was.
    fn append_only(&mut self, seen: &Snapshot) -> Result<(), Violation> {
        let entries: BTreeMap<i64, Entry> = seen.entries.iter().map(|e| (e.id.0, e.clone())).collect();
        let postings: BTreeMap<(i64, i64), Posting> =
            seen.postings.iter().map(|p| ((p.entry.0, p.number), p.clone())).collect();
        for (id, entry) in &self.entries {
            must(entries.get(id) == Some(entry), "I4", || format!("{entry:?} has changed"))?;
        }
        for (id, posting) in &self.postings {
            must(postings.get(id) == Some(posting), "I4", || format!("{posting:?} has changed"))?;
        }
        (self.entries, self.postings) = (entries, postings);
        Ok(())
    }
}

/// I1: every entry sums to zero, posted and pending alike, in its one currency.
fn balanced(seen: &Snapshot) -> Result<(), Violation> {
    let mut sums: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for posting in &seen.postings {
        let sum = sums.entry(posting.entry.0).or_default();
        sum.0 += posting.posted_minor;
        sum.1 += posting.pending_minor;
    }
    for entry in &seen.entries {
        let sum = sums.get(&entry.id.0);
        must(sum == Some(&(0, 0)), "I1", || format!("{entry:?} sums to {sum:?}"))?;
    }
    must(sums.len() == seen.entries.len(), "I1", || "postings without an entry".to_owned())
}

/// I2 and I3: balances are the sums of their postings, and all of them together are nothing.
fn recount(seen: &Snapshot) -> Result<BTreeMap<Place, (i64, i64)>, Violation> {
    let mut sums: BTreeMap<Place, (i64, i64)> = BTreeMap::new();
    for posting in &seen.postings {
        let lane = domain::id::Id::lane(posting.entry).number();
        let place = (lane, posting.account.clone(), posting.owner, posting.currency.code().to_owned());
        let sum = sums.entry(place).or_default();
        sum.0 += posting.posted_minor;
        sum.1 += posting.pending_minor;
    }
    for balance in &seen.balances {
        let key = &balance.key;
        let place = (key.lane.number(), key.account.clone(), key.owner, key.currency.code().to_owned());
        let sum = sums.get(&place).copied().unwrap_or_default();
        let stored = (balance.posted_minor, balance.pending_minor);
        must(sum == stored, "I3", || format!("{place:?} is stored as {stored:?}, its postings say {sum:?}"))?;
    }
    must(sums.len() == seen.balances.len(), "I3", || "postings without a balance".to_owned())?;
    let all = sums.values().fold((0, 0), |all, sum| (all.0 + sum.0, all.1 + sum.1));
    must(all == (0, 0), "I2", || format!("all balances together are {all:?}"))?;
    Ok(sums)
}

/// I6: what a payee owns is never negative, and what he owes is never a claim of his.
fn no_debts_without_cause(sums: &BTreeMap<Place, (i64, i64)>) -> Result<(), Violation> {
    for ((_, account, owner, _), (posted, pending)) in sums {
        let debit = posted + pending;
        match account.as_str() {
            "payee:available" | "payee:pending" => {
                must(debit <= 0, "I6", || format!("{account} of {owner} is overdrawn by {debit}"))?;
            }
            "payee:receivable" => {
                must(debit >= 0, "I6", || format!("{account} of {owner} is {debit}"))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Half of I7: what the ledger says the gateway holds is what our operations brought there.
fn clearing(seen: &Snapshot, sums: &BTreeMap<Place, (i64, i64)>) -> Result<(), Violation> {
    let expected: i64 = seen
        .ops
        .values()
        .map(|op| match (op.kind, op.state) {
            (OpKind::Charge, OpState::Succeeded | OpState::Late) => op.amount.minor,
            (OpKind::Refund, OpState::Succeeded | OpState::Late) => -op.amount.minor,
            _ => 0,
        })
        .sum();
    let held: i64 = sums
        .iter()
        .filter(|((_, account, ..), _)| account.starts_with("clearing:"))
        .map(|(_, (posted, _))| posted)
        .sum();
    must(held == expected, "I7", || format!("clearing holds {held}, operations brought {expected}"))
}
