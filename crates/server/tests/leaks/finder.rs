//! Searches bytes for what must not be in them. Written apart from what masks, so that both would have
//! to be wrong in the same way.

#[derive(Default)]
pub struct Finder {
    exact: Vec<(String, String)>,
    cards: Vec<String>,
    codes: Vec<String>,
}

impl Finder {
    /// A secret, wherever it stands.
    pub fn exact(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= 16, "a short {name} is found by chance");
        self.exact.push((name.to_owned(), secret.to_owned()));
    }

    /// A card's number, also inside a longer run of digits.
    pub fn card(&mut self, number: &str) {
        self.cards.push(number.to_owned());
    }

    /// A card's security code, in the spellings in which it could be told from a duration.
    pub fn code(&mut self, code: &str) {
        let quoted = [format!("\"{code}\""), format!("\\\"{code}\\\""), format!("cvc={code}")];
        self.codes.extend(quoted.into_iter().chain([format!("cvc: {code}")]));
    }

    pub fn contains(bytes: &[u8], text: &str) -> bool {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// What was found, without repeating it.
    pub fn find(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for (name, secret) in &self.exact {
            if Finder::contains(bytes, secret) {
                found.push(format!("a {name}: {}…", &secret[..6]));
            }
        }
        if self.codes.iter().any(|code| Finder::contains(bytes, code)) {
            found.push("a security code".to_owned());
        }
        for run in runs(bytes) {
            let ours = self.cards.iter().any(|number| run.digits.contains(number.as_str()));
            if ours || run.is_a_card() {
                found.push(format!("a card number ending in {}", &run.digits[run.digits.len() - 4..]));
            }
        }
        found
    }
}

/// Digits with at most one space or dash between.
struct Run {
    digits: String,
    /// It begins or ends in the middle of something hexadecimal, such as a UUID.
    inside_hex: bool,
}

impl Run {
    /// Of a length and a beginning that cards have, with the right last digit.
    fn is_a_card(&self) -> bool {
        let begins = matches!(self.digits.as_bytes()[0], b'2'..=b'6');
        (13..=19).contains(&self.digits.len()) && begins && !self.inside_hex && luhn(&self.digits)
    }
}

fn luhn(digits: &str) -> bool {
    let mut sum = 0;
    for (place, digit) in digits.bytes().rev().enumerate() {
        let digit = u32::from(digit - b'0');
        let doubled = if place % 2 == 1 { digit * 2 } else { digit };
        sum += doubled / 10 + doubled % 10;
    }
    sum % 10 == 0
}

fn runs(bytes: &[u8]) -> Vec<Run> {
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let byte = |at: Option<usize>| at.and_then(|at| bytes.get(at));
    let hex_beside = |near: Option<usize>, far: Option<usize>| match byte(near) {
        Some(b'-') => byte(far).is_some_and(u8::is_ascii_hexdigit),
        byte => byte.is_some_and(u8::is_ascii_hexdigit),
    };
    let mut runs = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !digit(at) {
            at += 1;
            continue;
        }
        let (start, mut digits) = (at, String::new());
        loop {
            if digit(at) {
                digits.push(char::from(bytes[at]));
            } else if !(matches!(bytes.get(at), Some(b' ' | b'-')) && digit(at + 1)) {
                break;
            }
            at += 1;
        }
        if digits.len() >= 13 {
            let before = hex_beside(start.checked_sub(1), start.checked_sub(2));
            runs.push(Run { digits, inside_hex: before || hex_beside(Some(at), Some(at + 1)) });
        }
    }
    runs
}

#[test]
fn every_spelling_of_a_card_is_found_and_nothing_else() {
    let mut finder = Finder::default();
    for (text, count) in [
        ("4242424242424242", 1),
        ("no 4242 4242-4242 4242, 5555-5555-5555-4444", 2),
        ("378282246310005x", 1),
        ("4242424242424241", 0),
        ("1795240000000000", 0),
        ("d4242424242424242a", 0),
        ("42424242-4242-4242-a000-000000000000", 0),
        ("aaaaaaaa-aaaa-4aaa-4242-424242424242", 0),
        ("-4242424242424242-", 1),
        ("2026-11-21 05:46:01.123456", 0),
    ] {
        assert_eq!(finder.find(text.as_bytes()).len(), count, "{text}");
    }
    finder.card("4242424242424242");
    assert_eq!(finder.find(b"d4242424242424242a").len(), 1);
    assert_eq!(finder.find(b"99424242424242424299").len(), 1);
}
