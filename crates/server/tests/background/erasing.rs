//! Who was forgotten stays forgotten: at his gateway, and when an older copy of the database is put back.

use std::path::Path;

use domain::people::{ERASED_NAME, Erase};
use domain::records::{Card, Person};
use domain::time::Span;
use gateways::gateway::Gateway;
use serde_json::json;
use server::commands::{Role, start::start};
use store::backup::{self, Place as Where};
use store::both;
use store::engine::Options;
use store::testing::TestDb;
use store::verify::verify_database;

use super::place::{Lesson, Place, run, run_with};

const INSTANCE: &str = "6f0e7c1a-3b52-4d0e-9a55-0c8a52f1d001";
const LIST: &str = "BURSAR_PRIVACY__ERASURES";
/// As the common cast calls the student.
const NAME: &str = "student Example";

async fn forget(place: &Place, lesson: &Lesson) {
    let person = &lesson.student.person;
    let seen = Some("phc".to_owned());
    let erase = Erase { person: person.id, email: person.email.clone(), subjects: Vec::new(), seen };
    place.app.db.submit(erase).await.expect("nothing of his is open");
}

async fn save_card(place: &Place, lesson: &Lesson) -> Card {
    let body = json!({ "payment_method_id": "pm_card_visa" });
    let (status, body) = place.post(Some(&lesson.student), "/api/payments/payment-methods/save", &body).await;
    assert_eq!(status, 201, "{body}");
    let person = lesson.student.person.id;
    let cards = place.app.db.read(move |reads| reads.of::<Card>(&person)).await;
    cards.expect("a database").pop().expect("just saved")
}

/// The name of a customer at the gateway cannot be asked for, but a card can be attached to him.
async fn is_known(place: &Place, customer: &str) -> bool {
    let answer = place.sandbox().gateway.attach_card(customer, "pm_card_visa").await;
    matches!(answer, domain::gateway::Answer::Done(_))
}

async fn customers(place: &Place, lesson: &Lesson) -> usize {
    let person = lesson.student.person.id;
    place.app.db.read(move |reads| reads.customers_of(person)).await.expect("a database").len()
}

fn with_place<T>(db: &TestDb, run: impl FnOnce(&Where<'_>) -> T) -> T {
    let now = domain::time::Timestamp(1_800_000_000_000_000);
    run(&Where { url: &db.url, options: &Options::default(), instance: INSTANCE, now })
}

/// Another empty database of the same kind.
fn another(db: &TestDb) -> TestDb {
    if db.url.is_postgres() { TestDb::postgres() } else { TestDb::sqlite() }
}

/// A copy of a marketplace taken before its student was forgotten, put back into a database of its own; the
/// list stands in the folder.
fn put_back(db: &TestDb, folder: &Path) -> TestDb {
    let list = folder.join("erasures.jsonl").display().to_string();
    let copy = folder.join("copy.db");
    run_with(db, &[(LIST, list.as_str())], async |place| {
        let lesson = place.lesson().await;
        save_card(&place, &lesson).await;
        place.rest().await;
        std::thread::scope(|scope| {
            scope.spawn(|| with_place(db, |from| backup::back_up(from, &copy)).expect("copied"));
        });
        forget(&place, &lesson).await;
        place.rest().await;
        let text = std::fs::read_to_string(&list).expect("a list");
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains(&lesson.student.person.uuid), "{text}");
        assert!(!text.contains("student"), "nothing personal: {text}");
    });
    assert!(!db.dump().contains(NAME));
    let other = another(db);
    with_place(&other, |to| backup::restore(&copy, to)).expect("put back");
    assert!(other.dump().contains(NAME), "the older copy knows him");
    other
}

/// Why a server on this database does not start.
fn refusal(db: &TestDb, list: &str) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let config = crate::common::server_config(db, &folder, &[(LIST, list)]);
    crate::common::in_runtime(start(config, Role::Server)).err().map(|error| error.to_string())
}

fn holds(file: &Path, word: &str) -> bool {
    let bytes = std::fs::read(file).expect("a copy");
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

both! {
    fn a_copy_at_hand_forgets_too_and_remains_one(db) {
        let folder = tempfile::tempdir().expect("a folder");
        put_back(db, folder.path());
        let (list, copy) = (folder.path().join("erasures.jsonl"), folder.path().join("copy.db"));
        assert!(holds(&copy, NAME));
        let forget = |list: &str| {
            let config = crate::common::server_config(db, &folder, &[(LIST, list)]);
            let file = copy.clone();
            let forget = move || server::commands::forget(config, &file).map(|code| format!("{code:?}"));
            crate::common::in_runtime(async {
                tokio::task::spawn_blocking(forget).await.expect("no panic")
            })
        };
        let refused = forget("none").expect_err("nobody is known");
        assert!(refused.to_string().contains("privacy.erasures"), "{refused}");
        let in_order = format!("{:?}", std::process::ExitCode::SUCCESS);
        assert_eq!(forget(&list.display().to_string()).expect("a copy"), in_order);
        for word in [NAME, "student@example.org"] {
            assert!(!holds(&copy, word), "{word}");
        }
        let other = another(db);
        with_place(&other, |to| backup::restore(&copy, to)).expect("still a copy of this marketplace");
        assert!(!other.dump().contains(NAME));
    }

    fn whoever_was_forgotten_stays_so_when_an_older_copy_is_put_back(db) {
        let folder = tempfile::tempdir().expect("a folder");
        let other = put_back(db, folder.path());
        let list = folder.path().join("erasures.jsonl").display().to_string();
        run_with(&other, &[(LIST, list.as_str())], async |place| {
            let dump = || std::thread::scope(|scope| scope.spawn(|| other.dump()).join().expect("readable"));
            assert!(!dump().contains(NAME), "before anything is served");
            place.rest().await;
            assert!(!dump().contains("student@example.org"));
            let text = std::fs::read_to_string(&list).expect("a list");
            assert_eq!(text.lines().count(), 2, "he is on it once: {text}");
        });
        assert_eq!(verify_database(&other.url, &Options::default()).expect("readable"), []);
        assert_eq!(refusal(&other, &list), None, "and it starts again");
    }

    fn a_database_that_has_a_list_does_not_start_without_it(db) {
        let folder = tempfile::tempdir().expect("a folder");
        let other = put_back(db, folder.path());
        let nowhere = folder.path().join("nowhere.jsonl").display().to_string();
        let refused = refusal(&other, &nowhere).expect("it must be put back");
        assert!(refused.contains("privacy.erasures") && refused.contains("missing"), "{refused}");
        assert!(!folder.path().join("nowhere.jsonl").exists(), "none is begun in its stead");
        let foreign = folder.path().join("foreign.jsonl");
        std::fs::write(&foreign, "{\"erasures_of\":\"another\"}\n").expect("ours");
        let refused = refusal(&other, &foreign.display().to_string()).expect("it is of others");
        assert!(refused.contains("another marketplace"), "{refused}");
        assert!(other.dump().contains(NAME), "nothing was done");
    }

    fn a_list_that_begins_late_knows_who_was_forgotten_before(db) {
        let folder = tempfile::tempdir().expect("a folder");
        run_with(db, &[(LIST, "none")], async |place| {
            let lesson = place.lesson().await;
            forget(&place, &lesson).await;
            place.rest().await;
        });
        let list = folder.path().join("late.jsonl").display().to_string();
        run_with(db, &[(LIST, list.as_str())], async |place| {
            let people = place.app.db.read(|reads| reads.erased()).await.expect("a database");
            let [Person { uuid, full_name, .. }] = people.as_slice() else { panic!("{people:?}") };
            assert_eq!(full_name, ERASED_NAME);
            assert!(std::fs::read_to_string(&list).expect("a list").contains(uuid));
        });
    }

    fn the_gateway_forgets_him_too_however_long_that_takes(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            let card = save_card(&place, &lesson).await;
            place.rest().await;
            forget(&place, &lesson).await;
            let silent = json!({ "calls": [{ "call": "any", "fault": "timeout_not_executed", "count": 4 }] });
            place.faults(silent).await;
            place.rest().await;
            place.elapse(Span::seconds(6));
            place.rest().await;
            assert!(is_known(&place, &card.customer).await, "it has not heard it yet");
            assert_eq!(customers(&place, &lesson).await, 1);
            place.elapse(Span::seconds(31));
            place.rest().await;
            assert!(!is_known(&place, &card.customer).await);
            assert_eq!(customers(&place, &lesson).await, 0);
            let alerts = place.alerts().await.into_iter().map(|alert| alert.detail);
            let given_up: Vec<String> =
                alerts.filter(|detail| detail.starts_with("erase_") || detail.starts_with("detach_")).collect();
            assert_eq!(given_up, [""; 0], "nobody has to look");
        });
    }
}
