//! The books as plain text that both hledger and beancount read: each account is opened before its
//! first use, each entry is one balanced transaction in their sense, debits positive.

use std::collections::BTreeSet;
use std::fmt::Write;

use domain::policy::Calendar;
use store::reads::exports::{BookedEntry, Line};

use crate::api::tracking::date;

/// What the file is, for people.
pub(super) fn head(range: &str) -> String {
    format!("; Bursar's books: {range}\n; debits are positive, credits negative\n\n")
}

/// One entry, and the accounts it is the first to use.
pub(super) fn write(
    out: &mut String,
    booked: &BookedEntry,
    calendar: &Calendar,
    opened: &mut BTreeSet<String>,
) {
    let BookedEntry { entry, lines } = booked;
    let day = date(calendar.day(entry.at)).to_string();
    let names: Vec<String> = lines.iter().map(account).collect();
    for name in &names {
        if opened.insert(name.clone()) {
            writeln!(out, "{day} open {name}").expect("texts grow");
        }
    }
    let (recipe, subject, of) = (&entry.recipe, &entry.subject, entry.subject_id);
    writeln!(out, "{day} * \"{recipe}\" \"{subject} {of}, entry {}\"", entry.id.0).expect("texts grow");
    for (name, line) in names.iter().zip(lines) {
        let amount = entry.currency.minor(line.posted_minor).decimal();
        writeln!(out, "  {name}  {amount} {}", entry.currency.code()).expect("texts grow");
    }
    out.push('\n');
}

/// The five roots that beancount knows, and under them our chart.
fn account(line: &Line) -> String {
    let Line { account, owner, .. } = line;
    match account.as_str() {
        "payee:pending" => format!("Liabilities:Payees:P{owner}:Pending"),
        "payee:available" => format!("Liabilities:Payees:P{owner}:Available"),
        "payee:receivable" => format!("Assets:Payees:P{owner}:Receivable"),
        "fees" => "Income:Fees".to_owned(),
        "discounts" => "Expenses:Discounts".to_owned(),
        "suspense" => "Liabilities:Suspense".to_owned(),
        other => match other.strip_prefix("clearing:") {
            Some(gateway) => format!("Assets:Clearing:{}", part(gateway)),
            None => format!("Equity:Other:{}", part(other)),
        },
    }
}

/// A part of a name: it begins with a capital or a digit, and has letters, digits and dashes.
fn part(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let mut letters = text.chars().map(plain).skip_while(|c| *c == '-');
    let first = letters.next().map_or('X', |first| first.to_ascii_uppercase());
    std::iter::once(first).chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use domain::id::{EntryId, PersonId};
    use domain::ledger::Account;
    use domain::money::Currency;
    use domain::records::Entry;
    use domain::time::Timestamp;

    use super::*;

    #[test]
    fn every_account_of_the_chart_has_a_place() {
        let person = PersonId(258);
        let all = [
            (Account::Clearing("bank_transfer".into()), "Assets:Clearing:Bank-transfer"),
            (Account::PayeePending(person), "Liabilities:Payees:P258:Pending"),
            (Account::PayeeAvailable(person), "Liabilities:Payees:P258:Available"),
            (Account::PayeeReceivable(person), "Assets:Payees:P258:Receivable"),
            (Account::Fees, "Income:Fees"),
            (Account::Discounts, "Expenses:Discounts"),
            (Account::Suspense, "Liabilities:Suspense"),
        ];
        for (known, name) in all {
            let line = Line { account: known.name(), owner: known.owner(), posted_minor: 1 };
            assert_eq!(account(&line), name);
        }
        assert_eq!((part("_x y"), part("é"), part("3d")), ("X-y".into(), "X".into(), "3d".into()));
    }

    #[test]
    fn accounts_are_opened_once_and_entries_dated_in_the_zone() {
        let calendar = Calendar::of_zone("Europe/Berlin").expect("a zone");
        let entry = Entry {
            id: EntryId(770),
            recipe: "charge".into(),
            subject: "op".into(),
            subject_id: 514,
            currency: Currency::USD,
            at: Timestamp::from_seconds(1_893_452_400),
        };
        let line = |account: &str, owner, posted_minor| Line { account: account.into(), owner, posted_minor };
        let lines = vec![
            line("clearing:sandbox", 0, 7_875),
            line("payee:pending", 258, -7_500),
            line("fees", 0, -375),
        ];
        let booked = BookedEntry { entry, lines };
        let (mut text, mut opened) = (head("a day"), BTreeSet::new());
        write(&mut text, &booked, &calendar, &mut opened);
        write(&mut text, &booked, &calendar, &mut opened);
        let once = "2030-01-01 * \"charge\" \"op 514, entry 770\"\n  Assets:Clearing:Sandbox  78.75 USD\n  \
                    Liabilities:Payees:P258:Pending  -75.00 USD\n  Income:Fees  -3.75 USD\n\n";
        let open = "2030-01-01 open Assets:Clearing:Sandbox\n2030-01-01 open Liabilities:Payees:P258:Pending\n\
                    2030-01-01 open Income:Fees\n";
        assert_eq!(text, format!("{}{open}{once}{once}", head("a day")));
    }
}
