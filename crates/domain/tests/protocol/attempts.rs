//! The same protocol where one operation meets several attempts: the payer's first card is declined,
//! the second succeeds, and the webhook of the first may arrive last. One crash instead of two keeps
//! the search small.

use super::model::{Attempts, Rule, Setting, Violation};
use super::search::search;
use super::{finds, finds_nothing};

const SEVERAL: Setting = Setting::new(Attempts::Several);

#[test]
fn with_all_rules_a_late_failure_of_an_earlier_attempt_is_harmless() {
    finds_nothing(&search(SEVERAL), 932_255);
}

#[test]
fn believing_the_event_instead_of_fetching_the_object_loses_the_charge() {
    finds(
        &search(SEVERAL.without(Rule::Fetch)),
        Violation::ChargeLost,
        "submit 0 > claim 0 > send 0 > time out 0 > execute 0 done, answer lost > \
         webhook 0 declined > webhook 0 done > webhook again",
    );
}

#[test]
fn without_compare_and_set_two_events_of_one_charge_both_post() {
    finds(
        &search(SEVERAL.without(Rule::CompareAndSet)),
        Violation::PostedTwice,
        "submit 0 > claim 0 > send 0 > execute 0 done, answer lost > webhook 0 done > \
         webhook 0 declined",
    );
}

#[test]
fn monotone_states_are_redundant_while_objects_are_fetched() {
    finds_nothing(&search(SEVERAL.without(Rule::Monotone)), 932_255);
}

#[test]
fn without_fetch_and_monotone_states_a_success_is_overwritten() {
    finds(
        &search(SEVERAL.without(Rule::Fetch).without(Rule::Monotone)),
        Violation::PostedButNotDone,
        "submit 0 > claim 0 > send 0 > execute 0 done, answer lost > webhook 0 done > \
         webhook 0 declined",
    );
}
