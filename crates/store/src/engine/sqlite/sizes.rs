//! What SQLite's planner is told of sizes.
//!
//! Without being told it takes every first column of an index for as good as a key, and so would read a
//! whole lane by the primary key rather than a payment's few rows by an index of their own. Counting
//! (`ANALYZE`) would tell it of the rows there are when it is done, and plans would change with them; so
//! all tables are told of as equally large, once, with the schema.

use rusqlite::Connection;

const ROWS: i64 = 1_000_000;
/// Rows of a table over those that share a lane.
const LANES: i64 = 256;
/// Rows that share some columns over those that share one more.
const VALUES: i64 = 100;

/// Every index with its columns in their order, those that are expressions without a name. The primary
/// key goes by its table's name.
const INDEXES: &str = "
    SELECT t.name, CASE i.origin WHEN 'pk' THEN t.name ELSE i.name END, i.\"unique\", COALESCE(c.name, '')
      FROM sqlite_schema AS t JOIN pragma_index_list(t.name) AS i JOIN pragma_index_info(i.name) AS c
     WHERE t.type = 'table' AND substr(t.name, 1, 7) <> 'sqlite_'
     ORDER BY t.name, i.name, c.seqno";

/// Tells of the tables there are now, whatever was told before.
pub(super) fn tell(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(INDEXES)?;
    let columns = statement.query_map([], |row| {
        let index: (String, String, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((index, row.get::<_, String>(3)?))
    })?;
    let mut indexes: Vec<((String, String, bool), Vec<String>)> = Vec::new();
    for column in columns {
        let (index, name) = column?;
        match indexes.last_mut().filter(|(last, _)| *last == index) {
            Some((_, names)) => names.push(name),
            None => indexes.push((index, vec![name])),
        }
    }
    // Of one table, for the sake of the table that statistics are kept in.
    connection.execute_batch("ANALYZE schema_migration; DELETE FROM sqlite_stat1;")?;
    let mut insert = connection.prepare("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)")?;
    for ((table, index, unique), columns) in indexes {
        insert.execute((table, index, statistics(&columns, unique)))?;
    }
    connection.execute_batch("ANALYZE sqlite_schema;")
}

/// The rows of an index, and how many share its first column, its first two, and so on.
fn statistics(columns: &[String], unique: bool) -> String {
    let mut sharing = ROWS;
    let mut numbers = vec![sharing.to_string()];
    for (place, column) in columns.iter().enumerate() {
        sharing = (sharing / if column == "lane" { LANES } else { VALUES }).max(2);
        let one = unique && place + 1 == columns.len();
        numbers.push(if one { "1".to_owned() } else { sharing.to_string() });
    }
    numbers.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_row_and_a_lane_is_many() {
        let of = |columns: &[&str], unique| {
            statistics(&columns.iter().map(ToString::to_string).collect::<Vec<_>>(), unique)
        };
        assert_eq!(of(&["lane", "id"], true), "1000000 3906 1");
        assert_eq!(of(&["lane", "payment"], false), "1000000 3906 39");
        assert_eq!(of(&["payer", "created_at", "id"], false), "1000000 10000 100 2");
    }
}
