//! Copies of a database in use, and databases that were put back from them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use domain::id::{Id, Lane};
use domain::records::LaneRow;
use store::backup::{CopyError, Place, back_up, restore};
use store::both;
use store::engine::{Access, Connection, Options, Url};
use store::migrate::Status;
use store::testing::TestDb;
use store::verify::verify_database;

use crate::market::*;

const INSTANCE: &str = "6f0e7c1a-3b52-4d0e-9a55-0c8a52f1d001";

fn with_place<T>(url: &Url, instance: &str, run: impl FnOnce(&Place<'_>) -> T) -> T {
    run(&Place { url, options: &Options::default(), instance, now: NOW })
}

fn copied(url: &Url, file: &Path) -> Result<(), CopyError> {
    with_place(url, INSTANCE, |from| back_up(from, file))
}

fn put_back(file: &Path, url: &Url) -> Result<Option<PathBuf>, CopyError> {
    with_place(url, INSTANCE, |to| restore(file, to))
}

fn file_url(file: &Path) -> Url {
    Url::parse(&format!("sqlite:{}", file.display())).unwrap()
}

fn connection(url: &Url) -> Connection {
    Connection::open(url, Access::Read, &Options::default()).unwrap()
}

/// How many rows each table of the migration has.
fn counts(url: &Url) -> Vec<(String, i64)> {
    let mut connection = connection(url);
    let sql = store::migrations()[0].sql;
    let tables = sql.split("CREATE TABLE ").skip(1).map(|rest| rest.split(' ').next().unwrap());
    let count = |table: &str| {
        let sql = format!("SELECT CAST(count(*) AS BIGINT) FROM {table}");
        (table.to_owned(), connection.query(&sql, &[]).unwrap()[0].int().unwrap())
    };
    tables.map(count).collect()
}

fn in_order(url: &Url) {
    assert_eq!(verify_database(url, &Options::default()).unwrap(), []);
    assert_eq!(store::schema_status(url, &Options::default()).unwrap(), Status::Current);
}

both! {
    /// Payments go on while the copy is taken; what had been answered before is in it.
    fn a_copy_taken_under_load_is_one_snapshot(db) {
        let market = Market::open(db);
        let before: Vec<_> = (1..=3).map(|hours| market.paid(TEACHERS[0], hours)).collect();
        let (folder, stop) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
        let file = folder.path().join("copy.db");
        let made = std::thread::scope(|scope| {
            let load = scope.spawn(|| {
                let mut made = 0;
                for hours in 10.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    market.paid(TEACHERS[1], hours);
                    made += 1;
                }
                made
            });
            let names = ["first.db", "second.db", "copy.db"];
            let copies = names.map(|name| copied(&db.url, &folder.path().join(name)));
            // Before anything can fail, because the load would go on for ever.
            stop.store(true, Ordering::SeqCst);
            copies.into_iter().for_each(Result::unwrap);
            load.join().unwrap()
        });
        assert!(made > 0, "there was load");
        let copy = file_url(&file);
        in_order(&copy);
        let mut found = connection(&copy);
        for paid in before {
            let key = vec![paid.payment.id.lane().number().into(), paid.payment.id.raw().into()];
            assert_eq!(found.load_many::<domain::records::Payment>(&[0, 1], &[key]).unwrap(), [paid.payment]);
        }
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        let names = std::fs::read_dir(folder.path()).unwrap();
        let drafts = names.filter(|name| name.as_ref().unwrap().path().extension().unwrap() == "partial");
        assert_eq!(drafts.count(), 0);
    }

    /// Into the other engine too: a marketplace outgrows its file.
    fn what_is_put_back_is_all_there_and_gives_out_new_ids(db) {
        let market = Market::open(db);
        for hours in 1..=3 {
            market.paid(TEACHERS[0], hours);
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("copy.db");
        copied(&db.url, &file).unwrap();
        let next = |url: &Url| {
            let lane = connection(url).load_many::<LaneRow>(&[0], &[vec![Lane(2).number().into()]]).unwrap();
            lane[0].next
        };
        let given_out = next(&db.url);
        for other in [TestDb::sqlite(), TestDb::postgres()] {
            put_back(&file, &other.url).unwrap();
            in_order(&other.url);
            assert_eq!(counts(&other.url), counts(&db.url));
            assert!(next(&other.url) > given_out + 1_000_000, "ids of after the copy are not used again");
        }
    }

    fn nothing_that_exists_is_overwritten(db) {
        let market = Market::open(db);
        market.paid(TEACHERS[0], 1);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("copy.db");
        copied(&db.url, &file).unwrap();
        assert!(matches!(copied(&db.url, &file), Err(CopyError::Exists(_))));
        market.paid(TEACHERS[0], 2);
        let after = counts(&db.url);
        drop(market);
        match put_back(&file, &db.url) {
            Ok(aside) => {
                let aside = file_url(&aside.expect("there was one"));
                assert_eq!(counts(&aside), after, "with all that was in its log");
                in_order(&db.url);
                assert_ne!(counts(&db.url), after);
            }
            Err(CopyError::NotEmpty) => assert!(db.url.is_postgres()),
            Err(error) => panic!("{error}"),
        }
    }

    fn only_a_copy_of_this_marketplace_is_put_back(db) {
        settle(db);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("copy.db");
        copied(&db.url, &file).unwrap();
        let target = TestDb::sqlite();
        let another = with_place(&target.url, "another", |to| restore(&file, to));
        assert!(matches!(another, Err(CopyError::Another { .. })), "{another:?}");
        assert!(with_place(&target.url, "", |to| restore(&file, to)).is_ok(), "nobody knows better");
        let junk = folder.path().join("junk.db");
        std::fs::write(&junk, "no database").unwrap();
        for no_copy in [junk.as_path(), Path::new("/nowhere.db")] {
            let refused = put_back(no_copy, &target.url);
            assert!(matches!(refused, Err(CopyError::NoCopy(_))), "{refused:?}");
        }
        in_order(&target.url);
    }
}
