//! The append-only tables: entries, postings, events, audit, alerts.

use domain::id::Id;
use domain::records::{Alert, AuditEntry, Entry, Event, Posting};

use super::table;

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
});

table!(Alert, "alert", key 2, { int id, text kind, int subject, text detail, int at });
