//! The audit's chain: every block follows the one before it, and every row that was sealed is as it was.
//! Whether a block was signed by us is the server's to say: it has the key.

use std::collections::BTreeMap;

use domain::audit::{Digest, Stretch};
use domain::id::{LANES, Lane};

use super::{FINDINGS_MAX, Finding};
use crate::engine::Fault;
use crate::reads::Reads;

/// Blocks looked at together, and rows of a stretch.
const BLOCKS: usize = 100;
const ROWS: usize = 5_000;

/// Walks the chain from its beginning.
pub(super) fn check(reads: &mut Reads<'_>, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let mut walk = Walk { reads, findings: Vec::new(), sealed: BTreeMap::new() };
    walk.blocks()?;
    walk.cursors()?;
    findings.append(&mut walk.findings);
    Ok(())
}

struct Walk<'a, 'c> {
    reads: &'a mut Reads<'c>,
    findings: Vec<Finding>,
    /// How far each lane has been sealed by the blocks so far.
    sealed: BTreeMap<i64, i64>,
}

impl Walk<'_, '_> {
    fn find(&mut self, detail: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { invariant: "I31", detail });
        }
    }

    fn blocks(&mut self) -> Result<(), Fault> {
        let (mut last, mut hash) = (0, String::new());
        loop {
            let page = self.reads.audit_blocks(last, BLOCKS)?;
            if page.is_empty() {
                return Ok(());
            }
            for block in page {
                let number = block.number;
                if number != last + 1 {
                    self.find(format!("audit block {} is missing", last + 1));
                } else if block.previous != hash {
                    self.find(format!("audit block {number} does not follow the one before it"));
                }
                if block.hash != block.computed_hash() {
                    self.find(format!("audit block {number} has been changed"));
                }
                match block.stretches() {
                    Ok(stretches) => self.stretches(number, stretches)?,
                    Err(_) => self.find(format!("audit block {number} cannot be read")),
                }
                (last, hash) = (number, block.hash);
            }
        }
    }

    fn stretches(&mut self, number: i64, stretches: Vec<Stretch>) -> Result<(), Fault> {
        for stretch in stretches {
            let lane = stretch.lane;
            if !(0..LANES).contains(&lane)
                || self.sealed.get(&lane).map_or(0, |until| *until) != stretch.after
            {
                self.find(format!("audit block {number} does not go on where lane {lane} was sealed to"));
            }
            let (rows, digest) = self.digest(&stretch)?;
            if rows != stretch.rows {
                let expected = stretch.rows;
                self.find(format!(
                    "audit block {number}, lane {lane}: expected {expected} rows, found {rows}"
                ));
            } else if digest != stretch.digest {
                self.find(format!("audit block {number}, lane {lane}: a sealed row has been changed"));
            }
            self.sealed.insert(lane, stretch.until);
        }
        Ok(())
    }

    fn digest(&mut self, stretch: &Stretch) -> Result<(i64, String), Fault> {
        let mut digest = Digest::default();
        let mut after = stretch.after;
        loop {
            let rows = self.reads.traces(Lane::of_id(stretch.lane), (after, stretch.until), ROWS)?;
            let Some(last) = rows.last() else { return Ok(digest.finish()) };
            after = last.id();
            for row in &rows {
                digest.add(row);
            }
        }
    }

    /// The cursors say what the blocks say; a chain that was cut off at its end leaves one behind.
    fn cursors(&mut self) -> Result<(), Fault> {
        let cursors: BTreeMap<i64, i64> = self
            .reads
            .audit_cursors()?
            .into_iter()
            .map(|cursor| (cursor.sealed_lane, cursor.until))
            .collect();
        if cursors != self.sealed {
            self.find("the audit's cursors are not where its last blocks end".into());
        }
        Ok(())
    }
}
