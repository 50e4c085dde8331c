//! Meetings at a provider that has to be called: who is sent there, when, and to do what.

use domain::bookings::{Actor, Confirm, Form, Reschedule};
use domain::gateway::{ChargeState, DRAIN};
use domain::id::BookingId;
use domain::meetings::{ClaimMeeting, Errand, Happening, LEASE, NoteMeeting, Ran, RecordMeeting, Session};
use domain::policy::{MeetingMoment, Policies};
use domain::schedule::Slot;
use domain::time::{Span, Timestamp};

use crate::support::*;

const PROVIDER: &str = "elsewhere";

impl Shop {
    fn meeting_when(moment: MeetingMoment) -> Shop {
        Shop::with(Policies { meeting: Some(moment), ..Policies::default() })
    }

    /// How many looks at meetings have been queued.
    fn looks(&self) -> usize {
        self.kept.jobs.values().filter(|job| job.kind == "meeting").count()
    }

    fn errand(&mut self, booking: BookingId) -> Errand {
        self.record(&ClaimMeeting { booking, provider: PROVIDER })
    }

    fn ran(&mut self, session: &Session, fence: i64, ran: Ran) -> bool {
        self.record(&RecordMeeting { session: session.clone(), fence, ran, provider: PROVIDER })
    }

    /// Sent to make one, and it did.
    fn met(&mut self, booking: BookingId) {
        let Errand::Make { fence, session, unsure } = self.errand(booking) else {
            panic!("there should be one");
        };
        assert!(self.ran(&session, fence, made("m1", unsure)));
    }

    fn note(&mut self, booking: BookingId, happening: Happening, at: Timestamp) -> bool {
        self.record(&NoteMeeting { booking, reference: "m1".into(), happening, at })
    }

    fn shifted(&mut self, booking: BookingId, by: Span) -> Slot {
        let old = self.booking(booking).slot().unwrap();
        let slot = Slot { starts_at: old.starts_at + by, ends_at: old.ends_at + by };
        let seen = self.booking(booking).version;
        let actor = Actor::Party(STUDENT);
        let form = Form::AtOnce;
        self.submit(&Reschedule { booking, payer: STUDENT, actor, seen, slot, reason: None, form }).unwrap();
        slot
    }
}

fn made(reference: &str, unsure: bool) -> Ran {
    Ran::Made { reference: reference.into(), room: "sealed".into(), unsure }
}

#[test]
fn br_65_the_moment_is_the_marketplaces() {
    for (moment, expected) in [
        (MeetingMoment::Booked, [1, 2, 3]),
        (MeetingMoment::Confirmed, [0, 1, 2]),
        (MeetingMoment::Paid, [0, 0, 1]),
    ] {
        let mut shop = Shop::meeting_when(moment);
        let id = shop.create(60).id;
        assert_eq!(shop.looks(), expected[0], "{moment:?} booked");
        let made_early = matches!(shop.errand(id), Errand::Make { .. });
        assert_eq!(made_early, moment == MeetingMoment::Booked);
        let yes = Confirm { booking: id, payer: STUDENT, actor: Actor::Party(TEACHER), slot: None };
        shop.submit(&yes).unwrap();
        assert_eq!(shop.looks(), expected[1], "{moment:?} confirmed");
        let ticket = shop.begin(&pay(id));
        shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
        assert_eq!(shop.looks(), expected[2], "{moment:?} paid");
    }
    let mut shop = Shop::default();
    let (id, _) = shop.paid();
    shop.cancel_all(id);
    assert_eq!(shop.looks(), 0, "rooms of our own cost no job");
    assert_eq!(shop.errand(id), Errand::Nothing);
}

#[test]
fn a_purchase_gets_its_meeting_when_its_teacher_names_the_time() {
    let mut shop = Shop::meeting_when(MeetingMoment::Paid);
    let ticket = shop.begin_purchase();
    shop.hear(&ticket, done(&ticket, ChargeState::Succeeded));
    let id = shop.payment(shop.op(ticket.op).payment).booking.unwrap();
    assert_eq!((shop.looks(), shop.errand(id)), (0, Errand::Nothing));
    let slot = Some(shop.slot(60));
    shop.submit(&Confirm { booking: id, payer: STUDENT, actor: Actor::Party(TEACHER), slot }).unwrap();
    assert_eq!(shop.looks(), 1);
    shop.met(id);
    assert_eq!(shop.booking(id).room.as_deref(), Some("sealed"));
}

#[test]
fn one_holder_at_a_time_and_what_is_there_is_not_made_again() {
    let mut shop = Shop::meeting_when(MeetingMoment::Paid);
    let (id, _) = shop.paid();
    let Errand::Make { fence, session, unsure: false } = shop.errand(id) else { panic!("the first look") };
    let held = Errand::Held(shop.now + LEASE);
    assert_eq!(shop.errand(id), held, "a second look of another node");
    assert!(shop.ran(&session, fence, made("m1", false)));
    assert_eq!(shop.errand(id), Errand::Nothing);
    assert!(!shop.kept.meetings[&id].unsure);
    assert!(!shop.ran(&session, fence - 1, Ran::Gone), "an older holder tells nothing");
    let version = shop.booking(id).version;
    assert_eq!(version, 2, "a link is no change that a party decided on");
}

/// A crash, or a time-out: the next one looks first, and what was doubtful stays so until it is dropped.
#[test]
fn a_call_whose_outcome_nobody_knows_is_looked_up() {
    let mut shop = Shop::meeting_when(MeetingMoment::Paid);
    let (id, _) = shop.paid();
    assert!(matches!(shop.errand(id), Errand::Make { unsure: false, .. }));
    shop.wait(LEASE);
    let Errand::Make { fence, session, unsure: true } = shop.errand(id) else { panic!("it must look first") };
    assert!(shop.ran(&session, fence, Ran::Undone));
    let Errand::Make { fence, unsure: true, .. } = shop.errand(id) else { panic!("nor is it sure now") };
    assert!(shop.ran(&session, fence, Ran::NotMade { unsure: true }));
    let Errand::Make { fence, unsure: true, .. } = shop.errand(id) else { panic!("only that call was sure") };
    assert!(shop.ran(&session, fence, made("m2", true)));
    shop.cancel_all(id);
    let Errand::Drop { fence, reference, unsure: true, .. } = shop.errand(id) else {
        panic!("others may be there");
    };
    assert_eq!(reference.as_deref(), Some("m2"));
    assert!(shop.ran(&session, fence, Ran::Dropped));
    assert_eq!(shop.errand(id), Errand::Nothing);
    // What was on its way then has arrived by now, if it ever does.
    shop.wait(DRAIN);
    shop.wait(LEASE);
    let Errand::Sweep { fence, reference: None, .. } = shop.errand(id) else { panic!("a last look") };
    assert!(shop.ran(&session, fence, Ran::Swept));
    assert_eq!(shop.errand(id), Errand::Nothing);
}

#[test]
fn after_a_doubtful_call_there_is_one_last_look() {
    let mut shop = Shop::meeting_when(MeetingMoment::Paid);
    let (id, _) = shop.paid();
    assert!(matches!(shop.errand(id), Errand::Make { unsure: false, .. }));
    shop.wait(LEASE);
    let Errand::Make { fence, session, unsure } = shop.errand(id) else { panic!("it must look first") };
    let looks = shop.looks();
    assert!(shop.ran(&session, fence, made("m1", unsure)));
    assert_eq!(shop.looks(), looks + 1);
    shop.wait(DRAIN);
    assert_eq!(shop.errand(id), Errand::Nothing, "its call may have left at the end of the lease");
    shop.wait(LEASE);
    let Errand::Sweep { fence, reference, .. } = shop.errand(id) else { panic!("a last look") };
    assert_eq!(reference.as_deref(), Some("m1"));
    assert!(shop.ran(&session, fence, Ran::Swept));
    assert_eq!(shop.errand(id), Errand::Nothing);
    assert!(!shop.kept.meetings[&id].unsure);
}

#[test]
fn a_certain_no_leaves_no_doubt() {
    let mut shop = Shop::meeting_when(MeetingMoment::Paid);
    let (id, _) = shop.paid();
    let Errand::Make { fence, session, unsure } = shop.errand(id) else { panic!("the first look") };
    assert!(shop.ran(&session, fence, Ran::NotMade { unsure }));
    shop.cancel_all(id);
    assert_eq!(shop.errand(id), Errand::Nothing, "there is nothing to drop");
}

#[test]
fn br_65_it_moves_with_its_booking_and_goes_with_it() {
    let mut shop = Shop::meeting_when(MeetingMoment::Paid);
    let (id, _) = shop.paid();
    shop.met(id);
    let slot = shop.shifted(id, Span::hours(3));
    assert_eq!(shop.looks(), 2);
    let Errand::Move { fence, session, reference } = shop.errand(id) else { panic!("it must be told") };
    assert_eq!((session.starts_at, session.ends_at), (slot.starts_at, slot.ends_at));
    assert_eq!(reference, "m1");
    // While it is told the booking moves again: the next look tells it again.
    shop.shifted(id, Span::hours(1));
    assert!(shop.ran(&session, fence, Ran::Moved));
    let Errand::Move { fence, session, .. } = shop.errand(id) else { panic!("it must be told again") };
    // Somebody has deleted it there: another one is made.
    assert!(shop.ran(&session, fence, Ran::Gone));
    assert_eq!(shop.booking(id).room, None);
    shop.met(id);
    shop.cancel_all(id);
    assert_eq!(shop.looks(), 4);
    let Errand::Drop { fence, session, reference, unsure: false } = shop.errand(id) else {
        panic!("it must go");
    };
    assert_eq!(reference.as_deref(), Some("m1"));
    assert!(shop.ran(&session, fence, Ran::Dropped));
    assert_eq!((shop.booking(id).room.clone(), shop.errand(id)), (None, Errand::Nothing));
}

#[test]
fn nothing_is_made_for_a_session_that_is_over() {
    let mut shop = Shop::meeting_when(MeetingMoment::Paid);
    let (id, _) = shop.paid();
    shop.wait(Span::days(3));
    assert_eq!(shop.errand(id), Errand::Nothing);
}

#[test]
fn what_the_provider_tells_is_noted_once() {
    let mut shop = Shop::meeting_when(MeetingMoment::Paid);
    let (id, _) = shop.paid();
    shop.met(id);
    let at = shop.now + Span::DAY;
    assert!(shop.note(id, Happening::Started, at));
    assert!(!shop.note(id, Happening::Started, at), "a duplicate");
    assert!(!shop.note(id, Happening::Started, at + Span::MINUTE), "entered again");
    assert!(shop.note(id, Happening::Ended, at + Span::HOUR));
    assert!(!shop.note(id, Happening::Ended, at + Span::MINUTE), "an earlier end that came late");
    let meeting = &shop.kept.meetings[&id];
    assert_eq!((meeting.started_at, meeting.ended_at), (Some(at), Some(at + Span::HOUR)));
    let told = |kind: &str| shop.kept.events.iter().filter(|event| event.kind == kind).count();
    assert_eq!((told("meeting.started"), told("meeting.ended")), (1, 1));
    let stranger =
        NoteMeeting { booking: id, reference: "m9".into(), happening: Happening::Deleted, at: shop.now };
    assert!(!shop.record(&stranger), "of a meeting that is not this booking's");
}

#[test]
fn one_deleted_at_the_provider_is_looked_after() {
    let mut shop = Shop::meeting_when(MeetingMoment::Paid);
    let (id, _) = shop.paid();
    shop.met(id);
    assert!(shop.note(id, Happening::Deleted, shop.now));
    assert!(!shop.note(id, Happening::Deleted, shop.now), "a duplicate");
    assert_eq!(shop.looks(), 2);
    assert!(matches!(shop.errand(id), Errand::Move { .. }), "telling the time finds out");
}
