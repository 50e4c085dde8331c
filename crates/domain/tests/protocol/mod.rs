//! The protocol for unknown outcomes, checked state by state.
//!
//! A breadth-first search through *every* order of events that one booking can meet: two requests of
//! an impatient client, two workers that crash, requests that time out, arrive late or lose their
//! answer, webhooks that come twice and out of order, an idempotency key that the gateway forgets.
//! With all rules no order charges twice, loses money or gets stuck; without one of them the search
//! prints the shortest order that does. The rules are those of `docs/reliability.md`; what is not here
//! is the code itself: the simulator runs that against the same rules.

mod attempts;
mod bag;
mod model;
mod search;
mod step;

use model::{Attempts, Rule, Setting, Violation};
use search::{Verdict, search};

fn without(rule: Rule) -> Verdict {
    search(Setting::new(Attempts::One).without(rule))
}

/// The states visited are recorded too: a model that shrinks proves less than it says.
#[track_caller]
fn finds(verdict: &Verdict, violation: Violation, shortest: &str) {
    verdict.print();
    assert_eq!(verdict.violation, Some(violation));
    assert_eq!(verdict.trace(), shortest);
}

#[track_caller]
fn finds_nothing(verdict: &Verdict, states: usize) {
    verdict.print();
    assert_eq!(verdict.violation, None, "{}", verdict.trace());
    assert_eq!(verdict.states, states);
}

#[test]
fn with_all_rules_no_order_of_events_loses_money() {
    finds_nothing(&search(Setting::new(Attempts::One)), 1_028_788);
}

#[test]
fn calling_before_the_intent_is_committed_charges_twice() {
    finds(
        &without(Rule::IntentFirst),
        Violation::ChargedTwice,
        "submit 0 and call > send 0 > time out 0 > submit 1 and call > send 1 > \
         execute 0 done, answer lost > execute 1 done, answer lost",
    );
}

#[test]
fn a_new_key_for_each_try_charges_twice() {
    finds(
        &without(Rule::SameKey),
        Violation::ChargedTwice,
        "submit 0 > claim 0 > send 0 > claim 0 > send 0 > execute 0 done, answer lost > \
         execute 0 done, answer lost",
    );
}

#[test]
fn two_live_operations_for_one_booking_charge_twice() {
    finds(
        &without(Rule::OneLiveOperation),
        Violation::ChargedTwice,
        "submit 0 > submit 1 > claim 0 > send 0 > claim 1 > send 1 > \
         execute 0 done, answer lost > execute 1 done, answer lost",
    );
}

#[test]
fn a_timeout_taken_for_a_failure_loses_the_charge() {
    finds(
        &without(Rule::TimeoutIsUnknown),
        Violation::ChargeLost,
        "submit 0 > claim 0 > send 0 > time out 0 > execute 0 done, answer lost > \
         webhook 0 done > webhook again",
    );
}

#[test]
fn without_compare_and_set_answer_and_webhook_both_post() {
    finds(
        &without(Rule::CompareAndSet),
        Violation::PostedTwice,
        "submit 0 > claim 0 > send 0 > execute 0 done, answered > record 0 > webhook 0 done",
    );
}

#[test]
fn repeating_a_request_after_its_key_expired_charges_twice() {
    finds(
        &without(Rule::KeyWindow),
        Violation::ChargedTwice,
        "submit 0 > claim 0 > send 0 > execute 0 done, answered > key of 0 expires > claim 0 > \
         send 0 > execute 0 done, answer lost",
    );
}

#[test]
fn believing_an_early_look_up_loses_the_charge() {
    finds(
        &without(Rule::NoEarlyLookUp),
        Violation::ChargeLost,
        "submit 0 > claim 0 > send 0 > time out 0 > look up 0 early > \
         execute 0 done, answer lost > webhook 0 done > webhook again",
    );
}

#[test]
fn a_request_still_travelling_when_its_key_expires_charges_twice() {
    finds(
        &without(Rule::Drain),
        Violation::ChargedTwice,
        "submit 0 > claim 0 > send 0 > time out 0 > claim 0 > send 0 > execute 0 done, answered > \
         key of 0 expires > execute 0 done, answer lost",
    );
}

/// Depth and speed, not the guarantee: compare-and-set, recovery and the key already give it. The
/// same number of states means that removing the rule opened no new order at all.
#[test]
fn monotone_states_the_inbox_and_parking_are_redundant() {
    for rule in [Rule::Monotone, Rule::Inbox, Rule::Park] {
        finds_nothing(&without(rule), 1_028_788);
    }
}
