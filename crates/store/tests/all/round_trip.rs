//! Every record that is stored comes back as it was, on both engines.
//!
//! Random rows are made from the schema itself: its words, its bounds, what may be null.

use domain::ledger::Balance;
use domain::records::*;
use store::both;
use store::engine::{Access, Connection, Kind, Options, Row, Table, Value};

use crate::market::NOW;

/// What foreign keys lead to: a person, a payment and an entry, all in lane 7.
const PARENT: i64 = 256 + 7;
const ROUNDS: usize = 12;

/// A small deterministic generator (xorshift64): the same rows in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn text(&mut self) -> String {
        const PIECES: [&str; 10] = ["a", "'", "\"", "\\", "%_", "é", "日本", "🎓", "\n", " "];
        (0..self.below(6)).map(|_| self.pick(&PIECES)).collect()
    }

    fn int(&mut self) -> i64 {
        let edges = [0, 1, -1, i64::from(i32::MAX) + 1, i64::MAX, i64::MIN, 42];
        self.pick(&edges)
    }
}

/// How the schema declares a column.
fn declared(table: &str, column: &str) -> String {
    let sql = store::migrations()[0].sql;
    let (_, body) = sql.split_once(&format!("CREATE TABLE {table} (")).unwrap();
    let (body, _) = body.split_once("\n);").unwrap();
    let line = body.lines().map(str::trim).find(|line| line.split(' ').next() == Some(column));
    line.unwrap_or_else(|| panic!("{table}.{column}")).trim_end_matches(',').into()
}

fn value<T: Table>(dice: &mut Dice, column: &str, kind: Kind) -> Value {
    if let Some(given) = given(T::NAME, column, dice) {
        return given;
    }
    let declared = declared(T::NAME, column);
    if !declared.contains("NOT NULL") && dice.below(3) == 0 {
        return Value::Null;
    }
    if let Some((_, words)) = declared.split_once(" IN (") {
        let words: Vec<&str> = words.trim_end_matches(')').split(", ").collect();
        let word = dice.pick(&words);
        return word.parse().map_or_else(|_| Value::text(word.trim_matches('\'')), Value::Int);
    }
    match kind {
        Kind::Text => Value::text(dice.text()),
        Kind::Int if declared.contains("BETWEEN 0 AND 10000") => Value::Int(dice.pick(&[0, 1, 10_000])),
        Kind::Int if declared.contains("CHECK") => {
            Value::Int(dice.int().unsigned_abs().cast_signed() & i64::MAX)
        }
        Kind::Int => Value::Int(dice.int()),
    }
}

/// Columns that rules over several columns, keys or foreign keys decide.
fn given(table: &str, column: &str, dice: &mut Dice) -> Option<Value> {
    let in_lane = |dice: &mut Dice| Value::Int(256 * (2 + i64::try_from(dice.below(1_000)).unwrap()) + 7);
    Some(match (table, column) {
        (_, "lane") => Value::Int(7),
        (_, "currency") => Value::text(dice.pick(&["USD", "JPY", "KWD"])),
        ("teacher_profile" | "student_profile", "id")
        | ("session", "person")
        | ("op" | "refund", "payment")
        | ("posting", "entry") => Value::Int(PARENT),
        ("payment" | "meeting", "booking") | (_, "id" | "person" | "party") => in_lane(dice),
        ("op", "wake_at") => Value::Int(dice.int()),
        ("session", "rotations") => Value::text(dice.pick(&["", "1", "1 2"])),
        ("availability", "from_second") => Value::Int(dice.pick(&[0, 1, 86_399])),
        ("availability", "until_second") => Value::Int(86_400),
        ("booking", "payer" | "starts_at" | "proposed_starts_at") => Value::Int(1),
        ("booking", "payee" | "proposed_ends_at") => Value::Int(2),
        ("booking", "ends_at") => Value::Int(i64::MAX),
        ("payment", "total_minor" | "subsidy_minor" | "fee_minor" | "share_minor") => Value::Int(5),
        ("payment", "captured_minor") => Value::Int(dice.pick(&[0, 5])),
        ("payment", "refunded_minor" | "refund_reserved_minor") => Value::Int(0),
        ("op", "amount_minor") => Value::Int(dice.pick(&[1, 100_000_000_000_000])),
        ("refund", "amount_minor" | "fee_minor") => Value::Int(9),
        ("refund", "share_minor" | "subsidy_minor") => Value::Int(4),
        _ => return None,
    })
}

fn record<T: Table>(dice: &mut Dice) -> T {
    let values = T::COLUMNS.iter().map(|column| value::<T>(dice, column.name, column.kind)).collect();
    T::get(&mut Row::of::<T>(values)).unwrap()
}

fn values<T: Table>(record: &T) -> Vec<Value> {
    let mut values = Vec::new();
    record.put(&mut values);
    values
}

/// Twelve of each, one after the other in a transaction that is taken back.
fn comes_back<T: Table>(connection: &mut Connection) {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..ROUNDS {
        let row: T = record(&mut dice);
        let meant = values(&row);
        connection.begin().unwrap();
        parents(connection);
        connection.insert_many(&[row]).unwrap_or_else(|fault| panic!("{} {meant:?}: {fault:?}", T::NAME));
        let (columns, key): (Vec<usize>, _) = ((0..T::KEY).collect(), meant[..T::KEY].to_vec());
        let mut found = connection.load_many::<T>(&columns, &[key]).unwrap();
        assert_eq!(found.len(), 1, "{} {meant:?}", T::NAME);
        let loaded = found.remove(0);
        assert_eq!(values(&loaded), meant, "{}", T::NAME);
        let other: T = changed(&loaded, &mut dice);
        connection.update_many([(&loaded, &other)]).unwrap();
        let found = connection.load_many::<T>(&columns, &[meant[..T::KEY].to_vec()]).unwrap();
        assert_eq!(found.iter().map(values).collect::<Vec<_>>(), [values(&other)], "{}", T::NAME);
        connection.rollback();
    }
}

/// Another row with the same key.
fn changed<T: Table>(row: &T, dice: &mut Dice) -> T {
    let mut other = values(&record::<T>(dice));
    other[..T::KEY].clone_from_slice(&values(row)[..T::KEY]);
    T::get(&mut Row::of::<T>(other)).unwrap()
}

fn parents(connection: &mut Connection) {
    fn parent<T: Table>(connection: &mut Connection) {
        let mut dice = Dice(7);
        let made: T = record(&mut dice);
        let mut row = values(&made);
        row[1] = Value::Int(PARENT);
        connection.insert_many(&[T::get(&mut Row::of::<T>(row)).unwrap()]).unwrap();
    }
    parent::<Person>(connection);
    parent::<Payment>(connection);
    parent::<Entry>(connection);
}

macro_rules! all {
    ($($field:ident: $record:ident),* $(,)?) => {
        fn all(connection: &mut Connection) {
            $(comes_back::<$record>(connection);)*
        }
    };
}
domain::tables!(all);

both! {
    fn what_is_stored_comes_back(db) {
        store::migrate_database(&db.url, &Options::default(), NOW).unwrap();
        let mut connection = db.open(Access::Write);
        all(&mut connection);
        comes_back::<Entry>(&mut connection);
        comes_back::<Posting>(&mut connection);
        comes_back::<Event>(&mut connection);
        comes_back::<AuditEntry>(&mut connection);
        comes_back::<Alert>(&mut connection);
    }
}
