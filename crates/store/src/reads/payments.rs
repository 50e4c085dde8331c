//! Payments as people and administrators list them.

use domain::id::{Id, PaymentId, PersonId};
use domain::money::MONEY_MAX;
use domain::policy::Kind;
use domain::records::{Payment, PaymentState, Word};
use domain::time::Timestamp;

use super::Reads;
use crate::engine::{Fault, Value};

/// In which part of a payment somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Payer,
    Payee,
}

impl Side {
    pub(super) const BOTH: [Side; 2] = [Side::Payer, Side::Payee];
}

/// What a list of payments shows.
#[derive(Clone, Debug)]
pub struct PaymentFilter {
    /// Only this person's, on one side or both; `None`: everybody's.
    pub person: Option<PersonId>,
    pub side: Option<Side>,
    pub state: Option<PaymentState>,
    pub kind: Option<Kind>,
    pub from: Timestamp,
    pub until: Timestamp,
    /// Bounds of what is charged, inclusive.
    pub total_minor: (i64, i64),
    /// Only what is older than this row.
    pub before: Option<(Timestamp, i64)>,
    pub limit: usize,
}

impl PaymentFilter {
    /// Whose payments are shown, if it is somebody's and all of a kind or all there are.
    pub(super) fn unfiltered(&self) -> Option<PersonId> {
        let all = Self::always(self.from, self.until) && self.all_amounts();
        self.person.filter(|_| all && self.state.is_none() && self.before.is_none())
    }

    fn all_amounts(&self) -> bool {
        self.total_minor.0 <= 0 && self.total_minor.1 >= MONEY_MAX
    }

    pub(super) fn always(from: Timestamp, until: Timestamp) -> bool {
        from.0 <= 0 && until >= Timestamp::FAR_FUTURE
    }
}

/// A condition on `payment`, and its parameters.
#[derive(Default)]
pub(super) struct Scope {
    pub(super) sql: String,
    pub(super) params: Vec<Value>,
}

impl Scope {
    /// The number of the next parameter.
    pub(super) fn next(&self) -> usize {
        self.params.len() + 1
    }

    pub(super) fn with(&self, more: Value) -> Vec<Value> {
        [&self.params[..], &[more]].concat()
    }
}

impl Reads<'_> {
    /// Newest first by `(created_at, id)`.
    pub fn payments(&mut self, filter: &PaymentFilter) -> Result<Vec<Payment>, Fault> {
        let mut found: Vec<Payment> = Vec::new();
        for side in sides(filter) {
            let mut list = scope(filter, side);
            let limit = list.bind(limit(filter.limit));
            let newest = format!("WHERE {} ORDER BY created_at DESC, id DESC LIMIT {limit}", list.sql);
            found.extend(self.select(&newest, &list.params)?);
        }
        found.sort_by_key(|payment| std::cmp::Reverse((payment.created_at, payment.id)));
        found.truncate(filter.limit);
        Ok(found)
    }

    /// Which rows stand in the list behind the first `skip`, newest first: read from the indexes alone
    /// where nothing but time is filtered.
    pub fn payment_places(&mut self, filter: &PaymentFilter, skip: usize) -> Result<Vec<PaymentId>, Fault> {
        let mut found = Vec::new();
        for side in sides(filter) {
            let mut list = scope(filter, side);
            let limit = list.bind(limit(skip + filter.limit));
            let sql = format!(
                "SELECT created_at, id FROM payment WHERE {} ORDER BY created_at DESC, id DESC LIMIT {limit}",
                list.sql
            );
            for mut row in self.rows(&sql, &list.params)? {
                found.push((Timestamp(row.int()?), PaymentId(row.int()?)));
            }
        }
        found.sort_unstable_by_key(|place| std::cmp::Reverse(*place));
        Ok(found.into_iter().skip(skip).take(filter.limit).map(|(_, id)| id).collect())
    }
}

/// A side, or both for somebody without one; everybody's payments are read once.
fn sides(filter: &PaymentFilter) -> impl Iterator<Item = Side> {
    let both = filter.person.is_some() && filter.side.is_none();
    let second = both.then_some(Side::Payee);
    std::iter::once(filter.side.unwrap_or(Side::Payer)).chain(second)
}

fn limit(rows: usize) -> Value {
    Value::Int(i64::try_from(rows).expect("limits are small"))
}

/// What a filter lets through on one side, to be read from that side's index.
pub(super) fn scope(filter: &PaymentFilter, side: Side) -> Scope {
    let mut scope = Scope::default();
    scope.sql = scope.of(filter, side);
    scope
}

impl Scope {
    /// Adds a parameter; how it is named.
    pub(super) fn bind(&mut self, value: Value) -> String {
        self.params.push(value);
        format!("${}", self.params.len())
    }

    /// The condition of a filter on one side; what lets everything through is not asked.
    fn of(&mut self, filter: &PaymentFilter, side: Side) -> String {
        let mut all = Vec::new();
        if let Some(person) = filter.person {
            let id = self.bind(Value::Int(person.raw()));
            all.push(match side {
                Side::Payer => format!("payer = {id}"),
                Side::Payee => {
                    format!("lane = {} AND payee = {id}", self.bind(Value::Int(person.lane().number())))
                }
            });
        }
        let words = [("state", filter.state.map(Word::word)), ("kind", filter.kind.map(Word::word))];
        for (column, word) in words {
            all.extend(word.map(|word| format!("{column} = {}", self.bind(Value::text(word)))));
        }
        let from = self.bind(Value::Int(filter.from.0));
        let until = self.bind(Value::Int(filter.until.0));
        all.push(format!("created_at >= {from} AND created_at < {until}"));
        if let Some((at, id)) = filter.before {
            let (at, id) = (self.bind(Value::Int(at.0)), self.bind(Value::Int(id)));
            all.push(format!("(created_at, id) < ({at}, {id})"));
        }
        if !filter.all_amounts() {
            let (least, most) = filter.total_minor;
            let (least, most) = (self.bind(Value::Int(least)), self.bind(Value::Int(most)));
            all.push(format!("total_minor BETWEEN {least} AND {most}"));
        }
        all.join(" AND ")
    }
}
