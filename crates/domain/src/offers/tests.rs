use super::*;
use crate::people::{Mailed, ProfilePatch, Register, Role, SetRoles};
use crate::testing::Bench;

fn teacher(bench: &mut Bench, name: &str) -> PersonId {
    let register = Register {
        uuid: name.into(),
        email: format!("{name}@example.org"),
        password: "phc".into(),
        role: Role::Teacher,
        profile: ProfilePatch { full_name: Some(name.into()), ..ProfilePatch::default() },
        token: Mailed { hash: "h".into(), sealed: "s".into(), redirect_to: None },
        real_now: bench.now,
    };
    bench.run(&register).expect("free").person.id
}

fn lesson(category: Category) -> OfferPatch {
    OfferPatch {
        category: Some(category),
        title: Some("Lesson".into()),
        price_minor: Some(5_000),
        session_minutes: Some(60),
        ..OfferPatch::default()
    }
}

fn create(bench: &mut Bench, payee: PersonId, category: Category) -> Result<Offer, Refusal> {
    bench.run(&CreateOffer { payee, offer: lesson(category) })
}

#[test]
fn one_offer_a_category_archived_ones_aside() {
    let mut bench = Bench::new();
    let payee = teacher(&mut bench, "ada");
    let first = create(&mut bench, payee, Category::Language).expect("free");
    assert_eq!(create(&mut bench, payee, Category::Language), Err(Refusal::OfferCategoryTaken));
    let other = create(&mut bench, payee, Category::General).expect("free");
    let move_over = UpdateOffer {
        offer: other.id,
        actor: Actor::Party(payee),
        patch: OfferPatch { category: Some(Category::Language), ..OfferPatch::default() },
    };
    assert_eq!(bench.run(&move_over), Err(Refusal::OfferCategoryTaken));
    bench.run(&ArchiveOffer { offer: first.id, actor: Actor::Party(payee) }).expect("mine");
    bench.run(&move_over).expect("free again");
    let gone = SetOfferState { offer: first.id, actor: Actor::Admin(payee), state: OfferState::Active };
    assert_eq!(bench.run(&gone), Err(Refusal::NotFound), "archived is gone");
}

#[test]
fn only_an_administrator_sets_and_lifts_a_suspension() {
    let mut bench = Bench::new();
    let payee = teacher(&mut bench, "ada");
    let offer = create(&mut bench, payee, Category::Language).expect("free").id;
    let set = |actor, state| SetOfferState { offer, actor, state };
    let own = Actor::Party(payee);
    let admin = Actor::Admin(PersonId(1));
    assert_eq!(bench.run(&set(own, OfferState::Suspended)), Err(Refusal::OfferSuspended));
    let (_, old) = bench.run(&set(admin, OfferState::Suspended)).expect("allowed");
    assert_eq!(old, OfferState::Active);
    assert_eq!(bench.run(&set(own, OfferState::Active)), Err(Refusal::OfferSuspended));
    assert_eq!(bench.run(&ArchiveOffer { offer, actor: own }), Err(Refusal::OfferSuspended));
    let patch = OfferPatch { state: Some(OfferState::Active), ..OfferPatch::default() };
    assert_eq!(bench.run(&UpdateOffer { offer, actor: own, patch }), Err(Refusal::OfferSuspended));
    bench.run(&set(admin, OfferState::Active)).expect("lifted");
}

#[test]
fn another_payees_offer_is_not_there() {
    let mut bench = Bench::new();
    let payee = teacher(&mut bench, "ada");
    let other = teacher(&mut bench, "bob");
    let offer = create(&mut bench, payee, Category::Language).expect("free").id;
    let actor = Actor::Party(other);
    let patch = OfferPatch::default();
    assert_eq!(bench.run(&UpdateOffer { offer, actor, patch }), Err(Refusal::NotFound));
    assert_eq!(bench.run(&ArchiveOffer { offer, actor }), Err(Refusal::NotFound));
    let state = OfferState::Draft;
    assert_eq!(bench.run(&SetOfferState { offer, actor, state }), Err(Refusal::NotFound));
}

#[test]
fn prices_and_lengths_have_limits() {
    let mut bench = Bench::new();
    let payee = teacher(&mut bench, "ada");
    let mut attempt = |change: fn(&mut OfferPatch)| {
        let mut offer = lesson(Category::Language);
        change(&mut offer);
        bench.run(&CreateOffer { payee, offer })
    };
    let bad: [fn(&mut OfferPatch); 9] = [
        |o| o.price_minor = Some(49),
        |o| o.price_minor = Some(100_000_000),
        |o| o.price_minor = None,
        |o| o.session_minutes = Some(4),
        |o| o.session_minutes = Some(721),
        |o| o.title = Some(" ".into()),
        |o| o.title = Some("x".repeat(201)),
        |o| o.tags = Some(vec!["x".into(); 31]),
        |o| o.state = Some(OfferState::Archived),
    ];
    for change in bad {
        assert!(matches!(attempt(change), Err(Refusal::Invalid(_))));
    }
    attempt(|o| o.price_minor = Some(99_999_999)).expect("the dearest");
}

#[test]
fn a_price_limit_follows_the_decimals_of_the_currency() {
    let yen = Currency::JPY;
    assert!(check_price(0, yen).is_err());
    assert!(check_price(1, yen).is_ok());
    assert!(check_price(999_999, yen).is_ok());
    assert!(check_price(1_000_000, yen).is_err());
}

#[test]
fn who_teaches_no_more_cannot_be_booked() {
    let mut bench = Bench::new();
    let payee = teacher(&mut bench, "ada");
    let offer = create(&mut bench, payee, Category::Language).expect("free").id;
    let demote = SetRoles {
        actor: PersonId(1),
        person: payee,
        active: None,
        admin: None,
        roles: Some(vec![Role::Student]),
    };
    bench.run(&demote).expect("allowed");
    assert_eq!(bench.world.offers.get(&offer).expect("there").state, OfferState::Inactive);
    assert_eq!(create(&mut bench, payee, Category::General), Err(Refusal::TeacherRequired));
}
