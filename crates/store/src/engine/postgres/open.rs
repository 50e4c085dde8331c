//! Opening a PostgreSQL session: transport, session settings, and the facts a ledger insists on.

use std::future::poll_fn;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::task::JoinHandle;
use tokio_postgres::error::Severity;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::engine::Options;
use crate::engine::dialect;
use crate::engine::fault::{Fault, OpenError};
use crate::engine::url::{Server, Tls};
use crate::engine::value::Row;

const VERSION_MIN: i64 = 150_000;
/// Unacknowledged bytes for so long mean that the server's machine is gone.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// One row: what `check` wants to know, in its order. The timeline is asked of a primary only.
pub(super) const FACTS: &str = "
    SELECT current_setting('server_version_num'), current_setting('server_encoding'),
           current_setting('fsync'), current_setting('full_page_writes'),
           current_setting('synchronous_commit'), CAST(pg_is_in_recovery() AS text),
           current_setting('data_checksums'), current_setting('synchronous_standby_names'),
           CASE WHEN pg_is_in_recovery() THEN '' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END";

pub(super) async fn connect(
    server: &Server,
    options: &Options,
    warned: Arc<AtomicBool>,
) -> Result<(Client, JoinHandle<()>), OpenError> {
    let mut config = server.config.clone();
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_millis(options.connect_timeout_ms.into()));
    }
    if config.get_application_name().is_none() {
        config.application_name("bursar");
    }
    config.tcp_user_timeout(SILENCE_MAX);
    config.keepalives_idle(SILENCE_MAX);
    match &server.tls {
        Tls::Off => connect_over(&config, NoTls, warned).await,
        Tls::Verified { roots } => connect_over(&config, verified(roots.as_deref())?, warned).await,
    }
}

async fn connect_over<T>(
    config: &Config,
    tls: T,
    warned: Arc<AtomicBool>,
) -> Result<(Client, JoinHandle<()>), OpenError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, mut connection) = config.connect(tls).await.map_err(dialect::postgres_fault)?;
    let driver = tokio::spawn(async move {
        // Ends with the connection; the requests under way learn of it through the client.
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notice(notice) = message
                && notice.parsed_severity() == Some(Severity::Warning)
            {
                warned.store(true, Ordering::Relaxed);
            }
        }
    });
    Ok((client, driver))
}

/// Verifies the chain and the host name, against the given roots or the public ones.
fn verified(roots: Option<&Path>) -> Result<MakeRustlsConnect, OpenError> {
    let mut store = rustls::RootCertStore::empty();
    match roots {
        None => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let unreadable = |error| OpenError::Url(format!("sslrootcert {}: {error}", path.display()));
            for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                store.add(certificate.map_err(unreadable)?).map_err(Fault::other)?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Fault::other)?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Settings of the session. Every statement has one plan, made once: planning costs more than most
/// look-ups. It must not turn into a whole-table read because a table was empty when it was made, or
/// because how many rows are wanted is a parameter and so taken for a tenth of the table. We ask for few
/// rows, by key or in an index's order, and most pages are in memory: rows are joined one by one, not by
/// gathering one side, and no question is worth the start of a second process or of a compiler.
pub(super) fn settings(options: &Options) -> String {
    format!(
        "SET lock_timeout = {}; SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {};
         SET TimeZone = 'UTC'; SET default_transaction_isolation = 'read committed';
         SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;
         SET enable_hashjoin = off; SET enable_mergejoin = off; SET random_page_cost = 1.1;
         SET max_parallel_workers_per_gather = 0; SET jit = off;",
        options.lock_timeout_ms, options.statement_timeout_ms, options.idle_in_transaction_timeout_ms,
    )
}

/// Refuses what would lose money, remarks what an operator should know.
pub(super) fn check(facts: &Row, options: &Options) -> Result<Vec<String>, OpenError> {
    let mut facts = facts.clone();
    let version = facts.text()?;
    if version.parse::<i64>().unwrap_or_default() < VERSION_MIN {
        return Err(refused("server_version_num", version, "150000 or more"));
    }
    let exact = [("server_encoding", "UTF8"), ("fsync", "on"), ("full_page_writes", "on")];
    for (setting, wanted) in exact {
        let found = facts.text()?;
        if found != wanted {
            return Err(refused(setting, found, wanted));
        }
    }
    let commit = facts.text()?;
    if !matches!(commit.as_str(), "on" | "remote_apply") {
        return Err(refused("synchronous_commit", commit, "on or remote_apply"));
    }
    if facts.text()? == "true" {
        return Err(refused("server", "a standby".into(), "a primary (add target_session_attrs=read-write)"));
    }
    let mut remarks = Vec::new();
    if facts.text()? != "on" {
        remarks.push("data_checksums is off: damaged pages would go unnoticed".into());
    }
    if facts.text()?.is_empty() {
        if options.ha_required {
            return Err(refused("synchronous_standby_names", "empty".into(), "set, since ha is required"));
        }
        remarks.push("synchronous_standby_names is empty: the loss of this server loses payments".into());
    }
    check_timeline(&facts.text()?, options)?;
    Ok(remarks)
}

/// A lower timeline is an old primary that came back after another was promoted.
fn check_timeline(timeline: &str, options: &Options) -> Result<(), OpenError> {
    let timeline = u32::from_str_radix(timeline, 16).map_err(Fault::other)?;
    let highest = options.timeline_seen.fetch_max(timeline, Ordering::Relaxed);
    if timeline < highest {
        return Err(refused("timeline", timeline.to_string(), &format!("{highest} or later")));
    }
    Ok(())
}

fn refused(setting: &'static str, found: String, wanted: &str) -> OpenError {
    OpenError::Refused { setting, found, wanted: wanted.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::value::Value;

    fn facts(change: &[(usize, &str)]) -> Row {
        let mut values = ["150018", "UTF8", "on", "on", "on", "false", "on", "ANY 1 (a, b)", "00000002"];
        for (index, value) in change {
            values[*index] = value;
        }
        Row::new(values.into_iter().map(Value::from).collect())
    }

    #[test]
    fn a_server_that_could_lose_a_commit_is_refused() {
        let options = Options::default();
        assert!(check(&facts(&[]), &options).unwrap().is_empty());
        let unsafe_ones =
            [(0, "140011"), (1, "SQL_ASCII"), (2, "off"), (3, "off"), (4, "local"), (5, "true")];
        for change in unsafe_ones {
            let error = check(&facts(&[change]), &options).unwrap_err();
            assert!(matches!(error, OpenError::Refused { .. }), "{change:?}: {error}");
        }
        assert_eq!(check(&facts(&[(6, "off"), (7, "")]), &options).unwrap().len(), 2);
        let strict = Options { ha_required: true, ..Options::default() };
        assert!(check(&facts(&[(7, "")]), &strict).is_err());
    }

    #[test]
    fn an_old_primary_that_came_back_is_refused() {
        let options = Options::default();
        check(&facts(&[(8, "0000000A")]), &options.clone()).unwrap();
        let error = check(&facts(&[(8, "00000009")]), &options).unwrap_err();
        assert_eq!(error.to_string(), "database refused: timeline is 9, must be 10 or later");
    }
}
