//! Somebody moves a lesson, at once where the marketplace lets him.

use super::{Actor, Heard, Scene, key, new_time};
use crate::audit::Violation;
use crate::call::Call;
use crate::chance::Chance;
use crate::model::Model;

pub(super) struct MoveLesson;

impl Actor for MoveLesson {
    fn name(&self) -> &'static str {
        "move lesson"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        scene.has_open() * scene.swarm.move_weight
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let known = scene.some_booking(chance)?;
        let body = new_time(chance, scene, known);
        let call =
            Call::new(&MoveLesson, known.about(), known.either(chance), known.path("reschedule"), &body);
        Some(Call { key: key(chance), ..call })
    }

    fn hears(&self, model: &mut Model, heard: &Heard<'_>) -> Result<(), Violation> {
        asked(model, heard);
        Ok(())
    }
}

/// Whoever was told that the other party has to agree waits for it.
pub(super) fn asked(model: &mut Model, heard: &Heard<'_>) {
    let is_asked = heard.reply.status == 200 && heard.reply.body["reschedule_request"].is_object();
    if let Some(known) = model.concerned(heard).filter(|_| is_asked) {
        known.asked_by = Some(heard.call.who);
    }
}
