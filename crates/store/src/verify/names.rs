//! Names that are unique in the world, and the answers kept under clients' keys: both lead into other
//! lanes, so they are followed row by row.

use domain::id::{BookingId, CardId, Id, OpId, PersonId};
use domain::records::{Card, Claim, IdempotencyRecord, Meeting, Op, Person, Space, Word};

use super::Finding;
use crate::engine::{Fault, Value};
use crate::reads::Reads;

/// Rows looked at together.
const PAGE: usize = 500;

/// A claim lies where its name hashes to and leads to something that exists.
pub(super) fn claims(reads: &mut Reads<'_>, lane: i64, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let mut after = (String::new(), String::new());
    loop {
        let rest = format!("WHERE lane = $1 AND (space, name) > ($2, $3) ORDER BY space, name LIMIT {PAGE}");
        let params = [Value::Int(lane), Value::text(after.0), Value::text(after.1)];
        let page: Vec<Claim> = reads.select(&rest, &params)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = (last.space.word().into(), last.name.clone());
        for claim in page.iter().filter(|claim| Claim::lane_of(&claim.name).number() != lane) {
            // The name may be an address: it is told by what it stands for.
            let detail = format!(
                "lane {lane}: the {} claim of {} is out of its lane",
                claim.space.word(),
                claim.target
            );
            findings.push(Finding { invariant: "claims", detail });
        }
        dangling(reads, &page, findings)?;
    }
}

fn dangling(reads: &mut Reads<'_>, page: &[Claim], findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let of = |spaces: &[Space]| -> Vec<i64> {
        page.iter().filter(|claim| spaces.contains(&claim.space)).map(|claim| claim.target).collect()
    };
    let (ops, people) = (of(&[Space::GatewayObject]), of(&[Space::Email, Space::Uuid, Space::Subject]));
    let booked: Vec<BookingId> = of(&[Space::Meeting]).into_iter().map(BookingId).collect();
    let found_meetings = reads.find_many::<Meeting>(&booked)?;
    let found_ops = reads.find_many::<Op>(&ops.iter().copied().map(OpId).collect::<Vec<_>>())?;
    let found_people =
        reads.find_many::<Person>(&people.iter().copied().map(PersonId).collect::<Vec<_>>())?;
    // A gateway's name is an operation's or a saved card's.
    let found_cards = reads.find_many::<Card>(&ops.iter().copied().map(CardId).collect::<Vec<_>>())?;
    let is_found = |id: i64| {
        found_ops.iter().any(|op| op.id.raw() == id) || found_cards.iter().any(|card| card.id.raw() == id)
    };
    let lost_ops = ops.iter().filter(|id| !is_found(**id));
    let lost_people = people.iter().filter(|id| !found_people.iter().any(|person| person.id.raw() == **id));
    let met = |id: &&BookingId| found_meetings.iter().any(|meeting| meeting.booking == **id);
    let lost_meetings = booked.iter().filter(|id| !met(id)).map(|id| ("meeting", &id.0));
    let lost = lost_ops.map(|id| ("object", id)).chain(lost_people.map(|id| ("person", id)));
    for (what, id) in lost.chain(lost_meetings) {
        let detail = format!("a claim leads to {what} {id}, which does not exist");
        findings.push(Finding { invariant: "claims", detail });
    }
    Ok(())
}

/// A kept answer is whole: a status with a JSON body, or an operation that will give it.
pub(super) fn answers(reads: &mut Reads<'_>, lane: i64, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let mut after = (-1, String::new(), String::new());
    loop {
        let rest = format!(
            "WHERE lane = $1 AND (person, operation, key) > ($2, $3, $4) ORDER BY person, operation, key LIMIT {PAGE}"
        );
        let params = [Value::Int(lane), Value::Int(after.0), Value::text(after.1), Value::text(after.2)];
        let page: Vec<IdempotencyRecord> = reads.select(&rest, &params)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = (last.person.raw(), last.operation.clone(), last.key.clone());
        let ops: Vec<OpId> = page.iter().filter_map(|record| record.op).collect();
        let ops = reads.find_many::<Op>(&ops)?;
        for record in &page {
            let known = record.op.is_none_or(|id| ops.iter().any(|op| op.id == id));
            if !known || !whole(record) {
                let detail = format!(
                    "the answer kept for person {} and {} is not whole",
                    record.person, record.operation
                );
                findings.push(Finding { invariant: "I28", detail });
            }
        }
    }
}

fn whole(record: &IdempotencyRecord) -> bool {
    match (record.status, &record.answer) {
        (Some(status), Some(answer)) => {
            (200..600).contains(&status) && serde_json::from_str::<serde_json::Value>(answer).is_ok()
        }
        (None, None) => record.op.is_some(),
        _ => false,
    }
}
