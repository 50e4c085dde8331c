//! What the tests of all rooms share: settings, a marketplace on clocks that are moved by hand, requests
//! and what came back, people who are logged in.
//!
//! Deliberately not here: the words in which a room's tests are told. Those are beside the tests: `Market`
//! (api), `Node` (people), `Place` (background, the server's own assembly) and `House` (mainjob, a socket).

mod answer;
pub mod browser;
mod by_hand;
mod people;

pub use answer::{Answer, Client};
pub use by_hand::ByHand;
pub use people::{Login, admin, register};

use server::config::Config;
use store::testing::TestDb;

pub const WEBHOOK_SECRET: &str = "whsec_0123456789abcdef0123456789abcdef";

/// Known secrets, no limits.
const SETTINGS: [(&str, &str); 7] = [
    ("BURSAR_SECRETS__JWT_KEY", "a-key-for-tests-that-is-long-enough-to-sign-with-0123456789abcdef"),
    ("BURSAR_SECRETS__KEY_ENCRYPTION_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
    ("BURSAR_SECRETS__SANDBOX_WEBHOOK_SECRET", WEBHOOK_SECRET),
    ("BURSAR_SECRETS__INSTANCE", "6f0e7c1a-3b52-4d0e-9a55-0c8a52f1d001"),
    ("BURSAR_LIMITS__PAYMENT_PER_MINUTE", "0"),
    ("BURSAR_LIMITS__OTHER_PER_MINUTE", "0"),
    ("BURSAR_LIMITS__LOGIN_PER_MINUTE", "0"),
];

/// The settings of a test, with its own on top.
pub fn config(settings: &[(&str, &str)]) -> Config {
    let all: Vec<(&str, &str)> = SETTINGS.iter().chain(settings).copied().collect();
    crate::http::config(&all)
}

/// The settings of a server in a folder.
pub fn server_config(db: &TestDb, folder: &tempfile::TempDir, settings: &[(&str, &str)]) -> Config {
    let folder = folder.path().display().to_string();
    let own = [("BURSAR_SERVER__DATA_DIR", folder.as_str()), ("BURSAR_DATABASE__URL", db.text.as_str())];
    let all: Vec<(&str, &str)> = own.iter().chain(settings).copied().collect();
    config(&all)
}

/// Runs a test on threads of its own. What blocks (the store) is opened before and closed after it.
pub fn in_runtime<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads").block_on(test)
}
