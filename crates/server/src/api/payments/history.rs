//! Somebody's payment history: filtered, paged, with sums over all that the filter shows.
//!
//! The summary's sums are of one currency, the marketplace's unless another is asked for; counts are
//! of everything shown. Captured is what was ever completed; what went back is taken off what was
//! spent and earned, never off `total_amount`.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use domain::id::Id;
use domain::money::{Currency, MONEY_MAX, Money};
use domain::policy::Kind;
use domain::records::{Payment, PaymentState, Standing};
use serde::{Deserialize, Serialize};
use store::reads::history::HistorySums;
use store::reads::payments::PaymentFilter;
use utoipa::{IntoParams, ToSchema};

use super::list::{PaymentRow, row, side, views_of, word};
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::dates::Range;
use crate::http::json::{MoneyNumber, MoneyText};
use crate::http::page::{Cursor, PageQuery, next_after};
use crate::http::{Problem, Query};

const PAGE_SIZE: u32 = 20;
/// Rows that pages by number reach; behind them a cursor leads on, which costs the same at any depth.
const NUMBERED_MAX: usize = 1_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// A payment state in either form.
    status: Option<String>,
    kind: Option<String>,
    /// A date of the marketplace's zone, or an instant with an offset, of creation.
    date_from: Option<String>,
    /// Inclusive.
    date_to: Option<String>,
    /// `student` or `teacher`: on which side.
    role: Option<String>,
    /// In the currency's main unit.
    #[param(value_type = Option<f64>)]
    min_amount: Option<MoneyText>,
    #[param(value_type = Option<f64>)]
    max_amount: Option<MoneyText>,
    /// Of amounts in the filter and the summary.
    currency: Option<String>,
    /// Instead of `page`: from `next`.
    cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct History {
    count: i64,
    next: Option<String>,
    previous: Option<String>,
    results: Vec<PaymentRow>,
    summary: HistorySummary,
}

#[derive(Serialize, ToSchema)]
struct HistorySummary {
    total_payments: i64,
    /// Captured, whatever went back later.
    #[schema(value_type = f64)]
    total_amount_dollars: MoneyNumber,
    successful_payments: i64,
    /// With those that are processing.
    pending_payments: i64,
    failed_payments: i64,
    as_student: i64,
    as_teacher: i64,
    #[schema(value_type = f64)]
    total_spent_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    total_earned_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    platform_fees_paid_dollars: MoneyNumber,
    currency: String,
}

/// One's own payments with a summary; newest first.
#[utoipa::path(
    get, path = "/api/payments/history/", tag = "tracking", security(("bearer" = [])),
    params(
        HistoryQuery,
        ("page" = Option<i64>, Query, description = "from 1; beyond 1,000 rows by cursor only, which `next` then has"),
        ("page_size" = Option<i64>, Query, description = "20 unless given, at most 100"),
    ),
    responses(
        (status = 200, body = History),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn history(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(query): Query<HistoryQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<History>, Problem> {
    let page = page.page(PAGE_SIZE)?;
    let currency = currency(&app, query.currency.as_deref())?;
    let filter = filter(&app, &caller, &query, currency)?;
    let after = match query.cursor.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => {
            let wrong = || Problem::field("cursor", "is not a cursor of this list");
            Some(Cursor::decode(text).ok_or_else(wrong)?)
        }
        None => None,
    };
    let size = page.size as usize;
    let skip = if after.is_some() { 0 } else { usize::try_from(page.skip()).unwrap_or(usize::MAX) };
    let deep = skip.saturating_add(size) > NUMBERED_MAX;
    let (skip, size) = if deep { (NUMBERED_MAX - 1, 1) } else { (skip, size) };
    let shown = PaymentFilter {
        before: after.map(|cursor| (cursor.created_at, cursor.id)),
        limit: size,
        ..filter.clone()
    };
    let (payments, sides) = app
        .db
        .read(move |reads| {
            let sides = reads.history_sums(&filter, currency)?;
            let ids = reads.payment_places(&shown, skip)?;
            let mut payments = reads.find_many::<Payment>(&ids)?;
            payments.sort_by_key(|payment| std::cmp::Reverse((payment.created_at, payment.id)));
            Ok((payments, sides))
        })
        .await?;
    let summary = summary(&sides, currency);
    let public = app.config.public_url();
    let last = payments.last().map(|last| Cursor { created_at: last.created_at, id: last.id.raw() });
    let by_cursor = last.map(|last| next_after(&public, &uri, last));
    if deep {
        let detail = "So far back this list is read by cursor; `next` has one.";
        return Err(Problem::bad_request("use_cursor", detail).with("next", by_cursor));
    }
    let count = summary.total_payments;
    let (next, previous) = if after.is_some() {
        (by_cursor.filter(|_| payments.len() == size), None)
    } else {
        let beside = page.neighbours(&public, &uri, count.unsigned_abs());
        let next_is_deep = skip + 2 * size > NUMBERED_MAX;
        (if next_is_deep { beside.next.and(by_cursor) } else { beside.next }, beside.previous)
    };
    let strict = app.config.compat.strict_statuses;
    let views = views_of(&app, payments).await?;
    let results = views.iter().map(|view| row(view, strict)).collect();
    Ok(Json(History { count, next, previous, results, summary }))
}

fn filter(
    app: &App,
    caller: &Caller,
    query: &HistoryQuery,
    currency: Currency,
) -> Result<PaymentFilter, Problem> {
    let zone = &app.config.reports.time_zone;
    let range = Range::read(query.date_from.as_deref(), query.date_to.as_deref(), zone)?;
    let amount = |field: &str, text: &Option<MoneyText>, open: i64| match text {
        Some(text) if !text.as_str().is_empty() => text.money(field, currency).map(|money| money.minor),
        _ => Ok(open),
    };
    Ok(PaymentFilter {
        person: Some(caller.person.id),
        side: side(query.role.as_deref())?,
        state: word::<PaymentState>("status", query.status.as_deref())?,
        kind: word::<Kind>("kind", query.kind.as_deref())?,
        from: range.from,
        until: range.until,
        total_minor: (
            amount("min_amount", &query.min_amount, 0)?,
            amount("max_amount", &query.max_amount, MONEY_MAX)?,
        ),
        before: None,
        limit: 0,
    })
}

/// The currency of a report's amounts: the marketplace's unless one of its others is asked for.
pub(in crate::api) fn currency(app: &App, code: Option<&str>) -> Result<Currency, Problem> {
    let Some(code) = code.filter(|code| !code.is_empty()) else { return Ok(app.policies.currency) };
    let mut known = std::iter::once(app.policies.currency)
        .chain(app.config.payments.extra_currencies.iter().map(|extra| extra.0));
    let named = known.find(|currency| currency.code().eq_ignore_ascii_case(code));
    named.ok_or_else(|| Problem::field("currency", "is not a currency of this marketplace"))
}

fn summary([payer, payee]: &[HistorySums; 2], currency: Currency) -> HistorySummary {
    let count =
        |standing: Standing| [payer, payee].iter().filter_map(|side| side.counts.get(&standing)).sum::<i64>();
    let money = |minor: i64| MoneyNumber(Money { minor, currency });
    let (spent, earned) = (payer.sums, payee.sums);
    HistorySummary {
        total_payments: payer.number() + payee.number(),
        total_amount_dollars: money(spent.captured_minor + earned.captured_minor),
        successful_payments: count(Standing::Paid) + count(Standing::Returned),
        pending_payments: count(Standing::Open),
        failed_payments: count(Standing::Failed),
        as_student: payer.number(),
        as_teacher: payee.number(),
        total_spent_dollars: money(spent.captured_minor - spent.refunded_minor),
        total_earned_dollars: money(earned.share_minor - earned.share_returned_minor),
        platform_fees_paid_dollars: money(earned.fee_minor - earned.fee_returned_minor),
        currency: currency.code().to_owned(),
    }
}
