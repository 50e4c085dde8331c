//! Sealing the audit in a running server, and `verify` afterwards.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use axum::routing::post;
use axum::{Json, Router};
use domain::audit::NoteReading;
use domain::time::Span;
use serde_json::{Value, json};
use server::commands::verify;
use store::testing::TestDb;
use tempfile::TempDir;

use super::place::{Lesson, Place, run_with};

const CHECKPOINTS: &str = "checkpoints.jsonl";

fn code(db: &TestDb, folder: &std::path::Path, against: &std::path::Path) -> String {
    let folder = folder.display().to_string();
    let own = [("BURSAR_SERVER__DATA_DIR", folder.as_str()), ("BURSAR_DATABASE__URL", db.text.as_str())];
    let config = crate::common::config(&own);
    format!("{:?}", verify(&config, Some(against)).expect("it runs"))
}

/// Runs a place with a confirmed lesson, whose checkpoints are written to a file; that file's folder.
fn written_down<F: AsyncFnOnce(Place, Lesson, &Path)>(db: &TestDb, test: F) -> TempDir {
    let outside = tempfile::tempdir().expect("a folder");
    let file = outside.path().join(CHECKPOINTS);
    let setting = file.display().to_string();
    run_with(db, &[("BURSAR_AUDIT__CHECKPOINTS", setting.as_str())], async |place| {
        let lesson = place.lesson().await;
        place.confirm(&lesson).await;
        test(place, lesson, &file).await;
    });
    outside
}

/// Collects what is posted to it.
fn collector(socket: std::net::TcpListener) -> Arc<Mutex<Vec<Value>>> {
    let told: Arc<Mutex<Vec<Value>>> = Arc::default();
    let taken = Arc::clone(&told);
    let take = move |Json(line): Json<Value>| async move { taken.lock().expect("nobody panics").push(line) };
    socket.set_nonblocking(true).expect("a socket");
    let listener = tokio::net::TcpListener::from_std(socket).expect("a socket");
    let routes = Router::new().route("/heads", post(take));
    tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
    told
}

store::both! {
    fn the_newest_head_is_sent_away(db) {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/heads", socket.local_addr().expect("bound"));
        run_with(db, &[("BURSAR_AUDIT__CHECKPOINTS_URL", url.as_str())], async |place| {
            let told = collector(socket);
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            place.advance(Span::minutes(2)).await;
            let admin = place.admin().await;
            let (_, listed) = place.get(Some(&admin), "/api/payments/admin/audit").await;
            let last = told.lock().expect("nobody panics").last().cloned().expect("one was sent");
            assert_eq!(listed["head"]["hash"], last["hash"]);
            let [hash, signature] = ["hash", "signature"].map(|name| last[name].as_str().expect("text"));
            assert!(place.app.seal.has_signed(hash, signature));
        });
    }

    fn a_turn_does_not_run_after_what_comes_meanwhile(db) {
        written_down(db, async |place, _lesson, file| {
            place.admin().await;
            let admins = place.app.db.read(|reads| reads.admins(1)).await.expect("readable");
            let busy = async {
                loop {
                    let reading = NoteReading { actor: admins[0].id, path: "/api/here/".into() };
                    place.app.db.record(reading).await.expect("noted");
                }
            };
            place.elapse(Span::minutes(2));
            tokio::select! {
                _ = server::jobs::run_due(&place.app) => {}
                () = busy => {}
            }
            let blocks = std::fs::read_to_string(file).expect("written").lines().count();
            assert_eq!(blocks, 1, "each of them noted while there was more to seal");
        });
    }

    fn what_has_happened_is_sealed_and_told_outside(db) {
        let outside = written_down(db, async |place, lesson, file| {
            place.pay(&lesson, "pm_card_visa").await;
            place.advance(Span::minutes(2)).await;
            let path = format!("/api/bookings/bookings/{}/cancel", lesson.booking);
            place.post(Some(&lesson.student), &path, &json!({})).await;
            place.advance(Span::minutes(2)).await;
            place.advance(Span::minutes(2)).await;
            let admin = place.admin().await;
            let (_, listed) = place.get(Some(&admin), "/api/payments/admin/audit").await;
            let text = std::fs::read_to_string(file).expect("written");
            let told: Vec<Value> =
                text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            let numbers: Vec<i64> = told.iter().map(|line| line["number"].as_i64().expect("a number")).collect();
            assert_eq!(numbers, (1..=i64::try_from(told.len()).expect("few")).collect::<Vec<i64>>());
            let last = told.last().expect("one at least");
            assert_eq!(listed["head"]["hash"], last["hash"], "the head is told to administrators");
            let hash = last["hash"].as_str().expect("a hash");
            let signature = last["signature"].as_str().expect("a signature");
            assert!(place.app.seal.has_signed(hash, signature));
        });
        let file = outside.path().join(CHECKPOINTS);
        let (fine, wrong) = (format!("{:?}", ExitCode::SUCCESS), format!("{:?}", ExitCode::from(1)));
        assert_eq!(code(db, outside.path(), &file), fine);
        let mut text = std::fs::read_to_string(&file).expect("written");
        text.push_str("{\"number\":1000,\"hash\":\"what was cut off\"}\n");
        std::fs::write(&file, text).expect("ours");
        assert_eq!(code(db, outside.path(), &file), wrong);
    }
}
