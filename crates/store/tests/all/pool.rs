//! Readers are lent, bounded, and replaced when they break.

use store::both;
use store::engine::{Access, Fault, OpenError, Options, Pool, Url};
use store::testing::TestDb;

use crate::fruit::{basket, fruit, planted};

fn pool(db: &TestDb, size: usize) -> Pool {
    Pool::new(db.url.clone(), Options::default(), size).unwrap()
}

both! {
    fn each_call_sees_one_snapshot(db) {
        let mut writer = planted(db);
        let pool = pool(db, 2);
        let seen = pool.with(|reader| {
            let before = basket(reader).len();
            writer.insert_many(&[fruit(1, "apple")]).unwrap();
            Ok((before, basket(reader).len(), pool.with(|other| Ok(basket(other).len()))?))
        });
        assert_eq!(seen.unwrap(), (0, 0, 1));
        assert_eq!(pool.with(|reader| Ok(basket(reader).len())).unwrap(), 1);
    }

    fn a_failed_or_panicking_read_gives_its_place_back(db) {
        planted(db);
        let pool = pool(db, 1);
        for _ in 0..3 {
            assert!(pool.with(|reader| reader.query("SELEC", &[])).is_err());
            let panicked = std::thread::scope(|scope| {
                scope.spawn(|| pool.with(|_| -> Result<(), Fault> { panic!("on purpose") })).join()
            });
            assert!(panicked.is_err());
        }
        assert_eq!(pool.with(|reader| Ok(basket(reader).len())).unwrap(), 0);
    }

    fn waiting_readers_get_their_turn(db) {
        planted(db);
        let pool = pool(db, 2);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| pool.with(|reader| Ok(basket(reader))).unwrap());
            }
        });
    }
}

#[test]
fn a_reader_whose_server_restarted_is_replaced_unnoticed() {
    let db = TestDb::postgres();
    let mut killer = planted(&db);
    let pool = pool(&db, 1);
    let victim = pool.with(|reader| reader.query("SELECT pg_backend_pid()", &[])?[0].int()).unwrap();
    killer.query("SELECT pg_terminate_backend(CAST($1 AS INTEGER))", &[victim.into()]).unwrap();
    let alive = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1";
    while killer.query(alive, &[victim.into()]).unwrap()[0].int().unwrap() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(pool.with(|reader| Ok(basket(reader).len())).unwrap(), 0);
}

#[test]
fn an_exhausted_pool_is_unavailable() {
    let db = TestDb::sqlite();
    planted(&db);
    let pool = pool(&db, 1).wait_at_most(std::time::Duration::from_millis(20));
    let inner = pool.with(|_| Ok(pool.with(|_| Ok(())))).unwrap();
    assert!(matches!(inner, Err(Fault::Unavailable(_))));
    pool.with(|_| Ok(())).unwrap();
}

#[test]
fn a_database_in_memory_has_no_readers() {
    assert!(matches!(Pool::new(Url::memory(), Options::default(), 1), Err(OpenError::Url(_))));
    let db = TestDb::sqlite();
    assert!(pool(&db, 1).with(|_| Ok(())).is_err(), "nothing to read before the writer created it");
    drop(db.open(Access::Write));
    pool(&db, 1).with(|_| Ok(())).unwrap();
}
