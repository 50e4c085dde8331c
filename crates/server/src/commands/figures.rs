//! `bursar report` and `bursar export`: what administrators are shown and given, on standard output, for
//! scripts and for those who have no browser at hand. Beside a running server or without one.

use std::io::{self, Write};
use std::process::ExitCode;

use super::{Role, StartError, start::start};
use crate::api::exports::{Export, ExportQuery, in_plain_text, on_paper};
use crate::api::tracking::{ReportQuery, report_of};
use crate::cli::{self, ReportWord};
use crate::config::Config;
use crate::http::Problem;

/// Why there is no report, or why an export ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum FiguresError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error("standard output cannot be written")]
    Output(#[from] io::Error),
    #[error("the report cannot be told as JSON")]
    Json(#[from] serde_json::Error),
}

/// The platform's report.
pub async fn report(config: Config, asked: cli::Report) -> Result<ExitCode, FiguresError> {
    let cli::Report { as_of, kind, currency, format } = asked;
    let started = start(config, Role::Beside).await?;
    let report = report_of(&started.app, &ReportQuery { as_of, kind, currency }).await?;
    let document = match format {
        ReportWord::Text => in_plain_text(&report).into_bytes(),
        ReportWord::Json => [serde_json::to_vec_pretty(&report)?, b"\n".to_vec()].concat(),
        ReportWord::Pdf => on_paper(&report),
    };
    write(&document)?;
    Ok(ExitCode::SUCCESS)
}

/// Payments, or entries of the books, page by page. What was written before an error is not whole, and the
/// exit code says so.
pub async fn export(config: Config, asked: cli::Export) -> Result<ExitCode, FiguresError> {
    let cli::Export { date_from, date_to, kind, format } = asked;
    let app = start(config, Role::Beside).await?.app;
    let query = ExportQuery { date_from, date_to, kind, format: Some(format) };
    let mut export = Export::begin(&app, query)?;
    while let Some(part) = export.next(&app).await? {
        write(part.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(bytes)?;
    output.flush()
}
