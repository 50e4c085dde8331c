//! People: who is calling, and what somebody is.

use domain::id::{Id, PersonId, SessionId};
use domain::people::{Profiles, fold_email};
use domain::records::{Person, Session, Space, StudentProfile, TeacherProfile};

use super::Reads;
use crate::engine::{Fault, Row, Table, Value};

/// Somebody with his roles, which every request asks for afresh.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub person: Person,
    pub teacher: bool,
    pub student: bool,
}

/// A session and whose it is. Whether it is still good is not decided here.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedIn {
    pub session: Session,
    pub known: Known,
}

/// A person with his profiles, which live in his lane.
pub(super) const KNOWN: &str = "FROM person p \
    LEFT JOIN teacher_profile t ON t.lane = p.lane AND t.id = p.id \
    LEFT JOIN student_profile s ON s.lane = p.lane AND s.id = p.id";

impl Known {
    pub(super) fn columns() -> String {
        let has = |table: &str| format!("CAST(CASE WHEN {table}.id IS NULL THEN 0 ELSE 1 END AS BIGINT)");
        format!("{}, {}, {}", columns_of::<Person>("p"), has("t"), has("s"))
    }

    pub(super) fn get(row: &mut Row) -> Result<Known, Fault> {
        Ok(Known { person: Person::get(row)?, teacher: row.int()? == 1, student: row.int()? == 1 })
    }
}

fn columns_of<R: Table>(table: &str) -> String {
    let columns: Vec<String> = R::COLUMNS.iter().map(|column| format!("{table}.{}", column.name)).collect();
    columns.join(", ")
}

impl Reads<'_> {
    /// Who holds a session; one statement, because every request asks.
    pub fn logged_in(&mut self, session: SessionId) -> Result<Option<LoggedIn>, Fault> {
        let sql = format!(
            "SELECT {}, {} {KNOWN} JOIN session e ON e.lane = p.lane AND e.person = p.id \
             WHERE e.lane = $1 AND e.id = $2",
            columns_of::<Session>("e"),
            Known::columns()
        );
        let rows = self.rows(&sql, &[Value::Int(session.lane().number()), Value::Int(session.raw())])?;
        let row = rows.into_iter().next();
        row.map(|mut row| Ok(LoggedIn { session: Session::get(&mut row)?, known: Known::get(&mut row)? }))
            .transpose()
    }

    /// Somebody with his roles.
    pub fn known(&mut self, id: PersonId) -> Result<Option<Known>, Fault> {
        let sql = format!("SELECT {} {KNOWN} WHERE p.lane = $1 AND p.id = $2", Known::columns());
        let rows = self.rows(&sql, &[Value::Int(id.lane().number()), Value::Int(id.raw())])?;
        rows.into_iter().next().map(|mut row| Known::get(&mut row)).transpose()
    }

    /// Somebody with all that he tells of himself.
    pub fn profiles(&mut self, id: PersonId) -> Result<Option<Profiles>, Fault> {
        let Some(person) = self.find::<Person>(&id)? else { return Ok(None) };
        let (teacher, student) = (self.find::<TeacherProfile>(&id)?, self.find::<StudentProfile>(&id)?);
        Ok(Some(Profiles { person, teacher, student }))
    }

    /// The person behind the id on the wire, in either case.
    pub fn id_of_uuid(&mut self, uuid: &str) -> Result<Option<PersonId>, Fault> {
        Ok(self.claimed(Space::Uuid, &uuid.to_ascii_lowercase())?.map(PersonId))
    }

    /// The owner of an e-mail address, however it is written.
    pub fn person_by_email(&mut self, email: &str) -> Result<Option<Person>, Fault> {
        match self.claimed(Space::Email, &fold_email(email))? {
            Some(id) => self.find::<Person>(&PersonId(id)),
            None => Ok(None),
        }
    }
}
