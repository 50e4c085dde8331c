//! A teacher says that the lesson took place.

use serde_json::json;

use super::{Actor, Scene};
use crate::call::Call;
use crate::chance::Chance;

pub(super) struct Complete;

impl Actor for Complete {
    fn name(&self) -> &'static str {
        "complete"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        scene.has_open() * 2
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let known = scene.some_booking(chance)?;
        Some(Call::new(&Complete, known.about(), known.payee(), known.path("complete"), &json!({})))
    }
}
