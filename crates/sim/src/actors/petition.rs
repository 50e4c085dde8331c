//! A student asks an administrator for his money, wherever refunds are automatic.

use serde_json::json;

use super::{Actor, Heard, Scene, some_amount};
use crate::audit::Violation;
use crate::call::Call;
use crate::chance::Chance;
use crate::model::Model;

pub(super) struct Petition;

impl Actor for Petition {
    fn name(&self) -> &'static str {
        "petition"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        scene.has_paid() * scene.swarm.refund_weight / 3
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let (known, payment) = scene.some_paid(chance)?;
        let amount = some_amount(chance);
        let body = json!({ "payment_id": payment, "reason": "please", "requested_amount_dollars": amount });
        let path = "/api/payments/refund-requests/".to_owned();
        Some(Call::new(&Petition, known.about(), known.payer(), path, &body))
    }

    fn hears(&self, model: &mut Model, heard: &Heard<'_>) -> Result<(), Violation> {
        let id = heard.reply.body["id"].as_i64().filter(|_| matches!(heard.reply.status, 200 | 201));
        model.requests.extend(id);
        Ok(())
    }
}
