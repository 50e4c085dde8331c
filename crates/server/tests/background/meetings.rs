use axum::http::StatusCode;
use domain::time::Span;
use serde_json::{Value, json};
use store::both;

use super::place::{Lesson, Place, run, run_with};
use crate::common::Login;

async fn booking(place: &Place, lesson: &Lesson, who: &Login) -> Value {
    let (status, body) = place.get(Some(who), &format!("/api/bookings/bookings/{}", lesson.booking)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

/// The path of a link of ours.
fn path(link: &Value) -> String {
    let link = link.as_str().expect("a link");
    link[link.find("/meet/").expect("a room of ours")..].to_owned()
}

async fn door(place: &Place, path: &str) -> StatusCode {
    let request = axum::http::Request::get(path).body(axum::body::Body::empty()).expect("a request");
    place.answer(request).await.0
}

both! {
    fn a_paid_session_has_a_room_and_only_the_teacher_the_hosts_door(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            let action = format!("/api/bookings/bookings/{}/create_meeting", lesson.booking);
            let unpaid = place.post(Some(&lesson.student), &action, &json!({})).await;
            assert_eq!((unpaid.0, &unpaid.1["code"]), (StatusCode::BAD_REQUEST, &json!("not_paid")), "{}", unpaid.1);
            for who in [&lesson.student, &lesson.teacher] {
                let before = booking(&place, &lesson, who).await;
                assert!(before["zoom_join_url"].is_null() && before["zoom_start_url"].is_null(), "{before}");
            }
            let (_, paid) = place.pay(&lesson, "pm_card_visa").await;
            let (student, teacher) =
                (booking(&place, &lesson, &lesson.student).await, booking(&place, &lesson, &lesson.teacher).await);
            assert_eq!(paid["zoom_join_url"], student["zoom_join_url"]);
            assert_eq!(student["zoom_join_url"], teacher["zoom_join_url"]);
            assert!(student["zoom_start_url"].is_null(), "{student}");
            assert_ne!(teacher["zoom_start_url"], teacher["zoom_join_url"]);
            for link in [&teacher["zoom_join_url"], &teacher["zoom_start_url"]] {
                assert_eq!(door(&place, &path(link)).await, StatusCode::OK);
            }
            let made = place.post(Some(&lesson.student), &action, &json!({})).await;
            assert_eq!(made.0, StatusCode::OK, "{}", made.1);
            assert_eq!(made.1["zoom_join_url"], student["zoom_join_url"]);
            assert!(made.1["zoom_start_url"].is_null() && made.1["booking"]["zoom_start_url"].is_null());
            let info = format!("/api/bookings/bookings/{}/meeting_info", lesson.booking);
            let (_, told) = place.get(Some(&lesson.teacher), &info).await;
            assert_eq!(told["meeting_details"]["start_url"], teacher["zoom_start_url"]);
            assert_eq!(told["booking_details"]["status"], "CONFIRMED");
            let stranger = place.admin().await;
            let (_, seen) = place.get(Some(&stranger), &info).await;
            assert!(seen["meeting_details"]["start_url"].is_null(), "{seen}");
        });
    }

    fn a_cancelled_session_has_no_room_any_more(db) {
        run(db, async |place| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            let (_, paid) = place.pay(&lesson, "pm_card_visa").await;
            let room = path(&paid["zoom_join_url"]);
            assert_eq!(door(&place, &room).await, StatusCode::OK);
            let cancel = format!("/api/bookings/bookings/{}/cancel", lesson.booking);
            place.post(Some(&lesson.student), &cancel, &json!({})).await;
            assert_eq!(door(&place, &room).await, StatusCode::NOT_FOUND);
            assert!(booking(&place, &lesson, &lesson.teacher).await["zoom_join_url"].is_null());
            assert_eq!(door(&place, &format!("{room}x")).await, StatusCode::NOT_FOUND);
        });
    }

    fn a_receipt_says_where_the_session_takes_place(db) {
        run_with(db, &[("BURSAR_MEETING__PROVIDER", "static_url"), ("BURSAR_MEETING__STATIC_URL", "https://rooms.example/1")], async |place| {
            let lesson = place.lesson().await;
            place.confirm(&lesson).await;
            // The letters before these are written before there is a room to tell of.
            place.rest().await;
            let (_, paid) = place.pay(&lesson, "pm_card_visa").await;
            assert_eq!(paid["zoom_join_url"], "https://rooms.example/1");
            place.advance(Span::MINUTE).await;
            let files = std::fs::read_dir(place.letters()).expect("a folder").flatten();
            let texts = files.map(|file| std::fs::read_to_string(file.path()).expect("text"));
            let told = texts.filter(|text| text.contains("Meeting: https://rooms.example/1")).count();
            assert_eq!(told, 2, "the payer's receipt and the payee's note");
        });
    }
}
