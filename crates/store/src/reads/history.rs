//! What somebody paid and earned: sums over that person's own payments, each side from its index.
//!
//! Captured is what was ever completed, whatever went back later; what went back is told by the
//! refunds. Sums are of one currency, counts of all.

use domain::id::{Id, PersonId};
use domain::money::Currency;
use domain::policy::Kind;
use domain::records::{Payment, PaymentState, Word};
use domain::time::Timestamp;

use super::Reads;
use super::payments::{PaymentFilter, Scope, Side, scope};
use crate::engine::{Fault, Row, Value};

/// Sums over payments on one side, minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub share_minor: i64,
    pub fee_minor: i64,
    /// The parts of the share and the fee that went back.
    pub share_returned_minor: i64,
    pub fee_returned_minor: i64,
}

/// A filtered history on one side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistorySums {
    /// How many in each state that occurs.
    pub states: Vec<(PaymentState, i64)>,
    pub sums: Sums,
}

/// Which of a person's captured payments are summed: both ends by `paid_at`, `until` exclusive.
#[derive(Clone, Copy, Debug)]
pub struct PaidFilter {
    pub person: PersonId,
    pub kind: Option<Kind>,
    pub currency: Currency,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// What a person's captured payments on one side come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaidSums {
    pub sums: Sums,
    /// Captured and not fully refunded.
    pub sessions: i64,
    /// Different people on the other side of them.
    pub partners: i64,
    /// The hourly rates of those that have one, summed, and how many they are.
    pub rates_minor: i64,
    pub rated: i64,
}

impl Reads<'_> {
    /// Counts and sums of all that a filter shows on one side, regardless of `limit`.
    pub fn history_sums(
        &mut self,
        filter: &PaymentFilter,
        side: Side,
        currency: Currency,
    ) -> Result<HistorySums, Fault> {
        let scope = scope(filter, side);
        let counts = |column: &str| {
            let own = format!("currency = ${} AND paid_at IS NOT NULL", scope.next());
            format!("CAST(coalesce(sum(CASE WHEN {own} THEN {column} END), 0) AS BIGINT)")
        };
        let columns = CAPTURED.map(counts).join(", ");
        let sql = format!(
            "SELECT state, CAST(count(*) AS BIGINT), {columns} FROM payment WHERE {} GROUP BY state",
            scope.sql
        );
        let mut history = HistorySums::default();
        for mut row in self.rows(&sql, &scope.with(Value::text(currency.code())))? {
            let word = row.text()?;
            let state = PaymentState::parse(&word).ok_or_else(|| row.corrupt("a state"))?;
            history.states.push((state, row.int()?));
            history.sums.add(&mut row)?;
        }
        if history.sums.refunded_minor > 0 {
            self.returned(&scope, currency, &mut history.sums)?;
        }
        Ok(history)
    }

    /// What a person paid, or earned, by the time of payment.
    pub fn paid_sums(&mut self, filter: &PaidFilter, side: Side) -> Result<PaidSums, Fault> {
        let scope = paid(filter, side);
        let sums = self.sums(&scope, filter.currency)?;
        let other = match side {
            Side::Payer => "payee",
            Side::Payee => "payer",
        };
        let sql = format!(
            "SELECT CAST(count(*) AS BIGINT), CAST(count(DISTINCT {other}) AS BIGINT) FROM payment \
             WHERE {} AND currency = ${} AND state <> 'refunded'",
            scope.sql,
            scope.next()
        );
        let params = scope.with(Value::text(filter.currency.code()));
        let (sessions, partners) = pair(self.rows(&sql, &params)?)?;
        // An agreed hourly rate, or the price of a scheduled session brought to an hour.
        let sql = format!(
            "SELECT CAST(coalesce(sum(CASE WHEN b.unit = 'hour' THEN b.rate_minor \
                      ELSE own.base_minor * 3600000000 / (b.ends_at - b.starts_at) END), 0) AS BIGINT), \
                    CAST(count(*) AS BIGINT) \
               FROM (SELECT lane, booking, base_minor FROM payment \
                      WHERE {} AND currency = ${} AND state <> 'refunded') AS own \
               JOIN booking AS b ON b.lane = own.lane AND b.id = own.booking \
              WHERE b.unit = 'hour' OR b.starts_at IS NOT NULL",
            scope.sql,
            scope.next()
        );
        let (rates_minor, rated) = pair(self.rows(&sql, &params)?)?;
        Ok(PaidSums { sums, sessions, partners, rates_minor, rated })
    }

    /// The captured payments that [`Reads::paid_sums`] sums, first paid first.
    pub fn paid_payments(
        &mut self,
        filter: &PaidFilter,
        side: Side,
        limit: usize,
    ) -> Result<Vec<Payment>, Fault> {
        let scope = paid(filter, side);
        let number = scope.next();
        let rest = format!(
            "WHERE {} AND currency = ${number} ORDER BY paid_at, id LIMIT ${}",
            scope.sql,
            number + 1
        );
        let limit = i64::try_from(limit).expect("limits are small");
        let mut params = scope.with(Value::text(filter.currency.code()));
        params.push(Value::Int(limit));
        self.select(&rest, &params)
    }

    fn sums(&mut self, scope: &Scope, currency: Currency) -> Result<Sums, Fault> {
        let columns = CAPTURED.map(sum).join(", ");
        let own = format!("{} AND currency = ${} AND paid_at IS NOT NULL", scope.sql, scope.next());
        let sql = format!("SELECT {columns} FROM payment WHERE {own}");
        let mut sums = Sums::default();
        for mut row in self.rows(&sql, &scope.with(Value::text(currency.code())))? {
            sums.add(&mut row)?;
        }
        if sums.refunded_minor > 0 {
            self.returned(scope, currency, &mut sums)?;
        }
        Ok(sums)
    }

    /// The parts of the share and the fee that went back: few payments have any.
    fn returned(&mut self, scope: &Scope, currency: Currency, sums: &mut Sums) -> Result<(), Fault> {
        let columns = ["r.share_minor", "r.fee_minor"].map(sum).join(", ");
        let sql = format!(
            "SELECT {columns} FROM (SELECT lane, id FROM payment \
                                     WHERE {} AND currency = ${} AND refunded_minor > 0) AS own \
               JOIN refund AS r ON r.lane = own.lane AND r.payment = own.id \
              WHERE r.state = 'processed'",
            scope.sql,
            scope.next()
        );
        let rows = self.rows(&sql, &scope.with(Value::text(currency.code())))?;
        (sums.share_returned_minor, sums.fee_returned_minor) = pair(rows)?;
        Ok(())
    }
}

/// What is summed over captured payments.
const CAPTURED: [&str; 4] = ["captured_minor", "refunded_minor", "share_minor", "fee_minor"];

impl Sums {
    /// Adds the [`CAPTURED`] columns of a row.
    fn add(&mut self, row: &mut Row) -> Result<(), Fault> {
        self.captured_minor += row.int()?;
        self.refunded_minor += row.int()?;
        self.share_minor += row.int()?;
        self.fee_minor += row.int()?;
        Ok(())
    }
}

fn sum(column: &str) -> String {
    format!("CAST(coalesce(sum({column}), 0) AS BIGINT)")
}

fn pair(rows: Vec<Row>) -> Result<(i64, i64), Fault> {
    rows.into_iter().next().map_or(Ok((0, 0)), |mut row| Ok((row.int()?, row.int()?)))
}

fn paid(filter: &PaidFilter, side: Side) -> Scope {
    let kind = Value::text(filter.kind.map_or("", Word::word));
    let mut params = vec![kind, Value::Int(filter.from.0), Value::Int(filter.until.0)];
    params.push(Value::Int(filter.person.raw()));
    let whose = match side {
        Side::Payer => "payer = $4",
        Side::Payee => {
            params.push(Value::Int(filter.person.lane().number()));
            "lane = $5 AND payee = $4"
        }
    };
    let sql = format!("{whose} AND ($1 = '' OR kind = $1) AND paid_at >= $2 AND paid_at < $3");
    Scope { sql, params }
}
