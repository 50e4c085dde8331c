use axum::http::StatusCode;
use domain::people::Role;
use domain::time::{Span, Timestamp};
use serde_json::json;
use server::config::Secret;
use server::http::json::Instant;
use store::both;

use super::place::{Place, run, run_with};

fn letters(place: &Place) -> Vec<String> {
    let files = std::fs::read_dir(place.letters()).map_or(Vec::new(), |files| files.flatten().collect());
    let mut texts: Vec<String> =
        files.iter().map(|file| std::fs::read_to_string(file.path()).expect("text")).collect();
    texts.sort();
    texts
}

/// Registering queues a mail with a secret that these tests do not care for.
fn receipts(place: &Place) -> Vec<String> {
    letters(place).into_iter().filter(|text| text.contains("Payment:")).collect()
}

/// One letter's text to this person about this; quoted-printable's line ends are undone.
fn letter(place: &Place, name: &str, subject: &str) -> Vec<String> {
    let (to, about) = (format!("<{name}@example.org>"), format!("Subject: {subject}"));
    let all = letters(place).into_iter();
    let ours = all.filter(|text| text.contains(&to) && text.contains(&about));
    ours.map(|text| text.replace("=\r\n", "").replace("\r\n ", "").replace("\r\n", "\n")).collect()
}

both! {
    fn every_step_of_a_booking_is_told_to_whom_it_concerns(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            place.rest().await;
            let requested = letter(&place, "teacher", "New request: Spanish conversation");
            assert_eq!(requested.len(), 1);
            assert!(!requested[0].contains("BEGIN:VCALENDAR"), "nothing is agreed yet");
            place.confirm(&lesson).await;
            place.rest().await;
            let confirmed = letter(&place, "student", "Confirmed: Spanish conversation");
            assert_eq!(confirmed.len(), 1);
            let uid = format!("UID:booking-{}@localhost", lesson.booking);
            for part in ["METHOD:REQUEST", "SEQUENCE:2", uid.as_str(), "method=REQUEST", "text/html"] {
                assert!(confirmed[0].contains(part), "{part}: {}", confirmed[0]);
            }
            let path = format!("/api/bookings/bookings/{}/cancel", lesson.booking);
            place.post(Some(&lesson.teacher), &path, &json!({ "reason": "a cold" })).await;
            place.rest().await;
            for name in ["student", "teacher"] {
                let cancelled = letter(&place, name, "Cancelled: Spanish conversation");
                assert_eq!(cancelled.len(), 1);
                for part in ["METHOD:CANCEL", "SEQUENCE:3", uid.as_str(), "Reason: a cold"] {
                    assert!(cancelled[0].contains(part), "{part}: {}", cancelled[0]);
                }
                let other = if name == "student" { "teacher@" } else { "student@" };
                assert!(!cancelled[0].contains(other), "the other's address is not told");
            }
        });
    }

    fn a_late_invitation_does_not_revive_what_was_cancelled(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            let path = format!("/api/bookings/bookings/{}/cancel", lesson.booking);
            place.post(Some(&lesson.teacher), &path, &json!({ "reason": "a cold" })).await;
            place.rest().await;
            let confirmed = letter(&place, "student", "Confirmed: Spanish conversation");
            assert!(confirmed.len() == 1 && !confirmed[0].contains("BEGIN:VCALENDAR"), "{confirmed:?}");
        });
    }

    fn a_move_a_request_and_its_answer_are_told(db) {
        run_with(db, &[("BURSAR_BOOKING__RESCHEDULE", "two_step")], async |place| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            let at = Timestamp::from_seconds((place.app.clock.now() + Span::days(2)).seconds());
            let base = format!("/api/bookings/bookings/{}", lesson.booking);
            let body = json!({ "start_time": Instant(at).text(), "reason": "a party" });
            let (status, answer) =
                place.post(Some(&lesson.student), &format!("{base}/request_reschedule"), &body).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
            place.rest().await;
            let asked = letter(&place, "teacher", "Another time asked for");
            let new = format!("New time: {}", Instant(at).text());
            assert!(asked.len() == 1 && asked[0].contains(&new) && asked[0].contains("Reason: a party"), "{asked:?}");
            assert!(letter(&place, "student", "Another time asked for").is_empty());
            let body = json!({ "action": "CONFIRMED" });
            place.post(Some(&lesson.teacher), &format!("{base}/respond_reschedule"), &body).await;
            place.rest().await;
            let answered = letter(&place, "student", "Answer to your request");
            assert!(answered.len() == 1 && answered[0].contains("has agreed"), "{answered:?}");
            assert!(letter(&place, "teacher", "Answer to your request").is_empty());
            for name in ["student", "teacher"] {
                let moved = letter(&place, name, "New time: Spanish");
                assert!(moved.len() == 1 && moved[0].contains("METHOD:REQUEST"), "{moved:?}");
            }
        });
    }

    fn a_declined_request_is_told_to_the_student_and_a_declined_card_to_the_payer(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            place.pay(&lesson, "pm_card_chargeDeclined").await;
            place.rest().await;
            let declined = letter(&place, "student", "Payment not accepted");
            assert!(declined.len() == 1 && declined[0].contains("nothing was charged"), "{declined:?}");
            let second = place.lesson_after(&lesson).await;
            let path = format!("/api/bookings/bookings/{}/decline", second.booking);
            let (status, answer) =
                place.post(Some(&second.teacher), &path, &json!({ "reason": "no time" })).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
            place.rest().await;
            let declined = letter(&place, "student", "Declined: Spanish");
            assert!(declined.len() == 1 && declined[0].contains("Reason: no time"), "{declined:?}");
            assert!(letter(&place, "teacher", "Declined: Spanish").is_empty());
        });
    }

    fn a_payment_brings_a_receipt_and_a_note_once(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            place.pay(&lesson, "pm_card_visa").await;
            place.rest().await;
            place.advance(Span::HOUR).await;
            let letters = receipts(&place);
            assert_eq!(letters.len(), 2);
            let to = |address: &str| {
                let name = format!("<{address}>");
                letters.iter().find(|text| text.contains(&name)).expect("a letter").replace("\r\n", "\n")
            };
            let receipt = to("student@example.org");
            assert!(receipt.contains("Amount: 52.50 USD") && receipt.contains("ending in 4242"), "{receipt}");
            assert!(receipt.contains("With: teacher Example") && receipt.contains("Message-ID: <receipt-"));
            let note = to("teacher@example.org");
            assert!(note.contains("Your share: 50.00 USD") && note.contains("Platform fee: 2.50 USD"), "{note}");
        });
    }

    fn a_link_carries_the_secret_that_was_sealed(db) {
        run(db, async |place| {
            let sealed = place.app.seal.seal("job|mail|verify_email", &Secret::new("s3cret"));
            place.register("ada", Role::Student, sealed).await;
            place.rest().await;
            let letters = letters(&place);
            assert_eq!(letters.len(), 1);
            let letter = letters[0].replace("=\r\n", "");
            assert!(letter.contains("/verify-email?token=") && letter.contains(".verify_email.s3cret"), "{letter}");
        });
    }

    fn what_can_never_be_sent_is_given_up_with_an_alert(db) {
        run(db, async |place| {
            place.register("ada", Role::Student, "sealed by somebody else".into()).await;
            place.rest().await;
            let alerts = place.alerts().await;
            assert_eq!(alerts.len(), 1);
            assert_eq!(alerts[0].kind, "job_dead");
            assert!(!alerts[0].detail.contains("ada@"), "{}", alerts[0].detail);
        });
    }
}
