//! What asks for a human: alerts, who has looked at them, and whether payments are well.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::id::{AlertId, Id, PersonId};
use domain::records::{Alert, AlertAck};
use domain::upkeep::Acknowledge;
use domain::vitals::Sign;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use store::reads::COUNT_MAX;
use store::reads::alerts::AlertFilter;
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::app::App;
use crate::http::caller::Admin;
use crate::http::json::{Instant, ratio};
use crate::http::page::{Cursor, ListQuery, link_next, next_after};
use crate::http::{Problem, Query};
use crate::vitals;

/// The routes of this file under one of their mounts.
pub fn routes(prefix: &str) -> Router<App> {
    Router::new()
        .route(&format!("{prefix}/admin/alerts"), get(list_alerts))
        .route(&format!("{prefix}/admin/alerts/{{id}}/ack"), post(acknowledge_alert))
        .route(&format!("{prefix}/admin/vitals"), get(show_vitals))
}

/// Documentation of this file.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list_alerts, acknowledge_alert, show_vitals))]
    struct Document;
    Document::openapi()
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AlertQuery {
    /// `open` for those that nobody has looked at
    status: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Alerts {
    /// Counted up to 10,000
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    count_exact: Option<bool>,
    /// Address of the next page
    next: Option<String>,
    results: Vec<AlertRow>,
}

#[derive(Serialize, ToSchema)]
struct AlertRow {
    id: i64,
    /// Such as `failure_rate` or `reconciliation`
    kind: String,
    /// The id of what it is about; 0 for the whole
    subject: i64,
    detail: String,
    /// UUID of who has looked at it
    acknowledged_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    acknowledged_at: Option<Instant>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

/// What asks for a human, newest first.
#[utoipa::path(
    get, path = "/api/payments/admin/alerts/", tag = "admin", security(("bearer" = [])),
    params(AlertQuery, ListQuery),
    responses(
        (status = 200, body = Alerts),
        crate::http::openapi::Refused,
    ),
)]
async fn list_alerts(
    State(app): State<App>,
    _: Admin,
    uri: Uri,
    Query(query): Query<AlertQuery>,
    Query(list): Query<ListQuery>,
) -> Result<(HeaderMap, Json<Alerts>), Problem> {
    let open_only = match query.status.as_deref() {
        None | Some("" | "all") => false,
        Some("open") => true,
        Some(_) => return Err(Problem::field("status", "must be open or all")),
    };
    let window = list.window()?;
    let limit = usize::try_from(window.limit).expect("at most 500");
    let before = window.after.map(|cursor| (cursor.created_at, cursor.id));
    let filter = AlertFilter { open_only, before, limit: limit + 1 };
    let read = app.db.read(move |reads| Ok((reads.count_alerts(filter)?, reads.listed_alerts(filter)?)));
    let (count, mut alerts) = read.await?;
    let more = alerts.len() > limit;
    alerts.truncate(limit);
    let last = alerts.last().filter(|_| more);
    let last = last.map(|alert| Cursor { created_at: alert.at, id: alert.id.raw() });
    let headers = last.map_or_else(HeaderMap::new, |last| link_next(&uri, last));
    let answer = Alerts {
        count: count.min(COUNT_MAX),
        count_exact: (count > COUNT_MAX).then_some(false),
        next: last.map(|last| next_after(&app.config.public_url(), &uri, last)),
        results: rows(&app, alerts).await?,
    };
    Ok((headers, Json(answer)))
}

async fn rows(app: &App, alerts: Vec<Alert>) -> Result<Vec<AlertRow>, Problem> {
    let read = app.db.read(move |reads| {
        let ids: Vec<AlertId> = alerts.iter().map(|alert| alert.id).collect();
        let acks = reads.alert_acks(&ids)?;
        let people: Vec<PersonId> = acks.values().map(|ack| ack.person).collect();
        let people = reads.uuids(&people)?;
        Ok(alerts.into_iter().map(|alert| row(alert, &acks, &people)).collect())
    });
    Ok(read.await?)
}

fn row(alert: Alert, acks: &BTreeMap<AlertId, AlertAck>, people: &BTreeMap<PersonId, String>) -> AlertRow {
    let ack = acks.get(&alert.id);
    AlertRow {
        id: alert.id.raw(),
        kind: alert.kind.into_owned(),
        subject: alert.subject,
        detail: alert.detail,
        acknowledged_by: ack.and_then(|ack| people.get(&ack.person).cloned()),
        acknowledged_at: ack.map(|ack| Instant(ack.at)),
        created_at: Instant(alert.at),
        updated_at: Instant(ack.map_or(alert.at, |ack| ack.at)),
    }
}

/// I have looked at it.
#[utoipa::path(
    post, path = "/api/payments/admin/alerts/{id}/ack/", tag = "admin", security(("bearer" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 200, body = AlertRow),
        crate::http::openapi::Refused,
    ),
)]
async fn acknowledge_alert(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<String>,
) -> Result<Json<AlertRow>, Problem> {
    let id: i64 = id.parse().ok().filter(|id| *id > 0).ok_or_else(Problem::not_found)?;
    let id = AlertId::from_raw(id);
    let alert = app.db.read(move |reads| reads.one_alert(id)).await?.ok_or_else(Problem::not_found)?;
    app.db.submit(Acknowledge { alert: id, by: caller.person.id }).await?;
    let row = rows(&app, vec![alert]).await?.pop();
    Ok(Json(row.ok_or_else(Problem::not_found)?))
}

/// How payments of the last 24 hours are, at most the newest 5,000.
#[derive(Serialize, ToSchema)]
struct VitalSigns {
    /// Whether no figure is over its threshold
    healthy: bool,
    window_hours: i64,
    payments: i64,
    attempts_finished: i64,
    attempts_failed: i64,
    /// Percent
    #[schema(value_type = f64)]
    failed_rate: Box<RawValue>,
    #[schema(value_type = f64)]
    processing_seconds_p50: Box<RawValue>,
    #[schema(value_type = f64)]
    processing_seconds_p95: Box<RawValue>,
    captured_cents: i64,
    refunded_cents: i64,
    /// Percent
    #[schema(value_type = f64)]
    refund_rate: Box<RawValue>,
    /// Captured payments whose price or fee is not what their policy gives
    fees_off_policy: i64,
    thresholds: ThresholdView,
    /// Kinds of the alerts that these figures raise
    over: Vec<&'static str>,
}

#[derive(Serialize, ToSchema)]
struct ThresholdView {
    /// Percent
    #[schema(value_type = f64)]
    failed_rate: Box<RawValue>,
    processing_seconds: i64,
    /// Percent
    #[schema(value_type = f64)]
    refund_rate: Box<RawValue>,
}

/// Whether payments are well: failures, time to the money, refunds, fees against policy.
#[utoipa::path(
    get, path = "/api/payments/admin/vitals/", tag = "admin", security(("bearer" = [])),
    responses(
        (status = 200, body = VitalSigns),
        crate::http::openapi::Refused,
    ),
)]
async fn show_vitals(State(app): State<App>, _: Admin) -> Result<Json<VitalSigns>, Problem> {
    const SECOND: i64 = 1_000_000;
    let seen = vitals::look(&app.db, &app.config, app.clock.as_ref()).await?;
    let thresholds = vitals::thresholds(&app.config);
    let over: Vec<&'static str> =
        Sign::ALL.into_iter().filter(|sign| seen.is_over(*sign, &thresholds)).map(Sign::alert).collect();
    Ok(Json(VitalSigns {
        healthy: over.is_empty(),
        window_hours: vitals::WINDOW.whole_seconds() / 3_600,
        payments: seen.payments,
        attempts_finished: seen.finished,
        attempts_failed: seen.failed,
        failed_rate: ratio(seen.failed * 100, seen.finished, 2),
        processing_seconds_p50: ratio(seen.processing_median.0, SECOND, 3),
        processing_seconds_p95: ratio(seen.processing_p95.0, SECOND, 3),
        captured_cents: seen.captured_minor,
        refunded_cents: seen.refunded_minor,
        refund_rate: ratio(seen.refunded_minor * 100, seen.captured_minor, 2),
        fees_off_policy: seen.off_policy,
        thresholds: ThresholdView {
            failed_rate: ratio(thresholds.failed_rate_bps, 100, 2),
            processing_seconds: thresholds.processing.whole_seconds(),
            refund_rate: ratio(thresholds.refund_rate_bps, 100, 2),
        },
        over,
    }))
}
