//! Logs: text or JSON lines on standard error, and no card number in any of them.
//!
//! Invariant: every line passes [`mask_card_numbers`] on its way out, whoever wrote it. Bodies,
//! secrets and personal data are never logged in the first place; the mask is the second net.

use std::borrow::Cow;
use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::LogFormat;

/// Card numbers have 13 to 19 digits (ISO/IEC 7812).
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// What may stay visible of one.
const DIGITS_SHOWN: usize = 4;

/// Logging is already set up, or the filter is wrong.
#[derive(Debug, thiserror::Error)]
#[error("cannot start logging: {0}")]
pub struct LoggingError(String);

/// Sets up the process's logs and reports panics through them. Once per process.
pub fn start(format: LogFormat, level: &str) -> Result<(), LoggingError> {
    let filter = EnvFilter::try_new(level).map_err(|error| LoggingError(error.to_string()))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let started = match format {
        LogFormat::Text => builder.with_writer(Masked { json: false }).try_init(),
        LogFormat::Json => builder.json().with_writer(Masked { json: true }).try_init(),
    };
    started.map_err(|error| LoggingError(error.to_string()))?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("a panic without a message");
        tracing::error!(place, "panic: {message}");
    }));
    Ok(())
}

/// Whether a text is a level or a filter that [`start`] accepts.
pub fn is_filter(level: &str) -> bool {
    !level.is_empty() && EnvFilter::try_new(level).is_ok()
}

/// The text with every card number reduced to its last four digits: runs of 13 to 19 digits, also
/// with single spaces or dashes between, that pass the Luhn check.
pub fn mask_card_numbers(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut masked: Option<Vec<u8>> = None;
    let groups = digit_groups(bytes);
    for first in 0..groups.len() {
        let mut digits = 0;
        for last in first..groups.len() {
            if last > first && !are_joined(bytes, groups[last - 1], groups[last]) {
                break;
            }
            digits += groups[last].1 - groups[last].0;
            let (start, end) = (groups[first].0, groups[last].1);
            if CARD_DIGITS.contains(&digits) {
                if passes_luhn(&bytes[start..end]) {
                    mask(masked.get_or_insert_with(|| bytes.to_vec()), start, end);
                }
            } else if digits > *CARD_DIGITS.end() {
                if first == last {
                    mask_inside(bytes, (start, end), &mut masked);
                }
                break;
            }
        }
    }
    match masked {
        None => Cow::Borrowed(text),
        Some(bytes) => Cow::Owned(String::from_utf8(bytes).expect("digits became asterisks")),
    }
}

/// A card number glued into a longer run of digits.
fn mask_inside(bytes: &[u8], (start, end): (usize, usize), masked: &mut Option<Vec<u8>>) {
    for from in start..end {
        for length in CARD_DIGITS {
            let to = from + length;
            if to <= end && matches!(bytes[from], b'2'..=b'6') && passes_luhn(&bytes[from..to]) {
                mask(masked.get_or_insert_with(|| bytes.to_vec()), from, to);
            }
        }
    }
}

/// Start and end of every run of adjacent digits.
fn digit_groups(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut groups: Vec<(usize, usize)> = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        if !byte.is_ascii_digit() {
            continue;
        }
        match groups.last_mut() {
            Some((_, end)) if *end == at => *end = at + 1,
            _ => groups.push((at, at + 1)),
        }
    }
    groups
}

fn are_joined(bytes: &[u8], (_, end): (usize, usize), (start, _): (usize, usize)) -> bool {
    start == end + 1 && matches!(bytes[end], b' ' | b'-')
}

fn passes_luhn(bytes: &[u8]) -> bool {
    let digits = bytes.iter().rev().filter(|byte| byte.is_ascii_digit());
    let sum: u32 = digits
        .enumerate()
        .map(|(index, byte)| {
            let digit = u32::from(byte - b'0');
            match (index % 2, digit * 2) {
                (0, _) => digit,
                (_, double) if double > 9 => double - 9,
                (_, double) => double,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn mask(bytes: &mut [u8], start: usize, end: usize) {
    let digits: Vec<usize> = (start..end).filter(|at| bytes[*at] != b' ' && bytes[*at] != b'-').collect();
    for at in &digits[..digits.len() - DIGITS_SHOWN] {
        bytes[*at] = b'*';
    }
}

/// Masks a JSON line without breaking it: a masked number becomes a string.
fn mask_json_line(line: &str) -> Cow<'_, str> {
    use serde_json::Value;
    fn walk(value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(masked) = mask_card_numbers(text) {
                    *text = masked;
                }
            }
            Value::Number(number) => {
                if let Cow::Owned(masked) = mask_card_numbers(&number.to_string()) {
                    *value = Value::String(masked);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            Value::Object(members) => members.values_mut().for_each(walk),
            Value::Null | Value::Bool(_) => {}
        }
    }
    let plain = mask_card_numbers(line);
    if matches!(plain, Cow::Borrowed(_)) {
        return plain;
    }
    match serde_json::from_str::<Value>(line) {
        Ok(mut value) => {
            walk(&mut value);
            Cow::Owned(format!("{value}\n"))
        }
        Err(_) => plain,
    }
}

/// Standard error behind the mask.
struct Masked {
    json: bool,
}

struct MaskedWriter<W> {
    inner: W,
    json: bool,
}

impl<'a> MakeWriter<'a> for Masked {
    type Writer = MaskedWriter<io::Stderr>;
    fn make_writer(&'a self) -> Self::Writer {
        MaskedWriter { inner: io::stderr(), json: self.json }
    }
}

/// The formatter hands over one whole line at a time, so no number is cut in two.
impl<W: Write> Write for MaskedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        let masked = if self.json { mask_json_line(&line) } else { mask_card_numbers(&line) };
        self.inner.write_all(masked.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn card_numbers_are_masked_in_every_spelling() {
        let cases = [
            ("card 4242424242424242 declined", "card ************4242 declined"),
            ("4242 4242 4242 4242", "**** **** **** 4242"),
            ("4242-4242-4242-4242.", "****-****-****-4242."),
            ("3782 822463 10005", "**** ****** *0005"),
            ("exp 12 4242424242424242 123", "exp 12 ************4242 123"),
            ("00004242424242424242", "0000************4242"),
            ("a=4000000000000002&b=5555555555554444", "a=************0002&b=************4444"),
            ("6304000000000000 é 4222222222222", "************0000 é *********2222"),
        ];
        for (text, masked) in cases {
            assert_eq!(mask_card_numbers(text), masked);
        }
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in [
            "",
            "4242424242424241",
            "2026-11-21T02:48:14.123456Z",
            "127.0.0.1:8000",
            "payment 123456789012",
            "4242  4242  4242  4242",
        ] {
            assert!(matches!(mask_card_numbers(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn masked_json_lines_stay_json() {
        let line = "{\"a\":4242424242424242,\"b\":[\"x \\\" 4242424242424242\"]}\n";
        let masked = mask_json_line(line);
        let value: serde_json::Value = serde_json::from_str(&masked).expect("still JSON");
        assert_eq!(value["a"], "************4242");
        assert!(masked.ends_with('\n') && !masked.contains("42424242"));
    }

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_logged_card_number_does_not_reach_the_output() {
        let out = Shared::default();
        let writer = out.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(move || MaskedWriter { inner: writer.clone(), json: true })
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("request", id = "4242-4242-4242-4242");
            let _inside = span.enter();
            tracing::warn!(note = "4000 0000 0000 0002", "gateway said 5555555555554444");
        });
        let text = String::from_utf8(out.0.lock().expect("not poisoned").clone()).expect("text");
        assert!(text.contains("4444") && text.contains("gateway said"));
        for card in ["4242-4242", "4000 0000", "55555555"] {
            assert!(!text.contains(card), "{text}");
        }
    }
}
