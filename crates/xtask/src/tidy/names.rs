//! Words that say nothing when they stand alone, as the name of a file, a type or a function.

use super::source::{Source, has_word, is_identifier};
use super::{Rule, Violation};

const BANNED: &[&str] =
    &["data", "info", "manager", "service", "helper", "util", "handle", "process", "transaction"];
const DEFINITIONS: &[&str] = &["fn", "struct", "enum", "trait", "mod", "type", "union"];

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let parts = source.path.trim_end_matches(".rs").split('/');
    let files = parts.filter(|part| is_banned(part)).map(|name| (0, name.to_owned()));
    let definitions = source.code.iter().enumerate().flat_map(|(index, line)| {
        let names = DEFINITIONS.iter().filter_map(|keyword| defined_name(line, keyword));
        names.filter(|name| is_banned(name)).map(move |name| (index + 1, name)).collect::<Vec<_>>()
    });
    files
        .chain(definitions)
        .map(|(line, name)| Violation {
            path: source.path.clone(),
            line,
            rule: Rule::BannedName,
            what: format!("`{name}` alone says nothing: name what it is"),
        })
        .collect()
}

fn is_banned(name: &str) -> bool {
    let lower = name.to_lowercase();
    BANNED.iter().any(|word| lower == *word || lower.strip_suffix('s') == Some(word))
}

fn defined_name(line: &str, keyword: &str) -> Option<String> {
    if !has_word(line, keyword) {
        return None;
    }
    // A trait's own `type Data = …` in an impl is named by whoever wrote the trait.
    let ours = keyword != "type" || !line.starts_with(' ');
    let (_, rest) = line.split_once(&format!("{keyword} ")).filter(|_| ours)?;
    let name: String = rest.chars().take_while(|letter| is_identifier(*letter)).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::tests::rules_broken_by;
    use super::*;

    #[test]
    fn names_that_say_nothing_are_found() {
        for text in [
            "struct Data;\n",
            "pub enum Info {}\n",
            "fn process() {}\n",
            "mod utils;\n",
            "trait Service {}\n",
        ] {
            assert_eq!(rules_broken_by("crates/a/src/a.rs", text), [Rule::BannedName], "{text}");
        }
        assert_eq!(rules_broken_by("crates/a/src/helpers.rs", "fn a() {}\n"), [Rule::BannedName]);
    }

    #[test]
    fn a_banned_word_in_company_passes() {
        let text = "struct ServiceFee;\nfn process_id() {}\nfn a() {\n    connection.transaction();\n}\n";
        assert!(rules_broken_by("crates/a/src/a.rs", text).is_empty());
    }
}
