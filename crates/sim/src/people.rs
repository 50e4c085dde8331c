//! Everybody's login: registered, begun and kept up through the real router, as a client does it.
//!
//! Invariants: an access token is used until it is refused; then the refresh token, then the
//! password. Requests of one person share the tokens, so two of them may refresh at the same time.
//! Deliberately not here: what the requests want (`actors`).

use std::sync::{Mutex, MutexGuard};

use axum::Router;
use serde_json::json;

use crate::call::{Reply, post};
use crate::market::Opened;

const PASSWORD: &str = "a horse that simulates";
/// A request can hang so long that new tokens are old when it uses them, but not twice.
const RENEWALS_MAX: usize = 2;

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
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    access: String,
    refresh: String,
    sign_ins: SignIns,
}

impl Login {
    /// Registers a new person and logs him in. `role` is the wire's word.
    pub async fn register(router: &Router, role: &str, number: usize) -> Opened<Login> {
        let email = format!("{role}{number}@example.org").to_lowercase();
        let body = json!({
            "email": email, "password": PASSWORD, "role": role, "full_name": format!("{role} {number}"),
        });
        let made = post(router, "/api/register/", &[], &body.to_string()).await;
        let uuid = made.body["user_id"].as_str().filter(|_| made.status == 201);
        let uuid = uuid.ok_or_else(|| format!("registering was answered {made:?}"))?.to_owned();
        let login = Login { email, uuid, state: Mutex::default() };
        login.log_in(router).await.map_err(|reply| format!("the first login was answered {reply:?}"))?;
        Ok(login)
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
        let presented = self.state().refresh.clone();
        let body = json!({ "refresh": presented }).to_string();
        let reply = post(router, "/api/token/refresh/", &[], &body).await;
        if reply.status == 401 {
            return self.log_in(router).await;
        }
        let (access, refresh) = tokens(&reply)?;
        let mut state = self.state();
        state.sign_ins.refreshes += 1;
        // Another request may have got further meanwhile: its tokens are newer than these.
        if state.refresh == presented {
            (state.access, state.refresh) = (access, refresh);
        }
        Ok(())
    }

    async fn log_in(&self, router: &Router) -> Result<(), Reply> {
        let body = json!({ "email": self.email, "password": PASSWORD }).to_string();
        let reply = post(router, "/api/login/", &[], &body).await;
        let (access, refresh) = tokens(&reply)?;
        let mut state = self.state();
        state.sign_ins.logins += 1;
        (state.access, state.refresh) = (access, refresh);
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
