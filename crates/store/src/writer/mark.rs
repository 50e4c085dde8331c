//! A node's mark: which of its batches was committed last. It tells, when the answer to COMMIT was lost,
//! whether the batch is there.
//!
//! Invariants: the mark is there, and says nothing, before a node's first batch: where it were missing or
//! another's, it would be misread. A batch holds its mark before its COMMIT is sent, so whoever looks it
//! up waits until that COMMIT has ended either way. On one machine an answer cannot be lost: SQLite has
//! no marks.

use crate::engine::{Asked, Column, Connection, Fault, Row, Table, Value};

const WRITE: &str = "INSERT INTO writer_mark (lane, node, batch) VALUES (0, $1, $2) \
                     ON CONFLICT (lane, node) DO UPDATE SET batch = excluded.batch RETURNING lane, node, batch";
/// Writes, so that it waits for whoever holds the mark, also where he is the first who wrote it.
const TOUCH: &str = "INSERT INTO writer_mark (lane, node, batch) VALUES (0, $1, 0) \
                     ON CONFLICT (lane, node) DO UPDATE SET batch = writer_mark.batch RETURNING batch";

pub(super) struct Mark {
    node: String,
    batch: i64,
}

impl Table for Mark {
    const NAME: &'static str = "writer_mark";
    const COLUMNS: &'static [Column] = &[Column::int("lane"), Column::text("node"), Column::int("batch")];
    const KEY: usize = 2;

    fn put(&self, out: &mut Vec<Value>) {
        out.extend([Value::Int(0), Value::text(self.node.as_str()), Value::Int(self.batch)]);
    }

    fn get(row: &mut Row) -> Result<Mark, Fault> {
        row.int()?;
        Ok(Mark { node: row.text()?, batch: row.int()? })
    }
}

/// Before a node's first batch.
pub(super) fn begin(connection: &mut Connection, node: &str) -> Result<(), Fault> {
    if !connection.is_postgres() {
        return Ok(());
    }
    connection.begin()?;
    connection.execute(WRITE, &[Value::text(node), Value::Int(0)])?;
    connection.commit()
}

/// The mark of a batch, held from the first answer on: it travels with the lanes' locks, because what
/// travels with COMMIT may still be on its way when the answer is given up.
pub(super) fn ask(connection: &mut Connection, node: &str, batch: i64) -> Result<Option<Asked<Mark>>, Fault> {
    if !connection.is_postgres() {
        return Ok(None);
    }
    connection.ask_query(WRITE, &[Value::text(node), Value::Int(batch)]).map(Some)
}

/// The batch that was committed last, when nobody is committing any more. A new commit proves that
/// everything before it is safe.
pub(super) fn look_up(connection: &mut Connection, node: &str) -> Result<i64, Fault> {
    connection.begin()?;
    let rows = connection.query(TOUCH, &[Value::text(node)])?;
    connection.commit()?;
    rows.into_iter().next().ok_or_else(|| Fault::other("a mark is always there"))?.int()
}
