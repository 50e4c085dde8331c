//! Somebody thinks better of it.

use serde_json::json;

use super::{Actor, Scene, booking_path};
use crate::call::{About, Call, Who};
use crate::chance::Chance;

pub(super) struct Cancel;

impl Actor for Cancel {
    fn name(&self) -> &'static str {
        "cancel"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        scene.has_open() * scene.swarm.cancel_weight
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let known = scene.some_booking(chance)?;
        let who = if chance.permille(700) { known.payer() } else { known.payee() };
        Some(by(who, known.about(), known.id))
    }
}

/// Whoever made this call cancels the booking it was about.
pub fn cancelling(call: &Call) -> Call {
    by(call.who, call.about.clone(), call.about.booking.unwrap_or_default())
}

fn by(who: Who, about: About, booking: i64) -> Call {
    let body = json!({ "reason": "something came up" });
    Call::new(&Cancel, about, who, booking_path(booking, "cancel"), &body)
}
