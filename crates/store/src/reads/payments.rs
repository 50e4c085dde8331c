//! Payments as people and administrators list them.

use domain::id::{Id, PersonId};
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
    /// Only what is older than this row.
    pub before: Option<(Timestamp, i64)>,
    pub limit: usize,
}

impl Reads<'_> {
    /// Newest first by `(created_at, id)`.
    pub fn payments(&mut self, filter: &PaymentFilter) -> Result<Vec<Payment>, Fault> {
        let mut found = Vec::new();
        match filter.person {
            None => found.extend(self.payments_where("", &[], filter)?),
            Some(person) => {
                let own = Value::Int(person.raw());
                if filter.side != Some(Side::Payee) {
                    found.extend(self.payments_where(
                        "payer = $8 AND",
                        std::slice::from_ref(&own),
                        filter,
                    )?);
                }
                if filter.side != Some(Side::Payer) {
                    let owned = [own, Value::Int(person.lane().number())];
                    found.extend(self.payments_where("lane = $9 AND payee = $8 AND", &owned, filter)?);
                }
            }
        }
        found.sort_by_key(|payment| std::cmp::Reverse((payment.created_at, payment.id)));
        found.truncate(filter.limit);
        Ok(found)
    }

    fn payments_where(
        &mut self,
        scope: &str,
        whose: &[Value],
        filter: &PaymentFilter,
    ) -> Result<Vec<Payment>, Fault> {
        let (before_at, before_id) = filter.before.unwrap_or((Timestamp(i64::MAX), i64::MAX));
        let word = |word: Option<&'static str>| Value::text(word.unwrap_or(""));
        let limit = i64::try_from(filter.limit).expect("limits are small");
        let rest = format!(
            "WHERE {scope} ($1 = '' OR state = $1) AND ($2 = '' OR kind = $2) \
             AND created_at >= $3 AND created_at < $4 AND (created_at, id) < ($5, $6) \
             ORDER BY created_at DESC, id DESC LIMIT $7"
        );
        let mut params = vec![word(filter.state.map(Word::word)), word(filter.kind.map(Word::word))];
        params.extend([filter.from.0, filter.until.0, before_at.0, before_id, limit].map(Value::Int));
        params.extend_from_slice(whose);
        self.select(&rest, &params)
    }
}
