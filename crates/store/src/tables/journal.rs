//! The append-only tables: entries, postings, events, audit with its chain, alerts.

use domain::id::{AlertId, AuditId, Id, PersonId};
use domain::records::{
    Alert, AlertAck, AuditBlock, AuditCursor, AuditEntry, AuditOrigin, Entry, Event, Posting, chain_lane,
};
use domain::rows::{NoGroup, Record};

use super::{Stored, table};
use crate::engine::Value;

/// Where a journal row lives.
trait InLane {
    fn lane(&self) -> domain::id::Lane;
}

impl InLane for Entry {
    fn lane(&self) -> domain::id::Lane {
        self.id.lane()
    }
}

impl InLane for Posting {
    fn lane(&self) -> domain::id::Lane {
        self.entry.lane()
    }
}

table!(Entry, "entry", key 2, { int id, text recipe, text subject, int subject_id, text currency, int at });

table!(Posting, "posting", key 3, {
    int entry, int number, text account, int owner, text currency, int posted_minor, int pending_minor,
});

table!(Event, "event", key 2, { int id, text kind, int subject, int at, text body });

table!(AuditEntry, "audit", key 2, {
    int id, int actor, text action, text object, int object_id, text change, int at,
    text origin_mark,
});

table!(Alert, "alert", key 2, { int id, text kind, int subject, text detail, int at });

table!(AlertAck, "alert_ack", key 2, { int alert, int person, int at });

impl Stored for AlertAck {
    fn key_values(alert: &AlertId) -> Vec<Value> {
        [alert.lane().number(), alert.raw()].map(Value::Int).to_vec()
    }
    const GROUP: &'static [usize] = &[];
    fn group_values(group: &NoGroup) -> Vec<Value> {
        match *group {}
    }
}

table!(AuditOrigin, "audit_origin", key 3, { int actor, int audit, text origin });

impl Stored for AuditOrigin {
    fn key_values((actor, audit): &(PersonId, AuditId)) -> Vec<Value> {
        [actor.lane().number(), actor.raw(), audit.raw()].map(Value::Int).to_vec()
    }
    const GROUP: &'static [usize] = &[0, 1];
    fn group_values(actor: &PersonId) -> Vec<Value> {
        [actor.lane().number(), actor.raw()].map(Value::Int).to_vec()
    }
}

table!(AuditBlock, "audit_block", key 2, {
    int number, text previous, text stretches, int at, text hash, text signature,
});

table!(AuditCursor, "audit_cursor", key 2, { int sealed_lane, int until });

/// The chain's rows are known by a number of their own.
macro_rules! in_chain {
    ($($record:ty),*) => {$(
        impl Stored for $record {
            fn key_values(number: &i64) -> Vec<Value> {
                [chain_lane().number(), *number].map(Value::Int).to_vec()
            }
            const GROUP: &'static [usize] = &[];
            fn group_values(group: &NoGroup) -> Vec<Value> {
                match *group {}
            }
        }
    )*};
}
in_chain!(AuditBlock, AuditCursor);
