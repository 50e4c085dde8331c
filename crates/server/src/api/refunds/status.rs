//! Whether a payment can be refunded and who decides, and what a refund would do before anybody
//! does it. Both ask the rules that then decide.

use axum::Json;
use axum::extract::{Path, State};
use domain::id::Id;
use domain::records::{Booking, Payment, Person, Posting};
use domain::refunds::{Closed, Manual, Preview, Previewed, Route, left, route};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::scope;
use super::view::{OwnRefund, own, upper};
use crate::api::payments::wire_state;
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::json::{MoneyNumber, MoneyText};
use crate::http::{Problem, Query};

#[derive(Serialize, ToSchema)]
pub(crate) struct RefundStatus {
    success: bool,
    payment_id: i64,
    payment_status: String,
    /// Null where no booking was paid.
    booking_status: Option<String>,
    can_request_refund: bool,
    #[schema(value_type = f64)]
    refundable_amount: MoneyNumber,
    currency: String,
    refund_requests: Vec<OwnRefund>,
    refund_eligibility: RefundEligibility,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RefundEligibility {
    /// A request is sent at once.
    automatic: bool,
    /// A request waits for an administrator.
    manual_review: bool,
    reason: &'static str,
}

/// How a payment's refunds stand, and what a request would meet.
#[utoipa::path(
    get, path = "/api/payments/refund/status/{payment_id}/", tag = "refunds", security(("bearer" = [])),
    params(("payment_id" = i64, Path)),
    responses(
        (status = 200, body = RefundStatus),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn get_refund_status(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<RefundStatus>, Problem> {
    let payment = scope::payment(&app, &caller.person, scope::payment_id(&id)?).await?;
    let id = payment.id;
    let (booking, refunds) = app
        .db
        .read(move |reads| {
            let booking = match payment.booking {
                Some(booking) => reads.find::<Booking>(&booking)?,
                None => None,
            };
            Ok(((payment, booking), reads.refunds_of(id)?))
        })
        .await?;
    let (payment, booking) = booking;
    let goes = route(&app.policies, app.clock.now(), &payment, booking.as_ref());
    let waits = refunds.iter().any(|parts| parts.refund.state.open());
    let is_closed = matches!(goes, Route::Closed(_));
    Ok(Json(RefundStatus {
        success: true,
        payment_id: id.raw(),
        payment_status: wire_state(payment.state, app.config.compat.strict_statuses),
        booking_status: booking.map(|booking| upper(booking.state)),
        can_request_refund: !is_closed && !waits,
        refundable_amount: MoneyNumber(refundable(&app, &payment)),
        currency: payment.quote.currency.code().to_string(),
        refund_requests: refunds.iter().map(own).collect(),
        refund_eligibility: eligibility(goes, waits),
    }))
}

fn refundable(app: &App, payment: &Payment) -> domain::money::Money {
    left(&app.policies, payment).max(payment.quote.currency.zero())
}

fn eligibility(goes: Route, waits: bool) -> RefundEligibility {
    let reason = match goes {
        Route::Closed(Closed::NotPaid) => "The payment has not been completed.",
        Route::Closed(Closed::NothingLeft) => "Everything has gone back or is on its way.",
        _ if waits => "A request is waiting for a decision.",
        Route::Automatic => "The session is not over: a refund is sent at once.",
        Route::Manual(Manual::Policy) => "An administrator decides every refund.",
        Route::Manual(Manual::Kind) => "An administrator decides refunds of this kind.",
        Route::Manual(Manual::Delivered) => "The session has been held: an administrator decides.",
        Route::Manual(Manual::Over) => "The session is over: an administrator decides.",
    };
    RefundEligibility {
        automatic: goes == Route::Automatic && !waits,
        manual_review: matches!(goes, Route::Manual(_)) && !waits,
        reason,
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PreviewQuery {
    /// All that is left unless given.
    #[param(value_type = Option<f64>)]
    amount_dollars: Option<MoneyText>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RefundPreview {
    success: bool,
    payment_id: i64,
    /// automatic or `manual_review`
    refund_type: &'static str,
    #[schema(value_type = f64)]
    refund_amount: MoneyNumber,
    refund_amount_cents: i64,
    /// What the platform gives back of its fee.
    #[schema(value_type = f64)]
    platform_fee_returned: MoneyNumber,
    /// What the teacher gives back of his share.
    #[schema(value_type = f64)]
    teacher_share_returned: MoneyNumber,
    /// What returns to the platform of a coupon it had paid for.
    #[schema(value_type = f64)]
    subsidy_returned: MoneyNumber,
    #[schema(value_type = f64)]
    refundable_after: MoneyNumber,
    currency: String,
    /// The ledger's lines, for the teacher and administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    postings: Option<Vec<PreviewPosting>>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewPosting {
    account: String,
    /// debit or credit
    side: &'static str,
    #[schema(value_type = f64)]
    amount: MoneyNumber,
    amount_cents: i64,
}

/// What a refund would do, to the cent and the posting; nothing happens.
#[utoipa::path(
    get, path = "/api/payments/refund/preview/{payment_id}/", tag = "refunds", security(("bearer" = [])),
    params(("payment_id" = i64, Path), PreviewQuery),
    responses(
        (status = 200, body = RefundPreview),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn preview_refund(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<PreviewQuery>,
) -> Result<Json<RefundPreview>, Problem> {
    let payment = scope::payment(&app, &caller.person, scope::payment_id(&id)?).await?;
    let currency = payment.quote.currency;
    let amount = query.amount_dollars.map(|text| text.money("amount_dollars", currency)).transpose()?;
    let told = app.db.submit(Preview { payment: payment.id, amount }).await?;
    Ok(Json(preview(&told, sees_postings(&caller.person, &payment))))
}

/// Where the teacher's money is, is the teacher's and the office's business.
fn sees_postings(person: &Person, payment: &Payment) -> bool {
    person.admin || person.id == payment.payee
}

fn preview(told: &Previewed, with_postings: bool) -> RefundPreview {
    let refund = &told.refund;
    RefundPreview {
        success: true,
        payment_id: refund.payment.raw(),
        refund_type: if told.route == Route::Automatic { "automatic" } else { "manual_review" },
        refund_amount: MoneyNumber(refund.amount()),
        refund_amount_cents: refund.amount_minor,
        platform_fee_returned: MoneyNumber(refund.fee()),
        teacher_share_returned: MoneyNumber(refund.currency.minor(refund.share_minor)),
        subsidy_returned: MoneyNumber(refund.subsidy()),
        refundable_after: MoneyNumber(told.left),
        currency: refund.currency.code().to_string(),
        postings: with_postings.then(|| told.postings.iter().map(line).collect()),
    }
}

fn line(posting: &Posting) -> PreviewPosting {
    let minor = posting.posted_minor + posting.pending_minor;
    let amount = posting.currency.minor(minor.abs());
    PreviewPosting {
        account: posting.account.clone(),
        side: if minor > 0 { "debit" } else { "credit" },
        amount: MoneyNumber(amount),
        amount_cents: amount.minor,
    }
}
