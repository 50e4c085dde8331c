//! Somebody says that the lesson took place, also when it did not yet.

use serde_json::json;

use super::{Actor, Scene};
use crate::call::Call;
use crate::chance::Chance;

pub(super) struct Complete;

impl Actor for Complete {
    fn name(&self) -> &'static str {
        "complete"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        scene.has_open() * (2 + scene.swarm.lessons_weight / 2)
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let known = scene.some_booking(chance)?;
        let verb = if chance.permille(700) { "complete" } else { "complete_manually" };
        Some(Call::new(&Complete, known.about(), known.either(chance), known.path(verb), &json!({})))
    }
}
