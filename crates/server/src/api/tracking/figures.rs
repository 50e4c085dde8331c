//! Days, and the sums of days.

use std::collections::BTreeMap;

use domain::money::{Currency, Money};
use domain::policy::Kind;
use domain::records::{Amounts, Measure, RollupKey};
use domain::rollups::Sums;
use domain::time::{Span, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use store::reads::rollups::RollupFilter;
use utoipa::{IntoParams, ToSchema};

use crate::api::payments::{currency, word};
use crate::app::App;
use crate::http::Problem;
use crate::http::dates::Range;
use crate::http::json::MoneyNumber;

/// Days of a report where none are asked for.
const DAYS: i64 = 30;
/// More than ten years at once are no report.
const DAYS_MAX: i64 = 3_660;
const SECONDS_A_DAY: i64 = 86_400;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RangeQuery {
    /// A date of the marketplace's zone, or an instant, whose day counts; 30 days unless given.
    pub(in crate::api) date_from: Option<String>,
    /// Inclusive; today unless given.
    pub(in crate::api) date_to: Option<String>,
    pub(in crate::api) kind: Option<String>,
    pub(in crate::api) currency: Option<String>,
}

/// What a report is about; both days inclusive.
#[derive(Clone, Copy, Debug)]
pub(in crate::api) struct Scope {
    pub(in crate::api) first_day: i64,
    pub(in crate::api) last_day: i64,
    pub(in crate::api) kind: Option<Kind>,
    pub(super) currency: Currency,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DateRange {
    /// A date.
    from: String,
    to: String,
    /// In which days begin and end.
    time_zone: String,
}

impl std::fmt::Display for DateRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}, {}", self.from, self.to, self.time_zone)
    }
}

impl Scope {
    pub(in crate::api) fn read(app: &App, query: &RangeQuery) -> Result<Scope, Problem> {
        let calendar = &app.policies.reports.calendar;
        let range = Range::read(query.date_from.as_deref(), query.date_to.as_deref(), &calendar.zone)?;
        let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let last_day = if given(&query.date_to) { calendar.day(range.until - Span(1)) } else { today(app) };
        let first_day = if given(&query.date_from) { calendar.day(range.from) } else { last_day - DAYS + 1 };
        if last_day - first_day >= DAYS_MAX {
            return Err(Problem::field("date_from", format!("at most {DAYS_MAX} days at once")));
        }
        let (kind, currency) = (kind(query.kind.as_deref())?, currency(app, query.currency.as_deref())?);
        Ok(Scope { first_day, last_day, kind, currency })
    }

    pub(super) fn between(self, first_day: i64, last_day: i64) -> Scope {
        Scope { first_day, last_day, ..self }
    }

    pub(super) async fn sums(self, app: &App, measures: &'static [Measure]) -> Result<Sums, Problem> {
        let filter = self.filter();
        Ok(app.db.read(move |reads| reads.rollups(measures, &filter)).await?)
    }

    pub(super) fn filter(self) -> RollupFilter {
        let Scope { first_day, last_day, kind, currency } = self;
        RollupFilter { first_day, last_day, kind, currency }
    }

    pub(super) fn days(self) -> impl Iterator<Item = i64> {
        self.first_day..=self.last_day
    }

    pub(super) fn money(self, minor: i64) -> MoneyNumber {
        MoneyNumber(Money { minor, currency: self.currency })
    }

    pub(in crate::api) fn range(self, app: &App) -> DateRange {
        DateRange {
            from: date(self.first_day).to_string(),
            to: date(self.last_day).to_string(),
            time_zone: app.policies.reports.calendar.zone.clone(),
        }
    }

    /// The instants of its days, the end exclusive.
    pub(in crate::api) fn instants(self, app: &App) -> Result<(Timestamp, Timestamp), Problem> {
        let zone = &app.policies.reports.calendar.zone;
        let first = date(self.first_day).to_string();
        let last = date(self.last_day).to_string();
        let range = Range::read(Some(&first), Some(&last), zone)?;
        Ok((range.from, range.until))
    }
}

pub(super) fn kind(text: Option<&str>) -> Result<Option<Kind>, Problem> {
    word::<Kind>("kind", text)
}

/// The number of today in the reports' zone.
pub(super) fn today(app: &App) -> i64 {
    app.policies.reports.calendar.day(app.clock.now())
}

/// The date of a day's number.
pub(in crate::api) fn date(day: i64) -> Date {
    let midnight = jiff::Timestamp::from_second(day * SECONDS_A_DAY);
    midnight.unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC).date()
}

/// The number of a date.
pub(super) fn day(date: Date) -> i64 {
    let midnight = TimeZone::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight()));
    midnight.map_or(0, |midnight| midnight.as_second().div_euclid(SECONDS_A_DAY))
}

/// The sum of what a condition lets through.
pub(super) fn total(sums: &Sums, measure: Measure, wanted: impl Fn(&RollupKey) -> bool) -> Amounts {
    let mut sum = Amounts::default();
    for (key, amounts) in sums {
        if key.measure == measure && wanted(key) {
            sum.add(*amounts, 1);
        }
    }
    sum
}

/// The sums of a measure's parts.
pub(super) fn by_label(sums: &Sums, measure: Measure) -> BTreeMap<&str, Amounts> {
    let mut parts: BTreeMap<&str, Amounts> = BTreeMap::new();
    for (key, amounts) in sums.iter().filter(|(key, _)| key.measure == measure) {
        parts.entry(&key.label).or_default().add(*amounts, 1);
    }
    parts
}

/// The sums of a measure by what is made of its day.
pub(super) fn by_day<K: Ord>(sums: &Sums, measure: Measure, of: impl Fn(i64) -> K) -> BTreeMap<K, Amounts> {
    let mut days: BTreeMap<K, Amounts> = BTreeMap::new();
    for (key, amounts) in sums.iter().filter(|(key, _)| key.measure == measure) {
        days.entry(of(key.day)).or_default().add(*amounts, 1);
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_numbers_and_numbers_dates() {
        for (number, text) in [(0, "1970-01-01"), (-1, "1969-12-31"), (21_914, "2029-12-31")] {
            assert_eq!(date(number).to_string(), text);
            assert_eq!(day(text.parse().expect("a date")), number);
        }
        assert_eq!(
            day("2028-03-01".parse().expect("a date")) - day("2028-02-28".parse().expect("a date")),
            2
        );
    }
}
