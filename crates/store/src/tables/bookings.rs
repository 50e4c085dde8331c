//! Gigs, bookings, availability, busy times.

use domain::id::{BookingId, Id, PersonId};
use domain::policy::FeePolicy;
use domain::records::{Availability, Booking, Busy, Hours, Meeting, Offer};
use domain::rows::{NoGroup, Record};

use super::fields::id_values;
use super::{Stored, found_by_id, table};
use crate::engine::Value;

table!(Offer, "offer", key 2, {
    int id, int payee, text category, text service_type, text title, text short_description,
    text full_description, int price_minor, text currency, int session_minutes, text tags,
    text session_contents, text state, int created_at, int updated_at,
});
found_by_id!(Offer, group "payee");

table!(Booking, "booking", key 2, {
    int id, text kind, int payer, int payee, int offer, text title, int starts_at, int ends_at, text state,
    int rate_minor, text unit, text currency, text fee_mode = fee.mode, int fee_rate_bps = fee.rate_bps,
    int fee_min_minor = fee.min_minor, int payment, text last_payment_error, text notes, text session_type,
    text cancellation_reason, int cancelled_by, text completion, int completed_at, int wake_at,
    int proposed_starts_at, int proposed_ends_at, int proposed_by, text proposal_reason, int proposal_version,
    text proposal_outcome, text room, int version, int created_at, int updated_at,
} build Booking {
    id, kind, payer, payee, offer, title, starts_at, ends_at, state, rate_minor, unit, currency,
    fee: FeePolicy { mode: fee_mode, rate_bps: fee_rate_bps, min_minor: fee_min_minor },
    payment, last_payment_error, notes, session_type, cancellation_reason, cancelled_by, completion,
    completed_at, wake_at, proposed_starts_at, proposed_ends_at, proposed_by, proposal_reason,
    proposal_version, proposal_outcome, room, version, created_at, updated_at,
});
found_by_id!(Booking);

table!(Meeting, "meeting", key 2, {
    int booking, text provider, text reference, int starts_at, int ends_at, int unsure, int sweep_at,
    int fence, int lease_until, int started_at, int ended_at, int created_at, int updated_at,
});

impl Stored for Meeting {
    fn key_values(booking: &BookingId) -> Vec<Value> {
        id_values(*booking)
    }
    const GROUP: &'static [usize] = &[];
    fn group_values(group: &NoGroup) -> Vec<Value> {
        match *group {}
    }
}

table!(Availability, "availability", key 2, {
    int id, int payee, int weekday = hours.weekday, int from_second = hours.from_second,
    int until_second = hours.until_second, int date = hours.date, int created_at, int updated_at,
} build Availability {
    id, payee, hours: Hours { weekday, from_second, until_second, date }, created_at, updated_at,
});
found_by_id!(Availability, group "payee");

table!(Busy, "busy", key 4, { int party, int day, int booking, int starts_at, int ends_at });

impl Stored for Busy {
    fn key_values((party, day, booking): &(PersonId, i64, BookingId)) -> Vec<Value> {
        let lane = party.lane().number();
        vec![Value::Int(lane), Value::Int(party.raw()), Value::Int(*day), Value::Int(booking.raw())]
    }
    const GROUP: &'static [usize] = &[0, 1, 2];
    fn group_values((party, day): &(PersonId, i64)) -> Vec<Value> {
        vec![Value::Int(party.lane().number()), Value::Int(party.raw()), Value::Int(*day)]
    }
}
