//! What somebody spent and earned: the personal summary, one's own or, for administrators, anybody's.
//!
//! By the time of payment; sessions are captured and not fully refunded, averages are per session.

use axum::Json;
use axum::extract::{Path, State};
use domain::id::PersonId;
use domain::money::Money;
use domain::policy::Kind;
use serde::{Deserialize, Serialize};
use store::reads::Known;
use store::reads::history::PaidFilter;
use utoipa::{IntoParams, ToSchema};

use super::history::currency;
use super::list::word;
use crate::api::people::Role;
use crate::app::App;
use crate::http::caller::{Admin, Caller};
use crate::http::dates::Range;
use crate::http::json::MoneyNumber;
use crate::http::{Problem, Query};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SummaryQuery {
    /// A date of the marketplace's zone, or an instant with an offset, of payment.
    pub(in crate::api) date_from: Option<String>,
    /// Inclusive.
    pub(in crate::api) date_to: Option<String>,
    kind: Option<String>,
    currency: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PersonSummary {
    user: SummarizedUser,
    as_student: AsStudent,
    as_teacher: AsTeacher,
    date_range: SummaryRange,
    currency: String,
}

#[derive(Serialize, ToSchema)]
struct SummarizedUser {
    /// UUID
    id: String,
    email: String,
    name: String,
    /// `STUDENT`, `TEACHER`, `BOTH` or `ADMIN`
    role: &'static str,
}

#[derive(Serialize, ToSchema)]
struct AsStudent {
    #[schema(value_type = f64)]
    total_spent_dollars: MoneyNumber,
    total_sessions: i64,
    #[schema(value_type = f64)]
    average_session_cost_dollars: MoneyNumber,
    unique_teachers: i64,
}

#[derive(Serialize, ToSchema)]
struct AsTeacher {
    #[schema(value_type = f64)]
    total_earned_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    platform_fees_paid_dollars: MoneyNumber,
    /// Earned and fees together.
    #[schema(value_type = f64)]
    gross_revenue_dollars: MoneyNumber,
    total_sessions: i64,
    unique_students: i64,
    #[schema(value_type = f64)]
    average_session_earnings_dollars: MoneyNumber,
    #[schema(value_type = f64)]
    average_hourly_rate_dollars: MoneyNumber,
}

#[derive(Serialize, ToSchema)]
struct SummaryRange {
    /// As asked for; null: from the beginning.
    from: Option<String>,
    to: Option<String>,
    /// In which days are meant.
    time_zone: String,
}

/// What the caller spent and earned.
#[utoipa::path(
    get, path = "/api/payments/summary/", tag = "tracking", security(("bearer" = [])),
    params(SummaryQuery),
    responses((status = 200, body = PersonSummary), crate::http::openapi::Refused),
)]
pub(crate) async fn own_summary(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<SummaryQuery>,
) -> Result<Json<PersonSummary>, Problem> {
    let known = Known { person: caller.person.clone(), teacher: caller.teacher, student: caller.student };
    Ok(Json(summary_of(&app, known, query).await?))
}

/// What somebody spent and earned.
#[utoipa::path(
    get, path = "/api/payments/admin/summary/{user_id}/", tag = "tracking", security(("bearer" = [])),
    params(("user_id" = String, Path, description = "UUID"), SummaryQuery),
    responses((status = 200, body = PersonSummary), crate::http::openapi::Refused),
)]
pub(crate) async fn user_summary(
    State(app): State<App>,
    _: Admin,
    Path(user): Path<String>,
    Query(query): Query<SummaryQuery>,
) -> Result<Json<PersonSummary>, Problem> {
    let found = app.db.read(move |reads| match reads.id_of_uuid(&user)? {
        Some(id) => reads.known(id),
        None => Ok(None),
    });
    let known = found.await?.ok_or_else(Problem::not_found)?;
    Ok(Json(summary_of(&app, known, query).await?))
}

/// Which of a person's captured payments a query means.
pub(in crate::api) fn paid_filter(
    app: &App,
    person: PersonId,
    query: &SummaryQuery,
) -> Result<PaidFilter, Problem> {
    let zone = &app.config.reports.time_zone;
    let range = Range::read(query.date_from.as_deref(), query.date_to.as_deref(), zone)?;
    Ok(PaidFilter {
        person,
        kind: word::<Kind>("kind", query.kind.as_deref())?,
        currency: currency(app, query.currency.as_deref())?,
        from: range.from,
        until: range.until,
    })
}

/// What a person spent and earned.
pub(in crate::api) async fn summary_of(
    app: &App,
    known: Known,
    query: SummaryQuery,
) -> Result<PersonSummary, Problem> {
    let zone = app.config.reports.time_zone.clone();
    let filter = paid_filter(app, known.person.id, &query)?;
    let currency = filter.currency;
    let [payer, payee] = app.db.read(move |reads| reads.paid_sums(&filter)).await?;
    let money = |minor: i64| MoneyNumber(Money { minor, currency });
    let mean = |minor: i64, count: i64| money(half_up(minor, count));
    let spent = payer.sums.captured_minor - payer.sums.refunded_minor;
    let earned = payee.sums.share_minor - payee.sums.share_returned_minor;
    let fees = payee.sums.fee_minor - payee.sums.fee_returned_minor;
    Ok(PersonSummary {
        as_student: AsStudent {
            total_spent_dollars: money(spent),
            total_sessions: payer.sessions,
            average_session_cost_dollars: mean(spent, payer.sessions),
            unique_teachers: payer.partners,
        },
        as_teacher: AsTeacher {
            total_earned_dollars: money(earned),
            platform_fees_paid_dollars: money(fees),
            gross_revenue_dollars: money(earned + fees),
            total_sessions: payee.sessions,
            unique_students: payee.partners,
            average_session_earnings_dollars: mean(earned, payee.sessions),
            average_hourly_rate_dollars: mean(payee.rates_minor, payee.rated),
        },
        user: SummarizedUser {
            role: Role::of(&known).word(),
            id: known.person.uuid,
            email: known.person.email,
            name: known.person.full_name,
        },
        date_range: SummaryRange { from: query.date_from, to: query.date_to, time_zone: zone },
        currency: currency.code().to_owned(),
    })
}

impl PersonSummary {
    /// What is printed of the teacher's side: what it is, and the amount or number.
    pub(in crate::api) fn earned(&self) -> Vec<(&'static str, String)> {
        let teacher = &self.as_teacher;
        let money = |MoneyNumber(money): MoneyNumber| money.decimal();
        vec![
            ("Gross revenue", money(teacher.gross_revenue_dollars)),
            ("Platform fees", money(teacher.platform_fees_paid_dollars)),
            ("Earned", money(teacher.total_earned_dollars)),
            ("Sessions", teacher.total_sessions.to_string()),
            ("Students", teacher.unique_students.to_string()),
            ("Earned per session", money(teacher.average_session_earnings_dollars)),
        ]
    }
}

/// A mean, half up; 0 of nothing.
pub(in crate::api) fn half_up(sum: i64, count: i64) -> i64 {
    if count == 0 { 0 } else { (2 * sum + count).div_euclid(2 * count) }
}
