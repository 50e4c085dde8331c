//! The access token of a server-to-server app, kept until it expires.

use domain::time::{Span, Timestamp};
use reqwest::Method;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::Zoom;
use super::wire;
use crate::config::Secret;
use crate::meetings::provider::{No, Said};

/// One that lives no longer might die on the way.
const MARGIN: Span = Span::MINUTE;

/// The newest token and until when it is used. Locked while one is fetched, so that one fetch serves all.
pub(super) type Kept = Mutex<Option<(Secret, Timestamp)>>;

#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    expires_in: u32,
}

impl Zoom {
    /// A token to call with. Nothing has happened at Zoom where there is none.
    pub(super) async fn token(&self) -> Said<Secret> {
        let mut kept = self.token.lock().await;
        if let Some((token, until)) = kept.as_ref()
            && *until > self.clock.now()
        {
            return Ok(token.clone());
        }
        let asked_at = self.clock.now();
        let granted = self.ask_for_token().await?;
        let until = asked_at + Span::seconds(i64::from(granted.expires_in)) - MARGIN;
        *kept = Some((granted.access_token.clone(), until));
        Ok(granted.access_token)
    }

    /// Zoom does not take this one any more.
    pub(super) async fn forget(&self, refused: &Secret) {
        let mut kept = self.token.lock().await;
        if kept.as_ref().is_some_and(|(token, _)| token == refused) {
            *kept = None;
        }
    }

    async fn ask_for_token(&self) -> Said<Granted> {
        let later = |reason: String, pause| No::Later { reason, pause };
        let form = [("grant_type", "account_credentials"), ("account_id", self.account_id.as_str())];
        let request = self
            .http
            .request(Method::POST, &format!("{}/oauth/token", self.token_base))
            .basic_auth(self.client_id.expose(), Some(self.client_secret.expose()))
            .form(&form);
        let sent = self.http.send(request).await;
        let reply = sent.map_err(|lost| later(format!("no token was granted: {lost}"), None))?;
        if reply.status != 200 {
            let pause = wire::pause(&reply, self.clock.now());
            return Err(later(format!("no token was granted ({})", reply.status), pause));
        }
        serde_json::from_slice(&reply.body).map_err(|_| later("the token cannot be read".into(), None))
    }
}
