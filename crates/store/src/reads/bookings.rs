//! Bookings as their parties list them, with what is shown beside them.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{BookingId, Id, OpId, PaymentId, PersonId};
use domain::records::{Booking, BookingState, Op, Payment, Person, Word};
use domain::time::Timestamp;

use super::Reads;
use super::payments::Side;
use crate::engine::{Fault, Value};
use crate::tables::Stored;

/// At most two states are asked for at once.
pub const STATES_MAX: usize = 2;

/// What a list of bookings shows.
#[derive(Clone, Debug)]
pub struct BookingFilter {
    pub person: PersonId,
    /// `None`: as payer and as payee.
    pub side: Option<Side>,
    /// Empty: any; at most [`STATES_MAX`].
    pub states: Vec<BookingState>,
    /// Only what comes after the row with this [`start_key`] and id.
    pub before: Option<(Timestamp, i64)>,
    pub limit: usize,
}

/// A booking with the rows its display needs.
#[derive(Clone, Debug)]
pub struct BookingParts {
    pub booking: Booking,
    pub payer: Person,
    pub payee: Person,
    pub payment: Option<Payment>,
    /// The operation that tries, or tried, to collect the payment.
    pub op: Option<Op>,
}

impl BookingParts {
    /// Whether its money has been taken and not all of it has gone back.
    pub fn is_paid(&self) -> bool {
        self.payment.as_ref().is_some_and(domain::records::Payment::is_paid)
    }
}

/// Where a booking stands in a list by start: unscheduled ones come last.
pub fn start_key(booking: &Booking) -> Timestamp {
    booking.starts_at.unwrap_or(Timestamp(-1))
}

impl Reads<'_> {
    /// Latest start first.
    pub fn bookings(&mut self, filter: &BookingFilter) -> Result<Vec<Booking>, Fault> {
        let mut found = Vec::new();
        for scope in scopes(filter) {
            found.extend(self.bookings_where(&scope, filter)?);
        }
        found.sort_by_key(|booking| std::cmp::Reverse((start_key(booking), booking.id)));
        found.truncate(filter.limit);
        Ok(found)
    }

    /// How many there are, regardless of `before` and `limit`.
    pub fn count_bookings(&mut self, filter: &BookingFilter) -> Result<i64, Fault> {
        let mut count = 0;
        for scope in scopes(filter) {
            let sql =
                format!("SELECT CAST(count(*) AS BIGINT) FROM booking WHERE {} AND {STATES}", scope.sql);
            let params = [&scope.params[..], &states(filter)].concat();
            for mut row in self.rows(&sql, &params)? {
                count += row.int()?;
            }
        }
        Ok(count)
    }

    /// What is shown beside bookings: one statement a table, whatever their number.
    pub fn booking_parts(&mut self, bookings: Vec<Booking>) -> Result<Vec<BookingParts>, Fault> {
        let people = bookings.iter().flat_map(|booking| [booking.payer, booking.payee]).collect();
        let people: BTreeMap<PersonId, Person> = self.by_key(people)?;
        let payments = bookings.iter().filter_map(|booking| booking.payment).collect();
        let payments: BTreeMap<PaymentId, Payment> = self.by_key(payments)?;
        let ops: BTreeMap<OpId, Op> = self.by_key(payments.values().filter_map(|p| p.op).collect())?;
        let parts = |booking: Booking| {
            let payment = booking.payment.and_then(|id| payments.get(&id).cloned());
            let person =
                |id| people.get(&id).cloned().ok_or_else(|| Fault::other("a booking without its party"));
            Ok(BookingParts {
                payer: person(booking.payer)?,
                payee: person(booking.payee)?,
                op: payment.as_ref().and_then(|p| p.op).and_then(|id| ops.get(&id).cloned()),
                payment,
                booking,
            })
        };
        bookings.into_iter().map(parts).collect()
    }

    /// One booking with what is shown beside it.
    pub fn booking(&mut self, id: BookingId) -> Result<Option<BookingParts>, Fault> {
        let found = self.find::<Booking>(&id)?;
        Ok(self.booking_parts(found.into_iter().collect())?.pop())
    }

    pub(super) fn by_key<R: Stored>(&mut self, keys: BTreeSet<R::Key>) -> Result<BTreeMap<R::Key, R>, Fault> {
        let keys: Vec<R::Key> = keys.into_iter().collect();
        Ok(self.find_many::<R>(&keys)?.into_iter().map(|row| (row.key(), row)).collect())
    }

    fn bookings_where(&mut self, scope: &Scope, filter: &BookingFilter) -> Result<Vec<Booking>, Fault> {
        let (start, id) = filter.before.unwrap_or((Timestamp(i64::MAX), i64::MAX));
        let limit = i64::try_from(filter.limit).expect("limits are small");
        let rest = format!(
            "WHERE {} AND {STATES} AND COALESCE(starts_at, -1) <= $5 AND (COALESCE(starts_at, -1), id) < ($5, $6) \
             ORDER BY COALESCE(starts_at, -1) DESC, id DESC LIMIT $7",
            scope.sql
        );
        let params = [&scope.params[..], &states(filter), &[start.0, id, limit].map(Value::Int)].concat();
        self.select(&rest, &params)
    }
}

const STATES: &str = "($3 = '' OR state IN ($3, $4))";

fn states(filter: &BookingFilter) -> [Value; STATES_MAX] {
    assert!(filter.states.len() <= STATES_MAX, "at most {STATES_MAX} states are asked for at once");
    let word = |index: usize| Value::text(filter.states.get(index).map_or("", |state| state.word()));
    [word(0), word(1)]
}

/// Whose bookings, in `$1` and `$2`.
struct Scope {
    sql: &'static str,
    params: [Value; 2],
}

fn scopes(filter: &BookingFilter) -> Vec<Scope> {
    let params = || [filter.person.raw(), filter.person.lane().number()].map(Value::Int);
    let payer = Scope { sql: "payer = $1 AND CAST($2 AS BIGINT) >= 0", params: params() };
    let payee = Scope { sql: "lane = $2 AND payee = $1", params: params() };
    match filter.side {
        Some(Side::Payer) => vec![payer],
        Some(Side::Payee) => vec![payee],
        None => vec![payer, payee],
    }
}
