//! Payments as their parties and administrators see them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use domain::id::{BookingId, Id, PaymentId, PersonId};
use domain::money::Money;
use domain::policy::Kind;
use domain::records::{Booking, Payment, PaymentState, Person, Word};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::reads::payments::{PaymentFilter, Side};
use utoipa::{IntoParams, ToSchema};

use super::answers::duration_hours;
use crate::app::App;
use crate::http::caller::{Caller, note_reading};
use crate::http::dates::Range;
use crate::http::json::{Instant, MoneyNumber, ratio};
use crate::http::page::{Cursor, ListQuery, link_next};
use crate::http::{Problem, Query};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PaymentQuery {
    /// A payment state in either form.
    status: Option<String>,
    /// `student` or `teacher`.
    role: Option<String>,
    kind: Option<String>,
    /// A date of the marketplace's zone, or an instant with an offset.
    date_from: Option<String>,
    date_to: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentRow {
    id: i64,
    kind: &'static str,
    status: String,
    amount_cents: i64,
    #[schema(value_type = f64)]
    amount_dollars: MoneyNumber,
    hourly_rate_cents: i64,
    #[schema(value_type = f64)]
    hourly_rate_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    session_duration_hours: Box<RawValue>,
    platform_fee_cents: i64,
    teacher_earnings_cents: i64,
    refunded_cents: i64,
    currency: String,
    payment_method_type: &'static str,
    stripe_payment_intent_id: Option<String>,
    student_email: String,
    teacher_email: String,
    teacher_name: String,
    gig_title: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    session_date: Option<Instant>,
    booking_id: Option<i64>,
    failure_reason: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    paid_at: Option<Instant>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

/// List payments: one's own, or all for an administrator; newest first.
#[utoipa::path(
    get, path = "/api/payments/payments/", tag = "payments", security(("bearer" = [])),
    params(PaymentQuery, ListQuery),
    responses(
        (status = 200, body = Vec<PaymentRow>),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn list_payments(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(query): Query<PaymentQuery>,
    Query(list): Query<ListQuery>,
) -> Result<(HeaderMap, Json<Vec<PaymentRow>>), Problem> {
    let window = list.window()?;
    let limit = usize::try_from(window.limit).expect("at most 500");
    let before = window.after.map(|cursor| (cursor.created_at, cursor.id));
    let filter = filter(&app, &caller, &query, before, limit)?;
    if filter.person.is_none() {
        note_reading(&app, &caller.person, "/api/payments/payments").await?;
    }
    let views = views(&app, filter).await?;
    let last = views.last().filter(|_| views.len() == limit).map(|view| &view.payment);
    let link = last.map(|payment| Cursor { created_at: payment.created_at, id: payment.id.0 });
    let headers = link.map(|cursor| link_next(&uri, cursor)).unwrap_or_default();
    let strict = app.config.compat.strict_statuses;
    Ok((headers, Json(views.iter().map(|view| row(view, strict)).collect())))
}

/// One payment of one's own, or any for an administrator.
#[utoipa::path(
    get, path = "/api/payments/payments/{id}/", tag = "payments", security(("bearer" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 200, body = PaymentRow),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn get_payment(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<PaymentRow>, Problem> {
    let id = id.parse().map(PaymentId::from_raw).map_err(|_| Problem::not_found())?;
    let person = &caller.person;
    let found = app.db.read(move |reads| reads.find::<Payment>(&id)).await?;
    let visible =
        |payment: &Payment| person.admin || payment.payer == person.id || payment.payee == person.id;
    let payment = found.filter(visible).ok_or_else(Problem::not_found)?;
    if payment.payer != person.id && payment.payee != person.id {
        note_reading(&app, person, &format!("/api/payments/payments/{}", payment.id)).await?;
    }
    let views = views_of(&app, vec![payment]).await?;
    let view = views.first().ok_or_else(Problem::not_found)?;
    Ok(Json(row(view, app.config.compat.strict_statuses)))
}

fn filter(
    app: &App,
    caller: &Caller,
    query: &PaymentQuery,
    before: Option<(domain::time::Timestamp, i64)>,
    limit: usize,
) -> Result<PaymentFilter, Problem> {
    let range =
        Range::read(query.date_from.as_deref(), query.date_to.as_deref(), &app.config.reports.time_zone)?;
    let side = side(query.role.as_deref())?;
    let everybody = caller.person.admin && side.is_none();
    Ok(PaymentFilter {
        person: (!everybody).then_some(caller.person.id),
        side,
        state: word::<PaymentState>("status", query.status.as_deref())?,
        kind: word::<Kind>("kind", query.kind.as_deref())?,
        from: range.from,
        until: range.until,
        total_minor: (0, i64::MAX),
        before,
        limit,
    })
}

/// The side of a payment that a role is on.
pub(super) fn side(role: Option<&str>) -> Result<Option<Side>, Problem> {
    match role.map(str::to_ascii_lowercase).as_deref() {
        None | Some("") => Ok(None),
        Some("student") => Ok(Some(Side::Payer)),
        Some("teacher" | "instructor") => Ok(Some(Side::Payee)),
        Some(_) => Err(Problem::field("role", "must be student or teacher")),
    }
}

/// A stored word in either case.
pub(in crate::api) fn word<W: Word>(field: &str, text: Option<&str>) -> Result<Option<W>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let known = W::parse(&text.to_ascii_lowercase());
    known.map(Some).ok_or_else(|| {
        let words: Vec<&str> = W::ALL.iter().map(|word| word.word()).collect();
        Problem::field(field, format!("must be one of: {}", words.join(", ")))
    })
}

/// A payment with what its row shows of others.
pub(in crate::api) struct View {
    pub(in crate::api) payment: Payment,
    pub(in crate::api) booking: Option<Booking>,
    pub(in crate::api) payer: Option<Person>,
    pub(in crate::api) payee: Option<Person>,
}

async fn views(app: &App, filter: PaymentFilter) -> Result<Vec<View>, Problem> {
    let payments = app.db.read(move |reads| reads.payments(&filter)).await?;
    views_of(app, payments).await
}

/// Loads bookings and people set-based: the number of queries does not depend on the rows.
pub(in crate::api) async fn views_of(app: &App, payments: Vec<Payment>) -> Result<Vec<View>, Problem> {
    let views = app.db.read(move |reads| {
        let ids: Vec<BookingId> = payments.iter().filter_map(|payment| payment.booking).collect();
        let bookings: BTreeMap<BookingId, Booking> =
            reads.find_many::<Booking>(&ids)?.into_iter().map(|booking| (booking.id, booking)).collect();
        let ids: Vec<PersonId> = payments.iter().flat_map(|payment| [payment.payer, payment.payee]).collect();
        let people: BTreeMap<PersonId, Person> =
            reads.find_many::<Person>(&ids)?.into_iter().map(|person| (person.id, person)).collect();
        let view = |payment: Payment| View {
            booking: payment.booking.and_then(|id| bookings.get(&id).cloned()),
            payer: people.get(&payment.payer).cloned(),
            payee: people.get(&payment.payee).cloned(),
            payment,
        };
        Ok(payments.into_iter().map(view).collect())
    });
    Ok(views.await?)
}

pub(in crate::api) fn row(view: &View, strict: bool) -> PaymentRow {
    let View { payment, booking, payer, payee } = view;
    let quote = &payment.quote;
    let rate: Money = booking.as_ref().map_or(quote.base(), |b| b.currency.minor(b.rate_minor));
    let email = |person: &Option<Person>| person.as_ref().map(|p| p.email.clone()).unwrap_or_default();
    PaymentRow {
        id: payment.id.0,
        kind: payment.kind.word(),
        status: wire_state(payment.state, strict),
        amount_cents: quote.total_minor,
        amount_dollars: MoneyNumber(quote.total()),
        hourly_rate_cents: rate.minor,
        hourly_rate_dollars: MoneyNumber(rate),
        session_duration_hours: booking.as_ref().map_or_else(|| ratio(0, 1, 2), duration_hours),
        platform_fee_cents: quote.fee_minor,
        teacher_earnings_cents: quote.share_minor,
        refunded_cents: payment.refunded_minor,
        currency: quote.currency.code().to_string(),
        payment_method_type: "card",
        stripe_payment_intent_id: payment.reference.clone(),
        student_email: email(payer),
        teacher_email: email(payee),
        teacher_name: payee.as_ref().map(|p| p.full_name.clone()).unwrap_or_default(),
        gig_title: booking.as_ref().map(|b| b.title.clone()).unwrap_or_default(),
        session_date: booking.as_ref().and_then(|b| b.starts_at).map(Instant),
        booking_id: payment.booking.map(|id| id.0),
        failure_reason: payment.failure.clone().filter(|_| payment.state == PaymentState::Failed),
        paid_at: payment.paid_at.map(Instant),
        created_at: Instant(payment.created_at),
        updated_at: Instant(payment.updated_at),
    }
}

/// The `LinguaFlex` form of a state; `strict` clients know only the seeds' ones.
pub(crate) fn wire_state(state: PaymentState, strict: bool) -> String {
    match state {
        PaymentState::PartiallyRefunded | PaymentState::Disputed if strict => "COMPLETED".into(),
        state => state.word().to_ascii_uppercase(),
    }
}
