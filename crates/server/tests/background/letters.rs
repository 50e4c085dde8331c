use domain::people::Role;
use domain::time::Span;
use server::config::Secret;
use store::both;

use super::place::{Place, run};

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

both! {
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
            assert!(letters[0].replace("=\r\n", "").contains("/verify-email?token=s3cret"), "{}", letters[0]);
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
