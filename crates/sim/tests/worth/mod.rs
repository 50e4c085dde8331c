//! That a run is worth something: nothing is found where nothing is wrong, and much happens. The
//! seeds that failed once and hundreds of others are run by `cargo xtask sim`.

use sim::run;

use super::repeatable::intact;

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    for seed in 1_000..1_010 {
        let outcome = run(intact(seed)).unwrap();
        assert_eq!(outcome.violation, None, "cargo xtask sim --seed {seed}");
    }
}

/// A simulation in which nobody pays proves nothing.
#[test]
fn money_moves() {
    let charges: usize = (0..10).map(|seed| run(intact(seed)).unwrap().charges).sum();
    assert!(charges >= 10, "{charges} charges in ten runs");
}

/// Days pass in some runs, so access tokens end, and refresh tokens too.
#[test]
fn people_refresh_their_tokens_and_log_in_again() {
    let outcomes: Vec<_> = (0..10).map(|seed| run(intact(seed)).unwrap()).collect();
    let refreshes: usize = outcomes.iter().map(|outcome| outcome.sign_ins.refreshes).sum();
    let logins: usize = outcomes.iter().map(|outcome| outcome.sign_ins.logins).sum();
    assert!(refreshes >= 10, "{refreshes} refreshes in ten runs");
    assert!(logins >= 10, "{logins} logins in ten runs");
}
