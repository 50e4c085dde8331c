//! What is exported: the same figures as the endpoints', in forms that accountants' own tools accept.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use gateways::testing::peers;
use serde_json::{Value, json};
use store::testing::TestDb;

use super::{ADMIN, BERLIN, Month, money};
use crate::api::market::{Answer, Market, run};

const STATEMENT: &str = "/api/payments/statement.pdf";
const RANGE: &str = "date_from=2030-03-01&date_to=2030-04-30";

async fn exported(month: &Month<'_>, query: &str) -> Answer {
    let market = month.market;
    market.get(&month.admin, &format!("{ADMIN}/export/?{query}")).await.expect(200)
}

fn minor(text: &str) -> i64 {
    text.replace('.', "").parse().expect("an amount")
}

/// The amounts of a journal by account, and how many entries it has.
fn balances(journal: &str) -> (BTreeMap<String, i64>, usize) {
    let mut sums = BTreeMap::new();
    for line in journal.lines().filter(|line| line.starts_with("  ")) {
        let (account, amount) = line.trim().split_once("  ").expect("two parts");
        let amount = amount.strip_suffix(" USD").expect("a currency");
        *sums.entry(account.to_owned()).or_default() += minor(amount);
    }
    (sums, journal.lines().filter(|line| line.contains(" * \"")).count())
}

fn accepted(mut command: Command, file: &Path) -> String {
    let output = command.arg(file).output().expect("`cargo xtask ci` installs it");
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{said}");
    said
}

async fn agree(month: &Month<'_>) {
    let tracking = month.get(&format!("{ADMIN}/tracking/?{RANGE}")).await;
    let overview = &tracking["overview"];
    let all = overview["total_payments"].as_u64().expect("a count");

    let csv = exported(month, &format!("{RANGE}&format=csv")).await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(
        csv.headers["content-disposition"],
        "attachment; filename=\"bursar-2030-03-01-2030-04-30.csv\""
    );
    let rows: Vec<Vec<&str>> = csv.text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len() as u64, all + 1);
    let column = |name: &str| rows[0].iter().position(|column| *column == name).expect("a column");
    let (amount, paid, refunded) = (column("amount"), column("paid_at"), column("refunded"));
    let captured = || rows[1..].iter().filter(|row| !row[paid].is_empty());
    assert_eq!(overview["total_revenue_dollars"], money(captured().map(|row| minor(row[amount])).sum()));
    assert_eq!(overview["refunded_dollars"], money(captured().map(|row| minor(row[refunded])).sum()));

    let listed = exported(month, &format!("{RANGE}&format=JSON")).await;
    assert_eq!(listed.headers["content-type"], "application/json");
    let listed = listed.body.as_array().expect("an array").clone();
    assert_eq!(listed.len() + 1, rows.len());
    for (row, object) in rows[1..].iter().zip(&listed) {
        assert_eq!(json!(row[0].parse::<i64>().expect("an id")), object["payment_id"]);
        assert_eq!(money(minor(row[amount])), object["amount"]);
        assert_eq!(row[column("status")], object["status"].as_str().expect("a word"));
    }

    let journal = exported(month, &format!("{RANGE}&format=journal")).await.text;
    let (sums, _) = balances(&journal);
    assert_eq!(sums.values().sum::<i64>(), 0);
    let refunds = overview["refunded_dollars"].clone();
    assert_eq!(overview["net_revenue_dollars"], money(sums["Assets:Clearing:Sandbox"]), "{refunds}");
    let none = exported(month, &format!("{RANGE}&format=journal&kind=course")).await.text;
    assert_eq!(balances(&none), (BTreeMap::new(), 0));
    let bookings = exported(month, &format!("{RANGE}&format=journal&kind=booking")).await.text;
    assert_eq!(bookings, journal, "all is of bookings");
}

async fn odd(market: &Market, month: &Month<'_>) {
    let none = exported(month, "date_from=2029-01-01&date_to=2029-01-31&format=json").await;
    assert_eq!(none.body, json!([]));
    let none = exported(month, "date_from=2029-01-01&date_to=2029-01-31").await.text;
    assert_eq!(none.lines().count(), 1, "the columns' names");
    for query in ["format=xml", "kind=car", "date_from=soon"] {
        let answer = market.get(&month.admin, &format!("{ADMIN}/export/?{query}")).await;
        answer.refused(400, "validation_failed");
    }
    for path in ["export/", "report.pdf"] {
        market.get(&month.student, &format!("{ADMIN}/{path}")).await.refused(403, "admin_required");
    }
    market.get(&month.student, STATEMENT).await.refused(403, "teacher_required");
}

/// What a reader of documents shows of one: its lines, with their columns.
fn shown(document: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("printed.pdf");
    std::fs::write(&file, document).expect("written");
    let mut reader = Command::new("pdftotext");
    reader.args(["-layout", "-enc", "UTF-8"]).arg(&file).arg("-");
    let output = reader.output().expect("`cargo xtask ci` installs it");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8 was asked for")
}

/// Each printed figure is the endpoint's: its text stands in the document.
async fn printed(market: &Market, month: &Month<'_>) {
    let report = month.get(&format!("{ADMIN}/report/?as_of=2030-04-10")).await;
    let path = format!("{ADMIN}/report.pdf?as_of=2030-04-10");
    let document = market.get(&month.admin, &path).await.expect(200);
    assert_eq!(document.headers["content-type"], "application/pdf");
    let document = shown(&document.bytes);
    let figures = [
        &report["current_month"]["revenue_dollars"],
        &report["last_month"]["platform_fees_dollars"],
        &report["growth"]["revenue_growth"],
        &report["year_to_date"]["payments"],
        &report["projections"]["projected_revenue_dollars"],
    ];
    for figure in figures {
        assert!(document.contains(&format!(" {figure}")), "{figure}: {document}");
    }
    let (teacher, _) = &month.teachers[0];
    let range = "date_from=2030-03-20&date_to=2030-04-02";
    let summary = market.get(teacher, &format!("/api/payments/summary/?{range}")).await.expect(200).body;
    let statement = market.get(teacher, &format!("{STATEMENT}?{range}")).await.expect(200);
    let statement = shown(&statement.bytes);
    for name in
        ["total_earned_dollars", "platform_fees_paid_dollars", "gross_revenue_dollars", "total_sessions"]
    {
        let figure: &Value = &summary["as_teacher"][name];
        assert!(statement.contains(&format!(" {figure}")), "{name} {figure}: {statement}");
    }
    assert!(statement.contains("tina Example"));
}

store::both! {
    fn exports_have_the_figures_of_the_endpoints(db) {
        run(db, BERLIN, async |market| {
            let month = Month::of(&market).await;
            month.happens().await;
            agree(&month).await;
            odd(&market, &month).await;
            printed(&market, &month).await;
        });
    }
}

/// Languages are taught by people of all of them. Names come as they were typed: accents may be letters of
/// their own.
#[test]
fn names_in_many_letters_are_printed_and_can_be_copied() {
    run(&TestDb::sqlite(), BERLIN, async |market| {
        let month = Month::of(&market).await;
        let (teacher, gig) = &month.teachers[0];
        let typed = "Z\u{307}o\u{301}\u{142}c\u{301} Ελληνικά Тест Vie\u{323}\u{302}t ğ";
        let profile = json!({ "full_name": typed });
        market.patch(teacher, "/api/accounts/profiles/me/", profile).await.expect(200);
        let title = json!({ "service_title": "Ґанок 中 ẞ" });
        market.patch(teacher, &format!("/api/accounts/gigs/{}/", gig.0), title).await.expect(200);
        let booking = month.booked(0, 60).await;
        month.pay(booking, "visa", 200).await;
        let statement = market.get(teacher, STATEMENT).await.expect(200);
        let statement = shown(&statement.bytes);
        let mut lines = statement.lines();
        let heading = lines.next().expect("a heading");
        let columns: Vec<&str> = heading.split("  ").filter(|part| !part.is_empty()).map(str::trim).collect();
        assert_eq!(columns, ["Statement of earnings: Żółć Ελληνικά Тест Việt ğ", "USD"], "{statement}");
        assert_eq!(lines.next(), Some("Everything so far, Europe/Berlin"));
        let paid = statement.lines().find(|line| line.starts_with("2030-01-01")).expect("the payment");
        assert!(paid.contains(" Ґанок 中 ẞ ") && paid.ends_with(" 0.00"), "also what has no glyph: {paid}");
    });
}

#[test]
fn hledger_and_beancount_accept_the_journal_and_it_balances() {
    run(&TestDb::sqlite(), BERLIN, async |market| {
        let month = Month::of(&market).await;
        month.happens().await;
        let journal = exported(&month, &format!("{RANGE}&format=journal")).await.text;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("books.beancount");
        std::fs::write(&file, &journal).expect("written");
        accepted(Command::new(peers().join("venv/bin/bean-check")), &file);
        let mut hledger = Command::new("hledger");
        hledger.args(["check", "ordereddates", "-f"]);
        accepted(hledger, &file);
        let mut hledger = Command::new("hledger");
        hledger.args(["balance", "--flat", "--output-format=csv", "-f"]);
        let told = accepted(hledger, &file);
        for (account, sum) in balances(&journal).0 {
            let amount = domain::money::Currency::USD.minor(sum).decimal();
            assert!(told.contains(&format!("\"{account}\",\"{amount} USD\"")), "{account} {amount}: {told}");
        }
        let broken = journal.replacen(" USD", "9 USD", 1);
        std::fs::write(&file, broken).expect("written");
        let mut check = Command::new(peers().join("venv/bin/bean-check"));
        assert!(!check.arg(&file).status().expect("it runs").success(), "and it sees what is wrong");
    });
}
