//! Meetings at Zoom: a fake with a memory stands in for it, and Zoom's own document judges both.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use domain::id::{BookingId, Id};
use domain::records::Meeting;
use domain::time::Span;
use gateways::testing::Peer;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use server::dice::hex;
use sha2::Sha256;
use store::both;
use store::testing::TestDb;

use super::place::{Lesson, Place, run_with};
use super::zoom_fake::{FakeZoom, Fault};
use crate::common::Login;

const WEBHOOKS: &str = "/api/payments/webhooks/zoom";
const SECRET: &str = "zoom-webhook-secret";

/// A marketplace whose meetings are made at this base.
fn at(db: &TestDb, base: &str, settings: &[(&str, &str)], test: impl AsyncFnOnce(Place)) {
    let own = [
        ("BURSAR_MEETING__PROVIDER", "zoom"),
        ("BURSAR_ZOOM__ACCOUNT_ID", "zoom-account"),
        ("BURSAR_ZOOM__CLIENT_ID", "zoom-id"),
        ("BURSAR_ZOOM__CLIENT_SECRET", "zoom-secret"),
        ("BURSAR_ZOOM__WEBHOOK_SECRET", SECRET),
        ("BURSAR_ZOOM__API_BASE", base),
        // What answers answers at once, however busy the machine is.
        ("BURSAR_GATEWAYS__TIMEOUT_SECONDS", "4"),
    ];
    let all: Vec<(&str, &str)> = own.iter().chain(settings).copied().collect();
    run_with(db, &all, test);
}

fn with_zoom(db: &TestDb, test: impl AsyncFnOnce(Place, &FakeZoom)) {
    let zoom = FakeZoom::start();
    at(db, &zoom.base, &[], async |place| test(place, &zoom).await);
}

async fn booking(place: &Place, lesson: &Lesson, who: &Login) -> Value {
    let (status, body) = place.get(Some(who), &format!("/api/bookings/bookings/{}", lesson.booking)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn act(place: &Place, lesson: &Lesson, action: &str, body: &Value) -> (StatusCode, Value) {
    let path = format!("/api/bookings/bookings/{}/{action}", lesson.booking);
    place.post(Some(&lesson.teacher), &path, body).await
}

async fn paid_lesson(place: &Place) -> Lesson {
    let lesson = place.lesson().await;
    place.confirm(&lesson).await;
    let paid = place.pay(&lesson, "pm_card_visa").await;
    assert_eq!(paid.0, StatusCode::OK, "{}", paid.1);
    assert!(paid.1["zoom_join_url"].is_null(), "nobody is called while somebody pays: {}", paid.1);
    lesson
}

async fn kept(place: &Place, lesson: &Lesson) -> Meeting {
    let id = BookingId::from_raw(lesson.booking);
    let found = place.app.db.read(move |reads| reads.find::<Meeting>(&id)).await;
    found.expect("a database").expect("a meeting")
}

/// Where a link of ours leads.
async fn through(place: &Place, link: &Value) -> (StatusCode, Option<String>) {
    let link = link.as_str().expect("a link");
    let path = &link[link.find("/meet/").expect("a link of ours")..];
    let answer = place.whole_answer(Request::get(path).body(Body::empty()).expect("a request")).await;
    let location = answer.headers.get("location").map(|to| to.to_str().expect("text").to_owned());
    (answer.status, location)
}

fn mac_hex(secret: &str, message: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(message.as_bytes());
    hex(&mac.finalize().into_bytes())
}

async fn webhook(place: &Place, body: &Value, secret: &str) -> (StatusCode, Value) {
    let stamp = place.app.real_clock.now().seconds();
    let text = body.to_string();
    let signature = format!("v0={}", mac_hex(secret, &format!("v0:{stamp}:{text}")));
    let request = Request::post(WEBHOOKS)
        .header("x-zm-request-timestamp", stamp)
        .header("x-zm-signature", signature)
        .header("content-type", "application/json");
    place.answer(request.body(Body::from(text)).expect("a request")).await
}

both! {
    fn a_paid_session_gets_its_meeting_and_only_the_teacher_the_hosts_door(db) {
        with_zoom(db, async |place, zoom| {
            let lesson = paid_lesson(&place).await;
            place.rest().await;
            let (student, teacher) =
                (booking(&place, &lesson, &lesson.student).await, booking(&place, &lesson, &lesson.teacher).await);
            let made = zoom.meetings();
            assert_eq!(made.len(), 1);
            assert_eq!((&made[0]["type"], &made[0]["duration"]), (&json!(2), &json!(60)));
            assert_eq!(made[0]["start_time"], teacher["start_time"]);
            for seen in [&student, &teacher] {
                assert_eq!(seen["zoom_join_url"], made[0]["join_url"]);
                assert_eq!(seen["zoom_meeting_id"], json!(made[0]["id"].to_string()));
            }
            assert!(student["zoom_start_url"].is_null() && student["zoom_password"].is_null(), "{student}");
            let (status, location) = through(&place, &teacher["zoom_start_url"]).await;
            assert_eq!((status, location.as_deref()), (StatusCode::SEE_OTHER, made[0]["start_url"].as_str()));
            assert_eq!(zoom.called("POST /oauth/token"), 1, "a token serves until it expires");
            let again = act(&place, &lesson, "create_meeting", &json!({})).await;
            assert_eq!((again.0, &again.1["zoom_join_url"]), (StatusCode::OK, &made[0]["join_url"]));
            assert_eq!(zoom.meetings().len(), 1);
            let room = place.app.db.read(move |reads| reads.booking(BookingId(lesson.booking))).await;
            let room = room.expect("a database").expect("a booking").booking.room.expect("a room");
            assert!(!room.contains("zoom.example"), "links wait sealed");
        });
    }

    fn it_moves_with_its_booking_and_goes_with_it(db) {
        with_zoom(db, async |place, zoom| {
            let lesson = paid_lesson(&place).await;
            place.rest().await;
            let before = booking(&place, &lesson, &lesson.teacher).await;
            let start = place.app.clock.now() + Span::days(3);
            let text = |at| server::http::json::Instant(at).text();
            let body = json!({ "start_time": text(start), "end_time": text(start + Span::HOUR) });
            let moved = act(&place, &lesson, "reschedule", &body).await;
            assert_eq!(moved.0, StatusCode::OK, "{}", moved.1);
            place.rest().await;
            let meetings = zoom.meetings();
            assert_eq!(meetings.len(), 1);
            let told = meetings[0]["start_time"].as_str().expect("text");
            assert_eq!(told[..19], text(start)[..19]);
            let after = booking(&place, &lesson, &lesson.teacher).await;
            assert_eq!(after["zoom_join_url"], before["zoom_join_url"], "the same meeting");
            let cancelled = act(&place, &lesson, "cancel", &json!({ "reason": "ill" })).await;
            assert_eq!(cancelled.0, StatusCode::OK, "{}", cancelled.1);
            place.rest().await;
            assert!(zoom.meetings().is_empty());
            assert!(kept(&place, &lesson).await.reference.is_none());
            assert_eq!(through(&place, &before["zoom_start_url"]).await.0, StatusCode::NOT_FOUND);
        });
    }

    fn a_meeting_that_nobody_heard_of_is_found_again(db) {
        with_zoom(db, async |place, zoom| {
            zoom.fail(Method::POST, Fault::DoneThenBroken);
            let lesson = paid_lesson(&place).await;
            place.rest().await;
            assert!(booking(&place, &lesson, &lesson.student).await["zoom_join_url"].is_null());
            assert_eq!((zoom.meetings().len(), kept(&place, &lesson).await.unsure), (1, true));
            place.advance(Span::seconds(5)).await;
            let meetings = zoom.meetings();
            assert_eq!(meetings.len(), 1, "it was not made again");
            let seen = booking(&place, &lesson, &lesson.student).await;
            assert_eq!(seen["zoom_join_url"], meetings[0]["join_url"]);
            assert_eq!(zoom.called("POST /v2/"), 1);
        });
    }

    fn whatever_else_carries_the_mark_is_dropped(db) {
        with_zoom(db, async |place, zoom| {
            zoom.fail(Method::POST, Fault::DoneThenBroken);
            let lesson = paid_lesson(&place).await;
            place.rest().await;
            // Two calls that came late, and meetings of somebody else's on the pages between.
            zoom.memory(|memory| {
                let ours = memory.meetings.values().next().expect("made").clone();
                for id in 1..=5 {
                    let agenda = if id % 2 == 0 { ours["agenda"].clone() } else { json!("lunch") };
                    let mut other = ours.clone();
                    (other["id"], other["agenda"]) = (json!(id), agenda);
                    memory.meetings.insert(id, other);
                }
            });
            place.advance(Span::seconds(5)).await;
            let left = zoom.meetings();
            assert_eq!(left.len(), 4, "{left:?}");
            assert_eq!(left.iter().filter(|meeting| meeting["agenda"] == "lunch").count(), 3);
            act(&place, &lesson, "cancel", &json!({})).await;
            place.rest().await;
            assert_eq!(zoom.meetings().len(), 3, "lunch is none of our business");
        });
    }

    /// The call arrives after the search that found nothing: the last look finds two, and keeps one.
    fn a_call_that_was_still_on_its_way_leaves_no_second_meeting(db) {
        with_zoom(db, async |place, zoom| {
            zoom.fail(Method::POST, Fault::Status(500));
            let lesson = paid_lesson(&place).await;
            place.rest().await;
            place.advance(Span::seconds(5)).await;
            let made = zoom.meetings();
            assert_eq!(made.len(), 1);
            let arrive = |id: i64| {
                let mut late = made[0].clone();
                late["id"] = json!(id);
                zoom.memory(|memory| memory.meetings.insert(id, late));
            };
            arrive(1);
            place.advance(Span::minutes(63)).await;
            assert_eq!(zoom.meetings(), made, "the one that is known stays");
            assert!(!kept(&place, &lesson).await.unsure);
            // The same after a booking was cancelled in between.
            zoom.fail(Method::POST, Fault::Status(500));
            let other = place.lesson_after(&lesson).await;
            place.confirm(&other).await;
            place.pay(&other, "pm_card_visa").await;
            place.rest().await;
            place.advance(Span::seconds(5)).await;
            assert_eq!(zoom.meetings().len(), 2);
            act(&place, &other, "cancel", &json!({})).await;
            place.rest().await;
            assert_eq!(zoom.meetings(), made);
            let mark = format!("bursar:{}:{}", place.app.policies.instance, other.booking);
            zoom.memory(|memory| {
                let mut late = made[0].clone();
                (late["id"], late["agenda"]) = (json!(2), json!(mark));
                memory.meetings.insert(2, late);
            });
            place.advance(Span::minutes(63)).await;
            assert_eq!(zoom.meetings(), made, "none is left of what was cancelled");
        });
    }

    fn cancelling_leaves_no_meeting_that_nobody_heard_of(db) {
        with_zoom(db, async |place, zoom| {
            zoom.fail(Method::POST, Fault::DoneThenBroken);
            let lesson = paid_lesson(&place).await;
            place.rest().await;
            assert_eq!(zoom.meetings().len(), 1);
            act(&place, &lesson, "cancel", &json!({})).await;
            place.advance(Span::seconds(5)).await;
            assert!(zoom.meetings().is_empty());
        });
    }

    fn a_wish_to_be_left_alone_is_granted(db) {
        with_zoom(db, async |place, zoom| {
            zoom.fail(Method::POST, Fault::Busy(600));
            let lesson = paid_lesson(&place).await;
            place.rest().await;
            assert!(!kept(&place, &lesson).await.unsure, "nothing was made");
            let calls = zoom.called("");
            place.advance(Span::seconds(590)).await;
            assert_eq!(zoom.called(""), calls);
            place.advance(Span::seconds(10)).await;
            assert_eq!(zoom.meetings().len(), 1);
            assert_eq!(zoom.called("GET"), 0, "there was nothing to look for");
        });
    }

    fn a_token_that_died_early_is_replaced(db) {
        with_zoom(db, async |place, zoom| {
            let first = paid_lesson(&place).await;
            place.rest().await;
            zoom.revoke();
            act(&place, &first, "cancel", &json!({})).await;
            place.rest().await;
            assert!(zoom.meetings().is_empty());
            assert_eq!(zoom.called("POST /oauth/token"), 2);
        });
    }

    fn a_refused_meeting_is_told_and_hurts_nothing_else(db) {
        with_zoom(db, async |place, zoom| {
            zoom.fail(Method::POST, Fault::Status(400));
            let lesson = paid_lesson(&place).await;
            place.rest().await;
            assert_eq!(place.booking_state(&lesson).await, ("CONFIRMED".into(), "PAID".into()));
            let alerts = place.alerts().await;
            let told = |text: &str| alerts.iter().any(|alert| alert.kind == "job_dead" && alert.detail.contains(text));
            assert!(told("the meeting was not made: refused with 400"), "{alerts:?}");
            zoom.fail(Method::POST, Fault::Status(503));
            let refused = act(&place, &lesson, "create_meeting", &json!({})).await;
            assert_eq!((refused.0.as_u16(), &refused.1["code"]), (503, &json!("meeting_unavailable")));
            let made = act(&place, &lesson, "create_meeting", &json!({})).await;
            assert_eq!(made.0, StatusCode::OK, "{}", made.1);
            assert_eq!(made.1["zoom_join_url"], zoom.meetings()[0]["join_url"]);
        });
    }

    fn one_deleted_at_zoom_is_made_again(db) {
        with_zoom(db, async |place, zoom| {
            let lesson = paid_lesson(&place).await;
            place.rest().await;
            let id = zoom.meetings()[0]["id"].clone();
            zoom.memory(|memory| memory.meetings.clear());
            let body = json!({ "event": "meeting.deleted", "event_ts": 1, "payload": { "object": { "id": id } } });
            let told = webhook(&place, &body, SECRET).await;
            assert_eq!((told.0, &told.1["status"]), (StatusCode::OK, &json!("success")));
            place.rest().await;
            let again = zoom.meetings();
            assert_eq!(again.len(), 1);
            assert_eq!(booking(&place, &lesson, &lesson.student).await["zoom_join_url"], again[0]["join_url"]);
        });
    }

    fn signed_words_are_noted_once_and_others_are_refused(db) {
        with_zoom(db, async |place, zoom| {
            let lesson = paid_lesson(&place).await;
            place.rest().await;
            let object = json!({ "id": zoom.meetings()[0]["id"].to_string() });
            let word = |event: &str, at: i64| {
                json!({ "event": event, "event_ts": at, "payload": { "account_id": "a", "object": object } })
            };
            let started = word("meeting.started", 1_800_000_000_123);
            let forged = webhook(&place, &started, "another secret").await;
            assert_eq!((forged.0.as_u16(), &forged.1["code"]), (400, &json!("webhook_signature")));
            assert!(kept(&place, &lesson).await.started_at.is_none());
            for _ in 0..2 {
                assert_eq!(webhook(&place, &started, SECRET).await.0, StatusCode::OK);
            }
            assert_eq!(webhook(&place, &word("meeting.ended", 1_800_000_900_000), SECRET).await.0, StatusCode::OK);
            let meeting = kept(&place, &lesson).await;
            assert_eq!(meeting.started_at.map(|at| at.0), Some(1_800_000_000_123_000));
            assert_eq!(meeting.ended_at.map(|at| at.0), Some(1_800_000_900_000_000));
            let stranger = json!({ "event": "meeting.started", "event_ts": 1, "payload": { "object": { "id": 5 } } });
            assert_eq!(webhook(&place, &stranger, SECRET).await.0, StatusCode::OK, "of the same account");
            let question = json!({ "event": "endpoint.url_validation", "payload": { "plainToken": "abc" } });
            let proof = webhook(&place, &question, SECRET).await;
            assert_eq!(proof.1, json!({ "plainToken": "abc", "encryptedToken": mac_hex(SECRET, "abc") }));
            assert_eq!(webhook(&place, &question, "another secret").await.0, StatusCode::BAD_REQUEST);
        });
    }

    fn a_silent_zoom_stops_no_payment(db) {
        // Nobody listens there.
        let gone = FakeZoom::start().base.clone();
        at(db, &gone, &[], async |place| {
            let lesson = paid_lesson(&place).await;
            place.rest().await;
            assert_eq!(place.booking_state(&lesson).await, ("CONFIRMED".into(), "PAID".into()));
            assert!(!kept(&place, &lesson).await.unsure, "nothing has left");
        });
    }
}

#[test]
fn br_65_meetings_are_made_when_the_marketplace_says_and_shown_when_paid() {
    for (moment, early) in [("booking", [1, 1]), ("confirm", [0, 1])] {
        let zoom = FakeZoom::start();
        let db = TestDb::sqlite();
        at(&db, &zoom.base, &[("BURSAR_MEETING__CREATE_ON", moment)], async |place| {
            let lesson = place.lesson().await;
            place.rest().await;
            assert_eq!(zoom.meetings().len(), early[0], "{moment} booked");
            place.confirm(&lesson).await;
            place.rest().await;
            assert_eq!(zoom.meetings().len(), early[1], "{moment} confirmed");
            let unpaid = booking(&place, &lesson, &lesson.teacher).await;
            assert!(unpaid["zoom_join_url"].is_null() && unpaid["zoom_start_url"].is_null(), "{unpaid}");
            let (_, paid) = place.pay(&lesson, "pm_card_visa").await;
            assert_eq!(paid["zoom_join_url"], zoom.meetings()[0]["join_url"], "at once, because it is there");
        });
    }
}

#[test]
fn meetings_can_be_the_teachers_own() {
    let zoom = FakeZoom::start();
    at(&TestDb::sqlite(), &zoom.base, &[("BURSAR_ZOOM__HOST", "teacher")], async |place| {
        paid_lesson(&place).await;
        place.rest().await;
        assert_eq!(zoom.called("POST /v2/users/teacher@example.org/meetings"), 1);
    });
}

/// prism stops what Zoom's document does not allow: a request of ours with 422, an answer of the fake's
/// with 500.
#[test]
fn our_calls_and_this_fake_are_of_zooms_document() {
    let zoom = FakeZoom::start();
    let judge = Peer::start_with("node", "run_prism.js", &[&zoom.base]);
    at(&TestDb::sqlite(), &judge.base, &[("BURSAR_GATEWAYS__TIMEOUT_SECONDS", "8")], async |place| {
        let lesson = paid_lesson(&place).await;
        place.rest().await;
        assert_eq!(zoom.meetings().len(), 1, "{:?}", place.alerts().await);
        let start = place.app.clock.now() + Span::days(3);
        let text = |at| server::http::json::Instant(at).text();
        let body = json!({ "start_time": text(start), "end_time": text(start + Span::HOUR) });
        act(&place, &lesson, "reschedule", &body).await;
        place.rest().await;
        let teacher = booking(&place, &lesson, &lesson.teacher).await;
        assert_eq!(through(&place, &teacher["zoom_start_url"]).await.0, StatusCode::SEE_OTHER);
        // A make whose answer is lost, so that the list is asked for too.
        let second = place.lesson_after(&lesson).await;
        place.confirm(&second).await;
        zoom.fail(Method::POST, Fault::DoneThenBroken);
        place.pay(&second, "pm_card_visa").await;
        place.rest().await;
        place.advance(Span::seconds(5)).await;
        assert_eq!((zoom.meetings().len(), zoom.called("GET /v2/users/me/meetings")), (2, 1));
        for lesson in [&lesson, &second] {
            let seen = booking(&place, lesson, &lesson.student).await;
            assert!(seen["zoom_join_url"].is_string(), "{seen}");
            act(&place, lesson, "cancel", &json!({})).await;
        }
        place.rest().await;
        assert!(zoom.meetings().is_empty(), "{:?}", zoom.meetings());
        let ways = ["POST /v2/users", "GET /v2/users", "GET /v2/meetings", "PATCH", "DELETE"];
        assert!(ways.iter().all(|way| zoom.called(way) > 0), "every call was judged");
        let alerts = place.alerts().await;
        assert!(!alerts.iter().any(|alert| alert.detail.contains("meeting")), "{alerts:?}");
    });
}
