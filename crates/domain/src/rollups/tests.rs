use std::collections::BTreeMap;

use super::lines::key;
use super::*;
use crate::id::DeltaId;
use crate::money::Currency;
use crate::policy::{Calendar, Kind};
use crate::records::{Measure, OpeningKey, TotalKey};
use crate::time::{Span, Timestamp};

#[test]
fn sums_survive_being_written() {
    let label = (Measure::Method, "american\texpress".to_owned());
    let key = key(label, -3, Kind::GigPurchase, Currency::USD);
    let amounts =
        Amounts { number: -1, total_minor: 2, fee_minor: -4, hourly_minor: 5, ..Amounts::default() };
    let sums = Sums::from([(key, amounts)]);
    let delta = RollupDelta { id: DeltaId(256), body: written::write(&sums) };
    assert_eq!(delta.sums(), Some(sums));
    let junk = RollupDelta { id: delta.id, body: "created\t1".into() };
    assert_eq!(junk.sums(), None);
    assert!(Fold::of(&[delta, junk]).is_none());
}

#[test]
fn days_and_hours_follow_the_offset_of_their_instant() {
    let change = Timestamp::from_seconds(1_774_746_000); // 2026-03-29T01:00:00Z: 02:00 becomes 03:00
    let berlin = Calendar::of_zone("Europe/Berlin").expect("a zone");
    assert_eq!(Calendar::of_zone("Europe/Nowhere"), None);
    assert_eq!((berlin.hour(change - Span::SECOND), berlin.hour(change)), (1, 3));
    let midnight = change + Span::hours(21);
    assert_eq!(berlin.day(midnight), berlin.day(midnight - Span(1)) + 1);
}

/// What is needed of an empty database, until nothing more is.
fn load(world: &mut World, kept: &Kept) {
    let mut needs = Needs::default();
    Add(kept).needs(world, &mut needs);
    needs.subtract(world);
    needs.rollups.keys.into_iter().for_each(|key| world.rollups.admit(key, None));
    needs.rollup_totals.keys.into_iter().for_each(|key| world.rollup_totals.admit(key, None));
    needs.rollup_openings.keys.into_iter().for_each(|key| world.rollup_openings.admit(key, None));
}

/// Whatever the order in which days are told: each opens with what the days before it have added.
#[test]
fn openings_do_not_depend_on_the_order_of_days() {
    let total = TotalKey {
        measure: Measure::Payer,
        label: "1".into(),
        part: String::new(),
        kind: Kind::Booking,
        currency: Currency::USD,
    };
    let mut state = 7_u64;
    let mut next = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..200 {
        let mut world = World::default();
        let mut added: BTreeMap<i64, i64> = BTreeMap::new();
        for _ in 0..=next(8) {
            let mut kept = Kept::default();
            for _ in 0..=next(4) {
                let (day, number) = (100 + next(12).cast_signed(), 1 + next(5).cast_signed());
                let amounts = Amounts { number, total_minor: 10 * number, ..Amounts::default() };
                let label = (Measure::Payer, "1".to_owned());
                kept.add(&key(label, day, Kind::Booking, Currency::USD), amounts);
                *added.entry(day).or_default() += number;
            }
            load(&mut world, &kept);
            Add(&kept).to(&mut world);
        }
        for day in added.keys() {
            let opening = OpeningKey { total: total.clone(), day: *day };
            let before: i64 = added.range(..day).map(|(_, number)| number).sum();
            let stored = world.rollup_openings.get(&opening).expect("something was added that day").amounts;
            assert_eq!((stored.number, stored.total_minor), (before, 10 * before), "{added:?}");
        }
        let openings = world.rollup_openings.changes().inserted.len();
        assert_eq!(openings, added.len(), "no day without anything has one");
        let stored = world.rollup_totals.get(&total).expect("a total");
        assert_eq!(stored.amounts.number, added.values().sum::<i64>());
        assert_eq!(Some(&stored.last_day), added.keys().next_back());
    }
}

/// A payment that is taken and then given back leaves its parties' open and paid standings at nothing.
#[test]
fn a_standing_is_left_when_another_is_entered() {
    let line =
        |standing: &str| key((Measure::Parties, format!("{standing} 7 9")), 3, Kind::Booking, Currency::USD);
    let one = Amounts { number: 1, total_minor: 5, ..Amounts::default() };
    let mut kept = Kept::default();
    for (standing, sign) in [("open", 1), ("open", -1), ("paid", 1), ("paid", -1), ("returned", 1)] {
        let mut amounts = Amounts::default();
        amounts.add(one, sign);
        kept.add(&line(standing), amounts);
    }
    let kept = Kept::all([&kept]);
    let left: Vec<_> =
        kept.totals.keys().map(|key| (key.measure, key.label.as_str(), key.part.as_str())).collect();
    let expected = [
        (Measure::Payer, "7", ""),
        (Measure::Payee, "9", ""),
        (Measure::PayerStanding, "7", "returned"),
        (Measure::PayeeStanding, "9", "returned"),
    ];
    assert_eq!(left, expected);
    assert_eq!(kept.days.len(), 1, "captured, whatever went back");
}
