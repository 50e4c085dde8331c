//! Going on with a session, and ending it. A refresh token is `<session>.<secret>`.

use axum::Json;
use axum::extract::State;
use domain::id::{Id, SessionId};
use domain::people::{Logout, RefreshSession, Refreshed};
use domain::records::Session;
use domain::refusal::Refusal;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Message;
use super::login::TokenPair;
use crate::app::App;
use crate::auth::chain::stored;
use crate::auth::refresh;
use crate::config::Secret;
use crate::http::{Body, Problem};

/// Tokens that follow the current one are tried so far: tabs that race at the same moment.
const AHEAD: usize = 8;
/// Older ancestors than this are strangers: refused, but they end nothing.
const CHAIN_MAX: usize = 1_024;

#[derive(Deserialize, ToSchema)]
pub(super) struct RefreshInput {
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret>,
    #[schema(value_type = Option<String>)]
    refresh: Option<Secret>,
}

impl RefreshInput {
    fn token(self) -> Result<Secret, Problem> {
        let given = self.refresh_token.or(self.refresh).filter(|token| !token.is_empty());
        given.ok_or_else(|| Problem::field("refresh_token", "is required"))
    }
}

/// The presented token and those that follow it, up to and beyond the session's current one.
struct Presented {
    session: SessionId,
    tokens: Vec<Secret>,
}

impl Presented {
    fn hashes(&self) -> Vec<String> {
        self.tokens.iter().map(|token| stored(token.expose())).collect()
    }
}

/// Exchange a refresh token for a new pair.
#[utoipa::path(
    post, path = "/api/token/refresh/", tag = "auth", request_body = RefreshInput,
    responses(
        (status = 200, body = TokenPair),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn refresh_token(
    State(app): State<App>,
    body: Body<RefreshInput>,
) -> Result<Json<TokenPair>, Problem> {
    let token = body.value.token()?;
    let presented = presented(&app, &token).await?.ok_or(Refusal::InvalidRefreshToken)?;
    let refresh = RefreshSession {
        session: presented.session,
        chain: presented.hashes(),
        real_now: app.real_clock.now(),
    };
    match app.db.submit(refresh).await? {
        Refreshed::Renewed { place, started } => {
            let next = presented.tokens.get(place).ok_or(Refusal::InvalidRefreshToken)?;
            Ok(Json(TokenPair::of(&app, &started, next)))
        }
        Refreshed::Invalid | Refreshed::Reused => Err(Refusal::InvalidRefreshToken.into()),
    }
}

/// End a session; any token is answered the same.
#[utoipa::path(
    post, path = "/api/logout/", tag = "auth", request_body = RefreshInput,
    responses(
        (status = 200, body = Message),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn log_out(
    State(app): State<App>,
    body: Body<RefreshInput>,
) -> Result<Json<Message>, Problem> {
    let token = body.value.token()?;
    if let Some(presented) = presented(&app, &token).await? {
        let logout =
            Logout { session: presented.session, chain: presented.hashes(), real_now: app.real_clock.now() };
        app.db.submit(logout).await?;
    }
    Ok(Json(Message { message: "Logged out" }))
}

/// `None` for what was never a token of that session.
async fn presented(app: &App, token: &Secret) -> Result<Option<Presented>, Problem> {
    let Some((id, secret)) = parse(token) else { return Ok(None) };
    let Some(session) = app.db.read(move |reads| reads.find::<Session>(&id)).await? else {
        return Ok(None);
    };
    let mut tokens = vec![secret];
    let mut found = None;
    while found.is_none_or(|at| tokens.len() <= at + AHEAD) {
        let last = tokens.last().expect("never empty");
        if found.is_none() && stored(last.expose()) == session.token {
            found = Some(tokens.len() - 1);
        } else if found.is_none() && tokens.len() >= CHAIN_MAX {
            return Ok(None);
        }
        tokens.push(app.chain.next(last));
    }
    Ok(Some(Presented { session: id, tokens }))
}

fn parse(token: &Secret) -> Option<(SessionId, Secret)> {
    let (id, secret) = token.expose().trim().split_once('.')?;
    refresh::hash(secret)?;
    let id: i64 = id.parse().ok().filter(|id| *id > 0)?;
    Some((SessionId::from_raw(id), Secret::new(secret)))
}
