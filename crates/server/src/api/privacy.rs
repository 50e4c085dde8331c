//! What people may ask about themselves (BR-72): all that is kept of them, and to be forgotten.
//!
//! Invariants: an export has every table that holds something of the person, and opens no door; an
//! erasure is refused while money is pending, touches no amount, and cannot be undone.

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::people::Erase;
use domain::refusal::Refusal;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::engine::Value as Stored;
use store::reads::personal::{Holding, ROWS_MAX};
use utoipa::{IntoParams, OpenApi, ToSchema};
use zeroize::Zeroizing;

use super::auth::busy;
use super::exports::no_formula;
use crate::app::App;
use crate::auth::password::Verdict;
use crate::config::Secret;
use crate::erasures;
use crate::http::caller::Caller;
use crate::http::json::Instant;
use crate::http::limits::Bucket;
use crate::http::{Body, Problem, Query};

/// The routes of this file.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/accounts/me/export", get(export_me))
        .route("/api/accounts/me/erase", post(erase_me))
}

/// Documentation of this file.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(export_me, erase_me))]
    struct Document;
    Document::openapi()
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `json` unless given, or `csv`
    format: Option<String>,
}

/// All that is kept of somebody.
#[derive(Serialize, ToSchema)]
struct Export {
    /// UUID
    person: String,
    #[schema(value_type = String, format = DateTime)]
    exported_at: Instant,
    /// False when a table has more rows than are handed out at once
    complete: bool,
    /// Rows by table; amounts in minor units
    #[schema(value_type = Object)]
    tables: Map<String, Value>,
}

/// Everything that is kept about me: JSON, or CSV with a line for each value.
#[utoipa::path(
    get, path = "/api/accounts/me/export/", tag = "people", security(("bearer" = [])),
    params(ExportQuery),
    responses(
        (status = 200, content((Export = "application/json"), (String = "text/csv"))),
        crate::http::openapi::Refused,
    ),
)]
async fn export_me(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let csv = match query.format.as_deref() {
        None | Some("" | "json") => false,
        Some("csv") => true,
        Some(_) => return Err(Problem::field("format", "must be json or csv")),
    };
    let id = caller.person.id;
    let holdings = app.db.read(move |reads| reads.holdings(id)).await?;
    let name = |form: &str| format!("attachment; filename=\"personal-data.{form}\"");
    if csv {
        let headers =
            [(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name("csv"))];
        return Ok((headers, as_csv(&holdings)).into_response());
    }
    let export = Export {
        person: caller.person.uuid,
        exported_at: Instant(app.clock.now()),
        complete: holdings.iter().all(|holding| holding.rows.len() < ROWS_MAX),
        tables: holdings.iter().map(|holding| (holding.table.to_owned(), as_json(holding))).collect(),
    };
    Ok(([(CONTENT_DISPOSITION, name("json"))], Json(export)).into_response())
}

fn as_json(holding: &Holding) -> Value {
    let row = |values: &Vec<Stored>| {
        let members = holding.columns.iter().zip(values);
        Value::Object(members.map(|(column, value)| ((*column).to_owned(), shown(column, value))).collect())
    };
    Value::Array(holding.rows.iter().map(row).collect())
}

/// Instants are told as such, everything else as it is kept.
fn shown(column: &str, value: &Stored) -> Value {
    match value {
        Stored::Null => Value::Null,
        Stored::Int(micros) if column == "at" || column.ends_with("_at") => {
            json!(Instant(Timestamp(*micros)).text())
        }
        Stored::Int(number) => json!(number),
        Stored::Text(text) => json!(text),
    }
}

/// `table,row,column,value`: one form for whatever tables there are.
fn as_csv(holdings: &[Holding]) -> String {
    let mut lines = vec!["table,row,column,value".to_owned()];
    for holding in holdings {
        for (index, row) in holding.rows.iter().enumerate() {
            for (column, value) in holding.columns.iter().zip(row) {
                let value = match shown(column, value) {
                    Value::Null => String::new(),
                    Value::String(text) => cell(&text),
                    other => other.to_string(),
                };
                lines.push(format!("{},{},{column},{value}", holding.table, index + 1));
            }
        }
    }
    lines.push(String::new());
    lines.join("\r\n")
}

/// Quoted, and never a formula.
fn cell(text: &str) -> String {
    format!("\"{}\"", no_formula(text).replace('"', "\"\""))
}

#[derive(Deserialize, ToSchema)]
struct EraseInput {
    /// Needed where there is one: people of an outside issuer have none
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
}

#[derive(Serialize, ToSchema)]
struct Erased {
    message: &'static str,
}

/// Forget me: profile, addresses, cards and everything I wrote. Amounts and dates stay, under a bare id.
#[utoipa::path(
    post, path = "/api/accounts/me/erase/", tag = "people", security(("bearer" = [])),
    request_body = EraseInput,
    responses(
        (status = 200, body = Erased),
        crate::http::openapi::Refused,
    ),
)]
async fn erase_me(
    State(app): State<App>,
    caller: Caller,
    body: Body<EraseInput>,
) -> Result<Json<Erased>, Problem> {
    caller.limit(Bucket::Login)?;
    let person = &caller.person;
    if person.password.is_some() {
        let given = body.value.password.ok_or_else(|| Problem::field("password", "is required"))?;
        let given = Zeroizing::new(given.expose().to_owned());
        let verdict = app.passwords.check(given, person.password.clone()).await.map_err(busy)?;
        if verdict == Verdict::Wrong {
            return Err(Refusal::WrongPassword.into());
        }
    }
    let id = person.id;
    let read = app.db.read(move |reads| Ok((reads.has_open_business(id)?, reads.subjects(id)?)));
    let (open, subjects) = read.await?;
    if open {
        return Err(Refusal::MoneyPending.into());
    }
    let erase = Erase { person: id, email: person.email.clone(), subjects, seen: person.password.clone() };
    app.db.submit(erase).await?;
    if let Err(error) = erasures::note(&app, id).await {
        // The job that blanks his texts tries again.
        tracing::error!(%error, "an erasure is not on the list yet");
    }
    Ok(Json(Erased { message: "You have been forgotten." }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, told) in [
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            (" =1+1", "\"' =1+1\""),
            ("-1", "\"'-1\""),
            ("@x", "\"'@x\""),
            ("a \"b\",c", "\"a \"\"b\"\",c\""),
        ] {
            assert_eq!(cell(text), told);
        }
    }

    #[test]
    fn instants_are_told_as_such() {
        assert_eq!(shown("created_at", &Stored::Int(0)), json!("1970-01-01T00:00:00Z"));
        assert_eq!(shown("amount_minor", &Stored::Int(0)), json!(0));
        assert_eq!(shown("paid_at", &Stored::Null), Value::Null);
    }
}
