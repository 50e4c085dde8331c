//! The audit as administrators read it: who did what to which object, from where. Reading it is itself
//! noted. That nobody has changed it is `bursar verify`'s to say.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::routing::get;
use axum::{Json, Router};
use domain::id::{AuditId, Id, PersonId};
use domain::records::{AuditEntry, Person};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::reads::COUNT_MAX;
use store::reads::audit::AuditFilter;
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::app::App;
use crate::http::caller::Admin;
use crate::http::dates::Range;
use crate::http::json::Instant;
use crate::http::page::{Cursor, ListQuery, link_next, next_after};
use crate::http::{Problem, Query};

/// What the audit calls people.
const PERSON: &str = "person";

/// The route of this file under one of its mounts.
pub fn routes(prefix: &str) -> Router<App> {
    Router::new().route(&format!("{prefix}/admin/audit"), get(list_audit))
}

/// Documentation of this file.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list_audit))]
    struct Document;
    Document::openapi()
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// UUID of whoever did it
    actor: Option<String>,
    /// A kind of object, such as `booking`, or one of them: `booking:513`, `person:<UUID>`
    object: Option<String>,
    /// Such as `booking.cancelled`
    action: Option<String>,
    /// A date of the marketplace's zone, or an instant with an offset
    date_from: Option<String>,
    date_to: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Audit {
    /// Counted up to 10,000
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    count_exact: Option<bool>,
    /// Address of the next page
    next: Option<String>,
    results: Vec<AuditRow>,
    /// The newest sealed block; null before the first
    head: Option<Head>,
}

#[derive(Serialize, ToSchema)]
struct Head {
    number: i64,
    hash: String,
    #[schema(value_type = String, format = DateTime)]
    sealed_at: Instant,
}

#[derive(Serialize, ToSchema)]
struct AuditRow {
    id: i64,
    /// UUID; null for what the system did by itself
    actor: Option<String>,
    actor_email: Option<String>,
    action: String,
    object: String,
    /// A number, or a person's UUID
    object_id: String,
    /// What changed; no secrets, no personal texts
    #[schema(value_type = Object)]
    change: Option<Box<RawValue>>,
    /// Null where no request was behind it, and when it has been erased
    ip_address: Option<String>,
    request_id: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

/// Who did what, newest first.
#[utoipa::path(
    get, path = "/api/payments/admin/audit/", tag = "admin", security(("bearer" = [])),
    params(AuditQuery, ListQuery),
    responses(
        (status = 200, body = Audit),
        crate::http::openapi::Refused,
    ),
)]
async fn list_audit(
    State(app): State<App>,
    _: Admin,
    uri: Uri,
    Query(query): Query<AuditQuery>,
    Query(list): Query<ListQuery>,
) -> Result<(HeaderMap, Json<Audit>), Problem> {
    let window = list.window()?;
    let limit = usize::try_from(window.limit).expect("at most 500");
    let range =
        Range::read(query.date_from.as_deref(), query.date_to.as_deref(), &app.config.reports.time_zone)?;
    let before = window.after.map(|cursor| (cursor.created_at, cursor.id));
    let filter = AuditFilter {
        actor: person(&app, "actor", text(query.actor)).await?,
        object: object(&app, text(query.object)).await?,
        action: text(query.action),
        from: range.from,
        until: range.until,
        before,
        limit: limit + 1,
    };
    let read = app.db.read(move |reads| {
        let entries = reads.audit(&filter)?;
        Ok((reads.count_audit(&filter)?, reads.audit_head()?, entries))
    });
    let (count, head, mut entries) = read.await?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().filter(|_| more);
    let last = last.map(|entry| Cursor { created_at: entry.at, id: entry.id.raw() });
    let headers = last.map_or_else(HeaderMap::new, |last| link_next(&uri, last));
    let next = last.map(|last| next_after(&app.config.public_url(), &uri, last));
    let answer = Audit {
        count: count.min(COUNT_MAX),
        count_exact: (count > COUNT_MAX).then_some(false),
        next,
        results: rows(&app, entries).await?,
        head: head.map(|block| Head { number: block.number, hash: block.hash, sealed_at: Instant(block.at) }),
    };
    Ok((headers, Json(answer)))
}

fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

async fn person(app: &App, field: &str, uuid: Option<String>) -> Result<Option<PersonId>, Problem> {
    let Some(uuid) = uuid else { return Ok(None) };
    let found = app.db.read(move |reads| reads.id_of_uuid(&uuid)).await?;
    found.map(Some).ok_or_else(|| Problem::field(field, "is nobody's id"))
}

/// `kind`, or `kind:id`.
async fn object(app: &App, text: Option<String>) -> Result<Option<(String, Option<i64>)>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let Some((kind, id)) = text.split_once(':') else { return Ok(Some((text, None))) };
    let id = if kind == PERSON {
        person(app, "object", Some(id.to_owned())).await?.map(Id::raw)
    } else {
        Some(
            id.parse()
                .map_err(|_| Problem::field("object", "must be a kind, or a kind, a colon and an id"))?,
        )
    };
    Ok(Some((kind.to_owned(), id)))
}

async fn rows(app: &App, entries: Vec<AuditEntry>) -> Result<Vec<AuditRow>, Problem> {
    let read = app.db.read(move |reads| {
        let actors = entries.iter().filter_map(|entry| entry.actor);
        let objects = entries.iter().filter(|entry| entry.object == PERSON);
        let ids: Vec<PersonId> =
            actors.chain(objects.map(|entry| PersonId::from_raw(entry.object_id))).collect();
        let people: BTreeMap<PersonId, Person> =
            reads.find_many::<Person>(&ids)?.into_iter().map(|person| (person.id, person)).collect();
        let origins: BTreeMap<AuditId, String> =
            reads.audit_origins(&entries)?.into_iter().map(|row| (row.audit, row.origin)).collect();
        Ok(entries.into_iter().map(|entry| row(entry, &people, &origins)).collect())
    });
    Ok(read.await?)
}

fn row(
    entry: AuditEntry,
    people: &BTreeMap<PersonId, Person>,
    origins: &BTreeMap<AuditId, String>,
) -> AuditRow {
    let actor = entry.actor.and_then(|id| people.get(&id));
    let about = Some(PersonId::from_raw(entry.object_id)).filter(|_| entry.object == PERSON);
    let object_id = about.and_then(|id| people.get(&id)).map(|person| person.uuid.clone());
    let (ip, request) = origins.get(&entry.id).and_then(|origin| origin.split_once(' ')).unzip();
    AuditRow {
        id: entry.id.raw(),
        actor: actor.map(|person| person.uuid.clone()),
        actor_email: actor.map(|person| person.email.clone()),
        action: entry.action.into_owned(),
        object: entry.object,
        object_id: object_id.unwrap_or_else(|| entry.object_id.to_string()),
        change: RawValue::from_string(entry.change).ok(),
        ip_address: ip.map(str::to_owned),
        request_id: request.filter(|id| !id.is_empty()).map(str::to_owned),
        created_at: Instant(entry.at),
        updated_at: Instant(entry.at),
    }
}
