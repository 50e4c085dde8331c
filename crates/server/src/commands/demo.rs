//! `bursar demo`: an empty database becomes a lively marketplace with ninety days of history, which
//! is then served.
//!
//! Everything happens through the API on a clock that begins in the past, so the history obeys the
//! same rules as real life. The same seed tells the same story.

mod cast;
mod story;

use std::process::ExitCode;
use std::sync::Arc;

use domain::time::Span;

use super::house::{House, VisitError};
use super::{Role, admin, serve, start};
use crate::clock::{OffsetClock, SystemClock};
use crate::config::Config;
use crate::dice::SeededDice;
use crate::http::server::Stop;

/// How long the history is.
const DAYS: i64 = 90;
const SEED: u64 = 20;
/// Everybody's, and no secret: it is printed.
const PASSWORD: &str = "a lantern in the harbour";
const ADMIN: &str = "admin@demo.example";

/// Fills the database, prints the logins and serves.
pub async fn demo(config: Config, stop: Stop) -> Result<ExitCode, VisitError> {
    if config.is_live() {
        return Err(VisitError::Wrong("a demo is made up, and a gateway is live".into()));
    }
    if people(&config).await? > 0 {
        return Err(VisitError::Wrong("a demo needs an empty database".into()));
    }
    println!("Making up {DAYS} days of history…");
    fill(&config, DAYS).await?;
    println!("Logins (password \"{PASSWORD}\"):");
    println!("  administrator  {ADMIN}");
    println!("  teacher        {}", cast::TEACHERS[0].email());
    println!("  student        {}", cast::STUDENTS[0].email());
    Ok(serve(config, stop).await?)
}

async fn people(config: &Config) -> Result<usize, VisitError> {
    let started = start::start(config.clone(), Role::Server).await?;
    Ok(start::count_people(&started.app).await?)
}

/// Tells the story of so many days, ending now.
async fn fill(config: &Config, days: i64) -> Result<(), VisitError> {
    let for_admin = config.clone();
    let create = move || admin::create(&for_admin, ADMIN, PASSWORD.as_bytes());
    tokio::task::spawn_blocking(create).await??;
    let clock = Arc::new(OffsetClock::behind(Arc::new(SystemClock), Span::days(days)));
    let house = House::open(config.clone(), clock).await?;
    let told = story::tell(&house, &SeededDice::new(SEED), days).await;
    house.close().await?;
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::house::private_config;
    use crate::commands::start::url;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_made_up_history_leaves_the_books_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = private_config(folder.path()).expect("valid");
        fill(&config, 5).await.expect("a story");
        assert!(people(&config).await.expect("a count") > 10);
        let url = url(&config).expect("valid");
        let verify = move || store::verify::verify_database(&url, &store::engine::Options::default());
        let findings = tokio::task::spawn_blocking(verify).await.expect("no panic").expect("readable");
        assert_eq!(findings, []);
    }
}
