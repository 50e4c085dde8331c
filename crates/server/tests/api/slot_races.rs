//! Sixty-four clients want the same hour of one teacher, over real connections: one gets it, the
//! others are told so, and the calendars agree with the bookings afterwards.

use axum::http::Method;
use domain::offers::{CreateOffer, OfferPatch};
use domain::people::Role;
use domain::records::Category;
use domain::time::{Span, Timestamp};
use serde_json::{Value, json};
use server::http::json::Instant;

use crate::common::{self, Answer};
use crate::mainjob::house::{House, Login, run};
use crate::mainjob::many::together;

const CLIENTS: i64 = 64;
const BOOKINGS: &str = "/api/bookings/bookings/";

/// A teacher with a gig, many students, and a place in time.
struct Crowd {
    students: Vec<Login>,
    teacher: Login,
    gig: i64,
    tomorrow: Timestamp,
}

async fn sign_up(house: &House, name: &str, role: Role) -> (common::Login, Login) {
    let login = common::register(&house.app, name, role, String::new()).await;
    let over_http = Login { uuid: login.person.uuid.clone(), token: login.token.clone() };
    (login, over_http)
}

async fn crowd(house: &House) -> Crowd {
    let (person, teacher) = sign_up(house, "tina", Role::Teacher).await;
    let offer = OfferPatch {
        category: Some(Category::Language),
        title: Some("Spanish conversation".into()),
        price_minor: Some(5_000),
        session_minutes: Some(60),
        ..OfferPatch::default()
    };
    let gig = house.app.db.submit(CreateOffer { payee: person.person.id, offer }).await.expect("a gig");
    let mut students = Vec::new();
    for number in 0..CLIENTS {
        students.push(sign_up(house, &format!("sam{number}"), Role::Student).await.1);
    }
    let tomorrow = Timestamp::from_seconds((house.app.clock.now() + Span::DAY).seconds());
    Crowd { students, teacher, gig: gig.id.0, tomorrow }
}

impl Crowd {
    /// An hour, so many hours from this time tomorrow.
    fn hour(&self, number: i64) -> Value {
        let starts_at = self.tomorrow + Span::hours(number);
        json!({"start_time": Instant(starts_at).text(), "end_time": Instant(starts_at + Span::HOUR).text()})
    }

    fn request(&self, number: i64) -> Value {
        let mut body = self.hour(number);
        body["teacher"] = json!(self.teacher.uuid);
        body["gig"] = json!(self.gig);
        body
    }

    /// Everybody has an hour of his own; the last one is 63 hours from now tomorrow.
    async fn book_apart(&self, house: &House) -> Vec<i64> {
        let mut ids = Vec::new();
        for (number, student) in (0..).zip(&self.students) {
            let made = house.post(Some(student), BOOKINGS, self.request(number)).await.expect(201);
            ids.push(made.body["id"].as_i64().expect("an id"));
        }
        ids
    }
}

/// One request, repeated while its person has too many of them running.
async fn ask(house: &House, who: &Login, path: String, body: Value) -> Answer {
    loop {
        let reply = house.send(Method::POST, Some(who), &path, &[], Some(body.to_string())).await;
        if reply.status != 429 {
            return reply;
        }
    }
}

/// One is answered so, all others that the time is taken.
#[track_caller]
fn one_wins(replies: Vec<Answer>, status: u16) -> usize {
    let winners: Vec<usize> = (0..replies.len()).filter(|at| replies[*at].status == status).collect();
    assert_eq!(winners.len(), 1, "{:?}", replies.iter().map(|reply| reply.status).collect::<Vec<_>>());
    for (at, reply) in replies.into_iter().enumerate() {
        if at != winners[0] {
            let reply = reply.refused(409, "slot_taken");
            assert_eq!(reply.body["error"], "The time is not free any more.");
        }
    }
    winners[0]
}

async fn agrees(house: &House) {
    let findings = house.app.db.read(store::verify::verify).await.expect("a database");
    assert!(findings.is_empty(), "{findings:?}");
}

store::both! {
    fn br_2_h_15_of_many_who_book_one_hour_one_wins_and_giving_it_back_frees_it(db) {
        run(db, &[], async |house| {
            let crowd = crowd(house).await;
            // Every other one a quarter of an hour off: overlapping is as bad as being the same.
            let requests = (0..).zip(&crowd.students).map(|(number, student): (i64, _)| {
                let mut body = crowd.request(5);
                if number % 2 == 1 {
                    let starts_at = crowd.tomorrow + Span::hours(5) + Span::minutes(15);
                    body["start_time"] = json!(Instant(starts_at).text());
                }
                ask(house, student, BOOKINGS.to_owned(), body)
            });
            let replies = together(requests).await;
            let winner = replies.iter().find(|reply| reply.status == 201).map(|reply| reply.body["id"].clone());
            let at = one_wins(replies, 201);
            agrees(house).await;
            let cancel = format!("{BOOKINGS}{}/cancel/", winner.expect("one won"));
            house.post(Some(&crowd.students[at]), &cancel, json!({})).await.expect(200);
            let other = &crowd.students[(at + 1) % crowd.students.len()];
            house.post(Some(other), BOOKINGS, crowd.request(5)).await.expect(201);
            agrees(house).await;
        });
    }

    fn h_15_hours_that_nobody_confirms_or_pays_for_are_free_again(db) {
        run(db, &[("BURSAR_BOOKING__PAY_TTL_HOURS", "24")], async |house| {
            let crowd = crowd(house).await;
            let (one, other) = (&crowd.students[0], &crowd.students[1]);
            for (hour, is_confirmed) in [(200, false), (201, true)] {
                let made = house.post(Some(one), BOOKINGS, crowd.request(hour)).await.expect(201);
                if is_confirmed {
                    let path = format!("{BOOKINGS}{}/confirm/", made.body["id"]);
                    house.post(Some(&crowd.teacher), &path, json!({})).await.expect(200);
                }
                house.post(Some(other), BOOKINGS, crowd.request(hour)).await.refused(409, "slot_taken");
            }
            house.advance(Span::hours(25)).await;
            house.post(Some(other), BOOKINGS, crowd.request(201)).await.expect(201);
            house.post(Some(other), BOOKINGS, crowd.request(200)).await.refused(409, "slot_taken");
            house.advance(Span::hours(48)).await;
            house.post(Some(other), BOOKINGS, crowd.request(200)).await.expect(201);
            agrees(house).await;
        });
    }

    fn br_2_br_4_of_many_confirmed_into_one_hour_one_wins(db) {
        run(db, &[], async |house| {
            let crowd = crowd(house).await;
            let mut ids = Vec::new();
            for student in &crowd.students {
                let buy = json!({"gig_id": crowd.gig, "payment_method_id": "pm_card_visa"});
                let bought = house.post(Some(student), "/api/payments/process-payment/", buy).await.expect(200);
                ids.push(bought.body["booking_id"].as_i64().expect("an id"));
            }
            let requests = ids.iter().map(|id| {
                ask(house, &crowd.teacher, format!("{BOOKINGS}{id}/confirm/"), crowd.hour(5))
            });
            let at = one_wins(together(requests).await, 200);
            let others = ids.iter().zip(&crowd.students).enumerate().filter(|(other, _)| *other != at);
            for (_, (id, student)) in others {
                let seen = house.get(Some(student), &format!("{BOOKINGS}{id}/")).await.expect(200).body;
                assert_eq!((&seen["status"], &seen["start_time"]), (&json!("PENDING"), &Value::Null));
            }
            agrees(house).await;
        });
    }

    fn br_2_br_7_of_many_moved_into_one_hour_one_wins_and_the_rest_stay(db) {
        run(db, &[], async |house| {
            let crowd = crowd(house).await;
            let ids = crowd.book_apart(house).await;
            let requests = ids.iter().zip(&crowd.students).map(|(id, student)| {
                ask(house, student, format!("{BOOKINGS}{id}/reschedule/"), crowd.hour(100))
            });
            let at = one_wins(together(requests).await, 200);
            for (number, (id, student)) in (0..).zip(ids.iter().zip(&crowd.students)) {
                let seen = house.get(Some(student), &format!("{BOOKINGS}{id}/")).await.expect(200).body;
                let moved = usize::try_from(number) == Ok(at);
                let hour = crowd.hour(if moved { 100 } else { number });
                assert_eq!(seen["start_time"], hour["start_time"]);
            }
            agrees(house).await;
        });
    }

    fn br_2_br_7_of_many_requests_granted_for_one_hour_one_wins(db) {
        run(db, &[("BURSAR_BOOKING__RESCHEDULE", "two_step")], async |house| {
            let crowd = crowd(house).await;
            let ids = crowd.book_apart(house).await;
            for (id, student) in ids.iter().zip(&crowd.students) {
                let path = format!("{BOOKINGS}{id}/reschedule/");
                house.post(Some(student), &path, crowd.hour(100)).await.expect(200);
            }
            let requests = ids.iter().map(|id| {
                let path = format!("{BOOKINGS}{id}/respond_reschedule/");
                ask(house, &crowd.teacher, path, json!({"action": "CONFIRMED"}))
            });
            one_wins(together(requests).await, 200);
            agrees(house).await;
        });
    }
}
