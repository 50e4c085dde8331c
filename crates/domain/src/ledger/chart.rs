//! The chart of accounts.

use crate::id::{Id, Lane, PersonId};
use crate::money::Currency;
use crate::rows::{NoGroup, Record};

/// A place money is. Platform accounts have one row a lane, summed on read, so none is hot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// Asset: what a gateway holds for us.
    Clearing(String),
    /// Liability: earned by the payee, lesson not yet done.
    PayeePending(PersonId),
    /// Liability: the payee may ask for it.
    PayeeAvailable(PersonId),
    /// Asset: what the payee owes us after a refund of money he already had.
    PayeeReceivable(PersonId),
    /// Income: the platform's fees.
    Fees,
    /// Expense: what the platform paid in payers' stead (coupons).
    Discounts,
    /// Liability: money that came and fits nothing.
    Suspense,
}

impl Account {
    /// The name the account is stored and reported under.
    pub fn name(&self) -> String {
        match self {
            Account::Clearing(gateway) => format!("clearing:{gateway}"),
            Account::PayeePending(_) => "payee:pending".into(),
            Account::PayeeAvailable(_) => "payee:available".into(),
            Account::PayeeReceivable(_) => "payee:receivable".into(),
            Account::Fees => "fees".into(),
            Account::Discounts => "discounts".into(),
            Account::Suspense => "suspense".into(),
        }
    }

    /// The person it belongs to, 0 for the platform's.
    pub fn owner(&self) -> i64 {
        match self {
            Account::PayeePending(person)
            | Account::PayeeAvailable(person)
            | Account::PayeeReceivable(person) => person.raw(),
            Account::Clearing(_) | Account::Fees | Account::Discounts | Account::Suspense => 0,
        }
    }

    pub fn key(&self, lane: Lane, currency: Currency) -> AccountKey {
        AccountKey { lane, account: self.name(), owner: self.owner(), currency }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountKey {
    pub lane: Lane,
    pub account: String,
    pub owner: i64,
    pub currency: Currency,
}

/// The sums of an account's postings: debit +, credit −.
#[derive(Clone, Debug, PartialEq)]
pub struct Balance {
    pub key: AccountKey,
    pub posted_minor: i64,
    /// Movements that are under way and may still be voided.
    pub pending_minor: i64,
    /// How many postings made it.
    pub postings: i64,
}

impl Record for Balance {
    type Key = AccountKey;
    type Group = NoGroup;
    fn key(&self) -> AccountKey {
        self.key.clone()
    }
    fn group(&self) -> Option<NoGroup> {
        None
    }
    fn lane(&self) -> Lane {
        self.key.lane
    }
}
