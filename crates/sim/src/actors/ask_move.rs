//! Somebody asks the other party for another time.

use super::move_lesson::asked;
use super::{Actor, Heard, Scene, new_time};
use crate::audit::Violation;
use crate::call::Call;
use crate::chance::Chance;
use crate::model::Model;

pub(super) struct AskMove;

impl Actor for AskMove {
    fn name(&self) -> &'static str {
        "ask to move"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        scene.has_open() * scene.swarm.move_weight / 2
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let known = scene.some_booking(chance)?;
        let body = new_time(chance, scene, known);
        let path = known.path("request_reschedule");
        Some(Call::new(&AskMove, known.about(), known.either(chance), path, &body))
    }

    fn hears(&self, model: &mut Model, heard: &Heard<'_>) -> Result<(), Violation> {
        asked(model, heard);
        Ok(())
    }
}
