//! Recounts the books and compares states with what happened: the invariants of the ledger, as code,
//! on live records.
//!
//! Every check asks for what is wrong and answers nothing when all is well, so memory stays small
//! however large the database is; lanes are looked at one after the other, on one snapshot. Nothing
//! is mended here.

mod calendar;
mod chain;
mod checks;
mod names;
mod rollups;

use std::fmt;
use std::ops::Range;

use domain::id::LANES;
use domain::records::AuditBlock;

use crate::db::StartError;
use crate::engine::{Access, Connection, Fault, Options, Url, Value};
use crate::reads::Reads;

/// More of one kind in one lane tell nothing new.
pub(crate) const FINDINGS_MAX: usize = 100;
/// Blocks of the audit's chain read together.
const CHAIN_PAGE: usize = 500;

/// One violated invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `I1` … as in the documentation; `ids`, `claims`, `calendar` and `reports` for the store's own.
    pub invariant: &'static str,
    /// Which row, what was expected, what was found; no personal data.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.detail)
    }
}

/// Opens a database beside whoever serves it and verifies one snapshot of it.
pub fn verify_database(url: &Url, options: &Options) -> Result<Vec<Finding>, StartError> {
    let mut connection = Connection::open(url, Access::Read, &options.patient())?;
    let snapshot = |connection: &mut Connection| {
        connection.begin()?;
        let found = verify(&mut Reads::new(connection));
        connection.rollback();
        found
    };
    snapshot(&mut connection).map_err(|fault| StartError::Open(fault.into()))
}

/// Shows every block of the audit's chain, in order: whoever has the key looks at the signatures.
pub fn visit_chain(url: &Url, options: &Options, visit: impl FnMut(AuditBlock)) -> Result<(), StartError> {
    let mut connection = Connection::open(url, Access::Read, &options.patient())?;
    show_chain(&mut connection, visit).map_err(|fault| StartError::Open(fault.into()))
}

/// The same, in whatever transaction the connection is in.
pub fn show_chain(connection: &mut Connection, mut visit: impl FnMut(AuditBlock)) -> Result<(), Fault> {
    let mut reads = Reads::new(connection);
    let mut last = 0;
    loop {
        let page = reads.audit_blocks(last, CHAIN_PAGE)?;
        let Some(end) = page.last() else { return Ok(()) };
        last = end.number;
        page.into_iter().for_each(&mut visit);
    }
}

/// The audit's chain alone, in whatever transaction the connection is in.
pub fn verify_chain(connection: &mut Connection) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    chain::check(&mut Reads::new(connection), &mut findings)?;
    Ok(findings)
}

/// Everything that is wrong with a snapshot; empty when every minor unit is explained.
pub fn verify(reads: &mut Reads<'_>) -> Result<Vec<Finding>, Fault> {
    let mut findings = look(reads, 0..LANES)?;
    rollups::check(reads, &mut findings)?;
    Ok(findings)
}

/// What can be told of some lanes alone, in whatever transaction the connection is in.
pub fn verify_lanes(connection: &mut Connection, lanes: Range<i64>) -> Result<Vec<Finding>, Fault> {
    look(&mut Reads::new(connection), lanes)
}

/// The reports' sums alone, of all lanes, in whatever transaction the connection is in.
pub fn verify_reports(connection: &mut Connection) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    rollups::check(&mut Reads::new(connection), &mut findings)?;
    Ok(findings)
}

fn look(reads: &mut Reads<'_>, lanes: Range<i64>) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    let whole = lanes == (0..LANES);
    for lane in lanes {
        for check in checks::CHECKS {
            run(reads, check, lane, &mut findings)?;
        }
        checks::ids(reads, lane, &mut findings)?;
        calendar::check(reads, lane, &mut findings)?;
        names::claims(reads, lane, &mut findings)?;
        names::answers(reads, lane, &mut findings)?;
    }
    if whole {
        chain::check(reads, &mut findings)?;
    }
    Ok(findings)
}

/// A question whose every answer is a finding: what and which, expected, found.
struct Check {
    invariant: &'static str,
    sql: &'static str,
}

fn run(reads: &mut Reads<'_>, check: &Check, lane: i64, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let sql = format!("{} LIMIT {FINDINGS_MAX}", check.sql);
    for mut row in reads.rows(&sql, &[Value::Int(lane)])? {
        let (what, subject, expected, found) = (row.text()?, row.int()?, row.int()?, row.int()?);
        let detail = format!("lane {lane}: {what} {subject}: expected {expected}, found {found}");
        findings.push(Finding { invariant: check.invariant, detail });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDb;

    /// Else each row of a lane would be compared with every other one.
    #[test]
    fn what_is_joined_is_found_by_more_than_its_lane() {
        let db = TestDb::sqlite();
        crate::migrate::migrate(&mut db.open(Access::Write), crate::migrations(), 7).unwrap();
        let mut connection = db.open(Access::Read);
        connection.begin().unwrap();
        for check in checks::CHECKS {
            let steps = connection.explain(check.sql, &[Value::Int(1)]).unwrap();
            let reads = |step: &String| step.starts_with("SEARCH") || step.starts_with("SCAN");
            let joined = steps.windows(2).filter(|pair| pair.iter().all(reads)).map(|pair| &pair[1]);
            let loose: Vec<&String> = joined.filter(|step| step.contains("(lane=?)")).collect();
            assert!(loose.is_empty(), "{}: {steps:#?}", check.sql);
        }
    }
}
