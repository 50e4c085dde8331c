//! A student's client opens an intent, to confirm it by itself.

use serde_json::json;

use super::{Actor, Heard, Scene, card, key};
use crate::audit::Violation;
use crate::call::{Call, Reply};
use crate::chance::Chance;
use crate::model::Model;

pub(super) struct OpenIntent;

impl Actor for OpenIntent {
    fn name(&self) -> &'static str {
        "open intent"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        scene.has_open() * scene.swarm.intent_weight / 2
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let known = scene.some_booking(chance)?;
        let mut body = json!({ "session_booking_id": known.id });
        if chance.permille(300) {
            body["payment_method_id"] = json!(card(chance));
        }
        let path = "/api/payments/create-payment-intent/".to_owned();
        let call = Call::new(&OpenIntent, known.about(), known.payer(), path, &body);
        Some(Call { key: key(chance), ..call })
    }

    fn hears(&self, model: &mut Model, heard: &Heard<'_>) -> Result<(), Violation> {
        if matches!(heard.reply.status, 200 | 201) {
            model.learn_intent(heard);
        }
        Ok(())
    }

    /// An open intent's answer carries what the gateway says now; only its end is final.
    fn answer_stays(&self, _reply: &Reply) -> bool {
        false
    }
}
