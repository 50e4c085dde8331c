//! Logging in with Google: out by `initiate/`, back by the GET of `callback/`, in by its POST
//! (`docs/decisions/0016-…`).
//!
//! Invariants: what a browser carries is good once, for minutes, and known here by its digest; the
//! answer of the provider counts only in the browser that left for it; whoever was suspended stays out.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::id::PersonId;
use domain::people::{Adopt, Enter, Entered, IssueSlip, Slip, TakeSlip};
use domain::records::{LoginSlip, SlipPurpose, Space, Word};
use domain::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::login::{TokenPair, UserView};
use super::mailed::allowed_redirect;
use super::register::NewRole;
use crate::api::people::Role;
use crate::app::App;
use crate::auth::chain::stored;
use crate::auth::external::Outsider;
use crate::auth::openid::{OpenId, OpenIdError};
use crate::auth::refresh;
use crate::config::Secret;
use crate::dice::{token_256, uuid_v4};
use crate::http::openapi::ProblemSchema;
use crate::http::{Body, Problem, Query};

const COOKIE_NAME: &str = "bursar-login";
const COOKIE_SECONDS: u32 = 600;
/// What the client has to exchange its ticket; the rule's own limit is a little longer.
const TICKET_SECONDS: u32 = 240;

#[derive(Deserialize, ToSchema)]
pub(super) struct Initiate {
    /// Where the browser ends up, below one of `auth.redirects`; the first of them unless given
    redirect_to: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Initiated {
    success: bool,
    /// Where the browser goes
    oauth_url: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DepartQuery {
    state: String,
    #[param(value_type = String)]
    key: Secret,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ArriveQuery {
    state: String,
    #[param(value_type = Option<String>)]
    code: Option<Secret>,
    error: Option<String>,
    /// Who answers (RFC 9207)
    iss: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Tickets {
    /// Both as they stood in the fragment
    #[schema(value_type = String)]
    access_token: Secret,
    #[schema(value_type = String)]
    refresh_token: Secret,
    /// Needed by somebody who is neither student nor teacher yet
    role: Option<NewRole>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct LoggedInElsewhere {
    success: bool,
    message: &'static str,
    #[serde(flatten)]
    tokens: TokenPair,
    user: UserView,
    /// Whether nobody knew this person before
    created: bool,
    /// `signup` or `login`
    flow_type: &'static str,
}

/// The provider, where there is one; looked at before anything that was sent.
pub(super) struct Configured(Arc<OpenId>);

impl FromRequestParts<App> for Configured {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Configured, Problem> {
        app.openid.clone().map(Configured).ok_or_else(not_configured)
    }
}

/// What is remembered while the browser is away.
#[derive(Serialize, Deserialize)]
struct Departure {
    redirect_to: String,
    nonce: String,
    verifier: String,
}

/// Log in with Google: where the browser has to go.
#[utoipa::path(
    post, path = "/api/auth/google/initiate/", tag = "auth", request_body = Initiate,
    responses(
        (status = 200, body = Initiated),
        (status = 501, body = ProblemSchema, content_type = "application/problem+json"),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(super) async fn initiate(
    State(app): State<App>,
    Configured(openid): Configured,
    body: Body<Initiate>,
) -> Result<Json<Initiated>, Problem> {
    let redirect_to = allowed_redirect(&app, body.value.redirect_to)?
        .or_else(|| app.config.auth.redirects.first().cloned())
        .ok_or_else(not_configured)?;
    openid.check().await.map_err(|error| unavailable(&error))?;
    let [state, key] = [(); 2].map(|()| token_256(app.dice.as_ref()));
    let departure = Departure {
        redirect_to: redirect_to.split('#').next().unwrap_or_default().to_owned(),
        nonce: token_256(app.dice.as_ref()),
        verifier: token_256(app.dice.as_ref()),
    };
    remember(&app, slip(SlipPurpose::Departure, &state, &key), &departure).await?;
    let door = openid.redirect_uri().trim_end_matches('/').trim_end_matches("callback");
    Ok(Json(Initiated { success: true, oauth_url: format!("{door}depart/?state={state}&key={key}") }))
}

/// On to Google, with a cookie that only this browser can bring back.
#[utoipa::path(
    get, path = "/api/auth/google/depart/", tag = "auth", params(DepartQuery),
    responses(
        (status = 303, description = "To the login page"),
        (status = 501, body = ProblemSchema, content_type = "application/problem+json"),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(super) async fn depart(
    State(app): State<App>,
    Configured(openid): Configured,
    Query(query): Query<DepartQuery>,
) -> Result<Response, Problem> {
    let wanted = slip(SlipPurpose::Departure, &query.state, query.key.expose());
    let name = wanted.name.clone();
    let found = app.db.read(move |reads| reads.find::<LoginSlip>(&name)).await?;
    let good = |row: &LoginSlip| row.proof == wanted.proof && app.real_clock.now() < row.expires_at;
    let row = found.filter(good).ok_or(Refusal::InvalidToken)?;
    let departure: Departure = open(&app, &wanted, &row.sealed)?;
    let verifier = Secret::new(departure.verifier);
    let url = openid.authorization_url(&query.state, &departure.nonce, &verifier).await;
    let url = url.map_err(|error| unavailable(&error))?;
    Ok(see_other(&url, &cookie(&openid, query.key.expose(), COOKIE_SECONDS)))
}

/// Back from Google: on to the client's page, with a ticket in the fragment or the reason why not.
#[utoipa::path(
    get, path = "/api/auth/google/callback/", tag = "auth", params(ArriveQuery),
    responses(
        (status = 303, description = "To the page; its fragment has `access_token`, `refresh_token` or `error`"),
        (status = 501, body = ProblemSchema, content_type = "application/problem+json"),
        crate::http::openapi::RefusedOrBroken,
    ),
)]
pub(super) async fn arrive(
    State(app): State<App>,
    Configured(openid): Configured,
    headers: HeaderMap,
    Query(query): Query<ArriveQuery>,
) -> Result<Response, Problem> {
    let key = brought(&headers, &cookie_name(&openid)).ok_or(Refusal::InvalidToken)?;
    let taken = slip(SlipPurpose::Departure, &query.state, key);
    let take = TakeSlip { slip: taken.clone(), real_now: app.real_clock.now() };
    let departure: Departure = open(&app, &taken, &app.db.submit(take).await?)?;
    let fragment = match identify(&openid, query, &departure).await {
        Ok(outsider) => ticket(&app, &outsider).await?,
        Err(reason) => format!("error={reason}"),
    };
    let url = format!("{}#{fragment}", departure.redirect_to);
    Ok(see_other(&url, &cookie(&openid, "", 0)))
}

/// Who has come back, or a word for the client's page.
async fn identify(
    openid: &OpenId,
    query: ArriveQuery,
    departure: &Departure,
) -> Result<Outsider, &'static str> {
    let by_another = query.iss.as_deref().is_some_and(|issuer| issuer != openid.issuer());
    let code = match (query.code, query.error) {
        (Some(code), None) if !by_another => code,
        (None, Some(error)) if error == "access_denied" => return Err("access_denied"),
        _ => return Err("login_failed"),
    };
    let verifier = Secret::new(departure.verifier.as_str());
    let outsider = openid.redeem(&code, &departure.nonce, &verifier).await.map_err(|error| {
        tracing::warn!(%error, cause = ?std::error::Error::source(&error), "a login elsewhere failed");
        if error.is_temporary() { "temporarily_unavailable" } else { "login_failed" }
    })?;
    if outsider.email.is_none() { Err("email_not_verified") } else { Ok(outsider) }
}

/// A fresh ticket for somebody, as the client's page finds it.
async fn ticket(app: &App, outsider: &Outsider) -> Result<String, Problem> {
    let [access, refresh] = [(); 2].map(|()| token_256(app.dice.as_ref()));
    remember(app, slip(SlipPurpose::Ticket, &access, &refresh), outsider).await?;
    Ok(format!("access_token={access}&refresh_token={refresh}&token_type=bearer&expires_in={TICKET_SECONDS}"))
}

/// Finish a login with Google: the ticket, once, for a session.
#[utoipa::path(
    post, path = "/api/auth/google/callback/", tag = "auth", request_body = Tickets,
    responses(
        (status = 200, body = LoggedInElsewhere),
        (status = 400, body = ProblemSchema, content_type = "application/problem+json",
         description = "With `requires_role_selection: true` send the same again, with a role"),
        (status = 501, body = ProblemSchema, content_type = "application/problem+json"),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn callback(
    State(app): State<App>,
    _: Configured,
    body: Body<Tickets>,
) -> Result<Json<LoggedInElsewhere>, Problem> {
    let Tickets { access_token, refresh_token, role } = body.value;
    let ticket = slip(SlipPurpose::Ticket, access_token.expose(), refresh_token.expose());
    let name = ticket.name.clone();
    let found = app.db.read(move |reads| reads.find::<LoginSlip>(&name)).await?;
    let row = found.filter(|row| row.purpose == ticket.purpose).ok_or(Refusal::InvalidToken)?;
    let outsider: Outsider = open(&app, &ticket, &row.sealed)?;
    let role = role.map(NewRole::role);
    let (token, _) = refresh::issue(app.dice.as_ref());
    let knock = || enter(&app, &ticket, &outsider, role, &token);
    let entered = match knock().await {
        // Somebody was faster with this address or this subject, perhaps the same person's other tab.
        Err(store::Error::Refused(Refusal::EmailTaken)) => knock().await?,
        entered => entered?,
    };
    let Entered { started, profiles, created } = entered;
    let role =
        Role::from_flags(profiles.person.admin, profiles.teacher.is_some(), profiles.student.is_some());
    Ok(Json(LoggedInElsewhere {
        success: true,
        message: if created { "Registration successful" } else { "Login successful" },
        tokens: TokenPair::of(&app, &started, &token),
        user: UserView::of(&profiles.person, role),
        created,
        flow_type: if created { "signup" } else { "login" },
    }))
}

async fn enter(
    app: &App,
    ticket: &Slip,
    outsider: &Outsider,
    role: Option<domain::people::Role>,
    token: &Secret,
) -> Result<Entered, store::Error> {
    let (subject, email) = (outsider.subject_name(), outsider.email.clone());
    let name = subject.clone();
    let known = app.db.read(move |reads| match reads.claimed(Space::Subject, &name)? {
        Some(id) => Ok(Some(PersonId(id))),
        None => Ok(reads.person_by_email(email.as_deref().unwrap_or_default())?.map(|person| person.id)),
    });
    let newcomer = Adopt {
        uuid: uuid_v4(app.dice.as_ref()),
        subject,
        email: outsider.email.clone(),
        full_name: outsider.full_name(),
    };
    let enter = Enter {
        ticket: ticket.clone(),
        newcomer,
        known: known.await?,
        role,
        token: stored(token.expose()),
        real_now: app.real_clock.now(),
    };
    app.db.submit(enter).await
}

fn slip(purpose: SlipPurpose, name: &str, proof: &str) -> Slip {
    Slip { name: stored(name), proof: stored(proof), purpose }
}

/// What a slip's sealed text is bound to.
fn place(slip: &Slip) -> String {
    format!("login_slip|{}|{}", slip.purpose.word(), slip.name)
}

async fn remember(app: &App, slip: Slip, what: &impl Serialize) -> Result<(), Problem> {
    let text = Secret::new(serde_json::to_string(what).map_err(Problem::internal)?);
    let sealed = app.seal.seal(&place(&slip), &text);
    Ok(app.db.submit(IssueSlip { slip, sealed, real_now: app.real_clock.now() }).await?)
}

fn open<T: serde::de::DeserializeOwned>(app: &App, slip: &Slip, sealed: &str) -> Result<T, Problem> {
    let text = app.seal.open(&place(slip), sealed).ok_or(Refusal::InvalidToken)?;
    serde_json::from_str(text.expose()).map_err(Problem::internal)
}

fn not_configured() -> Problem {
    let detail = "Logging in with Google is not configured here.";
    Problem::new(StatusCode::NOT_IMPLEMENTED, "not_configured", detail)
}

fn unavailable(error: &OpenIdError) -> Problem {
    tracing::warn!(%error, cause = ?std::error::Error::source(error), "the login provider cannot be used");
    let detail = "Google cannot be reached at the moment. Log in with your password or try again later.";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "login_provider_unavailable", detail).retry_after(5)
}

fn see_other(url: &str, cookie: &str) -> Response {
    let header = |text: &str| HeaderValue::from_str(text).map_err(Problem::internal);
    match (header(url), header(cookie)) {
        (Ok(url), Ok(cookie)) => {
            (StatusCode::SEE_OTHER, [(LOCATION, url), (SET_COOKIE, cookie)]).into_response()
        }
        (Err(problem), _) | (_, Err(problem)) => problem.into_response(),
    }
}

/// Bound to this host over TLS, where browsers can promise it; `Lax`, because the way back begins at
/// the provider's.
fn cookie(openid: &OpenId, value: &str, seconds: u32) -> String {
    let secure = if has_tls(openid) { "; Secure" } else { "" };
    format!("{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", cookie_name(openid))
}

fn cookie_name(openid: &OpenId) -> String {
    if has_tls(openid) { format!("__Host-{COOKIE_NAME}") } else { COOKIE_NAME.to_owned() }
}

fn has_tls(openid: &OpenId) -> bool {
    openid.redirect_uri().starts_with("https://")
}

fn brought<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}
