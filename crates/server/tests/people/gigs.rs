use axum::http::Method;
use serde_json::{Value, json};
use store::both;

use super::{Node, on};

const GIGS: &str = "/api/accounts/gigs/";

fn lesson(category: &str, price: &str) -> Value {
    json!({
        "category": category, "service_title": format!("{category} lesson"), "service_type": "Tutoring",
        "short_description": "Speak from day one", "price_per_session": price, "session_duration": 60,
        "tags": ["speaking", "beginners"], "what_you_provide_in_session": "Notes", "status": "active",
        "teacher": "somebody else", "id": 7,
    })
}

async fn gig(node: &Node, token: &str, category: &str, price: &str) -> i64 {
    let made = node.post(GIGS, token, lesson(category, price)).await.told(201);
    made["id"].as_i64().expect("an id")
}

async fn titles(node: &Node, query: &str) -> Vec<String> {
    let found = node.get(&format!("{GIGS}public/?{query}"), "").await.told(200);
    let results = found["results"].as_array().expect("a list");
    results.iter().map(|gig| gig["service_title"].as_str().expect("text").to_owned()).collect()
}

both! {
    fn a_gig_has_the_shape_that_the_web_client_reads(db) {
        on(db, async |node| {
            let token = node.somebody("t@x.org", "TEACHER").await;
            let made = node.post(GIGS, &token, lesson("LANGUAGE", "49.9")).await.told(201);
            assert_eq!(made["price_per_session"], "49.90");
            assert_eq!(made["category"], "language");
            assert_eq!(made["tags"], json!(["speaking", "beginners"]));
            assert_eq!(made["teacher_details"]["email"], "t@x.org");
            assert_eq!(made["teacher_details"]["first_name"], "Ada");
            let pricing = &made["pricing_metadata"];
            assert_eq!((&pricing["platform_fee_percentage"], &pricing["currency"]), (&json!(0.05), &json!("USD")));
            assert_eq!(pricing["minimum_platform_fee_dollars"], json!(1.0));
            let path = format!("{GIGS}{}/", made["id"]);
            assert_eq!(node.get(&path, &token).await.told(200), made);
            let list = node.get(GIGS, &token).await.told(200);
            assert_eq!(list, json!([made]));
        });
    }

    fn bad_gigs_are_refused_by_field(db) {
        on(db, async |node| {
            let token = node.somebody("t@x.org", "TEACHER").await;
            let cases = [
                ("price_per_session", json!("0.49")),
                ("price_per_session", json!("1000000")),
                ("price_per_session", json!("1.005")),
                ("price_per_session", json!(-5)),
                ("price_per_session", json!("NaN")),
                ("session_duration", json!(4)),
                ("session_duration", json!(721)),
                ("session_duration", json!(30.5)),
                ("category", json!("cooking")),
                ("status", json!("archived")),
                ("service_title", json!("x".repeat(201))),
                ("service_type", json!("x".repeat(101))),
                ("short_description", json!("x".repeat(301))),
                ("tags", json!("text")),
            ];
            for (field, value) in cases {
                let mut body = lesson("language", "50.00");
                body[field] = value;
                let problem = node.post(GIGS, &token, body).await.refused(400, "validation_failed");
                assert!(problem["details"][field].is_array(), "{field}: {}", problem.text);
            }
            node.post(GIGS, &token, json!({})).await.refused(400, "validation_failed");
            assert_eq!(node.get(GIGS, &token).await.told(200), json!([]));
        });
    }

    fn one_gig_a_category_and_deleting_frees_it(db) {
        on(db, async |node| {
            let token = node.somebody("t@x.org", "TEACHER").await;
            let first = gig(node, &token, "language", "50.00").await;
            node.post(GIGS, &token, lesson("language", "60.00")).await.refused(409, "gig_category_taken");
            let path = format!("{GIGS}{first}/");
            node.call(Method::DELETE, &path, &token, Value::Null).await.told(204);
            node.call(Method::DELETE, &path, &token, Value::Null).await.refused(404, "not_found");
            node.get(&path, &token).await.refused(404, "not_found");
            gig(node, &token, "language", "60.00").await;
        });
    }

    fn a_gig_is_changed_in_part_or_as_a_whole(db) {
        on(db, async |node| {
            let token = node.somebody("t@x.org", "TEACHER").await;
            let path = format!("{GIGS}{}/", gig(node, &token, "language", "50.00").await);
            let changed = node.patch(&path, &token, json!({"price_per_session": 75, "title": "x"})).await.told(200);
            assert_eq!((&changed["price_per_session"], &changed["tags"][0]), (&json!("75.00"), &json!("speaking")));
            let put = |body| node.call(Method::PUT, &path, &token, body);
            put(json!({"service_title": "New"})).await.refused(400, "validation_failed");
            let whole = json!({
                "category": "general", "service_title": "New", "price_per_session": "1", "session_duration": 5,
            });
            let replaced = put(whole).await.told(200);
            assert_eq!((&replaced["tags"], &replaced["short_description"]), (&json!([]), &json!("")));
            assert_eq!(replaced["status"], "active");
        });
    }

    fn another_teachers_gig_is_not_there_and_a_student_has_none(db) {
        on(db, async |node| {
            let owner = node.somebody("t@x.org", "TEACHER").await;
            let other = node.somebody("o@x.org", "TEACHER").await;
            let student = node.somebody("s@x.org", "STUDENT").await;
            let id = gig(node, &owner, "language", "50.00").await;
            let paths = [format!("{GIGS}{id}/"), format!("{GIGS}{id}/status/")];
            for path in &paths {
                node.get(path, &other).await.refused(404, "not_found");
                node.patch(path, &other, json!({"status": "draft"})).await.refused(404, "not_found");
                node.get(path, &student).await.refused(403, "teacher_required");
                node.get(path, "").await.refused(401, "unauthorized");
            }
            node.call(Method::DELETE, &paths[0], &other, Value::Null).await.refused(404, "not_found");
            node.post(GIGS, &student, lesson("language", "50.00")).await.refused(403, "teacher_required");
            for missing in ["0", "-1", "x", "99999999999999999999", "1e3"] {
                node.get(&format!("{GIGS}{missing}/"), &owner).await.refused(404, "not_found");
            }
        });
    }

    fn a_suspension_is_lifted_by_an_administrator_only(db) {
        on(db, async |node| {
            let admin = node.admin().await;
            let token = node.somebody("t@x.org", "TEACHER").await;
            let id = gig(node, &token, "language", "50.00").await;
            let path = format!("{GIGS}{id}/status/");
            let set = |token: String, status: &'static str| {
                let path = path.clone();
                async move { node.patch(&path, &token, json!({"status": status})).await }
            };
            set(token.clone(), "suspended").await.refused(400, "gig_suspended");
            let changed = set(admin.clone(), "SUSPENDED").await.told(200);
            assert_eq!(changed["gig_id"], id);
            assert_eq!((&changed["old_status"], &changed["new_status"]), (&json!("active"), &json!("suspended")));
            set(token.clone(), "active").await.refused(400, "gig_suspended");
            node.patch(&format!("{GIGS}{id}/"), &token, json!({"status": "active"})).await.refused(400, "gig_suspended");
            node.call(Method::DELETE, &format!("{GIGS}{id}/"), &token, Value::Null).await.told(400);
            assert_eq!(titles(node, "").await, Vec::<String>::new());
            assert_eq!(node.get(&path, &token).await.told(200)["status"], "suspended");
            set(admin, "active").await.told(200);
            set(token.clone(), "inactive").await.told(200);
            let summary = node.get(&format!("{GIGS}status-summary/"), &token).await.told(200);
            assert_eq!(summary, json!({"total": 1, "active": 0, "inactive": 1, "draft": 0, "suspended": 0}));
        });
    }

    fn browsing_filters_and_ignores_nonsense(db) {
        on(db, async |node| {
            let ada = node.somebody("ada@x.org", "TEACHER").await;
            let bob = node.somebody("bob@x.org", "TEACHER").await;
            gig(node, &ada, "language", "50.00").await;
            gig(node, &ada, "general", "20.00").await;
            gig(node, &bob, "astrology", "80.00").await;
            let bob_id = node.get("/api/accounts/me/", &bob).await.told(200)["id"].clone();
            let bob_id = bob_id.as_str().expect("an id");
            let all = ["general lesson", "language lesson", "astrology lesson"];
            assert_eq!(titles(node, "ordering=price_per_session").await, all);
            assert_eq!(titles(node, "ordering=-price_per_session&min_price=20.01").await, ["astrology lesson", "language lesson"]);
            assert_eq!(titles(node, &format!("teacher_id={bob_id}")).await, ["astrology lesson"]);
            assert_eq!(titles(node, &format!("teacher_id={bob_id}&max_price=70")).await, Vec::<String>::new());
            assert_eq!(titles(node, "category=GENERAL").await, ["general lesson"]);
            assert_eq!(titles(node, "search=astro%20speak").await, ["astrology lesson"]);
            assert_eq!(titles(node, "service_type=tutoring&max_duration=59").await, Vec::<String>::new());
            for nonsense in ["category=x", "min_price=x", "ordering=x", "max_duration=-1", "limit=x", "cursor=x"] {
                assert_eq!(titles(node, nonsense).await.len(), 3, "{nonsense}");
            }
            let found = node.get(&format!("{GIGS}public/?category=general&min_price=x"), "").await.told(200);
            assert_eq!(found["count"], 1);
            assert_eq!(found["filters_applied"], json!({"category": "general"}));
            let first = node.get(&format!("{GIGS}public/?limit=2"), "").await;
            let link = first.headers["link"].to_str().expect("text").to_owned();
            let next = link.split(['<', '>']).nth(1).expect("an address");
            assert_eq!(first.told(200)["results"].as_array().expect("a list").len(), 2);
            assert_eq!(node.get(next, "").await.told(200)["results"].as_array().expect("a list").len(), 1);
        });
    }

    fn teachers_are_listed_by_page(db) {
        on(db, async |node| {
            for name in ["a", "b", "c"] {
                node.somebody(&format!("{name}@x.org"), "TEACHER").await;
            }
            let token = node.somebody("d@x.org", "TEACHER").await;
            node.somebody("s@x.org", "STUDENT").await;
            gig(node, &token, "language", "50.00").await;
            node.patch("/api/accounts/profiles/me/", &token, json!({"bio": "Grammar and poetry"})).await.told(200);
            let path = "/api/accounts/teachers/";
            let first = node.get(&format!("{path}?page_size=3"), "").await.told(200);
            assert_eq!((&first["count"], &first["previous"]), (&json!(4), &Value::Null));
            assert!(first["next"].as_str().expect("a page").contains("page=2"));
            let second = node.get(&format!("{path}?page_size=3&page=2"), "").await.told(200);
            assert_eq!(second["results"].as_array().expect("a list").len(), 1);
            let offering = node.get(&format!("{path}?gig_category=language"), "").await.told(200);
            assert_eq!(offering["results"][0]["email"], "d@x.org");
            assert_eq!(offering["count"], 1);
            let found = node.get(&format!("{path}?search=poet"), "").await.told(200);
            assert_eq!(found["count"], 1);
            node.get(&format!("{path}?page=0"), "").await.refused(400, "validation_failed");
        });
    }
}
