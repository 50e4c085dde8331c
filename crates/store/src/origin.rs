//! Whose request a change comes from: set once around a request, found by whatever it submits.
//!
//! A task's own, so that no command has to carry what no rule looks at. Work that a request leaves to
//! another task is the system's own; actors are named by the commands themselves.

use std::sync::Arc;

tokio::task_local! {
    static CURRENT: Arc<str>;
}

/// Runs a request's work as coming from `<address> <request id>`.
pub async fn scope<T>(origin: Arc<str>, work: impl Future<Output = T>) -> T {
    CURRENT.scope(origin, work).await
}

pub(crate) fn current() -> Option<Arc<str>> {
    CURRENT.try_with(Arc::clone).ok()
}
