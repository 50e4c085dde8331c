//! The rules that can be removed, by the names the command line knows them under.

use domain::context::{Plant, Plants};

/// Each rule of the protocol for unknown outcomes and its name.
pub const RULES: [(&str, Plant); 9] = [
    ("intent", Plant::Intent),
    ("same-key", Plant::SameKey),
    ("unique", Plant::Unique),
    ("timeout", Plant::Timeout),
    ("compare-and-set", Plant::CompareAndSet),
    ("window", Plant::Window),
    ("early-look-up", Plant::EarlyLookUp),
    ("drain", Plant::Drain),
    ("refetch", Plant::Refetch),
];

/// All rules but the named one; `None` for a name nobody knows, or in builds where no rule can be
/// removed.
pub fn without(name: &str) -> Option<Plants> {
    let (_, rule) = RULES.iter().find(|(known, _)| *known == name)?;
    removed(*rule)
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
