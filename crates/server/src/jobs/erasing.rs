//! What somebody erased has left on rows that stay: blanked page by page, in whatever lanes they lie.

use domain::id::{Id, PersonId};
use domain::records::Job;
use domain::upkeep::JobEnd;
use serde::Deserialize;
use store::Error;

use super::queue::parse;
use crate::app::App;

/// Rows of a kind in one commit.
const PAGE: usize = 200;
/// More than anybody has written; what is left comes with the next try.
const PAGES_MAX: usize = 1_000;

#[derive(Deserialize)]
struct ErasureBody {
    person: i64,
}

/// Repeating it finds nothing more to do.
pub(super) async fn erase(app: &App, job: &Job) -> Result<(), JobEnd> {
    let body: ErasureBody = parse(job)?;
    let person = PersonId::from_raw(body.person);
    for _ in 0..PAGES_MAX {
        if page(app, person).await.map_err(|error| JobEnd::Retry(error.to_string()))? {
            return Ok(());
        }
    }
    Err(JobEnd::Retry("there is more to erase".into()))
}

/// Whether nothing was left.
async fn page(app: &App, person: PersonId) -> Result<bool, Error> {
    let texts = app.db.read(move |reads| reads.texts_left(person, PAGE)).await?;
    if texts.is_empty() {
        return Ok(true);
    }
    app.db.record(texts).await?;
    Ok(false)
}
