//! The one thin HTTP client of the gateways: built once, shared by every call.
//!
//! Invariants: no redirect is followed and nothing is ever sent twice; what could not have been sent
//! (refused, unreachable, name not found) is told apart from what nobody knows. Public roots only.
//! Retries, signatures and the meaning of an answer are deliberately not here.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::time::Span;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, redirect, retry};

/// The largest answer that is read; a page of a hundred charges is far below it.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A server drops a quiet connection sooner or later; ours goes first, so that a call rarely meets
/// a connection that is already gone (which would be an unknown outcome).
const IDLE_MAX: Duration = Duration::from_secs(20);

/// The longest pause a gateway may ask for.
const RETRY_AFTER_MAX: Span = Span::HOUR;

/// A client with one time limit for the whole exchange, connecting and reading included.
pub struct Http {
    client: Client,
}

/// What came back, whatever its status.
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
    headers: HeaderMap,
}

/// Why there is no reply. The text names no address and carries no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// Nothing left this machine, so nothing can have happened.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It may have arrived.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

/// The client could not be built: the TLS library refused its settings.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be built")]
pub struct BuildError(#[source] Box<dyn Error + Send + Sync>);

impl Http {
    pub fn new(timeout: Duration) -> Result<Http, BuildError> {
        let client = Client::builder()
            .use_preconfigured_tls(tls()?)
            .dns_resolver(Arc::new(SystemNames))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .pool_idle_timeout(IDLE_MAX)
            .timeout(timeout)
            .user_agent(concat!("bursar/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| BuildError(error.into()))?;
        Ok(Http { client })
    }

    /// Begins a request; [`Http::send`] sends it.
    pub fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// One exchange: the request goes out once, the whole answer comes in, or it is [`Lost`].
    pub async fn send(&self, request: RequestBuilder) -> Result<Reply, Lost> {
        let mut response = request.send().await.map_err(lost)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(Lost::Unknown("the answer is too large".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status: response.status().as_u16(),
            body,
            headers: std::mem::take(response.headers_mut()),
        })
    }
}

impl Reply {
    /// A header's value, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long the other side asked us to wait, given in seconds (dates are passed over).
    pub fn retry_after(&self) -> Option<Span> {
        let seconds: u32 = self.header("retry-after")?.trim().parse().ok()?;
        Some(Span::seconds(i64::from(seconds)).min(RETRY_AFTER_MAX))
    }
}

fn tls() -> Result<rustls::ClientConfig, BuildError> {
    let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect::<rustls::RootCertStore>();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| BuildError(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// The address is stripped: it carries ids, and the reason goes into logs.
fn lost(error: reqwest::Error) -> Lost {
    let error = error.without_url();
    let cause = causes(&error).last().map_or_else(String::new, ToString::to_string);
    let reason = if error.is_timeout() { "no answer in time".to_owned() } else { cause };
    if error.is_connect() && causes(&error).any(proves_unsent) {
        Lost::NotSent(reason)
    } else {
        Lost::Unknown(reason)
    }
}

fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: &'a (dyn Error + 'static) = error;
    std::iter::successors(Some(first), |cause| (*cause).source())
}

/// A time-out or a TLS failure while connecting proves nothing that we would rely on.
fn proves_unsent(cause: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    cause.is::<NameNotFound>()
        || cause.downcast_ref::<io::Error>().is_some_and(|error| {
            matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable)
        })
}

/// The system's resolver, with an error that can be told from every other one.
struct SystemNames;

#[derive(Debug, thiserror::Error)]
#[error("name not found")]
struct NameNotFound(#[source] io::Error);

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(NameNotFound)?;
            let addresses: Addrs = Box::new(found.collect::<Vec<_>>().into_iter());
            Ok(addresses)
        })
    }
}
