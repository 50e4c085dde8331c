use super::*;
use crate::id::{Id, SessionId};
use crate::records::{Purpose, Session, SlipPurpose};
use crate::testing::Bench;
use crate::time::{Span, Timestamp};

const START: Timestamp = Timestamp(1_800_000_000_000_000);

fn mailed(hash: &str) -> Mailed {
    Mailed { hash: hash.into(), sealed: "sealed".into(), redirect_to: None }
}

fn register(email: &str, uuid: &str, role: Role) -> Register {
    Register {
        uuid: uuid.into(),
        email: email.into(),
        password: "phc".into(),
        role,
        profile: ProfilePatch { full_name: Some("Ada L".into()), ..ProfilePatch::default() },
        token: mailed("verify"),
        real_now: START,
    }
}

fn ada(bench: &mut Bench) -> PersonId {
    let made = bench.run(&register("Ada@Example.org", "u-1", Role::Student)).expect("free");
    made.person.id
}

fn log_in(bench: &mut Bench, person: PersonId) -> Session {
    let start = StartSession {
        person,
        seen: bench.world.people.get(&person).expect("there").password.clone(),
        rehashed: None,
        token: "h0".into(),
        account: "account".into(),
        address: None,
        real_now: START,
    };
    bench.run(&start).expect("right").session
}

/// The hashes that follow from the token of a generation.
fn chain(from: usize) -> Vec<String> {
    (from..from + 20).map(|generation| format!("h{generation}")).collect()
}

/// Presents the token of a generation; the generation that is handed out, or how it ended.
fn present(
    bench: &mut Bench,
    session: SessionId,
    generation: usize,
    after: Span,
) -> Result<usize, Refreshed> {
    let refresh = RefreshSession { session, chain: chain(generation), real_now: START + after };
    match bench.run(&refresh).expect("never refused") {
        Refreshed::Renewed { place, .. } => Ok(generation + place),
        other => Err(other),
    }
}

#[test]
fn an_address_belongs_to_one_person_in_any_case() {
    let mut bench = Bench::new();
    let made = bench.run(&register(" Ada@Example.org ", "u-1", Role::Teacher)).expect("free");
    assert_eq!(made.person.email, "Ada@Example.org");
    assert!(made.teacher.is_some() && made.student.is_none());
    assert!(!made.person.verified && !made.person.admin);
    assert_eq!(made.person.id.lane(), Lane::of("u-1"));
    let taken = bench.run(&register("ADA@example.ORG", "u-2", Role::Student));
    assert_eq!(taken, Err(Refusal::EmailTaken));
}

#[test]
fn addresses_that_could_break_a_mail_are_refused() {
    for bad in
        ["", "a", "a@b", "@x.org", "a@x..org", "a b@x.org", "a@x.org\r\nBcc: b@x.org", "a@@x.org", "<a@x.org"]
    {
        assert!(check_email(bad).is_err(), "{bad:?}");
    }
    for fine in ["a@x.org", "a+b.c@sub.x.org", "ü@exämple.org", " a@x.org "] {
        assert!(check_email(fine).is_ok(), "{fine}");
    }
}

#[test]
fn registering_queues_a_mail_without_the_token() {
    let mut bench = Bench::new();
    let id = ada(&mut bench);
    let job = bench.world.jobs.present().next().expect("queued");
    assert_eq!(job.kind, "mail");
    let body: serde_json::Value = serde_json::from_str(&job.body).expect("JSON");
    assert_eq!(body["template"], "verify_email");
    assert_eq!(body["person"], id.raw());
    assert_eq!(body["sealed"], "sealed");
}

#[test]
fn a_verification_link_works_once_and_harmlessly_twice() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    let verify = |hash: &str, after| VerifyEmail { person, hash: hash.into(), real_now: START + after };
    assert_eq!(bench.run(&verify("forged", Span::ZERO)), Err(Refusal::InvalidToken));
    assert_eq!(bench.run(&verify("verify", Span::days(4))), Err(Refusal::InvalidToken));
    bench.run(&verify("verify", Span::HOUR)).expect("in time");
    bench.run(&verify("verify", Span::HOUR)).expect("clicked twice");
    assert!(bench.world.people.get(&person).expect("there").verified);
}

#[test]
fn only_the_newest_mail_counts() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    bench.run(&RequestVerification { person, token: mailed("second"), real_now: START }).expect("queued");
    let verify = |hash: &str| VerifyEmail { person, hash: hash.into(), real_now: START };
    assert_eq!(bench.run(&verify("verify")), Err(Refusal::InvalidToken));
    bench.run(&verify("second")).expect("the newest");
    let before = bench.world.jobs.present().count();
    bench.run(&RequestVerification { person, token: mailed("third"), real_now: START }).expect("no need");
    assert_eq!(bench.world.jobs.present().count(), before, "a verified address needs no mail");
}

#[test]
fn a_reset_ends_every_login_and_works_once() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    let session = log_in(&mut bench, person);
    bench.run(&RequestReset { person, token: mailed("reset"), real_now: START }).expect("queued");
    let reset = |after| ResetPassword {
        person,
        hash: "reset".into(),
        password: "new".into(),
        real_now: START + after,
    };
    assert_eq!(bench.run(&reset(Span::HOUR)), Err(Refusal::InvalidToken), "an hour is too late");
    bench.run(&reset(Span::MINUTE)).expect("in time");
    assert_eq!(bench.run(&reset(Span::MINUTE)), Err(Refusal::InvalidToken));
    assert_eq!(present(&mut bench, session.id, 0, Span::MINUTE), Err(Refreshed::Invalid));
    let stored = bench.world.one_time_tokens.get(&(person, Purpose::PasswordReset)).expect("there");
    assert!(stored.used_at.is_some());
}

#[test]
fn several_tabs_are_given_the_same_next_token_and_stay_logged_in() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    let session = log_in(&mut bench, person).id;
    let second = Span::SECOND;
    assert_eq!(present(&mut bench, session, 0, second), Ok(1));
    assert_eq!(present(&mut bench, session, 0, Span::seconds(2)), Ok(1), "the other tab");
    assert_eq!(present(&mut bench, session, 1, Span::seconds(3)), Ok(2));
    assert_eq!(present(&mut bench, session, 0, Span::seconds(4)), Ok(2), "a slow third tab");
    assert_eq!(present(&mut bench, session, 1, Span::seconds(62)), Ok(2), "within its own minute");
    assert_eq!(present(&mut bench, session, 2, Span::HOUR), Ok(3));
}

#[test]
fn an_old_token_that_comes_back_ends_the_family() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    let session = log_in(&mut bench, person).id;
    present(&mut bench, session, 0, Span::ZERO).expect("current");
    assert_eq!(present(&mut bench, session, 0, Span::seconds(60)), Err(Refreshed::Reused));
    assert_eq!(present(&mut bench, session, 1, Span::seconds(61)), Err(Refreshed::Invalid), "revoked");
    assert_eq!(bench.world.journal.audit.rows().last().expect("told").action, "session.token_reused");
}

#[test]
fn an_ancestor_beyond_the_remembered_rotations_is_old() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    let session = log_in(&mut bench, person).id;
    present(&mut bench, session, 0, Span::ZERO).expect("current");
    present(&mut bench, session, 1, Span::HOUR).expect("current");
    assert_eq!(present(&mut bench, session, 0, Span::HOUR), Err(Refreshed::Reused));
}

#[test]
fn a_token_that_proves_nothing_ends_nothing() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    let session = log_in(&mut bench, person).id;
    assert_eq!(present(&mut bench, session, 77, Span::ZERO), Err(Refreshed::Invalid));
    assert_eq!(present(&mut bench, SessionId(999 * 256), 0, Span::ZERO), Err(Refreshed::Invalid));
    bench.run(&Logout { session, chain: chain(77), real_now: START }).expect("quiet");
    assert_eq!(present(&mut bench, session, 0, Span::ZERO), Ok(1));
}

#[test]
fn sessions_end_by_age_by_idleness_and_by_logout() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    let idle = log_in(&mut bench, person).id;
    assert_eq!(present(&mut bench, idle, 0, Span::days(7)), Err(Refreshed::Invalid));
    let old = log_in(&mut bench, person).id;
    for (generation, day) in (6..30).step_by(6).enumerate() {
        present(&mut bench, old, generation, Span::days(day)).expect("in use");
    }
    assert_eq!(present(&mut bench, old, 4, Span::days(30)), Err(Refreshed::Invalid));
    let left = log_in(&mut bench, person).id;
    bench.run(&Logout { session: left, chain: chain(0), real_now: START }).expect("out");
    assert_eq!(present(&mut bench, left, 0, Span::ZERO), Err(Refreshed::Invalid));
}

#[test]
fn a_changed_password_keeps_this_login_and_ends_the_others() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    let own = log_in(&mut bench, person).id;
    let other = log_in(&mut bench, person).id;
    let change = |seen: &str| ChangePassword {
        person,
        session: Some(own),
        seen: Some(seen.into()),
        password: "new".into(),
    };
    assert_eq!(bench.run(&change("stale")), Err(Refusal::WrongPassword));
    bench.run(&change("phc")).expect("right");
    assert_eq!(present(&mut bench, other, 0, Span::ZERO), Err(Refreshed::Invalid));
    assert_eq!(present(&mut bench, own, 0, Span::ZERO), Ok(1));
}

#[test]
fn guesses_are_slowed_down_and_never_locked_out() {
    let mut bench = Bench::new();
    let guess = |after| TryLogin { account: "a".into(), address: Some("ip".into()), real_now: START + after };
    for _ in 0..10 {
        bench.run(&guess(Span::ZERO)).expect("people mistype");
    }
    bench.run(&guess(Span::ZERO)).expect("the first that costs");
    let wait = Span::SECOND;
    assert_eq!(bench.run(&guess(Span::ZERO)), Err(Refusal::TooManyAttempts { wait }));
    let mut at = Span::SECOND;
    let mut evaluated = 0;
    while at < Span::HOUR {
        match bench.run(&guess(at)) {
            Ok(()) => evaluated += 1,
            Err(Refusal::TooManyAttempts { wait }) => at = Span(at.0 + wait.0),
            Err(other) => panic!("{other}"),
        }
    }
    assert!((60..=70).contains(&evaluated), "{evaluated} guesses in an hour");
    bench.run(&guess(Span::hours(3))).expect("forgotten");
}

#[test]
fn a_right_password_is_forgiven() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    for _ in 0..40 {
        let guess = TryLogin { account: "account".into(), address: None, real_now: START };
        bench.run(&guess).expect("never slowed down");
        log_in(&mut bench, person);
    }
}

#[test]
fn a_login_loses_against_a_reset_that_came_between() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    let start = StartSession {
        person,
        seen: Some("another".into()),
        rehashed: None,
        token: "h0".into(),
        account: "account".into(),
        address: None,
        real_now: START,
    };
    assert_eq!(bench.run(&start), Err(Refusal::WrongCredentials));
}

#[test]
fn becoming_a_teacher_twice_changes_nothing() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    let become_teacher = AddRole { person, role: Role::Teacher };
    let (first, created) = bench.run(&become_teacher).expect("allowed");
    assert!(created && first.teacher.is_some() && first.student.is_some());
    let (second, created) = bench.run(&become_teacher).expect("allowed");
    assert!(!created);
    assert_eq!(first, second);
}

#[test]
fn a_profile_changes_within_its_limits() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    let patch =
        ProfilePatch { city: Some("Paris".into()), full_name: Some("Ada K".into()), ..Default::default() };
    let teacher = UpdateProfile { person, side: Side::Teacher, patch: patch.clone() };
    assert_eq!(bench.run(&teacher), Err(Refusal::TeacherRequired));
    let after = bench.run(&UpdateProfile { person, side: Side::Own, patch }).expect("fine");
    assert_eq!(after.student.expect("a student").city, "Paris");
    assert_eq!(after.person.full_name, "Ada K");
    let script = ProfilePatch { profile_picture: Some("javascript:alert(1)".into()), ..Default::default() };
    assert!(bench.run(&UpdateProfile { person, side: Side::Own, patch: script }).is_err());
}

#[test]
fn administrators_cannot_disarm_themselves() {
    let mut bench = Bench::new();
    let admin = CreateAdmin {
        uuid: "u-9".into(),
        email: "root@example.org".into(),
        full_name: "Root".into(),
        password: "phc".into(),
    };
    let admin = bench.run(&admin).expect("the first").id;
    let person = ada(&mut bench);
    let session = log_in(&mut bench, person).id;
    let set =
        |person, admin_flag, roles| SetRoles { actor: admin, person, active: None, admin: admin_flag, roles };
    assert!(bench.run(&set(admin, Some(false), None)).is_err());
    let after = bench.run(&set(person, Some(true), Some(vec![Role::Teacher]))).expect("allowed");
    assert!(after.person.admin && after.teacher.is_some() && after.student.is_none());
    assert_eq!(present(&mut bench, session, 0, Span::ZERO), Err(Refreshed::Invalid), "rights changed");
    let audit = bench.world.journal.audit.rows().len();
    bench.run(&set(person, Some(true), None)).expect("nothing to do");
    assert_eq!(bench.world.journal.audit.rows().len(), audit);
}

#[test]
fn an_outsider_is_one_person_however_often_he_comes() {
    let mut bench = Bench::new();
    let adopt = |uuid: &str| Adopt {
        uuid: uuid.into(),
        subject: "https://issuer 42".into(),
        email: Some("ada@example.org".into()),
        full_name: "Ada".into(),
    };
    let first = bench.run(&adopt("u-1")).expect("new");
    assert_eq!(bench.run(&adopt("u-2")), Ok(first));
}

#[test]
fn linking_voids_the_password_of_an_unproven_address() {
    let mut bench = Bench::new();
    let person = ada(&mut bench);
    let subject = "https://issuer 42".to_owned();
    bench.run(&Link { person, subject }).expect("linked");
    let person = bench.world.people.get(&person).expect("there");
    assert_eq!(person.password, None);
    assert!(person.verified);
}

/// The look-up came before the lock: whatever was seen is looked at again.
#[test]
fn whoever_comes_in_is_whom_subject_and_address_lead_to_now() {
    let mut bench = Bench::new();
    let ada = ada(&mut bench);
    let bob = bench.run(&register("bob@example.org", "u-2", Role::Student)).expect("free").person.id;
    let slip = |name: &str| Slip { name: name.into(), proof: "p".into(), purpose: SlipPurpose::Ticket };
    let issue = |name: &str| IssueSlip { slip: slip(name), sealed: "sealed".into(), real_now: START };
    let enter = |name: &str, known| Enter {
        ticket: slip(name),
        newcomer: Adopt {
            uuid: "u-3".into(),
            subject: "issuer 42".into(),
            email: Some("ADA@example.org".into()),
            full_name: "Ada".into(),
        },
        known,
        role: None,
        token: "h1".into(),
        real_now: START,
    };
    bench.run(&issue("one")).expect("fresh");
    assert_eq!(bench.run(&enter("one", None)), Err(Refusal::EmailTaken), "the address is somebody's");
    assert_eq!(bench.run(&enter("one", Some(bob))), Err(Refusal::EmailTaken), "not his");
    let entered = bench.run(&enter("one", Some(ada))).expect("a refusal uses nothing up");
    assert_eq!((entered.started.person.id, entered.created), (ada, false));
    assert_eq!(bench.run(&enter("one", Some(ada))), Err(Refusal::InvalidToken), "once");
    bench.run(&issue("two")).expect("fresh");
    for known in [None, Some(bob)] {
        assert_eq!(bench.run(&enter("two", known)), Err(Refusal::EmailTaken), "the subject is hers now");
    }
    let mut other = enter("two", Some(ada));
    other.ticket.proof = "q".into();
    assert_eq!(bench.run(&other), Err(Refusal::InvalidToken));
    bench.run(&enter("two", Some(ada))).expect("again");
}
