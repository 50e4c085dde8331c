//! Four hundred days with everything that calendars do: both changes of the clocks, the ends of months,
//! 29 February, December twice. Every report equals what the entries and postings say.

use std::collections::BTreeMap;

use domain::records::{Entry, Posting};
use domain::time::{Span, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{ADMIN, BERLIN, Day, Month, ZONE, money, sum};
use crate::api::market::{START, run};

/// 2031-11-16, and 400 days later 2032-12-20.
const FIRST: Timestamp = Timestamp(START.0 + 684 * Span::DAY.0);
const DAYS: i64 = 400;
const EVERY: Span = Span(41 * Span::HOUR.0);
/// Sessions, their cancelling among it, are this far apart.
const APART: Span = Span(5 * Span::HOUR.0);

/// Around midnight of Berlin where dates are special: the last instants of a day and the first.
const EDGES: [&str; 12] = [
    "2031-12-31T22:59:59Z",
    "2032-01-31T23:00:00Z",
    "2032-02-28T23:00:00Z",
    "2032-02-29T22:59:59Z",
    "2032-03-27T23:00:00Z",
    "2032-03-28T00:59:59Z",
    "2032-03-28T21:59:59Z",
    "2032-03-31T22:00:00Z",
    "2032-10-31T00:59:59Z",
    "2032-10-31T22:59:59Z",
    "2032-11-30T23:00:00Z",
    "2032-12-18T23:00:00Z",
];

/// A charge as the books have it.
struct Charge {
    local: jiff::Zoned,
    total_minor: i64,
    payee: i64,
}

fn instant(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().expect("an instant");
    Timestamp(at.as_microsecond())
}

/// When sessions are paid.
fn instants() -> Vec<Timestamp> {
    let edges = EDGES.map(instant);
    let mut all: Vec<Timestamp> = edges.to_vec();
    let mut at = FIRST;
    while at < FIRST + Span::days(DAYS) {
        let near = |edge: &Timestamp| at - APART < *edge && *edge < at + APART;
        if !edges.iter().any(near) {
            all.push(at);
        }
        at = at + EVERY;
    }
    all.sort_unstable();
    // Two edges of one night are one student's too many.
    all.dedup_by(|later, earlier| *later < *earlier + APART);
    all
}

async fn charges(month: &Month<'_>) -> Vec<Charge> {
    let zone = TimeZone::get(ZONE).expect("a zone");
    let db = &month.market.app.db;
    let read = db.read(|reads| Ok((reads.everything::<Entry>()?, reads.everything::<Posting>()?)));
    let (entries, postings) = read.await.expect("a database");
    let charge = |entry: &Entry| {
        let at = jiff::Timestamp::from_microsecond(entry.at.0).expect("an instant");
        let of = |account: &str| {
            let mut of = postings.iter().filter(|posting| posting.entry == entry.id);
            of.find(|posting| posting.account.starts_with(account)).expect("a posting")
        };
        Charge {
            local: at.to_zoned(zone.clone()),
            total_minor: of("clearing:").posted_minor,
            payee: of("payee:").owner,
        }
    };
    entries.iter().filter(|entry| entry.recipe == "charge").map(charge).collect()
}

struct Books {
    days: BTreeMap<String, Day>,
    charges: Vec<Charge>,
}

impl Books {
    fn between(&self, first: Date, last: Date) -> Day {
        sum(self.days.range(first.to_string()..=last.to_string()).map(|(_, day)| day))
    }
}

async fn days_agree(month: &Month<'_>, books: &Books, first: Date, last: Date) {
    let range = format!("date_from={first}&date_to={last}");
    let daily = month.get(&format!("{ADMIN}/daily/?{range}")).await;
    let rows = daily["results"].as_array().expect("rows");
    assert_eq!(rows.len(), 400);
    let mut on = first;
    for row in rows {
        let [captured, total, _, _, refunds, refunded] = books.between(on, on);
        assert_eq!(row["date"], json!(on.to_string()));
        assert_eq!(
            (&row["captured"], &row["captured_amount_dollars"]),
            (&json!(captured), &money(total)),
            "{on}"
        );
        assert_eq!(
            (&row["refunds_processed"], &row["refunded_amount_dollars"]),
            (&json!(refunds), &money(refunded))
        );
        on = on.tomorrow().expect("a day");
    }
    let tracking = month.get(&format!("{ADMIN}/tracking/?{range}")).await;
    let months = tracking["trends"]["monthly"].as_array().expect("months");
    assert_eq!(months.len(), 14, "every month, zero-filled");
    for row in months {
        let of: Date = format!("{}-01", row["month"].as_str().expect("a month")).parse().expect("a date");
        let [captured, total, fee, ..] = books.between(of, of.last_of_month());
        assert_eq!(
            (&row["payments"], &row["revenue_dollars"], &row["fees_dollars"]),
            (&json!(captured), &money(total), &money(fee)),
            "{of}"
        );
    }
    assert_eq!(tracking["trends"]["daily"].as_array().expect("days").len(), 92);
}

/// Half up, as BR-89 says it, from the books.
fn projected(so_far: i64, on: Date) -> i64 {
    let (whole, passed) = (i64::from(on.days_in_month()), i64::from(on.day()));
    (2 * so_far * whole + passed).div_euclid(2 * passed)
}

async fn month_agrees(month: &Month<'_>, books: &Books, on: Date) {
    let (first, before) = (on.first_of_month(), on.first_of_month().yesterday().expect("a day"));
    let [count, total, fee, share, _, refunded] = books.between(first, on);
    let last = books.between(before.first_of_month(), before);
    let report = month.get(&format!("{ADMIN}/report/?as_of={on}")).await;
    let now = &report["current_month"];
    assert_eq!(
        (&now["payments"], &now["revenue_dollars"], &now["platform_fees_dollars"]),
        (&json!(count), &money(total), &money(fee)),
        "{on}"
    );
    let people = |from: Date, to: Date| {
        let mut payees: Vec<i64> = books
            .charges
            .iter()
            .filter(|charge| (from..=to).contains(&charge.local.date()))
            .map(|charge| charge.payee)
            .collect();
        payees.sort_unstable();
        payees.dedup();
        // And the one student, if there was anybody.
        payees.len() + usize::from(!payees.is_empty())
    };
    assert_eq!(now["unique_users"], json!(people(first, on)), "{on}");
    let then = &report["last_month"];
    assert_eq!((&then["payments"], &then["revenue_dollars"]), (&json!(last[0]), &money(last[1])), "{on}");
    let year = books.between(on.first_of_year(), on);
    assert_eq!(
        (&report["year_to_date"]["payments"], &report["year_to_date"]["revenue_dollars"]),
        (&json!(year[0]), &money(year[1])),
        "{on}"
    );
    assert_eq!(report["year_to_date"]["months_elapsed"], json!(on.month()));
    let ahead = &report["projections"];
    assert_eq!(
        (&ahead["projected_payments"], &ahead["projected_revenue_dollars"]),
        (&json!(projected(count, on)), &money(projected(total, on))),
        "{on}"
    );
    let tracking = month.get(&format!("{ADMIN}/tracking/?date_from={first}&date_to={on}")).await;
    let overview = &tracking["overview"];
    assert_eq!(
        (
            &overview["total_revenue_dollars"],
            &overview["teacher_earnings_dollars"],
            &overview["refunded_dollars"]
        ),
        (&money(total), &money(share), &money(refunded)),
        "{on}"
    );
    let dashboard = month.get(&format!("/api/payments/dashboard/?date_from={first}&date_to={on}")).await;
    assert_eq!(
        (&dashboard["successful_payments"], &dashboard["total_revenue_dollars"]),
        (&json!(count), &money(total))
    );
}

async fn analytics_agree(month: &Month<'_>, books: &Books, today: Date) {
    for (period, days) in [("7d", 7), ("30d", 30), ("90d", 90), ("365d", 365)] {
        let first = today - jiff::Span::new().days(days - 1);
        let charges: Vec<&Charge> =
            books.charges.iter().filter(|charge| (first..=today).contains(&charge.local.date())).collect();
        let seen = month.get(&format!("{ADMIN}/analytics/?period={period}")).await;
        let hours: Vec<Value> = (0..24)
            .map(|hour| {
                let count = charges.iter().filter(|charge| i64::from(charge.local.hour()) == hour).count();
                json!({ "hour": hour, "count": count })
            })
            .collect();
        assert_eq!(seen["timing"]["hourly_distribution"], json!(hours), "{period}");
        let revenue = charges.iter().map(|charge| charge.total_minor).sum();
        assert_eq!(
            seen["payment_methods"],
            json!([
                { "method": "visa", "count": charges.len(), "revenue_dollars": money(revenue) }
            ]),
            "{period}"
        );
        let mut payees: BTreeMap<i64, i64> = BTreeMap::new();
        for charge in &charges {
            *payees.entry(charge.payee).or_default() += 1;
        }
        assert_eq!(seen["engagement"]["unique_teachers"], json!(payees.len()), "{period}");
        let repeated = payees.values().filter(|times| **times > 1).count();
        assert_eq!(seen["engagement"]["repeat_teachers"], json!(repeated), "{period}");
        assert_eq!(seen["session_types"]["booking_sessions"], json!(charges.len()), "{period}");
    }
}

store::both! {
    fn reports_of_four_hundred_days_equal_the_books(db) {
        run(db, BERLIN, async |market| {
            let month = Month::of(&market).await;
            for (step, at) in instants().into_iter().enumerate() {
                month.session(step, at).await;
                if step % 60 == 59 {
                    month.fold().await;
                }
            }
            market.clock.set(FIRST + Span::days(DAYS));
            let books = Books { days: month.recount().await, charges: charges(&month).await };
            assert!(books.charges.len() > 180, "{}", books.charges.len());
            let first: Date = "2031-11-16".parse().expect("a date");
            let last = first + jiff::Span::new().days(DAYS - 1);
            days_agree(&month, &books, first, last).await;
            let mut ends: Vec<Date> = (0..14).map(|months| (first + jiff::Span::new().months(months)).last_of_month()).collect();
            ends.extend(["2032-02-28", "2032-03-28", "2032-03-01", "2032-10-31", "2032-12-01", "2032-12-19"]
                .map(|text| text.parse::<Date>().expect("a date")));
            assert!(ends.contains(&"2032-02-29".parse().expect("a date")));
            for on in ends {
                month_agrees(&month, &books, on).await;
            }
            let today: Date = "2032-12-20".parse().expect("a date");
            analytics_agree(&month, &books, today).await;
            let findings = market.app.db.read(store::verify::verify).await.expect("a database");
            assert!(findings.is_empty(), "{findings:?}");
        });
    }
}
