//! The dashboard's few figures, and the table of days.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use domain::records::{Amounts, Measure, PaymentState, RefundState, Word};
use domain::rollups::Sums;
use serde::Serialize;
use serde_json::value::RawValue;
use store::reads::payments::PaymentFilter;
use utoipa::ToSchema;

use super::figures::{RangeQuery, Scope, by_day, date, total};
use crate::api::payments::{PaymentRow, row, views_of};
use crate::app::App;
use crate::http::caller::Onlooker;
use crate::http::json::{MoneyNumber, ratio};
use crate::http::{Problem, Query};

const RECENT: usize = 10;
/// All days that anything can have happened on.
const EVER: (i64, i64) = (0, 2_932_896);
const MEASURES: &[Measure] = &[Measure::Created, Measure::Captured, Measure::Refunded, Measure::Request];

#[derive(Serialize, ToSchema)]
pub(crate) struct Dashboard {
    total_payments: i64,
    #[schema(value_type = f64)]
    total_revenue_dollars: MoneyNumber,
    /// Captured in the range, whatever went back later.
    successful_payments: i64,
    failed_payments: i64,
    /// Percent of all that were made.
    #[schema(value_type = f64)]
    success_rate: Box<RawValue>,
    #[schema(value_type = f64)]
    failure_rate: Box<RawValue>,
    /// All that are open now.
    pending_refunds: i64,
    recent_payments: Vec<PaymentRow>,
    date_from: String,
    date_to: String,
    time_zone: String,
    currency: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Daily {
    count: usize,
    /// There is one page.
    next: Option<String>,
    results: Vec<DayRow>,
}

#[derive(Serialize, ToSchema)]
struct DayRow {
    date: String,
    created: i64,
    captured: i64,
    #[schema(value_type = f64)]
    captured_amount_dollars: MoneyNumber,
    /// Of those made on the day.
    failed: i64,
    refund_requests: i64,
    refunds_processed: i64,
    #[schema(value_type = f64)]
    refunded_amount_dollars: MoneyNumber,
}

/// A few figures and the latest payments.
#[utoipa::path(
    get, path = "/api/payments/dashboard/", tag = "tracking", security(("bearer" = [])),
    params(RangeQuery),
    responses((status = 200, body = Dashboard), crate::http::openapi::Refused),
)]
pub(crate) async fn dashboard(
    State(app): State<App>,
    _: Onlooker,
    Query(query): Query<RangeQuery>,
) -> Result<Json<Dashboard>, Problem> {
    let scope = Scope::read(&app, &query)?;
    let sums = scope.sums(&app, &[Measure::Created, Measure::Captured]).await?;
    let requests = scope.between(EVER.0, EVER.1).sums(&app, &[Measure::Request]).await?;
    let open = total(&requests, Measure::Request, |key| key.label == RefundState::Requested.word());
    let created = total(&sums, Measure::Created, |_| true).number;
    let failed = total(&sums, Measure::Created, |key| key.label == PaymentState::Failed.word()).number;
    let captured = total(&sums, Measure::Captured, |_| true);
    let (from, until) = scope.instants(&app)?;
    let latest = PaymentFilter {
        person: None,
        side: None,
        state: None,
        kind: scope.kind,
        from,
        until,
        total_minor: (0, i64::MAX),
        before: None,
        limit: RECENT,
    };
    let latest = app.db.read(move |reads| reads.payments(&latest)).await?;
    let strict = app.config.compat.strict_statuses;
    Ok(Json(Dashboard {
        total_payments: created,
        total_revenue_dollars: scope.money(captured.total_minor),
        successful_payments: captured.number,
        failed_payments: failed,
        success_rate: ratio(captured.number * 100, created, 2),
        failure_rate: ratio(failed * 100, created, 2),
        pending_refunds: open.number,
        recent_payments: views_of(&app, latest).await?.iter().map(|view| row(view, strict)).collect(),
        date_from: date(scope.first_day).to_string(),
        date_to: date(scope.last_day).to_string(),
        time_zone: app.policies.reports.calendar.zone.clone(),
        currency: scope.currency.code().to_owned(),
    }))
}

/// One row a day, newest last, also of days on which nothing happened.
#[utoipa::path(
    get, path = "/api/payments/admin/daily/", tag = "tracking", security(("bearer" = [])),
    params(RangeQuery),
    responses((status = 200, body = Daily), crate::http::openapi::Refused),
)]
pub(crate) async fn daily(
    State(app): State<App>,
    _: Onlooker,
    Query(query): Query<RangeQuery>,
) -> Result<Json<Daily>, Problem> {
    let scope = Scope::read(&app, &query)?;
    let mut sums = scope.sums(&app, MEASURES).await?;
    let created = days(&sums, Measure::Created);
    let captured = days(&sums, Measure::Captured);
    let (requested, refunded) = (days(&sums, Measure::Request), days(&sums, Measure::Refunded));
    sums.retain(|key, _| key.label == PaymentState::Failed.word());
    let failed = days(&sums, Measure::Created);
    let of = |days: &BTreeMap<i64, Amounts>, day: i64| days.get(&day).copied().unwrap_or_default();
    let day = |day: i64| DayRow {
        date: date(day).to_string(),
        created: of(&created, day).number,
        captured: of(&captured, day).number,
        captured_amount_dollars: scope.money(of(&captured, day).total_minor),
        failed: of(&failed, day).number,
        refund_requests: of(&requested, day).number,
        refunds_processed: of(&refunded, day).number,
        refunded_amount_dollars: scope.money(of(&refunded, day).total_minor),
    };
    let results: Vec<DayRow> = scope.days().map(day).collect();
    Ok(Json(Daily { count: results.len(), next: None, results }))
}

fn days(sums: &Sums, measure: Measure) -> BTreeMap<i64, Amounts> {
    by_day(sums, measure, |day| day)
}
