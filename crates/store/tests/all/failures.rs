//! What goes wrong is told apart, the same way on both engines.

use std::error::Error;

use store::both;
use store::engine::{Access, Column, Connection, Fault, Options, Row, Rule, Table, Value};
use store::testing::TestDb;

use crate::fruit::{Fruit, Lane, basket, fruit, lock, planted};

/// The rule and name of the constraint that refused; the text of the whole chain beside it.
fn refused(connection: &mut Connection, fruits: &[Fruit]) -> (Rule, String) {
    connection.begin().unwrap();
    let fault = connection.insert_many(fruits).and_then(|()| connection.commit()).unwrap_err();
    connection.rollback();
    let mut chain = fault.to_string();
    let mut source = fault.source();
    while let Some(cause) = source {
        chain += &cause.to_string();
        source = cause.source();
    }
    assert!(!format!("{chain}{fault:?}").contains("secret"), "{fault:?}");
    match fault {
        Fault::Constraint { rule, name, .. } => (rule, name),
        other => panic!("{other:?}"),
    }
}

/// A table whose second column is not what its description says.
struct Odd;

impl Table for Odd {
    const NAME: &'static str = "odd";
    const COLUMNS: &'static [Column] = Lane::COLUMNS;
    const KEY: usize = 1;

    fn put(&self, _: &mut Vec<Value>) {}

    fn get(row: &mut Row) -> Result<Odd, Fault> {
        Lane::get(row).map(|_| Odd)
    }
}

both! {
    fn a_broken_rule_is_named_and_no_value_is_told(db) {
        let mut connection = planted(db);
        connection.insert_many(&[fruit(1, "secret")]).unwrap();
        let key = refused(&mut connection, &[fruit(1, "secret twin")]);
        assert_eq!(key, (Rule::Unique, "fruit_pkey".into()));
        let index = refused(&mut connection, &[fruit(2, "pear"), fruit(3, "secret")]);
        assert_eq!(index, (Rule::Unique, "fruit_name".into()));
        let check = refused(&mut connection, &[Fruit { weight: Some(-1), ..fruit(4, "secret plum") }]);
        assert_eq!(check, (Rule::Check, "fruit_weight_check".into()));
        let (rule, _) = refused(&mut connection, &[Fruit { lane: 77, ..fruit(5, "secret fig") }]);
        assert_eq!(rule, Rule::ForeignKey);
        connection.begin().unwrap();
        let sql = "INSERT INTO fruit(lane, id, name) VALUES ($1, $2, $3)";
        let fault = connection.execute(sql, &[1.into(), 6.into(), None::<String>.into()]).unwrap_err();
        connection.rollback();
        assert_eq!(fault.constraint(), Some("fruit.name"));
        assert!(matches!(fault, Fault::Constraint { rule: Rule::NotNull, .. }));
        assert_eq!(basket(&mut connection), [fruit(1, "secret")]);
    }

    fn a_unique_constraint_of_a_table_is_named_alike(db) {
        let mut connection = db.open(Access::Write);
        connection.batch("CREATE TABLE pair(id BIGINT NOT NULL, a BIGINT, b TEXT, PRIMARY KEY (id), UNIQUE (a, b));").unwrap();
        let sql = "INSERT INTO pair(id, a, b) VALUES ($1, $2, $3)";
        connection.execute(sql, &[1.into(), 1.into(), "x".into()]).unwrap();
        let fault = connection.execute(sql, &[2.into(), 1.into(), "x".into()]).unwrap_err();
        assert_eq!(fault.constraint(), Some("pair_a_b_key"));
    }

    fn nothing_is_committed_after_a_failed_statement(db) {
        let mut connection = planted(db);
        connection.begin().unwrap();
        connection.insert_many(&[fruit(1, "apple")]).unwrap();
        connection.execute("UPDATE fruit SET weight = -1", &[]).unwrap_err();
        assert!(matches!(connection.commit(), Err(Fault::Other(_))));
        assert_eq!(basket(&mut connection), []);
        connection.begin().unwrap();
        connection.insert_many(&[fruit(1, "apple")]).unwrap();
        connection.commit().unwrap();
        assert_eq!(basket(&mut connection), [fruit(1, "apple")]);
    }

    fn a_write_among_others_that_is_refused_undoes_them_all(db) {
        let mut connection = planted(db);
        connection.insert_many(&[fruit(9, "quince")]).unwrap();
        connection.begin().unwrap();
        lock(&mut connection, &[1]).unwrap();
        let writes = |connection: &mut Connection| {
            connection.insert_many(&[fruit(1, "apple")])?;
            connection.insert_many(&[fruit(2, "quince")])?;
            connection.update_many([(&Lane { lane: 1, sequence: 10 }, &Lane { lane: 1, sequence: 99 })])?;
            connection.commit()
        };
        let fault = writes(&mut connection).unwrap_err();
        assert_eq!(fault.constraint(), Some("fruit_name"), "{fault:?}");
        connection.rollback();
        assert_eq!(basket(&mut connection), [fruit(9, "quince")]);
        connection.begin().unwrap();
        assert_eq!(lock(&mut connection, &[1]).unwrap(), [Lane { lane: 1, sequence: 10 }]);
        connection.commit().unwrap();
    }

    fn a_look_up_sees_the_writes_before_it(db) {
        let mut connection = planted(db);
        connection.begin().unwrap();
        connection.insert_many(&[fruit(1, "apple"), fruit(2, "pear")]).unwrap();
        connection.delete_many::<Fruit>(&[vec![1.into(), 2.into()]]).unwrap();
        assert_eq!(connection.load_many::<Fruit>(&[0], &[vec![1.into()]]).unwrap(), [fruit(1, "apple")]);
        connection.insert_many(&[fruit(3, "plum")]).unwrap();
        assert_eq!(connection.execute("UPDATE fruit SET weight = 0", &[]).unwrap(), 2);
        connection.update_many([(&fruit(1, "apple"), &fruit(1, "pear"))]).unwrap();
        connection.rollback();
        assert_eq!(basket(&mut connection), []);
    }

    fn a_row_that_does_not_parse_names_table_and_column(db) {
        let mut connection = planted(db);
        connection.batch("CREATE TABLE odd(lane BIGINT NOT NULL, sequence TEXT, PRIMARY KEY (lane)); INSERT INTO odd VALUES (1, 'x')").unwrap();
        let fault = connection.load_many::<Odd>(&[0], &[vec![1.into()]]).map(|_| ()).unwrap_err();
        assert_eq!(fault.to_string(), "corrupt row: table odd, column sequence: expected an integer, found text");
    }

    fn wrong_sql_is_our_mistake(db) {
        let mut connection = planted(db);
        for sql in ["SELECT nothing FROM nowhere", "SELEC", "SELECT CAST(1 AS REAL)"] {
            let fault = connection.query(sql, &[]).unwrap_err();
            assert!(matches!(fault, Fault::Other(_) | Fault::Corrupt(_)), "{sql}: {fault:?}");
            connection.rollback();
        }
        assert!(!connection.broken());
    }

    fn a_second_writer_waits_for_the_lane(db) {
        let mut first = planted(db);
        first.begin().unwrap();
        let lanes = lock(&mut first, &[1, 2]).unwrap();
        let mut second = db.open(Access::Write);
        let waiting = std::thread::scope(|scope| {
            let (told, tell) = std::sync::mpsc::channel();
            let waiting = scope.spawn(move || {
                told.send(()).unwrap();
                second.begin().unwrap();
                let lanes = lock(&mut second, &[2, 3]).unwrap();
                second.commit().unwrap();
                lanes
            });
            tell.recv().unwrap();
            wait_until_blocked(db);
            first.update_many([(&lanes[1], &Lane { sequence: 21, ..lanes[1].clone() })]).unwrap();
            first.commit().unwrap();
            waiting.join().unwrap()
        });
        assert_eq!(waiting, [Lane { lane: 2, sequence: 21 }, Lane { lane: 3, sequence: 30 }]);
    }
}

/// PostgreSQL tells who waits for a lock; SQLite does not, there the test only may be kinder.
fn wait_until_blocked(db: &TestDb) {
    if !db.url.is_postgres() {
        return;
    }
    let mut watcher = db.open(Access::Write);
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while watcher.query(sql, &[]).unwrap()[0].int().unwrap() == 0 {
        std::thread::yield_now();
    }
}

/// Ends the session of `victim` from another one and waits until the server has forgotten it.
fn terminate(db: &TestDb, victim: i64) {
    let mut killer = db.open(Access::Write);
    killer.query("SELECT pg_terminate_backend(CAST($1 AS INTEGER))", &[victim.into()]).unwrap();
    let alive = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1";
    while killer.query(alive, &[victim.into()]).unwrap()[0].int().unwrap() > 0 {
        std::thread::yield_now();
    }
}

fn backend(connection: &mut Connection) -> i64 {
    connection.query("SELECT pg_backend_pid()", &[]).unwrap()[0].int().unwrap()
}

#[test]
fn a_commit_on_a_lost_connection_is_unknown() {
    let db = TestDb::postgres();
    let mut connection = planted(&db);
    connection.begin().unwrap();
    connection.insert_many(&[fruit(1, "apple")]).unwrap();
    let victim = backend(&mut connection);
    terminate(&db, victim);
    let fault = connection.commit().unwrap_err();
    assert!(matches!(fault, Fault::CommitUnknown(_)), "{fault:?}");
    assert!(connection.broken());
    connection.rollback();
    assert!(matches!(connection.begin(), Err(Fault::Unavailable(_))));
    assert_eq!(basket(&mut db.open(Access::Write)), []);
}

#[test]
fn a_commit_with_a_warning_is_unknown() {
    let db = TestDb::postgres();
    let mut connection = planted(&db);
    connection
        .batch(
            "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE WARNING 'the transaction has already committed locally'; RETURN NULL; END $$;
             CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON fruit DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW EXECUTE FUNCTION warn();",
        )
        .unwrap();
    connection.begin().unwrap();
    connection.insert_many(&[fruit(1, "apple")]).unwrap();
    let fault = connection.commit().unwrap_err();
    assert!(matches!(fault, Fault::CommitUnknown(_)), "{fault:?}");
    assert!(connection.broken());
}

#[test]
fn a_commit_that_waits_too_long_is_unknown_and_never_cancelled() {
    let db = TestDb::postgres();
    planted(&db)
        .batch(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON fruit DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION slow();",
        )
        .unwrap();
    let mut holder = db.open(Access::Write);
    holder.query("SELECT pg_advisory_lock(7) IS NULL", &[]).map(drop).unwrap_or_default();
    let options = Options { commit_wait_ms: 50, ..Default::default() };
    let mut connection = Connection::open(&db.url, Access::Write, &options).unwrap();
    connection.begin().unwrap();
    connection.insert_many(&[fruit(1, "apple")]).unwrap();
    let fault = connection.commit().unwrap_err();
    assert!(matches!(fault, Fault::CommitUnknown(_)), "{fault:?}");
    assert!(connection.broken());
    // Unknown indeed: once the wait is over the server commits what nobody waits for any more.
    drop(holder);
    let mut reader = db.open(Access::Write);
    while basket(&mut reader).is_empty() {
        std::thread::yield_now();
    }
}

#[test]
fn a_session_ended_by_the_server_is_unavailable_and_broken() {
    let db = TestDb::postgres();
    let mut connection = planted(&db);
    connection.begin().unwrap();
    let victim = backend(&mut connection);
    terminate(&db, victim);
    let fault = lock(&mut connection, &[1]).unwrap_err();
    assert!(matches!(fault, Fault::Unavailable(_)), "{fault:?}");
    assert!(connection.broken());
}

#[test]
fn a_lock_or_statement_that_takes_too_long_is_unavailable_but_not_broken() {
    let db = TestDb::postgres();
    let mut first = planted(&db);
    first.begin().unwrap();
    lock(&mut first, &[1]).unwrap();
    let options = Options { lock_timeout_ms: 20, statement_timeout_ms: 300, ..Default::default() };
    let mut second = Connection::open(&db.url, Access::Write, &options).unwrap();
    second.begin().unwrap();
    let fault = lock(&mut second, &[1]).unwrap_err();
    assert!(matches!(fault, Fault::Unavailable(_)), "{fault:?}");
    second.rollback();
    let fault = second.query("SELECT pg_sleep(9) IS NULL", &[]).unwrap_err();
    assert!(matches!(fault, Fault::Unavailable(_)), "{fault:?}");
    assert!(!second.broken());
}

#[test]
fn a_race_between_snapshots_is_a_serialization_fault() {
    let db = TestDb::postgres();
    let mut first = planted(&db);
    first.insert_many(&[fruit(1, "apple")]).unwrap();
    let mut second = db.open(Access::Write);
    second.batch("BEGIN ISOLATION LEVEL REPEATABLE READ").unwrap();
    basket(&mut second);
    first.update_many([(&fruit(1, "apple"), &fruit(1, "pear"))]).unwrap();
    let fault = second.update_many([(&fruit(1, "apple"), &fruit(1, "plum"))]).unwrap_err();
    assert!(matches!(fault, Fault::Serialization(_)), "{fault:?}");
}

#[test]
fn a_second_process_that_writes_is_waited_for_and_then_given_up() {
    let db = TestDb::sqlite();
    let mut first = planted(&db);
    first.begin().unwrap();
    let options = Options { busy_timeout_ms: 20, ..Default::default() };
    let mut second = Connection::open(&db.url, Access::Write, &options).unwrap();
    let fault = second.begin().unwrap_err();
    assert!(matches!(fault, Fault::Serialization(_)), "{fault:?}");
    first.commit().unwrap();
    second.begin().unwrap();
    second.rollback();
}
