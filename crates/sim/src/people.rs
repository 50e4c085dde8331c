//! Everybody's login: registered, begun and kept up through the real router, as a client does it.
//!
//! Invariants: an access token is used until it is refused; then the refresh token, then the
//! password. Requests of one person share the tokens, so two of them may refresh at the same time.
//! A refresh token that is refused without a reason is a finding: its 401 is told to the caller.
//! Deliberately not here: what the requests want (`actors`).

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use domain::people::CreateAdmin;
use domain::time::{Span, Timestamp};
use serde_json::json;
use server::app::App;
use server::clock::{Clock, ManualClock};
use server::dice::uuid_v4;

use crate::call::{Reply, post};
use crate::market::Opened;

const PASSWORD: &str = "a horse that simulates";
/// A request can hang so long that new tokens are old when it uses them, but not twice.
const RENEWALS_MAX: usize = 2;

/// The defaults of the settings: without use a login ends after the first, with use after the second.
const IDLE: Span = Span::days(7);
const LIFE: Span = Span::days(30);

/// How often somebody had to prove who he is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignIns {
    pub logins: usize,
    pub refreshes: usize,
}

/// One person as his client knows him.
pub struct Login {
    email: String,
    pub uuid: String,
    clock: Arc<ManualClock>,
    state: Mutex<State>,
}

struct State {
    access: String,
    refresh: String,
    sign_ins: SignIns,
    /// When the login was asked for, and when its tokens were renewed last.
    begun_at: Timestamp,
    renewed_at: Timestamp,
    /// Renewals of this login that nobody has heard the end of; those of dead requests stay.
    unheard: u32,
    /// A refusal that had a reason has ended this login.
    is_over: bool,
}

impl Login {
    /// Registers a new person and logs him in. `role` is the wire's word.
    pub async fn register(
        router: &Router,
        clock: &Arc<ManualClock>,
        role: &str,
        number: usize,
    ) -> Opened<Login> {
        let email = format!("{role}{number}@example.org").to_lowercase();
        let body = json!({
            "email": email, "password": PASSWORD, "role": role, "full_name": format!("{role} {number}"),
        });
        let made = post(router, "/api/register/", &[], &body.to_string()).await;
        let uuid = made.body["user_id"].as_str().filter(|_| made.status == 201);
        let uuid = uuid.ok_or_else(|| format!("registering was answered {made:?}"))?.to_owned();
        let login = Login::new(email, uuid, Arc::clone(clock));
        login.log_in(router).await.map_err(|reply| format!("the first login was answered {reply:?}"))?;
        Ok(login)
    }

    /// The administrator, whom the command line makes.
    pub async fn admin(app: &App, router: &Router, clock: &Arc<ManualClock>) -> Opened<Login> {
        let password = app.passwords.hash(PASSWORD.to_owned().into()).await;
        let command = CreateAdmin {
            uuid: uuid_v4(app.dice.as_ref()),
            email: "admin@example.org".to_owned(),
            full_name: "admin".to_owned(),
            password: password.map_err(|_| "the password was not hashed")?,
        };
        let person = app.db.submit(command).await?;
        let login = Login::new(person.email, person.uuid, Arc::clone(clock));
        login.log_in(router).await.map_err(|reply| format!("the first login was answered {reply:?}"))?;
        Ok(login)
    }

    fn new(email: String, uuid: String, clock: Arc<ManualClock>) -> Login {
        let state = State {
            access: String::new(),
            refresh: String::new(),
            sign_ins: SignIns::default(),
            begun_at: clock.now(),
            renewed_at: clock.now(),
            unheard: 0,
            is_over: false,
        };
        Login { email, uuid, clock, state: Mutex::new(state) }
    }

    pub fn sign_ins(&self) -> SignIns {
        self.state().sign_ins
    }

    /// POSTs as this person.
    pub async fn post(&self, router: &Router, path: &str, key: Option<&str>, body: &str) -> Reply {
        let mut reply = self.try_once(router, path, key, body).await;
        for _ in 0..RENEWALS_MAX {
            if reply.status != 401 {
                break;
            }
            if let Err(reply) = self.renew(router).await {
                return reply;
            }
            reply = self.try_once(router, path, key, body).await;
        }
        reply
    }

    async fn try_once(&self, router: &Router, path: &str, key: Option<&str>, body: &str) -> Reply {
        let bearer = format!("Bearer {}", self.state().access);
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        post(router, path, &headers, body).await
    }

    async fn renew(&self, router: &Router) -> Result<(), Reply> {
        let asked_at = self.clock.now();
        let (presented, login) = {
            let mut state = self.state();
            state.unheard += 1;
            (state.refresh.clone(), state.sign_ins.logins)
        };
        let body = json!({ "refresh": presented }).to_string();
        let reply = post(router, "/api/token/refresh/", &[], &body).await;
        if reply.status == 401 && self.is_due(&presented, login) {
            return self.log_in(router).await;
        }
        let (access, refresh) = tokens(&reply)?;
        let mut state = self.state();
        state.sign_ins.refreshes += 1;
        state.unheard -= u32::from(state.sign_ins.logins == login);
        // Another request may have got further meanwhile: its tokens are newer than these.
        if state.refresh == presented {
            (state.access, state.refresh, state.renewed_at) = (access, refresh, asked_at);
        }
        Ok(())
    }

    /// Whether a refresh token may be refused: it is old, others have used it meanwhile, or what
    /// became of an earlier renewal was never heard, so that this one may be its second use.
    fn is_due(&self, presented: &str, login: usize) -> bool {
        let now = self.clock.now();
        let mut state = self.state();
        if state.sign_ins.logins != login {
            return true;
        }
        state.unheard -= 1;
        let is_old = now - state.renewed_at >= IDLE || now - state.begun_at >= LIFE;
        state.is_over |= is_old || state.unheard > 0 || state.refresh != presented;
        state.is_over
    }

    async fn log_in(&self, router: &Router) -> Result<(), Reply> {
        let asked_at = self.clock.now();
        let body = json!({ "email": self.email, "password": PASSWORD }).to_string();
        let reply = post(router, "/api/login/", &[], &body).await;
        let (access, refresh) = tokens(&reply)?;
        let mut state = self.state();
        state.sign_ins.logins += 1;
        (state.access, state.refresh) = (access, refresh);
        (state.begun_at, state.renewed_at) = (asked_at, asked_at);
        (state.unheard, state.is_over) = (0, false);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the tokens")
    }
}

/// Access and refresh token of an answer; anything else is told to whoever asked.
fn tokens(reply: &Reply) -> Result<(String, String), Reply> {
    let word = |name: &str| reply.body[name].as_str().map(str::to_owned);
    match (reply.status, word("access"), word("refresh")) {
        (200, Some(access), Some(refresh)) => Ok((access, refresh)),
        _ => Err(reply.clone()),
    }
}

#[cfg(test)]
mod tests {
    use axum::Json;
    use axum::http::StatusCode;
    use axum::routing::post as route;
    use serde_json::Value;

    use super::*;
    use crate::market::BEGIN;

    /// A server that lets everybody in and then forgets him.
    fn forgetful() -> Router {
        async fn tokens() -> Json<Value> {
            Json(json!({ "access": "a", "refresh": "r" }))
        }
        async fn unauthorized() -> StatusCode {
            StatusCode::UNAUTHORIZED
        }
        Router::new()
            .route("/api/login/", route(tokens))
            .route("/api/token/refresh/", route(unauthorized))
            .route("/api/something/", route(unauthorized))
    }

    #[tokio::test]
    async fn a_refresh_token_refused_without_a_reason_is_told() {
        let (router, clock) = (forgetful(), Arc::new(ManualClock::at(BEGIN)));
        let login = Login::new("a@example.org".to_owned(), String::new(), Arc::clone(&clock));
        login.log_in(&router).await.unwrap();
        let reply = login.post(&router, "/api/something/", None, "{}").await;
        assert_eq!((reply.status, login.sign_ins().logins), (401, 1), "nobody logs in again");
        clock.set(BEGIN + IDLE);
        let reply = login.post(&router, "/api/something/", None, "{}").await;
        assert_eq!((reply.status, login.sign_ins().logins), (401, 2), "after a week it is no surprise");
    }
}
