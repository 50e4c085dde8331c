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
        let all = Self::always(self.from, self.until);
        let amounts = self.total_minor.0 <= 0 && self.total_minor.1 >= MONEY_MAX;
        self.person.filter(|_| all && amounts && self.state.is_none() && self.before.is_none())
    }

    pub(super) fn always(from: Timestamp, until: Timestamp) -> bool {
        from.0 <= 0 && until >= Timestamp::FAR_FUTURE
    }
}

/// A condition on `payment`, and its parameters.
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
        for scope in scopes(filter) {
            found.extend(self.select(&newest(&scope), &scope.with(limit(filter)))?);
        }
        found.sort_by_key(|payment| std::cmp::Reverse((payment.created_at, payment.id)));
        found.truncate(filter.limit);
        Ok(found)
    }

    /// Where the same rows stand in the list, newest first, without the rows.
    pub fn payment_places(&mut self, filter: &PaymentFilter) -> Result<Vec<(Timestamp, PaymentId)>, Fault> {
        let mut found = Vec::new();
        for scope in scopes(filter) {
            let sql = format!("SELECT created_at, id FROM payment {}", newest(&scope));
            for mut row in self.rows(&sql, &scope.with(limit(filter)))? {
                found.push((Timestamp(row.int()?), PaymentId(row.int()?)));
            }
        }
        found.sort_unstable_by_key(|place| std::cmp::Reverse(*place));
        found.truncate(filter.limit);
        Ok(found)
    }
}

fn newest(scope: &Scope) -> String {
    format!("WHERE {} ORDER BY created_at DESC, id DESC LIMIT ${}", scope.sql, scope.next())
}

fn limit(filter: &PaymentFilter) -> Value {
    Value::Int(i64::try_from(filter.limit).expect("limits are small"))
}

/// One for each side, so that each is read from its own index.
pub(super) fn scopes(filter: &PaymentFilter) -> Vec<Scope> {
    if filter.person.is_none() {
        return vec![scope(filter, Side::Payer)];
    }
    let sides = [Side::Payer, Side::Payee].into_iter();
    sides
        .filter(|side| filter.side.is_none_or(|only| only == *side))
        .map(|side| scope(filter, side))
        .collect()
}

pub(super) fn scope(filter: &PaymentFilter, side: Side) -> Scope {
    let (before_at, before_id) = filter.before.unwrap_or((Timestamp(i64::MAX), i64::MAX));
    let word = |word: Option<&'static str>| Value::text(word.unwrap_or(""));
    let mut params = vec![word(filter.state.map(Word::word)), word(filter.kind.map(Word::word))];
    let (least, most) = filter.total_minor;
    params.extend([filter.from.0, filter.until.0, before_at.0, before_id, least, most].map(Value::Int));
    let whose = match (filter.person, side) {
        (None, _) => "",
        (Some(person), Side::Payer) => {
            params.push(Value::Int(person.raw()));
            "payer = $9 AND"
        }
        (Some(person), Side::Payee) => {
            params.extend([person.raw(), person.lane().number()].map(Value::Int));
            "lane = $10 AND payee = $9 AND"
        }
    };
    let sql = format!(
        "{whose} ($1 = '' OR state = $1) AND ($2 = '' OR kind = $2) \
         AND created_at >= $3 AND created_at < $4 AND (created_at, id) < ($5, $6) \
         AND total_minor BETWEEN $7 AND $8"
    );
    Scope { sql, params }
}
