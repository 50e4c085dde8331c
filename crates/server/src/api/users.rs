//! People, as administrators see and change them.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::routing::{get, patch};
use axum::{Json, Router};
use domain::id::Id;
use domain::people::{self, SetRoles};
use domain::records::Person;
use serde::{Deserialize, Serialize};
use store::reads::{COUNT_MAX, Known};
use utoipa::{OpenApi, ToSchema};

use super::people::Role;
use crate::app::App;
use crate::http::caller::Admin;
use crate::http::json::Instant;
use crate::http::page::{Cursor, ListQuery, link_next};
use crate::http::{Body, Problem, Query};

/// The routes of this file.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/accounts/users", get(list_users))
        .route("/api/accounts/users/{id}", patch(update_user))
}

/// Documentation of this file.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list_users, update_user))]
    struct Document;
    Document::openapi()
}

#[derive(Serialize, ToSchema)]
struct User {
    /// UUID
    id: String,
    email: String,
    full_name: String,
    /// `STUDENT`, `TEACHER`, `BOTH` or `ADMIN`
    role: &'static str,
    has_teacher: bool,
    has_student: bool,
    is_admin: bool,
    is_active: bool,
    is_verified: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

impl User {
    fn of(person: Person, teacher: bool, student: bool) -> User {
        User {
            role: Role::from_flags(person.admin, teacher, student).word(),
            has_teacher: teacher,
            has_student: student,
            is_admin: person.admin,
            is_active: person.active,
            is_verified: person.verified,
            created_at: Instant(person.created_at),
            updated_at: Instant(person.updated_at),
            id: person.uuid,
            email: person.email,
            full_name: person.full_name,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Users {
    /// Counted up to 10,000
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    count_exact: Option<bool>,
    /// Address of the next page
    next: Option<String>,
    results: Vec<User>,
}

/// Everybody, newest first.
#[utoipa::path(
    get, path = "/api/accounts/users/", tag = "people", security(("bearer" = [])),
    params(ListQuery),
    responses(
        (status = 200, body = Users),
        crate::http::openapi::Refused,
    ),
)]
async fn list_users(
    State(app): State<App>,
    _: Admin,
    uri: Uri,
    Query(list): Query<ListQuery>,
) -> Result<(HeaderMap, Json<Users>), Problem> {
    let window = list.window()?;
    let limit = usize::try_from(window.limit).expect("at most 500");
    let after = window.after.map(|cursor| (cursor.created_at, cursor.id));
    let read = app.db.read(move |reads| Ok((reads.count_people()?, reads.people_after(after, limit + 1)?)));
    let (count, mut people) = read.await?;
    let more = people.len() > limit;
    people.truncate(limit);
    let last = people.last().filter(|_| more);
    let last = last.map(|known| Cursor { created_at: known.person.created_at, id: known.person.id.raw() });
    let headers = last.map_or_else(HeaderMap::new, |last| link_next(&uri, last));
    let next = last.map(|last| {
        let base = app.config.public_url();
        format!("{base}{}?limit={limit}&cursor={}", uri.path(), last.encode())
    });
    let users = Users {
        count: count.min(COUNT_MAX),
        count_exact: (count > COUNT_MAX).then_some(false),
        next,
        results: people
            .into_iter()
            .map(|Known { person, teacher, student }| User::of(person, teacher, student))
            .collect(),
    };
    Ok((headers, Json(users)))
}

/// A role in either client's words.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum RoleInput {
    Student,
    Teacher,
    Instructor,
    Both,
    Admin,
}

#[derive(Deserialize, ToSchema)]
struct UserInput {
    role: Option<RoleInput>,
    is_active: Option<bool>,
    is_admin: Option<bool>,
}

impl UserInput {
    /// The profiles that a role means; `ADMIN` leaves them as they are.
    fn roles(&self) -> Option<Vec<people::Role>> {
        use people::Role as R;
        match self.role? {
            RoleInput::Student => Some(vec![R::Student]),
            RoleInput::Teacher | RoleInput::Instructor => Some(vec![R::Teacher]),
            RoleInput::Both => Some(vec![R::Student, R::Teacher]),
            RoleInput::Admin => None,
        }
    }

    /// A role without a word about administration decides that as well.
    fn admin(&self) -> Option<bool> {
        self.is_admin.or_else(|| self.role.map(|role| matches!(role, RoleInput::Admin)))
    }
}

/// Change what somebody may do; all his logins end.
#[utoipa::path(
    patch, path = "/api/accounts/users/{id}/", tag = "people", security(("bearer" = [])),
    params(("id" = String, Path, description = "UUID")), request_body = UserInput,
    responses(
        (status = 200, body = User),
        crate::http::openapi::Refused,
    ),
)]
async fn update_user(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    body: Body<UserInput>,
) -> Result<Json<User>, Problem> {
    let input = body.value;
    let person = app.db.read(move |reads| reads.id_of_uuid(&id)).await?;
    let set = SetRoles {
        actor: caller.person.id,
        person: person.ok_or_else(Problem::not_found)?,
        active: input.is_active,
        admin: input.admin(),
        roles: input.roles(),
    };
    let after = app.db.submit(set).await?;
    Ok(Json(User::of(after.person, after.teacher.is_some(), after.student.is_some())))
}
