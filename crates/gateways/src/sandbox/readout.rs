//! What the books say: page by page for reconciliation, all at once for humans and auditors.
//!
//! The totals are always exact; the lists of a read-out stop at [`LINES_MAX`], newest last.

use domain::gateway::Answer;
use domain::time::Timestamp;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use super::core::{Desk, Verdict, rejected};
use super::tables::{Charge, Dispute, Payout, Refund, Sql};
use super::{charges, refunds};
use crate::gateway::Statement;

/// Charges, and refunds, on one page of a statement.
const PAGE: usize = 100;
/// Lines of one kind in a read-out.
const LINES_MAX: i64 = 100_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readout {
    pub charges: Vec<ChargeLine>,
    pub refunds: Vec<RefundLine>,
    pub payouts: Vec<PayoutLine>,
    pub disputes: Vec<DisputeLine>,
    /// One line a currency.
    pub totals: Vec<Totals>,
    /// Webhooks that were not delivered yet.
    pub webhooks_waiting: i64,
}

/// Lines of the books: columns that every line has, and its own.
macro_rules! lines {
    ($(fn $make:ident($record:ident: $of:ident) -> $line:ident { $($column:ident: $kind:ty = $value:expr,)* })+) => {$(
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $line {
            pub id: String,
            pub created_at_micros: i64,
            pub state: String,
            pub amount: i64,
            pub currency: String,
            $(pub $column: $kind,)*
        }

        fn $make($record: $of) -> $line {
            $line {
                created_at_micros: $record.created_at.0,
                state: $record.state.text().to_owned(),
                amount: $record.amount.minor,
                currency: $record.amount.currency.code().to_owned(),
                $($column: $value,)*
                id: $record.id,
            }
        }
    )+};
}

lines! {
    fn charge_line(charge: Charge) -> ChargeLine {
        refunded: i64 = charge.refunded.minor,
        card: Option<String> = charge.card,
        movement: Option<String> = charge.movement,
        op: Option<i64> = charge.tag.as_ref().map(|tag| tag.op),
        instance: Option<String> = charge.tag.map(|tag| tag.instance),
    }
    fn refund_line(refund: Refund) -> RefundLine {
        charge: String = refund.charge,
        failure: Option<String> = refund.failure,
        op: Option<i64> = refund.tag.as_ref().map(|tag| tag.op),
        instance: Option<String> = refund.tag.map(|tag| tag.instance),
    }
    fn payout_line(payout: Payout) -> PayoutLine {
        account_ending: String = payout.account_ending,
        failure: Option<String> = payout.failure,
        op: Option<i64> = payout.tag.as_ref().map(|tag| tag.op),
        instance: Option<String> = payout.tag.map(|tag| tag.instance),
    }
    fn dispute_line(dispute: Dispute) -> DisputeLine {
        charge: String = dispute.charge,
    }
}

/// Sums in minor units of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub currency: String,
    /// How many charges succeeded.
    pub charges: i64,
    pub charged: i64,
    /// Refunds that succeeded or are pending.
    pub refunded: i64,
    /// Disputes that are not won.
    pub disputed: i64,
    pub paid_out: i64,
}

/// Everything there is.
pub(super) fn readout(desk: &Desk<'_>) -> Sql<Readout> {
    desk.settle()?;
    let tables = desk.tables;
    Ok(Readout {
        charges: tables.all(
            "SELECT * FROM (SELECT * FROM charge ORDER BY created_at DESC, id DESC LIMIT $1)
             ORDER BY created_at, id",
            [LINES_MAX],
            |row| Charge::read(row).map(charge_line),
        )?,
        refunds: tables.all(
            "SELECT * FROM (SELECT * FROM refund ORDER BY created_at DESC, id DESC LIMIT $1)
             ORDER BY created_at, id",
            [LINES_MAX],
            |row| Refund::read(row).map(refund_line),
        )?,
        payouts: tables.all(
            "SELECT * FROM (SELECT * FROM payout ORDER BY id DESC LIMIT $1) ORDER BY id",
            [LINES_MAX],
            |row| Payout::read(row).map(payout_line),
        )?,
        disputes: tables.all(
            "SELECT * FROM (SELECT * FROM dispute ORDER BY id DESC LIMIT $1) ORDER BY id",
            [LINES_MAX],
            |row| Dispute::read(row).map(dispute_line),
        )?,
        totals: totals(desk)?,
        webhooks_waiting: tables.one("SELECT count(*) FROM delivery", [], |row| row.get(0))?.unwrap_or(0),
    })
}

fn totals(desk: &Desk<'_>) -> Sql<Vec<Totals>> {
    let read = |row: &Row<'_>| {
        Ok(Totals {
            currency: row.get(0)?,
            charges: row.get(1)?,
            charged: row.get(2)?,
            refunded: row.get(3)?,
            disputed: row.get(4)?,
            paid_out: row.get(5)?,
        })
    };
    desk.tables.all(
        "SELECT currency, sum(charges), sum(charged), sum(refunded), sum(disputed), sum(paid_out)
         FROM (
             SELECT currency, 1 AS charges, amount AS charged, 0 AS refunded, 0 AS disputed,
                    0 AS paid_out
             FROM charge WHERE state = 'succeeded'
             UNION ALL
             SELECT currency, 0, 0, amount, 0, 0 FROM refund WHERE state <> 'failed'
             UNION ALL
             SELECT currency, 0, 0, 0, amount, 0 FROM dispute WHERE state <> 'won'
             UNION ALL
             SELECT currency, 0, 0, 0, 0, amount FROM payout WHERE state = 'paid'
         )
         GROUP BY currency ORDER BY currency",
        [],
        read,
    )
}

/// Where a page of a statement begins: after this charge and after this refund.
struct Cursor {
    charge: (i64, String),
    refund: (i64, String),
}

impl Cursor {
    fn start(since: Timestamp) -> Cursor {
        // No id sorts before the empty one, so nothing of that very instant is left out.
        Cursor { charge: (since.0, String::new()), refund: (since.0, String::new()) }
    }

    fn text(&self) -> String {
        format!("{}.{}.{}.{}", self.charge.0, self.charge.1, self.refund.0, self.refund.1)
    }

    fn parse(text: &str) -> Option<Cursor> {
        let mut parts = text.split('.');
        let mut part = || parts.next();
        let charge = (part()?.parse().ok()?, part()?.to_owned());
        let refund = (part()?.parse().ok()?, part()?.to_owned());
        part().is_none().then_some(Cursor { charge, refund })
    }
}

/// One page of what was created at or after `since`, oldest first.
pub(super) fn list_since(desk: &Desk<'_>, since: Timestamp, page: Option<&str>) -> Sql<Verdict<Statement>> {
    desk.settle()?;
    let Some(mut cursor) = page.map_or_else(|| Some(Cursor::start(since)), Cursor::parse) else {
        return Ok(rejected("no such page"));
    };
    let limit = i64::try_from(PAGE).expect("a page is small");
    let charges = desk.tables.all(
        "SELECT * FROM charge WHERE (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT $3",
        params![cursor.charge.0, cursor.charge.1, limit],
        Charge::read,
    )?;
    let refunds = desk.tables.all(
        "SELECT * FROM refund WHERE (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT $3",
        params![cursor.refund.0, cursor.refund.1, limit],
        Refund::read,
    )?;
    if let Some(last) = charges.last() {
        cursor.charge = (last.created_at.0, last.id.clone());
    }
    if let Some(last) = refunds.last() {
        cursor.refund = (last.created_at.0, last.id.clone());
    }
    let more = charges.len() == PAGE || refunds.len() == PAGE;
    let statement = Statement {
        charges: charges.iter().map(|c| charges::report(desk, c)).collect(),
        refunds: refunds.iter().map(refunds::report).collect(),
        next: more.then(|| cursor.text()),
    };
    Ok(Answer::Done(statement).into())
}
