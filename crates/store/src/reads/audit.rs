//! The audit: rows to be sealed, the chain, and the administrators' list (a fan-out).

use domain::audit::Trace;
use domain::id::{Id, Lane, PersonId};
use domain::records::{AuditBlock, AuditCursor, AuditEntry, AuditOrigin, Event, LaneRow, chain_lane};
use domain::time::Timestamp;

use super::{COUNT_MAX, Reads};
use crate::engine::{Fault, Row, Value};

/// What a list of the audit shows.
#[derive(Clone, Debug)]
pub struct AuditFilter {
    pub actor: Option<PersonId>,
    /// A kind of object, or one of that kind.
    pub object: Option<(String, Option<i64>)>,
    pub action: Option<String>,
    pub from: Timestamp,
    pub until: Timestamp,
    /// Only what is older than this row.
    pub before: Option<(Timestamp, i64)>,
    pub limit: usize,
}

impl AuditFilter {
    /// Conditions that name only what is asked for, so that the right index is used.
    fn terms(&self) -> (String, Vec<Value>) {
        let (before_at, before_id) = self.before.unwrap_or((Timestamp(i64::MAX), i64::MAX));
        let mut params = [self.from.0, self.until.0, before_at.0, before_id].map(Value::Int).to_vec();
        let mut terms = "at >= $1 AND at < $2 AND (at, id) < ($3, $4)".to_string();
        let mut add = |column: &str, value: Value| {
            params.push(value);
            terms = format!("{terms} AND {column} = ${}", params.len());
        };
        if let Some(actor) = self.actor {
            add("actor", Value::Int(actor.raw()));
        }
        if let Some((object, id)) = &self.object {
            add("object", Value::text(object.as_str()));
            if let Some(id) = id {
                add("object_id", Value::Int(*id));
            }
        }
        if let Some(action) = &self.action {
            add("action", Value::text(action.as_str()));
        }
        (terms, params)
    }
}

impl Reads<'_> {
    /// Newest first by `(at, id)`.
    pub fn audit(&mut self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, Fault> {
        let (terms, mut params) = filter.terms();
        params.push(count(filter.limit));
        let limit = params.len();
        self.select(&format!("WHERE {terms} ORDER BY at DESC, id DESC LIMIT ${limit}"), &params)
    }

    /// How many there are, wherever the page begins, counted up to one more than [`COUNT_MAX`].
    pub fn count_audit(&mut self, filter: &AuditFilter) -> Result<usize, Fault> {
        let (terms, mut params) = AuditFilter { before: None, ..filter.clone() }.terms();
        params.push(count(COUNT_MAX + 1));
        let limit = params.len();
        let sql = format!(
            "SELECT CAST(count(*) AS BIGINT) FROM \
             (SELECT id FROM audit WHERE {terms} ORDER BY at DESC, id DESC LIMIT ${limit}) AS newest"
        );
        let counted = self.rows(&sql, &params)?.first_mut().map_or(Ok(0), Row::int)?;
        Ok(usize::try_from(counted).expect("counts are not negative"))
    }

    /// From where entries were made, as far as that has not been erased.
    pub fn audit_origins(&mut self, entries: &[AuditEntry]) -> Result<Vec<AuditOrigin>, Fault> {
        let keys: Vec<_> = entries.iter().filter_map(|entry| Some((entry.actor?, entry.id))).collect();
        self.find_many(&keys)
    }
}

impl Reads<'_> {
    /// Every lane, with the number of its next id.
    pub fn lanes(&mut self) -> Result<Vec<LaneRow>, Fault> {
        self.select("ORDER BY lane", &[])
    }

    /// How far every lane has been sealed; lanes without a row not at all.
    pub fn audit_cursors(&mut self) -> Result<Vec<AuditCursor>, Fault> {
        self.select("WHERE lane = $1 ORDER BY sealed_lane", &[Value::Int(chain_lane().number())])
    }

    /// The newest block.
    pub fn audit_head(&mut self) -> Result<Option<AuditBlock>, Fault> {
        let home = Value::Int(chain_lane().number());
        Ok(self.select("WHERE lane = $1 ORDER BY number DESC LIMIT 1", &[home])?.pop())
    }

    /// Blocks in their order, after a number.
    pub fn audit_blocks(&mut self, after: i64, limit: usize) -> Result<Vec<AuditBlock>, Fault> {
        let params = [Value::Int(chain_lane().number()), Value::Int(after), count(limit)];
        self.select("WHERE lane = $1 AND number > $2 ORDER BY number LIMIT $3", &params)
    }

    /// Sealable rows of a lane in the order of their ids, after one id and up to another; whole as far as
    /// they go, also where the limit ends them.
    pub fn traces(
        &mut self,
        lane: Lane,
        (after, until): (i64, i64),
        limit: usize,
    ) -> Result<Vec<Trace>, Fault> {
        let rest = "WHERE lane = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT $4";
        let params = [Value::Int(lane.number()), Value::Int(after), Value::Int(until), count(limit)];
        let entries: Vec<AuditEntry> = self.select(rest, &params)?;
        let events: Vec<Event> = self.select(rest, &params)?;
        let ends = [
            entries.last().filter(|_| entries.len() == limit).map(|entry| entry.id.raw()),
            events.last().filter(|_| events.len() == limit).map(|event| event.id.raw()),
        ];
        let end = ends.into_iter().flatten().min().unwrap_or(i64::MAX);
        let mut rows: Vec<Trace> =
            entries.into_iter().map(Trace::Audit).chain(events.into_iter().map(Trace::Event)).collect();
        rows.retain(|row| row.id() <= end);
        rows.sort_by_key(Trace::id);
        Ok(rows)
    }
}

fn count(limit: usize) -> Value {
    Value::Int(i64::try_from(limit).expect("limits are small"))
}
