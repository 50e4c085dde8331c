//! Questions: one function a query, on one snapshot.
//!
//! Objects are found through the caller's scope, so that "not yours" and "not there" are the same.
//! Every statement names its lane, except the fan-outs, which live in `fanout.rs` and are listed
//! there. Nothing here changes anything.

pub mod alerts;
pub mod audit;
pub mod bookings;
pub mod calendar;
mod cards;
pub mod changes;
pub mod customers;
mod everything;
pub mod exports;
mod fanout;
pub mod history;
mod offers;
pub mod payments;
mod people;
pub mod personal;
mod recount;
pub mod refunds;
pub mod rollups;
pub mod timeline;

pub use fanout::{COUNT_MAX, ListedTeacher, OfferFilter};
pub use offers::Offered;
pub use people::{Known, LoggedIn};
pub(crate) use recount::{HIGH_VALUE as REPORT_HIGH_VALUE, ZONE as REPORT_ZONE};
pub(crate) use rollups::read as read_delta;

use domain::records::{Claim, Space};

use crate::engine::{Connection, Fault, Row, Table, Value};
use crate::tables::Stored;

/// A snapshot to ask.
pub struct Reads<'c> {
    connection: &'c mut Connection,
    /// How the engine goes about each query, where somebody wants to know.
    plans: Option<Vec<String>>,
}

impl<'c> Reads<'c> {
    pub(crate) fn new(connection: &'c mut Connection) -> Reads<'c> {
        Reads { connection, plans: None }
    }

    /// Remembers plans from now on; only `testing` asks for them.
    pub(crate) fn planning(connection: &'c mut Connection) -> Reads<'c> {
        Reads { connection, plans: Some(Vec::new()) }
    }

    pub(crate) fn into_plans(self) -> Vec<String> {
        self.plans.unwrap_or_default()
    }

    /// The record with this key.
    pub fn find<R: Stored>(&mut self, key: &R::Key) -> Result<Option<R>, Fault> {
        let columns: Vec<usize> = (0..R::KEY).collect();
        Ok(self.connection.load_many::<R>(&columns, &[R::key_values(key)])?.pop())
    }

    /// The records with these keys, in no particular order; one statement.
    pub fn find_many<R: Stored>(&mut self, keys: &[R::Key]) -> Result<Vec<R>, Fault> {
        let columns: Vec<usize> = (0..R::KEY).collect();
        let keys: Vec<_> = keys.iter().map(R::key_values).collect();
        self.connection.load_many::<R>(&columns, &keys)
    }

    /// The records of a group.
    pub fn of<R: Stored>(&mut self, group: &R::Group) -> Result<Vec<R>, Fault> {
        self.connection.load_many::<R>(R::GROUP, &[R::group_values(group)])
    }

    /// The records of several groups, in no particular order; one statement.
    pub fn of_many<R: Stored>(&mut self, groups: &[R::Group]) -> Result<Vec<R>, Fault> {
        let groups: Vec<_> = groups.iter().map(R::group_values).collect();
        self.connection.load_many::<R>(R::GROUP, &groups)
    }

    /// What a name that is unique in the world stands for.
    pub fn claimed(&mut self, space: Space, name: &str) -> Result<Option<i64>, Fault> {
        Ok(self.find::<Claim>(&(space, name.to_string()))?.map(|claim| claim.target))
    }

    /// Records chosen by a condition: `SELECT <columns of R> FROM <R> <rest>`.
    pub(crate) fn select<R: Table>(&mut self, rest: &str, params: &[Value]) -> Result<Vec<R>, Fault> {
        let columns: Vec<&str> = R::COLUMNS.iter().map(|column| column.name).collect();
        let sql = format!("SELECT {} FROM {} {rest}", columns.join(", "), R::NAME);
        self.rows(&sql, params)?.iter_mut().map(R::get).collect()
    }

    pub(crate) fn rows(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Fault> {
        if let Some(plans) = &mut self.plans {
            plans.extend(self.connection.explain(sql, params)?);
        }
        self.connection.query(sql, params)
    }
}
