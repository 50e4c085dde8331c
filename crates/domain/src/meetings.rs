//! Meetings at providers that have to be called: what should be there, and who may call.
//!
//! Invariants: whatever changes what should be there queues a look in its own commit, and the look
//! compares what should be there with what is, so looks may come late, twice and in any order; one
//! holder at a time calls; before a call that makes a meeting goes out it is committed that one may
//! exist. Deliberately not here: the calls, who sees which link, rooms that nobody has to make.

use serde_json::json;

use crate::command::{Fact, Lanes};
use crate::context::Context;
use crate::gateway::DRAIN;
use crate::id::{BookingId, Id, PersonId};
use crate::policy::MeetingMoment;
use crate::records::{Booking, BookingState, Claim, Meeting, Payment, Space};
use crate::time::{Span, Timestamp};
use crate::world::{Needs, World};

/// Longer than everything that one errand calls.
pub const LEASE: Span = Span::minutes(2);

/// Queues a look if the booking should have a meeting now and has none.
pub(crate) fn call_for(cx: &Context<'_>, world: &mut World, booking: &Booking) {
    let payment = booking.payment.and_then(|id| world.payments.get(&id));
    if booking.room.is_none() && wanted(cx, booking, payment) {
        let paid = if payment.is_some_and(Payment::is_paid) { ":paid" } else { "" };
        look(world, booking.id, &format!("{}{paid}", booking.version), cx.now);
    }
}

/// Queues a look at what has been made for a booking that was moved or cancelled. A look that is still
/// queued sees for itself.
pub(crate) fn follow(world: &mut World, booking: &Booking, now: Timestamp) {
    if booking.room.is_some() {
        look(world, booking.id, &booking.version.to_string(), now);
    }
}

fn look(world: &mut World, booking: BookingId, cause: &str, now: Timestamp) {
    let body = json!({ "booking_id": booking.raw() }).to_string();
    world.queue(booking.lane(), "meeting", format!("{booking}:{cause}"), body, now);
}

fn wanted(cx: &Context<'_>, booking: &Booking, payment: Option<&Payment>) -> bool {
    let Some(moment) = cx.policies.meeting else { return false };
    let confirmed = booking.state == BookingState::Confirmed;
    let reached = match moment {
        MeetingMoment::Booked => confirmed || booking.state == BookingState::Pending,
        MeetingMoment::Confirmed => confirmed,
        MeetingMoment::Paid => confirmed && payment.is_some_and(Payment::is_paid),
    };
    reached && booking.ends_at.is_some_and(|end| end > cx.now)
}

/// What a provider is told about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub booking: BookingId,
    pub payee: PersonId,
    pub title: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
}

/// What is to be done at the provider by whoever has claimed a meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    Nothing,
    /// Somebody else is at it, until then at the latest.
    Held(Timestamp),
    Make {
        fence: i64,
        session: Session,
        /// An earlier call may have made one: look for it first.
        unsure: bool,
    },
    Move {
        fence: i64,
        session: Session,
        reference: String,
    },
    Drop {
        fence: i64,
        session: Session,
        reference: Option<String>,
        /// There may be others: look for them.
        unsure: bool,
    },
    /// Nothing is on its way any more: drop whatever there is beside this one.
    Sweep {
        fence: i64,
        session: Session,
        reference: Option<String>,
    },
}

/// Compares what should be there with what is, and takes the difference in hand.
#[derive(Clone, Debug)]
pub struct ClaimMeeting {
    pub booking: BookingId,
    pub provider: &'static str,
}

impl Fact for ClaimMeeting {
    type Receipt = Errand;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.booking.lane());
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        needs.bookings.key(self.booking);
        needs.meetings.key(self.booking);
        if let Some(payment) = world.bookings.peek(&self.booking).and_then(|booking| booking.payment) {
            needs.payments.key(payment);
        }
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> Errand {
        let Some(booking) = world.bookings.get(&self.booking).cloned() else { return Errand::Nothing };
        let (Some(starts_at), Some(ends_at)) = (booking.starts_at, booking.ends_at) else {
            return Errand::Nothing;
        };
        let meeting = world.meetings.get(&self.booking).cloned();
        if let Some(until) = meeting.as_ref().and_then(|meeting| meeting.lease_until)
            && until > cx.now
        {
            return Errand::Held(until);
        }
        let payment = booking.payment.and_then(|id| world.payments.get(&id));
        let is_wanted = wanted(cx, &booking, payment);
        let (payee, title) = (booking.payee, booking.title);
        let session = Session { booking: self.booking, payee, title, starts_at, ends_at };
        let fence = meeting.as_ref().map_or(0, |meeting| meeting.fence) + 1;
        let errand = match meeting {
            None if is_wanted => {
                world.meetings.insert(self.unmade(cx));
                Errand::Make { fence, session, unsure: false }
            }
            Some(meeting) if meeting.provider == self.provider => {
                let ended = booking.state == BookingState::Cancelled;
                difference(&meeting, session, (is_wanted, ended), cx.now)
            }
            _ => Errand::Nothing,
        };
        self.take(cx, world, &errand);
        errand
    }
}

impl ClaimMeeting {
    fn unmade(&self, cx: &Context<'_>) -> Meeting {
        Meeting {
            booking: self.booking,
            provider: self.provider.into(),
            reference: None,
            starts_at: None,
            ends_at: None,
            unsure: false,
            sweep_at: None,
            fence: 0,
            lease_until: None,
            started_at: None,
            ended_at: None,
            created_at: cx.now,
            updated_at: cx.now,
        }
    }

    fn take(&self, cx: &Context<'_>, world: &mut World, errand: &Errand) {
        if matches!(errand, Errand::Nothing | Errand::Held(_)) {
            return;
        }
        world.meetings.update(&self.booking, |meeting| {
            meeting.fence += 1;
            meeting.lease_until = Some(cx.now + LEASE);
            // The call is about to go out, and its answer may never come.
            if matches!(errand, Errand::Make { .. }) {
                meeting.unsure = true;
                meeting.sweep_at = Some(cx.now + LEASE + DRAIN);
            }
            meeting.updated_at = cx.now;
        });
    }
}

/// What is missing between what is there and what should be.
fn difference(
    meeting: &Meeting,
    session: Session,
    (is_wanted, ended): (bool, bool),
    now: Timestamp,
) -> Errand {
    let (fence, unsure) = (meeting.fence + 1, meeting.unsure);
    let told = (meeting.starts_at, meeting.ends_at) == (Some(session.starts_at), Some(session.ends_at));
    match &meeting.reference {
        None if is_wanted => Errand::Make { fence, session, unsure },
        Some(reference) if is_wanted && !told => {
            Errand::Move { fence, session, reference: reference.clone() }
        }
        reference if ended && (reference.is_some() || unsure) => {
            Errand::Drop { fence, session, reference: reference.clone(), unsure }
        }
        reference if meeting.sweep_at.is_some_and(|at| at <= now) => {
            Errand::Sweep { fence, session, reference: reference.clone() }
        }
        _ => Errand::Nothing,
    }
}

/// How an errand ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    Made {
        reference: String,
        /// The way in, sealed.
        room: String,
        /// Whether an earlier call may still have made another one.
        unsure: bool,
    },
    Moved,
    /// Somebody else has deleted it.
    Gone,
    /// All that was found is dropped.
    Dropped,
    /// There is none but the one that is known.
    Swept,
    /// The call has certainly made none.
    NotMade {
        unsure: bool,
    },
    /// Nobody knows, or nothing could be done.
    Undone,
}

/// What the holder of a meeting did.
#[derive(Clone, Debug)]
pub struct RecordMeeting {
    pub session: Session,
    pub fence: i64,
    pub ran: Ran,
    pub provider: &'static str,
}

impl RecordMeeting {
    fn claim(&self) -> Option<(Space, String)> {
        match &self.ran {
            Ran::Made { reference, .. } => Some((Space::Meeting, name(self.provider, reference))),
            _ => None,
        }
    }
}

/// Under which a provider's meeting leads to its booking.
pub fn name(provider: &str, reference: &str) -> String {
    format!("{provider}:{reference}")
}

impl Fact for RecordMeeting {
    /// False: somebody else has taken it over meanwhile.
    type Receipt = bool;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.session.booking.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.bookings.key(self.session.booking);
        needs.meetings.key(self.session.booking);
        self.claim().into_iter().for_each(|claim| needs.claims.key(claim));
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> bool {
        let booking = self.session.booking;
        if world.meetings.get(&booking).is_none_or(|meeting| meeting.fence != self.fence) {
            return false;
        }
        world.meetings.update(&booking, |meeting| {
            meeting.lease_until = None;
            meeting.updated_at = cx.now;
            self.note(meeting);
        });
        match &self.ran {
            Ran::Made { room, .. } => show(cx, world, booking, Some(room)),
            Ran::Gone | Ran::Dropped => show(cx, world, booking, None),
            Ran::Moved | Ran::NotMade { .. } | Ran::Swept | Ran::Undone => {}
        }
        self.look_again(world);
        if let Some((space, name)) = self.claim()
            && world.claims.get(&(space, name.clone())).is_none()
        {
            world.claims.insert(Claim { space, name, target: booking.raw(), created_at: cx.now });
        }
        true
    }
}

impl RecordMeeting {
    /// A call that nobody has heard of may still arrive, after what is there was looked at.
    fn look_again(&self, world: &mut World) {
        let booking = self.session.booking;
        let sweep_at = world.meetings.get(&booking).and_then(|meeting| meeting.sweep_at);
        if let (Some(at), Ran::Made { .. } | Ran::Dropped) = (sweep_at, &self.ran) {
            look(world, booking, &format!("sweep:{}", self.fence), at);
        }
    }

    fn note(&self, meeting: &mut Meeting) {
        let told = (Some(self.session.starts_at), Some(self.session.ends_at));
        match &self.ran {
            Ran::Made { reference, unsure, .. } => {
                meeting.reference = Some(reference.clone());
                (meeting.starts_at, meeting.ends_at) = told;
                settle(meeting, *unsure);
            }
            Ran::Moved => (meeting.starts_at, meeting.ends_at) = told,
            Ran::Gone | Ran::Dropped => {
                meeting.reference = None;
                (meeting.starts_at, meeting.ends_at) = (None, None);
                meeting.unsure &= self.ran == Ran::Gone;
            }
            Ran::NotMade { unsure } => settle(meeting, *unsure),
            Ran::Swept => settle(meeting, false),
            Ran::Undone => {}
        }
    }
}

/// Without doubt there is nothing to sweep.
fn settle(meeting: &mut Meeting, unsure: bool) {
    meeting.unsure = unsure;
    meeting.sweep_at = meeting.sweep_at.filter(|_| unsure);
}

fn show(cx: &Context<'_>, world: &mut World, booking: BookingId, room: Option<&String>) {
    world.bookings.update(&booking, |booking| {
        booking.room = room.cloned();
        booking.updated_at = cx.now;
    });
}

/// What a provider tells of a meeting without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    Started,
    Ended,
    /// Deleted at the provider, by us or by somebody else.
    Deleted,
}

/// An authentic word of the provider's about a meeting of ours.
#[derive(Clone, Debug)]
pub struct NoteMeeting {
    pub booking: BookingId,
    pub reference: String,
    pub happening: Happening,
    /// By the provider's clock.
    pub at: Timestamp,
}

impl Fact for NoteMeeting {
    /// False: told before, or of a meeting that is not the booking's any more.
    type Receipt = bool;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.booking.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.meetings.key(self.booking);
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> bool {
        let ours = |meeting: &&Meeting| meeting.reference.as_ref() == Some(&self.reference);
        let Some(before) = world.meetings.get(&self.booking).filter(ours).cloned() else { return false };
        let mut after = before.clone();
        match self.happening {
            // A session may be left and entered again: its first start and its last end count.
            Happening::Started => after.started_at = after.started_at.min(Some(self.at)).or(Some(self.at)),
            Happening::Ended => after.ended_at = after.ended_at.max(Some(self.at)),
            // Whoever looks next tells the time again, and finds out.
            Happening::Deleted => (after.starts_at, after.ends_at) = (None, None),
        }
        if after == before {
            return false;
        }
        after.updated_at = cx.now;
        world.meetings.update(&self.booking, |meeting| *meeting = after);
        let kind = match self.happening {
            Happening::Started => "meeting.started",
            Happening::Ended => "meeting.ended",
            Happening::Deleted => {
                look(world, self.booking, &format!("deleted:{}", before.fence), cx.now);
                "meeting.deleted"
            }
        };
        let (id, body) = (self.booking, format!(r#"{{"booking_id":{}}}"#, self.booking));
        world.tell(id.lane(), kind, id.raw(), cx.now, body);
        true
    }
}
