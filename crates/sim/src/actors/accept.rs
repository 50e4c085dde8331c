//! A teacher accepts a booking.

use serde_json::json;

use super::{Actor, Heard, Scene};
use crate::audit::Violation;
use crate::call::Call;
use crate::chance::Chance;
use crate::model::{Known, Model};

pub(super) struct Accept;

/// The first booking that waits for its teacher.
fn unanswered<'a>(scene: &Scene<'a>) -> Option<&'a Known> {
    scene.model.open().into_iter().find(|known| !known.is_accepted)
}

impl Actor for Accept {
    fn name(&self) -> &'static str {
        "accept"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        u32::from(unanswered(scene).is_some()) * 60
    }

    fn next(&self, _chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let known = unanswered(scene)?;
        Some(Call::new(&Accept, known.about(), known.payee(), known.path("confirm"), &json!({})))
    }

    fn hears(&self, model: &mut Model, heard: &Heard<'_>) -> Result<(), Violation> {
        if let (200, Some(known)) = (heard.reply.status, model.concerned(heard)) {
            known.is_accepted = true;
        }
        Ok(())
    }
}
