//! A student asks for a lesson.

use domain::time::Span;
use serde_json::json;
use server::http::json::Instant;

use super::{Actor, Heard, Scene, some_start};
use crate::audit::Violation;
use crate::call::{About, Call, Who};
use crate::chance::Chance;
use crate::model::{Model, Price};

pub(super) struct Book;

impl Actor for Book {
    fn name(&self) -> &'static str {
        "book"
    }

    fn weight(&self, scene: &Scene<'_>) -> u32 {
        scene.may_book() * 20
    }

    fn next(&self, chance: &mut Chance, scene: &Scene<'_>) -> Option<Call> {
        let about = scene.strangers(chance);
        let starts_at = some_start(chance, scene.market.now());
        let minutes = chance.between(1, 4) * 30;
        let teacher = &scene.market.teachers[about.teacher];
        let body = json!({
            "teacher": teacher.login.uuid,
            "gig": teacher.offer,
            "start_time": Instant(starts_at).text(),
            "end_time": Instant(starts_at + Span::minutes(minutes)).text(),
        });
        let who = Who::Student(about.student);
        let path = "/api/bookings/bookings/".to_owned();
        Some(Call::new(&Book, About { minutes, ..about }, who, path, &body))
    }

    fn hears(&self, model: &mut Model, heard: &Heard<'_>) -> Result<(), Violation> {
        if heard.reply.status != 201 {
            return Ok(());
        }
        let about = &heard.call.about;
        let price = Price::Hourly(heard.market.teachers[about.teacher].price_minor);
        model.learn(heard, "id", price).map(drop)
    }
}
