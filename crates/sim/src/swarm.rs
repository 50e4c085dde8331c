//! What goes wrong in one run. Each seed switches each kind of trouble on or off and sets how often:
//! runs in which everything fails all the time find less than runs that differ.

use domain::time::Span;

use crate::chance::Chance;

/// A node that is stopped longer than this counts as dead, and its requests with it. Together with
/// [`TRAVEL_MAX`] below the drain of one hour, on which the protocol relies.
pub const PAUSE_MAX: Span = Span::minutes(20);
/// How long a request can be on its way to the gateway.
pub const TRAVEL_MAX: Span = Span::minutes(35);

/// The troubles of one run; `*_permille` of the calls, deliveries or steps concerned.
#[derive(Clone, Debug)]
pub struct Swarm {
    /// The gateway creates and confirms in one call, or in two.
    pub one_call: bool,
    pub not_sent_permille: u32,
    pub lost_permille: u32,
    /// No answer; the request arrives later.
    pub travels_permille: u32,
    /// Done, but the answer is lost.
    pub unanswered_permille: u32,
    pub error_permille: u32,
    pub rate_limited_permille: u32,
    /// The network delivers the request a second time, later.
    pub twice_permille: u32,
    /// Of the lost answers, how many are waited for until the time limit.
    pub patience_permille: u32,
    pub webhook_lost_permille: u32,
    pub webhook_twice_permille: u32,
    /// Held back for hours: what it says is out of date when it comes, and others overtake it.
    pub webhook_held_permille: u32,
    /// Told again hours later as another event with the same words.
    pub webhook_again_permille: u32,
    /// Followed by one, well signed, whose words are not true.
    pub webhook_lies_permille: u32,
    /// Weight of stopping one request, and of stopping the whole node.
    pub crash_weight: u32,
    pub crash_all_weight: u32,
    /// Weight of hours passing, and of days.
    pub hours_weight: u32,
    pub days_weight: u32,
    /// Weight of jumps to just before or after an instant at which the protocol changes its mind.
    pub edges_weight: u32,
    /// How much recovery and other background work there is.
    pub recovery_weight: u32,
    pub chores_weight: u32,
    pub webhooks_weight: u32,
    /// How much people like each way of paying, and of thinking better of it.
    pub pay_weight: u32,
    pub intent_weight: u32,
    pub cancel_weight: u32,
    /// How much they move lessons, ask for money back, and how much the administrator decides.
    pub move_weight: u32,
    pub refund_weight: u32,
    pub decide_weight: u32,
    /// Weight of jumps to about the end of a lesson.
    pub lessons_weight: u32,
    pub students: usize,
    pub teachers: usize,
    /// Bookings that a run makes; few, so that requests meet.
    pub bookings_max: usize,
}

impl Swarm {
    pub fn of(chance: &mut Chance) -> Swarm {
        let mut trouble = |most: i64| {
            let on = chance.permille(500);
            let level = chance.between(most / 10, most);
            if on { u32::try_from(level).expect("small and positive") } else { 0 }
        };
        let mut swarm = Swarm {
            not_sent_permille: trouble(150),
            lost_permille: trouble(400),
            travels_permille: trouble(600),
            unanswered_permille: trouble(300),
            error_permille: trouble(200),
            rate_limited_permille: trouble(200),
            twice_permille: trouble(300),
            patience_permille: trouble(1_000),
            webhook_lost_permille: trouble(300),
            webhook_twice_permille: trouble(500),
            webhook_held_permille: trouble(300),
            webhook_again_permille: trouble(300),
            webhook_lies_permille: trouble(200),
            crash_weight: trouble(40),
            crash_all_weight: trouble(10),
            hours_weight: trouble(30),
            days_weight: trouble(10),
            edges_weight: trouble(60),
            recovery_weight: 10 + trouble(60),
            chores_weight: 8,
            webhooks_weight: 15,
            pay_weight: 10 + trouble(40),
            intent_weight: 5 + trouble(60),
            cancel_weight: 2 + trouble(12),
            move_weight: trouble(30),
            refund_weight: trouble(30),
            decide_weight: 10,
            lessons_weight: trouble(30),
            one_call: chance.permille(700),
            students: chance.below(3) + 1,
            teachers: chance.below(2) + 1,
            bookings_max: chance.below(6) + 1,
        };
        if chance.permille(350) {
            // A lazy node: what is left undone stays so for hours.
            (swarm.recovery_weight, swarm.chores_weight, swarm.webhooks_weight) = (12, 0, 1);
            swarm.edges_weight = swarm.edges_weight.max(30);
        }
        if chance.permille(300) {
            // A shop whose clients confirm by themselves.
            (swarm.intent_weight, swarm.pay_weight) = (120, 4);
            // Open intents do not live long.
            (swarm.hours_weight, swarm.days_weight, swarm.edges_weight) = (0, 0, 0);
            swarm.lessons_weight = 0;
        }
        swarm
    }

    /// No trouble at all: how every run ends.
    pub fn calm(&self) -> Swarm {
        Swarm {
            not_sent_permille: 0,
            lost_permille: 0,
            travels_permille: 0,
            unanswered_permille: 0,
            error_permille: 0,
            rate_limited_permille: 0,
            twice_permille: 0,
            webhook_lost_permille: 0,
            webhook_twice_permille: 0,
            webhook_held_permille: 0,
            webhook_again_permille: 0,
            webhook_lies_permille: 0,
            ..self.clone()
        }
    }
}
