//! Access tokens of another issuer: a shared secret (HS256) or a published key set (RS256, ES256).
//!
//! The kind of a key decides the algorithm. A key set is read at start and again when a token
//! names a key we do not have, at most once a minute.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use domain::people::NAME_MAX;
use domain::time::Span;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::config;
use crate::node::Node;

use super::compact::Compact;
use super::token::{TokenError, verify_signature};

const FETCH_MAX: Duration = Duration::from_secs(10);
const SET_BYTES_MAX: usize = 64 * 1024;
const REFETCH_AFTER: Span = Span::MINUTE;

/// Why a key set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    #[error("auth.external.jwks cannot be read: {0}")]
    File(std::io::Error),
    #[error("auth.external.jwks cannot be fetched: {0}")]
    Fetch(String),
    #[error("auth.external.jwks is not a key set with an RS256 or ES256 key")]
    Form,
}

/// Whom the other issuer names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outsider {
    pub issuer: String,
    /// The issuer's id of the person; unique with the issuer only.
    pub subject: String,
    /// Only an address that the issuer says is verified.
    pub email: Option<String>,
    pub name: Option<String>,
}

impl Outsider {
    /// Issuer and subject, which are unique together.
    pub fn subject_name(&self) -> String {
        format!("{} {}", self.issuer, self.subject)
    }

    /// The name as far as it can be one of ours.
    pub fn full_name(&self) -> String {
        let line = |letter: char| if letter.is_control() { ' ' } else { letter };
        let name: String = self.name.iter().flat_map(|name| name.chars()).map(line).take(NAME_MAX).collect();
        if name.trim().is_empty() { "New user".to_owned() } else { name }
    }
}

/// Verifies the tokens of the configured issuer.
pub struct External {
    issuer: String,
    audience: String,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

enum Keys {
    Shared(DecodingKey),
    Set(KeySet),
}

struct KeySet {
    source: Source,
    keys: RwLock<Arc<Vec<PublicKey>>>,
    /// Microseconds of the last attempt, so that junk tokens do not make us call.
    tried_at: AtomicI64,
}

enum Source {
    File(PathBuf),
    Url { client: reqwest::Client, url: String },
}

struct PublicKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl External {
    /// The configured issuer; `None` when there is none. A file must be readable at once; an
    /// address that does not answer is asked again when a token comes.
    pub async fn open(
        settings: &config::External,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<External>, KeySetError> {
        if settings.issuer.is_empty() {
            return Ok(None);
        }
        let keys = if settings.jwks.is_empty() {
            Keys::Shared(DecodingKey::from_secret(settings.secret.expose().as_bytes()))
        } else {
            Keys::Set(KeySet::open(&settings.jwks, clock.as_ref()).await?)
        };
        Ok(Some(External {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            keys,
            clock,
        }))
    }

    /// The same for the identities that a provider hands to us, its client.
    pub(super) async fn of_provider(
        issuer: &str,
        client: &str,
        jwks: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<External, KeySetError> {
        let keys = Keys::Set(KeySet::open(jwks, clock.as_ref()).await?);
        Ok(External { issuer: issuer.to_owned(), audience: client.to_owned(), keys, clock })
    }

    /// Whether a token claims this issuer; decides who verifies it, and nothing else.
    pub fn is_named_by(&self, token: &str) -> bool {
        Compact::parse(token).is_ok_and(|token| token.text("iss") == Some(&self.issuer))
    }

    pub async fn verify(&self, token: &str) -> Result<Outsider, TokenError> {
        let token = Compact::parse(token)?;
        self.check(&token, &["jwt", "at+jwt", "application/at+jwt"]).await
    }

    /// A token about a login that we asked for, with our nonce (`OpenID Connect` Core, 3.1.3.7).
    pub async fn verify_login(&self, token: &str, nonce: &str) -> Result<Outsider, TokenError> {
        let token = Compact::parse(token)?;
        let outsider = self.check(&token, &["jwt"]).await?;
        let among_others = matches!(token.claims.get("aud"), Some(Node::List(all)) if all.len() > 1);
        let party = token.claims.get("azp");
        if among_others || party.is_some_and(|party| *party != Node::Text(self.audience.clone())) {
            return Err(TokenError::Audience);
        }
        if token.text("nonce") != Some(nonce) {
            return Err(TokenError::Nonce);
        }
        Ok(outsider)
    }

    async fn check(&self, token: &Compact<'_>, kinds: &[&str]) -> Result<Outsider, TokenError> {
        if let Some(kind) = token.header_text("typ")
            && !kinds.contains(&kind.to_ascii_lowercase().as_str())
        {
            return Err(TokenError::Header);
        }
        match &self.keys {
            Keys::Shared(key) => check(token, key, Algorithm::HS256)?,
            Keys::Set(set) => set.check(token, self.clock.as_ref()).await?,
        }
        if token.text("iss") != Some(&self.issuer) {
            return Err(TokenError::Issuer);
        }
        if !names_audience(token, &self.audience) {
            return Err(TokenError::Audience);
        }
        token.check_lifetime(self.clock.now())?;
        let subject = token.text("sub").filter(|subject| !subject.is_empty());
        let verified = token.claims.get("email_verified") == Some(&Node::Bool(true));
        Ok(Outsider {
            issuer: self.issuer.clone(),
            subject: subject.ok_or(TokenError::Claims)?.to_owned(),
            email: token.text("email").filter(|_| verified).map(str::to_owned),
            name: token.text("name").map(str::to_owned),
        })
    }
}

impl KeySet {
    async fn open(place: &str, clock: &dyn Clock) -> Result<KeySet, KeySetError> {
        let is_url = place.starts_with("https://") || place.starts_with("http://");
        let source = if is_url {
            Source::Url { client: client()?, url: place.to_owned() }
        } else {
            Source::File(place.into())
        };
        let keys = match (source.read().await, &source) {
            (Ok(keys), _) => keys,
            (Err(error), Source::Url { .. }) => {
                tracing::warn!(%error, "tokens of the outside issuer cannot be verified yet");
                Vec::new()
            }
            (Err(error), Source::File(_)) => return Err(error),
        };
        Ok(KeySet { source, keys: RwLock::new(Arc::new(keys)), tried_at: AtomicI64::new(clock.now().0) })
    }

    async fn check(&self, token: &Compact<'_>, clock: &dyn Clock) -> Result<(), TokenError> {
        match self.check_known(token) {
            Err(TokenError::Key) => {}
            outcome => return outcome,
        }
        let now = clock.now();
        let tried_at = self.tried_at.load(Ordering::SeqCst);
        if now.0 - tried_at < REFETCH_AFTER.0 {
            return Err(TokenError::Key);
        }
        // Of several requests at once, one fetches; the others are told to come again.
        let order = Ordering::SeqCst;
        let is_ours = self.tried_at.compare_exchange(tried_at, now.0, order, order);
        if is_ours.is_err() {
            return Err(TokenError::Key);
        }
        match self.source.read().await {
            Ok(keys) => {
                *self.keys.write().expect("nothing panics while replacing") = Arc::new(keys);
            }
            Err(error) => tracing::warn!(%error, "the outside issuer's keys cannot be read"),
        }
        self.check_known(token)
    }

    /// By key id when the token names one, else the only key of its algorithm.
    fn check_known(&self, token: &Compact<'_>) -> Result<(), TokenError> {
        let keys = Arc::clone(&self.keys.read().expect("nothing panics while replacing"));
        let wanted = token.header_text("kid");
        if token.header.get("kid").is_some() && wanted.is_none() {
            return Err(TokenError::Header);
        }
        let mut matching = keys.iter().filter(|key| wanted.is_none() || key.id.as_deref() == wanted);
        match (matching.next(), matching.next()) {
            (Some(key), None) => check(token, &key.key, key.algorithm),
            _ => Err(TokenError::Key),
        }
    }
}

impl Source {
    async fn read(&self) -> Result<Vec<PublicKey>, KeySetError> {
        let bytes = match self {
            Source::File(path) => tokio::fs::read(path).await.map_err(KeySetError::File)?,
            Source::Url { client, url } => fetch(client, url).await?,
        };
        let set: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| KeySetError::Form)?;
        let keys = set["keys"].as_array().ok_or(KeySetError::Form)?;
        let keys: Vec<PublicKey> = keys.iter().filter_map(public_key).collect();
        if keys.is_empty() { Err(KeySetError::Form) } else { Ok(keys) }
    }
}

/// A key we can verify with; keys of other kinds, symmetric ones above all, are passed over.
fn public_key(value: &serde_json::Value) -> Option<PublicKey> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    let is_for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Algorithm::ES256,
        _ => return None,
    };
    let agrees = match jwk.common.key_algorithm {
        None => true,
        Some(KeyAlgorithm::RS256) => algorithm == Algorithm::RS256,
        Some(KeyAlgorithm::ES256) => algorithm == Algorithm::ES256,
        Some(_) => false,
    };
    if !is_for_signatures || !agrees {
        return None;
    }
    Some(PublicKey { id: jwk.common.key_id.clone(), algorithm, key: DecodingKey::from_jwk(&jwk).ok()? })
}

fn check(token: &Compact<'_>, key: &DecodingKey, algorithm: Algorithm) -> Result<(), TokenError> {
    let name = match algorithm {
        Algorithm::HS256 => "HS256",
        Algorithm::ES256 => "ES256",
        _ => "RS256",
    };
    if token.header_text("alg") != Some(name) {
        return Err(TokenError::Header);
    }
    verify_signature(token, key, algorithm)
}

fn names_audience(token: &Compact<'_>, audience: &str) -> bool {
    let is_ours = |node: &Node| matches!(node, Node::Text(text) if text == audience);
    match token.claims.get("aud") {
        Some(Node::List(audiences)) => audiences.iter().any(is_ours),
        Some(node) => is_ours(node),
        None => false,
    }
}

fn client() -> Result<reqwest::Client, KeySetError> {
    let failed = |error: &dyn std::fmt::Display| KeySetError::Fetch(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .use_preconfigured_tls(tls)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(FETCH_MAX)
        .build()
        .map_err(|error| failed(&error))
}

async fn fetch(client: &reqwest::Client, url: &str) -> Result<Vec<u8>, KeySetError> {
    let failed = |error: reqwest::Error| KeySetError::Fetch(error.without_url().to_string());
    let answer = client.get(url).send().await.map_err(failed)?;
    let mut answer = answer.error_for_status().map_err(failed)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > SET_BYTES_MAX {
            return Err(KeySetError::Form);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
