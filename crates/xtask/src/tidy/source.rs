//! Rust text taken apart just far enough: code, comments and string literals, tests told from code.

use super::File;

/// A Rust file. In `code`, comments and the insides of literals are blank; lines keep their numbers.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) code: Vec<String>,
    pub(super) comments: Vec<String>,
    pub(super) strings: Vec<Literal>,
    /// Line by line: inside `#[cfg(test)]`, or in a file of tests.
    pub(super) test: Vec<bool>,
}

/// A string literal, its escapes as written.
pub(super) struct Literal {
    /// The line it begins on, from 0.
    pub(super) line: usize,
    pub(super) text: String,
}

impl Source {
    pub(super) fn read(file: &File) -> Source {
        let mut scanner = Scanner::new(&file.text);
        scanner.run();
        let code: Vec<String> = scanner.code.split('\n').map(str::to_owned).collect();
        let comments = scanner.comments.split('\n').map(str::to_owned).collect();
        let test = if is_test_file(&file.path) { vec![true; code.len()] } else { test_lines(&code) };
        Source { path: file.path.clone(), code, comments, strings: scanner.strings, test }
    }

    /// Lines of code outside tests, numbered from 1.
    pub(super) fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.iter().zip(&self.test).enumerate();
        lines.filter(|(_, (_, test))| !**test).map(|(index, (line, _))| (index + 1, line.as_str()))
    }

    /// String literals outside tests.
    pub(super) fn shipped_strings(&self) -> impl Iterator<Item = &Literal> {
        self.strings.iter().filter(|literal| !self.test[literal.line])
    }
}

/// Whole files of tests are named so, or lie in a folder named so.
pub(super) fn is_test_file(path: &str) -> bool {
    let inside = path.contains("/tests/") || path.contains("/benches/") || path.starts_with("e2e/");
    inside || path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

/// The last line of the block or item that begins on `start`, both from 0: where braces close
/// again, or a semicolon outside brackets ends it.
pub(super) fn end_of_item(code: &[String], start: usize) -> usize {
    let (mut braces, mut brackets) = (0, 0);
    for (index, line) in code.iter().enumerate().skip(start) {
        for letter in line.chars() {
            match letter {
                '{' => braces += 1,
                '}' => braces -= 1,
                '(' | '[' => brackets += 1,
                ')' | ']' => brackets -= 1,
                _ => {}
            }
            let ended = (letter == '}' && braces <= 0) || (letter == ';' && braces == 0);
            if ended && brackets <= 0 {
                return index;
            }
        }
    }
    code.len() - 1
}

fn test_lines(code: &[String]) -> Vec<bool> {
    let mut test = vec![false; code.len()];
    for (index, line) in code.iter().enumerate() {
        if line.contains("#[cfg(test)]") || line.contains("#[cfg(all(test") {
            let end = end_of_item(code, index);
            test[index..=end].fill(true);
        }
    }
    test
}

/// Walks the text once and deals each letter to code, comments or a literal.
struct Scanner {
    letters: Vec<char>,
    at: usize,
    line: usize,
    code: String,
    comments: String,
    strings: Vec<Literal>,
}

impl Scanner {
    fn new(text: &str) -> Scanner {
        let letters = text.chars().collect();
        Scanner { letters, at: 0, line: 0, code: String::new(), comments: String::new(), strings: Vec::new() }
    }

    fn run(&mut self) {
        while let Some(letter) = self.peek(0) {
            match (letter, self.peek(1)) {
                ('/', Some('/')) => self.line_comment(),
                ('/', Some('*')) => self.block_comment(),
                ('"', _) => self.string(),
                ('r', Some('"' | '#')) if self.raw_hashes().is_some() => self.raw_string(),
                ('\'', _) => self.quote(),
                _ => self.keep(),
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn keep(&mut self) {
        self.deal(true, false);
    }

    /// Moves one letter on; every output gets a newline or keeps its column.
    fn deal(&mut self, to_code: bool, to_comments: bool) {
        let Some(letter) = self.peek(0) else { return };
        self.at += 1;
        if letter == '\n' {
            self.line += 1;
        }
        let shown = |kept: bool| if kept || letter == '\n' { letter } else { ' ' };
        self.code.push(shown(to_code));
        self.comments.push(shown(to_comments));
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|letter| letter != '\n') {
            self.deal(false, true);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.letters.len() {
            let change = match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => 1,
                (Some('*'), Some('/')) => -1,
                _ => 0,
            };
            if change != 0 {
                depth += change;
                self.deal(false, true);
            }
            self.deal(false, true);
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        let line = self.line;
        let mut text = String::new();
        self.keep();
        while let Some(letter) = self.peek(0).filter(|letter| *letter != '"') {
            text.push(letter);
            if letter == '\\' {
                text.extend(self.peek(1));
                self.deal(false, false);
            }
            self.deal(false, false);
        }
        self.keep();
        self.strings.push(Literal { line, text });
    }

    /// The number of hashes if a raw string begins here, not an identifier that ends in r.
    fn raw_hashes(&self) -> Option<usize> {
        let before = self.at.checked_sub(1).and_then(|at| self.letters.get(at));
        let glued = before.is_some_and(|letter| is_identifier(*letter) && *letter != 'b');
        let rest = self.letters[self.at + 1..].iter();
        let hashes = rest.take_while(|letter| **letter == '#').count();
        (!glued && self.peek(hashes + 1) == Some('"')).then_some(hashes)
    }

    fn raw_string(&mut self) {
        let line = self.line;
        let hashes = self.raw_hashes().expect("the caller looked");
        let mut text = String::new();
        (0..hashes + 2).for_each(|_| self.keep());
        while let Some(letter) = self.peek(0) {
            let closes = letter == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if closes {
                break;
            }
            text.push(letter);
            self.deal(false, false);
        }
        (0..=hashes).for_each(|_| self.keep());
        self.strings.push(Literal { line, text });
    }

    /// A character literal is blanked, a lifetime is code.
    fn quote(&mut self) {
        let escaped = self.peek(1) == Some('\\');
        if !escaped && self.peek(2) != Some('\'') {
            return self.keep();
        }
        self.keep();
        if escaped {
            self.deal(false, false);
        }
        self.deal(false, false);
        while self.peek(0).is_some_and(|letter| letter != '\'') {
            self.deal(false, false);
        }
        self.keep();
    }
}

/// Whether the letter can stand inside an identifier.
pub(super) fn is_identifier(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Where the word stands on its own. A word that ends in a sign (`todo!`) or `_` (`pi_`) may be
/// followed by anything.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let open_end = word.ends_with(|letter: char| !letter.is_alphanumeric());
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_identifier) && (open_end || !after.is_some_and(is_identifier))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::read(&File { path: "crates/a/src/a.rs".to_owned(), text: text.to_owned() })
    }

    #[test]
    fn literals_and_comments_are_not_code() {
        let read =
            source("let a = \"{ // \\\" }\"; // \"{\nlet b = r#\"\"{\"#; /* { /* } */ */ let c = '{';\n");
        assert_eq!(read.code.concat().matches(['{', '}']).count(), 0);
        assert_eq!(read.strings[0].text, "{ // \\\" }");
        assert_eq!(read.strings[1].text, "\"{");
        assert_eq!(read.strings[1].line, 1);
        assert!(read.comments[0].contains("// \"{"));
        assert!(read.code[1].contains("let c ="));
    }

    #[test]
    fn lifetimes_and_escaped_quotes_do_not_open_a_literal() {
        let read = source("fn a<'x>(b: &'x str) -> char { '\\'' }\nfn c() {}\n");
        assert!(read.code[0].ends_with('}'));
        assert_eq!(read.code[1], "fn c() {}");
    }

    #[test]
    fn test_modules_are_told_from_code() {
        let read = source("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n");
        assert_eq!(read.test, [false, true, true, true, true, false, false]);
    }

    #[test]
    fn a_word_is_not_found_inside_another() {
        assert!(has_word("let x: f64 = 1;", "f64"));
        assert!(!has_word("buf64", "f64"));
        assert!(has_word("\"pi_123\"", "pi_"));
        assert!(!has_word("api_key", "pi_"));
    }
}
