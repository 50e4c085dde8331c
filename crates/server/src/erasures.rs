//! The list of erasures: who was forgotten, by bare ids, in a file outside the database. An older copy of
//! the database that is put back still knows these people; with the list they are forgotten again.
//!
//! Invariants: nothing is served before the list has been gone through, however the database came to be as
//! it is (`bursar restore`, `pg_restore`, a point in time: see `jobs`); once a database is known to have a list, a
//! start without it is refused; a line counts when it is whole; nothing personal is in it. Deliberately
//! not here: what forgetting means (the domain's), and copies that nobody puts back: they have to expire.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use domain::id::{Id, PersonId};
use domain::people::is_erased;
use domain::records::Person;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::config::Config;
use crate::dice::{OsDice, uuid_v4};
use crate::http::json::Instant;

const FILE_NAME: &str = "erasures.jsonl";
/// The setting's word for "keep none".
const NONE: &str = "none";

/// Why the list of erasures cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ErasuresError {
    #[error("the list of erasures, {path} (privacy.erasures), cannot be used: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error(
        "the list of erasures, {0} (privacy.erasures), is missing: put it back, because without it people \
         who were forgotten may be in the database again"
    )]
    Missing(PathBuf),
    #[error("line {line} of the list of erasures, {path} (privacy.erasures), cannot be read")]
    Damaged { path: PathBuf, line: usize },
    #[error(
        "the list of erasures, {path} (privacy.erasures), is of another marketplace (instance {found}): \
         put the right one there, or move it away"
    )]
    Another { path: PathBuf, found: String },
    #[error("the books could not be written or read")]
    Books(#[from] store::Error),
}

/// The first line: whose list it is.
#[derive(Deserialize, Serialize)]
struct Heading {
    erasures_of: String,
}

/// Somebody who was forgotten. Both ids, so that a list of other books meets nobody.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Line {
    person: String,
    pub(crate) id: i64,
    at: String,
}

impl Line {
    /// Whether it is about him.
    pub(crate) fn names(&self, person: &Person) -> bool {
        self.id == person.id.raw() && self.person == person.uuid
    }

    pub(crate) fn of(person: &Person) -> Line {
        let at = Instant(person.updated_at).text();
        Line { person: person.uuid.clone(), id: person.id.raw(), at }
    }
}

/// A list in its place.
#[derive(Clone)]
pub(crate) struct List {
    pub(crate) path: PathBuf,
    /// UUID of the marketplace.
    instance: String,
}

/// How many are on the list of the settings; `None` where there is no list. Blocks.
pub fn count(config: &Config, instance: &str) -> Result<Option<usize>, ErasuresError> {
    let Some(list) = List::of(config, instance) else { return Ok(None) };
    Ok(list.read()?.map(|lines| lines.len()))
}

/// Somebody was forgotten: he is put on the list, unless he is on it.
pub(crate) async fn note(app: &App, person: PersonId) -> Result<(), ErasuresError> {
    let Some(list) = List::of(&app.config, &app.policies.instance) else { return Ok(()) };
    let found = app.db.read(move |reads| reads.find::<Person>(&person)).await.map_err(store::Error::from)?;
    let Some(person) = found.filter(is_erased) else { return Ok(()) };
    list.blocking(move |list| list.add(&[Line::of(&person)])).await
}

impl List {
    /// The list of the settings, if one is to be kept.
    pub(crate) fn of(config: &Config, instance: &str) -> Option<List> {
        let path = match config.privacy.erasures.as_str() {
            NONE => return None,
            "" => {
                config.database.url.sqlite_path()?;
                config.data_dir().join(FILE_NAME)
            }
            path => PathBuf::from(path),
        };
        Some(List { path, instance: instance.to_owned() })
    }

    /// Files block.
    pub(crate) async fn blocking<T: Send + 'static>(
        self,
        work: impl FnOnce(List) -> Result<T, ErasuresError> + Send + 'static,
    ) -> Result<T, ErasuresError> {
        let path = self.path.clone();
        let done = tokio::task::spawn_blocking(move || work(self)).await;
        done.map_err(|lost| ErasuresError::File { path, source: std::io::Error::other(lost) })?
    }

    fn failed(&self, source: std::io::Error) -> ErasuresError {
        ErasuresError::File { path: self.path.clone(), source }
    }

    /// Its whole lines; `None` where there is no file.
    pub(crate) fn read(&self) -> Result<Option<Vec<Line>>, ErasuresError> {
        let text = match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| self.failed(error))?,
        };
        let whole = whole_lines(&text);
        let damaged = |line| ErasuresError::Damaged { path: self.path.clone(), line };
        let mut lines = text[..whole].lines();
        let heading = lines.next().and_then(|line| serde_json::from_str::<Heading>(line).ok());
        let found = heading.ok_or_else(|| damaged(1))?.erasures_of;
        if found != self.instance {
            return Err(ErasuresError::Another { path: self.path.clone(), found });
        }
        let read = |(number, line)| serde_json::from_str::<Line>(line).map_err(|_| damaged(number));
        (2..).zip(lines).map(read).collect::<Result<Vec<Line>, _>>().map(Some)
    }

    /// A whole file or none: linked into place, so that of two first starts one wins.
    pub(crate) fn begin(&self) -> Result<(), ErasuresError> {
        let heading = Heading { erasures_of: self.instance.clone() };
        let draft = self.path.with_extension(uuid_v4(&OsDice));
        let made = create(&self.path, &draft, &json_line(&heading));
        // It stands under its own name, or it is of no use.
        let _ = std::fs::remove_file(&draft);
        match made {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    /// Adds who is not on it yet; what is there then lasts.
    pub(crate) fn add(&self, people: &[Line]) -> Result<(), ErasuresError> {
        let known = self.read()?.ok_or_else(|| ErasuresError::Missing(self.path.clone()))?;
        let new = people.iter().filter(|line| !known.iter().any(|known| known.id == line.id));
        let text: String = new.map(json_line).collect();
        if text.is_empty() {
            return Ok(());
        }
        append(&self.path, &text).map_err(|error| self.failed(error))
    }
}

fn json_line(line: &impl Serialize) -> String {
    serde_json::to_string(line).expect("plain words") + "\n"
}

/// Bytes up to the end of the last whole line: a writer may have been cut off behind it.
fn whole_lines(text: &str) -> usize {
    text.rfind('\n').map_or(0, |end| end + 1)
}

fn create(path: &Path, draft: &Path, heading: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(heading.as_bytes())?;
    file.sync_all()?;
    std::fs::hard_link(draft, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    let before = std::fs::read_to_string(path)?;
    let whole = whole_lines(&before);
    if whole < before.len() {
        file.set_len(u64::try_from(whole).map_err(std::io::Error::other)?)?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: i64) -> Line {
        Line { person: format!("uuid of {id}"), id, at: "2026-11-21T12:00:00Z".into() }
    }

    fn list(folder: &tempfile::TempDir, instance: &str) -> List {
        List { path: folder.path().join(FILE_NAME), instance: instance.into() }
    }

    #[test]
    fn a_list_keeps_everybody_once_and_survives_a_torn_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let list = list(&folder, "i");
        assert!(matches!(list.add(&[line(1)]), Err(ErasuresError::Missing(_))));
        assert_eq!(list.read().expect("readable"), None);
        list.begin().expect("a folder to write to");
        list.begin().expect("the second finds it");
        list.add(&[line(1), line(2)]).expect("writable");
        list.add(&[line(2)]).expect("writable");
        let mut torn = OpenOptions::new().append(true).open(&list.path).expect("there");
        torn.write_all(b"{\"person\":\"ha").expect("writable");
        assert_eq!(list.read().expect("readable"), Some(vec![line(1), line(2)]));
        list.add(&[line(3)]).expect("writable");
        assert_eq!(list.read().expect("readable"), Some(vec![line(1), line(2), line(3)]));
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no draft is left");
    }

    #[test]
    fn a_list_that_is_damaged_or_of_others_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = list(&folder, "i");
        own.begin().expect("a folder to write to");
        own.add(&[line(1)]).expect("writable");
        assert!(
            matches!(list(&folder, "j").read(), Err(ErasuresError::Another { found, .. }) if found == "i")
        );
        let text = std::fs::read_to_string(&own.path).expect("readable");
        for (junk, bad) in
            [(format!("{text}junk\n"), 3), (String::new(), 1), (text.replacen("\"i\"", "1", 1), 1)]
        {
            std::fs::write(&own.path, junk).expect("ours");
            assert!(matches!(own.read(), Err(ErasuresError::Damaged { line, .. }) if line == bad));
        }
    }
}
