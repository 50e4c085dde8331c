//! The rows of the sandbox's books and the SQL that reads and writes them.
//!
//! Ids are `<kind>_sbx<seed>n<number>`: they sort in the order of creation and never repeat, neither
//! within these books nor (by the seed) between books. The letter between keeps them from looking like
//! card numbers, which logs mask. What a row's change means is not here.

use std::cell::{Cell, RefCell};

use domain::gateway::OpTag;
use domain::money::{Currency, Money};
use domain::time::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, TransactionBehavior, params};

use super::books::BooksError;
use super::faults::Faults;

pub(super) type Sql<T> = rusqlite::Result<T>;

/// Raised with every change of the schema.
const VERSION: i64 = 1;

const SCHEMA: &str = include_str!("schema.sql");

/// States with one spelling in the books, on the wire and in the read-out.
macro_rules! states {
    ($name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name { $($variant),+ }

        impl $name {
            pub(super) fn text(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl ToSql for $name {
            fn to_sql(&self) -> Sql<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.text()))
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                match value.as_str()? {
                    $($text => Ok($name::$variant),)+
                    _ => Err(FromSqlError::InvalidType),
                }
            }
        }
    };
}

states!(ChargeAt {
    NeedsMethod = "needs_method",
    NeedsConfirmation = "needs_confirmation",
    NeedsAction = "needs_action",
    Succeeded = "succeeded",
    Cancelled = "cancelled",
});
states!(RefundAt { Pending = "pending", Succeeded = "succeeded", Failed = "failed" });
states!(DisputeAt {
    NeedsEvidence = "needs_evidence",
    UnderReview = "under_review",
    Won = "won",
    Lost = "lost",
});
states!(PayoutAt { Paid = "paid", Failed = "failed" });

#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub(super) id: String,
    pub(super) created_at: Timestamp,
    pub(super) state: ChargeAt,
    pub(super) amount: Money,
    /// Refunds that succeeded or are pending.
    pub(super) refunded: Money,
    pub(super) customer: Option<String>,
    /// The token that was given.
    pub(super) method: Option<String>,
    /// The name of the test card behind it.
    pub(super) card: Option<String>,
    /// The test card whose refusal came last, or [`NOT_AUTHENTICATED`].
    pub(super) decline: Option<String>,
    pub(super) movement: Option<String>,
    pub(super) tag: Option<OpTag>,
    pub(super) description: String,
}

/// Stands in [`Charge::decline`] for a challenge that the payer failed.
pub(super) const NOT_AUTHENTICATED: &str = "not_authenticated";

#[derive(Clone, Debug)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) created_at: Timestamp,
    pub(super) charge: String,
    pub(super) state: RefundAt,
    pub(super) amount: Money,
    pub(super) failure: Option<String>,
    /// When it becomes `then`.
    pub(super) due_at: Option<Timestamp>,
    pub(super) then: Option<RefundAt>,
    pub(super) tag: Option<OpTag>,
}

#[derive(Clone, Debug)]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) created_at: Timestamp,
    pub(super) charge: String,
    pub(super) state: DisputeAt,
    pub(super) amount: Money,
    /// Lost when still open then.
    pub(super) due_at: Timestamp,
}

#[derive(Clone, Debug)]
pub(super) struct Payout {
    pub(super) id: String,
    pub(super) created_at: Timestamp,
    pub(super) state: PayoutAt,
    pub(super) amount: Money,
    /// The last four characters; the rest is nobody's business here.
    pub(super) account_ending: String,
    pub(super) failure: Option<String>,
    /// When the bank returns it.
    pub(super) returns_at: Option<Timestamp>,
    pub(super) tag: Option<OpTag>,
}

/// A saved card: a customer's own token for one of the test cards.
#[derive(Clone, Debug)]
pub(super) struct SavedCard {
    pub(super) id: String,
    pub(super) customer: String,
    pub(super) card: String,
    pub(super) detached: bool,
}

/// The answer stored under an idempotency key.
pub(super) struct StoredAnswer {
    pub(super) request: [u8; 32],
    pub(super) body: String,
}

/// The open books: a connection, the id counter and the script of faults.
pub(super) struct Tables {
    pub(super) connection: Connection,
    seed: u32,
    next: Cell<i64>,
    pub(super) faults: RefCell<Faults>,
}

impl Tables {
    pub(super) fn open(connection: Connection, seed: u32) -> Result<Tables, BooksError> {
        connection.set_prepared_statement_cache_capacity(64);
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version > VERSION {
            return Err(BooksError::Version(version));
        }
        connection.execute_batch(SCHEMA)?;
        connection.pragma_update(None, "user_version", VERSION)?;
        connection.execute(
            "INSERT INTO counter (one, seed, next) VALUES (1, $1, 1) ON CONFLICT DO NOTHING",
            [seed],
        )?;
        let seed = connection.query_row("SELECT seed FROM counter", [], |row| row.get(0))?;
        Ok(Tables { connection, seed, next: Cell::default(), faults: RefCell::default() })
    }

    /// Commits all that `work` wrote, or nothing. The counter is read anew each time: after a
    /// rollback it stands where it stood, and another process may have moved it.
    pub(super) fn atomically<R>(&self, work: impl FnOnce() -> Sql<R>) -> Sql<R> {
        let open = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let before = self
            .one("SELECT next FROM counter", [], |row| row.get(0))?
            .ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        self.next.set(before);
        let done = work()?;
        if self.next.get() != before {
            self.write("UPDATE counter SET next = $1", [self.next.get()])?;
        }
        open.commit()?;
        Ok(done)
    }

    /// A new id: `pi_sbx…`, `re_sbx…`.
    pub(super) fn id(&self, kind: &str) -> String {
        let number = self.next.get();
        self.next.set(number + 1);
        format!("{kind}_sbx{:08x}n{number:010x}", self.seed)
    }

    pub(super) fn write(&self, sql: &str, values: impl Params) -> Sql<usize> {
        self.connection.prepare_cached(sql)?.execute(values)
    }

    pub(super) fn one<R>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> Sql<R>,
    ) -> Sql<Option<R>> {
        self.connection.prepare_cached(sql)?.query_row(values, read).optional()
    }

    pub(super) fn all<R>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> Sql<R>,
    ) -> Sql<Vec<R>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_map(values, read)?.collect()
    }

    pub(super) fn charge(&self, id: &str) -> Sql<Option<Charge>> {
        self.one(
            "SELECT id, created_at, state, amount, currency, refunded, customer, method, card,
                    decline, movement, instance, op, description
             FROM charge WHERE id = $1",
            [id],
            Charge::read,
        )
    }

    pub(super) fn put_charge(&self, c: &Charge) -> Sql<()> {
        let (instance, op) = split(c.tag.as_ref());
        self.write(
            "INSERT INTO charge (id, created_at, state, amount, currency, refunded, customer,
                                 method, card, decline, movement, instance, op, description)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
             ON CONFLICT (id) DO UPDATE SET state = $3, refunded = $6, method = $8, card = $9,
                                            decline = $10, movement = $11",
            params![
                c.id,
                c.created_at.0,
                c.state,
                c.amount.minor,
                c.amount.currency.code(),
                c.refunded.minor,
                c.customer,
                c.method,
                c.card,
                c.decline,
                c.movement,
                instance,
                op,
                c.description
            ],
        )?;
        Ok(())
    }

    pub(super) fn refund(&self, id: &str) -> Sql<Option<Refund>> {
        self.one(
            "SELECT id, created_at, charge, state, amount, currency, failure, due_at, becomes,
                    instance, op
             FROM refund WHERE id = $1",
            [id],
            Refund::read,
        )
    }

    pub(super) fn put_refund(&self, r: &Refund) -> Sql<()> {
        let (instance, op) = split(r.tag.as_ref());
        self.write(
            "INSERT INTO refund (id, created_at, charge, state, amount, currency, failure, due_at,
                                 becomes, instance, op)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (id) DO UPDATE SET state = $4, failure = $7, due_at = $8, becomes = $9",
            params![
                r.id,
                r.created_at.0,
                r.charge,
                r.state,
                r.amount.minor,
                r.amount.currency.code(),
                r.failure,
                r.due_at.map(|at| at.0),
                r.then,
                instance,
                op
            ],
        )?;
        Ok(())
    }

    pub(super) fn dispute(&self, id: &str) -> Sql<Option<Dispute>> {
        self.one(
            "SELECT id, created_at, charge, state, amount, currency, due_at
             FROM dispute WHERE id = $1",
            [id],
            Dispute::read,
        )
    }

    pub(super) fn put_dispute(&self, d: &Dispute) -> Sql<()> {
        self.write(
            "INSERT INTO dispute (id, created_at, charge, state, amount, currency, due_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (id) DO UPDATE SET state = $4",
            params![
                d.id,
                d.created_at.0,
                d.charge,
                d.state,
                d.amount.minor,
                d.amount.currency.code(),
                d.due_at.0
            ],
        )?;
        Ok(())
    }

    /// Whether the payer's bank holds, or has taken, the charge's money.
    pub(super) fn is_disputed(&self, charge: &str) -> Sql<bool> {
        let sql = "SELECT 1 FROM dispute WHERE charge = $1 AND state <> 'won'";
        Ok(self.one(sql, [charge], |_| Ok(()))?.is_some())
    }

    pub(super) fn payout(&self, id: &str) -> Sql<Option<Payout>> {
        self.one(
            "SELECT id, created_at, state, amount, currency, account_ending, failure, returns_at,
                    instance, op
             FROM payout WHERE id = $1",
            [id],
            Payout::read,
        )
    }

    pub(super) fn put_payout(&self, p: &Payout) -> Sql<()> {
        let (instance, op) = split(p.tag.as_ref());
        self.write(
            "INSERT INTO payout (id, created_at, state, amount, currency, account_ending, failure,
                                 returns_at, instance, op)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (id) DO UPDATE SET state = $3, failure = $7, returns_at = $8",
            params![
                p.id,
                p.created_at.0,
                p.state,
                p.amount.minor,
                p.amount.currency.code(),
                p.account_ending,
                p.failure,
                p.returns_at.map(|at| at.0),
                instance,
                op
            ],
        )?;
        Ok(())
    }

    /// The stored answer of a key that is younger than `since`.
    pub(super) fn answer(&self, key: &str, since: Timestamp) -> Sql<Option<StoredAnswer>> {
        self.one(
            "SELECT request, body FROM answer WHERE key = $1 AND created_at > $2",
            params![key, since.0],
            |row| Ok(StoredAnswer { request: row.get(0)?, body: row.get(1)? }),
        )
    }

    pub(super) fn put_answer(&self, key: &str, now: Timestamp, answer: &StoredAnswer) -> Sql<()> {
        self.write(
            "INSERT INTO answer (key, created_at, request, body) VALUES ($1, $2, $3, $4)
             ON CONFLICT (key) DO UPDATE SET created_at = $2, request = $3, body = $4",
            params![key, now.0, answer.request, answer.body],
        )?;
        Ok(())
    }
}

impl Charge {
    pub(super) fn read(row: &Row<'_>) -> Sql<Charge> {
        let amount = money(row, "amount")?;
        Ok(Charge {
            id: row.get("id")?,
            created_at: Timestamp(row.get("created_at")?),
            state: row.get("state")?,
            amount,
            refunded: money(row, "refunded")?,
            customer: row.get("customer")?,
            method: row.get("method")?,
            card: row.get("card")?,
            decline: row.get("decline")?,
            movement: row.get("movement")?,
            tag: tag(row)?,
            description: row.get("description")?,
        })
    }
}

impl Refund {
    pub(super) fn read(row: &Row<'_>) -> Sql<Refund> {
        Ok(Refund {
            id: row.get("id")?,
            created_at: Timestamp(row.get("created_at")?),
            charge: row.get("charge")?,
            state: row.get("state")?,
            amount: money(row, "amount")?,
            failure: row.get("failure")?,
            due_at: row.get::<_, Option<i64>>("due_at")?.map(Timestamp),
            then: row.get("becomes")?,
            tag: tag(row)?,
        })
    }
}

impl Dispute {
    pub(super) fn read(row: &Row<'_>) -> Sql<Dispute> {
        Ok(Dispute {
            id: row.get("id")?,
            created_at: Timestamp(row.get("created_at")?),
            charge: row.get("charge")?,
            state: row.get("state")?,
            amount: money(row, "amount")?,
            due_at: Timestamp(row.get("due_at")?),
        })
    }
}

impl Payout {
    pub(super) fn read(row: &Row<'_>) -> Sql<Payout> {
        Ok(Payout {
            id: row.get("id")?,
            created_at: Timestamp(row.get("created_at")?),
            state: row.get("state")?,
            amount: money(row, "amount")?,
            account_ending: row.get("account_ending")?,
            failure: row.get("failure")?,
            returns_at: row.get::<_, Option<i64>>("returns_at")?.map(Timestamp),
            tag: tag(row)?,
        })
    }
}

fn money(row: &Row<'_>, column: &str) -> Sql<Money> {
    let code: String = row.get("currency")?;
    let currency = Currency::parse(&code).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(
            0,
            rusqlite::types::Type::Text,
            format!("unknown currency {code}").into(),
        )
    })?;
    Ok(currency.minor(row.get(column)?))
}

fn tag(row: &Row<'_>) -> Sql<Option<OpTag>> {
    let instance: Option<String> = row.get("instance")?;
    let op: Option<i64> = row.get("op")?;
    Ok(instance.zip(op).map(|(instance, op)| OpTag { instance, op }))
}

fn split(tag: Option<&OpTag>) -> (Option<&str>, Option<i64>) {
    (tag.map(|tag| tag.instance.as_str()), tag.map(|tag| tag.op))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_looks_like_a_card_number() {
        // The shortest card number has 13 digits.
        const SHORTEST: usize = 13;
        let tables =
            Tables::open(Connection::open_in_memory().expect("memory"), 0x4242_4242).expect("tables");
        let ids: Vec<String> = (0..20).map(|_| tables.id("pi")).collect();
        assert!(ids.is_sorted(), "{ids:?}");
        for id in ids {
            assert!(id.split(|c: char| !c.is_ascii_digit()).all(|digits| digits.len() < SHORTEST), "{id}");
        }
    }
}
