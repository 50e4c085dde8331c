//! Every report equals what the postings say, day by day in the marketplace's zone, over a month in
//! which the clocks change, before and after the sums are folded.

mod exports;
mod year;

use std::collections::BTreeMap;

use domain::id::OfferId;
use domain::money::Currency;
use domain::records::{Entry, Posting};
use domain::rollups::Fold;
use domain::time::{Span, Timestamp};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use server::http::json::Instant;

use super::market::{Login, Market, START, run};

const ZONE: &str = "Europe/Berlin";
const BERLIN: &[(&str, &str)] =
    &[("BURSAR_REPORTS__TIME_ZONE", ZONE), ("BURSAR_REPORTS__HIGH_VALUE_CENTS", "15000")];
const ADMIN: &str = "/api/payments/admin";

/// Captured payments, total, fee, share, refunds, refunded.
type Day = [i64; 6];

struct Month<'a> {
    market: &'a Market,
    student: Login,
    teachers: [(Login, OfferId); 2],
    admin: Login,
}

impl<'a> Month<'a> {
    async fn of(market: &'a Market) -> Month<'a> {
        let student = market.student("sam").await;
        let (tina, theo) = (market.teacher("tina").await, market.teacher("theo").await);
        let gigs = [market.gig(tina.person.id).await, market.gig(theo.person.id).await];
        let admin = market.admin().await;
        Month { market, student, teachers: [(tina, gigs[0]), (theo, gigs[1])], admin }
    }

    fn now(&self) -> Timestamp {
        self.market.app.clock.now()
    }

    /// A session of the given minutes, booked and confirmed now.
    async fn booked(&self, teacher: usize, minutes: i64) -> i64 {
        let (teacher, gig) = &self.teachers[teacher];
        let begins = Timestamp::from_seconds((self.now() + Span::hours(2)).seconds());
        let body = json!({
            "teacher": teacher.person.uuid, "gig": gig.0, "start_time": Instant(begins).text(),
            "end_time": Instant(begins + Span::minutes(minutes)).text(),
        });
        let made = self.market.post(&self.student, "/api/bookings/bookings/", body).await.expect(201);
        let id = made.body["id"].as_i64().expect("an id");
        self.act(teacher, id, "confirm").await;
        id
    }

    async fn act(&self, who: &Login, id: i64, action: &str) {
        let path = format!("/api/bookings/bookings/{id}/{action}/");
        self.market.post(who, &path, json!({})).await.expect(200);
    }

    async fn pay(&self, id: i64, card: &str, status: u16) {
        let body = json!({ "booking_id": id, "payment_method_id": format!("pm_card_{card}") });
        self.market.post(&self.student, "/api/payments/process-booking-payment/", body).await.expect(status);
    }

    /// From 10 March to 14 April 2030, every 11 hours: the clocks change on 31 March.
    async fn happens(&self) {
        let (mut at, end) = (START + Span::days(68), START + Span::days(103));
        let mut step = 0;
        while at < end {
            self.session(step, at).await;
            at = at + Span::hours(11);
            step += 1;
        }
    }

    /// A session that is paid, declined or paid and cancelled, at an instant.
    async fn session(&self, step: usize, at: Timestamp) {
        self.market.clock.set(at);
        let id = self.booked(step % 2, 15 + 20 * i64::try_from(step % 12).expect("small")).await;
        match step % 7 {
            3 => self.pay(id, "declined", 400).await,
            5 => {
                self.pay(id, "visa", 200).await;
                self.market.clock.set(at + Span::HOUR);
                self.act(&self.student, id, "cancel").await;
            }
            _ => self.pay(id, "visa", 200).await,
        }
    }

    /// Adds all waiting changes to the sums.
    async fn fold(&self) {
        let db = &self.market.app.db;
        loop {
            let waiting = db.read(|reads| reads.waiting_deltas(None, 50)).await.expect("a database");
            if waiting.is_empty() {
                break;
            }
            let fold = Fold::of(&waiting).expect("written by us");
            assert_eq!(db.record(fold.clone()).await.expect("folded"), waiting.len());
            assert_eq!(db.record(fold).await.expect("nothing"), 0, "nothing is folded twice");
        }
    }

    async fn get(&self, path: &str) -> Value {
        self.market.get(&self.admin, path).await.expect(200).body
    }

    /// The books by day of the zone, from entries and postings alone.
    async fn recount(&self) -> BTreeMap<String, Day> {
        let zone = TimeZone::get(ZONE).expect("a zone");
        let read = self
            .market
            .app
            .db
            .read(|reads| Ok((reads.everything::<Entry>()?, reads.everything::<Posting>()?)));
        let (entries, postings) = read.await.expect("a database");
        let mut days: BTreeMap<String, Day> = BTreeMap::new();
        for entry in entries {
            let at = jiff::Timestamp::from_microsecond(entry.at.0).expect("an instant");
            let day = days.entry(at.to_zoned(zone.clone()).date().to_string()).or_default();
            let moved = |account: &str| -> i64 {
                let of = postings.iter().filter(|posting| posting.entry == entry.id);
                of.filter(|posting| posting.account.starts_with(account))
                    .map(|posting| posting.posted_minor)
                    .sum()
            };
            let told = match &*entry.recipe {
                "charge" => [1, moved("clearing:"), -moved("fees"), -moved("payee:"), 0, 0],
                "refund" => [0, 0, 0, 0, 1, -moved("clearing:")],
                _ => continue,
            };
            day.iter_mut().zip(told).for_each(|(sum, told)| *sum += told);
        }
        days
    }
}

fn money(minor: i64) -> Value {
    serde_json::from_str(&Currency::USD.minor(minor).decimal()).expect("a number")
}

fn sum<'a>(days: impl Iterator<Item = &'a Day>) -> Day {
    let mut sum = Day::default();
    days.for_each(|day| sum.iter_mut().zip(day).for_each(|(sum, part)| *sum += part));
    sum
}

async fn agree(month: &Month<'_>) {
    let days = month.recount().await;
    let between =
        |first: &str, last: &str| sum(days.range(first.to_owned()..=last.to_owned()).map(|(_, day)| day));
    let daily = month.get(&format!("{ADMIN}/daily/?date_from=2030-03-01&date_to=2030-04-30")).await;
    let rows = daily["results"].as_array().expect("rows");
    assert_eq!((rows.len(), &daily["count"]), (61, &json!(61)), "every day, also empty ones");
    for row in rows {
        let date = row["date"].as_str().expect("a date");
        let [captured, total, _, _, refunds, refunded] = days.get(date).copied().unwrap_or_default();
        assert_eq!(row["captured"], json!(captured), "{date}");
        assert_eq!(row["captured_amount_dollars"], money(total), "{date}");
        assert_eq!(row["refunds_processed"], json!(refunds), "{date}");
        assert_eq!(row["refunded_amount_dollars"], money(refunded), "{date}");
    }
    for (first, last) in
        [("2030-03-01", "2030-04-30"), ("2030-03-31", "2030-03-31"), ("2030-03-20", "2030-04-02")]
    {
        let [captured, total, fee, share, _, refunded] = between(first, last);
        let seen = month.get(&format!("{ADMIN}/tracking/?date_from={first}&date_to={last}")).await;
        let overview = &seen["overview"];
        assert_eq!(overview["total_revenue_dollars"], money(total), "{first}");
        assert_eq!(overview["platform_fees_earned_dollars"], money(fee));
        assert_eq!(overview["teacher_earnings_dollars"], money(share));
        assert_eq!(overview["refunded_dollars"], money(refunded));
        assert_eq!(overview["net_revenue_dollars"], money(total - refunded));
        let states = seen["status_breakdown"].as_object().expect("states").values();
        assert_eq!(
            states.map(|count| count.as_i64().expect("a count")).sum::<i64>(),
            overview["total_payments"]
        );
        assert_eq!(seen["refunds"]["total_refund_amount_cents"], json!(refunded));
        let payments = |list: &str| -> i64 {
            let rows = seen["trends"][list].as_array().expect("rows").iter();
            rows.map(|row| row["payments"].as_i64().expect("a count")).sum()
        };
        assert_eq!((payments("monthly"), payments("daily")), (captured, captured));
        let dashboard =
            month.get(&format!("/api/payments/dashboard/?date_from={first}&date_to={last}")).await;
        assert_eq!(dashboard["total_revenue_dollars"], money(total));
        assert_eq!(dashboard["successful_payments"], json!(captured));
        assert_eq!(dashboard["total_payments"], overview["total_payments"]);
    }
    let report = month.get(&format!("{ADMIN}/report/?as_of=2030-04-10")).await;
    let (april, march) = (between("2030-04-01", "2030-04-10"), between("2030-03-01", "2030-03-31"));
    assert_eq!(report["current_month"]["revenue_dollars"], money(april[1]));
    assert_eq!(report["last_month"]["revenue_dollars"], money(march[1]));
    assert_eq!(report["last_month"]["platform_fees_dollars"], money(march[2]));
    assert_eq!(report["last_month"]["unique_users"], json!(3));
    assert_eq!(report["year_to_date"]["revenue_dollars"], money(april[1] + march[1]));
    assert_eq!(report["projections"]["projected_payments"], json!(april[0] * 3));
    assert_eq!(report["projections"]["projected_revenue_dollars"], money(april[1] * 3));
    // 365 days back from 14 April.
    let analytics = month.get(&format!("{ADMIN}/analytics/?period=365d")).await;
    let all = between("2030-01-01", "2030-12-31");
    assert_eq!(analytics["session_types"]["booking_sessions"], json!(all[0]));
    assert_eq!(analytics["session_types"]["booking_percentage"], json!(100.0));
    let hours = analytics["timing"]["hourly_distribution"].as_array().expect("hours");
    assert_eq!(hours.len(), 24);
    assert_eq!(hours.iter().map(|hour| hour["count"].as_i64().expect("a count")).sum::<i64>(), all[0]);
    assert_eq!(analytics["payment_methods"][0]["revenue_dollars"], money(all[1]));
    assert_eq!(analytics["engagement"]["repeat_teachers"], json!(2));
}

store::both! {
    fn every_report_equals_a_recount_of_the_postings_over_a_month_in_which_clocks_change(db) {
        run(db, BERLIN, async |market| {
            let month = Month::of(&market).await;
            month.happens().await;
            agree(&month).await;
            let before = month.get(&format!("{ADMIN}/tracking/?date_from=2030-03-01&date_to=2030-04-30")).await;
            month.fold().await;
            agree(&month).await;
            let after = month.get(&format!("{ADMIN}/tracking/?date_from=2030-03-01&date_to=2030-04-30")).await;
            assert_eq!(before, after, "folding changes no report");
            let findings = market.app.db.read(store::verify::verify).await.expect("a database");
            assert!(findings.is_empty(), "{findings:?}");
        });
    }

    fn reports_show_the_best_the_large_and_how_it_runs(db) {
        run(db, BERLIN, async |market| {
            let month = Month::of(&market).await;
            for (teacher, minutes, card, status) in
                [(0, 60, "visa", 200), (1, 240, "visa", 200), (0, 90, "declined", 400), (0, 30, "visa", 200)]
            {
                let id = month.booked(teacher, minutes).await;
                month.pay(id, card, status).await;
                let now = month.now();
                market.clock.set(now + Span::hours(10));
            }
            let seen = month.get(&format!("{ADMIN}/tracking/")).await;
            assert_eq!(seen["top_performers"], json!({
                "teachers": [
                    { "email": "theo@example.org", "name": "theo Example", "earnings_dollars": 200.0,
                      "sessions": 1, "avg_hourly_rate_dollars": 50.0 },
                    { "email": "tina@example.org", "name": "tina Example", "earnings_dollars": 75.0,
                      "sessions": 2, "avg_hourly_rate_dollars": 50.0 },
                ],
                "students": [{ "email": "sam@example.org", "name": "sam Example", "spent_dollars": 288.75,
                    "sessions": 3 }],
            }));
            let large = seen["high_value_payments"].as_array().expect("rows");
            assert_eq!((large.len(), &large[0]["amount_dollars"]), (1, &json!(210.0)));
            assert_eq!(seen["status_breakdown"]["FAILED"], json!(1));
            assert_eq!(seen["status_breakdown"]["COMPLETED"], json!(3));
            assert_eq!(seen["key_metrics"], json!({
                "failed_attempt_rate": 25.0, "fee_percentage": 5.0, "policy_fee_percentage": 5.0,
                "p50_processing_seconds": 1, "p95_processing_seconds": 1, "refund_rate": 0.0,
            }));
            assert_eq!(seen["overview"]["platform_fee_percentage"], json!(5.0));
            assert_eq!(seen["overview"]["average_transaction_dollars"], json!(96.25));
            let failed = month.get(&format!("{ADMIN}/tracking/?status=failed")).await;
            assert_eq!(failed["status_breakdown"], json!({ "FAILED": 1 }));
            assert_eq!(failed["high_value_payments"], json!([]));
            let dashboard = month.get("/api/payments/dashboard/").await;
            assert_eq!(dashboard["success_rate"], json!(75.0));
            assert_eq!(dashboard["failure_rate"], json!(25.0));
            assert_eq!(dashboard["recent_payments"].as_array().expect("rows").len(), 4);
            let gigs = month.get(&format!("{ADMIN}/tracking/?kind=gig_purchase")).await;
            assert_eq!(gigs["overview"]["total_payments"], json!(0));
            assert_eq!(gigs["overview"]["total_revenue_dollars"], json!(0.0));
        });
    }

    fn reports_are_for_administrators_and_refuse_junk(db) {
        run(db, &[], async |market| {
            let (admin, student) = (market.admin().await, market.student("sam").await);
            for path in ["tracking", "analytics", "report", "daily"].map(|name| format!("{ADMIN}/{name}/"))
                .into_iter().chain(["/api/payments/dashboard/".to_owned()])
            {
                market.get(&student, &path).await.refused(403, "admin_required");
                market.get(&admin, &path).await.expect(200);
                for query in ["kind=car", "currency=ZZZ"] {
                    market.get(&admin, &format!("{path}?{query}")).await.refused(400, "validation_failed");
                }
            }
            for query in ["tracking/?date_from=soon", "tracking/?status=GOOD", "report/?as_of=soon",
                "daily/?date_from=1990-01-01"] {
                market.get(&admin, &format!("{ADMIN}/{query}")).await.refused(400, "validation_failed");
            }
            let empty = market.get(&admin, &format!("{ADMIN}/daily/?date_from=2030-02-02&date_to=2030-02-01")).await;
            assert_eq!(empty.expect(200).body["results"], json!([]));
            let other = market.get(&admin, &format!("{ADMIN}/analytics/?period=9d")).await.expect(200);
            assert_eq!(other.body["period"], json!("30d"));
        });
    }
}
