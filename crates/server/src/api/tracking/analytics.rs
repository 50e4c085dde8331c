//! Who comes back, what is booked, how it is paid and when.

use axum::Json;
use axum::extract::State;
use domain::policy::Kind;
use domain::records::{Amounts, Measure, Word};
use domain::rollups::Sums;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::figures::{DateRange, Scope, by_label, kind, today, total};
use crate::api::payments::currency;
use crate::app::App;
use crate::http::caller::Onlooker;
use crate::http::json::{MoneyNumber, ratio};
use crate::http::{Problem, Query};

const PERIODS: [(&str, i64); 4] = [("7d", 7), ("30d", 30), ("90d", 90), ("365d", 365)];
const MEASURES: &[Measure] =
    &[Measure::Payer, Measure::Payee, Measure::Captured, Measure::Method, Measure::Hour];

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnalyticsQuery {
    /// `7d`, `30d`, `90d` or `365d`; anything else is `30d`.
    period: Option<String>,
    kind: Option<String>,
    currency: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Analytics {
    period: &'static str,
    date_range: DateRange,
    engagement: Engagement,
    session_types: SessionTypes,
    payment_methods: Vec<MethodFigures>,
    timing: Timing,
}

#[derive(Serialize, ToSchema)]
struct Engagement {
    unique_students: usize,
    unique_teachers: usize,
    /// With two or more captured payments.
    repeat_students: usize,
    repeat_teachers: usize,
}

#[derive(Serialize, ToSchema)]
struct SessionTypes {
    gig_sessions: i64,
    booking_sessions: i64,
    #[schema(value_type = f64)]
    gig_percentage: Box<RawValue>,
    #[schema(value_type = f64)]
    booking_percentage: Box<RawValue>,
}

#[derive(Serialize, ToSchema)]
struct MethodFigures {
    /// The card's brand, or the gateway where there is none.
    method: String,
    count: i64,
    #[schema(value_type = f64)]
    revenue_dollars: MoneyNumber,
}

#[derive(Serialize, ToSchema)]
struct Timing {
    hourly_distribution: Vec<HourFigures>,
}

#[derive(Serialize, ToSchema)]
struct HourFigures {
    /// 0 to 23 in the reports' zone.
    hour: i64,
    count: i64,
}

/// Engagement, kinds, methods and hours of the last days.
#[utoipa::path(
    get, path = "/api/payments/admin/analytics/", tag = "tracking", security(("bearer" = [])),
    params(AnalyticsQuery),
    responses((status = 200, body = Analytics), crate::http::openapi::Refused),
)]
pub(crate) async fn analytics(
    State(app): State<App>,
    _: Onlooker,
    Query(query): Query<AnalyticsQuery>,
) -> Result<Json<Analytics>, Problem> {
    let named = PERIODS.iter().find(|(name, _)| Some(*name) == query.period.as_deref());
    let (period, days) = *named.unwrap_or(&PERIODS[1]);
    let last_day = today(&app);
    let scope = Scope {
        first_day: last_day - days + 1,
        last_day,
        kind: kind(query.kind.as_deref())?,
        currency: currency(&app, query.currency.as_deref())?,
    };
    let sums = scope.sums(&app, MEASURES).await?;
    let (payers, payees) = (by_label(&sums, Measure::Payer), by_label(&sums, Measure::Payee));
    let repeated = |(_, amounts): &(&&str, &Amounts)| amounts.number > 1;
    let mut methods: Vec<(&str, Amounts)> = by_label(&sums, Measure::Method).into_iter().collect();
    methods.sort_by_key(|(_, amounts)| std::cmp::Reverse(amounts.number));
    let hours = by_label(&sums, Measure::Hour);
    let hour =
        |hour: i64| HourFigures { hour, count: hours.get(&*format!("{hour:02}")).map_or(0, |h| h.number) };
    Ok(Json(Analytics {
        period,
        date_range: scope.range(&app),
        engagement: Engagement {
            unique_students: payers.len(),
            unique_teachers: payees.len(),
            repeat_students: payers.iter().filter(repeated).count(),
            repeat_teachers: payees.iter().filter(repeated).count(),
        },
        session_types: session_types(&sums),
        payment_methods: methods
            .into_iter()
            .map(|(method, amounts)| MethodFigures {
                method: method.to_owned(),
                count: amounts.number,
                revenue_dollars: scope.money(amounts.total_minor),
            })
            .collect(),
        timing: Timing { hourly_distribution: (0..24).map(hour).collect() },
    }))
}

/// The two percentages sum to 100, or both are 0.
fn session_types(sums: &Sums) -> SessionTypes {
    let of = |kind: Kind| total(sums, Measure::Captured, |key| key.kind.word() == kind.word()).number;
    let (gigs, bookings) = (of(Kind::GigPurchase), of(Kind::Booking));
    let both = gigs + bookings;
    let gig_bps = if both == 0 { 0 } else { (gigs * 20_000 + both).div_euclid(2 * both) };
    let booking_bps = if both == 0 { 0 } else { 10_000 - gig_bps };
    SessionTypes {
        gig_sessions: gigs,
        booking_sessions: bookings,
        gig_percentage: ratio(gig_bps, 100, 2),
        booking_percentage: ratio(booking_bps, 100, 2),
    }
}
