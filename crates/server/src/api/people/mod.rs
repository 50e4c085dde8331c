//! People about themselves: who they are, their roles and profiles.
//!
//! Invariants: nobody reads or changes a profile but its owner, and only what is his to say; having a
//! profile is having the role. What administrators do about people is in `users`.

mod input;
mod view;

pub use view::{Role, TeacherDetails};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::id::PersonId;
use domain::people::{AddRole, Profiles, Side, UpdateProfile};
use domain::refusal::Refusal;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use input::ProfileInput;
use view::{ProfileView, own_view, split_name, student_view, teacher_view};

use crate::app::App;
use crate::http::caller::{Caller, Teacher};
use crate::http::json::Instant;
use crate::http::{Body, Problem};

/// The routes of this file.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/accounts/me", get(get_me))
        .route("/api/accounts/profiles/me", get(get_profile).patch(update_profile))
        .route("/api/accounts/profiles/me/roles", get(get_roles))
        .route("/api/accounts/teachers/my-profile", get(get_teacher_profile).patch(update_teacher_profile))
        .route("/api/accounts/become-teacher", post(become_teacher))
        .route("/api/accounts/become-student", post(become_student))
}

/// Documentation of this file.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(
        get_me,
        get_profile,
        update_profile,
        get_roles,
        get_teacher_profile,
        update_teacher_profile,
        become_teacher,
        become_student,
    ))]
    struct Document;
    Document::openapi()
}

async fn profiles(app: &App, id: PersonId) -> Result<Profiles, Problem> {
    let found = app.db.read(move |reads| reads.profiles(id)).await?;
    found.ok_or_else(Problem::unauthorized)
}

#[derive(Serialize, ToSchema)]
struct Me {
    /// UUID
    id: String,
    email: String,
    full_name: String,
    first_name: String,
    last_name: String,
    /// `student`, `instructor` or `admin`
    role: &'static str,
    is_verified: bool,
    is_active: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

/// Who am I?
#[utoipa::path(
    get, path = "/api/accounts/me/", tag = "people", security(("bearer" = [])),
    responses(
        (status = 200, body = Me),
        crate::http::openapi::Refused,
    ),
)]
async fn get_me(caller: Caller) -> Json<Me> {
    let role = Role::of_caller(&caller).plain_word();
    let person = caller.person;
    let (first_name, last_name) = split_name(&person.full_name);
    Json(Me {
        id: person.uuid,
        email: person.email,
        first_name,
        last_name,
        full_name: person.full_name,
        role,
        is_verified: person.verified,
        is_active: person.active,
        created_at: Instant(person.created_at),
        updated_at: Instant(person.updated_at),
    })
}

#[derive(Serialize, ToSchema)]
struct Roles {
    /// UUID
    id: String,
    email: String,
    first_name: String,
    last_name: String,
    has_teacher: bool,
    teacher_profile: Option<ProfileView>,
    has_student: bool,
    student_profile: Option<ProfileView>,
}

/// My roles, each with its profile.
#[utoipa::path(
    get, path = "/api/accounts/profiles/me/roles/", tag = "people", security(("bearer" = [])),
    responses(
        (status = 200, body = Roles),
        crate::http::openapi::Refused,
    ),
)]
async fn get_roles(State(app): State<App>, caller: Caller) -> Result<Json<Roles>, Problem> {
    let profiles = profiles(&app, caller.person.id).await?;
    let currency = app.policies.currency;
    let (first_name, last_name) = split_name(&profiles.person.full_name);
    Ok(Json(Roles {
        has_teacher: profiles.teacher.is_some(),
        teacher_profile: teacher_view(&profiles, currency),
        has_student: profiles.student.is_some(),
        student_profile: student_view(&profiles, currency),
        id: profiles.person.uuid,
        email: profiles.person.email,
        first_name,
        last_name,
    }))
}

/// My profile: the student's if I have one, else the teacher's.
#[utoipa::path(
    get, path = "/api/accounts/profiles/me/", tag = "people", security(("bearer" = [])),
    responses(
        (status = 200, body = ProfileView),
        crate::http::openapi::Refused,
    ),
)]
async fn get_profile(State(app): State<App>, caller: Caller) -> Result<Json<ProfileView>, Problem> {
    let profiles = profiles(&app, caller.person.id).await?;
    Ok(Json(own_view(&profiles, app.policies.currency)))
}

/// My teacher's profile.
#[utoipa::path(
    get, path = "/api/accounts/teachers/my-profile/", tag = "people", security(("bearer" = [])),
    responses(
        (status = 200, body = ProfileView),
        crate::http::openapi::Refused,
    ),
)]
async fn get_teacher_profile(
    State(app): State<App>,
    Teacher(caller): Teacher,
) -> Result<Json<ProfileView>, Problem> {
    let profiles = profiles(&app, caller.person.id).await?;
    let view = teacher_view(&profiles, app.policies.currency);
    Ok(Json(view.ok_or_else(Problem::not_found)?))
}

/// Change my profile.
#[utoipa::path(
    patch, path = "/api/accounts/profiles/me/", tag = "people", security(("bearer" = [])),
    request_body = Option<ProfileInput>,
    responses(
        (status = 200, body = ProfileView),
        crate::http::openapi::Refused,
    ),
)]
async fn update_profile(
    State(app): State<App>,
    caller: Caller,
    body: Body<ProfileInput>,
) -> Result<Json<ProfileView>, Problem> {
    let currency = app.policies.currency;
    let patch = body.value.patch(&caller.person, currency)?;
    let update = UpdateProfile { person: caller.person.id, side: Side::Own, patch };
    Ok(Json(own_view(&app.db.submit(update).await?, currency)))
}

/// Change my teacher's profile.
#[utoipa::path(
    patch, path = "/api/accounts/teachers/my-profile/", tag = "people", security(("bearer" = [])),
    request_body = Option<ProfileInput>,
    responses(
        (status = 200, body = ProfileView),
        crate::http::openapi::Refused,
    ),
)]
async fn update_teacher_profile(
    State(app): State<App>,
    Teacher(caller): Teacher,
    body: Body<ProfileInput>,
) -> Result<Json<ProfileView>, Problem> {
    let currency = app.policies.currency;
    let patch = body.value.patch(&caller.person, currency)?;
    if !caller.teacher {
        // An administrator passes the role's check but has no such profile.
        return Err(Problem::not_found());
    }
    let update = UpdateProfile { person: caller.person.id, side: Side::Teacher, patch };
    let profiles = app.db.submit(update).await?;
    Ok(Json(teacher_view(&profiles, currency).ok_or(Refusal::TeacherRequired)?))
}

#[derive(Serialize, ToSchema)]
struct Became {
    #[serde(flatten)]
    profile: ProfileView,
    created: bool,
}

async fn become_role(app: &App, caller: &Caller, role: domain::people::Role) -> Result<Response, Problem> {
    let (profiles, created) = app.db.submit(AddRole { person: caller.person.id, role }).await?;
    let view = match role {
        domain::people::Role::Teacher => teacher_view(&profiles, app.policies.currency),
        domain::people::Role::Student => student_view(&profiles, app.policies.currency),
    };
    let profile = view.expect("the role was just given");
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Became { profile, created })).into_response())
}

/// Become a teacher.
#[utoipa::path(
    post, path = "/api/accounts/become-teacher/", tag = "people", security(("bearer" = [])),
    responses(
        (status = 201, body = Became),
        (status = 200, body = Became, description = "A teacher already"),
        crate::http::openapi::Refused,
    ),
)]
async fn become_teacher(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    become_role(&app, &caller, domain::people::Role::Teacher).await
}

/// Become a student.
#[utoipa::path(
    post, path = "/api/accounts/become-student/", tag = "people", security(("bearer" = [])),
    responses(
        (status = 201, body = Became),
        (status = 200, body = Became, description = "A student already"),
        crate::http::openapi::Refused,
    ),
)]
async fn become_student(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    become_role(&app, &caller, domain::people::Role::Student).await
}
