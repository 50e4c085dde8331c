//! One page that maps every refusal and every failed write to HTTP. Adding a refusal does not
//! compile until it is placed here.

use axum::http::StatusCode;
use domain::refusal::Refusal;
use serde_json::json;

use super::Problem;
use super::json::Instant;

/// What a full queue or a failover asks of clients, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

fn status(refusal: &Refusal) -> StatusCode {
    use Refusal as R;
    match refusal {
        R::NotFound => StatusCode::NOT_FOUND,
        R::WrongParty | R::TeacherRequired | R::StudentRequired => StatusCode::FORBIDDEN,
        R::WrongCredentials | R::InvalidRefreshToken => StatusCode::UNAUTHORIZED,
        R::EmailTaken
        | R::OfferCategoryTaken
        | R::SlotTaken
        | R::BookingChanged
        | R::RescheduleOpen
        | R::MoneyPending
        | R::PaymentInProgress { .. } => StatusCode::CONFLICT,
        R::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
        R::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        R::Invalid(_)
        | R::InvalidItems(_)
        | R::OutsideAvailability
        | R::LengthFixed
        | R::NoRescheduleRequest
        | R::WrongState
        | R::InvalidToken
        | R::WrongPassword
        | R::RoleRequired
        | R::OfferInactive
        | R::OfferSuspended
        | R::OwnOffer
        | R::OfferOfAnother
        | R::NotEnded { .. }
        | R::NotPaid
        | R::AlreadyPaid { .. }
        | R::BookingNotConfirmed
        | R::BookingCancelled
        | R::BookingOver
        | R::NeedsTimes
        | R::FlowNotOffered
        | R::AmountTooSmall(_)
        | R::AmountTooLarge(_)
        | R::NotRefundable
        | R::RefundExceedsRemaining
        | R::RefundOpen { .. } => StatusCode::BAD_REQUEST,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        if let Refusal::Invalid(invalid) = &refusal {
            return Problem::field(invalid.field, invalid.problem.clone());
        }
        if refusal == Refusal::NotFound {
            return Problem::not_found();
        }
        let problem = Problem::new(status(&refusal), refusal.code(), refusal.to_string());
        match refusal {
            Refusal::AlreadyPaid { payment } => problem.with("payment_id", payment.0),
            Refusal::RefundOpen { refund, state } => {
                // `status` at the top is the problem's own, so the refund's stands in `details`.
                let shown = if state == "requested" { "PENDING" } else { "APPROVED" };
                let details = json!({ "existing_refund_id": refund.0, "status": shown });
                problem.with("existing_refund_id", refund.0).details(details)
            }
            Refusal::NotEnded { ends_at } => {
                problem.details(json!({ "session_end_time": Instant(ends_at).text() }))
            }
            Refusal::TooManyAttempts { wait } => {
                problem.retry_after(u64::try_from(wait.whole_seconds() + 1).unwrap_or(RETRY_AFTER_SECONDS))
            }
            Refusal::RoleRequired => problem.with("requires_role_selection", true),
            Refusal::PaymentInProgress { .. } => problem.retry_after(RETRY_AFTER_SECONDS),
            _ => problem,
        }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Problem {
        match error {
            store::Error::Refused(refusal) => refusal.into(),
            error if error.is_temporary() => Problem::unavailable(RETRY_AFTER_SECONDS),
            error => Problem::internal(error),
        }
    }
}

impl From<store::engine::Fault> for Problem {
    fn from(fault: store::engine::Fault) -> Problem {
        store::Error::from(fault).into()
    }
}
