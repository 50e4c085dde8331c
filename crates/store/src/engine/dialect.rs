//! The five seams between SQLite and PostgreSQL, and the only place where they may differ in SQL:
//! column types in DDL, taking lanes, writing many rows, loading many keys, classifying errors.
//!
//! Invariant: everything else is one text for both engines. Deliberately not here: opening,
//! settings and binding, which are the drivers' own (`sqlite.rs`, `postgres.rs`).
//!
//! Many rows go to SQLite one by one through a prepared statement (a function call each) and to
//! PostgreSQL as one array per column: one prepared statement per table whatever the number of
//! rows, and measured 1.3 to 2.5 times as fast as multi-row VALUES in chunks of 256, 64, 16, 4, 1.

mod ddl;
mod errors;

pub(super) use ddl::{postgres_ddl, sqlite_ddl};
pub(super) use errors::{postgres_fault, sqlite_fault};

use super::value::{Column, Kind, Table};

pub(super) fn sqlite_lanes<T: Table>() -> String {
    format!("SELECT {} FROM {} WHERE lane = $1", names(T::COLUMNS), T::NAME)
}

/// Locks in the order of the lanes, so that two writers cannot wait for each other.
pub(super) fn postgres_lanes<T: Table>() -> String {
    format!("SELECT {} FROM {} WHERE lane = ANY($1) ORDER BY lane FOR UPDATE", names(T::COLUMNS), T::NAME)
}

pub(super) fn sqlite_insert<T: Table>() -> String {
    format!("INSERT INTO {}({}) VALUES ({})", T::NAME, names(T::COLUMNS), places(T::COLUMNS.len()))
}

pub(super) fn postgres_insert<T: Table>() -> String {
    format!("INSERT INTO {}({}) SELECT * FROM {}", T::NAME, names(T::COLUMNS), unnest(T::COLUMNS.iter()))
}

/// Parameters: the changed columns, then the key.
pub(super) fn sqlite_update<T: Table>(changed: &[usize]) -> String {
    let set = (1..).zip(changed).map(|(place, index)| format!("{} = ${place}", T::COLUMNS[*index].name));
    let first = changed.len() + 1;
    let key = (first..).zip(key::<T>()).map(|(place, column)| format!("{} = ${place}", column.name));
    let (set, key) = (set.collect::<Vec<_>>().join(", "), key.collect::<Vec<_>>().join(" AND "));
    format!("UPDATE {} SET {set} WHERE {key}", T::NAME)
}

pub(super) fn postgres_update<T: Table>(changed: &[usize]) -> String {
    let columns = changed.iter().map(|index| &T::COLUMNS[*index]);
    let rows = unnest(columns.clone().chain(key::<T>()));
    let set = columns.clone().map(|column| format!("{0} = new.{0}", column.name));
    let set = set.collect::<Vec<_>>().join(", ");
    let same = key::<T>().iter().map(|column| format!("{0}.{1} = new.{1}", T::NAME, column.name));
    let same = same.collect::<Vec<_>>().join(" AND ");
    let names = join(columns.chain(key::<T>()).map(|column| column.name), ", ");
    format!("UPDATE {} SET {set} FROM {rows} AS new({names}) WHERE {same}", T::NAME)
}

pub(super) fn sqlite_delete<T: Table>() -> String {
    format!("DELETE FROM {} WHERE {}", T::NAME, equal(key::<T>().iter()))
}

pub(super) fn postgres_delete<T: Table>() -> String {
    let key = key::<T>();
    format!("DELETE FROM {} WHERE ({}) IN (SELECT * FROM {})", T::NAME, names(key), unnest(key.iter()))
}

pub(super) fn find<T: Table>(columns: &[usize]) -> String {
    let wanted = columns.iter().map(|index| &T::COLUMNS[*index]);
    format!("SELECT {} FROM {} WHERE {}", names(T::COLUMNS), T::NAME, equal(wanted))
}

/// One index look-up a key, whatever the planner believes: joined plainly, a table that was empty when
/// the plan was made is read whole for every batch. OFFSET keeps the two apart.
pub(super) fn postgres_load<T: Table>(columns: &[usize]) -> String {
    let wanted = columns.iter().map(|index| &T::COLUMNS[*index]);
    let keys = (1..=columns.len()).map(|place| format!("k{place}")).collect::<Vec<_>>();
    let equal = wanted.clone().zip(&keys).map(|(column, key)| format!("{} = {key}", column.name));
    format!(
        "SELECT row.* FROM {} AS key({}) CROSS JOIN LATERAL (SELECT {} FROM {} WHERE {} OFFSET 0) AS row",
        unnest(wanted),
        keys.join(", "),
        names(T::COLUMNS),
        T::NAME,
        equal.collect::<Vec<_>>().join(" AND "),
    )
}

fn key<T: Table>() -> &'static [Column] {
    &T::COLUMNS[..T::KEY]
}

fn unnest<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    let arrays = columns.zip(1..).map(|(column, place)| match column.kind {
        Kind::Int => format!("${place}::bigint[]"),
        Kind::Text => format!("${place}::text[]"),
    });
    format!("unnest({})", arrays.collect::<Vec<_>>().join(", "))
}

fn equal<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    let terms = columns.zip(1..).map(|(column, place)| format!("{} = ${place}", column.name));
    terms.collect::<Vec<_>>().join(" AND ")
}

fn places(count: usize) -> String {
    (1..=count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

fn names(columns: &[Column]) -> String {
    join(columns.iter().map(|column| column.name), ", ")
}

fn join<'a>(parts: impl Iterator<Item = &'a str>, between: &str) -> String {
    parts.collect::<Vec<_>>().join(between)
}
