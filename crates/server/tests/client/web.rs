//! The web client's way with tokens: on 401 or 403 one refresh, and one repeat.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use axum::http::Method;
use domain::time::Timestamp;
use serde_json::{Value, json};
use server::http::json::Instant;

use super::credentials;
use crate::mainjob::house::{Answer, House, Login};

#[derive(Clone, Default)]
struct Tokens {
    access: String,
    refresh: String,
}

/// One tab of one browser; clones of a tab know the same tokens until one of them refreshes.
pub struct Web<'a> {
    house: &'a House,
    uuid: String,
    tokens: Mutex<Tokens>,
    refreshes: AtomicUsize,
}

impl<'a> Web<'a> {
    /// Of nobody yet.
    pub fn new(house: &'a House) -> Web<'a> {
        let (tokens, refreshes) = (Mutex::default(), AtomicUsize::new(0));
        Web { house, uuid: String::new(), tokens, refreshes }
    }

    /// Somebody new who has logged in.
    pub async fn join(house: &'a House, name: &str, role: &str) -> Web<'a> {
        let mut person = credentials(name);
        person["full_name"] = json!(name);
        person["role"] = json!(role);
        let mut web = Web::new(house);
        let made = web.post("/api/accounts/register/", &person).await.expect(201);
        web.uuid = made["user_id"].as_str().expect("an id").to_owned();
        web.post("/api/login/", &credentials(name)).await.expect(200);
        web
    }

    pub fn another_tab(&self) -> Web<'a> {
        let tokens = Mutex::new(self.tokens().clone());
        Web { house: self.house, uuid: self.uuid.clone(), tokens, refreshes: AtomicUsize::new(0) }
    }

    pub fn id(&self) -> &str {
        &self.uuid
    }

    pub fn login(&self) -> Login {
        Login { uuid: self.uuid.clone(), token: self.tokens().access.clone() }
    }

    pub fn refresh_token(&self) -> String {
        self.tokens().refresh.clone()
    }

    pub fn replace_access(&self, token: &str) {
        token.clone_into(&mut self.tokens().access);
    }

    /// How often this tab has got new tokens for old ones.
    pub fn refreshes(&self) -> usize {
        self.refreshes.load(Ordering::Relaxed)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body.to_string())).await
    }

    /// A request as the client makes it, with what it does about a token that is no longer good.
    pub async fn send(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let answer = self.once(method.clone(), path, body.clone()).await;
        if !matches!(answer.status.as_u16(), 401 | 403) || self.refresh_token().is_empty() {
            return answer;
        }
        let refresh = json!({ "refresh_token": self.refresh_token() }).to_string();
        let renewed = self.once(Method::POST, "/api/token/refresh/", Some(refresh)).await;
        if renewed.status != 200 {
            return answer;
        }
        self.refreshes.fetch_add(1, Ordering::Relaxed);
        self.once(method, path, body).await
    }

    async fn once(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let login = Some(self.login()).filter(|login| !login.token.is_empty());
        let answer = self.house.send(method, login.as_ref(), path, &[], body).await;
        let word = |name: &str| answer.body[name].as_str().map(str::to_owned);
        if let (Some(access), Some(refresh)) = (word("access_token"), word("refresh_token")) {
            *self.tokens() = Tokens { access, refresh };
        }
        answer
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().expect("nothing panics while it holds the tokens")
    }
}

/// An instant as JavaScript writes it.
pub fn iso(instant: Timestamp) -> String {
    Instant(instant).text().replace('Z', ".000Z")
}

/// The secret of the link in the newest letter to somebody for this purpose.
pub fn mailed(house: &House, address: &str, purpose: &str) -> Option<String> {
    let (to, mark) = (format!("<{address}>"), format!(".{purpose}."));
    let files = std::fs::read_dir(house.folder().join("mail")).ok()?;
    let letters = files.flatten().filter_map(|file| {
        let text = std::fs::read_to_string(file.path()).ok()?.replace("=\r\n", "").replace("=3D", "=");
        let (_, rest) = text.split_once("token=").filter(|(before, _)| before.contains(&to))?;
        let token = rest.split_whitespace().next().filter(|token| token.contains(&mark))?;
        let name = file.file_name().to_string_lossy().into_owned();
        let digits: String = name.chars().filter(char::is_ascii_digit).collect();
        Some((digits.parse::<u64>().ok()?, token.to_owned()))
    });
    letters.max().map(|(_, token)| token)
}
