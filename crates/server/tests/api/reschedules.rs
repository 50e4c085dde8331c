//! Moving a session, at once and by request, as both parties see it.

use serde_json::{Value, json};

use super::market::{Answer, Login, Market, run};

const BOOKINGS: &str = "/api/bookings/bookings/";

struct Cast {
    student: Login,
    teacher: Login,
    gig: i64,
}

async fn cast(market: &Market) -> Cast {
    let (student, teacher) = (market.student("sam").await, market.teacher("tina").await);
    let gig = market.gig(teacher.person.id).await.0;
    Cast { student, teacher, gig }
}

fn path(id: i64, action: &str) -> String {
    format!("{BOOKINGS}{id}/{action}")
}

fn times(begins: i64, minutes: i64) -> Value {
    json!({"start_time": Market::at(begins), "end_time": Market::at(begins + minutes), "reason": "train"})
}

impl Cast {
    /// Ninety minutes at 50.00 an hour.
    async fn booked(&self, market: &Market, begins: i64) -> i64 {
        let request = json!({
            "teacher": self.teacher.person.uuid, "gig": self.gig,
            "start_time": Market::at(begins), "end_time": Market::at(begins + 90),
        });
        let made = market.post(&self.student, BOOKINGS, request).await.expect(201);
        let id = made.body["id"].as_i64().expect("an id");
        market.post(&self.teacher, &path(id, "confirm/"), json!({})).await.expect(200);
        id
    }

    async fn pay(&self, market: &Market, id: i64) -> Answer {
        let body = json!({"booking_id": id, "payment_method_id": "pm_card_visa"});
        market.post(&self.student, "/api/payments/process-booking-payment/", body).await
    }

    async fn see(&self, market: &Market, id: i64) -> Value {
        market.get(&self.student, &path(id, "")).await.expect(200).body
    }
}

store::both! {
    /// The web client's call, made after the session was paid.
    fn br_7_the_web_client_moves_a_paid_session(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let id = cast.booked(&market, 600).await;
            cast.pay(&market, id).await.expect(200);
            let before = cast.see(&market, id).await;
            let moved = market.post(&cast.student, &path(id, "reschedule/"), times(2_000, 90)).await.expect(200);
            let changes = json!({
                "old_start_time": Market::at(600), "old_end_time": Market::at(690),
                "new_start_time": Market::at(2_000), "new_end_time": Market::at(2_090), "reason": "train",
            });
            assert_eq!(moved.body["changes"], changes);
            assert!(moved.body["message"].is_string());
            let room = json!({
                "join_url": before["zoom_join_url"], "meeting_id": id.to_string(), "password": null,
            });
            assert_eq!(moved.body["zoom_info"], room, "the room follows as it is");
            assert!(before["zoom_join_url"].is_string());
            assert_eq!(moved.body.get("reschedule_request"), None);
            let booking = cast.see(&market, id).await;
            assert_eq!(moved.body["booking"], booking);
            assert_eq!(booking["start_time"], Market::at(2_000));
            assert_eq!(booking["scheduled_datetime"], Market::at(2_000));
            assert_eq!(booking["end_time"], Market::at(2_090));
            assert_eq!((&booking["status"], &booking["payment_status"]), (&json!("CONFIRMED"), &json!("PAID")));
            assert_eq!(booking["payment_details"], before["payment_details"], "the payment follows as it is");
            // The teacher may as well, under the other names, and by length.
            let named = json!({"new_start_time": Market::at(2_100), "new_end_time": Market::at(2_190)});
            let moved = market.post(&cast.teacher, &path(id, "reschedule/"), named).await.expect(200);
            assert_eq!(moved.body["changes"]["reason"], Value::Null);
            let length = json!({"start_time": Market::at(2_110), "duration": 90});
            market.post(&cast.teacher, &path(id, "reschedule/"), length).await.expect(200);
            // It is paid once, and completes after its new end.
            market.advance_to(700);
            let early = market.post(&cast.teacher, &path(id, "complete/"), json!({})).await;
            early.refused(400, "session_not_ended");
            market.advance_to(2_201);
            market.post(&cast.teacher, &path(id, "complete/"), json!({})).await.expect(200);
            let books = market.gateway.books().await.expect("books");
            assert_eq!((books.charges.len(), books.charges[0].amount), (1, 7_875));
        });
    }

    fn br_7_h_11_paid_sessions_keep_their_length_unpaid_ones_are_priced_anew(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let id = cast.booked(&market, 600).await;
            let longer = market.post(&cast.student, &path(id, "reschedule/"), times(600, 120)).await.expect(200);
            assert_eq!(longer.body["booking"]["payment_details"]["total_amount"], 105.0);
            assert_eq!(longer.body["booking"]["duration_hours"], 2.0);
            // The end left out: an hour.
            let hour = json!({"start_time": Market::at(900)});
            let shorter = market.post(&cast.student, &path(id, "reschedule/"), hour).await.expect(200);
            assert_eq!(shorter.body["booking"]["payment_details"]["total_amount"], 52.5);
            cast.pay(&market, id).await.expect(200);
            for minutes in [61, 59, 720] {
                let answer = market.post(&cast.student, &path(id, "reschedule/"), times(1_000, minutes)).await;
                answer.refused(400, "length_fixed");
            }
            market.post(&cast.student, &path(id, "reschedule/"), times(1_000, 60)).await.expect(200);
            let books = market.gateway.books().await.expect("books");
            assert_eq!(books.charges.iter().map(|charge| charge.amount).collect::<Vec<_>>(), [5_250]);
        });
    }

    /// An intent opened for ninety minutes must not pay for twelve hours.
    fn br_7_h_11_an_open_intent_pins_the_length(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let id = cast.booked(&market, 600).await;
            let intent = json!({"session_booking_id": id});
            let intent = market.post(&cast.student, "/api/payments/create-payment-intent/", intent).await.expect(201);
            let answer = market.post(&cast.student, &path(id, "reschedule/"), times(900, 720)).await;
            answer.refused(409, "payment_in_progress");
            market.post(&cast.student, &path(id, "reschedule/"), times(900, 90)).await.expect(200);
            let reference = intent.body["payment_intent_id"].clone();
            let confirm = json!({"payment_intent_id": reference, "payment_method_id": "pm_card_visa"});
            market.post(&cast.student, "/api/payments/confirm-payment/", confirm).await.expect(200);
            let paid = cast.see(&market, id).await;
            assert_eq!((&paid["payment_status"], &paid["start_time"]), (&json!("PAID"), &json!(Market::at(900))));
            assert_eq!(paid["payment_details"]["amount_paid"], 78.75);
        });
    }

    fn br_7_what_cannot_be_moved_is_refused(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let (id, other) = (cast.booked(&market, 600).await, cast.booked(&market, 900).await);
            let move_to = path(id, "reschedule/");
            market.post(&cast.student, &move_to, times(900, 90)).await.refused(409, "slot_taken");
            market.post(&cast.student, &move_to, times(989, 90)).await.refused(409, "slot_taken");
            for wrong in [
                json!({}),
                json!({"end_time": Market::at(800)}),
                json!({"start_time": "2030-01-01T10:00:00"}),
                json!({"start_time": Market::at(800), "end_time": Market::at(800)}),
                json!({"start_time": Market::at(800), "end_time": Market::at(700)}),
                json!({"start_time": Market::at(-10), "end_time": Market::at(80)}),
                json!({"start_time": Market::at(2_000), "duration": 0}),
                json!({"start_time": Market::at(2_000), "duration": 10}),
                json!({"start_time": Market::at(2_000), "duration": 1_441}),
                json!({"start_time": Market::at(2_000), "duration": "long"}),
                json!({"start_time": "9999-12-30T21:59:59Z", "duration": 60}),
                json!({"start_time": Market::at(2_000), "reason": "x".repeat(1_001)}),
            ] {
                for action in ["reschedule/", "request_reschedule/"] {
                    let answer = market.post(&cast.student, &path(id, action), wrong.clone()).await;
                    answer.refused(400, "validation_failed");
                }
            }
            let stranger = market.student("eve").await;
            for action in ["reschedule/", "request_reschedule/", "respond_reschedule/"] {
                let mut body = times(2_000, 90);
                body["action"] = json!("CONFIRMED");
                let answer = market.post(&stranger, &path(id, action), body.clone()).await;
                answer.refused(404, "not_found");
                let nobody = market.send(axum::http::Method::POST, None, &path(id, action), &[], Some(body)).await;
                nobody.refused(401, "unauthorized");
            }
            let buy = json!({"gig_id": cast.gig, "payment_method_id": "pm_card_visa"});
            let bought = market.post(&cast.student, "/api/payments/process-payment/", buy).await.expect(200);
            let untimed = bought.body["booking_id"].as_i64().expect("an id");
            let answer = market.post(&cast.student, &path(untimed, "reschedule/"), times(2_000, 60)).await;
            answer.refused(400, "needs_times");
            market.delete(&cast.student, &path(other, "")).await.expect(204);
            let answer = market.post(&cast.student, &path(other, "reschedule/"), times(2_000, 90)).await;
            answer.refused(400, "booking_cancelled");
            market.post(&cast.student, &move_to, times(900, 90)).await.expect(200);
            market.advance_to(901);
            market.post(&cast.student, &move_to, times(2_000, 90)).await.refused(400, "booking_over");
        });
    }

    fn br_7_a_repeated_move_is_answered_the_same(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let id = cast.booked(&market, 600).await;
            let move_to = path(id, "reschedule/");
            let first = market.post_keyed(&cast.student, &move_to, "k", times(900, 90)).await.expect(200);
            let again = market.post_keyed(&cast.student, &move_to, "k", times(900, 90)).await.expect(200);
            assert_eq!(first.text, again.text);
            assert_eq!(again.headers["idempotent-replayed"], "true");
            let other = market.post_keyed(&cast.student, &move_to, "k", times(1_000, 90)).await;
            other.refused(422, "idempotency_key_reused");
            let same = market.post(&cast.student, &move_to, times(900, 90)).await.expect(200);
            assert_eq!(same.body["booking"], first.body["booking"], "no key, and nothing changed");
        });
    }

    fn br_7_by_request_the_other_party_agrees_or_does_not(db) {
        run(db, &[("BURSAR_BOOKING__RESCHEDULE", "two_step")], async |market| {
            let cast = cast(&market).await;
            let id = cast.booked(&market, 600).await;
            cast.pay(&market, id).await.expect(200);
            // Here the at-once form only asks.
            let asked = market.post(&cast.student, &path(id, "reschedule/"), times(2_000, 90)).await.expect(200);
            assert_eq!(asked.body.get("changes"), None);
            let request = json!({
                "requested_by": cast.student.person.uuid, "status": "PENDING",
                "requested_start_time": Market::at(2_000), "requested_end_time": Market::at(2_090),
                "reason": "train", "awaiting_response_from": cast.teacher.person.uuid,
            });
            assert_eq!(asked.body["reschedule_request"], request);
            let booking = cast.see(&market, id).await;
            assert_eq!(booking, asked.body["booking"]);
            assert_eq!(booking["start_time"], Market::at(600));
            assert_eq!(booking["reschedule_request_status"], "PENDING");
            assert_eq!(booking["reschedule_request_start_time"], Market::at(2_000));
            assert_eq!(booking["reschedule_request_end_time"], Market::at(2_090));
            assert_eq!(booking["reschedule_request_reason"], "train");
            assert_eq!(booking["reschedule_requested_by"], cast.student.person.uuid);
            let second = market.post(&cast.teacher, &path(id, "request_reschedule/"), times(3_000, 90)).await;
            second.refused(409, "reschedule_open");
            let respond = path(id, "respond_reschedule/");
            let own = market.post(&cast.student, &respond, json!({"action": "CONFIRMED"})).await;
            own.refused(403, "wrong_party");
            for junk in [json!({}), json!({"action": "MAYBE"})] {
                market.post(&cast.teacher, &respond, junk).await.refused(400, "validation_failed");
            }
            let no = json!({"action": "declined", "response_message": "I am away"});
            let answer = market.post(&cast.teacher, &respond, no).await.expect(200);
            assert_eq!(answer.body["booking"]["reschedule_request_status"], "NONE");
            assert_eq!(answer.body["booking"]["previous_reschedule_request_status"], "DECLINED");
            assert_eq!(answer.body["booking"]["reschedule_request_start_time"], Value::Null);
            assert_eq!(answer.body["booking"]["start_time"], Market::at(600));
            let none = market.post(&cast.teacher, &respond, json!({"action": "CONFIRMED"})).await;
            none.refused(400, "no_reschedule_request");

            market.post(&cast.teacher, &path(id, "request_reschedule/"), times(3_000, 90)).await.expect(200);
            let answer = market.post(&cast.student, &respond, json!({"action": "CONFIRMED"})).await.expect(200);
            assert_eq!(answer.body["booking"]["start_time"], Market::at(3_000));
            assert_eq!(answer.body["booking"]["previous_reschedule_request_status"], "CONFIRMED");
            assert_eq!(answer.body["booking"]["payment_status"], "PAID");
            assert!(answer.body["message"].is_string());
            // The old hours are free again.
            cast.booked(&market, 600).await;
        });
    }

    /// Both forms are there whatever is configured; an administrator moves, and asks nobody.
    fn br_7_requests_work_where_moving_at_once_does(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let id = cast.booked(&market, 600).await;
            market.post(&cast.teacher, &path(id, "request_reschedule/"), times(2_000, 90)).await.expect(200);
            // Somebody takes that time before the answer.
            let taken = cast.booked(&market, 2_030).await;
            let respond = path(id, "respond_reschedule/");
            let yes = json!({"action": "CONFIRMED"});
            market.post(&cast.student, &respond, yes.clone()).await.refused(409, "slot_taken");
            market.delete(&cast.student, &path(taken, "")).await.expect(204);
            market.post(&cast.student, &respond, yes.clone()).await.expect(200);
            let admin = market.admin().await;
            let asks = market.post(&admin, &path(id, "request_reschedule/"), times(3_000, 90)).await;
            asks.refused(403, "wrong_party");
            // Moved meanwhile, a request is void.
            market.post(&cast.teacher, &path(id, "request_reschedule/"), times(4_000, 90)).await.expect(200);
            let moved = market.post(&admin, &path(id, "reschedule/"), times(3_000, 90)).await.expect(200);
            assert_eq!(moved.body["booking"]["reschedule_request_status"], "NONE");
            market.post(&cast.student, &respond, yes).await.refused(400, "no_reschedule_request");
        });
    }
}
