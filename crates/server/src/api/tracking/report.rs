//! The month so far beside the month before, the year so far, and where the month is heading.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use domain::records::{Amounts, Measure};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::figures::{DateRange, Scope, by_label, date, day, kind, today, total};
use crate::api::payments::{currency, half_up};
use crate::app::App;
use crate::http::caller::Onlooker;
use crate::http::dates::Range;
use crate::http::json::{MoneyNumber, ratio};
use crate::http::{Problem, Query};

const MEASURES: &[Measure] = &[Measure::Captured, Measure::Payer, Measure::Payee];
/// How projections are made, told beside them.
const METHOD: &str = "month to date x days in month / days elapsed";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportQuery {
    /// The day the report is made for; today unless given.
    pub(crate) as_of: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) currency: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Report {
    period: Period,
    current_month: MonthFigures,
    last_month: MonthFigures,
    growth: Growth,
    year_to_date: YearToDate,
    projections: Projections,
    currency: String,
}

#[derive(Serialize, ToSchema)]
struct Period {
    current_month: DateRange,
    last_month: DateRange,
}

#[derive(Serialize, ToSchema)]
struct MonthFigures {
    #[schema(value_type = f64)]
    revenue_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    platform_fees_dollars: MoneyNumber,
    payments: i64,
    /// Different people who paid or were paid.
    unique_users: usize,
}

/// Percent against the month before; 100 where there was nothing and now is, 0 where both are nothing.
#[derive(Serialize, ToSchema)]
struct Growth {
    #[schema(value_type = f64)]
    revenue_growth: Box<RawValue>,
    #[schema(value_type = f64)]
    fees_growth: Box<RawValue>,
    #[schema(value_type = f64)]
    payments_growth: Box<RawValue>,
    #[schema(value_type = f64)]
    users_growth: Box<RawValue>,
}

#[derive(Serialize, ToSchema)]
struct YearToDate {
    #[schema(value_type = f64)]
    revenue_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    platform_fees_dollars: MoneyNumber,
    payments: i64,
    months_elapsed: i8,
}

#[derive(Serialize, ToSchema)]
struct Projections {
    /// Of the whole current month.
    #[schema(value_type = f64)]
    projected_revenue_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    projected_fees_dollars: MoneyNumber,
    projected_payments: i64,
    method: &'static str,
}

/// Growth and projections by calendar months.
#[utoipa::path(
    get, path = "/api/payments/admin/report/", tag = "tracking", security(("bearer" = [])),
    params(ReportQuery),
    responses((status = 200, body = Report), crate::http::openapi::Refused),
)]
pub(crate) async fn report(
    State(app): State<App>,
    _: Onlooker,
    Query(query): Query<ReportQuery>,
) -> Result<Json<Report>, Problem> {
    Ok(Json(report_of(&app, &query).await?))
}

/// The report as it is shown and printed.
pub(crate) async fn report_of(app: &App, query: &ReportQuery) -> Result<Report, Problem> {
    let as_of = match query.as_of.as_deref().filter(|text| !text.is_empty()) {
        None => today(app),
        Some(text) => {
            let calendar = &app.policies.reports.calendar;
            let wrong =
                |_| Problem::field("as_of", "must be a date (2026-01-31) or an instant with an offset");
            calendar.day(Range::read(Some(text), None, &calendar.zone).map_err(wrong)?.from)
        }
    };
    let on = date(as_of);
    let (kind, currency) = (kind(query.kind.as_deref())?, currency(app, query.currency.as_deref())?);
    let current = Scope { first_day: day(on.first_of_month()), last_day: as_of, kind, currency };
    let last = current.between(day(date(current.first_day - 1).first_of_month()), current.first_day - 1);
    let year = current.between(day(on.first_of_year()), as_of);
    let (now, users) = month(app, current).await?;
    let (before, users_before) = month(app, last).await?;
    let so_far = total(&year.sums(app, &[Measure::Captured]).await?, Measure::Captured, |_| true);
    let figures = |amounts: Amounts, unique_users: usize| MonthFigures {
        revenue_dollars: current.money(amounts.total_minor),
        platform_fees_dollars: current.money(amounts.fee_minor),
        payments: amounts.number,
        unique_users,
    };
    Ok(Report {
        period: Period { current_month: current.range(app), last_month: last.range(app) },
        current_month: figures(now, users),
        last_month: figures(before, users_before),
        growth: Growth {
            revenue_growth: growth(now.total_minor, before.total_minor),
            fees_growth: growth(now.fee_minor, before.fee_minor),
            payments_growth: growth(now.number, before.number),
            users_growth: growth(count(users), count(users_before)),
        },
        year_to_date: YearToDate {
            revenue_dollars: current.money(so_far.total_minor),
            platform_fees_dollars: current.money(so_far.fee_minor),
            payments: so_far.number,
            months_elapsed: on.month(),
        },
        projections: Projections {
            projected_revenue_dollars: current.money(projected(now.total_minor, on)),
            projected_fees_dollars: current.money(projected(now.fee_minor, on)),
            projected_payments: projected(now.number, on),
            method: METHOD,
        },
        currency: currency.code().to_owned(),
    })
}

impl Report {
    /// Its parts as they are printed: headings, and under each what it is and how much.
    pub(in crate::api) fn printed(&self) -> Vec<(String, Vec<(&'static str, String)>)> {
        let money = |MoneyNumber(money): MoneyNumber| money.decimal();
        let month = |figures: &MonthFigures| {
            vec![
                ("Revenue", money(figures.revenue_dollars)),
                ("Platform fees", money(figures.platform_fees_dollars)),
                ("Payments", figures.payments.to_string()),
                ("People", figures.unique_users.to_string()),
            ]
        };
        let percent = |ratio: &RawValue| format!("{} %", ratio.get());
        let (growth, year, ahead) = (&self.growth, &self.year_to_date, &self.projections);
        vec![
            (self.period.current_month.to_string(), month(&self.current_month)),
            (self.period.last_month.to_string(), month(&self.last_month)),
            (
                "Growth".to_owned(),
                vec![
                    ("Revenue", percent(&growth.revenue_growth)),
                    ("Platform fees", percent(&growth.fees_growth)),
                    ("Payments", percent(&growth.payments_growth)),
                    ("People", percent(&growth.users_growth)),
                ],
            ),
            (
                format!("Year to date, {} months", year.months_elapsed),
                vec![
                    ("Revenue", money(year.revenue_dollars)),
                    ("Platform fees", money(year.platform_fees_dollars)),
                    ("Payments", year.payments.to_string()),
                ],
            ),
            (
                format!("Projected for the month: {}", ahead.method),
                vec![
                    ("Revenue", money(ahead.projected_revenue_dollars)),
                    ("Platform fees", money(ahead.projected_fees_dollars)),
                    ("Payments", ahead.projected_payments.to_string()),
                ],
            ),
        ]
    }

    /// The currency its amounts are in.
    pub(in crate::api) fn currency(&self) -> &str {
        &self.currency
    }
}

/// What was captured in a month, and how many people that was.
async fn month(app: &App, scope: Scope) -> Result<(Amounts, usize), Problem> {
    let sums = scope.sums(app, MEASURES).await?;
    let (payers, payees) = (by_label(&sums, Measure::Payer), by_label(&sums, Measure::Payee));
    let people: BTreeSet<&&str> = payers.keys().chain(payees.keys()).collect();
    Ok((total(&sums, Measure::Captured, |_| true), people.len()))
}

fn count(people: usize) -> i64 {
    i64::try_from(people).unwrap_or(i64::MAX)
}

fn growth(now: i64, before: i64) -> Box<RawValue> {
    if before == 0 { ratio(i64::from(now > 0) * 100, 1, 2) } else { ratio((now - before) * 100, before, 2) }
}

/// Half up.
fn projected(so_far: i64, on: Date) -> i64 {
    half_up(so_far * i64::from(on.days_in_month()), i64::from(on.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projections_are_right_in_every_month() {
        let of = |so_far, text: &str| projected(so_far, text.parse().expect("a date"));
        let cases = [
            (100, "2030-12-31", 100),
            (100, "2030-12-01", 3_100),
            (100, "2028-02-29", 100),
            (100, "2028-02-10", 290),
            (100, "2030-02-10", 280),
            (100, "2030-04-15", 200),
            (0, "2030-01-01", 0),
            (7, "2030-01-02", 109),
        ];
        for (so_far, on, whole) in cases {
            assert_eq!(of(so_far, on), whole, "{on}");
        }
        for (now, before, text) in [(5, 0, "100.00"), (0, 0, "0.00"), (0, 5, "-100.00"), (15, 10, "50.00")] {
            assert_eq!(growth(now, before).get(), text);
        }
    }
}
