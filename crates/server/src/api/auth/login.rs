//! Logging in with address and password.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::id::Id;
use domain::people::{StartSession, Started, TryLogin, fold_email};
use domain::records::Person;
use domain::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::api::people::Role;
use crate::app::App;
use crate::auth::chain::stored;
use crate::auth::password::{PasswordError, Verdict};
use crate::auth::refresh;
use crate::auth::token::Claims;
use crate::config::Secret;
use crate::http::json::Instant;
use crate::http::peer::Peer;
use crate::http::{Body, Problem};

#[derive(Deserialize, ToSchema)]
pub(super) struct LogIn {
    email: String,
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// A pair of tokens, under both pairs of names.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenPair {
    access_token: String,
    refresh_token: String,
    access: String,
    refresh: String,
    /// `Bearer`
    token_type: &'static str,
    /// Seconds
    expires_in: i64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct LoggedIn {
    #[serde(flatten)]
    tokens: TokenPair,
    message: &'static str,
    user: UserView,
}

/// Somebody, as logging in shows him to himself.
#[derive(Serialize, ToSchema)]
pub struct UserView {
    /// UUID
    id: String,
    email: String,
    full_name: String,
    /// `STUDENT`, `TEACHER`, `BOTH` or `ADMIN`
    role: &'static str,
    is_verified: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

impl TokenPair {
    /// A fresh access token beside the given refresh token of a session.
    pub(super) fn of(app: &App, started: &Started, refresh: &Secret) -> TokenPair {
        let access = app.tokens.issue(&Claims {
            person: started.person.uuid.clone(),
            session: started.session.id.raw(),
            version: started.session.version,
        });
        let refresh = format!("{}.{}", started.session.id, refresh.expose());
        TokenPair {
            access_token: access.token.expose().to_owned(),
            refresh_token: refresh.clone(),
            access: access.token.expose().to_owned(),
            refresh,
            token_type: "Bearer",
            expires_in: access.expires_in_seconds,
        }
    }
}

impl UserView {
    pub fn of(person: &Person, role: Role) -> UserView {
        UserView {
            id: person.uuid.clone(),
            email: person.email.clone(),
            full_name: person.full_name.clone(),
            role: role.word(),
            is_verified: person.verified,
            created_at: Instant(person.created_at),
            updated_at: Instant(person.updated_at),
        }
    }
}

/// Log in.
#[utoipa::path(
    post, path = "/api/login/", tag = "auth", request_body = LogIn,
    responses(
        (status = 200, body = LoggedIn),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn log_in(
    State(app): State<App>,
    peer: Peer,
    body: Body<LogIn>,
) -> Result<Json<LoggedIn>, Problem> {
    let LogIn { email, password } = body.value;
    let guess = guess(&app, &email, peer);
    app.db.submit(guess.clone()).await?;
    let person = app.db.read(move |reads| reads.person_by_email(&email)).await?;
    let seen = person.as_ref().and_then(|person| person.password.clone());
    let text = || Zeroizing::new(password.expose().to_owned());
    let verdict = app.passwords.check(text(), seen.clone()).await.map_err(busy)?;
    let right = person.filter(|person| person.active && verdict != Verdict::Wrong);
    let person = right.ok_or(Refusal::WrongCredentials)?;
    if app.config.auth.require_verified && !person.verified {
        let detail = "Confirm your e-mail address first.";
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "email_not_verified", detail);
        return Err(problem.with("action", "verify_email"));
    }
    let rehashed = match verdict {
        Verdict::RightButOld => Some(app.passwords.hash(text()).await.map_err(busy)?),
        Verdict::Right | Verdict::Wrong => None,
    };
    let (token, _) = refresh::issue(app.dice.as_ref());
    let start = StartSession {
        person: person.id,
        seen,
        rehashed,
        token: stored(token.expose()),
        account: guess.account,
        address: guess.address,
        real_now: app.real_clock.now(),
    };
    let started = app.db.submit(start).await?;
    let id = person.id;
    let known = app.db.read(move |reads| reads.known(id)).await?.ok_or(Refusal::WrongCredentials)?;
    Ok(Json(LoggedIn {
        tokens: TokenPair::of(&app, &started, &token),
        message: "Login successful",
        user: UserView::of(&started.person, Role::of(&known)),
    }))
}

/// Hashing has a queue, and it has an end.
pub(in crate::api) fn busy(error: PasswordError) -> Problem {
    match error {
        PasswordError::Busy => Problem::too_many(1),
        error => Problem::internal(error),
    }
}

/// What a guess counts against. With rates switched off only the account is counted.
pub(super) fn guess(app: &App, email: &str, peer: Peer) -> TryLogin {
    let rates = app.config.limits.login_per_minute > 0;
    TryLogin {
        account: stored(&format!("account {}", fold_email(email))),
        address: rates.then(|| stored(&format!("address {}", network(peer.address)))),
        real_now: app.real_clock.now(),
    }
}

/// An IPv6 customer has a whole /64 to call from.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x?}", &address.segments()[..4]),
    }
}
