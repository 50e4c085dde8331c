//! `bursar verify`: recounts the books of a database, served or not, and walks the audit's chain.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use domain::records::AuditBlock;
use serde::Deserialize;
use store::engine::{Connection, Fault};
use store::verify::{Finding, show_chain, verify_chain, verify_database, visit_chain};

use super::StartError;
use super::start::current;
use crate::config::{Config, Secrets};
use crate::dice::{Dice, OsDice};
use crate::seal::Seal;

/// Of the audit: told like what the store finds.
const CHAIN: &str = "I31";

/// Prints every finding; 1 when there is one. Blocks.
pub fn verify(config: &Config, against: Option<&Path>) -> Result<ExitCode, StartError> {
    let (url, options) = current(config)?;
    let mut findings = verify_database(&url, &options)?;
    let mut blocks = Vec::new();
    visit_chain(&url, &options, |block| blocks.push(Link::of(block)))?;
    let checkpoints = against.map_or(Ok(String::new()), |file| {
        let read = std::fs::read_to_string(file);
        read.map_err(|source| StartError::Checkpoints { file: file.to_owned(), source })
    })?;
    if !blocks.is_empty() {
        let dice: Arc<dyn Dice> = Arc::new(OsDice);
        let seal = Seal::new(&Secrets::load(config, dice.as_ref())?, dice);
        findings.extend(unsigned(&blocks, &seal));
    }
    findings.extend(disagreements(&blocks, &checkpoints));
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        return Ok(ExitCode::from(1));
    }
    println!("The books are in order: every minor unit is explained.");
    if let Some(head) = blocks.last() {
        println!("The audit is whole: {} blocks, the last is {}.", head.number, head.hash);
    }
    Ok(ExitCode::SUCCESS)
}

/// What is wrong with the audit alone: its chain, its signatures, and what its checkpoints say. In whatever
/// transaction the connection is in.
pub fn verify_audit(
    connection: &mut Connection,
    seal: &Seal,
    checkpoints: &str,
) -> Result<Vec<Finding>, Fault> {
    let mut findings = verify_chain(connection)?;
    let mut blocks = Vec::new();
    show_chain(connection, |block| blocks.push(Link::of(block)))?;
    findings.extend(unsigned(&blocks, seal));
    findings.extend(disagreements(&blocks, checkpoints));
    Ok(findings)
}

/// What is looked at of a block: chains can be long.
struct Link {
    number: i64,
    hash: String,
    signature: String,
}

impl Link {
    fn of(block: AuditBlock) -> Link {
        Link { number: block.number, hash: block.hash, signature: block.signature }
    }
}

fn unsigned(blocks: &[Link], seal: &Seal) -> Vec<Finding> {
    let foreign = blocks.iter().filter(|block| !seal.has_signed(&block.hash, &block.signature));
    foreign.map(|block| finding(format!("audit block {} was not signed by us", block.number))).collect()
}

#[derive(Deserialize)]
struct Checkpoint {
    number: i64,
    hash: String,
}

/// Whatever once stood must still stand.
fn disagreements(blocks: &[Link], checkpoints: &str) -> Vec<Finding> {
    let known: BTreeMap<i64, &str> = blocks.iter().map(|block| (block.number, block.hash.as_str())).collect();
    let lines = checkpoints.lines().filter(|line| !line.trim().is_empty());
    let wrong =
        lines.enumerate().filter_map(|(index, line)| match serde_json::from_str::<Checkpoint>(line) {
            Err(_) => Some(format!("line {} of the checkpoints cannot be read", index + 1)),
            Ok(told) => match known.get(&told.number) {
                Some(hash) if *hash == told.hash => None,
                Some(_) => Some(format!("audit block {} is not the one of its checkpoint", told.number)),
                None => Some(format!("audit block {} of a checkpoint is missing", told.number)),
            },
        });
    wrong.map(finding).collect()
}

fn finding(detail: String) -> Finding {
    Finding { invariant: CHAIN, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_once_stood_must_still_stand() {
        let link = |number, hash: &str| Link { number, hash: hash.into(), signature: String::new() };
        let blocks = [link(1, "a"), link(2, "b")];
        let told = |text: &str| disagreements(&blocks, text).len();
        assert_eq!(told("{\"number\":1,\"hash\":\"a\",\"at\":\"x\"}\n\n{\"number\":2,\"hash\":\"b\"}\n"), 0);
        assert_eq!(told("{\"number\":2,\"hash\":\"c\"}"), 1, "written anew");
        assert_eq!(told("{\"number\":3,\"hash\":\"c\"}"), 1, "cut off");
        assert_eq!(told("{\"number\":1"), 1);
    }
}
