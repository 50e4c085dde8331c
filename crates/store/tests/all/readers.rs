//! Readers answer in turn, on snapshots, and are replaced when they break.

use std::sync::{Arc, Barrier, mpsc};

use store::both;
use store::engine::{Access, Connection, Fault, OpenError, Options, Readers, Url};
use store::testing::TestDb;

use crate::fruit::{Fruit, basket, fruit, planted};

fn readers(db: &TestDb, size: usize) -> Readers {
    Readers::start(db.url.clone(), Options::default(), size).unwrap()
}

/// Asks and waits; `None` when the question panicked.
fn answer<T: Send + 'static>(
    readers: &Readers,
    question: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
) -> Option<Result<T, Fault>> {
    readers.ask(question).blocking_recv().ok()
}

fn count(readers: &Readers) -> usize {
    answer(readers, |reader| Ok(basket(reader).len())).unwrap().unwrap()
}

both! {
    fn a_question_sees_one_snapshot(db) {
        let mut writer = planted(db);
        let readers = readers(db, 2);
        let (looked, look) = mpsc::channel();
        let (go_on, gone_on) = mpsc::channel::<()>();
        let seen = readers.ask(move |reader| {
            let before = basket(reader).len();
            looked.send(()).unwrap();
            gone_on.recv().unwrap();
            Ok((before, basket(reader).len()))
        });
        look.recv().unwrap();
        writer.insert_many(&[fruit(1, "apple")]).unwrap();
        assert_eq!(count(&readers), 1, "what is asked after a commit sees it");
        go_on.send(()).unwrap();
        assert_eq!(seen.blocking_recv().unwrap().unwrap(), (0, 0));
    }

    fn a_failed_or_panicking_question_disturbs_no_other(db) {
        planted(db);
        let readers = readers(db, 1);
        let (go, wait) = mpsc::channel::<()>();
        // While this one waits the others gather and share what comes next.
        let first = readers.ask(move |_| { wait.recv().unwrap(); Ok(()) });
        let bad = readers.ask(|reader| reader.query("SELEC", &[]));
        let good = readers.ask(|reader| Ok(basket(reader).len()));
        let panicked = readers.ask(|_| -> Result<(), Fault> { panic!("on purpose") });
        let last = readers.ask(|reader| Ok(basket(reader).len()));
        go.send(()).unwrap();
        first.blocking_recv().unwrap().unwrap();
        assert!(bad.blocking_recv().unwrap().is_err());
        assert_eq!(good.blocking_recv().unwrap().unwrap(), 0);
        assert!(panicked.blocking_recv().is_err());
        assert_eq!(last.blocking_recv().unwrap().unwrap(), 0);
    }

    fn everybody_gets_a_turn_and_what_was_asked_is_answered_before_the_end(db) {
        planted(db);
        let readers = readers(db, 2);
        let answers: Vec<_> = (0..200).map(|_| readers.ask(|reader| Ok(basket(reader).len()))).collect();
        drop(readers);
        assert!(answers.into_iter().all(|answer| answer.blocking_recv().unwrap().unwrap() == 0));
    }

    fn beyond_the_bound_a_question_is_refused_at_once(db) {
        planted(db);
        let readers = readers(db, 1);
        let (go, wait) = mpsc::channel::<()>();
        let first = readers.ask(move |_| { wait.recv().unwrap(); Ok(()) });
        let answers: Vec<_> = (0..5_000).map(|_| readers.ask(|_| Ok(()))).collect();
        go.send(()).unwrap();
        first.blocking_recv().unwrap().unwrap();
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).collect();
        let refused = answers.iter().filter(|answer| matches!(answer, Err(Fault::Unavailable(_)))).count();
        assert!((880..=905).contains(&refused), "{refused} refused");
        assert_eq!(count(&readers), 0);
    }
}

/// Ends the session of the one reader; answers when the server has forgotten it.
fn restart(killer: &mut Connection, readers: &Readers) {
    let pid = answer(readers, |reader| reader.query("SELECT pg_backend_pid()", &[])?[0].int());
    let victim = pid.unwrap().unwrap();
    killer.query("SELECT pg_terminate_backend(CAST($1 AS INTEGER))", &[victim.into()]).unwrap();
    let alive = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1";
    while killer.query(alive, &[victim.into()]).unwrap()[0].int().unwrap() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn a_reader_whose_server_restarted_is_replaced_unnoticed() {
    let db = TestDb::postgres();
    let mut killer = planted(&db);
    let readers = readers(&db, 1);
    for _ in 0..20 {
        restart(&mut killer, &readers);
        assert_eq!(count(&readers), 0);
    }
}

#[test]
fn a_reader_that_dies_between_begin_and_its_first_question_asks_again_but_not_later() {
    let db = TestDb::postgres();
    let mut killer = planted(&db);
    let mut reader = db.open(Access::Read);
    let victim = |reader: &mut Connection| {
        let pid = reader.query("SELECT pg_backend_pid()", &[]).unwrap()[0].int().unwrap();
        reader.rollback();
        reader.begin().unwrap();
        pid
    };
    let mut kill = |pid: i64| {
        let sql = "SELECT CAST(CAST(pg_terminate_backend(CAST($1 AS INTEGER), 5000) AS INTEGER) AS BIGINT)";
        assert_eq!(killer.query(sql, &[pid.into()]).unwrap()[0].int().unwrap(), 1, "gone");
    };
    let idle = victim(&mut reader);
    kill(idle);
    assert_eq!(reader.load_many::<Fruit>(&[0], &[vec![1.into()], vec![2.into()]]).unwrap(), []);
    assert_eq!(basket(&mut reader), []);
    let reading = victim(&mut reader);
    assert_eq!(basket(&mut reader), []);
    kill(reading);
    let fault = reader.query("SELECT 1", &[]).unwrap_err();
    assert!(matches!(fault, Fault::Unavailable(_)), "what was read before would be of another snapshot");
}

#[test]
fn a_database_in_memory_has_no_readers() {
    assert!(matches!(Readers::start(Url::memory(), Options::default(), 1), Err(OpenError::Url(_))));
    let db = TestDb::sqlite();
    let early = answer(&readers(&db, 1), |_| Ok(())).unwrap();
    assert!(early.is_err(), "nothing to read before the writer created it");
    drop(db.open(Access::Write));
    answer(&readers(&db, 1), |_| Ok(())).unwrap().unwrap();
}

/// As for the writer: what is stopped in order is one file.
#[test]
fn readers_that_are_closed_leave_no_log() {
    let open_and_close = || {
        for round in 0..20 {
            let db = TestDb::sqlite();
            let writer = planted(&db);
            let readers = readers(&db, 4);
            let all_here = Arc::new(Barrier::new(4));
            let questions: Vec<_> = (0..4)
                .map(|_| {
                    let all_here = Arc::clone(&all_here);
                    readers.ask(move |reader| {
                        all_here.wait();
                        Ok(basket(reader).len())
                    })
                })
                .collect();
            for answer in questions {
                assert_eq!(answer.blocking_recv().unwrap().unwrap(), 0);
            }
            drop(writer);
            drop(readers);
            assert!(!db.url.sqlite_path().unwrap().with_extension("db-wal").exists(), "round {round}");
        }
    };
    std::thread::scope(|scope| {
        (0..4).for_each(|_| {
            scope.spawn(open_and_close);
        });
    });
}
