use std::collections::BTreeMap;

use super::*;
use crate::command::{Fact, Lanes};
use crate::context::{Context, Plants};
use crate::id::{JobId, Lane};
use crate::policy::Policies;
use crate::records::{JobState, LaneRow};
use crate::time::{Span, Timestamp};
use crate::world::{Needs, World};

const START: Timestamp = Timestamp(1_000_000_000);

struct Room {
    world: World,
    policies: Policies,
}

impl Room {
    fn new() -> Room {
        Room { world: World::default(), policies: Policies::default() }
    }

    /// Records as the writer would: lanes and rows that exist nowhere else are empty.
    fn record<F: Fact>(&mut self, fact: &F, now: Timestamp) -> F::Receipt {
        let mut lanes = Lanes::new();
        fact.lanes(&mut lanes);
        for lane in lanes {
            self.world.lanes.admit(lane, Some(LaneRow { lane, next: 1 }));
        }
        let mut needs = Needs::default();
        fact.needs(&self.world, &mut needs);
        needs.settings.keys.into_iter().for_each(|key| self.world.settings.admit(key, None));
        let cx = Context { now, policies: &self.policies, plants: Plants::default(), origin: None };
        fact.record(&cx, &mut self.world)
    }

    fn queue(&mut self) -> JobId {
        let lane = Lane(7);
        self.world.lanes.admit(lane, Some(LaneRow { lane, next: 1 }));
        self.world.queue(lane, "mail", "k".into(), "{}".into(), START);
        self.world.jobs.present().last().expect("just queued").id
    }

    fn take(&mut self, id: JobId, now: Timestamp) -> Option<i64> {
        self.record(&TakeJobs { jobs: vec![id] }, now).pop().map(|job| job.attempts)
    }

    fn settle(&mut self, id: JobId, attempt: i64, end: JobEnd, now: Timestamp) -> JobState {
        self.record(&SettleJobs { jobs: BTreeMap::from([(id, (attempt, end))]) }, now);
        self.world.jobs.get(&id).expect("queued").state
    }
}

#[test]
fn a_taken_job_is_its_holders_until_the_lease_runs_out() {
    let mut room = Room::new();
    let id = room.queue();
    assert_eq!(room.take(id, START), Some(1));
    assert_eq!(room.take(id, START), None);
    let later = START + Span::minutes(5);
    assert_eq!(room.take(id, later), Some(2));
    let late = room.settle(id, 1, JobEnd::Done, later);
    assert_eq!(late, JobState::Queued, "an older holder settles nothing");
    assert_eq!(room.settle(id, 2, JobEnd::Done, later), JobState::Done);
    assert_eq!(room.take(id, later + Span::DAY), None);
}

#[test]
fn a_job_is_tried_by_the_schedule_and_then_given_up_with_an_alert() {
    let mut room = Room::new();
    let id = room.queue();
    let (mut now, mut tries) = (START, 0);
    loop {
        let attempt = room.take(id, now).expect("due");
        tries += 1;
        if room.settle(id, attempt, JobEnd::Retry("no".into()), now) == JobState::Dead {
            break;
        }
        let next = room.world.jobs.get(&id).expect("there").run_at;
        assert!(next > now);
        assert_eq!(room.take(id, Timestamp(next.0 - 1)), None, "not before its time");
        now = next;
    }
    assert_eq!(tries, 10);
    assert_eq!(room.world.journal.alerts.rows().len(), 1);
}

#[test]
fn who_wants_to_be_left_alone_is_not_asked_before_and_a_short_wish_shortens_nothing() {
    let mut room = Room::new();
    let id = room.queue();
    for pause in [Span::HOUR, Span::SECOND] {
        let due = room.world.jobs.get(&id).expect("there").run_at;
        let attempt = room.take(id, due).expect("due");
        room.settle(id, attempt, JobEnd::RetryAfter { error: "busy".into(), pause }, due);
        let wait = room.world.jobs.get(&id).expect("there").run_at - due;
        assert_eq!(wait, pause.max(if attempt == 1 { Span::seconds(5) } else { Span::seconds(30) }));
    }
}

#[test]
fn what_cannot_be_helped_is_dead_at_once() {
    let mut room = Room::new();
    let id = room.queue();
    let attempt = room.take(id, START).expect("due");
    assert_eq!(room.settle(id, attempt, JobEnd::Hopeless("no".into()), START), JobState::Dead);
}

#[test]
fn a_turn_is_taken_once() {
    let mut room = Room::new();
    let turn = TakeTurn { name: "reconcile".into(), every: Span::minutes(10) };
    assert!(room.record(&turn, START));
    assert!(!room.record(&turn, START + Span::minutes(9)));
    assert!(room.record(&turn, START + Span::minutes(10)));
}

#[test]
fn the_clock_only_goes_forward() {
    let mut room = Room::new();
    assert_eq!(room.record(&AdvanceClock { by: Span::HOUR }, START), Span::HOUR);
    assert_eq!(room.record(&AdvanceClock { by: Span(-5) }, START), Span::HOUR);
    assert_eq!(room.record(&AdvanceClock { by: Span::MINUTE }, START), Span::minutes(61));
}

#[test]
fn a_difference_is_told_once() {
    let mut room = Room::new();
    let mut note = NoteDifference { gateway: "g".into(), reference: "r".into(), problem: "p".into() };
    assert!(room.record(&note, START));
    assert!(!room.record(&note, START));
    note.problem = "q".into();
    assert!(room.record(&note, START));
}
