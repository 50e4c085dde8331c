//! The platform's report and a teacher's statement, printed: the figures of their endpoints.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::money::Money;
use store::reads::Known;
use store::reads::payments::Side;

use super::file;
use super::letters::composed;
use super::pdf::{COLUMNS, Line, apart, document};
use crate::api::payments::{SummaryQuery, View, paid_filter, summary_of, views_of};
use crate::api::tracking::{Report, ReportQuery, date, report_of};
use crate::app::App;
use crate::http::caller::{Admin, Teacher};
use crate::http::{Problem, Query};

/// Payments on one statement; a longer time is several statements.
const PAYMENTS_MAX: usize = 5_000;
const PDF: &str = "application/pdf";

/// The report of `admin/report/`, printed.
#[utoipa::path(
    get, path = "/api/payments/admin/report.pdf", tag = "tracking", security(("bearer" = [])),
    params(ReportQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/pdf"), crate::http::openapi::Refused),
)]
pub(crate) async fn printed_report(
    State(app): State<App>,
    _: Admin,
    Query(query): Query<ReportQuery>,
) -> Result<Response, Problem> {
    let report = report_of(&app, &query).await?;
    Ok((file(PDF, "report.pdf"), on_paper(&report)).into_response())
}

/// The report as a PDF document.
pub(crate) fn on_paper(report: &Report) -> Vec<u8> {
    document(&lines(report))
}

/// The report as text, the figures under each other.
pub(crate) fn in_plain_text(report: &Report) -> String {
    let lines = lines(report);
    let texts: Vec<&str> = lines.iter().map(|line| line.text().trim_end()).collect();
    texts.join("\n") + "\n"
}

fn lines(report: &Report) -> Vec<Line> {
    let mut lines = vec![Line::Bold(apart("Platform report", report.currency()))];
    for (heading, figures) in report.printed() {
        lines.push(Line::Plain(String::new()));
        lines.push(Line::Bold(heading));
        lines.extend(figures.iter().map(|(what, much)| Line::Plain(apart(what, much))));
    }
    lines
}

/// What the caller earned, payment by payment: the teacher's side of `summary/`, printed.
///
/// Names are printed in Latin (Vietnamese too), Greek and Cyrillic letters. Others, such as Chinese or
/// Arabic ones, are shown as boxes; copied out of the document they are what they were.
#[utoipa::path(
    get, path = "/api/payments/statement.pdf", tag = "tracking", security(("bearer" = [])),
    params(SummaryQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/pdf"), crate::http::openapi::Refused),
)]
pub(crate) async fn printed_statement(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Query(query): Query<SummaryQuery>,
) -> Result<Response, Problem> {
    let filter = paid_filter(&app, caller.person.id, &query)?;
    let read = app.db.read(move |reads| reads.paid_payments(&filter, Side::Payee, PAYMENTS_MAX + 1));
    let payments = read.await?;
    if payments.len() > PAYMENTS_MAX {
        return Err(Problem::field("date_from", format!("at most {PAYMENTS_MAX} payments on a statement")));
    }
    let known = Known { person: caller.person.clone(), teacher: caller.teacher, student: caller.student };
    let zone = app.policies.reports.calendar.zone.clone();
    let range = format!("{}, {zone}", span(&query));
    let summary = summary_of(&app, known, query).await?;
    let name = &caller.person.full_name;
    let mut lines = vec![
        Line::Bold(apart(&format!("Statement of earnings: {name}"), filter.currency.code())),
        Line::Plain(range),
        Line::Plain(String::new()),
    ];
    lines.extend(summary.earned().iter().map(|(what, much)| Line::Plain(apart(what, much))));
    lines.push(Line::Plain(String::new()));
    lines.push(Line::Bold(columns(["Paid on", "Payment", "Item"], ["Charged", "Fee", "Share", "Refunded"])));
    for view in views_of(&app, payments).await? {
        lines.push(Line::Plain(payment(&app, &view)));
    }
    Ok((file(PDF, "statement.pdf"), document(&lines)).into_response())
}

/// What somebody asked for, as it is read.
fn span(query: &SummaryQuery) -> String {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    match (given(&query.date_from), given(&query.date_to)) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        (Some(from), None) => format!("from {from}"),
        (None, Some(to)) => format!("until {to}"),
        (None, None) => "Everything so far".into(),
    }
}

fn payment(app: &App, view: &View) -> String {
    let View { payment, booking, .. } = view;
    let quote = &payment.quote;
    let on = payment.paid_at.map_or(0, |at| app.policies.reports.calendar.day(at));
    let item = booking.as_ref().map_or("", |booking| booking.title.as_str());
    let refunded = quote.currency.minor(payment.refunded_minor);
    let amounts = [quote.total(), quote.fee(), quote.share(), refunded].map(Money::decimal);
    columns(
        [&date(on).to_string(), &payment.id.0.to_string(), item],
        [&amounts[0], &amounts[1], &amounts[2], &amounts[3]],
    )
}

fn columns(texts: [&str; 3], amounts: [&str; 4]) -> String {
    const ITEM: usize = COLUMNS - 11 - 11 - 4 * 11;
    let [on, id, item] = texts;
    let item: String = composed(item).chars().take(ITEM - 1).collect();
    let amounts = amounts.map(|amount| format!("{amount:>11}")).concat();
    format!("{on:<11}{id:<11}{item:<ITEM$}{amounts}")
}
