//! Migrations: numbered without gaps, and never edited once their checksum is pinned.

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::{File, Rule, Violation, has_extension};

const FOLDER: &str = "crates/store/migrations/";
/// Lines as `sha256sum` writes them: digest, two spaces, file name.
const CHECKSUMS: &str = "crates/store/migrations/checksums.txt";

pub(super) fn check(files: &[File]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |path: &str, what: String| {
        found.push(Violation { path: path.to_owned(), line: 0, rule: Rule::Migration, what });
    };
    let mut migrations: Vec<_> = files.iter().filter(|file| is_migration(&file.path)).collect();
    migrations.sort_by_key(|file| &file.path);
    for (file, expected) in migrations.iter().zip(1_u32..) {
        if number(&file.path) != Some(expected) {
            report(&file.path, format!("should have the number {expected}"));
        }
    }
    if let Some(list) = files.iter().find(|file| file.path == CHECKSUMS) {
        let pinned = pinned(&list.text);
        for file in &migrations {
            let name = file.path.trim_start_matches(FOLDER);
            let digest = digest(&file.text);
            match pinned.get(name) {
                None => report(CHECKSUMS, format!("lacks the line `{digest}  {name}`")),
                Some(known) if *known != digest => {
                    report(&file.path, "was edited: add a new one instead".to_owned());
                }
                Some(_) => {}
            }
        }
        for name in
            pinned.keys().filter(|name| !files.iter().any(|file| file.path == format!("{FOLDER}{name}")))
        {
            report(CHECKSUMS, format!("{name} is gone"));
        }
    }
    found
}

fn is_migration(path: &str) -> bool {
    path.strip_prefix(FOLDER).is_some_and(|name| !name.contains('/') && has_extension(path, "sql"))
}

fn number(path: &str) -> Option<u32> {
    let name = path.strip_prefix(FOLDER)?;
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn pinned(list: &str) -> BTreeMap<&str, &str> {
    list.lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(digest, name)| (name.trim(), digest))
        .collect()
}

fn digest(text: &str) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(text.as_bytes()) {
        write!(hex, "{byte:02x}").expect("writing to a String does not fail");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let file =
            |(name, text): &(&str, &str)| File { path: format!("{FOLDER}{name}"), text: (*text).to_owned() };
        check(&files.iter().map(file).collect::<Vec<_>>()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_gap_in_the_numbers_is_found() {
        assert!(found(&[("0001_a.sql", ""), ("0002_b.sql", "")]).is_empty());
        assert_eq!(found(&[("0001_a.sql", ""), ("0003_b.sql", "")]).len(), 1);
        assert_eq!(found(&[("0001_a.sql", ""), ("0001_b.sql", "")]).len(), 1);
    }

    #[test]
    fn an_edited_unpinned_or_lost_migration_is_found() {
        let pin = format!("{}  0001_a.sql\n", digest("CREATE"));
        assert!(found(&[("0001_a.sql", "CREATE"), ("checksums.txt", &pin)]).is_empty());
        assert!(found(&[("0001_a.sql", "ALTER"), ("checksums.txt", &pin)])[0].contains("was edited"));
        assert!(found(&[("0001_a.sql", "CREATE"), ("checksums.txt", "")])[0].contains("lacks the line"));
        assert!(found(&[("checksums.txt", &pin)])[0].contains("is gone"));
    }
}
