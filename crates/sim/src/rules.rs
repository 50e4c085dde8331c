//! The rules that can be removed, by the names the command line knows them under.

use domain::context::{Plant, Plants};

/// A rule, its name, and whether the database has unique indexes behind it.
pub struct Rule {
    pub name: &'static str,
    plant: Plant,
    pub has_nets: bool,
}

/// The protocol for unknown outcomes, rule by rule; then what bookings, refunds and letters promise.
pub const RULES: [Rule; 15] = [
    netted("intent", Plant::Intent),
    netted("same-key", Plant::SameKey),
    netted("unique", Plant::Unique),
    netted("timeout", Plant::Timeout),
    netted("compare-and-set", Plant::CompareAndSet),
    netted("window", Plant::Window),
    netted("early-look-up", Plant::EarlyLookUp),
    netted("drain", Plant::Drain),
    netted("refetch", Plant::Refetch),
    bare("split", Plant::Split),
    bare("give-back", Plant::GiveBack),
    bare("overlap", Plant::Overlap),
    bare("length-fixed", Plant::LengthFixed),
    bare("ended", Plant::Ended),
    bare("letter-once", Plant::LetterOnce),
];

const fn netted(name: &'static str, plant: Plant) -> Rule {
    Rule { name, plant, has_nets: true }
}

const fn bare(name: &'static str, plant: Plant) -> Rule {
    Rule { name, plant, has_nets: false }
}

/// All rules but the named one; `None` for a name nobody knows, or in builds where no rule can be
/// removed.
pub fn without(name: &str) -> Option<Plants> {
    removed(RULES.iter().find(|rule| rule.name == name)?.plant)
}

#[cfg(debug_assertions)]
#[expect(clippy::unnecessary_wraps, reason = "the same call in both builds")]
fn removed(rule: Plant) -> Option<Plants> {
    Some(Plants::without(rule))
}

#[cfg(not(debug_assertions))]
fn removed(_rule: Plant) -> Option<Plants> {
    None
}
