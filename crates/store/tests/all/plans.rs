//! No question reads a whole table: on both engines every statement finds an index.

use domain::id::{PersonId, SessionId};
use domain::ledger::Balance;
use domain::records::*;
use domain::time::Timestamp;
use store::both;
use store::engine::{Access, Connection, Fault, Options, Value};
use store::reads::bookings::BookingFilter;
use store::reads::exports::ExportFilter;
use store::reads::history::PaidFilter;
use store::reads::payments::{PaymentFilter, Side};
use store::reads::refunds::RefundFilter;
use store::reads::rollups::RollupFilter;
use store::reads::{OfferFilter, Reads};
use store::tables::Stored;
use store::testing::{TestDb, plans};

use crate::market::*;

/// A migrated database in which PostgreSQL takes an index wherever there is one.
fn planner(db: &TestDb) -> Connection {
    settle(db);
    if !db.url.is_postgres() {
        return db.open(Access::Read);
    }
    let url = db.postgres_url_with("options=-c%20enable_seqscan%3Doff%20-c%20enable_sort%3Doff");
    Connection::open(&url, Access::Read, &Options::default()).unwrap()
}

/// A lane grows with its payees' payments, so reading one is no better.
fn whole_table(step: &str) -> bool {
    step.contains("Seq Scan") || step.strip_prefix("SCAN ").is_some_and(is_table) || step.contains("(lane=?)")
}

/// What SQLite scans without an index may also be the result of a question inside the question.
fn is_table(scanned: &str) -> bool {
    store::migrations().iter().any(|step| step.sql.contains(&format!("CREATE TABLE {scanned} (")))
}

/// Sorting is for what was read whole; a list is read in its order.
fn sorts(step: &str) -> bool {
    step.contains("TEMP B-TREE FOR ORDER BY")
        || step.trim_start_matches(['-', '>', ' ']).starts_with("Sort  ")
}

fn indexed<T>(connection: &mut Connection, name: &str, ask: impl FnOnce(&mut Reads<'_>) -> Result<T, Fault>) {
    let steps = plans(connection, ask).unwrap();
    assert!(!steps.is_empty(), "{name} asked nothing");
    assert!(!steps.iter().any(|step| whole_table(step)), "{name}: {steps:#?}");
}

fn ordered<T>(connection: &mut Connection, name: &str, ask: impl FnOnce(&mut Reads<'_>) -> Result<T, Fault>) {
    let steps = plans(connection, ask).unwrap();
    assert!(!steps.iter().any(|step| whole_table(step) || sorts(step)), "{name}: {steps:#?}");
}

/// Loading by key and by group.
fn loads<R: Stored>(connection: &mut Connection) {
    for columns in [&(0..R::KEY).collect::<Vec<_>>()[..], R::GROUP] {
        let terms =
            columns.iter().zip(1..).map(|(index, place)| format!("{} = ${place}", R::COLUMNS[*index].name));
        let values = columns.iter().map(|index| match R::COLUMNS[*index].kind {
            store::engine::Kind::Int => Value::Int(1),
            store::engine::Kind::Text => Value::text("x"),
        });
        let (terms, values): (Vec<_>, Vec<_>) = (terms.collect(), values.collect());
        if terms.is_empty() {
            continue;
        }
        let all = R::COLUMNS.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT {all} FROM {} WHERE {}", R::NAME, terms.join(" AND "));
        let steps = connection.explain(&sql, &values).unwrap();
        assert!(!steps.iter().any(|step| whole_table(step)), "{sql}: {steps:#?}");
        // What is found by several columns must not be looked for by the first of them.
        let found_by = |step: &String| step.matches("=?").count();
        let by_all = connection.is_postgres() || steps.iter().all(|step| found_by(step) == columns.len());
        assert!(by_all, "{sql}: {steps:#?}");
    }
}

macro_rules! load_all {
    ($($field:ident: $record:ident),* $(,)?) => {
        fn load_all(connection: &mut Connection) {
            $(loads::<$record>(connection);)*
        }
    };
}
domain::tables!(load_all);

both! {
    fn rows_are_loaded_by_index(db) {
        let mut connection = planner(db);
        connection.begin().unwrap();
        load_all(&mut connection);
    }

    fn due_work_is_found_in_its_order(db) {
        let mut c = planner(db);
        c.begin().unwrap();
        ordered(&mut c, "due_ops", |reads| reads.due_ops(NOW, 100));
        ordered(&mut c, "due_bookings", |reads| reads.due_bookings(NOW, 100));
        ordered(&mut c, "due_payments", |reads| reads.due_payments(NOW, 100));
        ordered(&mut c, "due_inbox", |reads| reads.due_inbox(NOW, 100));
        ordered(&mut c, "due_jobs", |reads| reads.due_jobs(NOW, 100));
        let (from, until) = (Timestamp(0), NOW);
        let month = ExportFilter { kind: None, from, until, after: None, limit: 500 };
        ordered(&mut c, "exported_payments", |reads| reads.exported_payments(&month));
        indexed(&mut c, "exported_entries", |reads| reads.exported_entries(&month));
        ordered(&mut c, "waiting_deltas", |reads| reads.waiting_deltas(None, 100));
        ordered(&mut c, "expired_slips", |reads| reads.expired_slips(NOW, 100));
        ordered(&mut c, "expired_answers", |reads| reads.expired_answers(NOW, 100));
    }

    fn lists_are_read_in_their_order(db) {
        let mut c = planner(db);
        c.begin().unwrap();
        for side in [Side::Payer, Side::Payee] {
            ordered(&mut c, "bookings", |reads| reads.bookings(&bookings(side)));
            for person in [Some(STUDENT), None] {
                ordered(&mut c, "payments", |reads| reads.payments(&payments(person, side)));
            }
        }
        for person in [Some(STUDENT), None] {
            for states in [vec![], vec![RefundState::Requested]] {
                let filter = RefundFilter { person, states, before: None, limit: 20 };
                ordered(&mut c, "refunds", |reads| reads.refunds(&filter));
            }
        }
        ordered(&mut c, "count_refunds", |reads| reads.count_refunds(RefundState::Requested).map(drop));
        ordered(&mut c, "admins", |reads| reads.admins(20));
        let offers = OfferFilter { category: None, price_minor: (0, 9), session_minutes: (0, 9) };
        ordered(&mut c, "active_offers", |reads| reads.active_offers(&offers, 20));
        ordered(&mut c, "listed_teachers", |reads| reads.listed_teachers(None));
        ordered(&mut c, "people_after", |reads| reads.people_after(None, 20));
        ordered(&mut c, "count_people", |reads| reads.count_people().map(drop));
    }

    fn single_questions_find_an_index(db) {
        let mut c = planner(db);
        c.begin().unwrap();
        indexed(&mut c, "count_bookings", |reads| reads.count_bookings(&bookings(Side::Payer)));
        for side in [Side::Payer, Side::Payee] {
            let (own, usd) = (payments(Some(STUDENT), side), domain::money::Currency::USD);
            let both = PaymentFilter { side: None, ..own.clone() };
            ordered(&mut c, "payment_places of both sides", |reads| reads.payment_places(&both, 40));
            ordered(&mut c, "payment_places", |reads| reads.payment_places(&own, 40));
            let (person, from, until) = (STUDENT, own.from, own.until);
            let paid = PaidFilter { person, kind: None, currency: usd, from, until };
            indexed(&mut c, "history_sums", |reads| reads.history_sums(&own, usd));
            let failed = PaymentFilter { state: Some(PaymentState::Failed), ..own };
            indexed(&mut c, "history_sums of a state", |reads| reads.history_sums(&failed, usd));
            indexed(&mut c, "paid_sums", |reads| reads.paid_sums(&paid));
            let later = PaidFilter { from: NOW, ..paid };
            indexed(&mut c, "paid_sums of some time", |reads| reads.paid_sums(&later));
            indexed(&mut c, "paid_payments", |reads| reads.paid_payments(&paid, side, 100));
        }
        for measure in domain::records::Measure::ALL {
            let (kind, currency) = (None, domain::money::Currency::USD);
            let days = RollupFilter { first_day: 20_000, last_day: 20_029, kind, currency };
            indexed(&mut c, measure.word(), |reads| reads.rollups(&[*measure], &days));
            indexed(&mut c, "large_payments", |reads| reads.large_payments(&days, None, 5));
        }
        indexed(&mut c, "logged_in", |reads| reads.logged_in(SessionId(257)));
        indexed(&mut c, "known", |reads| reads.known(STUDENT));
        ordered(&mut c, "busy", |reads| reads.busy(STUDENT, 20_000..=20_090));
    }
}

fn bookings(side: Side) -> BookingFilter {
    BookingFilter { person: STUDENT, side: Some(side), states: Vec::new(), before: None, limit: 20 }
}

fn payments(person: Option<PersonId>, side: Side) -> PaymentFilter {
    let (from, until) = (Timestamp(0), Timestamp::FAR_FUTURE);
    PaymentFilter {
        person,
        side: Some(side),
        state: None,
        kind: None,
        from,
        until,
        total_minor: (0, i64::MAX),
        before: None,
        limit: 20,
    }
}
