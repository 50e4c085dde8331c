use serde_json::{Value, json};
use store::both;

use super::on;

both! {
    fn somebody_sees_who_he_is(db) {
        on(db, async |node| {
            let student = node.somebody("s@x.org", "student").await;
            let me = node.get("/api/accounts/me/", &student).await.told(200);
            assert_eq!(me["role"], "student");
            assert_eq!((&me["first_name"], &me["last_name"]), (&json!("Ada"), &json!("Lovelace")));
            let roles = node.get("/api/accounts/profiles/me/roles/", &student).await.told(200);
            assert_eq!(roles["has_teacher"], false);
            assert_eq!(roles["teacher_profile"], Value::Null);
            assert_eq!(roles["has_student"], true);
            assert_eq!(roles["student_profile"]["time_zone"], "UTC");
            assert_eq!(roles["id"], me["id"]);
        });
    }

    fn becoming_something_is_said_once(db) {
        on(db, async |node| {
            let token = node.somebody("s@x.org", "STUDENT").await;
            node.get("/api/accounts/teachers/my-profile/", &token).await.refused(403, "teacher_required");
            let first = node.post("/api/accounts/become-teacher/", &token, json!({})).await.told(201);
            assert_eq!(first["created"], true);
            assert_eq!(first["hourly_rate"], Value::Null);
            let second = node.post("/api/accounts/become-teacher/", &token, Value::Null).await.told(200);
            assert_eq!(second["created"], false);
            node.post("/api/accounts/become-student/", &token, json!({})).await.told(200);
            assert_eq!(node.log_in("s@x.org").await["user"]["role"], "BOTH");
            node.post("/api/accounts/become-teacher/", "", json!({})).await.told(401);
        });
    }

    fn a_profile_is_changed_by_its_owner_and_only_in_what_is_his(db) {
        on(db, async |node| {
            let token = node.somebody("t@x.org", "TEACHER").await;
            let path = "/api/accounts/teachers/my-profile/";
            let change = json!({
                "bio": "Since 1843", "hourly_rate": "25.50", "teaching_languages": ["English", "French"],
                "time_zone": "Europe/Paris", "last_name": "King", "experience_years": 7,
                "is_verified": true, "email": "evil@x.org", "id": "1", "created_at": "2020-01-01T00:00:00Z",
            });
            let profile = node.patch(path, &token, change).await.told(200);
            assert_eq!(profile["hourly_rate"].to_string(), "25.5");
            assert_eq!(profile["teaching_languages"], "English, French");
            assert_eq!(profile["full_name"], "Ada King");
            assert_eq!(profile["time_zone"], "Europe/Paris");
            assert_eq!(profile["is_verified"], false);
            assert_eq!(profile["email"], "t@x.org");
            assert_eq!(node.get(path, &token).await.told(200), profile);
            let own = node.patch("/api/accounts/profiles/me/", &token, json!({"city": "Paris"})).await.told(200);
            assert_eq!(own["city"], "Paris");
            let bad = [
                ("time_zone", json!("Mars/Olympus")),
                ("hourly_rate", json!(-1)),
                ("hourly_rate", json!("1.005")),
                ("profile_picture", json!("javascript:alert(1)")),
                ("bio", json!("x".repeat(5_001))),
                ("bio", json!({"a": 1})),
            ];
            for (field, value) in bad {
                let problem = node.patch(path, &token, json!({field: value})).await.refused(400, "validation_failed");
                assert!(problem["details"][field].is_array(), "{}", problem.text);
            }
        });
    }

    fn only_administrators_see_and_change_people(db) {
        on(db, async |node| {
            let admin = node.admin().await;
            let student = node.somebody("s@x.org", "STUDENT").await;
            node.get("/api/accounts/users/", &student).await.refused(403, "admin_required");
            node.get("/api/accounts/users/", "").await.told(401);
            let users = node.get("/api/accounts/users/?limit=1", &admin).await.told(200);
            assert_eq!(users["count"], 2);
            let next = users["next"].as_str().expect("a second page");
            let next = &next[next.find("/api/").expect("a path")..];
            let second = node.get(next, &admin).await.told(200);
            assert_eq!(second["next"], Value::Null);
            assert_ne!(second["results"][0]["id"], users["results"][0]["id"]);
            let id = node.get("/api/accounts/me/", &student).await.told(200)["id"].clone();
            let path = format!("/api/accounts/users/{}/", id.as_str().expect("an id"));
            node.patch(&path, &student, json!({"is_admin": true})).await.refused(403, "admin_required");
            let changed = node.patch(&path, &admin, json!({"role": "instructor"})).await.told(200);
            assert_eq!((&changed["role"], &changed["has_student"]), (&json!("TEACHER"), &json!(false)));
            node.get("/api/accounts/me/", &student).await.refused(401, "unauthorized");
            let changed = node.patch(&path, &admin, json!({"is_active": false})).await.told(200);
            assert_eq!(changed["is_active"], false);
            node.post("/api/login/", "", json!({"email": "s@x.org", "password": crate::people::PASSWORD})).await.told(401);
            for missing in ["nobody", "00000000-0000-4000-8000-000000000000"] {
                let path = format!("/api/accounts/users/{missing}/");
                node.patch(&path, &admin, json!({"is_active": false})).await.refused(404, "not_found");
            }
            node.patch(&path, &admin, json!({"role": "EMPEROR"})).await.refused(400, "validation_failed");
        });
    }

    fn an_administrator_cannot_disarm_himself(db) {
        on(db, async |node| {
            let admin = node.admin().await;
            let id = node.get("/api/accounts/me/", &admin).await.told(200)["id"].clone();
            let path = format!("/api/accounts/users/{}/", id.as_str().expect("an id"));
            for change in [json!({"is_admin": false}), json!({"is_active": false}), json!({"role": "STUDENT"})] {
                node.patch(&path, &admin, change).await.told(400);
            }
            assert_eq!(node.get("/api/accounts/me/", &admin).await.told(200)["role"], "admin");
        });
    }
}
