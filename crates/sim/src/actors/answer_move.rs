//! The other party agrees to another time, or does not.

use serde_json::json;

use super::{Actor, Heard, Scene};
use crate::audit::Violation;
use crate::call::Call;
use crate::chance::Chance;
use crate::model::{Known, Model};

pub(super) struct AnswerMove;

fn awaited<'a>(scene: &Scene<'a>) -> Option<&'a Known> {
    scene.model.open().into_iter().find(|known| known.asked_by.is_some())
}

impl Actor for AnswerMove {
    fn name(&self) -> &'static str {
        "answer a move"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        u32::from(awaited(scene).is_some()) * 30
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let known = awaited(scene)?;
        let other = if known.asked_by == Some(known.payer()) { known.payee() } else { known.payer() };
        let action = if chance.permille(750) { "CONFIRMED" } else { "DECLINED" };
        let body = json!({ "action": action, "response_message": "as you like" });
        Some(Call::new(&AnswerMove, known.about(), other, known.path("respond_reschedule"), &body))
    }

    fn hears(&self, model: &mut Model, heard: &Heard<'_>) -> Result<(), Violation> {
        let is_over = matches!(heard.reply.status, 200 | 400);
        if let Some(known) = model.concerned(heard).filter(|_| is_over) {
            known.asked_by = None;
        }
        Ok(())
    }
}
