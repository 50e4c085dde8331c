//! The marketplace over some days: totals, states, the best, trends, refunds, how it runs.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use domain::id::{Id, PersonId};
use domain::records::{Amounts, Measure, PaymentState, Person, RefundState, Word};
use domain::rollups::Sums;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::figures::{DateRange, RangeQuery, Scope, by_day, by_label, date, total};
use crate::api::payments::{PaymentRow, half_up, row, views_of, word};
use crate::app::App;
use crate::http::caller::Admin;
use crate::http::json::{MoneyNumber, ratio};
use crate::http::{Problem, Query};

const MEASURES: &[Measure] = &[
    Measure::Created,
    Measure::Captured,
    Measure::Refunded,
    Measure::Request,
    Measure::Attempt,
    Measure::Latency,
    Measure::Payer,
    Measure::Payee,
];
const PERFORMERS: usize = 10;
const LARGE: usize = 5;
/// Days in the trend; of longer ranges the last ones.
const DAILY_MAX: i64 = 92;

#[derive(serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatusQuery {
    /// Only payments in this state in the breakdown and the lists.
    status: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Tracking {
    date_range: DateRange,
    overview: Overview,
    /// How many in each state.
    status_breakdown: BTreeMap<String, i64>,
    top_performers: TopPerformers,
    trends: Trends,
    high_value_payments: Vec<PaymentRow>,
    refunds: RefundFigures,
    key_metrics: KeyMetrics,
}

#[derive(Serialize, ToSchema)]
struct Overview {
    total_payments: i64,
    #[schema(value_type = f64)]
    total_revenue_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    platform_fees_earned_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    teacher_earnings_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    average_transaction_dollars: MoneyNumber,
    /// Of the prices.
    #[schema(value_type = f64)]
    platform_fee_percentage: Box<RawValue>,
    #[schema(value_type = f64)]
    refunded_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    net_revenue_dollars: MoneyNumber,
    currency: String,
}

#[derive(Serialize, ToSchema)]
struct TopPerformers {
    teachers: Vec<TopTeacher>,
    students: Vec<TopStudent>,
}

#[derive(Serialize, ToSchema)]
struct TopTeacher {
    email: String,
    name: String,
    #[schema(value_type = f64)]
    earnings_dollars: MoneyNumber,
    sessions: i64,
    #[schema(value_type = f64)]
    avg_hourly_rate_dollars: MoneyNumber,
}

#[derive(Serialize, ToSchema)]
struct TopStudent {
    email: String,
    name: String,
    #[schema(value_type = f64)]
    spent_dollars: MoneyNumber,
    sessions: i64,
}

#[derive(Serialize, ToSchema)]
struct Trends {
    monthly: Vec<MonthTrend>,
    daily: Vec<DayTrend>,
}

#[derive(Serialize, ToSchema)]
struct MonthTrend {
    /// `2030-01`
    month: String,
    #[schema(value_type = f64)]
    revenue_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    fees_dollars: MoneyNumber,
    payments: i64,
}

#[derive(Serialize, ToSchema)]
struct DayTrend {
    /// `2030-01-31`
    date: String,
    #[schema(value_type = f64)]
    revenue_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    fees_dollars: MoneyNumber,
    payments: i64,
}

#[derive(Serialize, ToSchema)]
struct RefundFigures {
    /// Requests made in the range, by what has become of them.
    pending_refunds: i64,
    approved_refunds: i64,
    rejected_refunds: i64,
    /// Processed in the range, whoever asked.
    total_refund_amount_cents: i64,
    #[schema(value_type = f64)]
    total_refund_amount_dollars: MoneyNumber,
}

#[derive(Serialize, ToSchema)]
struct KeyMetrics {
    /// Percent of the finished attempts to charge that failed.
    #[schema(value_type = f64)]
    failed_attempt_rate: Box<RawValue>,
    /// Fees in percent of prices, and what the booking policy asks for.
    #[schema(value_type = f64)]
    fee_percentage: Box<RawValue>,
    #[schema(value_type = f64)]
    policy_fee_percentage: Box<RawValue>,
    /// Half of the captured payments took at most so many seconds; null: none, or more than a day.
    p50_processing_seconds: Option<i64>,
    p95_processing_seconds: Option<i64>,
    /// Refunded in percent of captured.
    #[schema(value_type = f64)]
    refund_rate: Box<RawValue>,
}

/// Totals, states, top performers, trends, refunds and key figures of some days.
#[utoipa::path(
    get, path = "/api/payments/admin/tracking/", tag = "tracking", security(("bearer" = [])),
    params(RangeQuery, StatusQuery),
    responses((status = 200, body = Tracking), crate::http::openapi::Refused),
)]
pub(crate) async fn tracking(
    State(app): State<App>,
    _: Admin,
    Query(query): Query<RangeQuery>,
    Query(status): Query<StatusQuery>,
) -> Result<Json<Tracking>, Problem> {
    let scope = Scope::read(&app, &query)?;
    let status = word::<PaymentState>("status", status.status.as_deref())?;
    let sums = scope.sums(&app, MEASURES).await?;
    let states = PaymentState::ALL.iter().filter(|state| status.is_none_or(|only| only == **state));
    let in_state = |state: &PaymentState| {
        let number = total(&sums, Measure::Created, |key| key.label == state.word()).number;
        (state.word().to_ascii_uppercase(), number)
    };
    Ok(Json(Tracking {
        date_range: scope.range(&app),
        overview: overview(scope, &sums),
        status_breakdown: states.map(in_state).collect(),
        top_performers: top_performers(&app, scope, &sums).await?,
        trends: trends(scope, &sums),
        high_value_payments: large(&app, scope, status).await?,
        refunds: refunds(scope, &sums),
        key_metrics: key_metrics(&app, &sums),
    }))
}

fn overview(scope: Scope, sums: &Sums) -> Overview {
    let captured = total(sums, Measure::Captured, |_| true);
    let refunded = total(sums, Measure::Refunded, |_| true).total_minor;
    Overview {
        total_payments: total(sums, Measure::Created, |_| true).number,
        total_revenue_dollars: scope.money(captured.total_minor),
        platform_fees_earned_dollars: scope.money(captured.fee_minor),
        teacher_earnings_dollars: scope.money(captured.share_minor),
        average_transaction_dollars: scope.money(half_up(captured.total_minor, captured.number)),
        platform_fee_percentage: ratio(captured.fee_minor * 100, captured.base_minor, 2),
        refunded_dollars: scope.money(refunded),
        net_revenue_dollars: scope.money(captured.total_minor - refunded),
        currency: scope.currency.code().to_owned(),
    }
}

/// The first ten by what they earned or paid; equal ones by id.
fn best(sums: &Sums, measure: Measure, by: fn(&Amounts) -> i64) -> Vec<(PersonId, Amounts)> {
    let person = |(label, amounts): (&str, Amounts)| Some((PersonId::from_raw(label.parse().ok()?), amounts));
    let mut all: Vec<_> = by_label(sums, measure).into_iter().filter_map(person).collect();
    all.sort_by_key(|(id, amounts)| (std::cmp::Reverse(by(amounts)), *id));
    all.truncate(PERFORMERS);
    all
}

async fn top_performers(app: &App, scope: Scope, sums: &Sums) -> Result<TopPerformers, Problem> {
    let teachers = best(sums, Measure::Payee, |amounts| amounts.share_minor);
    let students = best(sums, Measure::Payer, |amounts| amounts.total_minor);
    let ids: Vec<PersonId> = teachers.iter().chain(&students).map(|(id, _)| *id).collect();
    let people = app.db.read(move |reads| reads.find_many::<Person>(&ids)).await?;
    let people: BTreeMap<PersonId, Person> = people.into_iter().map(|person| (person.id, person)).collect();
    let named = |id: &PersonId| {
        people.get(id).map(|person| (person.email.clone(), person.full_name.clone())).unwrap_or_default()
    };
    let teacher = |(id, amounts): &(PersonId, Amounts)| {
        let (email, name) = named(id);
        TopTeacher {
            email,
            name,
            earnings_dollars: scope.money(amounts.share_minor),
            sessions: amounts.number,
            avg_hourly_rate_dollars: scope.money(half_up(amounts.hourly_minor, amounts.rated)),
        }
    };
    let student = |(id, amounts): &(PersonId, Amounts)| {
        let (email, name) = named(id);
        TopStudent { email, name, spent_dollars: scope.money(amounts.total_minor), sessions: amounts.number }
    };
    Ok(TopPerformers {
        teachers: teachers.iter().map(teacher).collect(),
        students: students.iter().map(student).collect(),
    })
}

fn trends(scope: Scope, sums: &Sums) -> Trends {
    let month = |day: i64| date(day).first_of_month();
    let mut months = by_day(sums, Measure::Captured, month);
    for day in scope.days() {
        months.entry(month(day)).or_default();
    }
    let days = by_day(sums, Measure::Captured, |day| day);
    let daily = |day: i64| {
        let amounts = days.get(&day).copied().unwrap_or_default();
        DayTrend {
            date: date(day).to_string(),
            revenue_dollars: scope.money(amounts.total_minor),
            fees_dollars: scope.money(amounts.fee_minor),
            payments: amounts.number,
        }
    };
    let monthly = |(month, amounts): (jiff::civil::Date, Amounts)| MonthTrend {
        month: month.strftime("%Y-%m").to_string(),
        revenue_dollars: scope.money(amounts.total_minor),
        fees_dollars: scope.money(amounts.fee_minor),
        payments: amounts.number,
    };
    let first = scope.first_day.max(scope.last_day - DAILY_MAX + 1);
    Trends {
        monthly: months.into_iter().map(monthly).collect(),
        daily: scope.between(first, scope.last_day).days().map(daily).collect(),
    }
}

async fn large(app: &App, scope: Scope, state: Option<PaymentState>) -> Result<Vec<PaymentRow>, Problem> {
    let filter = scope.filter();
    let found = app.db.read(move |reads| reads.large_payments(&filter, state, LARGE)).await?;
    let strict = app.config.compat.strict_statuses;
    Ok(views_of(app, found).await?.iter().map(|view| row(view, strict)).collect())
}

fn refunds(scope: Scope, sums: &Sums) -> RefundFigures {
    use RefundState as S;
    let requests = |states: &[S]| {
        let wanted = |label: &str| states.iter().any(|state| state.word() == label);
        total(sums, Measure::Request, |key| wanted(&key.label)).number
    };
    let refunded = total(sums, Measure::Refunded, |_| true).total_minor;
    RefundFigures {
        pending_refunds: requests(&[S::Requested]),
        approved_refunds: requests(&[S::Approved, S::Processing, S::Processed, S::Failed]),
        rejected_refunds: requests(&[S::Rejected]),
        total_refund_amount_cents: refunded,
        total_refund_amount_dollars: scope.money(refunded),
    }
}

fn key_metrics(app: &App, sums: &Sums) -> KeyMetrics {
    let captured = total(sums, Measure::Captured, |_| true);
    let refunded = total(sums, Measure::Refunded, |_| true).total_minor;
    let finished = total(sums, Measure::Attempt, |_| true).number;
    let failed = total(sums, Measure::Attempt, |key| key.label == "failed").number;
    KeyMetrics {
        failed_attempt_rate: ratio(failed * 100, finished, 2),
        fee_percentage: ratio(captured.fee_minor * 100, captured.base_minor, 2),
        policy_fee_percentage: ratio(app.policies.fee_booking.rate_bps.into(), 100, 2),
        p50_processing_seconds: percentile(sums, 50),
        p95_processing_seconds: percentile(sums, 95),
        refund_rate: ratio(refunded * 100, captured.total_minor, 2),
    }
}

/// The bound of the class that so many percent of the captured payments lie in or below.
fn percentile(sums: &Sums, percent: i64) -> Option<i64> {
    let classes = by_label(sums, Measure::Latency);
    let mut classes: Vec<(i64, i64)> = classes
        .into_iter()
        .filter_map(|(label, amounts)| Some((label.parse().ok()?, amounts.number)))
        .collect();
    classes.sort_unstable();
    let all: i64 = classes.iter().map(|(_, number)| number).sum();
    let mut below = 0;
    let reached = classes.into_iter().find(|(_, number)| {
        below += number;
        below * 100 >= all * percent
    });
    reached.map(|(bound, _)| bound).filter(|bound| *bound < i64::MAX)
}
