//! SQL: where it may stand, the dialect both engines share, and a journal nobody rewrites.

use super::source::{Source, has_word};
use super::{File, Rule, Violation, has_extension};

/// Not understood by both engines, or understood differently (docs/database.md).
const FORBIDDEN: &[&str] = &[
    "ILIKE",
    "LIKE",
    "BOOLEAN",
    "OFFSET",
    "FOR UPDATE",
    "SELECT *",
    "LISTEN",
    "NOTIFY",
    "DATE_TRUNC",
    "NOW()",
];

/// Append-only tables: a correction is a new row.
const JOURNAL: &[&str] = &["ENTRY", "POSTING", "AUDIT", "JOURNAL_ENTRY", "JOURNAL_POSTING", "AUDIT_LOG"];

const STATEMENTS: &[&str] = &[
    "INSERT INTO",
    "DELETE FROM",
    "CREATE TABLE",
    "CREATE INDEX",
    "CREATE UNIQUE INDEX",
    "ALTER TABLE",
    "DROP TABLE",
    "BEGIN IMMEDIATE",
    "ON CONFLICT",
];

pub(super) fn check_source(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for literal in source.shipped_strings().filter(|literal| is_sql(&literal.text)) {
        let line = literal.line + 1;
        let what = literal.text.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
        found.push(violation(&source.path, line, Rule::SqlOutsideStore, what));
        found.extend(check_text(&source.path, line, &literal.text));
    }
    found
}

/// Migrations and any other file of SQL.
pub(super) fn check_file(file: &File) -> Vec<Violation> {
    if !has_extension(&file.path, "sql") {
        return Vec::new();
    }
    let without_comments = |line: &str| line.split("--").next().unwrap_or(line).to_owned();
    let code = file.text.lines().map(without_comments).collect::<Vec<_>>().join("\n");
    check_text(&file.path, 0, &code)
}

fn check_text(path: &str, line: usize, text: &str) -> Vec<Violation> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let upper = text.to_uppercase();
    let mut found = Vec::new();
    for word in FORBIDDEN.iter().filter(|word| has_word(&upper, word)) {
        found.push(violation(path, line, Rule::SqlDialect, (*word).to_owned()));
    }
    if text.contains("::") {
        found.push(violation(path, line, Rule::SqlDialect, "`::`: write CAST(x AS t)".to_owned()));
    }
    if has_bare_sum(&upper) {
        found.push(violation(
            path,
            line,
            Rule::SqlDialect,
            "sum() without CAST: numeric on PostgreSQL".to_owned(),
        ));
    }
    for table in JOURNAL.iter().filter(|table| rewrites(&upper, table)) {
        found.push(violation(path, line, Rule::JournalIsImmutable, format!("rewrites {table}")));
    }
    found
}

fn rewrites(upper: &str, table: &str) -> bool {
    let verbs = ["UPDATE", "DELETE FROM", "TRUNCATE", "TRUNCATE TABLE", "DROP TABLE"];
    let changed = verbs.iter().any(|verb| has_word(upper, &format!("{verb} {table}")));
    changed || (has_word(upper, &format!("INSERT INTO {table}")) && has_word(upper, "DO UPDATE"))
}

/// Upper case verbs are how this house writes SQL, and how prose does not.
fn is_sql(text: &str) -> bool {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let select = has_word(&text, "SELECT") && (text.starts_with("SELECT") || has_word(&text, "FROM"));
    let update = has_word(&text, "UPDATE") && has_word(&text, "SET");
    let statement = STATEMENTS.iter().any(|words| has_word(&text, words));
    select || update || statement || text.starts_with("PRAGMA ") || has_word(&text, "FOR UPDATE")
}

/// A sum that no enclosing CAST turns into a BIGINT.
fn has_bare_sum(upper: &str) -> bool {
    let sums = upper.match_indices("SUM(").filter(|(at, _)| has_word(&upper[*at..], "SUM("));
    let standing_alone =
        sums.filter(|(at, _)| !upper[..*at].ends_with(|l: char| l.is_alphanumeric() || l == '_'));
    standing_alone.map(|(at, _)| &upper[..at]).any(|before| !inside_cast(before))
}

fn inside_cast(before: &str) -> bool {
    let mut closed = 0;
    for (at, letter) in before.char_indices().rev() {
        match letter {
            ')' => closed += 1,
            '(' if closed > 0 => closed -= 1,
            '(' if before[..at].ends_with("CAST") => return true,
            _ => {}
        }
    }
    false
}

fn violation(path: &str, line: usize, rule: Rule, what: String) -> Violation {
    Violation { path: path.to_owned(), line, rule, what }
}

#[cfg(test)]
mod tests {
    use super::super::tests::rules_broken_by;
    use super::*;

    fn in_store(sql: &str) -> Vec<Rule> {
        rules_broken_by("crates/store/src/reads/a.rs", &format!("const SQL: &str = \"{sql}\";\n"))
    }

    #[test]
    fn sql_outside_the_store_is_found_and_prose_is_not() {
        let sql = "const SQL: &str = \"SELECT id FROM payment\";\n";
        assert_eq!(rules_broken_by("crates/server/src/a.rs", sql), [Rule::SqlOutsideStore]);
        assert!(rules_broken_by("crates/store/src/a.rs", sql).is_empty());
        let prose = "const TEXT: &str = \"Select a card from the list, then UPDATE it\";\n";
        assert!(rules_broken_by("crates/server/src/a.rs", prose).is_empty());
    }

    #[test]
    fn what_only_one_engine_understands_is_found() {
        for sql in [
            "SELECT a::bigint FROM b",
            "SELECT now()",
            "SELECT a FROM b WHERE a LIKE 'x'",
            "SELECT * FROM a",
            "SELECT a FROM b OFFSET 5",
            "SELECT a FROM b FOR UPDATE",
            "SELECT date_trunc('day', a) FROM b",
            "CREATE TABLE a (b BOOLEAN)",
            "SELECT sum(a) FROM b",
            "SELECT (sum(a)) AS c FROM b",
        ] {
            assert_eq!(in_store(sql), [Rule::SqlDialect], "{sql}");
        }
    }

    #[test]
    fn the_shared_dialect_passes() {
        for sql in [
            "SELECT CAST(sum(a) FILTER (WHERE c > 0) AS BIGINT) FROM b",
            "SELECT id FROM a WHERE (b, c) > ($1, $2)",
            "SELECT CAST(coalesce(sum(a), 0) AS BIGINT) FROM b",
            "SELECT checksum(a) FROM b",
        ] {
            assert!(in_store(sql).is_empty(), "{sql}");
        }
    }

    #[test]
    fn rewriting_the_journal_is_found() {
        for sql in [
            "UPDATE posting SET amount = 1",
            "DELETE FROM entry",
            "DROP TABLE audit",
            "INSERT INTO entry (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET id = 1",
        ] {
            assert_eq!(in_store(sql), [Rule::JournalIsImmutable], "{sql}");
        }
        assert!(in_store("INSERT INTO entry (id) VALUES ($1) ON CONFLICT DO NOTHING").is_empty());
    }

    #[test]
    fn migrations_are_read_without_their_comments() {
        let broken = rules_broken_by(
            "crates/store/schema/a.sql",
            "-- now() is forbidden\nCREATE TABLE a (b BOOLEAN);\n",
        );
        assert_eq!(broken, [Rule::SqlDialect]);
        assert!(
            rules_broken_by("crates/store/schema/a.sql", "-- BOOLEAN\nCREATE TABLE a (b TEXT);\n").is_empty()
        );
    }
}
