//! A student buys a session at its flat price, booking and payment in one.

use serde_json::json;
use server::http::json::Instant;

use super::{Actor, Heard, Scene, card, some_start};
use crate::audit::Violation;
use crate::call::{About, Call, Who};
use crate::chance::Chance;
use crate::model::{Model, Price};

pub(super) struct Purchase;

impl Actor for Purchase {
    fn name(&self) -> &'static str {
        "purchase"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        scene.may_book() * 5
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let about = About { minutes: 60, ..scene.strangers(chance) };
        let mut body = json!({
            "gig_id": scene.market.teachers[about.teacher].offer,
            "payment_method_id": card(chance),
        });
        if chance.permille(700) {
            body["start_time"] = json!(Instant(some_start(chance, scene.market.now())).text());
        }
        // Without a key the same body within a few seconds is a repeat: each purchase is one of its own.
        let key = Some(format!("purchase-{}-{}", scene.model.calls, chance.roll() % 1_000));
        let who = Who::Student(about.student);
        let path = "/api/payments/process-payment/".to_owned();
        Some(Call { key, ..Call::new(&Purchase, about, who, path, &body) })
    }

    fn hears(&self, model: &mut Model, heard: &Heard<'_>) -> Result<(), Violation> {
        if heard.reply.status == 200 {
            let price = Price::Flat(heard.market.teachers[heard.call.about.teacher].price_minor);
            let booking = model.learn(heard, "booking_id", price)?;
            model.told_paid(booking);
        }
        Ok(())
    }
}
