//! Migrations go forward, once, and never over what they do not know.

use store::both;
use store::engine::Access;
use store::migrate::{MigrateError, Migration, Status, migrate, status};

const FIRST: Migration = Migration {
    number: 1,
    name: "trees",
    sql: "CREATE TABLE tree(id BIGINT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (id));
          INSERT INTO tree(id, name) VALUES (1, 'oak');",
};
const SECOND: Migration =
    Migration { number: 2, name: "height", sql: "ALTER TABLE tree ADD COLUMN height BIGINT;" };
const BROKEN: Migration = Migration {
    number: 3,
    name: "broken",
    sql: "CREATE TABLE half(id BIGINT NOT NULL, PRIMARY KEY (id)); SELEC;",
};

both! {
    fn what_is_missing_is_applied_once(db) {
        let mut connection = db.open(Access::Write);
        assert!(status(&mut connection, &[FIRST]).is_err(), "no record of migrations yet");
        assert_eq!(migrate(&mut connection, &[FIRST], 7).unwrap(), [1]);
        assert_eq!(migrate(&mut connection, &[FIRST], 8).unwrap(), [] as [i64; 0]);
        assert_eq!(status(&mut connection, &[FIRST, SECOND]).unwrap(), Status::Behind(vec![2]));
        assert_eq!(migrate(&mut connection, &[FIRST, SECOND], 9).unwrap(), [2]);
        assert_eq!(status(&mut connection, &[FIRST, SECOND]).unwrap(), Status::Current);
        let rows = connection.query("SELECT applied_at FROM schema_migration ORDER BY number", &[]).unwrap();
        let applied_at: Vec<_> = rows.into_iter().map(|mut row| row.int().unwrap()).collect();
        assert_eq!(applied_at, [7, 9]);
    }

    fn a_text_changed_after_it_was_applied_is_refused(db) {
        let mut connection = db.open(Access::Write);
        migrate(&mut connection, &[FIRST], 7).unwrap();
        let changed = Migration { sql: "CREATE TABLE other(id BIGINT NOT NULL, PRIMARY KEY (id));", ..FIRST };
        let error = migrate(&mut connection, &[changed, SECOND], 8).unwrap_err();
        assert!(matches!(error, MigrateError::Changed { number: 1, .. }), "{error}");
        assert_eq!(status(&mut connection, &[FIRST, SECOND]).unwrap(), Status::Behind(vec![2]));
    }

    fn a_database_newer_than_the_binary_is_refused(db) {
        let mut connection = db.open(Access::Write);
        migrate(&mut connection, &[FIRST, SECOND], 7).unwrap();
        let error = migrate(&mut connection, &[FIRST], 8).unwrap_err();
        assert!(matches!(error, MigrateError::Newer { number: 2, .. }), "{error}");
    }

    fn a_failed_migration_leaves_nothing_of_itself(db) {
        let mut connection = db.open(Access::Write);
        let error = migrate(&mut connection, &[FIRST, SECOND, BROKEN], 7).unwrap_err();
        assert!(matches!(error, MigrateError::Failed { number: 3, .. }), "{error}");
        assert_eq!(status(&mut connection, &[FIRST, SECOND]).unwrap(), Status::Current);
        assert!(connection.query("SELECT id FROM half", &[]).is_err());
    }

    fn many_migrators_at_once_apply_each_step_once(db) {
        drop(db.open(Access::Write));
        let applied: Vec<i64> = std::thread::scope(|scope| {
            let run = || migrate(&mut db.open(Access::Write), &[FIRST, SECOND], 7).unwrap();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(applied.iter().sum::<i64>(), 3, "{applied:?}");
        assert_eq!(status(&mut db.open(Access::Write), &[FIRST, SECOND]).unwrap(), Status::Current);
    }
}
