//! A harness that has never found a planted bug proves nothing. Here only that it finds one at all,
//! with the database's nets behind the rule and without; `cargo xtask sim --rules` removes every rule
//! and is a step of its own in CI.

use sim::power::Trial;

fn is_missed(trial: Trial) {
    let missed = trial.run(200, 1).expect("it opens");
    assert!(missed.median().is_some(), "nobody missed {trial:?}");
}

#[test]
fn a_new_key_for_every_try_is_noticed() {
    is_missed(Trial { rule: "same-key", nets_dropped: false });
}

#[test]
fn a_result_applied_twice_is_noticed_without_the_nets() {
    is_missed(Trial { rule: "compare-and-set", nets_dropped: true });
}

#[test]
fn a_believed_webhook_is_noticed() {
    is_missed(Trial { rule: "refetch", nets_dropped: false });
}

#[test]
fn i_17_parts_that_are_each_rounded_by_themselves_are_noticed() {
    is_missed(Trial { rule: "split", nets_dropped: false });
}

#[test]
fn h_9_a_cancelled_lesson_that_keeps_its_money_is_noticed() {
    is_missed(Trial { rule: "give-back", nets_dropped: false });
}

#[test]
fn i_20_two_lessons_at_one_time_are_noticed() {
    is_missed(Trial { rule: "overlap", nets_dropped: false });
}

#[test]
fn i_11_a_paid_lesson_that_grows_longer_is_noticed() {
    is_missed(Trial { rule: "length-fixed", nets_dropped: false });
}

#[test]
fn br_8_a_lesson_completed_before_its_end_is_noticed() {
    is_missed(Trial { rule: "ended", nets_dropped: false });
}

#[test]
fn i_27_a_letter_for_every_webhook_is_noticed() {
    is_missed(Trial { rule: "letter-once", nets_dropped: false });
}
