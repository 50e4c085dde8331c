//! All rows from one database into another, in pages: every column of every table, also those that this
//! program does not read. One of the two is an SQLite file, and its schema says what there is.

use crate::engine::{Connection, Fault, Row, Value};

/// Rows read at once.
const PAGE: usize = 2_000;
/// Values of one statement; PostgreSQL takes 65,535.
const VALUES_MAX: usize = 16_000;

/// A table as its schema has it.
struct Shape {
    name: String,
    columns: Vec<String>,
    /// Positions of the primary key's columns, in its order.
    key: Vec<usize>,
}

/// Copies everything; both are in a work of theirs, whose end is the caller's.
pub(super) fn copy(from: &mut Connection, into: &mut Connection) -> Result<(), Fault> {
    // A migration has made them; they come with the rows, as far as their ids were given out.
    into.execute("DELETE FROM lane", &[])?;
    let shapes = tables(if from.is_postgres() { &mut *into } else { &mut *from })?;
    for shape in shapes {
        let mut last: Option<Vec<Value>> = None;
        loop {
            let page = shape.page(from, last.as_deref())?;
            let Some(end) = page.last() else { break };
            last = Some(shape.key.iter().map(|index| end[*index].clone()).collect());
            let is_last = page.len() < PAGE;
            shape.insert(into, page)?;
            if is_last {
                break;
            }
        }
    }
    Ok(())
}

/// Parents before their children, as the migrations create them.
fn tables(sqlite: &mut Connection) -> Result<Vec<Shape>, Fault> {
    let columns = sqlite.query(
        "SELECT t.name, c.name, c.pk FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c
          WHERE t.type = 'table' AND t.name <> 'schema_migration' AND substr(t.name, 1, 7) <> 'sqlite_'
          ORDER BY t.rowid, c.cid",
        &[],
    )?;
    let mut shapes: Vec<(Shape, Vec<(i64, usize)>)> = Vec::new();
    for mut column in columns {
        let (table, name, place) = (column.text()?, column.text()?, column.int()?);
        if shapes.last().is_none_or(|(shape, _)| shape.name != table) {
            shapes.push((Shape { name: table, columns: Vec::new(), key: Vec::new() }, Vec::new()));
        }
        let (shape, places) = shapes.last_mut().expect("just pushed");
        if place > 0 {
            places.push((place, shape.columns.len()));
        }
        shape.columns.push(name);
    }
    let keyed = |(shape, mut places): (Shape, Vec<(i64, usize)>)| {
        places.sort_unstable();
        Shape { key: places.into_iter().map(|(_, index)| index).collect(), ..shape }
    };
    Ok(shapes.into_iter().map(keyed).collect())
}

impl Shape {
    /// The rows after the last one, in the order of the key.
    fn page(&self, from: &mut Connection, last: Option<&[Value]>) -> Result<Vec<Vec<Value>>, Fault> {
        let key: Vec<&str> = self.key.iter().map(|index| self.columns[*index].as_str()).collect();
        let key = key.join(", ");
        let after = match last {
            Some(last) => format!("WHERE ({key}) > ({})", places(0, last.len())),
            None => String::new(),
        };
        let (columns, name) = (self.columns.join(", "), &self.name);
        let sql = format!("SELECT {columns} FROM {name} {after} ORDER BY {key} LIMIT {PAGE}");
        Ok(from.query(&sql, last.unwrap_or_default())?.into_iter().map(Row::into_values).collect())
    }

    fn insert(&self, into: &mut Connection, page: Vec<Vec<Value>>) -> Result<(), Fault> {
        let width = self.columns.len();
        // A round trip each; SQLite is near.
        let together = if into.is_postgres() { VALUES_MAX / width } else { 1 };
        let mut rows = page.into_iter().peekable();
        while rows.peek().is_some() {
            let some: Vec<Vec<Value>> = rows.by_ref().take(together).collect();
            let tuples = (0..some.len()).map(|row| format!("({})", places(row * width, width)));
            let (columns, name) = (self.columns.join(", "), &self.name);
            let sql =
                format!("INSERT INTO {name} ({columns}) VALUES {}", tuples.collect::<Vec<_>>().join(", "));
            let values: Vec<Value> = some.into_iter().flatten().collect();
            into.execute(&sql, &values)?;
        }
        Ok(())
    }
}

/// `$6, $7, $8` after five.
fn places(after: usize, count: usize) -> String {
    (after + 1..=after + count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}
