//! What somebody erased has left on rows that stay: blanked page by page, in whatever lanes they lie. Then
//! he is put on the list of erasures, if his request did not live to see it. And who is on that list and
//! in the database again, because an older copy of it was put back, is forgotten again.

use domain::id::{Id, PersonId};
use domain::people::{Erase, EraseAgain, is_erased};
use domain::records::{Job, Person, Setting};
use domain::upkeep::{ERASURES_LISTED, JobEnd, ListErasures};
use serde::Deserialize;
use store::{Db, Error};

use super::queue::parse;
use crate::app::App;
use crate::erasures::{self, ErasuresError, Line, List};

/// Rows of a kind in one commit.
const PAGE: usize = 200;
/// More than anybody has written; what is left comes with the next try.
const PAGES_MAX: usize = 1_000;
/// Lines of the list looked up at once.
const LINES: usize = 500;

#[derive(Deserialize)]
struct ErasureBody {
    person: i64,
}

/// Repeating it finds nothing more to do.
pub(super) async fn erase(app: &App, job: &Job) -> Result<(), JobEnd> {
    let body: ErasureBody = parse(job)?;
    let person = PersonId::from_raw(body.person);
    if !forget_texts(&app.db, person).await.map_err(|error| JobEnd::Retry(error.to_string()))? {
        return Err(JobEnd::Retry("there is more to erase".into()));
    }
    erasures::note(app, person).await.map_err(|error| JobEnd::Retry(error.to_string()))?;
    empty_log(app).await
}

/// What he was called may stand in the database's log until that begins anew: it begins anew now.
async fn empty_log(app: &App) -> Result<(), JobEnd> {
    let db = app.db.clone();
    let emptied = tokio::task::spawn_blocking(move || db.empty_log()).await;
    match emptied.map_err(|lost| JobEnd::Retry(lost.to_string()))? {
        Ok(true) => Ok(()),
        Ok(false) => Err(JobEnd::Retry("the database's log is in use".into())),
        Err(error) => Err(JobEnd::Retry(error.to_string())),
    }
}

/// Blanks it all; whether nothing is left.
async fn forget_texts(db: &Db, person: PersonId) -> Result<bool, Error> {
    for _ in 0..PAGES_MAX {
        if page(db, person).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether nothing was left.
async fn page(db: &Db, person: PersonId) -> Result<bool, Error> {
    let texts = db.read(move |reads| reads.texts_left(person, PAGE)).await?;
    if texts.is_empty() {
        return Ok(true);
    }
    db.record(texts).await?;
    Ok(false)
}

/// Before anything is served: whoever is on the list and in the database again is forgotten again.
pub(crate) async fn settle_erasures(app: &App) -> Result<(), ErasuresError> {
    let Some(list) = List::of(&app.config, &app.policies.instance) else {
        if app.config.is_live() {
            tracing::warn!("no list of erasures is kept: a backup put back brings back who was forgotten");
        }
        return Ok(());
    };
    let setting = app.db.read(|reads| reads.find::<Setting>(&ERASURES_LISTED.to_owned())).await;
    let listed = setting.map_err(store::Error::from)?.is_some();
    let lines = match list.clone().blocking(|list| list.read()).await? {
        Some(lines) => lines,
        None if listed => return Err(ErasuresError::Missing(list.path)),
        None => {
            list.clone().blocking(|list| list.begin()).await?;
            Vec::new()
        }
    };
    let count = forget_again(&app.db, &lines).await?;
    if count > 0 {
        tracing::warn!(count, "people who had been forgotten were in the database, and are forgotten again");
    }
    if !listed {
        // Whoever was forgotten before there was a list.
        let erased = app.db.read(|reads| reads.erased()).await.map_err(store::Error::from)?;
        let erased: Vec<Line> = erased.iter().map(Line::of).collect();
        list.blocking(move |list| list.add(&erased)).await?;
        app.db.record(ListErasures).await?;
    }
    Ok(())
}

/// Whoever is on the list and in this database is forgotten; how many those were.
pub(crate) async fn forget_again(db: &Db, lines: &[Line]) -> Result<usize, ErasuresError> {
    let mut count = 0;
    for page in lines.chunks(LINES) {
        let ids: Vec<PersonId> = page.iter().map(|line| PersonId::from_raw(line.id)).collect();
        let people = db.read(move |reads| reads.find_many::<Person>(&ids)).await;
        let people = people.map_err(store::Error::from)?;
        let back = |person: &Person| !is_erased(person) && page.iter().any(|line| line.names(person));
        for person in people.into_iter().filter(back) {
            let id = person.id;
            let subjects = db.read(move |reads| reads.subjects(id)).await.map_err(store::Error::from)?;
            let erase = Erase { person: id, email: person.email, subjects, seen: None };
            db.record(EraseAgain(erase)).await?;
            forget_texts(db, id).await?;
            count += 1;
        }
    }
    Ok(count)
}
