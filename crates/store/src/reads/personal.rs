//! Everything that is kept about one person: to be handed out, and to be erased.
//!
//! Every table of the schema is in one of two lists (a test compares them with the migrations): shown,
//! or not, with why. Mostly fan-outs: people deal in many lanes.

use domain::id::{BookingId, Id, PaymentId, PersonId, RefundId};
use domain::ledger::Balance;
use domain::people::{ERASED_NAME, EraseTexts};
use domain::records::{
    AuditEntry, AuditOrigin, Availability, Booking, Busy, Card, Claim, Customer, Offer, Payment, Person,
    Posting, Refund, Session, StudentProfile, TeacherProfile,
};

use super::Reads;
use crate::engine::{Column, Fault, Kind, Table, Value};

/// Rows of one table that are handed out at most.
pub const ROWS_MAX: usize = 50_000;

/// A table in which rows of people are; `$1` is the person's lane, `$2` the id.
struct Shown {
    table: &'static str,
    columns: &'static [Column],
    whose: &'static [&'static str],
    /// Columns that open doors rather than tell anything.
    secret: &'static [&'static str],
}

macro_rules! shown {
    ($($record:ty: $whose:expr, secret $secret:expr;)*) => {
        &[$(Shown {
            table: <$record as Table>::NAME,
            columns: <$record as Table>::COLUMNS,
            whose: &$whose,
            secret: &$secret,
        }),*]
    };
}

const OWN: &str = "lane = $1 AND id = $2";
const OF_PERSON: &str = "lane = $1 AND person = $2";
const OF_PAYEE: &str = "lane = $1 AND payee = $2";
const OF_PAYER: &str = "payer = $2 AND CAST($1 AS BIGINT) >= 0";

const SHOWN: &[Shown] = shown! {
    Person: [OWN], secret ["password", "session_version"];
    TeacherProfile: [OWN], secret [];
    StudentProfile: [OWN], secret [];
    Session: [OF_PERSON], secret ["token", "rotations", "version"];
    Claim: ["space = 'subject' AND target = $2 AND CAST($1 AS BIGINT) >= 0"], secret [];
    Offer: [OF_PAYEE], secret [];
    Availability: [OF_PAYEE], secret [];
    Busy: ["lane = $1 AND party = $2"], secret [];
    Booking: [OF_PAYER, OF_PAYEE], secret [];
    Payment: [OF_PAYER, OF_PAYEE], secret [];
    Refund: [OF_PAYER, "requested_by = $2 AND payer <> $2 AND CAST($1 AS BIGINT) >= 0"], secret [];
    Card: [OF_PERSON], secret ["token"];
    Customer: [OF_PERSON], secret [];
    Balance: ["lane = $1 AND owner = $2"], secret [];
    Posting: ["lane = $1 AND account >= 'payee:' AND account < 'payee;' AND owner = $2"], secret [];
    AuditEntry: ["actor = $2 AND CAST($1 AS BIGINT) >= 0"], secret [];
    AuditOrigin: ["lane = $1 AND actor = $2"], secret [];
};

/// Tables that are not handed out, and why.
pub const NOT_SHOWN: &[(&str, &str)] = &[
    ("setting", "of the installation"),
    ("lane", "of the installation"),
    ("writer_mark", "of the installation"),
    ("audit_block", "of the installation"),
    ("audit_cursor", "of the installation"),
    ("rollup", "sums of payments that are shown"),
    ("rollup_total", "sums of payments that are shown"),
    ("rollup_opening", "sums of payments that are shown"),
    ("rollup_delta", "sums of payments that are shown"),
    ("meeting", "rooms of bookings that are shown; their links open doors"),
    ("one_time_token", "hashes of links that were mailed"),
    ("login_throttle", "digests that lead to nobody"),
    ("login_slip", "digests that lead to nobody, gone within the hour"),
    ("op", "the tries of a payment that is shown"),
    ("entry", "the heads of postings that are shown"),
    ("event", "tells of rows that are shown, without personal data"),
    ("job", "names rows that are shown"),
    ("inbox", "what gateways told of payments that are shown"),
    ("idempotency", "answers that were given already, for as long as they may be asked for again"),
    ("alert", "for administrators, about rows that are shown"),
    ("alert_ack", "an administrator's work, which the audit shows him"),
];

/// What one table holds of a person.
#[derive(Clone, Debug)]
pub struct Holding {
    pub table: &'static str,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<Value>>,
}

/// The tables that are handed out.
pub fn shown_tables() -> impl Iterator<Item = &'static str> {
    SHOWN.iter().map(|shown| shown.table)
}

impl Reads<'_> {
    /// Everything about somebody, a table after the other.
    pub fn holdings(&mut self, person: PersonId) -> Result<Vec<Holding>, Fault> {
        SHOWN.iter().map(|shown| self.holding(shown, person)).collect()
    }

    fn holding(&mut self, shown: &Shown, person: PersonId) -> Result<Holding, Fault> {
        let told = |column: &&Column| column.name != "lane" && !shown.secret.contains(&column.name);
        let columns: Vec<&Column> = shown.columns.iter().filter(told).collect();
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        let mut rows = Vec::new();
        for whose in shown.whose {
            let sql =
                format!("SELECT {} FROM {} WHERE {whose} LIMIT {ROWS_MAX}", names.join(", "), shown.table);
            for mut row in self.rows(&sql, &own(person))? {
                let values = columns.iter().map(|column| match column.kind {
                    Kind::Int => Ok(row.opt_int()?.map_or(Value::Null, Value::Int)),
                    Kind::Text => Ok(row.opt_text()?.map_or(Value::Null, Value::Text)),
                });
                rows.push(values.collect::<Result<Vec<Value>, Fault>>()?);
            }
        }
        rows.sort();
        Ok(Holding { table: shown.table, columns: columns.iter().map(|column| column.name).collect(), rows })
    }

    /// What outside issuers know somebody by.
    pub fn subjects(&mut self, person: PersonId) -> Result<Vec<String>, Fault> {
        let own = [Value::Int(person.raw())];
        let claims: Vec<Claim> = self.select("WHERE space = 'subject' AND target = $1", &own)?;
        Ok(claims.into_iter().map(|claim| claim.name).collect())
    }

    /// What gateways know somebody as.
    pub fn customers_of(&mut self, person: PersonId) -> Result<Vec<Customer>, Fault> {
        self.select(&format!("WHERE {OF_PERSON}"), &own(person))
    }

    /// Everybody who was forgotten: those of whom only the bare id is left. Reads all people.
    pub fn erased(&mut self) -> Result<Vec<Person>, Fault> {
        self.select("WHERE active = 0 AND email = '' AND full_name = $1", &[Value::text(ERASED_NAME)])
    }

    /// Whether money of somebody is on its way: a balance, a session that may still be paid or given
    /// back, a payment or refund that is not over.
    pub fn has_open_business(&mut self, person: PersonId) -> Result<bool, Fault> {
        const OPEN: [&str; 8] = [
            "FROM balance WHERE lane = $1 AND owner = $2 AND posted_minor + pending_minor <> 0",
            "FROM booking WHERE lane = $1 AND payee = $2 AND state IN ('pending', 'confirmed')",
            "FROM booking WHERE payer = $2 AND CAST($1 AS BIGINT) >= 0 AND state IN ('pending', 'confirmed')",
            "FROM payment WHERE lane = $1 AND payee = $2 AND state IN ('processing', 'disputed')",
            "FROM payment WHERE payer = $2 AND CAST($1 AS BIGINT) >= 0 \
             AND state IN ('processing', 'disputed')",
            "FROM refund WHERE payer = $2 AND CAST($1 AS BIGINT) >= 0 \
             AND state IN ('requested', 'approved', 'processing')",
            "FROM payment JOIN refund ON refund.lane = payment.lane AND refund.payment = payment.id \
             WHERE payment.lane = $1 AND payment.payee = $2 AND payment.refund_reserved_minor > 0",
            "FROM payment JOIN op ON op.lane = payment.lane AND op.payment = payment.id \
             WHERE payment.payer = $2 AND CAST($1 AS BIGINT) >= 0 \
             AND payment.state IN ('pending', 'failed', 'cancelled') \
             AND op.state IN ('intent', 'in_flight', 'waiting', 'unknown')",
        ];
        for open in OPEN {
            let sql = format!("SELECT CAST(1 AS BIGINT) {open} LIMIT 1");
            if !self.rows(&sql, &own(person))?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The next page of what somebody erased has left on rows that stay; empty when nothing is left.
    pub fn texts_left(&mut self, person: PersonId, limit: usize) -> Result<EraseTexts, Fault> {
        const WRITTEN: &str =
            "(notes <> '' OR cancellation_reason IS NOT NULL OR proposal_reason IS NOT NULL)";
        let mut texts = EraseTexts::default();
        for whose in [OF_PAYER, OF_PAYEE] {
            let ids = self.ids("booking", &format!("{whose} AND {WRITTEN}"), person, limit)?;
            texts.bookings.extend(ids.into_iter().map(BookingId::from_raw));
        }
        texts.bookings.sort_unstable();
        texts.bookings.dedup();
        for whose in [OF_PAYER, "requested_by = $2 AND payer <> $2 AND CAST($1 AS BIGINT) >= 0"] {
            let ids = self.ids(
                "refund",
                &format!("{whose} AND (reason <> '' OR admin_notes <> '')"),
                person,
                limit,
            )?;
            texts.refunds.extend(ids.into_iter().map(RefundId::from_raw));
        }
        let faces = format!("{OF_PAYER} AND (card_brand IS NOT NULL OR card_last_four IS NOT NULL)");
        let ids = self.ids("payment", &faces, person, limit)?;
        texts.payments = ids.into_iter().map(PaymentId::from_raw).collect();
        let sql = format!("SELECT operation, key FROM idempotency WHERE {OF_PERSON} LIMIT {limit}");
        for mut row in self.rows(&sql, &own(person))? {
            texts.answers.push((person, row.text()?, row.text()?));
        }
        texts.told = self.told_to_others(person, limit)?;
        Ok(texts)
    }

    /// Keys of answers that name him, kept for those who dealt with him.
    fn told_to_others(
        &mut self,
        person: PersonId,
        limit: usize,
    ) -> Result<Vec<(PersonId, String, String)>, Fault> {
        const OTHERS: [&str; 3] = [
            "SELECT DISTINCT payee FROM booking WHERE payer = $2 AND CAST($1 AS BIGINT) >= 0",
            "SELECT DISTINCT payer FROM booking WHERE lane = $1 AND payee = $2",
            "SELECT DISTINCT reviewed_by FROM refund WHERE payer = $2 AND reviewed_by IS NOT NULL \
             AND CAST($1 AS BIGINT) >= 0",
        ];
        let Some(Person { uuid, .. }) = self.find::<Person>(&person)? else { return Ok(Vec::new()) };
        let names = Value::Text(uuid);
        let mut told = Vec::new();
        for others in OTHERS {
            for mut row in self.rows(others, &own(person))? {
                let other = PersonId::from_raw(row.int()?);
                let [lane, id] = own(other);
                let sql = format!(
                    "SELECT operation, key FROM idempotency WHERE {OF_PERSON} \
                     AND replace(answer, CAST($3 AS TEXT), '') <> answer LIMIT {limit}"
                );
                for mut row in self.rows(&sql, &[lane, id, names.clone()])? {
                    told.push((other, row.text()?, row.text()?));
                }
                if told.len() >= limit {
                    return Ok(told);
                }
            }
        }
        Ok(told)
    }

    fn ids(
        &mut self,
        table: &str,
        condition: &str,
        person: PersonId,
        limit: usize,
    ) -> Result<Vec<i64>, Fault> {
        let sql = format!("SELECT id FROM {table} WHERE {condition} LIMIT {limit}");
        self.rows(&sql, &own(person))?.into_iter().map(|mut row| row.int()).collect()
    }
}

fn own(person: PersonId) -> [Value; 2] {
    [Value::Int(person.lane().number()), Value::Int(person.raw())]
}
