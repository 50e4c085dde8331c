//! New passwords: forgotten ones by mail, known ones by those who know them.

use axum::Json;
use axum::extract::State;
use domain::people::{ChangePassword, RequestReset, ResetPassword};
use domain::records::Purpose;
use domain::refusal::Refusal;
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::login::busy;
use super::{Message, mailed};
use crate::app::App;
use crate::auth::one_time;
use crate::auth::password::{Verdict, weakness, wrong_length};
use crate::config::Secret;
use crate::http::caller::Caller;
use crate::http::limits::Bucket;
use crate::http::{Body, Problem};

#[derive(Deserialize, ToSchema)]
pub(super) struct ForgottenInput {
    email: String,
    redirect_to: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct ResetInput {
    #[schema(value_type = String)]
    token: Secret,
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    new_password: Secret,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct ChangeInput {
    #[schema(value_type = String, format = Password)]
    current_password: Secret,
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 1024)]
    new_password: Secret,
}

/// A new password's limits. The list of leaked passwords counts once real money can move: the
/// contract's own examples stand on it.
pub(super) fn check_new(app: &App, field: &str, password: &Secret) -> Result<(), Problem> {
    let check = if app.config.is_live() { weakness } else { wrong_length };
    check(password.expose()).map_or(Ok(()), |problem| Err(Problem::field(field, problem)))
}

/// Ask for a mail to choose a new password; any address is answered the same.
#[utoipa::path(
    post, path = "/api/password-reset/", tag = "auth", request_body = ForgottenInput,
    responses(
        (status = 200, body = Message),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn request_reset(
    State(app): State<App>,
    body: Body<ForgottenInput>,
) -> Result<Json<Message>, Problem> {
    let ForgottenInput { email, redirect_to } = body.value;
    let redirect_to = mailed::allowed_redirect(&app, redirect_to)?;
    if let Some(person) = app.db.read(move |reads| reads.person_by_email(&email)).await? {
        let request = RequestReset {
            person: person.id,
            token: mailed::fresh(&app, Purpose::PasswordReset, redirect_to),
            real_now: app.real_clock.now(),
        };
        app.db.submit(request).await?;
    }
    Ok(Json(Message { message: "If the address is registered, a mail is on its way." }))
}

/// Choose a new password with the token of the mail; every login ends.
#[utoipa::path(
    post, path = "/api/password-reset/confirm/", tag = "auth", request_body = ResetInput,
    responses(
        (status = 200, body = Message),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn reset_password(
    State(app): State<App>,
    body: Body<ResetInput>,
) -> Result<Json<Message>, Problem> {
    let ResetInput { token, new_password } = body.value;
    check_new(&app, "new_password", &new_password)?;
    let (person, hash) = one_time::parse(&token, Purpose::PasswordReset).ok_or(Refusal::InvalidToken)?;
    let password = Zeroizing::new(new_password.expose().to_owned());
    let password = app.passwords.hash(password).await.map_err(busy)?;
    app.db.submit(ResetPassword { person, hash, password, real_now: app.real_clock.now() }).await?;
    Ok(Json(Message { message: "Your password has been changed." }))
}

/// Choose a new password; every other login ends.
#[utoipa::path(
    post, path = "/api/change-password/", tag = "auth", request_body = ChangeInput, security(("bearer" = [])),
    responses(
        (status = 200, body = Message),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn change_password(
    State(app): State<App>,
    caller: Caller,
    body: Body<ChangeInput>,
) -> Result<Json<Message>, Problem> {
    caller.limit(Bucket::Login)?;
    let ChangeInput { current_password, new_password } = body.value;
    check_new(&app, "new_password", &new_password)?;
    let seen = caller.person.password.clone();
    let current = Zeroizing::new(current_password.expose().to_owned());
    if app.passwords.check(current, seen.clone()).await.map_err(busy)? == Verdict::Wrong {
        return Err(Refusal::WrongPassword.into());
    }
    let password = Zeroizing::new(new_password.expose().to_owned());
    let password = app.passwords.hash(password).await.map_err(busy)?;
    let change = ChangePassword { person: caller.person.id, session: caller.session, seen, password };
    app.db.submit(change).await?;
    Ok(Json(Message { message: "Your password has been changed." }))
}
