//! Webhook events received, answers kept, jobs, settings, lanes.

use domain::id::{Id, Lane, PersonId};
use domain::records::{IdempotencyRecord, InboxEvent, Job, LaneRow, Setting};
use domain::rows::{NoGroup, Record};

use super::{Stored, found_by_id, table};
use crate::engine::{Column, Fault, Row, Table, Value};

table!(InboxEvent, "inbox", key 2, {
    int id, text gateway, text event, text kind, text hint, text object, text charge, text body, text state,
    int attempts, int failures, text error, int wake_at, int received_at, int processed_at,
});
found_by_id!(InboxEvent);

table!(IdempotencyRecord, "idempotency", key 4, {
    int person, text operation, text key, text body_hash, int op, int status, text answer, int created_at,
    int expires_at,
});

impl Stored for IdempotencyRecord {
    fn key_values((person, operation, key): &(PersonId, String, String)) -> Vec<Value> {
        let lane = person.lane().number();
        let texts = [operation, key].map(|text| Value::text(text.as_str()));
        [Value::Int(lane), Value::Int(person.raw())].into_iter().chain(texts).collect()
    }
    const GROUP: &'static [usize] = &[];
    fn group_values(group: &NoGroup) -> Vec<Value> {
        match *group {}
    }
}

table!(Job, "job", key 2, {
    int id, text kind, text key, text body, text state, int attempts, int run_at, text last_error, int created_at,
});
found_by_id!(Job);

/// A reference table: it has no lane.
impl Table for Setting {
    const NAME: &'static str = "setting";
    const COLUMNS: &'static [Column] = &[Column::text("name"), Column::text("value")];
    const KEY: usize = 1;

    fn put(&self, out: &mut Vec<Value>) {
        out.extend([Value::text(self.name.as_str()), Value::text(self.value.as_str())]);
    }

    fn get(row: &mut Row) -> Result<Setting, Fault> {
        Ok(Setting { name: row.text()?, value: row.text()? })
    }
}

impl Stored for Setting {
    fn key_values(name: &String) -> Vec<Value> {
        vec![Value::text(name.as_str())]
    }
    const GROUP: &'static [usize] = &[];
    fn group_values(group: &NoGroup) -> Vec<Value> {
        match *group {}
    }
}

impl Table for LaneRow {
    const NAME: &'static str = "lane";
    const COLUMNS: &'static [Column] = &[Column::int("lane"), Column::int("next")];
    const KEY: usize = 1;

    fn put(&self, out: &mut Vec<Value>) {
        out.extend([Value::Int(self.lane.number()), Value::Int(self.next)]);
    }

    fn get(row: &mut Row) -> Result<LaneRow, Fault> {
        Ok(LaneRow { lane: Lane::of_id(row.int()?), next: row.int()? })
    }
}
