//! A booking on the wire, the same for both parties and every endpoint.

use std::sync::Arc;

use domain::id::PersonId;
use domain::payments::quote_booking;
use domain::records::{Booking, BookingState, Completion, Payment, PaymentState, Word};
use serde::Serialize;
use serde_json::value::RawValue;
use store::reads::bookings::BookingParts;
use utoipa::ToSchema;

use crate::app::App;
use crate::config::OnPaymentFailure;
use crate::http::json::{Instant, MoneyNumber, ratio};
use crate::meetings::{Meeting, Rooms};

/// A session between a student and a teacher.
#[derive(Serialize, ToSchema)]
#[schema(as = Booking)]
pub(crate) struct BookingView {
    id: i64,
    student: String,
    teacher: String,
    student_name: String,
    teacher_name: String,
    gig: i64,
    gig_title: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    start_time: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    end_time: Option<Instant>,
    /// For display; the exact seconds are billed.
    #[schema(value_type = f64)]
    duration_hours: Box<RawValue>,
    #[schema(value_type = Option<String>, format = DateTime)]
    scheduled_datetime: Option<Instant>,
    needs_scheduling: bool,
    /// PENDING, CONFIRMED, COMPLETED or CANCELLED
    status: String,
    /// Where completed sessions are shown as confirmed: what it really is.
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_status: Option<String>,
    /// UNPAID, PENDING, PAID, REFUNDED or FAILED
    payment_status: &'static str,
    #[serde(flatten)]
    reschedule: Reschedule,
    #[serde(flatten)]
    meeting: MeetingLinks,
    notes: String,
    session_type: String,
    cancellation_reason: Option<String>,
    /// STUDENT, TEACHER or AUTO
    completion_method: Option<String>,
    last_payment_error: Option<String>,
    payment_id: Option<i64>,
    payment_details: PaymentDetails,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

/// The open request to move the booking, and how the one before it ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reschedule {
    /// NONE or PENDING
    reschedule_request_status: &'static str,
    #[schema(value_type = Option<String>, format = DateTime)]
    reschedule_request_start_time: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    reschedule_request_end_time: Option<Instant>,
    reschedule_request_reason: Option<String>,
    /// A user id.
    reschedule_requested_by: Option<String>,
    /// CONFIRMED or DECLINED; one that nobody answered in time counts as declined.
    previous_reschedule_request_status: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct MeetingLinks {
    zoom_meeting_id: Option<String>,
    zoom_join_url: Option<String>,
    /// The teacher's alone.
    zoom_start_url: Option<String>,
    zoom_password: Option<String>,
}

impl From<Meeting> for MeetingLinks {
    fn from(meeting: Meeting) -> MeetingLinks {
        MeetingLinks {
            zoom_meeting_id: meeting.id,
            zoom_join_url: meeting.join_url,
            zoom_start_url: meeting.start_url,
            zoom_password: meeting.password,
        }
    }
}

/// What has been paid, or what will be asked.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentDetails {
    payment_id: Option<i64>,
    #[schema(value_type = f64)]
    amount_paid: MoneyNumber,
    payment_status: &'static str,
    stripe_payment_intent_id: Option<String>,
    #[schema(value_type = f64)]
    platform_fee: MoneyNumber,
    #[schema(value_type = f64)]
    session_cost: MoneyNumber,
    #[schema(value_type = f64)]
    total_amount: MoneyNumber,
    #[schema(value_type = Option<String>, format = DateTime)]
    payment_date: Option<Instant>,
    currency: String,
}

/// What of the settings changes how a booking looks.
#[derive(Clone)]
pub(super) struct Look {
    rooms: Arc<Rooms>,
    /// Who looks.
    viewer: PersonId,
    /// A failed payment is told as such, because it cancels the booking.
    shows_failed_payments: bool,
    /// Completed sessions look confirmed, for clients that know no other end.
    completed_as_confirmed: bool,
}

impl Look {
    pub(super) fn of(app: &App, viewer: PersonId) -> Look {
        Look {
            rooms: Arc::clone(&app.rooms),
            viewer,
            shows_failed_payments: app.config.booking.on_payment_failure == OnPaymentFailure::Cancel,
            completed_as_confirmed: false,
        }
    }

    /// How one's own bookings are listed for the web client.
    pub(super) fn of_my(app: &App, viewer: PersonId) -> Look {
        Look { completed_as_confirmed: app.config.compat.completed_as_confirmed, ..Look::of(app, viewer) }
    }

    /// What this person may see of the meeting.
    pub(super) fn meeting(&self, parts: &BookingParts) -> Meeting {
        self.rooms.meeting(&parts.booking, parts.is_paid(), self.viewer)
    }
}

pub(super) fn render(parts: &BookingParts, look: &Look) -> BookingView {
    let BookingParts { booking, payer, payee, .. } = parts;
    let disguised = look.completed_as_confirmed && booking.state == BookingState::Completed;
    let shown = if disguised { BookingState::Confirmed } else { booking.state };
    let payment_status = payment_status(parts, look);
    BookingView {
        id: booking.id.0,
        student: payer.uuid.clone(),
        teacher: payee.uuid.clone(),
        student_name: payer.full_name.clone(),
        teacher_name: payee.full_name.clone(),
        gig: booking.offer.0,
        gig_title: booking.title.clone(),
        start_time: booking.starts_at.map(Instant),
        end_time: booking.ends_at.map(Instant),
        duration_hours: duration_hours(booking),
        scheduled_datetime: booking.starts_at.map(Instant),
        needs_scheduling: booking.slot().is_none(),
        status: upper(shown),
        actual_status: look.completed_as_confirmed.then(|| upper(booking.state)),
        payment_status,
        reschedule: reschedule(parts),
        meeting: look.meeting(parts).into(),
        notes: booking.notes.clone(),
        session_type: booking.session_type.clone(),
        cancellation_reason: booking.cancellation_reason.clone(),
        completion_method: booking.completion.map(upper),
        last_payment_error: booking.last_payment_error.clone(),
        payment_id: shown_payment(parts, payment_status).map(|payment| payment.id.0),
        payment_details: payment_details(parts, payment_status),
        created_at: Instant(booking.created_at),
        updated_at: Instant(booking.updated_at),
    }
}

fn reschedule(parts: &BookingParts) -> Reschedule {
    let proposal = parts.booking.proposal();
    let slot = proposal.as_ref().map(|proposal| proposal.slot);
    Reschedule {
        reschedule_request_status: if proposal.is_some() { "PENDING" } else { "NONE" },
        reschedule_request_start_time: slot.map(|slot| Instant(slot.starts_at)),
        reschedule_request_end_time: slot.map(|slot| Instant(slot.ends_at)),
        reschedule_requested_by: proposal.as_ref().map(|proposal| uuid_of(parts, proposal.by)),
        reschedule_request_reason: proposal.and_then(|proposal| proposal.reason),
        previous_reschedule_request_status: parts.booking.proposal_outcome.map(upper),
    }
}

/// The user id of one of the parties.
pub(super) fn uuid_of(parts: &BookingParts, party: PersonId) -> String {
    if party == parts.payer.id { parts.payer.uuid.clone() } else { parts.payee.uuid.clone() }
}

/// Who completed a session, on the wire.
pub(super) fn completed_by(how: Option<Completion>) -> Option<&'static str> {
    how.map(Word::word)
}

/// What a booking is, on the wire.
pub(super) fn status_of(booking: &Booking) -> String {
    upper(booking.state)
}

fn upper<W: Word>(word: W) -> String {
    word.word().to_ascii_uppercase()
}

/// Hours for display, half up to two decimals.
fn duration_hours(booking: &Booking) -> Box<RawValue> {
    let seconds = booking.slot().map_or(0, |slot| slot.length().whole_seconds());
    ratio(seconds, 3_600, 2)
}

/// The table of contract section 3.
fn payment_status(parts: &BookingParts, look: &Look) -> &'static str {
    let Some(payment) = &parts.payment else { return "UNPAID" };
    let is_open = parts.op.as_ref().is_some_and(|op| op.state.live());
    match payment.state {
        PaymentState::Pending if is_open => "PENDING",
        PaymentState::Processing => "PENDING",
        PaymentState::Failed if look.shows_failed_payments => "FAILED",
        PaymentState::Pending | PaymentState::Failed | PaymentState::Cancelled => "UNPAID",
        PaymentState::Completed | PaymentState::PartiallyRefunded | PaymentState::Disputed => "PAID",
        PaymentState::Refunded => "REFUNDED",
    }
}

/// What is unpaid shows no payment, though one may have been tried.
fn shown_payment<'a>(parts: &'a BookingParts, payment_status: &str) -> Option<&'a Payment> {
    parts.payment.as_ref().filter(|_| payment_status != "UNPAID")
}

fn payment_details(parts: &BookingParts, payment_status: &'static str) -> PaymentDetails {
    let payment = shown_payment(parts, payment_status);
    let quote = payment.map_or_else(|| quote_booking(&parts.booking), |payment| payment.quote);
    let captured = payment.map_or(0, |payment| payment.captured_minor);
    PaymentDetails {
        payment_id: payment.map(|payment| payment.id.0),
        amount_paid: MoneyNumber(quote.currency.minor(captured)),
        payment_status,
        stripe_payment_intent_id: payment.and_then(|payment| payment.reference.clone()),
        platform_fee: MoneyNumber(quote.fee()),
        session_cost: MoneyNumber(quote.base()),
        total_amount: MoneyNumber(quote.total()),
        payment_date: payment.and_then(|payment| payment.paid_at).map(Instant),
        currency: quote.currency.code().to_string(),
    }
}

/// The part of a booking that somebody has; `None` for strangers.
pub(super) fn is_party(booking: &Booking, person: PersonId) -> bool {
    booking.payer == person || booking.payee == person
}
