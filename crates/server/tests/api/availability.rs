//! Teachers' calendars: availability, free slots, busy times. The clock begins on Tuesday, 1 January
//! 2030, at midnight UTC.

use axum::http::Method;
use serde_json::{Value, json};

use super::market::{Login, Market, run};

const AVAILABILITY: &str = "/api/bookings/availability/";
const BOOKINGS: &str = "/api/bookings/bookings/";

fn path(rest: &str) -> String {
    format!("{AVAILABILITY}{rest}")
}

fn hours(day: i64, from: &str, until: &str) -> Value {
    json!({"day_of_week": day, "start_time": from, "end_time": until, "is_recurring": true})
}

async fn put(market: &Market, who: &Login, rest: &str, body: Value) -> super::market::Answer {
    market.send(Method::PUT, Some(who), &path(rest), &[], Some(body)).await
}

async fn moves_to(market: &Market, teacher: &Login, zone: &str) {
    let body = json!({"time_zone": zone});
    market.patch(teacher, "/api/accounts/teachers/my-profile/", body).await.expect(200);
}

async fn listed(market: &Market, teacher: &Login) -> Value {
    market.get(teacher, AVAILABILITY).await.expect(200).body
}

async fn book(
    market: &Market,
    student: &Login,
    teacher: &Login,
    [start, end]: [&str; 2],
) -> super::market::Answer {
    let gigs = market.get(teacher, "/api/accounts/gigs/").await.expect(200);
    let gig = match gigs.body[0]["id"].as_i64() {
        Some(gig) => gig,
        None => market.gig(teacher.person.id).await.0,
    };
    let body = json!({"teacher": teacher.person.uuid, "gig": gig, "start_time": start, "end_time": end});
    market.post(student, BOOKINGS, body).await
}

/// Start, end and both instants of every free slot of a day.
async fn free(market: &Market, who: &Login, teacher: &Login, rest: &str) -> Vec<[String; 4]> {
    let path = format!("/api/bookings/slots/available/?teacher_id={}&{rest}", teacher.person.uuid);
    let answer = market.get(who, &path).await.expect(200);
    assert_eq!(answer.body["teacher_id"], teacher.person.uuid);
    let slots = answer.body["available_slots"].as_array().expect("slots").iter();
    let text = |slot: &Value, name: &str| slot[name].as_str().expect("text").to_owned();
    slots
        .map(|slot| ["start_time", "end_time", "datetime_start", "datetime_end"].map(|name| text(slot, name)))
        .collect()
}

fn starts(slots: &[[String; 4]]) -> Vec<&str> {
    slots.iter().map(|slot| slot[0].as_str()).collect()
}

store::both! {
    fn one_stretch_is_made_read_changed_and_taken_away(db) {
        run(db, &[], async |market| {
            let (student, teacher) = (market.student("sam").await, market.teacher("tina").await);
            let made = market.post(&teacher, AVAILABILITY, hours(0, "09:00", "12:30:00")).await.expect(201);
            let id = made.body["id"].as_i64().expect("an id");
            let expected = json!({
                "id": id, "teacher": teacher.person.uuid, "day_of_week": 0, "start_time": "09:00",
                "end_time": "12:30", "is_recurring": true, "date": null,
                "created_at": Market::at(0), "updated_at": Market::at(0),
            });
            assert_eq!(made.body, expected);
            let one = path(&format!("{id}/"));
            assert_eq!(market.get(&student, &one).await.expect(200).body, expected);
            let theirs = path(&format!("?teacher_id={}", teacher.person.uuid));
            assert_eq!(market.get(&student, &theirs).await.expect(200).body, json!([expected]));
            assert_eq!(listed(&market, &student).await, json!([]), "who does not teach has none");

            market.advance_to(5);
            let later = json!({"end_time": "13:00:30"});
            let changed = market.patch(&teacher, &one, later).await.expect(200);
            assert_eq!(changed.body["end_time"], "13:00:30");
            assert_eq!(changed.body["start_time"], "09:00");
            assert_eq!(changed.body["updated_at"], Market::at(5));
            let rest = format!("{id}/");
            put(&market, &teacher, &rest, json!({"start_time": "10:00"})).await.refused(400, "validation_failed");
            let date = json!({"date": "2030-01-08", "start_time": "10:00", "end_time": "24:00"});
            let anew = put(&market, &teacher, &rest, date).await.expect(200);
            assert_eq!(anew.body["date"], "2030-01-08");
            assert_eq!((&anew.body["day_of_week"], &anew.body["is_recurring"]), (&json!(1), &json!(false)));
            assert_eq!(anew.body["end_time"], "24:00");

            // Somebody else's is not there, and who does not teach has no business here.
            let other = market.teacher("olga").await;
            market.patch(&other, &one, json!({"end_time": "11:00"})).await.refused(404, "not_found");
            put(&market, &other, &rest, hours(0, "09:00", "10:00")).await.refused(404, "not_found");
            market.delete(&other, &one).await.refused(404, "not_found");
            for (method, to) in [(Method::POST, path("")), (Method::PUT, one.clone()), (Method::DELETE, one.clone())] {
                let answer = market.send(method, Some(&student), &to, &[], Some(json!([]))).await;
                answer.refused(403, "teacher_required");
            }
            for junk in ["0/", "-1/", "x/", "99999999999999999999/"] {
                market.get(&student, &path(junk)).await.refused(404, "not_found");
            }
            market.delete(&teacher, &one).await.expect(204);
            market.delete(&teacher, &one).await.refused(404, "not_found");
            assert_eq!(listed(&market, &teacher).await, json!([]));
            let nobody = path("?teacher_id=6f0e7c1a-3b52-4d0e-9a55-0c8a52f1d001");
            market.get(&student, &nobody).await.refused(404, "not_found");
        });
    }

    fn br_3_malformed_and_overlapping_slots_are_refused(db) {
        run(db, &[], async |market| {
            let teacher = market.teacher("tina").await;
            market.post(&teacher, AVAILABILITY, hours(0, "09:00", "12:00")).await.expect(201);
            for (given, field) in [
                (hours(0, "12:00", "12:00"), "end_time"),
                (hours(0, "13:00", "12:00"), "end_time"),
                (hours(0, "9:00", "12:00"), "start_time"),
                (hours(0, "09:00", "24:01"), "end_time"),
                (hours(7, "09:00", "12:00"), "day_of_week"),
                (hours(-1, "09:00", "12:00"), "day_of_week"),
                (hours(0, "11:00", "13:00"), "start_time"),
                (hours(0, "09:00", "12:00"), "start_time"),
                (json!({"start_time": "09:00", "end_time": "10:00"}), "day_of_week"),
                (json!({"day_of_week": 1, "end_time": "10:00"}), "start_time"),
                (json!({"day_of_week": 1, "start_time": "10:00", "end_time": "11:00", "is_recurring": false}), "date"),
                (json!({"date": "2030-02-30", "start_time": "10:00", "end_time": "11:00"}), "date"),
                (json!({"day_of_week": 3, "date": "2030-01-08", "start_time": "10:00", "end_time": "11:00"}), "day_of_week"),
                (json!({"day_of_week": "Monday", "start_time": "10:00", "end_time": "11:00"}), "day_of_week"),
            ] {
                let answer = market.post(&teacher, AVAILABILITY, given.clone()).await;
                let answer = answer.refused(400, "validation_failed");
                assert!(answer.body["details"][field][0].is_string(), "{given} {}", answer.text);
            }
            assert_eq!(listed(&market, &teacher).await.as_array().map(Vec::len), Some(1));
        });
    }

    /// The web client's calls, as it makes them.
    fn the_web_client_saves_replaces_clears_and_shows_a_week(db) {
        run(db, &[], async |market| {
            let (student, teacher) = (market.student("sam").await, market.teacher("tina").await);
            moves_to(&market, &teacher, "Europe/Berlin").await;
            let week = json!([hours(0, "09:00", "12:00"), hours(0, "14:00", "17:30"), hours(2, "10:00", "11:20")]);
            let saved = market.post(&teacher, &path("bulk/"), week.clone()).await.expect(201);
            assert!(saved.body["message"].is_string());
            let ids: Vec<Value> =
                saved.body["availabilities"].as_array().expect("rows").iter().map(|row| row["id"].clone()).collect();
            assert_eq!(ids.len(), 3);
            // Sent again, or inside an object, and with one more: what is there is returned.
            let more = json!({"availabilities": [week[2], week[0], hours(6, "08:00", "09:00")]});
            let again = market.post(&teacher, &path("bulk/"), more).await.expect(201);
            let rows = &again.body["availabilities"];
            assert_eq!((&rows[0]["id"], &rows[1]["id"]), (&ids[2], &ids[0]));
            assert_eq!(rows[2]["day_of_week"], 6);

            let weekly = path(&format!("weekly/?teacher_id={}", teacher.person.uuid));
            let shown = market.get(&student, &weekly).await.expect(200).body;
            let who = json!({
                "id": teacher.person.uuid, "name": "tina Example", "email": "tina@example.org",
                "time_zone": "Europe/Berlin",
            });
            assert_eq!(shown["teacher"], who);
            let monday = json!({
                "day_of_week": 0, "day_name": "Monday", "available": true, "slots": [
                    {"id": ids[0], "start_time": "09:00", "end_time": "12:00", "duration_hours": 3.0},
                    {"id": ids[1], "start_time": "14:00", "end_time": "17:30", "duration_hours": 3.5},
                ],
            });
            assert_eq!(shown["weekly_schedule"]["Monday"], monday);
            let tuesday = json!({"day_of_week": 1, "day_name": "Tuesday", "available": false, "slots": []});
            assert_eq!(shown["weekly_schedule"]["Tuesday"], tuesday);
            assert_eq!(shown["weekly_schedule"]["Wednesday"]["slots"][0]["duration_hours"], 1.33);
            let summary = json!({
                "total_availability_slots": 4, "available_days_count": 3, "total_weekly_hours": 8.83,
                "days_with_availability": ["Monday", "Wednesday", "Sunday"],
            });
            assert_eq!(shown["summary"], summary);

            let other_week = json!([hours(4, "18:00", "20:00"), hours(0, "09:00", "12:00")]);
            let date = json!({"date": "2030-01-09", "start_time": "08:00", "end_time": "09:00"});
            market.post(&teacher, AVAILABILITY, date).await.expect(201);
            let replaced = put(&market, &teacher, "replace/", other_week).await.expect(200);
            assert_eq!(replaced.body["availabilities"][1]["id"], ids[0], "what stays keeps its id");
            assert_eq!(listed(&market, &teacher).await.as_array().map(Vec::len), Some(3), "dates stay");
            let none = put(&market, &teacher, "replace/", json!([])).await.expect(200);
            assert_eq!(none.body["availabilities"], json!([]));
            assert_eq!(listed(&market, &teacher).await.as_array().map(Vec::len), Some(1));
            let cleared = market.post(&teacher, &path("bulk/"), json!([])).await.expect(201);
            assert_eq!(cleared.body["availabilities"], json!([]));
            assert_eq!(listed(&market, &teacher).await, json!([]));
            let empty = market.get(&teacher, &path("weekly/")).await.expect(200).body;
            assert_eq!(empty["summary"]["total_weekly_hours"], 0.0);
            market.get(&student, &path("weekly/")).await.refused(400, "validation_failed");
            let not_a_teacher = path(&format!("weekly/?teacher_id={}", student.person.uuid));
            market.get(&student, &not_a_teacher).await.refused(404, "not_found");
        });
    }

    fn h_14_a_rejected_batch_changes_nothing(db) {
        run(db, &[], async |market| {
            let teacher = market.teacher("tina").await;
            let other = market.teacher("olga").await;
            let saved = market.post(&teacher, &path("bulk/"), json!([hours(0, "09:00", "12:00")])).await.expect(201);
            let theirs = market.post(&other, AVAILABILITY, hours(0, "09:00", "12:00")).await.expect(201);
            let before = listed(&market, &teacher).await;
            let (own, strange) = (saved.body["availabilities"][0]["id"].clone(), theirs.body["id"].clone());
            let bad = json!({"day_of_week": 2, "start_time": "12:00", "end_time": "11:00"});
            let junk = json!({"day_of_week": 2, "start_time": "noon", "end_time": "13:00"});
            let batch = json!([hours(1, "09:00", "12:00"), junk, hours(0, "11:00", "13:00")]);
            for (method, rest) in [(Method::POST, "bulk/"), (Method::PUT, "replace/")] {
                let answer = market.send(method, Some(&teacher), &path(rest), &[], Some(batch.clone())).await;
                let answer = answer.refused(400, "invalid_items");
                let details = json!([{
                    "index": 1, "data": junk, "errors": {"start_time": ["must be a time of day such as 09:30"]},
                }]);
                assert_eq!(answer.body["details"], details);
            }
            let batch = json!([hours(1, "09:00", "12:00"), bad, hours(0, "11:00", "13:00")]);
            let answer = market.post(&teacher, &path("bulk/"), batch.clone()).await.refused(400, "invalid_items");
            assert_eq!(answer.body["details"][0]["index"], 1);
            assert_eq!(answer.body["details"][0]["data"], bad);
            assert!(answer.body["details"][0]["errors"]["end_time"][0].is_string());
            assert_eq!(answer.body["details"][1]["index"], 2);
            put(&market, &teacher, "replace/", batch).await.refused(400, "invalid_items");

            let change = |id: &Value| json!({"id": id, "end_time": "12:30"});
            for items in [
                json!([change(&own), change(&strange)]),
                json!([change(&own), {"end_time": "12:30"}]),
                json!([change(&own), change(&own)]),
                json!([change(&own), {"id": "x"}]),
            ] {
                let answer = put(&market, &teacher, "bulk/update/", items).await.refused(400, "invalid_items");
                assert_eq!(answer.body["details"].as_array().map(Vec::len), Some(1));
                assert_eq!(answer.body["details"][0]["index"], 1);
            }
            for ids in [json!([own, strange]), json!([own, "x"])] {
                let body = Some(json!({"ids": ids}));
                let answer = market.send(Method::DELETE, Some(&teacher), &path("bulk/delete/"), &[], body).await;
                answer.refused(400, "invalid_items");
            }
            // Nothing at all is not an empty list.
            for nothing in [json!({}), json!(null), json!({"availabilities": "all"}), json!("x")] {
                let answer = market.post(&teacher, &path("bulk/"), nothing.clone()).await;
                assert_eq!(answer.status.as_u16(), 400, "{nothing}");
            }
            let none = market.send(Method::POST, Some(&teacher), &path("bulk/"), &[], None).await;
            assert_eq!(none.status.as_u16(), 400);
            assert_eq!(listed(&market, &teacher).await, before);

            let changed = put(&market, &teacher, "bulk/update/", json!([change(&own)])).await.expect(200);
            assert_eq!(changed.body["availabilities"][0]["end_time"], "12:30");
            let body = Some(json!({"ids": [own, own]}));
            let gone = market.send(Method::DELETE, Some(&teacher), &path("bulk/delete/"), &[], body).await.expect(200);
            assert_eq!(gone.body["deleted"], 1);
            assert_eq!(listed(&market, &teacher).await, json!([]));
        });
    }

    fn free_slots_leave_out_what_is_taken_past_or_too_short(db) {
        run(db, &[], async |market| {
            let (student, teacher) = (market.student("sam").await, market.teacher("tina").await);
            moves_to(&market, &teacher, "Asia/Kathmandu").await;
            // Wednesday, 2 January, 09:00 to 12:00 in Kathmandu: 03:15 to 06:15 UTC.
            let week = json!([hours(2, "09:00", "12:00"), hours(3, "09:00", "10:00")]);
            market.post(&teacher, &path("bulk/"), week).await.expect(201);
            let day = free(&market, &student, &teacher, "date=2030-01-02").await;
            assert_eq!(starts(&day), ["09:00", "09:30", "10:00", "10:30", "11:00"]);
            let first = ["09:00", "10:00", "2030-01-02T03:15:00Z", "2030-01-02T04:15:00Z"];
            assert_eq!(day[0], first);
            let taken = ["2030-01-02T04:15:00Z", "2030-01-02T04:45:00Z"];
            book(&market, &student, &teacher, taken).await.expect(201);
            let day = free(&market, &student, &teacher, "date=2030-01-02").await;
            assert_eq!(starts(&day), ["09:00", "10:30", "11:00"]);
            let long = free(&market, &student, &teacher, "date=2030-01-02&duration=90").await;
            assert_eq!(starts(&long), ["10:30"]);
            let none = free(&market, &student, &teacher, "date=2030-01-02&duration=120").await;
            assert_eq!(starts(&none), [""; 0]);
            // A date of its own stands in for the week.
            let exception = json!({"date": "2030-01-09", "start_time": "15:00", "end_time": "16:00"});
            market.post(&teacher, AVAILABILITY, exception).await.expect(201);
            let day = free(&market, &student, &teacher, "date=2030-01-09").await;
            assert_eq!(starts(&day), ["15:00"]);
            // What has begun is not offered: it is 03:20 UTC.
            market.advance_to(24 * 60 + 200);
            let day = free(&market, &student, &teacher, "date=2030-01-02").await;
            assert_eq!(starts(&day), ["10:30", "11:00"]);
            assert_eq!(free(&market, &student, &teacher, "date=2030-01-01").await.len(), 0);
            for wrong in ["", "date=2030-02-30", "date=tomorrow", "date=2030-01-02&duration=5", "date=2030-01-02&duration=721", "date=2030-01-02&duration=x", "date=2030-01-02&duration=-9007199254740991"] {
                let path = format!("/api/bookings/slots/available/?teacher_id={}&{wrong}", teacher.person.uuid);
                market.get(&student, &path).await.refused(400, "validation_failed");
            }
            for far in ["9999-12-25", "1970-01-01"] {
                free(&market, &student, &teacher, &format!("date={far}&duration=720")).await;
            }
        });
    }

    fn br_3_free_slots_follow_the_clocks_of_the_teacher(db) {
        run(db, &[], async |market| {
            let teacher = market.teacher("tina").await;
            moves_to(&market, &teacher, "Europe/Berlin").await;
            market.post(&teacher, AVAILABILITY, hours(6, "00:00", "04:00")).await.expect(201);
            // 31 March 2030: 02:00 becomes 03:00. 27 October 2030: 03:00 becomes 02:00.
            let spring = free(&market, &teacher, &teacher, "date=2030-03-31").await;
            assert_eq!(starts(&spring), ["00:00", "00:30", "01:00", "01:30", "03:00"]);
            let over = ["01:30", "03:30", "2030-03-31T00:30:00Z", "2030-03-31T01:30:00Z"];
            assert_eq!(spring[3], over);
            let autumn = free(&market, &teacher, &teacher, "date=2030-10-27").await;
            let twice = ["00:00", "00:30", "01:00", "01:30", "02:00", "02:30", "02:00", "02:30", "03:00"];
            assert_eq!(starts(&autumn), twice);
            assert_eq!(autumn[4][2], "2030-10-27T00:00:00Z");
            assert_eq!(autumn[6][2], "2030-10-27T01:00:00Z");
            moves_to(&market, &teacher, "UTC").await;
            let there = free(&market, &teacher, &teacher, "date=2030-03-31").await;
            assert_eq!(starts(&there), ["00:00", "00:30", "01:00", "01:30", "02:00", "02:30", "03:00"]);
            let body = json!({"time_zone": "Europe/Atlantis"});
            let nowhere = market.patch(&teacher, "/api/accounts/teachers/my-profile/", body).await;
            nowhere.refused(400, "validation_failed");
        });
    }

    fn br_3_bookings_lie_inside_availability_where_that_is_enforced(db) {
        run(db, &[("BURSAR_BOOKING__ENFORCE_AVAILABILITY", "true")], async |market| {
            let (student, teacher) = (market.student("sam").await, market.teacher("tina").await);
            moves_to(&market, &teacher, "America/New_York").await;
            let week = json!([hours(2, "20:00", "24:00"), hours(3, "00:00", "01:00")]);
            market.post(&teacher, &path("bulk/"), week).await.expect(201);
            // Wednesday evening in New York is Thursday in UTC.
            let early = ["2030-01-03T00:30:00Z", "2030-01-03T01:30:00Z"];
            book(&market, &student, &teacher, early).await.refused(400, "outside_availability");
            let midnight = ["2030-01-03T04:30:00Z", "2030-01-03T05:30:00Z"];
            let booked = book(&market, &student, &teacher, midnight).await.expect(201);
            let id = booked.body["id"].as_i64().expect("an id");
            let late = json!({"start_time": "2030-01-03T05:30:00Z", "end_time": "2030-01-03T06:30:00Z"});
            let answer = market.post(&teacher, &format!("{BOOKINGS}{id}/reschedule/"), late).await;
            answer.refused(400, "outside_availability");
            let inside = json!({"start_time": "2030-01-03T01:00:00Z", "end_time": "2030-01-03T02:00:00Z"});
            market.post(&teacher, &format!("{BOOKINGS}{id}/reschedule/"), inside.clone()).await.expect(200);
            // Bought without a time, it gets one inside as well.
            let gig = booked.body["gig"].clone();
            let buy = json!({"gig_id": gig, "payment_method_id": "pm_card_visa"});
            let bought = market.post(&student, "/api/payments/process-payment/", buy).await.expect(200);
            let confirm = format!("{BOOKINGS}{}/confirm/", bought.body["booking_id"]);
            let outside = json!({"start_time": "2030-01-05T01:00:00Z", "end_time": "2030-01-05T02:00:00Z"});
            market.post(&teacher, &confirm, outside).await.refused(400, "outside_availability");
            market.post(&teacher, &confirm, inside).await.refused(409, "slot_taken");
            let within = json!({"start_time": "2030-01-03T03:00:00Z", "end_time": "2030-01-03T04:00:00Z"});
            market.post(&teacher, &confirm, within).await.expect(200);
            let buy = json!({
                "gig_id": gig, "payment_method_id": "pm_card_visa", "start_time": "2030-01-04T12:00:00Z",
            });
            let bought = market.post(&student, "/api/payments/process-payment/", buy).await;
            bought.refused(400, "outside_availability");
        });
    }

    /// H-17: everybody sees when a teacher is taken, he alone sees by whom.
    fn h_17_names_in_a_calendar_are_for_its_teacher(db) {
        run(db, &[], async |market| {
            let (student, teacher) = (market.student("sam").await, market.teacher("tina").await);
            let other = market.teacher("olga").await;
            let first = book(&market, &student, &teacher, ["2030-01-02T23:30:00Z", "2030-01-03T00:30:00Z"]).await;
            let first = first.expect(201).body["id"].clone();
            // She learns too: taken, but nobody's student of hers.
            book(&market, &teacher, &other, ["2030-01-04T10:00:00Z", "2030-01-04T11:00:00Z"]).await.expect(201);
            book(&market, &student, &teacher, ["2030-01-06T10:00:00Z", "2030-01-06T11:00:00Z"]).await.expect(201);
            let gone = book(&market, &student, &teacher, ["2030-01-03T10:00:00Z", "2030-01-03T11:00:00Z"]).await;
            let gone = gone.expect(201).body["id"].clone();
            market.delete(&student, &format!("{BOOKINGS}{gone}/")).await.expect(204);
            let range = "start_date=2030-01-03&end_date=2030-01-05";
            let path = format!("/api/bookings/schedule/?teacher_id={}&{range}", teacher.person.uuid);
            let own = json!([
                {"start_time": "2030-01-02T23:30:00Z", "end_time": "2030-01-03T00:30:00Z", "booking_id": first,
                 "status": "PENDING", "student_name": "sam Example"},
                {"start_time": "2030-01-04T10:00:00Z", "end_time": "2030-01-04T11:00:00Z", "booking_id": null,
                 "status": null, "student_name": null},
            ]);
            let seen = market.get(&teacher, &path).await.expect(200).body;
            assert_eq!(seen["schedule"], own);
            assert_eq!((&seen["start_date"], &seen["time_zone"]), (&json!("2030-01-03"), &json!("UTC")));
            let admin = market.admin().await;
            for stranger in [&student, &other, &admin] {
                let seen = market.get(stranger, &path).await.expect(200);
                assert!(!seen.text.contains("sam"), "{}", seen.text);
                assert_eq!(seen.body["schedule"].as_array().map(Vec::len), Some(2));
                assert_eq!(seen.body["schedule"][0]["booking_id"], Value::Null);
                assert_eq!(seen.body["schedule"][0]["start_time"], "2030-01-02T23:30:00Z");
            }
            for wrong in [
                "", "start_date=2030-01-03", "start_date=2030-01-03&end_date=2030-01-02",
                "start_date=2030-01-03&end_date=2030-04-06", "start_date=x&end_date=2030-01-03",
            ] {
                let path = format!("/api/bookings/schedule/?teacher_id={}&{wrong}", teacher.person.uuid);
                market.get(&student, &path).await.refused(400, "validation_failed");
            }
        });
    }

    fn h_22_self_past_overlapping_reversed_and_foreign_gigs_are_refused(db) {
        run(db, &[], async |market| {
            let (student, teacher) = (market.student("sam").await, market.teacher("tina").await);
            let other = market.teacher("olga").await;
            let gig = market.gig(teacher.person.id).await.0;
            let taken = [Market::at(600), Market::at(660)];
            let request = |teacher: &Login, [start, end]: [i64; 2]| json!({
                "teacher": teacher.person.uuid, "gig": gig, "start_time": Market::at(start),
                "end_time": Market::at(end),
            });
            market.post(&student, BOOKINGS, request(&teacher, [600, 660])).await.expect(201);
            market.post(&teacher, BOOKINGS, request(&teacher, [800, 860])).await.refused(400, "own_gig");
            let foreign = request(&other, [800, 860]);
            market.post(&student, BOOKINGS, foreign).await.refused(400, "gig_of_another_teacher");
            for reversed_or_past in [[860, 800], [800, 800], [-60, 0], [-10, 50]] {
                let body = request(&teacher, reversed_or_past);
                market.post(&student, BOOKINGS, body).await.refused(400, "validation_failed");
            }
            // BR-2: half-open, the teacher's time and the student's alike.
            let another = market.student("sue").await;
            for overlap in [[600, 660], [545, 601], [659, 720], [570, 700], [615, 645]] {
                let body = request(&teacher, overlap);
                market.post(&another, BOOKINGS, body).await.refused(409, "slot_taken");
            }
            let others = market.gig(other.person.id).await.0;
            let both = json!({"teacher": other.person.uuid, "gig": others, "start_time": taken[0], "end_time": taken[1]});
            market.post(&student, BOOKINGS, both.clone()).await.refused(409, "slot_taken");
            market.post(&another, BOOKINGS, both).await.expect(201);
            for touching in [[540, 600], [660, 720]] {
                market.post(&student, BOOKINGS, request(&teacher, touching)).await.expect(201);
            }
        });
    }

    fn lists_of_availability_are_newest_first_and_page(db) {
        run(db, &[], async |market| {
            let teacher = market.teacher("tina").await;
            let mut ids = Vec::new();
            for day in 0..3 {
                market.advance_to(day);
                let made = market.post(&teacher, AVAILABILITY, hours(day, "09:00", "10:00")).await.expect(201);
                ids.push(made.body["id"].clone());
            }
            ids.reverse();
            let (mut next, mut paged) = (path("?limit=2"), Vec::new());
            for _ in 0..3 {
                let page = market.get(&teacher, &next).await.expect(200);
                paged.extend(page.body.as_array().expect("rows").iter().map(|row| row["id"].clone()));
                let Some(link) = page.headers.get("link") else { break };
                let link = link.to_str().expect("text");
                next = link[1..link.find('>').expect("an end")].to_string();
            }
            assert_eq!(paged, ids);
        });
    }
}
