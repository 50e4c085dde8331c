//! Everything the rules can say no with.
//!
//! A refusal touches nothing. Its code is part of the API: stable, in snake case, never renamed. Which
//! HTTP status it becomes is the server's business (`server/src/http/refusals.rs`).

use crate::id::{OpId, PaymentId, RefundId};
use crate::money::Money;
use crate::time::{Span, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("There is no such object.")]
    NotFound,
    #[error("{0}")]
    Invalid(Invalid),
    #[error("The current state does not allow this.")]
    WrongState,
    #[error("Only the other party may do this.")]
    WrongParty,

    #[error("This e-mail address is registered already.")]
    EmailTaken,
    #[error("The e-mail address or the password is wrong.")]
    WrongCredentials,
    #[error("The refresh token is not valid.")]
    InvalidRefreshToken,
    #[error("The link is not valid any more.")]
    InvalidToken,
    #[error("The current password is wrong.")]
    WrongPassword,
    #[error("Choose whether you want to learn or to teach.")]
    RoleRequired,
    #[error("Too many attempts. Try again later.")]
    TooManyAttempts { wait: Span },
    #[error("This needs a teacher profile.")]
    TeacherRequired,
    #[error("This needs a student profile.")]
    StudentRequired,

    #[error("You already have a gig in this category.")]
    OfferCategoryTaken,
    #[error("The gig is not active.")]
    OfferInactive,
    #[error("The gig has been suspended by an administrator.")]
    OfferSuspended,
    #[error("You cannot book or buy from yourself.")]
    OwnOffer,
    #[error("The gig belongs to another teacher.")]
    OfferOfAnother,

    #[error("The time is not free any more.")]
    SlotTaken,
    #[error("The teacher is not available at that time.")]
    OutsideAvailability,
    #[error("Some of the items cannot be taken, so nothing was changed.")]
    InvalidItems(Vec<InvalidItem>),
    #[error("A paid session can only be moved to a time of the same length.")]
    LengthFixed,
    #[error("The booking has been changed meanwhile. Look at it again.")]
    BookingChanged,
    #[error("There is an open request to move this booking already.")]
    RescheduleOpen,
    #[error("There is no open request to move this booking.")]
    NoRescheduleRequest,
    #[error("The session has not ended yet.")]
    NotEnded { ends_at: Timestamp },
    #[error("The booking has not been paid.")]
    NotPaid,
    #[error("The booking has been paid already.")]
    AlreadyPaid { payment: PaymentId },
    #[error("The teacher has not confirmed the booking yet.")]
    BookingNotConfirmed,
    #[error("The booking has been cancelled.")]
    BookingCancelled,
    #[error("The session is over.")]
    BookingOver,
    #[error("The booking still needs a time.")]
    NeedsTimes,
    #[error("This marketplace confirms a booking before it is paid.")]
    FlowNotOffered,

    #[error("The amount is below the smallest possible charge of {0}.")]
    AmountTooSmall(Money),
    #[error("The amount is above the largest possible charge of {0}.")]
    AmountTooLarge(Money),
    #[error("A payment for this is being processed.")]
    PaymentInProgress { op: OpId },
    #[error("This payment cannot be refunded.")]
    NotRefundable,
    #[error("The refund exceeds what remains of the payment.")]
    RefundExceedsRemaining,
    #[error("Another refund of this payment is waiting for a decision.")]
    RefundOpen { refund: RefundId, state: &'static str },

    #[error("Money is still pending: open bookings, payments, refunds or a balance.")]
    MoneyPending,

    #[error("The idempotency key was used with another request.")]
    IdempotencyKeyReused,
}

/// A value that no rule needs to look at twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    pub field: &'static str,
    pub problem: String,
}

/// One item of a batch that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidItem {
    /// Its place in the batch, from 0.
    pub index: usize,
    pub invalid: Invalid,
}

impl Refusal {
    pub fn invalid(field: &'static str, problem: impl Into<String>) -> Refusal {
        Refusal::Invalid(Invalid { field, problem: problem.into() })
    }

    /// The stable code of the contract.
    pub fn code(&self) -> &'static str {
        use Refusal as R;
        match self {
            R::NotFound => "not_found",
            R::Invalid(_) => "validation_failed",
            R::WrongState => "wrong_state",
            R::WrongParty => "wrong_party",
            R::EmailTaken => "email_taken",
            R::WrongCredentials => "invalid_credentials",
            R::InvalidRefreshToken => "invalid_refresh_token",
            R::InvalidToken => "invalid_token",
            R::WrongPassword => "wrong_password",
            R::RoleRequired => "role_required",
            R::TooManyAttempts { .. } => "rate_limited",
            R::TeacherRequired => "teacher_required",
            R::StudentRequired => "student_required",
            R::OfferCategoryTaken => "gig_category_taken",
            R::OfferInactive => "gig_inactive",
            R::OfferSuspended => "gig_suspended",
            R::OwnOffer => "own_gig",
            R::OfferOfAnother => "gig_of_another_teacher",
            R::SlotTaken => "slot_taken",
            R::OutsideAvailability => "outside_availability",
            R::InvalidItems(_) => "invalid_items",
            R::LengthFixed => "length_fixed",
            R::BookingChanged => "booking_changed",
            R::RescheduleOpen => "reschedule_open",
            R::NoRescheduleRequest => "no_reschedule_request",
            R::NotEnded { .. } => "session_not_ended",
            R::NotPaid => "not_paid",
            R::AlreadyPaid { .. } => "already_paid",
            R::BookingNotConfirmed => "booking_not_confirmed",
            R::BookingCancelled => "booking_cancelled",
            R::BookingOver => "booking_over",
            R::NeedsTimes => "needs_times",
            R::FlowNotOffered => "flow_not_offered",
            R::AmountTooSmall(_) => "amount_too_small",
            R::AmountTooLarge(_) => "amount_too_large",
            R::PaymentInProgress { .. } => "payment_in_progress",
            R::NotRefundable => "not_refundable",
            R::RefundExceedsRemaining => "refund_exceeds_remaining",
            R::RefundOpen { .. } => "refund_open",
            R::MoneyPending => "money_pending",
            R::IdempotencyKeyReused => "idempotency_key_reused",
        }
    }
}
