//! Gigs, bookings and the busy times that keep them apart.

use super::{by_id, by_key, words};
use crate::id::{AvailabilityId, BookingId, Id, OfferId, PaymentId, PersonId};
use crate::money::Currency;
use crate::policy::{FeePolicy, Kind, PriceUnit};
use crate::time::Timestamp;

words! {
    OfferState { Active = "active", Inactive = "inactive", Draft = "draft", Suspended = "suspended", Archived = "archived" }
}

words! {
    Category { Language = "language", Astrology = "astrology", General = "general" }
}

/// A session that a teacher offers (a gig on the wire).
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    pub id: OfferId,
    pub payee: PersonId,
    pub category: Category,
    pub service_type: String,
    pub title: String,
    pub short_description: String,
    pub full_description: String,
    /// Per hour for bookings, per session for flat purchases, by `pricing.*_unit`.
    pub price_minor: i64,
    pub currency: Currency,
    pub session_minutes: i64,
    /// A JSON array of strings.
    pub tags: String,
    pub session_contents: String,
    pub state: OfferState,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

by_id!(Offer, OfferId, PersonId, |offer| Some(offer.payee));

words! {
    BookingState { Pending = "pending", Confirmed = "confirmed", Completed = "completed", Cancelled = "cancelled" }
}

words! {
    /// How a booking came to be completed.
    Completion { Student = "student", Teacher = "teacher", Auto = "auto" }
}

words! {
    /// What became of a request to move a booking.
    ProposalOutcome { Confirmed = "confirmed", Declined = "declined" }
}

/// A payer's claim on an offer, with its own life. Owned by the payee's lane.
#[derive(Clone, Debug, PartialEq)]
pub struct Booking {
    pub id: BookingId,
    pub kind: Kind,
    pub payer: PersonId,
    pub payee: PersonId,
    pub offer: OfferId,
    pub title: String,
    /// Both or neither: without times the booking still needs scheduling.
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub state: BookingState,
    /// Rate and fee policy as they were when the booking was made.
    pub rate_minor: i64,
    pub unit: PriceUnit,
    pub currency: Currency,
    pub fee: FeePolicy,
    /// The one payment of this booking, once somebody tried to pay.
    pub payment: Option<PaymentId>,
    pub last_payment_error: Option<String>,
    pub notes: String,
    pub session_type: String,
    pub cancellation_reason: Option<String>,
    pub cancelled_by: Option<PersonId>,
    pub completion: Option<Completion>,
    pub completed_at: Option<Timestamp>,
    /// When the clock has something to do: expire, cancel unpaid, complete.
    pub wake_at: Option<Timestamp>,
    /// The last request of a party to move the booking: open while `version` is still the one it
    /// was made for, void as soon as anything else has become of the booking.
    pub proposed_starts_at: Option<Timestamp>,
    pub proposed_ends_at: Option<Timestamp>,
    pub proposed_by: Option<PersonId>,
    pub proposal_reason: Option<String>,
    pub proposal_version: Option<i64>,
    /// How the last answered request ended.
    pub proposal_outcome: Option<ProposalOutcome>,
    /// The way into its meeting at a provider, sealed; `None` where none has been made.
    pub room: Option<String>,
    /// Goes up with every change of state, times or request; notes and payments aside.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

by_id!(Booking, BookingId);

/// The meeting of a booking at a provider that has to be called.
#[derive(Clone, Debug, PartialEq)]
pub struct Meeting {
    pub booking: BookingId,
    /// Whose `reference` is: another provider knows nothing of it.
    pub provider: String,
    /// The provider's id, while there is one.
    pub reference: Option<String>,
    /// The time that the provider was told.
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    /// Nobody knows what became of a call to make it, so there may be one more than `reference`.
    pub unsure: bool,
    /// When nothing can be on its way any more that makes another one, and a last look is due.
    pub sweep_at: Option<Timestamp>,
    /// Goes up with every claim: only the holder of the newest number may tell what it did.
    pub fence: i64,
    pub lease_until: Option<Timestamp>,
    /// When it really took place, as the provider tells it.
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

by_key!(Meeting, BookingId, |meeting| meeting.booking, lane | meeting | meeting.booking.lane());

/// Hours in which a payee would like to work, by the wall clock of his zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// 0 = Monday to 6 = Sunday; of the date, where there is one.
    pub weekday: i64,
    /// Seconds of the local day, 0 to 86,400, from before until.
    pub from_second: i64,
    pub until_second: i64,
    /// The day number of the one local date they are for (0 = 1970-01-01); `None`: every week.
    pub date: Option<i64>,
}

/// One stretch of a payee's availability.
#[derive(Clone, Debug, PartialEq)]
pub struct Availability {
    pub id: AvailabilityId,
    pub payee: PersonId,
    pub hours: Hours,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

by_id!(Availability, AvailabilityId, PersonId, |availability| Some(availability.payee));

/// A time at which a party of a pending or confirmed booking is taken, one row a UTC day it touches.
#[derive(Clone, Debug, PartialEq)]
pub struct Busy {
    pub party: PersonId,
    /// UTC day number.
    pub day: i64,
    pub booking: BookingId,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
}

by_key!(
    Busy,
    (PersonId, i64, BookingId),
    |busy| (busy.party, busy.day, busy.booking),
    (PersonId, i64),
    |busy| Some((busy.party, busy.day)),
    lane | busy | busy.party.lane()
);
