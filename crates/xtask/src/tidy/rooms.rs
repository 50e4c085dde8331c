//! Who may use whom: rooms of a crate in the order of its lib.rs, and an engine without a domain.

use super::source::{Source, has_word};
use super::{Rule, Violation};

const ORDERED: &str = "crates/domain/src/lib.rs";
const MARK: &str = "// rooms in order";

pub(super) fn check(sources: &[Source]) -> Vec<Violation> {
    let mut found = Vec::new();
    for library in sources.iter().filter(|source| is_ordered(source)) {
        let folder = library.path.trim_end_matches("lib.rs");
        let rooms = rooms_of(library);
        for source in sources {
            if let Some(room) = source.path.strip_prefix(folder).filter(|rest| *rest != "lib.rs") {
                found.extend(check_order(source, room_name(room), &rooms));
            }
        }
    }
    found.extend(sources.iter().flat_map(check_engine));
    found
}

fn is_ordered(source: &Source) -> bool {
    let marked = || source.comments.iter().any(|comment| comment.contains(MARK));
    source.path == ORDERED || (source.path.ends_with("/src/lib.rs") && marked())
}

fn rooms_of(library: &Source) -> Vec<String> {
    let names = library.shipped().filter_map(|(_, line)| {
        let line = line.trim().trim_start_matches("pub ");
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    names.map(str::to_owned).collect()
}

fn room_name(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

fn check_order(source: &Source, room: &str, rooms: &[String]) -> Vec<Violation> {
    let Some(own) = rooms.iter().position(|name| name == room) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (line, used) in used_rooms(source) {
        if rooms.iter().position(|name| *name == used).is_some_and(|position| position > own) {
            let what = format!("`{room}` stands above `{used}` and may not use it");
            found.push(Violation { path: source.path.clone(), line, rule: Rule::RoomOrder, what });
        }
    }
    found
}

/// The names right after `crate::`, in braces too, with the line of the `crate::`.
fn used_rooms(source: &Source) -> Vec<(usize, String)> {
    let mut used = Vec::new();
    for (number, line) in source.shipped() {
        for (at, start) in line.match_indices("crate::") {
            let here = &line[at + start.len()..];
            if here.starts_with('{') {
                let group = group_text(&source.code[number - 1..], at + start.len());
                used.extend(top_level_names(&group).into_iter().map(|name| (number, name)));
            } else {
                used.push((number, leading_name(here)));
            }
        }
    }
    used
}

/// The inside of the braces that open at `column` of the first line.
fn group_text(lines: &[String], column: usize) -> String {
    let mut depth = 0;
    let mut text = String::new();
    for letter in lines[0][column..].chars().chain(lines[1..].iter().flat_map(|line| line.chars())) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        text.push(letter);
    }
    text.split_off(1)
}

fn top_level_names(group: &str) -> Vec<String> {
    let mut depth = 0;
    let parts = group.split(|letter| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    });
    parts.map(|part| leading_name(part.trim())).filter(|name| !name.is_empty()).collect()
}

fn leading_name(text: &str) -> String {
    text.chars().take_while(|letter| super::source::is_identifier(*letter)).collect()
}

fn check_engine(source: &Source) -> Vec<Violation> {
    if !source.path.starts_with("crates/store/src/engine") {
        return Vec::new();
    }
    let lines = source.shipped().filter(|(_, line)| has_word(line, "domain"));
    lines
        .map(|(line, _)| Violation {
            path: source.path.clone(),
            line,
            rule: Rule::EngineKnowsNoDomain,
            what: "the engine stores rows, whatever they mean".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{File, check, tests::rules_broken_by};
    use super::*;

    fn found_in(room: &str, text: &str) -> Vec<String> {
        let library = "//! Rooms.\npub mod time;\npub mod money;\npub mod ledger;\n";
        let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
        let files = [file(ORDERED, library), file(&format!("crates/domain/src/{room}"), text)];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_room_may_use_only_rooms_above_it() {
        assert!(found_in("ledger/entry.rs", "use crate::money::Money;\n").is_empty());
        assert_eq!(
            found_in("money.rs", "use crate::ledger::Entry;\n"),
            ["crates/domain/src/money.rs:1: RoomOrder: `money` stands above `ledger` and may not use it"]
        );
    }

    #[test]
    fn grouped_imports_are_looked_into() {
        let grouped =
            "use crate::{\n    money::{Money, ledger},\n    time::Timestamp,\n    ledger::Entry,\n};\n";
        assert_eq!(found_in("money.rs", grouped).len(), 1);
        assert!(found_in("ledger.rs", grouped).is_empty());
    }

    #[test]
    fn an_engine_that_knows_the_domain_is_found() {
        let text = "use domain::money::Money;\n";
        assert_eq!(rules_broken_by("crates/store/src/engine/a.rs", text), [Rule::EngineKnowsNoDomain]);
        assert!(rules_broken_by("crates/store/src/reads/a.rs", text).is_empty());
    }
}
