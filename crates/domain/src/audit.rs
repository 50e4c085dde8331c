//! The audit's chain: what makes it evident when somebody has changed what is only ever added.
//!
//! Invariants: audit entries and events of a lane get their ids under the lane's lock, so whoever sees
//! one sees every earlier one, and nothing can slip in behind a sealed one; a block seals stretches of
//! rows of several lanes and names the block before it; blocks are numbered without gaps. Sealing reads
//! what is committed and locks nothing but the chain's own lane, so no payment waits for it.
//! Deliberately not here: reading rows (the store's), signing and handing out checkpoints (the server's).

use std::fmt;
use std::str::FromStr;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::command::{Fact, Lanes};
use crate::context::Context;
use crate::id::{Id, Lane, PersonId};
use crate::records::{AuditBlock, AuditCursor, AuditEntry, Event, chain_lane};
use crate::time::Timestamp;
use crate::world::{Needs, World, hex};

/// A row that is sealed.
#[derive(Clone, Debug, PartialEq)]
pub enum Trace {
    Audit(AuditEntry),
    Event(Event),
}

impl Trace {
    /// The raw id, unique among all rows.
    pub fn id(&self) -> i64 {
        match self {
            Trace::Audit(entry) => entry.id.raw(),
            Trace::Event(event) => event.id.raw(),
        }
    }
}

/// The digest of rows, taken one after the other in the order of their ids.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    hash: Sha256,
    rows: i64,
}

impl Digest {
    /// Takes in the next row, every column of it, so that no two rows look alike.
    pub fn add(&mut self, trace: &Trace) {
        self.rows += 1;
        match trace {
            Trace::Audit(entry) => {
                self.text("audit");
                self.number(entry.id.raw());
                self.number(entry.actor.map_or(0, Id::raw));
                self.text(&entry.action);
                self.text(&entry.object);
                self.number(entry.object_id);
                self.text(&entry.change);
                self.number(entry.at.0);
                self.text(entry.origin_mark.as_deref().unwrap_or_default());
            }
            Trace::Event(event) => {
                self.text("event");
                self.number(event.id.raw());
                self.text(&event.kind);
                self.number(event.subject);
                self.number(event.at.0);
                self.text(&event.body);
            }
        }
    }

    fn number(&mut self, number: i64) {
        self.hash.update(number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        let length = i64::try_from(text.len()).expect("texts fit into memory");
        self.number(length);
        self.hash.update(text.as_bytes());
    }

    /// How many rows were taken in, and their digest in hex.
    pub fn finish(self) -> (i64, String) {
        (self.rows, hex(&self.hash.finalize()))
    }
}

/// Neighbouring rows of one lane, sealed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub lane: i64,
    /// The id of the last row before it, 0 at the beginning.
    pub after: i64,
    /// The id of its last row.
    pub until: i64,
    pub rows: i64,
    pub digest: String,
}

impl Stretch {
    /// Seals rows of one lane, in the order of their ids; `None` when there are none.
    pub fn of(lane: Lane, after: i64, rows: &[Trace]) -> Option<Stretch> {
        let until = rows.last()?.id();
        let mut digest = Digest::default();
        for row in rows {
            digest.add(row);
        }
        let (rows, digest) = digest.finish();
        Some(Stretch { lane: lane.number(), after, until, rows, digest })
    }
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stretch { lane, after, until, rows, digest } = self;
        write!(f, "{lane} {after} {until} {rows} {digest}")
    }
}

/// Text that is no stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a stretch of the audit")]
pub struct NoStretch;

impl FromStr for Stretch {
    type Err = NoStretch;

    fn from_str(line: &str) -> Result<Stretch, NoStretch> {
        let words: Vec<&str> = line.split(' ').collect();
        let [lane, after, until, rows, digest] = words[..] else { return Err(NoStretch) };
        let number = |word: &str| word.parse::<i64>().map_err(|_| NoStretch);
        Ok(Stretch {
            lane: number(lane)?,
            after: number(after)?,
            until: number(until)?,
            rows: number(rows)?,
            digest: digest.to_string(),
        })
    }
}

impl AuditBlock {
    /// The next block, still without its signature.
    pub fn next(number: i64, previous: String, stretches: &[Stretch], at: Timestamp) -> AuditBlock {
        let lines: Vec<String> = stretches.iter().map(Stretch::to_string).collect();
        let mut block = AuditBlock {
            number,
            previous,
            stretches: lines.join("\n"),
            at,
            hash: String::new(),
            signature: String::new(),
        };
        block.hash = block.computed_hash();
        block
    }

    /// What its hash must be.
    pub fn computed_hash(&self) -> String {
        let AuditBlock { number, previous, stretches, at, .. } = self;
        let text = format!("bursar audit block\n{number}\n{previous}\n{}\n{stretches}", at.0);
        hex(&Sha256::digest(text.as_bytes()))
    }

    /// What it seals.
    pub fn stretches(&self) -> Result<Vec<Stretch>, NoStretch> {
        self.stretches.lines().map(str::parse).collect()
    }
}

/// A block is added to the chain, unless another node has added one meanwhile.
#[derive(Clone, Debug)]
pub struct AddBlock {
    pub block: AuditBlock,
    /// The same as the block's text.
    pub stretches: Vec<Stretch>,
}

impl Fact for AddBlock {
    /// False: look again what there is to seal.
    type Receipt = bool;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(chain_lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.audit_blocks.key(self.block.number);
        needs.audit_blocks.key(self.block.number - 1);
        self.stretches.iter().for_each(|stretch| needs.audit_cursors.key(stretch.lane));
    }

    fn record(&self, _cx: &Context<'_>, world: &mut World) -> bool {
        let before = world.audit_blocks.get(&(self.block.number - 1));
        let follows = before.map_or("", |block| block.hash.as_str()) == self.block.previous
            && (before.is_some() || self.block.number == 1)
            && world.audit_blocks.get(&self.block.number).is_none();
        let continues = self.stretches.iter().all(|stretch| {
            world.audit_cursors.get(&stretch.lane).map_or(0, |cursor| cursor.until) == stretch.after
        });
        if !follows || !continues {
            return false;
        }
        for stretch in &self.stretches {
            let (sealed_lane, until) = (stretch.lane, stretch.until);
            if world.audit_cursors.get(&sealed_lane).is_some() {
                world.audit_cursors.update(&sealed_lane, |cursor| cursor.until = until);
            } else {
                world.audit_cursors.insert(AuditCursor { sealed_lane, until });
            }
        }
        world.audit_blocks.insert(self.block.clone());
        true
    }
}

/// An administrator is about to be shown what is personal.
#[derive(Clone, Debug)]
pub struct NoteReading {
    pub actor: PersonId,
    /// What he asked for, as the route is called; no part of a query.
    pub path: String,
}

impl Fact for NoteReading {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.actor.lane());
    }

    fn needs(&self, _world: &World, _needs: &mut Needs) {}

    fn record(&self, cx: &Context<'_>, world: &mut World) {
        let change = json!({ "path": self.path }).to_string();
        let object = ("path", 0, self.actor.lane());
        world.audit(cx, Some(self.actor), "personal_data.read", object, change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AuditId, EventId};
    use crate::testing::Bench;

    fn entry(id: i64) -> AuditEntry {
        AuditEntry {
            id: AuditId(id),
            actor: Some(PersonId(256)),
            action: "a".into(),
            object: "o".into(),
            object_id: 1,
            change: "{}".into(),
            at: Timestamp(5),
            origin_mark: None,
        }
    }

    fn digest(rows: &[Trace]) -> String {
        Stretch::of(Lane(0), 0, rows).expect("there are rows").digest
    }

    #[test]
    fn no_two_rows_look_alike() {
        let event =
            Event { id: EventId(256), kind: "a".into(), subject: 1, at: Timestamp(5), body: "{}".into() };
        let plain = entry(256);
        let mut rows = vec![Trace::Audit(plain.clone()), Trace::Event(event)];
        rows.push(Trace::Audit(AuditEntry { id: AuditId(512), ..plain.clone() }));
        rows.push(Trace::Audit(AuditEntry { actor: None, ..plain.clone() }));
        rows.push(Trace::Audit(AuditEntry { action: "ao".into(), object: String::new(), ..plain.clone() }));
        rows.push(Trace::Audit(AuditEntry { object_id: 2, ..plain.clone() }));
        rows.push(Trace::Audit(AuditEntry { change: r#"{"a":1}"#.into(), ..plain.clone() }));
        rows.push(Trace::Audit(AuditEntry { at: Timestamp(6), ..plain.clone() }));
        rows.push(Trace::Audit(AuditEntry { origin_mark: Some("m".into()), ..plain }));
        let digests: std::collections::BTreeSet<String> =
            rows.iter().map(|row| digest(std::slice::from_ref(row))).collect();
        assert_eq!(digests.len(), rows.len());
        let swapped = [rows[1].clone(), rows[0].clone()];
        assert_ne!(digest(&rows[..2]), digest(&swapped), "their order counts");
    }

    #[test]
    fn stretches_survive_the_round_trip_and_junk_does_not() {
        let stretch = Stretch::of(Lane(7), 7, &[Trace::Audit(entry(263))]).expect("a row");
        assert_eq!(stretch.to_string().parse(), Ok(stretch));
        for junk in ["", "1 2 3 4", "1 2 3 x d", "1 2 3 4 5 6"] {
            assert_eq!(junk.parse::<Stretch>(), Err(NoStretch), "{junk}");
        }
        assert_eq!(Stretch::of(Lane(7), 7, &[]), None);
    }

    fn add(bench: &mut Bench, number: i64, previous: &str, after: i64) -> (bool, String) {
        let until = after + 256;
        let stretches = vec![Stretch::of(Lane(0), after, &[Trace::Audit(entry(until))]).expect("a row")];
        let block = AuditBlock::next(number, previous.into(), &stretches, bench.now);
        let hash = block.hash.clone();
        (bench.record(&AddBlock { block, stretches }), hash)
    }

    #[test]
    fn a_chain_grows_at_its_end_only() {
        let mut bench = Bench::new();
        assert!(!add(&mut bench, 2, "", 0).0, "there is no first yet");
        let (first, hash) = add(&mut bench, 1, "", 0);
        assert!(first);
        assert!(!add(&mut bench, 1, "", 256).0, "the number is taken");
        assert!(!add(&mut bench, 2, "other", 256).0, "it names another block");
        assert!(!add(&mut bench, 2, &hash, 0).0, "these rows are sealed");
        assert!(!add(&mut bench, 3, &hash, 256).0, "a number is left out");
        assert!(add(&mut bench, 2, &hash, 256).0);
    }
}
