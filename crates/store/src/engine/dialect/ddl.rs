//! The first seam: one DDL text, written with BIGINT and TEXT, becomes each engine's own.
//!
//! SQLite: BIGINT is INTEGER, every table is STRICT, and WITHOUT ROWID when it has a primary key,
//! so that a key look-up is one tree descent; what PostgreSQL is told of a table's storage is left out.
//! PostgreSQL: TEXT compares by bytes (`COLLATE "C"`) as SQLite does; that makes order equal on both and
//! no index depends on the system's locale files.
//! The rewrite works on tokens: comments, strings and quoted names pass untouched.

/// The text SQLite runs.
pub(in crate::engine) fn sqlite_ddl(sql: &str) -> String {
    let mut table = CreateTable::default();
    let mut out = String::with_capacity(sql.len() + 64);
    let mut storage = false;
    for token in Tokens(sql) {
        storage &= token != ";";
        if storage {
            continue;
        }
        out.push_str(if is(token, "BIGINT") { "INTEGER" } else { token });
        if let Some(keyed) = table.closed_by(token) {
            out.push_str(if keyed { " STRICT, WITHOUT ROWID" } else { " STRICT" });
            storage = true;
        }
    }
    out
}

/// The text PostgreSQL runs.
pub(in crate::engine) fn postgres_ddl(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + 64);
    let mut before = "";
    for token in Tokens(sql) {
        out.push_str(token);
        // A type in CAST(x AS TEXT) takes no collation.
        if is(token, "TEXT") && !is(before, "AS") {
            out.push_str(" COLLATE \"C\"");
        }
        if !is_blank(token) {
            before = token;
        }
    }
    out
}

/// Follows one CREATE TABLE statement to the parenthesis that closes its column list.
#[derive(Default)]
struct CreateTable {
    words: usize,
    creating: bool,
    within: bool,
    depth: usize,
    keyed: bool,
    primary: bool,
}

impl CreateTable {
    /// Some(has a primary key) when this token closes the column list of a table.
    fn closed_by(&mut self, token: &str) -> Option<bool> {
        match token {
            ";" => *self = CreateTable::default(),
            "(" => self.depth += 1,
            ")" => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 && self.within {
                    self.within = false;
                    return Some(self.keyed);
                }
            }
            blank if is_blank(blank) => {}
            word => self.word(word),
        }
        None
    }

    fn word(&mut self, word: &str) {
        match self.words {
            0 => self.creating = is(word, "CREATE"),
            1 => self.within = self.creating && is(word, "TABLE"),
            _ => {}
        }
        self.words += 1;
        self.keyed |= self.primary && is(word, "KEY");
        self.primary = is(word, "PRIMARY");
    }
}

fn is(token: &str, keyword: &str) -> bool {
    token.eq_ignore_ascii_case(keyword)
}

fn is_blank(token: &str) -> bool {
    token.starts_with(char::is_whitespace) || token.starts_with("--") || token.starts_with("/*")
}

/// Cuts SQL into words, blanks, comments, quoted pieces and single signs; joined they are the text.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = self.0.chars().next()?;
        let length = match first {
            '\'' | '"' => quoted(self.0, first),
            '-' if self.0.starts_with("--") => self.0.find('\n').unwrap_or(self.0.len()),
            '/' if self.0.starts_with("/*") => self.0.find("*/").map_or(self.0.len(), |end| end + 2),
            _ if first.is_whitespace() => run(self.0, char::is_whitespace),
            _ if is_word(first) => run(self.0, is_word),
            _ => first.len_utf8(),
        };
        let (token, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(token)
    }
}

/// A doubled quote inside needs no care: it reads as two quoted pieces side by side.
fn quoted(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |end| end + 2)
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|sign| !belongs(sign)).unwrap_or(text.len())
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "-- BIGINT; in a comment (stays
CREATE TABLE IF NOT EXISTS a(id BIGINT NOT NULL, state TEXT CHECK (state IN ('BIGINT', 'it''s; TEXT')), PRIMARY KEY (id)) WITH (fillfactor = 70);
CREATE TABLE log (at bigint NOT NULL);
CREATE UNIQUE INDEX a_state ON a(id) WHERE (state = 'x');
ALTER TABLE a ADD COLUMN note TEXT;
INSERT INTO a(id, state) VALUES (CAST(1 AS BIGINT), CAST(2 AS TEXT));";

    #[test]
    fn sqlite_gets_strict_tables_keyed_by_their_primary_key() {
        assert_eq!(
            sqlite_ddl(TABLE),
            "-- BIGINT; in a comment (stays
CREATE TABLE IF NOT EXISTS a(id INTEGER NOT NULL, state TEXT CHECK (state IN ('BIGINT', 'it''s; TEXT')), PRIMARY KEY (id)) STRICT, WITHOUT ROWID;
CREATE TABLE log (at INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX a_state ON a(id) WHERE (state = 'x');
ALTER TABLE a ADD COLUMN note TEXT;
INSERT INTO a(id, state) VALUES (CAST(1 AS INTEGER), CAST(2 AS TEXT));"
        );
    }

    #[test]
    fn postgres_compares_text_by_bytes() {
        assert_eq!(
            postgres_ddl(TABLE),
            "-- BIGINT; in a comment (stays
CREATE TABLE IF NOT EXISTS a(id BIGINT NOT NULL, state TEXT COLLATE \"C\" CHECK (state IN ('BIGINT', 'it''s; TEXT')), PRIMARY KEY (id)) WITH (fillfactor = 70);
CREATE TABLE log (at bigint NOT NULL);
CREATE UNIQUE INDEX a_state ON a(id) WHERE (state = 'x');
ALTER TABLE a ADD COLUMN note TEXT COLLATE \"C\";
INSERT INTO a(id, state) VALUES (CAST(1 AS BIGINT), CAST(2 AS TEXT));"
        );
    }

    #[test]
    fn unfinished_pieces_end_with_the_text() {
        for text in ["'open", "/* open", "-- open", "\"open", "é(", ""] {
            assert_eq!(Tokens(text).collect::<String>(), text);
        }
    }
}
