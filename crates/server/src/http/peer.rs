//! Who is calling: the address that limits count and the audit keeps, and whether it was HTTPS.
//!
//! Forwarding headers are believed from `server.trusted_proxies` only.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;

use super::request_id;
use crate::config::{Config, Network};

/// The caller. The listener puts one on each request; without a listener (tests) it is loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: IpAddr,
    pub https: bool,
}

impl Default for Peer {
    fn default() -> Peer {
        Peer { address: IpAddr::V4(Ipv4Addr::LOCALHOST), https: false }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Peer, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or_default())
    }
}

pub(super) async fn resolve(State(config): State<Arc<Config>>, mut request: Request, next: Next) -> Response {
    let direct: Peer = request.extensions().get().copied().unwrap_or_default();
    let peer = behind_proxies(direct, request.headers(), &config.server.trusted_proxies);
    request.extensions_mut().insert(peer);
    let origin = format!("{} {}", peer.address, request_id::current().unwrap_or_default());
    store::origin::scope(origin.into(), next.run(request)).await
}

/// The last address that is not a trusted proxy of ours: everything before it is hearsay.
fn behind_proxies(direct: Peer, headers: &HeaderMap, trusted: &[Network]) -> Peer {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(direct.address) {
        return direct;
    }
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let mut address = direct.address;
    for hop in hops.into_iter().rev() {
        let Ok(hop) = hop.parse::<IpAddr>() else {
            break;
        };
        address = hop;
        if !is_trusted(hop) {
            break;
        }
    }
    let scheme = headers
        .get_all("x-forwarded-proto")
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.rsplit(',').next());
    Peer {
        address: address.to_canonical(),
        https: direct.https || scheme.is_some_and(|scheme| scheme.trim() == "https"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(forwarded_for: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded_for.parse().expect("valid"));
        headers.insert("x-forwarded-proto", "https".parse().expect("valid"));
        headers
    }

    #[test]
    fn forwarding_headers_count_from_trusted_proxies_only() {
        let proxy = [Network::parse("127.0.0.0/8").expect("valid")];
        let direct = Peer::default();
        let seen = behind_proxies(direct, &headers("6.6.6.6, 203.0.113.9, 127.0.0.5"), &proxy);
        assert_eq!(seen.address.to_string(), "203.0.113.9");
        assert!(seen.https);
        assert_eq!(behind_proxies(direct, &headers("6.6.6.6"), &[]), direct);
        let junk = behind_proxies(direct, &headers("203.0.113.9, junk"), &proxy);
        assert_eq!(junk.address, direct.address);
    }
}
