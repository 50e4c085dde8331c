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
