//! A refund on the wire, as its payer and as administrators see it.

use domain::money::Money;
use domain::records::{BookingState, Person, Refund, RefundState, Word};
use domain::time::{Span, Timestamp};
use serde::Serialize;
use store::reads::refunds::RefundParts;
use utoipa::ToSchema;

use crate::http::Problem;
use crate::http::json::{Instant, MoneyNumber};

/// What waits so long is urgent (BR-50).
const URGENT_AFTER: Span = Span::days(3);
const HIGH_AFTER: Span = Span::DAY;
/// Major units; what is above is told as large.
const LARGE: i64 = 50;

/// The words of `LinguaFlex`: what is being sent is still approved.
pub(super) fn status(state: RefundState) -> &'static str {
    match state {
        RefundState::Requested => "PENDING",
        RefundState::Approved | RefundState::Processing => "APPROVED",
        RefundState::Rejected => "REJECTED",
        RefundState::Processed => "PROCESSED",
        RefundState::Failed => "FAILED",
    }
}

/// The states a filter means, in either form and any case; none for no filter.
pub(super) fn states(text: Option<&str>) -> Result<Vec<RefundState>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    let word = text.to_ascii_lowercase();
    match word.as_str() {
        "all" => return Ok(Vec::new()),
        "pending" => return Ok(vec![RefundState::Requested]),
        "approved" => return Ok(vec![RefundState::Approved, RefundState::Processing]),
        _ => {}
    }
    let known = RefundState::parse(&word).map(|state| vec![state]);
    let told = "must be one of: PENDING, APPROVED, REJECTED, PROCESSED, FAILED";
    known.ok_or_else(|| Problem::field("status", told))
}

/// What has gone back; nothing before the gateway said so.
pub(super) fn refunded(refund: &Refund) -> Money {
    if refund.state == RefundState::Processed { refund.amount() } else { refund.currency.zero() }
}

pub(super) fn refunded_at(refund: &Refund) -> Option<Instant> {
    refund.processed_at.filter(|_| refund.state == RefundState::Processed).map(Instant)
}

pub(super) fn booking_status(parts: &RefundParts) -> Option<String> {
    parts.booking.as_ref().map(|booking| upper(booking.state))
}

pub(super) fn upper(state: BookingState) -> String {
    state.word().to_ascii_uppercase()
}

/// A refund as its payer lists it.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnRefund {
    id: i64,
    payment_id: i64,
    #[schema(value_type = f64)]
    amount_requested: MoneyNumber,
    #[schema(value_type = f64)]
    amount_refunded: MoneyNumber,
    currency: String,
    /// PENDING, APPROVED, REJECTED, PROCESSED or FAILED
    status: &'static str,
    reason: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
    #[schema(value_type = Option<String>, format = DateTime)]
    refunded_at: Option<Instant>,
    /// Null where no booking was paid.
    booking_details: Option<RefundedBooking>,
    admin_notes: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RefundedBooking {
    id: i64,
    status: String,
    teacher_name: String,
    gig_title: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    session_date: Option<Instant>,
}

pub(super) fn own(parts: &RefundParts) -> OwnRefund {
    let refund = &parts.refund;
    OwnRefund {
        id: refund.id.0,
        payment_id: refund.payment.0,
        amount_requested: MoneyNumber(refund.amount()),
        amount_refunded: MoneyNumber(refunded(refund)),
        currency: refund.currency.code().to_string(),
        status: status(refund.state),
        reason: refund.reason.clone(),
        created_at: Instant(refund.created_at),
        updated_at: Instant(refund.updated_at),
        refunded_at: refunded_at(refund),
        booking_details: parts.booking.as_ref().map(|booking| RefundedBooking {
            id: booking.id.0,
            status: upper(booking.state),
            teacher_name: parts.payee.full_name.clone(),
            gig_title: booking.title.clone(),
            session_date: booking.starts_at.map(Instant),
        }),
        admin_notes: refund.admin_notes.clone(),
    }
}

/// A refund request as `refund-requests` shows it.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefundRequestView {
    id: i64,
    reason: String,
    requested_amount_cents: i64,
    #[schema(value_type = f64)]
    requested_amount_dollars: MoneyNumber,
    currency: String,
    /// PENDING, APPROVED, REJECTED, PROCESSED or FAILED
    status: &'static str,
    admin_notes: String,
    refunded_amount_cents: i64,
    #[schema(value_type = f64)]
    refunded_amount_dollars: MoneyNumber,
    failure_reason: Option<String>,
    payment_details: RefundedPayment,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
    #[schema(value_type = Option<String>, format = DateTime)]
    reviewed_at: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    refunded_at: Option<Instant>,
    /// For administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    student_details: Option<StudentDetails>,
    /// For administrators: URGENT, HIGH, LARGE or NORMAL
    #[serde(skip_serializing_if = "Option::is_none")]
    urgency: Option<&'static str>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RefundedPayment {
    id: i64,
    #[schema(value_type = f64)]
    amount_dollars: MoneyNumber,
    teacher_name: String,
    gig_title: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    session_date: Option<Instant>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct StudentDetails {
    id: String,
    name: String,
    email: String,
}

/// Who looks, and when.
#[derive(Clone, Copy)]
pub(super) struct Viewer {
    pub(super) admin: bool,
    pub(super) now: Timestamp,
}

pub(super) fn request(parts: &RefundParts, viewer: Viewer) -> RefundRequestView {
    let RefundParts { refund, payment, booking, payer, payee, .. } = parts;
    RefundRequestView {
        id: refund.id.0,
        reason: refund.reason.clone(),
        requested_amount_cents: refund.amount_minor,
        requested_amount_dollars: MoneyNumber(refund.amount()),
        currency: refund.currency.code().to_string(),
        status: status(refund.state),
        admin_notes: refund.admin_notes.clone(),
        refunded_amount_cents: refunded(refund).minor,
        refunded_amount_dollars: MoneyNumber(refunded(refund)),
        failure_reason: refund.failure.clone().filter(|_| refund.state == RefundState::Failed),
        payment_details: RefundedPayment {
            id: payment.id.0,
            amount_dollars: MoneyNumber(payment.quote.total()),
            teacher_name: payee.full_name.clone(),
            gig_title: booking.as_ref().map(|b| b.title.clone()).unwrap_or_default(),
            session_date: booking.as_ref().and_then(|b| b.starts_at).map(Instant),
        },
        created_at: Instant(refund.created_at),
        updated_at: Instant(refund.updated_at),
        reviewed_at: refund.reviewed_at.map(Instant),
        refunded_at: refunded_at(refund),
        student_details: viewer.admin.then(|| student(payer)),
        urgency: viewer.admin.then(|| urgency(refund, viewer.now)),
    }
}

fn student(payer: &Person) -> StudentDetails {
    StudentDetails { id: payer.uuid.clone(), name: payer.full_name.clone(), email: payer.email.clone() }
}

/// How soon an administrator should look (BR-50).
pub(super) fn urgency(refund: &Refund, now: Timestamp) -> &'static str {
    let waited = now - refund.created_at;
    let large = LARGE * 10_i64.pow(refund.currency.exponent());
    if !refund.state.open() {
        "NORMAL"
    } else if waited >= URGENT_AFTER {
        "URGENT"
    } else if waited >= HIGH_AFTER {
        "HIGH"
    } else if refund.amount_minor > large {
        "LARGE"
    } else {
        "NORMAL"
    }
}

/// A refund as the administrators' page lists it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ManagedRefund {
    id: i64,
    student_email: String,
    student_name: String,
    teacher_email: String,
    teacher_name: String,
    payment_id: i64,
    #[schema(value_type = f64)]
    original_amount: MoneyNumber,
    #[schema(value_type = f64)]
    requested_amount: MoneyNumber,
    currency: String,
    reason: String,
    booking_status: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    request_date: Instant,
    /// PENDING, APPROVED, REJECTED, PROCESSED or FAILED
    status: &'static str,
    admin_notes: String,
    urgency: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

pub(super) fn managed(parts: &RefundParts, now: Timestamp) -> ManagedRefund {
    let RefundParts { refund, payment, payer, payee, .. } = parts;
    ManagedRefund {
        id: refund.id.0,
        student_email: payer.email.clone(),
        student_name: payer.full_name.clone(),
        teacher_email: payee.email.clone(),
        teacher_name: payee.full_name.clone(),
        payment_id: payment.id.0,
        original_amount: MoneyNumber(payment.quote.total()),
        requested_amount: MoneyNumber(refund.amount()),
        currency: refund.currency.code().to_string(),
        reason: refund.reason.clone(),
        booking_status: booking_status(parts),
        request_date: Instant(refund.created_at),
        status: status(refund.state),
        admin_notes: refund.admin_notes.clone(),
        urgency: urgency(refund, now),
        created_at: Instant(refund.created_at),
        updated_at: Instant(refund.updated_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_in_either_form() {
        use RefundState as S;
        assert_eq!(states(None).expect("none"), []);
        assert_eq!(states(Some("pending")).expect("LF"), [S::Requested]);
        assert_eq!(states(Some("requested")).expect("SK"), [S::Requested]);
        assert_eq!(states(Some("Approved")).expect("LF"), [S::Approved, S::Processing]);
        assert_eq!(states(Some("PROCESSED")).expect("both"), [S::Processed]);
        assert!(states(Some("done")).is_err());
    }
}
