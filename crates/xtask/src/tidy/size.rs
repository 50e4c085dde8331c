//! How long things may be: functions, files, lines of prose.

use super::source::{Source, end_of_item, has_word, is_test_file};
use super::{File, Rule, Violation, has_extension};

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 500;
const PROSE_COLUMNS_MAX: usize = 120;

pub(super) fn check_source(source: &Source) -> Vec<Violation> {
    let mut found = long_functions(source);
    let lines = source.shipped().count();
    if lines > FILE_LINES_MAX {
        found.push(violation(&source.path, 0, Rule::FileLength, format!("{lines} lines without tests")));
    }
    for (index, comment) in source.comments.iter().enumerate() {
        let columns = comment.trim_end().chars().count();
        if !comment.trim().is_empty() && columns > PROSE_COLUMNS_MAX {
            found.push(violation(&source.path, index + 1, Rule::LineLength, format!("{columns} columns")));
        }
    }
    found
}

fn long_functions(source: &Source) -> Vec<Violation> {
    let starts = source.shipped().filter(|(_, line)| begins_function(line));
    let lengths = starts.map(|(number, _)| (number, end_of_item(&source.code, number - 1) + 2 - number));
    lengths
        .filter(|(_, lines)| *lines > FUNCTION_LINES_MAX)
        .map(|(number, lines)| {
            violation(&source.path, number, Rule::FunctionLength, format!("a function of {lines} lines"))
        })
        .collect()
}

/// `fn name`, but not the type `fn(A) -> B`.
fn begins_function(line: &str) -> bool {
    has_word(line, "fn") && line.split("fn ").skip(1).any(|rest| !rest.trim_start().starts_with('('))
}

/// Tables and lines that cannot be broken (one long address) may be longer.
pub(super) fn check_prose(file: &File) -> Vec<Violation> {
    if !has_extension(&file.path, "md") || is_test_file(&file.path) {
        return Vec::new();
    }
    let breakable =
        |line: &str| !line.starts_with('|') && line.trim_start_matches([' ', '-', '*']).contains(' ');
    let lines = file.text.lines().enumerate().filter(|(_, line)| breakable(line));
    lines
        .map(|(index, line)| (index + 1, line.chars().count()))
        .filter(|(_, columns)| *columns > PROSE_COLUMNS_MAX)
        .map(|(number, columns)| {
            violation(&file.path, number, Rule::LineLength, format!("{columns} columns"))
        })
        .collect()
}

fn violation(path: &str, line: usize, rule: Rule, what: String) -> Violation {
    Violation { path: path.to_owned(), line, rule, what }
}

#[cfg(test)]
mod tests {
    use super::super::tests::rules_broken_by;
    use super::*;

    fn function_of(lines: usize) -> String {
        format!("fn long(\n    a: [u8; 3],\n) {{\n{}}}\n", "    a();\n".repeat(lines - 4))
    }

    #[test]
    fn a_function_of_seventy_lines_passes_and_one_more_does_not() {
        assert!(rules_broken_by("crates/a/src/a.rs", &function_of(70)).is_empty());
        assert_eq!(rules_broken_by("crates/a/src/a.rs", &function_of(71)), [Rule::FunctionLength]);
    }

    #[test]
    fn tests_may_be_as_long_as_they_need() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function_of(600));
        assert!(rules_broken_by("crates/a/src/a.rs", &tests).is_empty());
        assert!(rules_broken_by("crates/a/tests/a.rs", &function_of(600)).is_empty());
    }

    #[test]
    fn a_file_over_five_hundred_lines_is_found() {
        assert_eq!(rules_broken_by("crates/a/src/a.rs", &"fn a() {}\n".repeat(501)), [Rule::FileLength]);
    }

    #[test]
    fn long_prose_is_found_in_comments_and_documents_but_not_in_tables() {
        let long = "word ".repeat(25);
        assert_eq!(rules_broken_by("crates/a/src/a.rs", &format!("// {long}\n")), [Rule::LineLength]);
        assert_eq!(rules_broken_by("docs/a.md", &long), [Rule::LineLength]);
        assert!(rules_broken_by("docs/a.md", &format!("| {long} |")).is_empty());
    }
}
