//! Refunds as people and administrators list them, with what is shown beside them.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{BookingId, Id, OpId, PaymentId, PersonId, RefundId};
use domain::records::{Booking, Op, Payment, Person, Refund, RefundState, Word};
use domain::time::Timestamp;

use super::{COUNT_MAX, Reads};
use crate::engine::{Fault, Value};

/// What a list of refunds shows.
#[derive(Clone, Debug)]
pub struct RefundFilter {
    /// Only what goes to this person or was asked for by him; `None`: everybody's.
    pub person: Option<PersonId>,
    /// Empty: any.
    pub states: Vec<RefundState>,
    /// Only what is older than this row.
    pub before: Option<(Timestamp, i64)>,
    pub limit: usize,
}

/// A refund with the rows its display needs.
#[derive(Clone, Debug)]
pub struct RefundParts {
    pub refund: Refund,
    pub payment: Payment,
    pub booking: Option<Booking>,
    pub payer: Person,
    pub payee: Person,
    /// The newest attempt.
    pub op: Option<Op>,
}

impl Reads<'_> {
    /// Newest first by `(created_at, id)`.
    pub fn refunds(&mut self, filter: &RefundFilter) -> Result<Vec<Refund>, Fault> {
        let mut found = Vec::new();
        let states: Vec<Option<RefundState>> = match &filter.states[..] {
            [] => vec![None],
            states => states.iter().copied().map(Some).collect(),
        };
        for state in states {
            for scope in scopes(filter.person) {
                found.extend(self.refunds_where(&scope, state, filter)?);
            }
        }
        found.sort_by_key(|refund| std::cmp::Reverse((refund.created_at, refund.id)));
        found.truncate(filter.limit);
        Ok(found)
    }

    fn refunds_where(
        &mut self,
        scope: &Scope,
        state: Option<RefundState>,
        filter: &RefundFilter,
    ) -> Result<Vec<Refund>, Fault> {
        let (before_at, before_id) = filter.before.unwrap_or((Timestamp(i64::MAX), i64::MAX));
        let limit = i64::try_from(filter.limit).expect("limits are small");
        let mut params = [before_at.0, before_id, limit].map(Value::Int).to_vec();
        let mut terms = vec!["(created_at, id) < ($1, $2)".to_string()];
        if let Some(person) = scope.person {
            params.push(Value::Int(person.raw()));
            terms.push(scope.sql.to_string());
        }
        if let Some(state) = state {
            params.push(Value::text(state.word()));
            terms.push(format!("state = ${}", params.len()));
        }
        let rest = format!("WHERE {} ORDER BY created_at DESC, id DESC LIMIT $3", terms.join(" AND "));
        self.select(&rest, &params)
    }

    /// How many there are in a state, counted up to one more than [`COUNT_MAX`].
    pub fn count_refunds(&mut self, state: RefundState) -> Result<i64, Fault> {
        let sql = "SELECT CAST(count(*) AS BIGINT) FROM (SELECT id FROM refund WHERE state = $1 \
                   ORDER BY created_at DESC, id DESC LIMIT $2) AS newest";
        let most = i64::try_from(COUNT_MAX).expect("a small number") + 1;
        let mut rows = self.rows(sql, &[Value::text(state.word()), Value::Int(most)])?;
        rows.first_mut().map_or(Ok(0), crate::engine::Row::int)
    }

    /// What is shown beside refunds, in the same order: one statement a table, whatever their number.
    pub fn refund_parts(&mut self, refunds: Vec<Refund>) -> Result<Vec<RefundParts>, Fault> {
        let payments = refunds.iter().map(|refund| refund.payment).collect();
        let payments: BTreeMap<PaymentId, Payment> = self.by_key(payments)?;
        let people = payments.values().flat_map(|payment| [payment.payer, payment.payee]);
        let people: BTreeMap<PersonId, Person> = self.by_key(people.collect())?;
        let bookings: BTreeSet<BookingId> = refunds.iter().filter_map(|refund| refund.booking).collect();
        let bookings: BTreeMap<BookingId, Booking> = self.by_key(bookings)?;
        let ops: BTreeMap<OpId, Op> = self.by_key(refunds.iter().filter_map(|refund| refund.op).collect())?;
        let parts = |refund: Refund| {
            let payment = payments.get(&refund.payment).cloned();
            let payment = payment.ok_or_else(|| Fault::other("a refund without its payment"))?;
            let person =
                |id| people.get(&id).cloned().ok_or_else(|| Fault::other("a payment without its party"));
            Ok(RefundParts {
                payer: person(payment.payer)?,
                payee: person(payment.payee)?,
                booking: refund.booking.and_then(|id| bookings.get(&id).cloned()),
                op: refund.op.and_then(|id| ops.get(&id).cloned()),
                payment,
                refund,
            })
        };
        refunds.into_iter().map(parts).collect()
    }

    /// One refund with what is shown beside it.
    pub fn refund(&mut self, id: RefundId) -> Result<Option<RefundParts>, Fault> {
        let found = self.find::<Refund>(&id)?;
        Ok(self.refund_parts(found.into_iter().collect())?.pop())
    }

    /// Every refund of a payment with what is shown beside it, newest first.
    pub fn refunds_of(&mut self, payment: PaymentId) -> Result<Vec<RefundParts>, Fault> {
        let mut refunds = self.of::<Refund>(&payment)?;
        refunds.sort_by_key(|refund| std::cmp::Reverse((refund.created_at, refund.id)));
        self.refund_parts(refunds)
    }
}

/// Whose refunds; the person is `$4`.
struct Scope {
    sql: &'static str,
    person: Option<PersonId>,
}

fn scopes(person: Option<PersonId>) -> Vec<Scope> {
    match person {
        None => vec![Scope { sql: "", person }],
        Some(_) => vec![
            Scope { sql: "payer = $4", person },
            Scope { sql: "requested_by = $4 AND payer <> $4", person },
        ],
    }
}
