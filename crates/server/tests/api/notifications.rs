//! The stream of one's own changes: a client that reads messages as they come.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request};
use futures_util::StreamExt;
use serde_json::{Value, json};
use server::http::{Surroundings, wrap};
use tower::ServiceExt;

use super::market::{Login, Market, run};

const STREAM: &str = "/api/notifications/stream/";
const BOOKINGS: &str = "/api/bookings/bookings/";
/// Longer than anything takes here: a message that does not come fails the test.
const PATIENCE: Duration = Duration::from_secs(20);

/// One open connection.
struct Listener {
    body: BodyDataStream,
    text: String,
}

/// What a message says.
#[derive(Debug)]
struct Message {
    id: String,
    event: String,
    body: Value,
}

impl Listener {
    async fn open(market: &Market, who: &Login, last: Option<&str>) -> Listener {
        let around = Surroundings::new(market.app.config.clone(), market.app.dice.clone());
        let routes = wrap(server::api::routes(market.app.clone()), &around);
        let mut request =
            Request::builder().uri(STREAM).header("authorization", format!("Bearer {}", who.token));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = routes.oneshot(request.body(Body::empty()).expect("valid")).await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Listener { body: response.into_body().into_data_stream(), text: String::new() }
    }

    async fn next(&mut self) -> Message {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let (message, rest) = (message.to_owned(), rest.to_owned());
                self.text = rest;
                return Message::read(&message);
            }
            let more = tokio::time::timeout(PATIENCE, self.body.next()).await.expect("a message comes");
            let more = more.expect("the connection stays").expect("readable");
            self.text.push_str(std::str::from_utf8(&more).expect("text"));
        }
    }
}

impl Message {
    fn read(text: &str) -> Message {
        let line = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            found.unwrap_or_default().to_owned()
        };
        Message {
            id: line("id"),
            event: line("event"),
            body: serde_json::from_str(&line("data")).expect("JSON"),
        }
    }
}

async fn request(market: &Market, student: &Login, teacher: &Login, begins: i64) -> i64 {
    let gigs = market.get(teacher, "/api/accounts/gigs/").await.expect(200).body;
    let request = json!({
        "teacher": teacher.person.uuid, "gig": gigs[0]["id"],
        "start_time": Market::at(begins), "end_time": Market::at(begins + 60),
    });
    let made = market.post(student, BOOKINGS, request).await.expect(201);
    made.body["id"].as_i64().expect("an id")
}

store::both! {
    fn both_parties_hear_of_their_booking_and_nobody_else(db) {
        run(db, &[], async |market| {
            let (sam, tina) = (market.student("sam").await, market.teacher("tina").await);
            let other = market.student("uma").await;
            market.gig(tina.person.id).await;
            let mut listeners = Vec::new();
            for who in [&sam, &tina, &other] {
                listeners.push(Listener::open(&market, who, None).await);
            }
            let first = request(&market, &sam, &tina, 600).await;
            let second = request(&market, &other, &tina, 800).await;
            market.post(&tina, &format!("{BOOKINGS}{first}/confirm/"), json!({})).await.expect(200);
            let mut heard = Vec::new();
            for (listener, count) in listeners.iter_mut().zip([2, 3, 1]) {
                for _ in 0..count {
                    let message = listener.next().await;
                    assert_eq!(message.body["type"], message.event.as_str());
                    assert_eq!(message.body["created_at"], Market::at(0));
                    heard.push((message.event, message.body["booking_id"].as_i64().expect("an id")));
                }
            }
            heard.sort();
            let mut expected = vec![("booking.confirmed".to_owned(), first); 2];
            expected.extend(vec![("booking.requested".to_owned(), first); 2]);
            expected.extend(vec![("booking.requested".to_owned(), second); 2]);
            expected.sort();
            assert_eq!(heard, expected);
        });
    }

    fn who_was_away_is_told_what_has_changed(db) {
        run(db, &[], async |market| {
            let (sam, tina) = (market.student("sam").await, market.teacher("tina").await);
            market.gig(tina.person.id).await;
            let mut listener = Listener::open(&market, &tina, None).await;
            let first = request(&market, &sam, &tina, 600).await;
            let last = listener.next().await.id;
            drop(listener);
            market.advance_to(1);
            let second = request(&market, &sam, &tina, 800).await;
            let mut listener = Listener::open(&market, &tina, Some(&last)).await;
            // What came within the overlap is told again; what happened meanwhile is told for sure.
            let told = [listener.next().await, listener.next().await];
            let told = told.map(|message| (message.event, message.body["booking_id"].as_i64()));
            let changed = |id| ("booking.changed".to_owned(), Some(id));
            assert_eq!(told, [changed(first), changed(second)]);
            market.post(&tina, &format!("{BOOKINGS}{second}/confirm/"), json!({})).await.expect(200);
            // The node's reader may still tell of the second request itself.
            let mut next = listener.next().await;
            while next.event == "booking.requested" {
                next = listener.next().await;
            }
            assert_eq!((next.event.as_str(), &next.body["booking_id"]), ("booking.confirmed", &json!(second)));
        });
    }

    fn connections_are_counted_and_need_a_login(db) {
        run(db, &[], async |market| {
            let sam = market.student("sam").await;
            market.send(Method::GET, None, STREAM, &[], None).await.expect(401);
            let wrong = [("last-event-id", "junk")];
            market.send(Method::GET, Some(&sam), STREAM, &wrong, None).await.refused(400, "validation_failed");
            let mut open = Vec::new();
            for _ in 0..4 {
                open.push(Listener::open(&market, &sam, None).await);
            }
            market.send(Method::GET, Some(&sam), STREAM, &[], None).await.refused(429, "rate_limited");
            open.pop();
            Listener::open(&market, &sam, None).await;
        });
    }

    fn the_stop_ends_every_connection(db) {
        run(db, &[], async |market| {
            let sam = market.student("sam").await;
            let mut listener = Listener::open(&market, &sam, None).await;
            market.app.notices.close().await;
            let end = tokio::time::timeout(PATIENCE, listener.body.next()).await.expect("it ends");
            assert!(end.is_none());
        });
    }
}
