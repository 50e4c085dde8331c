//! Logging in at a provider of `OpenID Connect`: authorization code with PKCE, the rest from our server
//! to its.
//!
//! What the provider says about itself (discovery) is read at the first login and kept as long as the
//! process lives; its keys are those of [`External`]. Deliberately not here: cookies, slips, people.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use form_urlencoded::{Serializer, byte_serialize};
use gateways::http::{BuildError, Http, Lost, Reply};
use reqwest::Method;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::external::{External, KeySetError, Outsider};
use super::token::TokenError;
use crate::clock::Clock;
use crate::config::{self, Secret};

/// A browser waits meanwhile.
const TIMEOUT: Duration = Duration::from_secs(8);
const SCOPE: &str = "openid email profile";
const FORM: &str = "application/x-www-form-urlencoded";

/// Why a login came to nothing. Carries no secret and nothing of the person.
#[derive(Debug, thiserror::Error)]
pub enum OpenIdError {
    #[error("the login provider cannot be asked")]
    Lost(#[from] Lost),
    #[error("the login provider's keys cannot be used")]
    Keys(#[from] KeySetError),
    #[error("the login provider's answer makes no sense: {0}")]
    Answer(&'static str),
    #[error("the login provider refuses the code (status {0})")]
    Refused(u16),
    #[error("the login provider's token is not believed")]
    Token(#[from] TokenError),
}

impl OpenIdError {
    /// Whether the same try could succeed later.
    pub fn is_temporary(&self) -> bool {
        !matches!(self, OpenIdError::Refused(_) | OpenIdError::Token(_))
    }
}

/// The configured provider.
pub struct OpenId {
    settings: config::Google,
    http: Http,
    clock: Arc<dyn Clock>,
    found: OnceCell<Found>,
}

/// What the provider says about itself.
struct Found {
    authorization_endpoint: String,
    token_endpoint: String,
    tokens: External,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Granted {
    id_token: String,
}

impl OpenId {
    /// `None` when it is not configured. Asks nobody yet.
    pub fn new(settings: &config::Google, clock: Arc<dyn Clock>) -> Result<Option<OpenId>, BuildError> {
        if settings.client_id.is_empty() {
            return Ok(None);
        }
        let http = Http::new(TIMEOUT)?;
        Ok(Some(OpenId { settings: settings.clone(), http, clock, found: OnceCell::new() }))
    }

    /// Where the provider sends browsers back to: an address of this server.
    pub fn redirect_uri(&self) -> &str {
        &self.settings.redirect_uri
    }

    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Whether the provider answers; cheap once it has.
    pub async fn check(&self) -> Result<(), OpenIdError> {
        self.found().await.map(|_| ())
    }

    /// Where a browser goes to log in.
    pub async fn authorization_url(
        &self,
        state: &str,
        nonce: &str,
        verifier: &Secret,
    ) -> Result<String, OpenIdError> {
        let endpoint = &self.found().await?.authorization_endpoint;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()));
        let query = Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.settings.redirect_uri)
            .append_pair("scope", SCOPE)
            .append_pair("state", state)
            .append_pair("nonce", nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .finish();
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        Ok(format!("{endpoint}{joint}{query}"))
    }

    /// Whom the code stands for. The provider takes a code once, and only with its verifier.
    pub async fn redeem(
        &self,
        code: &Secret,
        nonce: &str,
        verifier: &Secret,
    ) -> Result<Outsider, OpenIdError> {
        let found = self.found().await?;
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code.expose())
            .append_pair("redirect_uri", &self.settings.redirect_uri)
            .append_pair("code_verifier", verifier.expose())
            .finish();
        // Both parts are encoded before they are joined (RFC 6749, 2.3.1).
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let (id, secret) = (&self.settings.client_id, self.settings.client_secret.expose());
        let request = self
            .http
            .request(Method::POST, &found.token_endpoint)
            .basic_auth(encoded(id), Some(encoded(secret)))
            .header("content-type", FORM)
            .header("accept", "application/json")
            .body(form);
        let reply = self.http.send(request).await?;
        match reply.status {
            200 => {}
            400..=499 => return Err(OpenIdError::Refused(reply.status)),
            _ => return Err(OpenIdError::Answer("not a status of the token endpoint")),
        }
        let granted: Granted = parse(&reply).ok_or(OpenIdError::Answer("no identity"))?;
        Ok(found.tokens.verify_login(&granted.id_token, nonce).await?)
    }

    async fn found(&self) -> Result<&Found, OpenIdError> {
        self.found.get_or_try_init(|| self.discover()).await
    }

    async fn discover(&self) -> Result<Found, OpenIdError> {
        let issuer = &self.settings.issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let reply = self.http.send(self.http.request(Method::GET, &url)).await?;
        let is_there = reply.status == 200;
        let said: Option<Discovery> = parse(&reply).filter(|_| is_there);
        let said = said.ok_or(OpenIdError::Answer("no discovery document"))?;
        if said.issuer != *issuer {
            return Err(OpenIdError::Answer("the document is another issuer's"));
        }
        // Only an issuer on loopback is configured without TLS.
        let plain = issuer.starts_with("http://");
        let fits = |url: &String| url.starts_with("https://") || (plain && url.starts_with("http://"));
        if ![&said.authorization_endpoint, &said.token_endpoint, &said.jwks_uri].into_iter().all(fits) {
            return Err(OpenIdError::Answer("an endpoint without TLS"));
        }
        let client = &self.settings.client_id;
        let tokens = External::of_provider(issuer, client, &said.jwks_uri, Arc::clone(&self.clock)).await?;
        Ok(Found {
            authorization_endpoint: said.authorization_endpoint,
            token_endpoint: said.token_endpoint,
            tokens,
        })
    }
}

fn parse<T: serde::de::DeserializeOwned>(reply: &Reply) -> Option<T> {
    serde_json::from_slice(&reply.body).ok()
}
