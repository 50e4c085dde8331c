//! A student's client confirms an intent, and after a decline tries a better card at once.

use serde_json::json;

use super::{Actor, Heard, Scene, card};
use crate::audit::Violation;
use crate::call::Call;
use crate::chance::Chance;
use crate::model::Model;

const BAD: &str = "pm_card_declined";
const GOOD: &str = "pm_card_visa";

pub(super) struct ConfirmIntent;

impl Actor for ConfirmIntent {
    fn name(&self) -> &'static str {
        "confirm intent"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        u32::from(!scene.model.intents.is_empty()) * scene.swarm.intent_weight
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let (booking, reference) = chance.pick(&scene.model.intents)?;
        let known = scene.model.known(*booking)?;
        let mut body = json!({ "payment_intent_id": reference });
        let mut at_once = false;
        if chance.permille(800) {
            let token = if chance.permille(400) { BAD } else { card(chance) };
            body["payment_method_id"] = json!(token);
            at_once = token == BAD;
        }
        let path = "/api/payments/confirm-payment/".to_owned();
        let call = Call::new(&ConfirmIntent, known.about(), known.payer(), path, &body);
        Some(Call { at_once, ..call })
    }

    fn hears(&self, model: &mut Model, heard: &Heard<'_>) -> Result<(), Violation> {
        if heard.reply.is_decline() {
            let body = heard.call.body.replace(BAD, GOOD);
            model.eager = Some(Call { body, at_once: false, ..heard.call.clone() });
        }
        model.hears_of_payment(heard);
        Ok(())
    }
}
