//! Text files that hold what the code must say. `UPDATE_GOLDEN=1` rewrites them; what changed is then
//! read in the diff.

use std::path::{Path, PathBuf};

/// A file below the crate's folder.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares a whole file.
pub fn check(name: &str, text: &str) {
    let file = path(name);
    if updating() {
        std::fs::write(&file, text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    for (number, (kept, now)) in kept.lines().zip(text.lines()).enumerate() {
        assert_eq!(kept, now, "{name}:{} is stale: UPDATE_GOLDEN=1 rewrites it", number + 1);
    }
    assert_eq!(kept, text, "{name} is stale: UPDATE_GOLDEN=1 rewrites it");
}

/// Compares a table, one case a line: words that say the case, `->`, and what `tell` makes of the
/// words. Empty lines and those that begin with `#` are for readers.
pub fn table(name: &str, tell: impl Fn(&[&str]) -> String) {
    let kept = std::fs::read_to_string(path(name)).unwrap();
    let line = |line: &str| match line.split_once("->") {
        Some((case, _)) if !line.starts_with('#') => {
            let words: Vec<&str> = case.split_whitespace().collect();
            format!("{case}-> {}\n", tell(&words))
        }
        _ => format!("{line}\n"),
    };
    let told: String = kept.lines().map(line).collect();
    check(name, &told);
}

#[expect(clippy::disallowed_methods, reason = "the developer says so; the program never comes here")]
fn updating() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1")
}
