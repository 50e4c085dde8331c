//! What is told and done after the commit: events, jobs, webhooks received, answers kept, audit.

use std::borrow::Cow;

use super::{by_id, by_key, words};
use crate::id::{AlertId, AuditId, EventId, Id, InboxId, JobId, Lane, OpId, PersonId};
use crate::time::Timestamp;

/// What is told to subscribers. Append-only.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: EventId,
    /// `payment.completed`, `booking.cancelled`, …
    pub kind: Cow<'static, str>,
    pub subject: i64,
    pub at: Timestamp,
    /// A JSON object without personal data.
    pub body: String,
}

words! {
    JobState { Queued = "queued", Done = "done", Dead = "dead" }
}

/// Work that follows from a commit and must happen at least once.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub id: JobId,
    /// Which worker does it: `mail`, …
    pub kind: Cow<'static, str>,
    /// Makes the job unique within its kind: the same cause never queues twice.
    pub key: String,
    /// A JSON object.
    pub body: String,
    pub state: JobState,
    /// Goes up with every claim: only the holder of the newest number may settle the job.
    pub attempts: i64,
    /// When it is due: at first, again after a failure, or when its holder's lease runs out.
    pub run_at: Timestamp,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
}

by_id!(Job, JobId);

words! {
    InboxState { Received = "received", Processed = "processed", Ignored = "ignored", Parked = "parked", Failed = "failed", Dead = "dead" }
}

/// An authentic webhook event, stored before anything is done about it.
#[derive(Clone, Debug, PartialEq)]
pub struct InboxEvent {
    pub id: InboxId,
    pub gateway: String,
    pub event: String,
    pub kind: String,
    /// `charge`, `refund`, `dispute`, `card` or `other`, and the object's id at the gateway.
    pub hint: String,
    pub object: String,
    pub charge: Option<String>,
    pub body: String,
    pub state: InboxState,
    /// Tries of any outcome.
    pub attempts: i64,
    /// Tries that failed: waiting for an object is not one.
    pub failures: i64,
    pub error: Option<String>,
    pub wake_at: Option<Timestamp>,
    pub received_at: Timestamp,
    pub processed_at: Option<Timestamp>,
}

by_id!(InboxEvent, InboxId);

/// The answer kept under a client's key, or the operation that will give it.
#[derive(Clone, Debug, PartialEq)]
pub struct IdempotencyRecord {
    pub person: PersonId,
    /// The operation id of the API, without mounts and path parameters.
    pub operation: String,
    /// SHA-256 of the client's key (or of the body where the key is derived), hex.
    pub key: String,
    /// SHA-256 of path parameters and body, hex.
    pub body_hash: String,
    pub op: Option<OpId>,
    /// HTTP status and JSON body once final.
    pub status: Option<i64>,
    pub answer: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

by_key!(
    IdempotencyRecord,
    (PersonId, String, String),
    |record| (record.person, record.operation.clone(), record.key.clone()),
    lane | record | record.person.lane()
);

/// Who did what to which object. Append-only.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    pub id: AuditId,
    /// `None`: the system.
    pub actor: Option<PersonId>,
    pub action: Cow<'static, str>,
    pub object: String,
    pub object_id: i64,
    /// What changed, a JSON object without secrets and without personal data: it is never erased.
    pub change: String,
    pub at: Timestamp,
    /// SHA-256 of the [`AuditOrigin`], hex, where there was one.
    pub origin_mark: Option<String>,
}

/// From where somebody did what the audit tells of: personal data, and so apart from what is sealed.
/// It lives with its actor and goes with him; its mark stays.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditOrigin {
    pub actor: PersonId,
    pub audit: AuditId,
    /// `<address> <request id>`.
    pub origin: String,
}

by_key!(
    AuditOrigin,
    (PersonId, AuditId),
    |origin| (origin.actor, origin.audit),
    PersonId,
    |origin| Some(origin.actor),
    lane | origin | origin.actor.lane()
);

/// The lane of the chain's own rows.
pub fn chain_lane() -> Lane {
    Lane::of("audit chain")
}

/// One link of the audit chain: what was sealed together. Append-only.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditBlock {
    /// From 1, without gaps.
    pub number: i64,
    /// The hash of the block before, empty for the first.
    pub previous: String,
    /// One line a lane: lane, ids after and until, rows, digest.
    pub stretches: String,
    pub at: Timestamp,
    /// SHA-256 over all of the above, hex.
    pub hash: String,
    /// Ed25519 over the hash, with the marketplace's key; hex.
    pub signature: String,
}

by_key!(AuditBlock, i64, |block| block.number, lane | _block | chain_lane());

/// How far the rows of a lane have been sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditCursor {
    /// The lane's number.
    pub sealed_lane: i64,
    /// The id of the last sealed row.
    pub until: i64,
}

by_key!(AuditCursor, i64, |cursor| cursor.sealed_lane, lane | _cursor | chain_lane());

/// Something a human must look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    pub id: AlertId,
    pub kind: Cow<'static, str>,
    pub subject: i64,
    pub detail: String,
    pub at: Timestamp,
}

/// Somebody has looked at an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertAck {
    pub alert: AlertId,
    pub person: PersonId,
    pub at: Timestamp,
}

by_key!(AlertAck, AlertId, |ack| ack.alert, lane | ack | ack.alert.lane());

/// How far a lane's ids have been given out.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneRow {
    pub lane: Lane,
    /// The sequence number of the next id.
    pub next: i64,
}

by_key!(LaneRow, Lane, |row| row.lane, lane | row | row.lane);

/// A durable fact about the installation as a whole, by name; none of it is configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub name: String,
    pub value: String,
}

// Settings live in no lane; the lock of this one guards them.
by_key!(Setting, String, |setting| setting.name.clone(), lane | setting | Lane::of(&setting.name));

macro_rules! appended {
    ($($record:ident: $id:ident),*) => {$(
        impl $record {
            /// The lane the row lives in.
            pub fn lane(&self) -> Lane {
                self.$id.lane()
            }
        }
    )*};
}
appended!(Event: id, AuditEntry: id, Alert: id);
