//! Mail through a mail server of somebody else's: aiosmtpd, which answers what it is told to.

use std::path::PathBuf;

use domain::time::Span;
use gateways::testing::{Peer, peer_python};
use serde_json::{Value, json};
use store::both;
use store::testing::TestDb;

use super::place::{Place, run_with};

struct Server {
    port: String,
    folder: PathBuf,
    _peer: Peer,
}

impl Server {
    fn start() -> Server {
        let peer = Peer::start(peer_python(), "run_smtp.py");
        let place = peer.base.trim_start_matches("http://127.0.0.1:");
        let (port, folder) = place.split_at(place.find('/').expect("a folder"));
        Server { port: port.into(), folder: folder.into(), _peer: peer }
    }

    /// What recipients are answered before they are accepted.
    fn answer(&self, answers: &Value) {
        std::fs::write(self.folder.join("answers.json"), answers.to_string()).expect("written");
    }

    /// The mails it has taken for this recipient and about this.
    fn taken(&self, recipient: &str, subject: &str) -> usize {
        let files = std::fs::read_dir(&self.folder).expect("a folder").flatten();
        let mails = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        let (to, about) = (format!("X-RcptTo: {recipient}@example.org"), format!("Subject: {subject}"));
        mails.filter(|mail| mail.starts_with(&to) && mail.contains(&about)).count()
    }
}

fn run<F: AsyncFnOnce(Place, &Server)>(db: &TestDb, test: F) {
    let server = Server::start();
    let settings = [
        ("BURSAR_MAIL__TRANSPORT", "smtp"),
        ("BURSAR_SMTP__HOST", "127.0.0.1"),
        ("BURSAR_SMTP__PORT", server.port.as_str()),
        ("BURSAR_SMTP__SECURITY", "none"),
    ];
    run_with(db, &settings, async |place| test(place, &server).await);
}

async fn dead_letters(place: &Place) -> Vec<String> {
    let alerts = place.alerts().await.into_iter();
    let dead = alerts.filter(|alert| alert.kind == "job_dead" && alert.detail.starts_with("receipt"));
    dead.map(|alert| alert.detail).collect()
}

both! {
    fn a_busy_mailbox_gets_its_letter_later_and_nobody_gets_one_twice(db) {
        run(db, async |place, server| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            place.rest().await;
            server.answer(&json!({ "teacher@example.org": ["451 busy", "451 still busy"] }));
            place.pay(&lesson, "pm_card_visa").await;
            place.rest().await;
            assert_eq!(server.taken("student", "Receipt for payment"), 1);
            assert_eq!(server.taken("teacher", "Paid: Spanish"), 0);
            place.advance(Span::seconds(10)).await;
            assert_eq!(server.taken("teacher", "Paid: Spanish"), 0);
            place.advance(Span::MINUTE).await;
            assert_eq!(server.taken("teacher", "Paid: Spanish"), 1);
            place.advance(Span::HOUR).await;
            assert_eq!(server.taken("student", "Receipt for payment"), 1);
            assert_eq!(server.taken("student", "Confirmed: Spanish"), 1);
            assert!(dead_letters(&place).await.is_empty());
        });
    }

    fn who_can_never_be_reached_keeps_no_other_from_his_letter(db) {
        run(db, async |place, server| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            place.rest().await;
            let busy = json!({
                "student@example.org": ["550 no student@example.org here"],
                "teacher@example.org": ["451 busy"],
            });
            server.answer(&busy);
            place.pay(&lesson, "pm_card_visa").await;
            place.rest().await;
            assert!(dead_letters(&place).await.is_empty(), "one of them may still be reached");
            place.advance(Span::MINUTE).await;
            assert_eq!(server.taken("teacher", "Paid: Spanish"), 1);
            assert_eq!(server.taken("student", "Receipt for payment"), 0);
            let dead = dead_letters(&place).await;
            assert!(dead.len() == 1 && dead[0].contains("550") && !dead[0].contains('@'), "{dead:?}");
            place.advance(Span::DAY).await;
            assert_eq!(server.taken("student", "Receipt for payment"), 0);
        });
    }

    fn money_does_not_wait_for_mail(db) {
        run(db, async |place, server| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            let never = vec!["451 busy"; 100];
            server.answer(&json!({ "student@example.org": never, "teacher@example.org": never }));
            place.pay(&lesson, "pm_card_visa").await;
            place.rest().await;
            assert_eq!(place.booking_state(&lesson).await, ("CONFIRMED".into(), "PAID".into()));
        });
    }
}
