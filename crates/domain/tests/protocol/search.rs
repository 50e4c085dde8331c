//! Breadth-first search, so that the first counterexample found is a shortest one.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use super::model::{Setting, State, Violation};
use super::step::Step;

/// What a search found, and how much it looked at.
pub(super) struct Verdict {
    setting: Setting,
    /// States examined: all there are when nothing was found.
    pub(super) states: usize,
    pub(super) violation: Option<Violation>,
    steps: Vec<Step>,
}

impl Verdict {
    /// The order of events that led to the violation.
    pub(super) fn trace(&self) -> String {
        self.steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" > ")
    }

    pub(super) fn print(&self) {
        let Verdict { setting, states, violation, .. } = self;
        println!("{setting}: {states} states, {violation:?} {}", self.trace());
    }
}

/// Visits every state that can be reached, or stops at the first bad one.
pub(super) fn search(setting: Setting) -> Verdict {
    let mut states = vec![State::default()];
    // How each state was first reached; the initial state has no predecessor.
    let mut reached_by: Vec<Option<(usize, Step)>> = vec![None];
    let mut known: HashSet<State, BuildHasherDefault<Mixer>> = HashSet::default();
    known.insert(State::default());
    let mut next = Vec::new();
    let mut at = 0;
    while at < states.len() {
        let state = states[at];
        next.clear();
        setting.successors(&state, &mut next);
        if let Some(violation) = state.violation(next.is_empty()) {
            let steps = steps_to(at, &reached_by);
            return Verdict { setting, states: at + 1, violation: Some(violation), steps };
        }
        for &(step, successor) in &next {
            if known.insert(successor) {
                states.push(successor);
                reached_by.push(Some((at, step)));
            }
        }
        at += 1;
    }
    Verdict { setting, states: states.len(), violation: None, steps: Vec::new() }
}

fn steps_to(end: usize, reached_by: &[Option<(usize, Step)>]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = end;
    while let Some((before, step)) = reached_by[at] {
        steps.push(step);
        at = before;
    }
    steps.reverse();
    steps
}

/// A state is some thirty small fields: the standard hasher would take longer than the model.
#[derive(Default)]
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
        let folded = (product ^ product >> 64) & u128::from(u64::MAX);
        self.0 = u64::try_from(folded).expect("masked to 64 bits");
    }
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(u64::from(byte));
    }

    fn write_isize(&mut self, discriminant: isize) {
        self.mix(discriminant.cast_unsigned() as u64);
    }

    fn write_usize(&mut self, length: usize) {
        self.mix(length as u64);
    }
}
