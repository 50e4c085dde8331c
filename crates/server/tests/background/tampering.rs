//! A thousand ways to change the past, drawn by lot: edits, deletions, insertions, swaps, tails cut off and
//! whole chains written anew, with a key of one's own and with ours. All are found.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::audit::{Stretch, Trace};
use domain::id::{AuditId, EventId, Lane, PersonId};
use domain::records::{AuditBlock, AuditCursor, AuditEntry, Event, chain_lane};
use domain::time::{Span, Timestamp};
use serde_json::json;
use server::commands::verify_audit;
use server::config::{Config, Secrets};
use server::dice::{Dice, OsDice, SeededDice};
use server::seal::Seal;
use store::engine::{Access, Connection, Value};
use store::testing::TestDb;

use super::place::run_with;

const ATTACKS: u64 = 1_000;

/// A marketplace whose past is sealed in several blocks; what its checkpoints say.
fn sealed(db: &TestDb, folder: &tempfile::TempDir) -> String {
    let file = folder.path().join("checkpoints.jsonl");
    let setting = file.display().to_string();
    run_with(db, &[("BURSAR_AUDIT__CHECKPOINTS", setting.as_str())], async |place| {
        let lesson = place.lesson().await;
        place.advance(Span::minutes(2)).await;
        place.confirm(&lesson).await;
        place.advance(Span::minutes(2)).await;
        place.pay(&lesson, "pm_card_visa").await;
        place.advance(Span::minutes(2)).await;
        let path = format!("/api/bookings/bookings/{}/cancel", lesson.booking);
        place.post(Some(&lesson.student), &path, &json!({})).await;
        // What the cancellation sets in motion is told, too.
        (place.advance(Span::minutes(2)).await, place.advance(Span::minutes(2)).await);
    });
    std::fs::read_to_string(&file).expect("written")
}

fn seal(config: &Config) -> Seal {
    let dice: Arc<dyn Dice> = Arc::new(OsDice);
    Seal::new(&Secrets::load(config, dice.as_ref()).expect("all are set"), dice)
}

/// The same settings with a key that is not ours.
fn foreign_key() -> Config {
    let other = "HxAeDRwMGwsaChkJGAgXBxYGFQUUBBMDEgIRARAADw4";
    crate::common::config(&[("BURSAR_SECRETS__KEY_ENCRYPTION_KEY", other)])
}

/// Somebody with all rights to the database, and his lots.
struct Attacker<'a> {
    connection: &'a mut Connection,
    dice: SeededDice,
    traces: Vec<Trace>,
    blocks: Vec<AuditBlock>,
    ours: &'a Seal,
    his: &'a Seal,
}

impl Attacker<'_> {
    fn below(&self, limit: usize) -> usize {
        let mut bytes = [0; 8];
        self.dice.fill(&mut bytes);
        usize::try_from(u64::from_be_bytes(bytes) % u64::try_from(limit).expect("small")).expect("small")
    }

    fn some<'t, T>(&self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }

    fn remove(&mut self, trace: &Trace) {
        let key = [vec![Value::Int(Lane::of_id(trace.id()).number()), Value::Int(trace.id())]];
        match trace {
            Trace::Audit(_) => self.connection.delete_many::<AuditEntry>(&key),
            Trace::Event(_) => self.connection.delete_many::<Event>(&key),
        }
        .expect("he has all rights");
    }

    fn add(&mut self, trace: &Trace) {
        match trace {
            Trace::Audit(entry) => self.connection.insert_many([entry]),
            Trace::Event(event) => self.connection.insert_many([event]),
        }
        .expect("he has all rights");
    }

    fn replace(&mut self, block: &AuditBlock) {
        self.cut(block.number);
        self.connection.insert_many([block]).expect("he has all rights");
    }

    fn cut(&mut self, number: i64) {
        let key = [vec![Value::Int(chain_lane().number()), Value::Int(number)]];
        self.connection.delete_many::<AuditBlock>(&key).expect("he has all rights");
    }

    /// One attack; what it was.
    fn attack(&mut self, number: u64) -> String {
        match number % 8 {
            0 => self.edit(),
            1 => self.edit_block(),
            2 => self.delete(),
            3 => self.insert(),
            4 => self.swap(),
            5 => self.cut_tail(),
            6 => self.chain_anew("his", self.his),
            _ => self.chain_anew("our", self.ours),
        }
    }

    fn edit(&mut self) -> String {
        let before = self.some(&self.traces).clone();
        let after = self.edited(&before);
        self.remove(&before);
        self.add(&after);
        format!("{before:?} became {after:?}")
    }

    fn edited(&self, trace: &Trace) -> Trace {
        let more = i64::try_from(self.below(1_000)).expect("small") + 1;
        let mut trace = trace.clone();
        let column = self.below(7);
        match &mut trace {
            Trace::Audit(entry) => match column {
                0 => entry.actor = entry.actor.map_or(Some(PersonId(more)), |_| None),
                1 => entry.action = format!("{}.", entry.action).into(),
                2 => entry.object.push('s'),
                3 => entry.object_id += more,
                4 => entry.change = json!({ "n": more }).to_string(),
                5 => entry.at = Timestamp(entry.at.0 - more),
                _ => entry.origin_mark = Some(format!("mark {more}")),
            },
            Trace::Event(event) => match column % 4 {
                0 => event.kind = format!("{}.", event.kind).into(),
                1 => event.subject += more,
                2 => event.at = Timestamp(event.at.0 - more),
                _ => event.body = json!({ "n": more }).to_string(),
            },
        }
        trace
    }

    fn edit_block(&mut self) -> String {
        let mut block = self.some(&self.blocks).clone();
        let column = self.below(6);
        match column {
            0 => block.previous.push('0'),
            1 => block.stretches.push_str("\n0 0 256 1 junk"),
            2 => block.at = Timestamp(block.at.0 + 1),
            3 => block.hash = format!("{:0>64}", self.below(1_000)),
            4 => block.signature = format!("{:0>128}", self.below(1_000)),
            _ => {
                // It is consistent in itself.
                block.at = Timestamp(block.at.0 + 1);
                block.hash = block.computed_hash();
            }
        }
        self.replace(&block);
        format!("column {column} of block {}", block.number)
    }

    fn delete(&mut self) -> String {
        if self.below(4) == 0 {
            let number = self.some(&self.blocks).number;
            self.cut(number);
            return format!("block {number} is gone");
        }
        let trace = self.some(&self.traces).clone();
        self.remove(&trace);
        format!("{trace:?} is gone")
    }

    /// Under an id that a row of another table has, or that nobody got.
    fn insert(&mut self) -> String {
        let taken: BTreeSet<i64> = self.traces.iter().map(Trace::id).collect();
        loop {
            let trace = self.some(&self.traces).clone();
            let lane = trace.id() % 256;
            let rows = usize::try_from(trace.id() / 256).expect("ids are positive");
            let id = i64::try_from(self.below(rows) + 1).expect("small") * 256 + lane;
            if !taken.contains(&id) {
                let added = with_id(&trace, id);
                self.add(&added);
                return format!("{added:?} was never there");
            }
        }
    }

    /// Two rows of one lane change their places.
    fn swap(&mut self) -> String {
        loop {
            let [one, two] = [self.some(&self.traces), self.some(&self.traces)].map(Trace::clone);
            let same_lane = one.id() % 256 == two.id() % 256;
            if !same_lane || with_id(&one, 0) == with_id(&two, 0) {
                continue;
            }
            self.remove(&one);
            self.remove(&two);
            self.add(&with_id(&one, two.id()));
            self.add(&with_id(&two, one.id()));
            return format!("{one:?} and {two:?} changed places");
        }
    }

    /// The last blocks and all they seal are gone, and the cursors say so too: nothing inside tells.
    fn cut_tail(&mut self) -> String {
        let keep = self.below(self.blocks.len());
        for block in self.blocks.clone().into_iter().skip(keep) {
            self.cut(block.number);
            for stretch in block.stretches().expect("ours") {
                let lost = |trace: &&Trace| sealed_by(trace, &stretch);
                for trace in self.traces.clone().iter().filter(lost) {
                    self.remove(trace);
                }
                let key = [vec![Value::Int(chain_lane().number()), Value::Int(stretch.lane)]];
                self.connection.delete_many::<AuditCursor>(&key).expect("he has all rights");
                if stretch.after > 0 {
                    let cursor = AuditCursor { sealed_lane: stretch.lane, until: stretch.after };
                    self.connection.insert_many([&cursor]).expect("he has all rights");
                }
            }
        }
        format!("all after block {keep} is cut off")
    }

    /// A row is changed, and every block from there on is made again, with all hashes and signatures.
    fn chain_anew(&mut self, whose: &str, key: &Seal) -> String {
        let before = self.some(&self.traces).clone();
        let after = self.edited(&before);
        self.remove(&before);
        self.add(&after);
        let now: Vec<Trace> = self
            .traces
            .iter()
            .map(|trace| if *trace == before { after.clone() } else { trace.clone() })
            .collect();
        let mut previous = String::new();
        for block in self.blocks.clone() {
            let old = block.stretches().expect("ours").into_iter();
            let new: Vec<Stretch> = old.filter_map(|stretch| digested(&now, &stretch)).collect();
            let mut made = AuditBlock::next(block.number, previous, &new, block.at);
            made.signature = if made.hash == block.hash { block.signature } else { key.sign(&made.hash) };
            self.replace(&made);
            previous = made.hash;
        }
        format!("{before:?} became {after:?} in a chain made anew with {whose} key")
    }
}

fn sealed_by(trace: &Trace, stretch: &Stretch) -> bool {
    trace.id() % 256 == stretch.lane && stretch.after < trace.id() && trace.id() <= stretch.until
}

fn digested(traces: &[Trace], stretch: &Stretch) -> Option<Stretch> {
    let rows: Vec<Trace> = traces.iter().filter(|trace| sealed_by(trace, stretch)).cloned().collect();
    Stretch::of(Lane::of_id(stretch.lane), stretch.after, &rows)
}

fn with_id(trace: &Trace, id: i64) -> Trace {
    match trace.clone() {
        Trace::Audit(entry) => Trace::Audit(AuditEntry { id: AuditId(id), ..entry }),
        Trace::Event(event) => Trace::Event(Event { id: EventId(id), ..event }),
    }
}

/// What is sealed, in the order of the ids.
fn past(connection: &mut Connection) -> (Vec<Trace>, Vec<AuditBlock>) {
    let home = [vec![Value::Int(chain_lane().number())]];
    let mut blocks: Vec<AuditBlock> = connection.load_many(&[0], &home).expect("readable");
    blocks.sort_by_key(|block| block.number);
    let lanes: Vec<Vec<Value>> = (0..256).map(|lane| vec![Value::Int(lane)]).collect();
    let entries: Vec<AuditEntry> = connection.load_many(&[0], &lanes).expect("readable");
    let events: Vec<Event> = connection.load_many(&[0], &lanes).expect("readable");
    let all = entries.into_iter().map(Trace::Audit).chain(events.into_iter().map(Trace::Event));
    let stretches: Vec<Stretch> = blocks.iter().flat_map(|block| block.stretches().expect("ours")).collect();
    let mut traces: Vec<Trace> =
        all.filter(|trace| stretches.iter().any(|stretch| sealed_by(trace, stretch))).collect();
    traces.sort_by_key(Trace::id);
    (traces, blocks)
}

store::both! {
    fn a_thousand_changes_of_the_past_are_all_found(db) {
        let folder = tempfile::tempdir().expect("a folder");
        let checkpoints = sealed(db, &folder);
        let (ours, his) = (seal(&crate::common::config(&[])), seal(&foreign_key()));
        let mut connection = db.open(Access::Write);
        let (traces, blocks) = past(&mut connection);
        assert!(traces.len() >= 12 && blocks.len() >= 3, "{} rows, {} blocks", traces.len(), blocks.len());
        let mut missed = Vec::new();
        for number in 0..ATTACKS {
            connection.begin().expect("a database");
            let dice = SeededDice::new(number);
            let (traces, blocks) = (traces.clone(), blocks.clone());
            let mut attacker =
                Attacker { connection: &mut connection, dice, traces, blocks, ours: &ours, his: &his };
            let what = attacker.attack(number);
            if verify_audit(&mut connection, &ours, &checkpoints).expect("readable").is_empty() {
                missed.push(format!("attack {number}: {what}"));
            }
            connection.rollback();
        }
        assert_eq!(missed, [""; 0]);
        assert_eq!(verify_audit(&mut connection, &ours, &checkpoints).expect("readable"), []);
    }
}
