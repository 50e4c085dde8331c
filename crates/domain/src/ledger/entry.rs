//! Entries: unbalanced is unbuildable.

use super::chart::Account;
use crate::money::{Currency, Money};

/// What an entry does to `posted` and `pending`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Happened.
    Posted,
    /// Under way: held, may still be settled or voided.
    Pending,
    /// What was pending has happened.
    Settle,
    /// What was pending will not happen.
    Void,
}

impl Phase {
    fn deltas(self, minor: i64) -> (i64, i64) {
        match self {
            Phase::Posted => (minor, 0),
            Phase::Pending => (0, minor),
            Phase::Settle => (minor, -minor),
            Phase::Void => (0, -minor),
        }
    }
}

/// A balanced set of movements, ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub recipe: &'static str,
    pub subject: &'static str,
    pub subject_id: i64,
    pub currency: Currency,
    /// Account, posted, pending; signed.
    pub movements: Vec<(Account, i64, i64)>,
}

/// An entry in the making.
#[derive(Debug)]
pub struct Builder {
    recipe: &'static str,
    subject: (&'static str, i64),
    currency: Currency,
    phase: Phase,
    lines: Vec<(Account, i64)>,
}

impl Draft {
    pub fn of(
        recipe: &'static str,
        subject: (&'static str, i64),
        currency: Currency,
        phase: Phase,
    ) -> Builder {
        Builder { recipe, subject, currency, phase, lines: Vec::new() }
    }
}

impl Builder {
    #[must_use]
    pub fn debit(self, account: Account, amount: Money) -> Builder {
        self.line(account, amount, 1)
    }

    #[must_use]
    pub fn credit(self, account: Account, amount: Money) -> Builder {
        self.line(account, amount, -1)
    }

    fn line(mut self, account: Account, amount: Money, sign: i64) -> Builder {
        assert_eq!(amount.currency, self.currency, "one entry, one currency");
        assert!(amount.minor >= 0, "direction is debit or credit, never a sign");
        if !amount.is_zero() {
            self.lines.push((account, sign * amount.minor));
        }
        self
    }

    /// Panics unless debits equal credits; an entry without movements is `None`.
    pub fn build(self) -> Option<Draft> {
        let sum: i64 = self.lines.iter().map(|(_, minor)| minor).sum();
        assert_eq!(sum, 0, "{} does not balance: {:?}", self.recipe, self.lines);
        let phase = self.phase;
        let movements: Vec<_> = self
            .lines
            .into_iter()
            .map(|(account, minor)| {
                let (posted, pending) = phase.deltas(minor);
                (account, posted, pending)
            })
            .collect();
        let (subject, subject_id) = self.subject;
        (!movements.is_empty()).then_some(Draft {
            recipe: self.recipe,
            subject,
            subject_id,
            currency: self.currency,
            movements,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unbalanced_entry_cannot_be_built() {
        let usd = |minor| Currency::USD.minor(minor);
        let draft = |credit| {
            Draft::of("test", ("op", 1), Currency::USD, Phase::Posted)
                .debit(Account::Clearing("sandbox".into()), usd(100))
                .credit(Account::Fees, usd(credit))
        };
        assert!(draft(100).build().is_some());
        assert!(std::panic::catch_unwind(|| draft(99).build()).is_err());
    }
}
