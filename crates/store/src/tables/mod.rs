//! How records become rows: one declaration a table, the column order in one place.
//!
//! Every table begins with `lane`. Wire forms are not here, nor is any query: loading by key or
//! group and writing what changed is all the writer does.

mod bookings;
mod fields;
mod journal;
mod money;
mod outbox;
mod people;

use domain::rows::Record;

use crate::engine::{Table, Value};

/// A record with a table of its own.
pub trait Stored: Record + Table {
    /// The values of the primary key's columns.
    fn key_values(key: &Self::Key) -> Vec<Value>;
    /// Positions of the columns a group is loaded by; empty where there are no groups.
    const GROUP: &'static [usize];
    fn group_values(group: &Self::Group) -> Vec<Value>;
}

/// Declares a table: name, number of key columns (`lane` included), then the columns in order.
///
/// `int name` and `text name` are fields of the same name; `int name = path` reads a nested one, and
/// `build { … }` then says how the record's composite fields are put together from those names.
macro_rules! table {
    ($record:ty, $name:literal, key $key:literal,
     { $($kind:ident $column:ident $(= $($path:ident).+)?),* $(,)? }
     $(build $build:expr)?) => {
        impl $crate::engine::Table for $record {
            const NAME: &'static str = $name;
            const COLUMNS: &'static [$crate::engine::Column] = &[
                $crate::engine::Column::int("lane"),
                $($crate::engine::Column::$kind(stringify!($column))),*
            ];
            const KEY: usize = $key;

            fn put(&self, out: &mut Vec<$crate::engine::Value>) {
                out.push($crate::engine::Value::Int(self.lane().number()));
                $(out.push($crate::tables::fields::Field::put(&table!(@path self, $column $(= $($path).+)?)));)*
            }

            fn get(row: &mut $crate::engine::Row) -> Result<Self, $crate::engine::Fault> {
                row.int()?;
                $(let $column = $crate::tables::fields::Field::get(row)?;)*
                Ok(table!(@build $record, { $($column),* } $($build)?))
            }
        }
    };
    (@path $self:ident, $column:ident) => { $self.$column };
    (@path $self:ident, $column:ident = $($path:ident).+) => { $self.$($path).+ };
    (@build $record:ty, { $($column:ident),* }) => { Self { $($column),* } };
    (@build $record:ty, { $($column:ident),* } $build:expr) => { $build };
}
pub(crate) use table;

/// Declares how a record is found: by id, and by the columns of its group if it has one.
macro_rules! found_by_id {
    ($record:ty) => {
        impl $crate::tables::Stored for $record {
            fn key_values(key: &Self::Key) -> Vec<$crate::engine::Value> {
                $crate::tables::fields::id_values(*key)
            }
            const GROUP: &'static [usize] = &[];
            fn group_values(group: &Self::Group) -> Vec<$crate::engine::Value> {
                match *group {}
            }
        }
    };
    ($record:ty, group $column:literal) => {
        impl $crate::tables::Stored for $record {
            fn key_values(key: &Self::Key) -> Vec<$crate::engine::Value> {
                $crate::tables::fields::id_values(*key)
            }
            const GROUP: &'static [usize] =
                &[0, $crate::tables::position(<$record as $crate::engine::Table>::COLUMNS, $column)];
            fn group_values(group: &Self::Group) -> Vec<$crate::engine::Value> {
                $crate::tables::fields::id_values(*group)
            }
        }
    };
}
pub(crate) use found_by_id;

/// Declares how a record is found that no group has: by the values of its key's columns.
macro_rules! found_by_values {
    ($record:ty, $key:ty, $values:expr) => {
        impl $crate::tables::Stored for $record {
            fn key_values(key: &$key) -> Vec<$crate::engine::Value> {
                let values: fn(&$key) -> Vec<$crate::engine::Value> = $values;
                values(key)
            }
            const GROUP: &'static [usize] = &[];
            fn group_values(group: &Self::Group) -> Vec<$crate::engine::Value> {
                match *group {}
            }
        }
    };
}
pub(crate) use found_by_values;

/// The position of a column, at compile time.
const fn position(columns: &[crate::engine::Column], name: &str) -> usize {
    let mut at = 0;
    while at < columns.len() {
        if same(columns[at].name, name) {
            return at;
        }
        at += 1;
    }
    panic!("no such column")
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
