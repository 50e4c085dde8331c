//! Registering, and confirming the address.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::people::{self, ProfilePatch, Register, RequestVerification, VerifyEmail};
use domain::records::{Person, Purpose};
use domain::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::login::busy;
use super::passwords::check_new;
use super::{Message, mailed};
use crate::app::App;
use crate::auth::one_time;
use crate::config::Secret;
use crate::dice::uuid_v4;
use crate::http::json::FreeText;
use crate::http::{Body, Problem};

/// What one can register as, in either client's words. Nobody registers as an administrator.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum NewRole {
    #[default]
    Student,
    Teacher,
    Instructor,
}

impl NewRole {
    pub(super) fn role(self) -> people::Role {
        match self {
            NewRole::Student => people::Role::Student,
            NewRole::Teacher | NewRole::Instructor => people::Role::Teacher,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "email": "sam@example.org", "password": "correct horse battery staple", "full_name": "Sam Example",
    "role": "STUDENT",
}))]
pub(super) struct NewPerson {
    email: String,
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    password: Secret,
    #[schema(value_type = String, max_length = 150)]
    full_name: FreeText,
    #[serde(default)]
    role: NewRole,
    #[schema(value_type = Option<String>)]
    bio: Option<FreeText>,
    city: Option<String>,
    country: Option<String>,
    postal_code: Option<String>,
    native_language: Option<String>,
    learning_language: Option<String>,
    #[schema(value_type = Option<String>)]
    qualifications: Option<FreeText>,
    years_of_experience: Option<i64>,
    /// Where the mail's link leads; below one of the configured addresses.
    redirect_to: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Registered {
    message: &'static str,
    /// UUID
    user_id: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct VerifyFirst {
    message: &'static str,
    /// `verify_email`
    action: &'static str,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct EmailInput {
    email: String,
    redirect_to: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct TokenInput {
    #[schema(value_type = String)]
    token: Secret,
}

/// Register.
#[utoipa::path(
    post, path = "/api/register/", tag = "auth", request_body = NewPerson,
    responses(
        (status = 201, body = Registered),
        (status = 200, body = VerifyFirst, description = "Registered before and not verified: the mail is sent again"),
        (status = 409, body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn register(State(app): State<App>, body: Body<NewPerson>) -> Result<Response, Problem> {
    let input = body.value;
    people::check_email(&input.email)?;
    check_new(&app, "password", &input.password)?;
    let redirect_to = mailed::allowed_redirect(&app, input.redirect_to.clone())?;
    let profile = profile(&input);
    profile.check()?;
    let email = input.email.clone();
    let owner = app.db.read(move |reads| reads.person_by_email(&email)).await?;
    if let Some(owner) = owner {
        return again(&app, &owner, redirect_to).await;
    }
    let password = Zeroizing::new(input.password.expose().to_owned());
    let register = Register {
        uuid: uuid_v4(app.dice.as_ref()),
        email: input.email,
        password: app.passwords.hash(password).await.map_err(busy)?,
        role: input.role.role(),
        profile,
        token: mailed::fresh(&app, Purpose::VerifyEmail, redirect_to.clone()),
        real_now: app.real_clock.now(),
    };
    let email = register.email.clone();
    match app.db.submit(register).await {
        Err(store::Error::Refused(Refusal::EmailTaken)) => {
            // Somebody was faster with this address, perhaps the same person's second click.
            let owner = app.db.read(move |reads| reads.person_by_email(&email)).await?;
            again(&app, &owner.ok_or(Refusal::EmailTaken)?, redirect_to).await
        }
        made => {
            let message = "Registration successful. Please confirm your e-mail address.";
            let registered = Registered { message, user_id: made?.person.uuid };
            Ok((StatusCode::CREATED, Json(registered)).into_response())
        }
    }
}

fn profile(input: &NewPerson) -> ProfilePatch {
    ProfilePatch {
        full_name: Some(input.full_name.clone().into()),
        bio: input.bio.clone().map(Into::into),
        city: input.city.clone(),
        country: input.country.clone(),
        postal_code: input.postal_code.clone(),
        native_language: input.native_language.clone(),
        learning_language: input.learning_language.clone(),
        qualification: input.qualifications.clone().map(Into::into),
        experience_years: input.years_of_experience,
        ..ProfilePatch::default()
    }
}

/// An address that is registered already: neither password nor profile changes.
async fn again(app: &App, owner: &Person, redirect_to: Option<String>) -> Result<Response, Problem> {
    if owner.verified {
        return Err(Problem::from(Refusal::EmailTaken).with("action", "login"));
    }
    request_verification(app, owner, redirect_to).await?;
    let message = "This address is registered; we have sent the confirmation again.";
    Ok(Json(VerifyFirst { message, action: "verify_email" }).into_response())
}

async fn request_verification(
    app: &App,
    person: &Person,
    redirect_to: Option<String>,
) -> Result<(), Problem> {
    let request = RequestVerification {
        person: person.id,
        token: mailed::fresh(app, Purpose::VerifyEmail, redirect_to),
        real_now: app.real_clock.now(),
    };
    Ok(app.db.submit(request).await?)
}

/// Send the confirmation mail again; any address is answered the same.
#[utoipa::path(
    post, path = "/api/resend-verification/", tag = "auth", request_body = EmailInput,
    responses(
        (status = 200, body = Message),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn resend_verification(
    State(app): State<App>,
    body: Body<EmailInput>,
) -> Result<Json<Message>, Problem> {
    let EmailInput { email, redirect_to } = body.value;
    let redirect_to = mailed::allowed_redirect(&app, redirect_to)?;
    if let Some(person) = app.db.read(move |reads| reads.person_by_email(&email)).await? {
        request_verification(&app, &person, redirect_to).await?;
    }
    Ok(Json(Message { message: "If the address is registered and not confirmed, a mail is on its way." }))
}

/// Confirm an address with the token of the mail.
#[utoipa::path(
    post, path = "/api/verify-email/", tag = "auth", request_body = TokenInput,
    responses(
        (status = 200, body = Message),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn verify_email(
    State(app): State<App>,
    body: Body<TokenInput>,
) -> Result<Json<Message>, Problem> {
    let (person, hash) =
        one_time::parse(&body.value.token, Purpose::VerifyEmail).ok_or(Refusal::InvalidToken)?;
    app.db.submit(VerifyEmail { person, hash, real_now: app.real_clock.now() }).await?;
    Ok(Json(Message { message: "Your e-mail address is confirmed." }))
}
