//! Bookings as their parties see and change them.

use std::sync::Arc;

use domain::id::OfferId;
use domain::records::Category;
use gateways::gateway::{ConfirmCharge, Gateway};
use gateways::sandbox::{Call, CallFault, Fault, Faults};
use serde_json::{Value, json};

use super::market::{Login, Market, run};

const BOOKINGS: &str = "/api/bookings/bookings/";

/// A student, a teacher and the teacher's gig at 50.00 an hour.
struct Cast {
    student: Login,
    teacher: Login,
    gig: OfferId,
}

async fn cast(market: &Market) -> Cast {
    let (student, teacher) = (market.student("sam").await, market.teacher("tina").await);
    let gig = market.gig(teacher.person.id).await;
    Cast { student, teacher, gig }
}

impl Cast {
    /// Ninety minutes that begin so many minutes from the start.
    fn request(&self, begins: i64) -> Value {
        json!({
            "teacher": self.teacher.person.uuid, "gig": self.gig.0,
            "start_time": Market::at(begins), "end_time": Market::at(begins + 90), "duration_hours": 1.5,
        })
    }

    async fn book(&self, market: &Market, begins: i64) -> i64 {
        let answer = market.post(&self.student, BOOKINGS, self.request(begins)).await.expect(201);
        answer.body["id"].as_i64().expect("an id")
    }

    async fn confirm(&self, market: &Market, id: i64) {
        market.post(&self.teacher, &path(id, "confirm/"), json!({})).await.expect(200);
    }

    async fn pay(&self, market: &Market, id: i64) {
        let body = json!({"booking_id": id, "payment_method_id": "pm_card_visa"});
        market.post(&self.student, "/api/payments/process-booking-payment/", body).await.expect(200);
    }

    async fn paid(&self, market: &Market, begins: i64) -> i64 {
        let id = self.book(market, begins).await;
        self.confirm(market, id).await;
        self.pay(market, id).await;
        id
    }
}

fn path(id: i64, action: &str) -> String {
    format!("{BOOKINGS}{id}/{action}")
}

async fn refunded_at_gateway(market: &Market) -> i64 {
    let books = market.gateway.books().await.expect("books");
    books.charges.iter().map(|charge| charge.refunded).sum()
}

store::both! {
    /// Every member of the contract is there before anything is paid, with what will be asked.
    fn a_requested_booking_shows_everything(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let mut request = cast.request(600);
            request["notes"] = json!("Bring a book");
            request["payment_status"] = json!("PAID");
            let created = market.post(&cast.student, BOOKINGS, request).await.expect(201);
            let id = created.body["id"].as_i64().expect("it is there");
            let expected = json!({
                "id": id,
                "student": cast.student.person.uuid, "teacher": cast.teacher.person.uuid,
                "student_name": "sam Example", "teacher_name": "tina Example",
                "gig": cast.gig.0, "gig_title": "Spanish conversation",
                "start_time": Market::at(600), "end_time": Market::at(690), "duration_hours": 1.5,
                "scheduled_datetime": Market::at(600), "needs_scheduling": false,
                "status": "PENDING", "payment_status": "UNPAID",
                "reschedule_request_status": "NONE", "reschedule_request_start_time": null,
                "reschedule_request_end_time": null, "reschedule_request_reason": null,
                "reschedule_requested_by": null, "previous_reschedule_request_status": null,
                "zoom_meeting_id": null, "zoom_join_url": null, "zoom_start_url": null,
                "zoom_password": null,
                "notes": "Bring a book", "session_type": "video_call",
                "cancellation_reason": null, "completion_method": null, "last_payment_error": null,
                "payment_id": null,
                "payment_details": {
                    "payment_id": null, "amount_paid": 0.0, "payment_status": "UNPAID",
                    "stripe_payment_intent_id": null, "platform_fee": 3.75, "session_cost": 75.0,
                    "total_amount": 78.75, "payment_date": null, "currency": "USD",
                },
                "created_at": Market::at(0), "updated_at": Market::at(0),
            });
            assert_eq!(created.body, expected);
            for who in [&cast.student, &cast.teacher] {
                let seen = market.get(who, &path(id, "")).await.expect(200);
                assert_eq!(seen.body, expected);
            }
            assert!(created.text.contains(r#""total_amount":78.75,"#), "{}", created.text);
        });
    }

    fn what_cannot_be_booked_is_refused(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let other = market.teacher("olga").await;
            let others = market.gig(other.person.id).await;
            let past = Market::at(-10);
            let cases = [
                (json!({"end_time": Market::at(500)}), 400, "validation_failed"),
                (json!({"end_time": Market::at(600)}), 400, "validation_failed"),
                (json!({"start_time": past, "duration_hours": null}), 400, "validation_failed"),
                (json!({"start_time": "2030-01-01T10:00:00"}), 400, "validation_failed"),
                (json!({"start_time": null}), 400, "validation_failed"),
                (json!({"duration_hours": 1.6}), 400, "validation_failed"),
                (json!({"duration_hours": "many"}), 400, "validation_failed"),
                (json!({"duration_hours": -1.5}), 400, "validation_failed"),
                (json!({"end_time": Market::at(601), "duration_hours": null}), 400, "validation_failed"),
                (json!({"end_time": Market::at(60_000), "duration_hours": null}), 400, "validation_failed"),
                (json!({"scheduled_datetime": Market::at(601)}), 400, "validation_failed"),
                (json!({"notes": "x".repeat(2_001)}), 400, "validation_failed"),
                (json!({"session_type": ""}), 400, "validation_failed"),
                (json!({"gig": "x"}), 400, "validation_failed"),
                (json!({"gig": 9_007_199_254_740_992_i64}), 400, "malformed"),
                (json!({"gig": 4_711}), 404, "not_found"),
                (json!({"gig": -1}), 404, "not_found"),
                (json!({"gig": others.0}), 400, "gig_of_another_teacher"),
                (json!({"teacher": "nobody"}), 404, "not_found"),
                (json!({"teacher": cast.student.person.uuid}), 400, "gig_of_another_teacher"),
            ];
            for (change, status, code) in cases {
                let mut request = cast.request(600);
                request.as_object_mut().expect("it is there").extend(change.as_object().expect("it is there").clone());
                market.post(&cast.student, BOOKINGS, request).await.refused(status, code);
            }
            market.post(&cast.teacher, BOOKINGS, cast.request(600)).await.refused(400, "own_gig");
            let nobody = market.send(axum::http::Method::POST, None, BOOKINGS, &[], Some(json!({}))).await;
            assert!(nobody.refused(401, "unauthorized").headers.contains_key("www-authenticate"));
            let none = market.get(&cast.student, BOOKINGS).await.expect(200);
            assert_eq!(none.body, json!([]));
        });
    }

    fn a_taken_time_is_refused_to_all_but_one_of_many(db) {
        run(db, &[], async |market| {
            let cast = Arc::new(cast(&market).await);
            let market = Arc::new(market);
            let mut racers = Vec::new();
            for n in 0..6 {
                let (market, cast) = (Arc::clone(&market), Arc::clone(&cast));
                let student = market.student(&format!("racer{n}")).await;
                racers.push(tokio::spawn(async move {
                    market.post(&student, BOOKINGS, cast.request(600 + n)).await.status.as_u16()
                }));
            }
            let mut statuses = Vec::new();
            for racer in racers {
                statuses.push(racer.await.expect("it is there"));
            }
            statuses.sort_unstable();
            assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
            cast.book(&market, 700).await;
        });
    }

    fn a_repeated_request_gets_the_same_answer(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let first = market.post_keyed(&cast.student, BOOKINGS, "k1", cast.request(600)).await.expect(201);
            let again = market.post_keyed(&cast.student, BOOKINGS, "k1", cast.request(600)).await.expect(201);
            assert_eq!(first.text, again.text);
            assert_eq!(again.headers["idempotent-replayed"], "true");
            let other = market.post_keyed(&cast.student, BOOKINGS, "k1", cast.request(800)).await;
            other.refused(422, "idempotency_key_reused");
            let long = "k".repeat(256);
            let long = market.post_keyed(&cast.student, BOOKINGS, &long, cast.request(800)).await;
            long.refused(400, "malformed");
        });
    }

    fn another_persons_booking_does_not_exist(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let id = cast.paid(&market, 600).await;
            for stranger in [market.student("eve").await, market.teacher("mallory").await] {
                market.get(&stranger, &path(id, "")).await.refused(404, "not_found");
                market.patch(&stranger, &path(id, ""), json!({"notes": "x"})).await.refused(404, "not_found");
                market.delete(&stranger, &path(id, "")).await.refused(404, "not_found");
                for action in ["confirm/", "decline/", "cancel/", "complete/", "complete_manually/"] {
                    let answer = market.post(&stranger, &path(id, action), json!({})).await;
                    answer.refused(404, "not_found");
                }
                let mine = market.get(&stranger, &format!("{BOOKINGS}my/")).await.expect(200);
                assert_eq!(mine.body, json!({"count": 0, "results": []}));
            }
            for junk in ["0", "-1", "x", "99999999999999999999", "1.5"] {
                let answer = market.get(&cast.student, &format!("{BOOKINGS}{junk}/")).await;
                answer.refused(404, "not_found");
            }
            let admin = market.admin().await;
            market.get(&admin, &path(id, "")).await.expect(200);
        });
    }

    fn only_the_teacher_confirms_and_only_notes_are_edited(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let id = cast.book(&market, 600).await;
            let theirs = market.post(&cast.student, &path(id, "confirm/"), json!({})).await;
            theirs.refused(403, "wrong_party");
            let theirs = market.post(&cast.student, &path(id, "decline/"), json!({})).await;
            theirs.refused(403, "wrong_party");
            let half = json!({"start_time": Market::at(600)});
            market.post(&cast.teacher, &path(id, "confirm/"), half).await.refused(400, "validation_failed");
            let moved = json!({"start_time": Market::at(700), "end_time": Market::at(790)});
            market.post(&cast.teacher, &path(id, "confirm/"), moved).await.refused(400, "validation_failed");
            for _ in 0..2 {
                let answer = market.post(&cast.teacher, &path(id, "confirm/"), json!({})).await.expect(200);
                assert_eq!(answer.body["booking"]["status"], "CONFIRMED");
                let no_meeting = json!({"join_url": null, "meeting_id": null, "password": null});
                assert_eq!(answer.body["zoom_info"], no_meeting);
                assert!(answer.body["message"].is_string());
            }
            let edit = json!({"notes": "New", "status": "COMPLETED", "payment_status": "PAID", "gig": 1});
            let answer = market.patch(&cast.student, &path(id, ""), edit).await.expect(200);
            assert_eq!(answer.body["notes"], "New");
            assert_eq!(answer.body["status"], "CONFIRMED");
            assert_eq!(answer.body["payment_status"], "UNPAID");
            let nothing = market.patch(&cast.teacher, &path(id, ""), json!({})).await.expect(200);
            assert_eq!(nothing.body["notes"], "New");
            let long = json!({"notes": "x".repeat(2_001)});
            market.patch(&cast.student, &path(id, ""), long).await.refused(400, "validation_failed");
        });
    }

    fn lists_go_by_start_and_page_by_cursor(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let mut ids = Vec::new();
            for begins in [900, 600, 1_200] {
                ids.push(cast.book(&market, begins).await);
            }
            // Bought without a time: last in every list.
            let buy = json!({"gig_id": cast.gig.0, "payment_method_id": "pm_card_visa"});
            let bought = market.post(&cast.student, "/api/payments/process-payment/", buy).await.expect(200);
            let unscheduled = bought.body["booking_id"].as_i64().expect("it is there");
            let expected = [ids[2], ids[0], ids[1], unscheduled];

            let all = market.get(&cast.teacher, BOOKINGS).await.expect(200);
            let seen: Vec<i64> = all.body.as_array().expect("it is there").iter().map(|b| b["id"].as_i64().expect("it is there")).collect();
            assert_eq!(seen, expected);
            let last = &all.body[3];
            assert_eq!(last["needs_scheduling"], true);
            assert_eq!(last["start_time"], Value::Null);
            assert_eq!(last["payment_status"], "PAID");

            let (mut next, mut paged) = (format!("{BOOKINGS}?limit=1"), Vec::new());
            for _ in 0..10 {
                let page = market.get(&cast.student, &next).await.expect(200);
                paged.extend(page.body.as_array().expect("it is there").iter().map(|b| b["id"].as_i64().expect("it is there")));
                let Some(link) = page.headers.get("link") else { break };
                let link = link.to_str().expect("it is there");
                next = link[1..link.find('>').expect("it is there")].to_string();
            }
            assert_eq!(paged, expected);
            let junk = market.get(&cast.student, &format!("{BOOKINGS}?cursor=junk")).await;
            junk.refused(400, "validation_failed");
        });
    }

    fn my_bookings_are_filtered_and_counted(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let (first, second) = (cast.book(&market, 600).await, cast.book(&market, 900).await);
            cast.confirm(&market, first).await;
            // The teacher learns too.
            let other = market.teacher("olga").await;
            let gig = market.gig_at(other.person.id, Category::General, 1_000).await;
            let lesson = json!({
                "teacher": other.person.uuid, "gig": gig.0,
                "start_time": Market::at(2_000), "end_time": Market::at(2_060),
            });
            let own = market.post(&cast.teacher, BOOKINGS, lesson).await.expect(201).body["id"].clone();
            let cases = [
                ("", vec![own.clone(), json!(second), json!(first)]),
                ("?role=teacher", vec![json!(second), json!(first)]),
                ("?role=STUDENT", vec![own.clone()]),
                ("?status=confirmed", vec![json!(first)]),
                ("?status=PENDING&role=teacher", vec![json!(second)]),
                ("?status=cancelled", vec![]),
            ];
            for (query, expected) in cases {
                let answer = market.get(&cast.teacher, &format!("{BOOKINGS}my/{query}")).await.expect(200);
                let ids: Vec<Value> =
                    answer.body["results"].as_array().expect("it is there").iter().map(|b| b["id"].clone()).collect();
                assert_eq!(ids, expected, "{query}");
                assert_eq!(answer.body["count"], expected.len(), "{query}");
            }
            let page = market.get(&cast.teacher, &format!("{BOOKINGS}my/?limit=1")).await.expect(200);
            assert_eq!(page.body["count"], 3);
            assert!(page.headers.contains_key("link"));
            for junk in ["?role=boss", "?status=PAID", "?limit=0"] {
                let answer = market.get(&cast.teacher, &format!("{BOOKINGS}my/{junk}")).await;
                answer.refused(400, "validation_failed");
            }
        });
    }

    /// Cancelling pays back before it answers; repeated, by whomever and however, it stays at that.
    fn cancelling_a_paid_booking_refunds_it_once(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let id = cast.paid(&market, 600).await;
            let before = market.get(&cast.student, &path(id, "")).await.expect(200);
            assert_eq!(before.body["payment_status"], "PAID");
            let details = &before.body["payment_details"];
            assert_eq!(details["amount_paid"], 78.75);
            assert_eq!(details["payment_status"], "PAID");
            assert_eq!(details["payment_id"], before.body["payment_id"]);
            assert!(details["stripe_payment_intent_id"].is_string());
            assert_eq!(details["payment_date"], Market::at(0));

            let reason = json!({"reason": "ill"});
            let cancel = path(id, "cancel/");
            let first = market.post_keyed(&cast.student, &cancel, "c", reason.clone()).await.expect(200);
            assert_eq!(first.body["booking"]["status"], "CANCELLED");
            assert_eq!(first.body["booking"]["cancellation_reason"], "ill");
            assert_eq!(first.body["booking"]["payment_status"], "REFUNDED");
            assert_eq!(first.body["booking"]["payment_details"]["amount_paid"], 78.75);
            let refund = &first.body["refund"];
            assert_eq!(refund["status"], "processed");
            assert_eq!(refund["amount_cents"], 7_875);
            assert_eq!(refund["amount"], 78.75);
            assert!(refund["stripe_refund_id"].is_string());

            let replay = market.post_keyed(&cast.student, &cancel, "c", reason).await.expect(200);
            assert_eq!(replay.text, first.text);
            assert_eq!(replay.headers["idempotent-replayed"], "true");
            let reused = market.post_keyed(&cast.student, &cancel, "c", json!({"reason": "bored"})).await;
            reused.refused(422, "idempotency_key_reused");
            for who in [&cast.student, &cast.teacher] {
                let again = market.post(who, &cancel, json!({"reason": "x"})).await.expect(200);
                assert_eq!(again.body["refund"]["id"], refund["id"]);
                assert_eq!(again.body["refund"]["status"], "processed");
                assert_eq!(again.body["booking"]["cancellation_reason"], "ill");
                market.delete(who, &path(id, "")).await.expect(204);
            }
            assert_eq!(refunded_at_gateway(&market).await, 7_875);
            assert_eq!(market.gateway.books().await.expect("it is there").refunds.len(), 1);
            market.post(&cast.teacher, &path(id, "confirm/"), json!({})).await.refused(400, "booking_cancelled");
        });
    }

    /// Nobody knows whether the money went back: that is no reason not to cancel.
    fn an_unanswered_refund_is_processing_and_never_doubled(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let id = cast.paid(&market, 600).await;
            let calls = vec![CallFault { call: Call::Refund, fault: Fault::TimeoutExecuted, count: 1 }];
            market.gateway.set_faults(Faults { calls, ..Faults::default() }).await.expect("it is there");
            let answer = market.post(&cast.teacher, &path(id, "cancel/"), json!({})).await.expect(200);
            assert_eq!(answer.body["booking"]["status"], "CANCELLED");
            assert_eq!(answer.body["refund"]["status"], "processing");
            assert_eq!(refunded_at_gateway(&market).await, 7_875);
            // Recovery asks again with the same key.
            market.advance_to(5);
            market.app.protocol.recover(market.app.clock.now()).await.expect("it is there");
            let again = market.post(&cast.student, &path(id, "cancel/"), json!({})).await.expect(200);
            assert_eq!(again.body["refund"]["status"], "processed");
            assert_eq!(again.body["booking"]["payment_status"], "REFUNDED");
            assert_eq!(market.gateway.books().await.expect("it is there").refunds.len(), 1);
        });
    }

    fn deleting_cancels_and_declining_is_the_teachers(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let id = cast.book(&market, 600).await;
            market.delete(&cast.student, &path(id, "")).await.expect(204);
            let gone = market.get(&cast.student, &path(id, "")).await.expect(200);
            assert_eq!(gone.body["status"], "CANCELLED");
            let nothing_paid = market.post(&cast.student, &path(id, "cancel/"), json!({})).await.expect(200);
            assert_eq!(nothing_paid.body["refund"], Value::Null);

            let id = cast.book(&market, 600).await;
            let long = json!({"reason": "x".repeat(1_001)});
            market.post(&cast.student, &path(id, "cancel/"), long).await.refused(400, "validation_failed");
            let decline = json!({"reason": "holidays"});
            let answer = market.post(&cast.teacher, &path(id, "decline/"), decline).await.expect(200);
            assert_eq!(answer.body["booking"]["status"], "CANCELLED");
            assert_eq!(answer.body["booking"]["cancellation_reason"], "holidays");
            let id = cast.paid(&market, 600).await;
            let late = market.post(&cast.teacher, &path(id, "decline/"), json!({})).await;
            late.refused(400, "wrong_state");
        });
    }

    /// BR-29: bought first, declined afterwards, paid back in full.
    fn declining_a_bought_session_pays_it_back(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let buy = json!({"gig_id": cast.gig.0, "payment_method_id": "pm_card_visa"});
            let bought = market.post(&cast.student, "/stripe-payments/process-payment/", buy).await.expect(200);
            let id = bought.body["booking_id"].as_i64().expect("it is there");
            let untimed = market.post(&cast.teacher, &path(id, "confirm/"), json!({})).await;
            untimed.refused(400, "needs_times");
            let answer = market.post(&cast.teacher, &path(id, "decline/"), json!({})).await.expect(200);
            assert_eq!(answer.body["refund"]["status"], "processed");
            assert_eq!(answer.body["refund"]["amount_cents"], 5_000);
            assert_eq!(refunded_at_gateway(&market).await, 5_000);
        });
    }

    fn a_bought_session_gets_its_time_when_it_is_confirmed(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let busy = cast.book(&market, 600).await;
            let buy = json!({"gig_id": cast.gig.0, "payment_method_id": "pm_card_visa"});
            let bought = market.post(&cast.student, "/api/payments/process-payment/", buy).await.expect(200);
            let id = bought.body["booking_id"].as_i64().expect("it is there");
            let time = |begins| json!({"start_time": Market::at(begins), "end_time": Market::at(begins + 60)});
            let confirm = path(id, "confirm/");
            market.post(&cast.teacher, &confirm, time(630)).await.refused(409, "slot_taken");
            market.delete(&cast.student, &path(busy, "")).await.expect(204);
            let answer = market.post(&cast.teacher, &confirm, time(630)).await.expect(200);
            assert_eq!(answer.body["booking"]["start_time"], Market::at(630));
            assert_eq!(answer.body["booking"]["needs_scheduling"], false);
            assert_eq!(answer.body["booking"]["payment_status"], "PAID");
        });
    }

    /// An open intent is ended at the gateway, so its client cannot pay for nothing.
    fn cancelling_ends_an_open_intent(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let id = cast.book(&market, 600).await;
            cast.confirm(&market, id).await;
            let intent = json!({"session_booking_id": id});
            market.post(&cast.student, "/api/payments/create-payment-intent/", intent).await.expect(201);
            let open = market.get(&cast.student, &path(id, "")).await.expect(200);
            assert_eq!(open.body["payment_status"], "PENDING");
            let answer = market.post(&cast.student, &path(id, "cancel/"), json!({})).await.expect(200);
            assert_eq!(answer.body["refund"], Value::Null);
            assert_eq!(answer.body["booking"]["payment_status"], "UNPAID");
            let books = market.gateway.books().await.expect("it is there");
            let states: Vec<&str> = books.charges.iter().map(|charge| charge.state.as_str()).collect();
            assert_eq!(states, ["cancelled"]);
        });
    }

    /// The client had paid already, we had not heard of it: the money goes straight back.
    fn cancelling_pays_back_an_intent_that_had_succeeded(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let id = cast.book(&market, 600).await;
            cast.confirm(&market, id).await;
            let intent = json!({"session_booking_id": id});
            let path_intent = "/api/payments/create-payment-intent/";
            let intent = market.post(&cast.student, path_intent, intent).await.expect(201);
            let reference = intent.body["payment_intent_id"].as_str().expect("an intent").to_string();
            let confirm =
                ConfirmCharge { key: "the client's".into(), reference, method: Some("pm_card_visa".into()) };
            market.gateway.confirm_charge(&confirm).await;
            let answer = market.post(&cast.student, &path(id, "cancel/"), json!({})).await.expect(200);
            assert_eq!(answer.body["refund"]["status"], "processed");
            assert_eq!(answer.body["refund"]["amount_cents"], 7_875);
            assert_eq!(answer.body["booking"]["status"], "CANCELLED");
            assert_eq!(refunded_at_gateway(&market).await, 7_875);
        });
    }

    fn a_declined_card_leaves_the_booking_payable(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let id = cast.book(&market, 600).await;
            cast.confirm(&market, id).await;
            let pay = json!({"booking_id": id, "payment_method_id": "pm_card_declined"});
            let declined = market.post(&cast.student, "/api/payments/process-booking-payment/", pay).await;
            declined.refused(400, "card_declined");
            let booking = market.get(&cast.student, &path(id, "")).await.expect(200);
            assert_eq!(booking.body["status"], "CONFIRMED");
            assert_eq!(booking.body["payment_status"], "UNPAID");
            assert_eq!(booking.body["payment_id"], Value::Null);
            assert!(booking.body["last_payment_error"].is_string());
            cast.pay(&market, id).await;
            let booking = market.get(&cast.student, &path(id, "")).await.expect(200);
            assert_eq!(booking.body["payment_status"], "PAID");
            assert_eq!(booking.body["last_payment_error"], Value::Null);
        });
    }

    fn a_session_is_completed_when_it_was_paid_and_is_over(db) {
        run(db, &[], async |market| {
            let cast = cast(&market).await;
            let pending = cast.book(&market, 900).await;
            let early = market.post(&cast.teacher, &path(pending, "complete/"), json!({})).await;
            early.refused(400, "booking_not_confirmed");
            let unpaid = cast.book(&market, 1_200).await;
            cast.confirm(&market, unpaid).await;
            let early = market.post(&cast.teacher, &path(unpaid, "complete/"), json!({})).await;
            early.refused(400, "not_paid");

            let id = cast.paid(&market, 600).await;
            market.advance_to(650);
            let early = market.post(&cast.teacher, &path(id, "complete/"), json!({})).await;
            let early = early.refused(400, "session_not_ended");
            let expected = json!({
                "session_end_time": Market::at(690), "current_time": Market::at(650),
                "time_remaining": "0:40:00",
            });
            assert_eq!(early.body["details"], expected);
            market.advance_to(700);
            let over = market.post(&cast.student, &path(id, "cancel/"), json!({})).await;
            over.refused(400, "booking_over");
            let done = market.post(&cast.student, &path(id, "complete_manually/"), json!({})).await.expect(200);
            assert_eq!(done.body["success"], true);
            assert_eq!(done.body["completed_by"], "student");
            assert_eq!(done.body["completed_at"], Market::at(700));
            assert_eq!(done.body["booking"]["status"], "COMPLETED");
            assert_eq!(done.body["booking"]["completion_method"], "STUDENT");
            assert_eq!(done.body["booking"]["payment_status"], "PAID");
            let again = market.post(&cast.teacher, &path(id, "complete/"), json!({})).await.expect(200);
            assert_eq!(again.body["completed_by"], "student");
            let late = market.post(&cast.student, &path(id, "cancel/"), json!({})).await;
            late.refused(400, "wrong_state");
        });
    }

    /// For clients that know no other end of a session.
    fn completed_sessions_can_look_confirmed(db) {
        run(db, &[("BURSAR_COMPAT__COMPLETED_AS_CONFIRMED", "true")], async |market| {
            let cast = cast(&market).await;
            let id = cast.paid(&market, 600).await;
            market.advance_to(700);
            market.post(&cast.student, &path(id, "complete/"), json!({})).await.expect(200);
            for query in ["", "?status=CONFIRMED", "?status=completed"] {
                let mine = market.get(&cast.student, &format!("{BOOKINGS}my/{query}")).await.expect(200);
                assert_eq!(mine.body["results"][0]["status"], "CONFIRMED", "{query}");
                assert_eq!(mine.body["results"][0]["actual_status"], "COMPLETED", "{query}");
            }
            let one = market.get(&cast.student, &path(id, "")).await.expect(200);
            assert_eq!(one.body["status"], "COMPLETED");
        });
    }

    fn without_refunds_on_cancelling_the_money_stays(db) {
        run(db, &[("BURSAR_BOOKING__REFUND_ON_CANCEL", "false")], async |market| {
            let cast = cast(&market).await;
            let id = cast.paid(&market, 600).await;
            let answer = market.post(&cast.teacher, &path(id, "cancel/"), json!({})).await.expect(200);
            assert_eq!(answer.body["refund"], Value::Null);
            assert_eq!(answer.body["booking"]["status"], "CANCELLED");
            assert_eq!(answer.body["booking"]["payment_status"], "PAID");
        });
    }
}
