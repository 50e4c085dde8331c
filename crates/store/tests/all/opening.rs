//! A database that could lose money is refused at the door.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use store::engine::{Access, Connection, OpenError, Options, ServerLock, Url};
use store::testing::TestDb;

use crate::fruit::planted;

fn open(url: &Url) -> Result<Connection, OpenError> {
    Connection::open(url, Access::Write, &Options::default())
}

fn pragma(connection: &mut Connection, name: &str) -> i64 {
    connection.query(&format!("PRAGMA {name}"), &[]).unwrap()[0].int().unwrap()
}

#[test]
fn sqlite_is_opened_with_the_settings_of_a_ledger() {
    let db = TestDb::sqlite();
    for access in [Access::Write, Access::Read] {
        let mut connection = db.open(access);
        let expected = [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("trusted_schema", 0),
            ("cell_size_check", 1),
            ("secure_delete", 1),
            ("busy_timeout", 5_000),
            ("query_only", i64::from(access == Access::Read)),
        ];
        for (name, value) in expected {
            assert_eq!(pragma(&mut connection, name), value, "{name}");
        }
        assert_eq!(connection.query("PRAGMA journal_mode", &[]).unwrap()[0].text().unwrap(), "wal");
        assert_eq!(connection.remarks(), [] as [String; 0]);
    }
}

#[test]
fn sqlite_files_belong_to_their_owner_alone() {
    let db = TestDb::sqlite();
    let directory = db.url.sqlite_path().unwrap().with_file_name("deep/er");
    let path = directory.join("bursar.db");
    let url = Url::parse(&format!("sqlite:{}", path.display())).unwrap();
    assert!(Connection::open(&url, Access::Read, &Options::default()).is_err(), "a reader creates nothing");
    let mut connection = open(&url).unwrap();
    connection.batch("CREATE TABLE x(id BIGINT NOT NULL, PRIMARY KEY (id))").unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&path), mode(&path.with_extension("db-wal"))), (0o700, 0o600, 0o600));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(open(&url).unwrap().remarks().len(), 1);
}

#[test]
fn tables_are_strict_and_keyed_on_sqlite() {
    let db = TestDb::sqlite();
    let mut connection = planted(&db);
    let rows =
        connection.query("SELECT wr, strict FROM pragma_table_list WHERE name = 'fruit'", &[]).unwrap();
    let found: Vec<_> = rows.into_iter().map(|mut row| (row.int().unwrap(), row.int().unwrap())).collect();
    assert_eq!(found, [(1, 1)]);
}

#[test]
fn a_long_log_is_copied_back_beside_the_writer() {
    let db = TestDb::sqlite();
    let mut connection = planted(&db);
    write_megabytes(&mut connection, 40);
    // The thread that copies has heard of it: the file grows without another commit.
    while file_bytes(&db) < 40 << 20 {
        std::thread::yield_now();
    }
}

#[test]
fn the_log_begins_anew_under_a_writer_that_never_rests() {
    let db = TestDb::sqlite();
    let mut connection = planted(&db);
    for _ in 0..12 {
        write_megabytes(&mut connection, 40);
    }
    let log = db.url.sqlite_path().unwrap().with_extension("db-wal").metadata().unwrap().len();
    // Its size is no exact bound: a commit that finds the thread copying leaves it to the next one.
    assert!(log < 400 << 20, "{log} bytes of log after 480 MiB of writes");
}

/// A copy of a database is one file, so its log must not outlive the last writer.
#[test]
fn a_writer_that_is_closed_leaves_no_log() {
    let open_and_close = || {
        for round in 0..100 {
            let db = TestDb::sqlite();
            drop(planted(&db));
            let log = db.url.sqlite_path().unwrap().with_extension("db-wal");
            assert!(!log.exists(), "round {round}");
        }
    };
    // More threads than processors, so that each is stopped wherever it is.
    std::thread::scope(|scope| {
        (0..8).for_each(|_| {
            scope.spawn(open_and_close);
        });
    });
}

/// The system knows locks by process and file: whoever closes the file ends those of all others.
#[test]
fn another_connection_takes_no_lock_away() {
    let locks = |db: &TestDb| {
        let file = db.url.sqlite_path().unwrap().metadata().unwrap();
        let (process, inode) = (std::process::id().to_string(), format!(":{}", file.ino()));
        let all = std::fs::read_to_string("/proc/locks").unwrap();
        let ours = all.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        ours.filter(|lock| lock[4] == process && lock[5].ends_with(&inode)).count()
    };
    let db = TestDb::sqlite();
    let first = planted(&db);
    let before = locks(&db);
    assert!(before > 0);
    drop(db.open(Access::Write));
    assert_eq!(locks(&db), before);
    drop(first);
}

/// In one commit.
fn write_megabytes(connection: &mut Connection, count: i64) {
    let table = "CREATE TABLE IF NOT EXISTS big(id BIGINT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (id))";
    connection.batch(table).unwrap();
    let first = connection.query("SELECT COALESCE(MAX(id), 0) FROM big", &[]).unwrap()[0].int().unwrap();
    let text = "x".repeat(1 << 20);
    connection.begin().unwrap();
    for id in first + 1..=first + count {
        connection.execute("INSERT INTO big VALUES ($1, $2)", &[id.into(), text.as_str().into()]).unwrap();
    }
    connection.commit().unwrap();
}

fn file_bytes(db: &TestDb) -> u64 {
    db.url.sqlite_path().unwrap().metadata().unwrap().len()
}

#[test]
fn one_server_at_a_time_holds_a_sqlite_file() {
    let db = TestDb::sqlite();
    let first = ServerLock::hold(&db.url).unwrap();
    let second = ServerLock::hold(&db.url).unwrap_err();
    assert!(matches!(&second, OpenError::Held(path) if path.ends_with("test.db.lock")), "{second}");
    drop(first);
    ServerLock::hold(&db.url).unwrap();
    ServerLock::hold(&Url::memory()).unwrap();
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let db = TestDb::sqlite();
    std::fs::write(db.url.sqlite_path().unwrap(), "not a database, but long enough to look at".repeat(100))
        .unwrap();
    assert!(open(&db.url).is_err());
}

#[test]
fn a_postgres_session_that_could_lose_a_commit_is_refused() {
    let db = TestDb::postgres();
    let url = db.postgres_url_with("options=-c%20synchronous_commit%3Doff");
    match open(&url) {
        Err(OpenError::Refused { setting: "synchronous_commit", found, .. }) => assert_eq!(found, "off"),
        other => panic!("{:?}", other.err()),
    }
    let url = db.postgres_url_with("options=-c%20synchronous_commit%3Dremote_apply");
    open(&url).unwrap();
    let options = Options { ha_required: true, ..Options::default() };
    match Connection::open(&db.url, Access::Write, &options) {
        Err(OpenError::Refused { setting: "synchronous_standby_names", .. }) => {}
        other => panic!("{:?}", other.err()),
    }
}

#[test]
fn a_postgres_session_has_its_limits() {
    let db = TestDb::postgres();
    let mut connection = db.open(Access::Write);
    let limits = [
        ("jit", "off"),
        ("lock_timeout", "5s"),
        ("statement_timeout", "15s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("transaction_isolation", "read committed"),
    ];
    connection.begin().unwrap();
    for (name, value) in limits {
        assert_eq!(
            connection.query(&format!("SHOW {name}"), &[]).unwrap()[0].text().unwrap(),
            value,
            "{name}"
        );
    }
    connection.rollback();
    assert!(connection.remarks().iter().any(|remark| remark.contains("synchronous_standby_names")));
}

#[test]
fn the_first_host_that_can_write_is_taken() {
    let db = TestDb::postgres();
    // Nobody listens on port 1 of the first host.
    let (user, rest) = db.url.to_string().split_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (host, name) = rest.rsplit_once('/').unwrap();
    let (address, port) = host.rsplit_once(':').unwrap();
    let text = format!("{user}@127.0.0.1:1,{address}:{port}/{name}?target_session_attrs=read-write");
    open(&Url::parse(&text).unwrap()).unwrap();
    let nobody = Url::parse("postgres://u:hunter2@127.0.0.1:1/db").unwrap();
    let error = open(&nobody).err().unwrap();
    assert!(matches!(error, OpenError::Database(store::engine::Fault::Unavailable(_))), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn tls_is_verified_and_not_downgraded() {
    let db = TestDb::postgres();
    let error = open(&db.postgres_url_with("sslmode=verify-full")).err().unwrap();
    assert!(matches!(error, OpenError::Database(_)), "the test server speaks no TLS: {error:?}");
    let error = open(&db.postgres_url_with("sslmode=verify-full&sslrootcert=/nowhere.pem")).err().unwrap();
    assert!(error.to_string().contains("/nowhere.pem"), "{error}");
}
