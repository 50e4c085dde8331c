//! TLS in this process: certificate and key from files, read again when they are replaced.
//!
//! Invariants: what is served is always a whole pair that belongs together; a pair that cannot be used
//! changes nothing. HTTP/2 and HTTP/1.1 are offered. Deliberately not here: getting certificates.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::config::Config;

/// What the connection speaks once the handshake has agreed on it.
pub(super) const HTTP_2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";

/// Why the files cannot be used; names the setting, never what is in them.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct TlsError {
    key: &'static str,
    reason: String,
}

impl TlsError {
    fn of(key: &'static str) -> impl Fn(&dyn fmt::Display) -> TlsError {
        move |reason| TlsError { key, reason: reason.to_string() }
    }
}

/// The certificate in use, and where the next one will be.
pub struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// `None` where TLS is ended by somebody else.
    pub fn open(config: &Config) -> Result<Option<Arc<Certificate>>, TlsError> {
        if !config.has_tls() {
            return Ok(None);
        }
        let (cert, key) = (PathBuf::from(&config.server.tls_cert), PathBuf::from(&config.server.tls_key));
        let provider = Arc::new(ring::default_provider());
        let current = RwLock::new(Arc::new(read(&cert, &key, &provider)?));
        Ok(Some(Arc::new(Certificate { cert, key, provider, current })))
    }

    /// Reads the files again; whoever connects from now on sees the new pair.
    pub fn reload(&self) -> Result<(), TlsError> {
        let next = Arc::new(read(&self.cert, &self.key, &self.provider)?);
        *self.current.write().expect("nothing panics while it is held") = next;
        Ok(())
    }

    pub(super) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let versions = rustls::ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::of("server.tls_cert")(&error))?;
        let mut tls = versions
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        tls.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1.to_vec()];
        Ok(TlsAcceptor::from(Arc::new(tls)))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().expect("nothing panics while it is held")))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("cert", &self.cert).finish_non_exhaustive()
    }
}

fn read(cert: &PathBuf, key: &PathBuf, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let (bad_cert, bad_key) = (TlsError::of("server.tls_cert"), TlsError::of("server.tls_key"));
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad_cert(&error))?;
    if chain.is_empty() {
        return Err(bad_cert(&"there is no certificate in the file"));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| bad_key(&error))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| bad_key(&error))
}
