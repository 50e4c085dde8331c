//! A student or a teacher wants money to go back: all of it, or a part.

use serde_json::json;

use super::{Actor, Heard, Scene, key, some_amount};
use crate::audit::Violation;
use crate::call::{Call, Reply};
use crate::chance::Chance;
use crate::model::Model;

pub(super) struct AskBack;

impl Actor for AskBack {
    fn name(&self) -> &'static str {
        "ask back"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        scene.has_paid() * scene.swarm.refund_weight
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let (known, payment) = scene.some_paid(chance)?;
        let mut body = json!({ "payment_id": payment, "reason": "it was not for me" });
        if chance.permille(700) {
            body["requested_amount_dollars"] = json!(some_amount(chance));
        }
        let path = "/api/payments/refund/request/".to_owned();
        let who = known.either(chance);
        let call = Call::new(&AskBack, known.about(), who, path, &body);
        Some(Call { key: key(chance), ..call })
    }

    fn hears(&self, model: &mut Model, heard: &Heard<'_>) -> Result<(), Violation> {
        model.hears_of_refund(heard);
        Ok(())
    }

    /// What waits or is on its way is told as it stands.
    fn answer_stays(&self, reply: &Reply) -> bool {
        reply.body["refund_status"] == "PROCESSED"
    }
}
