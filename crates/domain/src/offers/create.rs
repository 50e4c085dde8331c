//! A new offer.

use super::{OfferPatch, category_taken, check_move};
use crate::bookings::Actor;
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, PersonId};
use crate::records::{Offer, OfferState, Word};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

#[derive(Clone, Debug)]
pub struct CreateOffer {
    pub payee: PersonId,
    pub offer: OfferPatch,
}

impl Command for CreateOffer {
    type Receipt = Offer;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.payee.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.teachers.key(self.payee);
        needs.offers.group(self.payee);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Offer, Refusal> {
        world.teachers.get(&self.payee).ok_or(Refusal::TeacherRequired)?;
        let currency = cx.policies.currency;
        self.offer.check(currency)?;
        let required = |field| Refusal::invalid(field, "is required");
        let category = self.offer.category.ok_or_else(|| required("category"))?;
        let state = self.offer.state.unwrap_or(OfferState::Active);
        check_move(OfferState::Draft, state, Actor::Party(self.payee))?;
        if category_taken(world, self.payee, category, None) {
            return Err(Refusal::OfferCategoryTaken);
        }
        let mut offer = Offer {
            id: world.new_id(self.payee.lane()),
            payee: self.payee,
            category,
            service_type: String::new(),
            title: self.offer.title.clone().ok_or_else(|| required("service_title"))?,
            short_description: String::new(),
            full_description: String::new(),
            price_minor: self.offer.price_minor.ok_or_else(|| required("price_per_session"))?,
            currency,
            session_minutes: self.offer.session_minutes.ok_or_else(|| required("session_duration"))?,
            tags: "[]".into(),
            session_contents: String::new(),
            state,
            created_at: cx.now,
            updated_at: cx.now,
        };
        self.offer.apply(cx, &mut offer);
        world.offers.insert(offer.clone());
        let body = format!(r#"{{"offer_id":{}}}"#, offer.id);
        let object = ("offer", offer.id.raw(), offer.id.lane());
        world.audit(
            cx,
            Some(self.payee),
            "offer.created",
            object,
            format!(r#"{{"after":"{}"}}"#, state.word()),
        );
        world.tell(offer.id.lane(), "offer.created", offer.id.raw(), cx.now, body);
        Ok(offer)
    }
}
