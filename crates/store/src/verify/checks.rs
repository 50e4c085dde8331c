//! The invariants that one lane can answer for, one statement each. `$1` is the lane; the columns are
//! what, which, expected, found.

use super::{Check, FINDINGS_MAX, Finding};
use crate::engine::{Fault, Value};
use crate::reads::Reads;

pub(super) const CHECKS: &[Check] = &[
    Check {
        invariant: "I1",
        sql: "
        SELECT 'sum of entry', p.entry, CAST(0 AS BIGINT),
               CAST(CASE WHEN CAST(sum(p.posted_minor) AS BIGINT) <> 0 THEN CAST(sum(p.posted_minor) AS BIGINT) ELSE CAST(sum(p.pending_minor) AS BIGINT) END AS BIGINT)
          FROM posting AS p
         WHERE p.lane = $1
         GROUP BY p.entry, p.currency
        HAVING CAST(sum(p.posted_minor) AS BIGINT) <> 0 OR CAST(sum(p.pending_minor) AS BIGINT) <> 0",
    },
    Check {
        invariant: "I1",
        sql: "
        SELECT 'postings in the currency of entry', e.id, CAST(count(p.entry) AS BIGINT),
               CAST(count(CASE WHEN p.currency = e.currency THEN 1 END) AS BIGINT)
          FROM entry AS e JOIN posting AS p ON p.lane = e.lane AND p.entry = e.id
         WHERE e.lane = $1
         GROUP BY e.id
        HAVING count(p.entry) <> count(CASE WHEN p.currency = e.currency THEN 1 END)",
    },
    Check {
        invariant: "I2",
        sql: "
        SELECT 'sum of all balances in ' || currency || ' of lane', lane, CAST(0 AS BIGINT),
               CAST(CASE WHEN CAST(sum(posted_minor) AS BIGINT) <> 0 THEN CAST(sum(posted_minor) AS BIGINT) ELSE CAST(sum(pending_minor) AS BIGINT) END AS BIGINT)
          FROM balance
         WHERE lane = $1
         GROUP BY lane, currency
        HAVING CAST(sum(posted_minor) AS BIGINT) <> 0 OR CAST(sum(pending_minor) AS BIGINT) <> 0",
    },
    Check { invariant: "I3", sql: BALANCE_POSTED },
    Check { invariant: "I3", sql: BALANCE_PENDING },
    Check { invariant: "I3", sql: BALANCE_COUNT },
    Check {
        invariant: "I4",
        sql: "
        SELECT 'postings of entry', e.id, CAST(coalesce(max(p.number), 2) AS BIGINT), CAST(count(p.number) AS BIGINT)
          FROM entry AS e LEFT JOIN posting AS p ON p.lane = e.lane AND p.entry = e.id
         WHERE e.lane = $1
         GROUP BY e.id
        HAVING count(p.number) <> coalesce(max(p.number), 2)",
    },
    Check {
        invariant: "I5",
        sql: "
        SELECT 'fee and share of payment', id, total_minor + subsidy_minor, fee_minor + share_minor
          FROM payment
         WHERE lane = $1 AND total_minor + subsidy_minor <> fee_minor + share_minor",
    },
    Check {
        invariant: "I5",
        sql: "
        SELECT 'price after discount of payment', id, list_minor - discount_minor, base_minor
          FROM payment
         WHERE lane = $1 AND list_minor - discount_minor <> base_minor",
    },
    Check {
        invariant: "I5",
        sql: "
        SELECT 'fee and share of refund', id, amount_minor + subsidy_minor, fee_minor + share_minor
          FROM refund
         WHERE lane = $1 AND amount_minor + subsidy_minor <> fee_minor + share_minor",
    },
    Check {
        invariant: "I6",
        sql: "
        SELECT account || ' ' || currency || ' of person', owner, CAST(0 AS BIGINT), posted_minor + pending_minor
          FROM balance
         WHERE lane = $1
           AND ((account IN ('payee:pending', 'payee:available') AND posted_minor + pending_minor > 0)
             OR (account = 'payee:receivable' AND posted_minor + pending_minor < 0))",
    },
    Check { invariant: "I7", sql: CLEARING },
    Check {
        invariant: "I8",
        sql: "
        SELECT 'live or successful charges of payment', payment, CAST(1 AS BIGINT), CAST(count(id) AS BIGINT)
          FROM op
         WHERE lane = $1 AND kind = 'charge'
           AND state IN ('intent', 'in_flight', 'waiting', 'unknown', 'succeeded')
         GROUP BY payment
        HAVING count(id) > 1",
    },
    Check {
        invariant: "I9",
        sql: "
        SELECT 'charge that paid payment', p.id, CAST(1 AS BIGINT), CAST(count(o.id) AS BIGINT)
          FROM payment AS p
          LEFT JOIN op AS o ON o.lane = p.lane AND o.id = p.op AND o.payment = p.id AND o.kind = 'charge'
               AND o.state IN ('succeeded', 'late')
         WHERE p.lane = $1 AND p.state IN ('completed', 'partially_refunded', 'refunded', 'disputed')
         GROUP BY p.id
        HAVING count(o.id) <> 1",
    },
    Check {
        invariant: "I9",
        sql: "
        SELECT 'captured amount of the payment of charge', o.id, o.amount_minor, p.captured_minor
          FROM op AS o JOIN payment AS p ON p.lane = o.lane AND p.id = o.payment
         WHERE o.lane = $1 AND o.kind = 'charge' AND o.state = 'succeeded'
           AND (p.captured_minor <> o.amount_minor OR p.op <> o.id
             OR p.state NOT IN ('completed', 'partially_refunded', 'refunded', 'disputed'))",
    },
    Check {
        invariant: "I9",
        sql: "
        SELECT 'payment of booking', b.id, b.payment, coalesce(p.id, 0)
          FROM booking AS b LEFT JOIN payment AS p ON p.lane = b.lane AND p.booking = b.id
         WHERE b.lane = $1 AND b.payment IS NOT NULL AND (p.id IS NULL OR p.id <> b.payment)",
    },
    Check {
        invariant: "I9",
        sql: "
        SELECT 'payment of the booking of payment', p.id, p.id, coalesce(b.payment, 0)
          FROM payment AS p LEFT JOIN booking AS b ON b.lane = p.lane AND b.id = p.booking
         WHERE p.lane = $1 AND p.booking IS NOT NULL AND (b.payment IS NULL OR b.payment <> p.id)",
    },
    Check {
        invariant: "I11",
        sql: "
        SELECT 'amount of the charge of payment', p.id, p.total_minor, o.amount_minor
          FROM payment AS p JOIN op AS o ON o.lane = p.lane AND o.id = p.op
         WHERE p.lane = $1 AND p.captured_minor > 0
           AND (o.amount_minor <> p.total_minor OR o.currency <> p.currency)",
    },
    Check {
        invariant: "I12",
        sql: "
        SELECT 'refunded part of ' || state || ' payment', id, captured_minor, refunded_minor
          FROM payment
         WHERE lane = $1
           AND ((state = 'completed' AND (refunded_minor <> 0 OR captured_minor <> total_minor))
             OR (state = 'partially_refunded' AND (refunded_minor <= 0 OR refunded_minor >= captured_minor))
             OR (state = 'refunded' AND refunded_minor <> captured_minor)
             OR (state IN ('pending', 'processing', 'failed', 'cancelled') AND captured_minor <> 0))",
    },
    Check {
        invariant: "I12",
        sql: "
        SELECT 'live charges of processing payment', p.id, CAST(1 AS BIGINT), CAST(count(o.id) AS BIGINT)
          FROM payment AS p
          LEFT JOIN op AS o ON o.lane = p.lane AND o.payment = p.id AND o.kind = 'charge'
               AND o.state IN ('intent', 'in_flight', 'waiting', 'unknown')
         WHERE p.lane = $1 AND p.state = 'processing'
         GROUP BY p.id
        HAVING count(o.id) <> 1",
    },
    Check {
        invariant: "I12",
        sql: "
        SELECT 'operation of ' || r.state || ' refund', r.id, CAST(1 AS BIGINT), CAST(count(o.id) AS BIGINT)
          FROM refund AS r
          LEFT JOIN op AS o ON o.lane = r.lane AND o.id = r.op AND o.refund = r.id AND o.kind = 'refund'
               AND o.payment = r.payment AND o.amount_minor = r.amount_minor
               AND ((r.state = 'processing' AND o.state IN ('intent', 'in_flight', 'waiting', 'unknown'))
                 OR (r.state = 'processed' AND o.state = 'succeeded')
                 OR (r.state = 'failed' AND o.state IN ('failed', 'returned', 'late')))
         WHERE r.lane = $1 AND r.state IN ('processing', 'processed', 'failed')
         GROUP BY r.id, r.state
        HAVING count(o.id) <> 1",
    },
    Check {
        invariant: "I13",
        sql: "
        SELECT 'wake-ups of live operation', id, CAST(1 AS BIGINT), CAST(0 AS BIGINT)
          FROM op
         WHERE lane = $1 AND state IN ('intent', 'in_flight', 'waiting', 'unknown') AND wake_at IS NULL",
    },
    Check {
        invariant: "I13",
        sql: "
        SELECT 'wake-ups of open booking', id, CAST(1 AS BIGINT), CAST(0 AS BIGINT)
          FROM booking
         WHERE lane = $1 AND state IN ('pending', 'confirmed') AND wake_at IS NULL",
    },
    Check { invariant: "I14", sql: REFUNDED },
    Check { invariant: "I14", sql: RESERVED },
    Check {
        invariant: "I14",
        sql: "
        SELECT 'refunds of payment', id, captured_minor, refunded_minor + refund_reserved_minor
          FROM payment
         WHERE lane = $1 AND refunded_minor + refund_reserved_minor > captured_minor",
    },
    Check {
        invariant: "I15",
        sql: "
        SELECT 'successful operations of refund', refund, CAST(1 AS BIGINT), CAST(count(id) AS BIGINT)
          FROM op
         WHERE lane = $1 AND refund IS NOT NULL AND state IN ('succeeded', 'late')
         GROUP BY refund
        HAVING count(id) > 1",
    },
    Check { invariant: "I17", sql: CHARGE_FEES },
    Check { invariant: "I17", sql: CHARGE_SHARES },
    Check { invariant: "I17", sql: REFUND_POSTED },
    Check { invariant: "I17", sql: REFUND_PENDING },
    Check { invariant: "I17", sql: PAYEE_PENDING },
    Check { invariant: "I17", sql: PAYEE_NET },
    Check {
        invariant: "I20",
        sql: "
        SELECT 'overlapping bookings of person', a.party, a.booking, b.booking
          FROM busy AS a
          JOIN busy AS b ON b.lane = a.lane AND b.party = a.party AND b.day = a.day AND b.booking > a.booking
         WHERE a.lane = $1 AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at",
    },
];

macro_rules! balance {
    ($moved:literal, $kept:literal) => {
        concat!(
            "SELECT '",
            $moved,
            " of ' || account || ' ' || currency || ' of person', owner,
                    CAST(sum(moved) AS BIGINT), CAST(sum(kept) AS BIGINT)
               FROM (SELECT account, owner, currency, ",
            $moved,
            " AS moved, 0 AS kept FROM posting WHERE lane = $1
                     UNION ALL
                     SELECT account, owner, currency, 0, ",
            $kept,
            " FROM balance WHERE lane = $1) AS both_sides
              GROUP BY account, owner, currency
             HAVING CAST(sum(moved) AS BIGINT) <> CAST(sum(kept) AS BIGINT)"
        )
    };
}

const BALANCE_POSTED: &str = balance!("posted_minor", "posted_minor");
const BALANCE_PENDING: &str = balance!("pending_minor", "pending_minor");
const BALANCE_COUNT: &str = balance!("1", "postings");

/// Clearing is what was captured and not returned, and what waits in suspense for it.
const CLEARING: &str = "
    SELECT 'clearing of ' || gateway || ' in ' || currency || ' of lane', lane,
           CAST(sum(expected) AS BIGINT), CAST(sum(found) AS BIGINT)
      FROM (SELECT lane, gateway, currency, captured_minor - refunded_minor AS expected, 0 AS found
              FROM payment WHERE lane = $1
            UNION ALL
            SELECT o.lane, o.gateway, p.currency, -p.posted_minor, 0
              FROM entry AS e
              JOIN posting AS p ON p.lane = e.lane AND p.entry = e.id AND p.account = 'suspense'
              JOIN op AS o ON o.lane = e.lane AND o.id = e.subject_id
             WHERE e.lane = $1 AND e.subject = 'op'
            UNION ALL
            SELECT lane, substr(account, 10), currency, 0, posted_minor
              FROM balance WHERE lane = $1 AND substr(account, 1, 9) = 'clearing:') AS both_sides
     GROUP BY lane, gateway, currency
    HAVING CAST(sum(expected) AS BIGINT) <> CAST(sum(found) AS BIGINT)";

macro_rules! refunds {
    ($column:literal, $state:literal) => {
        concat!(
            "SELECT '",
            $column,
            " of payment', p.id, CAST(coalesce(CAST(sum(r.amount_minor) AS BIGINT), 0) AS BIGINT), p.",
            $column,
            "
               FROM payment AS p
               LEFT JOIN refund AS r ON r.lane = p.lane AND r.payment = p.id AND r.state = '",
            $state,
            "'
              WHERE p.lane = $1
              GROUP BY p.id, p.",
            $column,
            "
             HAVING coalesce(CAST(sum(r.amount_minor) AS BIGINT), 0) <> p.",
            $column
        )
    };
}

const REFUNDED: &str = refunds!("refunded_minor", "processed");
const RESERVED: &str = refunds!("refund_reserved_minor", "processing");

/// Every captured payment has its fee and its share posted, once; no other payment has.
macro_rules! charged {
    ($account:literal, $column:literal) => {
        concat!(
            "SELECT '", $account, " posted for payment', id, CAST(sum(expected) AS BIGINT), CAST(sum(found) AS BIGINT)
               FROM (SELECT id, CASE WHEN captured_minor > 0 THEN -", $column, " ELSE 0 END AS expected, 0 AS found
                       FROM payment WHERE lane = $1
                     UNION ALL
                     SELECT o.payment, 0, p.posted_minor
                       FROM entry AS e
                       JOIN op AS o ON o.lane = e.lane AND o.id = e.subject_id
                       JOIN posting AS p ON p.lane = e.lane AND p.entry = e.id AND p.account = '", $account, "'
                      WHERE e.lane = $1 AND e.subject = 'op' AND e.recipe IN ('charge', 'suspense_to_payment'))
                    AS both_sides
              GROUP BY id
             HAVING CAST(sum(expected) AS BIGINT) <> CAST(sum(found) AS BIGINT)"
        )
    };
}

const CHARGE_FEES: &str = charged!("fees", "fee_minor");
const CHARGE_SHARES: &str = charged!("payee:pending", "share_minor");

/// What a refund's entries did to clearing and fees, by its state.
macro_rules! returned {
    ($moved:literal, $state:literal) => {
        concat!(
            "SELECT '", $moved, " for refund', id, CAST(sum(expected) AS BIGINT), CAST(sum(found) AS BIGINT)
               FROM (SELECT id, CASE WHEN state = '", $state, "' THEN fee_minor - 2 * amount_minor ELSE 0 END AS expected,
                            0 AS found
                       FROM refund WHERE lane = $1
                     UNION ALL
                     SELECT o.refund, 0, CASE WHEN p.account = 'fees' THEN p.", $moved, " ELSE 2 * p.", $moved, " END
                       FROM entry AS e
                       JOIN op AS o ON o.lane = e.lane AND o.id = e.subject_id AND o.refund IS NOT NULL
                       JOIN posting AS p ON p.lane = e.lane AND p.entry = e.id
                            AND (p.account = 'fees' OR substr(p.account, 1, 9) = 'clearing:')
                      WHERE e.lane = $1 AND e.subject = 'op'
                        AND e.recipe IN ('refund_pending', 'refund', 'refund_void', 'refund_returned')) AS both_sides
              GROUP BY id
             HAVING CAST(sum(expected) AS BIGINT) <> CAST(sum(found) AS BIGINT)"
        )
    };
}

const REFUND_POSTED: &str = returned!("posted_minor", "processed");
const REFUND_PENDING: &str = returned!("pending_minor", "processing");

/// What a payee has pending is the unreleased shares less what refunds took or hold of them.
const PAYEE_PENDING: &str = "
    SELECT 'pending ' || currency || ' of payee', payee, CAST(sum(expected) AS BIGINT), CAST(sum(found) AS BIGINT)
      FROM (SELECT payee, currency, -share_minor AS expected, 0 AS found
              FROM payment WHERE lane = $1 AND captured_minor > 0 AND released_at IS NULL
            UNION ALL
            SELECT p.payee, p.currency, r.from_pending_minor, 0
              FROM refund AS r JOIN payment AS p ON p.lane = r.lane AND p.id = r.payment AND p.released_at IS NULL
             WHERE r.lane = $1 AND r.state IN ('processing', 'processed')
            UNION ALL
            SELECT owner, currency, 0, posted_minor + pending_minor
              FROM balance WHERE lane = $1 AND account = 'payee:pending') AS both_sides
     GROUP BY payee, currency
    HAVING CAST(sum(expected) AS BIGINT) <> CAST(sum(found) AS BIGINT)";

/// All that a payee has and owes is his shares less what refunds took or hold of them.
const PAYEE_NET: &str = "
    SELECT 'all ' || currency || ' of payee', payee, CAST(sum(expected) AS BIGINT), CAST(sum(found) AS BIGINT)
      FROM (SELECT payee, currency, -share_minor AS expected, 0 AS found
              FROM payment WHERE lane = $1 AND captured_minor > 0
            UNION ALL
            SELECT p.payee, p.currency, r.share_minor, 0
              FROM refund AS r JOIN payment AS p ON p.lane = r.lane AND p.id = r.payment
             WHERE r.lane = $1 AND r.state IN ('processing', 'processed')
            UNION ALL
            SELECT owner, currency, 0, posted_minor + pending_minor
              FROM balance
             WHERE lane = $1 AND account IN ('payee:pending', 'payee:available', 'payee:receivable')) AS both_sides
     GROUP BY payee, currency
    HAVING CAST(sum(expected) AS BIGINT) <> CAST(sum(found) AS BIGINT)";

/// Tables whose ids are given out by their lane.
const WITH_IDS: [&str; 15] = [
    "person",
    "session",
    "offer",
    "booking",
    "payment",
    "op",
    "refund",
    "card",
    "entry",
    "event",
    "job",
    "inbox",
    "audit",
    "alert",
    "rollup_delta",
];

/// An id says its lane, and was given out by it: the next one is higher than all.
pub(super) fn ids(reads: &mut Reads<'_>, lane: i64, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    for table in WITH_IDS {
        let sql = format!(
            "SELECT id, next FROM {table} JOIN lane ON lane.lane = {table}.lane
              WHERE {table}.lane = $1 AND (id % 256 <> {table}.lane OR id / 256 >= next OR id < 256)
              LIMIT {FINDINGS_MAX}"
        );
        for mut row in reads.rows(&sql, &[Value::Int(lane)])? {
            let (id, next) = (row.int()?, row.int()?);
            let detail =
                format!("lane {lane}: {table} {id} is not of this lane or not below its next id {next}");
            findings.push(Finding { invariant: "ids", detail });
        }
    }
    Ok(())
}
