//! The fifth seam: what each engine's errors mean to us.
//!
//! Invariant: details, hints and quoted values of PostgreSQL are dropped, because they hold the
//! row; a rule has the same name on both engines where the engine lets us know it.

use rusqlite::ErrorCode;
use rusqlite::ffi;
use thiserror::Error;
use tokio_postgres::error::DbError;

use crate::engine::fault::{Fault, Rule};

/// What a PostgreSQL server said, without the values it quotes.
#[derive(Debug, Error)]
#[error("{code} {message}")]
struct Said {
    code: String,
    message: String,
}

/// Sorts an error of the PostgreSQL driver; an error without an SQLSTATE is a lost connection.
pub(in crate::engine) fn postgres_fault(error: tokio_postgres::Error) -> Fault {
    match error.as_db_error() {
        Some(said) => postgres_said(said),
        None if error.to_string().starts_with("error serializing") => Fault::other(error),
        None => Fault::Unavailable(error.into()),
    }
}

fn postgres_said(error: &DbError) -> Fault {
    let code = error.code().code();
    // Class 22 and type errors quote the value that did not fit.
    let message = if code.starts_with("22") { "value out of its type" } else { error.message() };
    let said = Box::new(Said { code: code.to_owned(), message: message.to_owned() });
    match (&code[..2], code) {
        ("23", _) => {
            Fault::Constraint { rule: postgres_rule(code), name: postgres_name(error), source: said }
        }
        ("40", _) => Fault::Serialization(said),
        // 08 connection, 53 resources, 57 shutdown and cancel, 58 system; then lock_timeout,
        // a session ended for idling in its transaction, and a server that only reads.
        ("08" | "53" | "57" | "58", _) | (_, "55P03" | "25P03" | "25006") => Fault::Unavailable(said),
        (_, "XX001" | "XX002") => Fault::Corrupt(said.to_string()),
        _ => Fault::Other(said),
    }
}

fn postgres_rule(code: &str) -> Rule {
    match code {
        "23502" => Rule::NotNull,
        "23503" => Rule::ForeignKey,
        "23505" | "23P01" => Rule::Unique,
        _ => Rule::Check,
    }
}

fn postgres_name(error: &DbError) -> String {
    match (error.constraint(), error.table(), error.column()) {
        (Some(name), ..) => name.to_owned(),
        (None, Some(table), Some(column)) => format!("{table}.{column}"),
        _ => String::new(),
    }
}

/// Sorts an error of SQLite; the connection is asked for the name of the index that refused.
pub(in crate::engine) fn sqlite_fault(connection: &rusqlite::Connection, error: rusqlite::Error) -> Fault {
    let rusqlite::Error::SqliteFailure(failure, message) = &error else {
        return Fault::other(error);
    };
    match failure.code {
        ErrorCode::ConstraintViolation => {
            let rule = sqlite_rule(failure.extended_code);
            let name = sqlite_name(connection, message.as_deref().unwrap_or_default());
            Fault::Constraint { rule, name, source: error.into() }
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Fault::Serialization(error.into()),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Fault::Corrupt(error.to_string()),
        ErrorCode::SystemIoFailure
        | ErrorCode::DiskFull
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::OutOfMemory => Fault::Unavailable(error.into()),
        _ => Fault::other(error),
    }
}

fn sqlite_rule(extended_code: i32) -> Rule {
    match extended_code {
        ffi::SQLITE_CONSTRAINT_NOTNULL => Rule::NotNull,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Rule::ForeignKey,
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Rule::Unique
        }
        _ => Rule::Check,
    }
}

/// SQLite names a CHECK by its name, but a unique index by its columns: look the index up.
fn sqlite_name(connection: &rusqlite::Connection, message: &str) -> String {
    let Some((kind, what)) = message.split_once(" constraint failed: ") else {
        return String::new();
    };
    if kind != "UNIQUE" {
        return what.to_owned();
    }
    if let Some(index) = what.strip_prefix("index '") {
        return index.trim_end_matches('\'').to_owned();
    }
    let mut columns = Vec::new();
    let mut table = "";
    for place in what.split(", ") {
        let (owner, column) = place.split_once('.').unwrap_or(("", place));
        table = owner;
        columns.push(column);
    }
    sqlite_index(connection, table, &columns.join(", ")).unwrap_or_else(|_| what.to_owned())
}

/// Two unique indexes over the same columns (partial ones) cannot be told apart: the first by name
/// is given, so no schema should have them.
fn sqlite_index(connection: &rusqlite::Connection, table: &str, columns: &str) -> rusqlite::Result<String> {
    let sql = "
        SELECT l.name, l.origin, (SELECT group_concat(i.name, ', ' ORDER BY i.seqno) FROM pragma_index_info(l.name) AS i) AS columns
          FROM pragma_index_list($1) AS l
         WHERE l.\"unique\" = 1 AND columns = $2
         ORDER BY l.origin, l.name
         LIMIT 1";
    connection.query_row(sql, [table, columns], |row| {
        let (name, origin): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(match origin.as_str() {
            "pk" => format!("{table}_pkey"),
            "u" => format!("{table}_{}_key", columns.replace(", ", "_")),
            _ => name,
        })
    })
}
