//! What crosses the port: two kinds of value, rows of them, and tables described in Rust.
//!
//! Invariant: a stored row is read in the order of `Table::COLUMNS`, and what does not parse is a
//! `Fault::Corrupt` that names table and column, never a default.
//! Deliberately not here: blobs, floats, booleans and instants as types of their own; the schema
//! rules of the house keep everything BIGINT or TEXT.

use std::mem;

use super::fault::Fault;

/// One SQL value; ordered so that keys can be sorted and compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    #[default]
    Null,
    Int(i64),
    Text(String),
}

impl Value {
    /// Text from anything that owns or borrows it.
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Int(_) => "an integer",
            Value::Text(_) => "text",
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// The type of a column; any column may also hold null when its DDL allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Int,
    Text,
}

/// A column of a table, as the port needs it: name and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

impl Column {
    pub const fn int(name: &'static str) -> Column {
        Column { name, kind: Kind::Int }
    }

    pub const fn text(name: &'static str) -> Column {
        Column { name, kind: Kind::Text }
    }
}

/// A record that lives in one table; `put` and `get` follow the order of `COLUMNS`.
pub trait Table: Sized {
    const NAME: &'static str;
    const COLUMNS: &'static [Column];
    /// The first `KEY` columns are the primary key.
    const KEY: usize;

    /// Appends exactly one value per column.
    fn put(&self, out: &mut Vec<Value>);
    /// Takes the columns in order; what does not parse is `Fault::Corrupt`.
    fn get(row: &mut Row) -> Result<Self, Fault>;
}

/// One row of an answer, read from left to right: each getter takes the next column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    values: Vec<Value>,
    next: usize,
    table: &'static str,
    columns: &'static [Column],
}

impl Row {
    /// A row of a free query; errors name the position.
    pub fn new(values: Vec<Value>) -> Row {
        Row { values, ..Row::default() }
    }

    /// A row of a table; errors name table and column.
    pub fn of<T: Table>(values: Vec<Value>) -> Row {
        Row { values, next: 0, table: T::NAME, columns: T::COLUMNS }
    }

    pub fn int(&mut self) -> Result<i64, Fault> {
        match self.take() {
            Some(Value::Int(value)) => Ok(value),
            other => Err(self.unexpected("an integer", other.as_ref())),
        }
    }

    pub fn opt_int(&mut self) -> Result<Option<i64>, Fault> {
        match self.take() {
            Some(Value::Int(value)) => Ok(Some(value)),
            Some(Value::Null) => Ok(None),
            other => Err(self.unexpected("an integer or null", other.as_ref())),
        }
    }

    pub fn text(&mut self) -> Result<String, Fault> {
        match self.take() {
            Some(Value::Text(value)) => Ok(value),
            other => Err(self.unexpected("text", other.as_ref())),
        }
    }

    pub fn opt_text(&mut self) -> Result<Option<String>, Fault> {
        match self.take() {
            Some(Value::Text(value)) => Ok(Some(value)),
            Some(Value::Null) => Ok(None),
            other => Err(self.unexpected("text or null", other.as_ref())),
        }
    }

    /// The fault for a column just taken that has the right type but no known meaning, such as a
    /// state nobody knows. The value itself stays out of the message: it may be personal.
    pub fn corrupt(&self, wanted: &str) -> Fault {
        Fault::Corrupt(format!("{}: expected {wanted}", self.place()))
    }

    /// Reuses the buffer for the next row of the same answer, so a load allocates one row only.
    pub(super) fn refill(
        &mut self,
        fill: impl FnOnce(&mut Vec<Value>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.values.clear();
        self.next = 0;
        fill(&mut self.values)
    }

    /// All of them, whatever they mean.
    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values
    }

    fn take(&mut self) -> Option<Value> {
        let value = self.values.get_mut(self.next).map(mem::take);
        self.next += 1;
        value
    }

    fn unexpected(&self, wanted: &str, found: Option<&Value>) -> Fault {
        let found = found.map_or("no such column", Value::kind);
        Fault::Corrupt(format!("{}: expected {wanted}, found {found}", self.place()))
    }

    fn place(&self) -> String {
        let position = self.next;
        match position.checked_sub(1).and_then(|index| self.columns.get(index)) {
            Some(column) => format!("table {}, column {}", self.table, column.name),
            None => format!("column {position} of a query"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fruit;

    impl Table for Fruit {
        const NAME: &'static str = "fruit";
        const COLUMNS: &'static [Column] = &[Column::int("id"), Column::text("name")];
        const KEY: usize = 1;
        fn put(&self, _: &mut Vec<Value>) {}
        fn get(_: &mut Row) -> Result<Self, Fault> {
            Ok(Fruit)
        }
    }

    #[test]
    fn a_column_of_the_wrong_type_is_named() {
        let mut row = Row::of::<Fruit>(vec![Value::Int(7), Value::Null]);
        assert_eq!(row.int().unwrap(), 7);
        let fault = row.text().unwrap_err();
        assert_eq!(fault.to_string(), "corrupt row: table fruit, column name: expected text, found null");
    }

    #[test]
    fn a_query_column_is_named_by_position_and_never_by_value() {
        let mut row = Row::new(vec![Value::text("secret")]);
        let fault = row.int().unwrap_err().to_string();
        assert_eq!(fault, "corrupt row: column 1 of a query: expected an integer, found text");
        assert!(row.opt_text().unwrap_err().to_string().contains("no such column"));
    }
}
