//! What leaves the house: payments as CSV and JSON, the books as plain-text accounting, printed
//! reports and statements.
//!
//! Invariants: whatever is long is streamed page by page, oldest first, and memory does not grow with
//! it; the first page is read before the answer begins, so a fault is a status, and a later one breaks
//! the connection, so nothing cut off looks whole. Payments are chosen by when they were made, as in
//! every list; entries by when they were booked, as in every sum of tracking, so a journal's fees are
//! the fees of that range. A cell that a spreadsheet would take for a formula is told as text.
//! Deliberately not here: sums of their own; what is printed is what the endpoints of tracking answer.

mod journal;
mod letters;
mod pdf;
mod printed;
mod table;

use std::collections::BTreeSet;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::id::Id;
use domain::time::Span;
use futures_util::stream;
use serde::Deserialize;
use store::reads::exports::ExportFilter;
use utoipa::{IntoParams, OpenApi};

pub(crate) use self::printed::{in_plain_text, on_paper};
pub(in crate::api) use self::table::no_formula;
use crate::api::payments::views_of;
use crate::api::tracking::{RangeQuery, Scope, date};
use crate::app::App;
use crate::http::caller::Admin;
use crate::http::{Problem, Query};

/// Rows of one page.
const PAGE: usize = 500;

/// The room's routes under one of its mounts.
pub fn routes(prefix: &str) -> Router<App> {
    let at = |path: &str| format!("{prefix}{path}");
    Router::new()
        .route(&at("/admin/export"), get(export))
        .route(&at("/admin/report.pdf"), get(printed::printed_report))
        .route(&at("/statement.pdf"), get(printed::printed_statement))
}

/// Documentation of the room.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(export, printed::printed_report, printed::printed_statement))]
    struct Document;
    Document::openapi()
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// A date of the marketplace's zone, or an instant, whose day counts; 30 days unless given.
    pub(crate) date_from: Option<String>,
    /// Inclusive; today unless given.
    pub(crate) date_to: Option<String>,
    pub(crate) kind: Option<String>,
    /// `csv` (unless given), `json` or `journal`.
    pub(crate) format: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
    Journal,
}

impl Format {
    fn read(text: Option<&str>) -> Result<Format, Problem> {
        match text.map(str::to_ascii_lowercase).as_deref() {
            None | Some("" | "csv") => Ok(Format::Csv),
            Some("json") => Ok(Format::Json),
            Some("journal") => Ok(Format::Journal),
            Some(_) => Err(Problem::field("format", "must be csv, json or journal")),
        }
    }

    /// The media type, and the end of the file's name.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Format::Csv => ("text/csv; charset=utf-8", "csv"),
            Format::Json => ("application/json", "json"),
            Format::Journal => ("text/plain; charset=utf-8", "journal"),
        }
    }
}

/// Payments made, or entries booked, in a range of days, as a file.
///
/// `journal` has double entries that hledger and beancount read: debits positive, credits negative.
#[utoipa::path(
    get, path = "/api/payments/admin/export/", tag = "tracking", security(("bearer" = [])),
    params(ExportQuery),
    responses(
        (status = 200, content(
            (String = "text/csv"),
            (Vec<table::ExportRow> = "application/json"),
            (String = "text/plain"),
        )),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn export(
    State(app): State<App>,
    _: Admin,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let mut export = Export::begin(&app, query)?;
    let headers = export.headers();
    let first = export.next(&app).await?.unwrap_or_default();
    let rest = stream::try_unfold((app, export), async |(app, mut export)| {
        let part = export.next(&app).await.map_err(|problem| {
            tracing::error!(code = problem.code(), "an export broke off");
            std::io::Error::other("the export broke off")
        })?;
        Ok::<_, std::io::Error>(part.map(|text| (Bytes::from(text), (app, export))))
    });
    let first = stream::once(std::future::ready(Ok(Bytes::from(first))));
    let body = Body::from_stream(futures_util::StreamExt::chain(first, rest));
    Ok((headers, body).into_response())
}

/// The headers of an answer that is kept as a file.
fn file(kind: &'static str, name: &str) -> [(header::HeaderName, String); 2] {
    let disposition = format!("attachment; filename=\"{name}\"");
    [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)]
}

/// An export, and how far it has come.
pub(crate) struct Export {
    format: Format,
    scope: Scope,
    filter: ExportFilter,
    /// What stands before the first row.
    head: String,
    /// The accounts that a journal has opened.
    opened: BTreeSet<String>,
    /// Nothing is written yet.
    first: bool,
    done: bool,
}

impl Export {
    /// Checks what is asked for; nothing is read yet.
    pub(crate) fn begin(app: &App, query: ExportQuery) -> Result<Export, Problem> {
        let ExportQuery { date_from, date_to, kind, format } = query;
        let format = Format::read(format.as_deref())?;
        let scope = Scope::read(app, &RangeQuery { date_from, date_to, kind, currency: None })?;
        let (from, until) = scope.instants(app)?;
        // What is made while the file is written comes with the next one.
        let until = until.min(app.clock.now() + Span(1));
        let filter = ExportFilter { kind: scope.kind, from, until, after: None, limit: PAGE };
        let head = match format {
            Format::Csv => table::head(),
            Format::Json => "[".to_owned(),
            Format::Journal => journal::head(&scope.range(app).to_string()),
        };
        Ok(Export { format, scope, filter, head, opened: BTreeSet::new(), first: true, done: false })
    }

    /// The next part of the file; none when it is whole.
    pub(crate) async fn next(&mut self, app: &App) -> Result<Option<String>, Problem> {
        if self.done {
            return Ok(None);
        }
        let mut text = std::mem::take(&mut self.head);
        let read = match self.format {
            Format::Journal => self.entries(app, &mut text).await?,
            Format::Csv | Format::Json => self.payments(app, &mut text).await?,
        };
        self.done = read < PAGE;
        if self.done && self.format == Format::Json {
            text.push_str("\n]\n");
        }
        Ok(Some(text))
    }

    async fn entries(&mut self, app: &App, text: &mut String) -> Result<usize, Problem> {
        let filter = self.filter;
        let entries = app.db.read(move |reads| reads.exported_entries(&filter)).await?;
        for booked in &entries {
            journal::write(text, booked, &app.policies.reports.calendar, &mut self.opened);
        }
        self.filter.after = entries.last().map(|last| (last.entry.at, last.entry.id.raw()));
        Ok(entries.len())
    }

    async fn payments(&mut self, app: &App, text: &mut String) -> Result<usize, Problem> {
        let filter = self.filter;
        let payments = app.db.read(move |reads| reads.exported_payments(&filter)).await?;
        self.filter.after = payments.last().map(|last| (last.created_at, last.id.raw()));
        let views = views_of(app, payments).await?;
        for row in views.iter().map(table::row) {
            if self.format == Format::Csv {
                row.csv(text);
            } else {
                text.push_str(if std::mem::take(&mut self.first) { "\n" } else { ",\n" });
                row.json(text);
            }
        }
        Ok(views.len())
    }

    fn headers(&self) -> [(header::HeaderName, String); 2] {
        let (kind, end) = self.format.names();
        let (from, to) = (date(self.scope.first_day), date(self.scope.last_day));
        file(kind, &format!("bursar-{from}-{to}.{end}"))
    }
}
