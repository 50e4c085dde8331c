//! The tables of these tests: two kinds of column, nulls, every kind of rule.

use store::engine::{Access, Column, Connection, Fault, Row, Table, Value};
use store::testing::TestDb;

pub const SCHEMA: &str = "
    CREATE TABLE lane(lane BIGINT NOT NULL, sequence BIGINT NOT NULL, PRIMARY KEY (lane));
    INSERT INTO lane(lane, sequence) VALUES (1, 10), (2, 20), (3, 30);
    CREATE TABLE fruit(
        lane BIGINT NOT NULL REFERENCES lane(lane), id BIGINT NOT NULL, name TEXT NOT NULL,
        note TEXT, weight BIGINT CONSTRAINT fruit_weight_check CHECK (weight >= 0),
        PRIMARY KEY (lane, id));
    CREATE UNIQUE INDEX fruit_name ON fruit(lane, name);
    CREATE TABLE seen(lane BIGINT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (lane, key));";

/// A new connection to a database that holds `SCHEMA`.
pub fn planted(db: &TestDb) -> Connection {
    let mut connection = db.open(Access::Write);
    connection.batch(SCHEMA).unwrap();
    connection
}

#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    pub lane: i64,
    pub sequence: i64,
}

impl Table for Lane {
    const NAME: &'static str = "lane";
    const COLUMNS: &'static [Column] = &[Column::int("lane"), Column::int("sequence")];
    const KEY: usize = 1;

    fn put(&self, out: &mut Vec<Value>) {
        out.extend([Value::Int(self.lane), Value::Int(self.sequence)]);
    }

    fn get(row: &mut Row) -> Result<Lane, Fault> {
        Ok(Lane { lane: row.int()?, sequence: row.int()? })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fruit {
    pub lane: i64,
    pub id: i64,
    pub name: String,
    pub note: Option<String>,
    pub weight: Option<i64>,
}

impl Table for Fruit {
    const NAME: &'static str = "fruit";
    const COLUMNS: &'static [Column] = &[
        Column::int("lane"),
        Column::int("id"),
        Column::text("name"),
        Column::text("note"),
        Column::int("weight"),
    ];
    const KEY: usize = 2;

    fn put(&self, out: &mut Vec<Value>) {
        out.extend([self.lane.into(), self.id.into(), Value::text(&self.name)]);
        out.extend([self.note.clone().into(), self.weight.into()]);
    }

    fn get(row: &mut Row) -> Result<Fruit, Fault> {
        Ok(Fruit {
            lane: row.int()?,
            id: row.int()?,
            name: row.text()?,
            note: row.opt_text()?,
            weight: row.opt_int()?,
        })
    }
}

/// A table that is all key.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub lane: i64,
    pub key: String,
}

impl Table for Seen {
    const NAME: &'static str = "seen";
    const COLUMNS: &'static [Column] = &[Column::int("lane"), Column::text("key")];
    const KEY: usize = 2;

    fn put(&self, out: &mut Vec<Value>) {
        out.extend([Value::Int(self.lane), Value::text(&self.key)]);
    }

    fn get(row: &mut Row) -> Result<Seen, Fault> {
        Ok(Seen { lane: row.int()?, key: row.text()? })
    }
}

pub fn fruit(id: i64, name: &str) -> Fruit {
    Fruit { lane: 1, id, name: name.to_owned(), note: None, weight: Some(id * 10) }
}

/// Locks lanes and answers their rows.
pub fn lock(connection: &mut Connection, lanes: &[i64]) -> Result<Vec<Lane>, Fault> {
    let asked = connection.ask_lanes(lanes)?;
    connection.answer(asked)
}

/// Every fruit, by id.
pub fn basket(connection: &mut Connection) -> Vec<Fruit> {
    let sql = "SELECT lane, id, name, note, weight FROM fruit ORDER BY lane, id";
    connection.query(sql, &[]).unwrap().iter_mut().map(|row| Fruit::get(row).unwrap()).collect()
}
