//! A student pays a booking with a card, and we confirm.

use serde_json::json;

use super::{Actor, Heard, Scene, cancelling, card, key};
use crate::audit::Violation;
use crate::call::Call;
use crate::chance::Chance;
use crate::model::Model;

pub(super) struct Pay;

impl Actor for Pay {
    fn name(&self) -> &'static str {
        "pay"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        scene.has_open() * scene.swarm.pay_weight
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let known = scene.some_booking(chance)?;
        let body = json!({
            "booking_id": known.id,
            "payment_method_id": card(chance),
            "allow_action": chance.permille(500),
        });
        let path = "/api/payments/process-booking-payment/".to_owned();
        let call = Call::new(&Pay, known.about(), known.payer(), path, &body);
        Some(Call { key: key(chance), ..call })
    }

    fn hears(&self, model: &mut Model, heard: &Heard<'_>) -> Result<(), Violation> {
        if heard.reply.status == 504 && heard.started.is_multiple_of(2) {
            // "It did not work, so I cancel."
            model.eager = Some(cancelling(heard.call));
        }
        // An older attempt is told as it went: by its key, or by its intent.
        if heard.call.key.is_none() {
            model.paid_stays_paid(heard)?;
        }
        model.hears_of_payment(heard);
        Ok(())
    }
}
