//! People about themselves: roles, profiles; and administrators about people.

use std::fmt;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::id::PersonId;
use domain::money::Currency;
use domain::people::{AddRole, ProfilePatch, Profiles, Side, UpdateProfile};
use domain::records::{Person, TeacherProfile};
use domain::refusal::Refusal;
use jiff::tz::TimeZone;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use store::reads::Known;
use utoipa::{OpenApi, ToSchema};

use crate::app::App;
use crate::http::caller::{Caller, Teacher};
use crate::http::json::{Instant, MoneyNumber, MoneyText};
use crate::http::{Body, Problem};

/// What somebody is, in one word of either client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Student,
    Teacher,
    Both,
    Admin,
}

impl Role {
    pub fn of(known: &Known) -> Role {
        Role::from_flags(known.person.admin, known.teacher, known.student)
    }

    fn of_caller(caller: &Caller) -> Role {
        Role::from_flags(caller.person.admin, caller.teacher, caller.student)
    }

    pub(super) fn from_flags(admin: bool, teacher: bool, student: bool) -> Role {
        match (admin, teacher, student) {
            (true, _, _) => Role::Admin,
            (_, true, true) => Role::Both,
            (_, true, _) => Role::Teacher,
            _ => Role::Student,
        }
    }

    /// LinguaFlex's word.
    pub fn word(self) -> &'static str {
        match self {
            Role::Student => "STUDENT",
            Role::Teacher => "TEACHER",
            Role::Both => "BOTH",
            Role::Admin => "ADMIN",
        }
    }

    /// Skillstudio's word, which knows no "both": whoever teaches is an instructor.
    fn plain_word(self) -> &'static str {
        match self {
            Role::Student => "student",
            Role::Teacher | Role::Both => "instructor",
            Role::Admin => "admin",
        }
    }
}

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

/// A teacher as learners see him.
#[derive(Serialize, ToSchema)]
pub struct TeacherDetails {
    /// UUID of the user
    id: String,
    email: String,
    first_name: String,
    last_name: String,
    full_name: String,
    profile_picture: Option<String>,
    qualification: String,
    experience_years: i64,
    about: String,
    teaching_languages: String,
    #[schema(value_type = Option<f64>)]
    hourly_rate: Option<MoneyNumber>,
    is_verified: bool,
    bio: String,
    city: String,
    country: String,
    native_language: String,
}

impl TeacherDetails {
    /// Of somebody who may have lost the role: then only the name is left.
    pub(super) fn of(
        person: &Person,
        teacher: Option<&TeacherProfile>,
        currency: Currency,
    ) -> TeacherDetails {
        let text =
            |field: fn(&TeacherProfile) -> &String| teacher.map_or_else(String::new, |t| field(t).clone());
        let (first_name, last_name) = split_name(&person.full_name);
        TeacherDetails {
            id: person.uuid.clone(),
            email: person.email.clone(),
            first_name,
            last_name,
            full_name: person.full_name.clone(),
            profile_picture: Some(text(|t| &t.profile_picture)).filter(|text| !text.is_empty()),
            qualification: text(|t| &t.qualification),
            experience_years: teacher.map_or(0, |t| t.experience_years),
            about: text(|t| &t.about),
            teaching_languages: text(|t| &t.teaching_languages),
            hourly_rate: teacher
                .and_then(|t| t.hourly_rate_minor)
                .map(|rate| MoneyNumber(currency.minor(rate))),
            is_verified: teacher.is_some_and(|t| t.verified),
            bio: text(|t| &t.bio),
            city: text(|t| &t.city),
            country: text(|t| &t.country),
            native_language: text(|t| &t.native_language),
        }
    }
}

/// Everything before the first space, and the rest.
fn split_name(name: &str) -> (String, String) {
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    (first.into(), last.trim().into())
}

/// A profile as its owner sees it.
#[derive(Serialize, ToSchema)]
pub(super) struct ProfileView {
    #[serde(flatten)]
    details: TeacherDetails,
    postal_code: String,
    learning_language: String,
    /// IANA name
    time_zone: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

fn teacher_view(profiles: &Profiles, currency: Currency) -> Option<ProfileView> {
    let teacher = profiles.teacher.as_ref()?;
    Some(ProfileView {
        details: TeacherDetails::of(&profiles.person, Some(teacher), currency),
        postal_code: teacher.postal_code.clone(),
        learning_language: profiles
            .student
            .as_ref()
            .map_or_else(String::new, |s| s.learning_language.clone()),
        time_zone: teacher.time_zone.clone(),
        created_at: Instant(teacher.created_at),
        updated_at: Instant(teacher.updated_at),
    })
}

fn student_view(profiles: &Profiles, currency: Currency) -> Option<ProfileView> {
    let student = profiles.student.as_ref()?;
    let mut details = TeacherDetails::of(&profiles.person, None, currency);
    details.profile_picture = Some(student.profile_picture.clone()).filter(|text| !text.is_empty());
    details.is_verified = profiles.person.verified;
    details.bio.clone_from(&student.bio);
    details.city.clone_from(&student.city);
    details.country.clone_from(&student.country);
    details.native_language.clone_from(&student.native_language);
    Some(ProfileView {
        details,
        postal_code: student.postal_code.clone(),
        learning_language: student.learning_language.clone(),
        time_zone: student.time_zone.clone(),
        created_at: Instant(student.created_at),
        updated_at: Instant(student.updated_at),
    })
}

/// The profile that [`Side::Own`] changes; for somebody without any, his name.
fn own_view(profiles: &Profiles, currency: Currency) -> ProfileView {
    let found = student_view(profiles, currency).or_else(|| teacher_view(profiles, currency));
    found.unwrap_or_else(|| ProfileView {
        details: TeacherDetails::of(&profiles.person, None, currency),
        postal_code: String::new(),
        learning_language: String::new(),
        time_zone: "UTC".into(),
        created_at: Instant(profiles.person.created_at),
        updated_at: Instant(profiles.person.updated_at),
    })
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
        (status = "4XX", body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
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
        (status = "4XX", body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
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
        (status = "4XX", body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
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
        (status = "4XX", body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
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

/// What somebody may change about himself; everything else in the body is ignored.
#[derive(Default, Deserialize, ToSchema)]
pub(super) struct ProfileInput {
    full_name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    bio: Option<String>,
    profile_picture: Option<String>,
    city: Option<String>,
    country: Option<String>,
    postal_code: Option<String>,
    native_language: Option<String>,
    time_zone: Option<String>,
    learning_language: Option<String>,
    #[serde(alias = "qualifications")]
    qualification: Option<String>,
    #[serde(alias = "years_of_experience")]
    experience_years: Option<i64>,
    about: Option<String>,
    #[serde(default, deserialize_with = "text_or_list")]
    teaching_languages: Option<String>,
    #[schema(value_type = Option<String>)]
    hourly_rate: Option<MoneyText>,
}

impl ProfileInput {
    fn patch(self, person: &Person, currency: Currency) -> Result<ProfilePatch, Problem> {
        if self.time_zone.as_deref().is_some_and(|zone| TimeZone::get(zone.trim()).is_err()) {
            return Err(Problem::field("time_zone", "must be an IANA time zone such as Europe/Paris"));
        }
        let hourly_rate = self.hourly_rate.map(|text| text.money("hourly_rate", currency)).transpose()?;
        let full_name = match (self.full_name, self.first_name, self.last_name) {
            (Some(name), _, _) => Some(name),
            (None, None, None) => None,
            (None, first, last) => {
                let (old_first, old_last) = split_name(&person.full_name);
                let name = format!("{} {}", first.unwrap_or(old_first), last.unwrap_or(old_last));
                Some(name.trim().to_owned())
            }
        };
        Ok(ProfilePatch {
            full_name,
            bio: self.bio,
            profile_picture: self.profile_picture,
            city: self.city,
            country: self.country,
            postal_code: self.postal_code,
            native_language: self.native_language,
            time_zone: self.time_zone,
            learning_language: self.learning_language,
            qualification: self.qualification,
            experience_years: self.experience_years,
            about: self.about,
            teaching_languages: self.teaching_languages,
            hourly_rate_minor: hourly_rate.map(|rate| Some(rate.minor)),
        })
    }
}

/// `"English, French"` and `["English", "French"]` mean the same.
fn text_or_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Texts;
    impl<'de> Visitor<'de> for Texts {
        type Value = Option<String>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text or a list of texts")
        }
        fn visit_unit<E>(self) -> Result<Option<String>, E> {
            Ok(None)
        }
        fn visit_str<E>(self, text: &str) -> Result<Option<String>, E> {
            Ok(Some(text.to_owned()))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<String>, A::Error> {
            let mut texts: Vec<String> = Vec::new();
            while let Some(text) = items.next_element()? {
                texts.push(text);
            }
            Ok(Some(texts.join(", ")))
        }
    }
    deserializer.deserialize_any(Texts)
}

/// Change my profile.
#[utoipa::path(
    patch, path = "/api/accounts/profiles/me/", tag = "people", security(("bearer" = [])),
    request_body = ProfileInput,
    responses(
        (status = 200, body = ProfileView),
        (status = "4XX", body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
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
    request_body = ProfileInput,
    responses(
        (status = 200, body = ProfileView),
        (status = "4XX", body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
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
        (status = "4XX", body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
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
        (status = "4XX", body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
    ),
)]
async fn become_student(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    become_role(&app, &caller, domain::people::Role::Student).await
}
