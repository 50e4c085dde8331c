//! What somebody paid and earned: of all his payments from the reports' sums, so that it costs the same
//! however many they are; of those that a filter leaves from the payments themselves, each side from its
//! index.
//!
//! Captured is what was ever completed, whatever went back later; what went back is told by the
//! refunds. Sums are of one currency, counts of all.

use std::collections::BTreeMap;

use domain::id::{Id, PersonId};
use domain::money::Currency;
use domain::policy::Kind;
use domain::records::{Amounts, Measure, Payment, PaymentState, Standing, TotalKey, Word};
use domain::time::Timestamp;

use super::Reads;
use super::payments::{PaymentFilter, Scope, Side, scope};
use super::rollups::PersonTotals;
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
    /// How many stand where.
    pub counts: BTreeMap<Standing, i64>,
    pub sums: Sums,
}

impl HistorySums {
    pub fn number(&self) -> i64 {
        self.counts.values().sum()
    }
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
    /// Counts and sums of all that a filter shows, regardless of `limit`: as payer, as payee.
    pub fn history_sums(
        &mut self,
        filter: &PaymentFilter,
        currency: Currency,
    ) -> Result<[HistorySums; 2], Fault> {
        let shown = |side: &Side| filter.side.is_none_or(|only| only == *side);
        if let Some(person) = filter.unfiltered() {
            let measures = Side::BOTH.into_iter().filter(shown);
            let measures: Vec<Measure> =
                measures.flat_map(|side| [captured(side), standing(side), returned(side)]).collect();
            let totals = self.person_totals(&measures, person)?;
            return Ok(Side::BOTH.map(|side| history(&totals, side, filter.kind, currency)));
        }
        let mut both = [HistorySums::default(), HistorySums::default()];
        for (sums, side) in both.iter_mut().zip(Side::BOTH) {
            if shown(&side) {
                *sums = self.filtered_history(&scope(filter, side), currency)?;
            }
        }
        Ok(both)
    }

    fn filtered_history(&mut self, scope: &Scope, currency: Currency) -> Result<HistorySums, Fault> {
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
            *history.counts.entry(state.standing()).or_default() += row.int()?;
            history.sums.add(&mut row)?;
        }
        if history.sums.refunded_minor > 0 {
            self.returned(scope, currency, &mut history.sums)?;
        }
        Ok(history)
    }

    /// What a person paid, and what he earned, by the time of payment.
    pub fn paid_sums(&mut self, filter: &PaidFilter) -> Result<[PaidSums; 2], Fault> {
        if PaymentFilter::always(filter.from, filter.until) {
            let of = |side: Side| [captured(side), standing(side), returned(side), partner(side)];
            let totals = self.person_totals(&Side::BOTH.map(of).concat(), filter.person)?;
            return Ok(Side::BOTH.map(|side| paid_in_all(&totals, side, filter.kind, filter.currency)));
        }
        Ok([self.paid_between(filter, Side::Payer)?, self.paid_between(filter, Side::Payee)?])
    }

    fn paid_between(&mut self, filter: &PaidFilter, side: Side) -> Result<PaidSums, Fault> {
        let scope = paid(filter, side);
        let sums = self.sums(&scope, filter.currency)?;
        let other = match side {
            Side::Payer => "payee",
            Side::Payee => "payer",
        };
        let sql = format!(
            "SELECT CAST(count(*) AS BIGINT), CAST(count(DISTINCT {other}) AS BIGINT), {}, \
                    CAST(count(hourly_minor) AS BIGINT) \
               FROM payment WHERE {} AND currency = ${} AND state <> 'refunded'",
            sum("hourly_minor"),
            scope.sql,
            scope.next()
        );
        let mut paid = PaidSums { sums, ..PaidSums::default() };
        for mut row in self.rows(&sql, &scope.with(Value::text(filter.currency.code())))? {
            (paid.sessions, paid.partners) = (row.int()?, row.int()?);
            (paid.rates_minor, paid.rated) = (row.int()?, row.int()?);
        }
        Ok(paid)
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

/// The measures of a side.
fn captured(side: Side) -> Measure {
    match side {
        Side::Payer => Measure::Payer,
        Side::Payee => Measure::Payee,
    }
}

fn standing(side: Side) -> Measure {
    match side {
        Side::Payer => Measure::PayerStanding,
        Side::Payee => Measure::PayeeStanding,
    }
}

fn returned(side: Side) -> Measure {
    match side {
        Side::Payer => Measure::PayerReturned,
        Side::Payee => Measure::PayeeReturned,
    }
}

fn partner(side: Side) -> Measure {
    match side {
        Side::Payer => Measure::PayerPartner,
        Side::Payee => Measure::PayeePartner,
    }
}

/// What a side's totals come to: counts of all currencies, sums of one.
fn history(totals: &PersonTotals, side: Side, kind: Option<Kind>, currency: Currency) -> HistorySums {
    let wanted = |key: &TotalKey| kind.is_none_or(|only| only == key.kind);
    let own = |key: &TotalKey| wanted(key) && key.currency == currency;
    let counts = totals.parts(standing(side), wanted).into_iter();
    let counts = counts.filter_map(|(part, amounts)| Some((Standing::parse(part)?, amounts.number)));
    let captured = totals.sum(captured(side), own);
    let gone = totals.sum(returned(side), own);
    HistorySums {
        counts: counts.chain([(Standing::Paid, still_paid(totals, side, wanted).number)]).collect(),
        sums: Sums {
            captured_minor: captured.total_minor,
            refunded_minor: gone.total_minor,
            share_minor: captured.share_minor,
            fee_minor: captured.fee_minor,
            share_returned_minor: gone.share_minor,
            fee_returned_minor: gone.fee_minor,
        },
    }
}

/// What was captured and has not gone back as a whole.
fn still_paid(totals: &PersonTotals, side: Side, wanted: impl Fn(&TotalKey) -> bool) -> Amounts {
    let mut paid = totals.sum(captured(side), &wanted);
    let returned = |key: &TotalKey| wanted(key) && key.part == Standing::Returned.word();
    paid.add(totals.sum(standing(side), returned), -1);
    paid
}

fn paid_in_all(totals: &PersonTotals, side: Side, kind: Option<Kind>, currency: Currency) -> PaidSums {
    let own = |key: &TotalKey| kind.is_none_or(|only| only == key.kind) && key.currency == currency;
    let paid = still_paid(totals, side, own);
    let partners = totals.parts(partner(side), own);
    let partners = partners.values().filter(|amounts| amounts.number > 0).count();
    PaidSums {
        sums: history(totals, side, kind, currency).sums,
        sessions: paid.number,
        partners: i64::try_from(partners).unwrap_or(i64::MAX),
        rates_minor: paid.hourly_minor,
        rated: paid.rated,
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
