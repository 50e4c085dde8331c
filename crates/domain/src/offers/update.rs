//! Changing an offer. Bookings made before keep the price they were made at.

use serde_json::json;

use super::{OfferPatch, category_taken, check_move, owned};
use crate::bookings::Actor;
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, OfferId};
use crate::records::{Offer, Word};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

#[derive(Clone, Debug)]
pub struct UpdateOffer {
    pub offer: OfferId,
    pub actor: Actor,
    pub patch: OfferPatch,
}

impl Command for UpdateOffer {
    type Receipt = Offer;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.offer.lane());
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        needs.offers.key(self.offer);
        if let Some(offer) = world.offers.peek(&self.offer) {
            needs.offers.group(offer.payee);
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Offer, Refusal> {
        let offer = owned(world, self.offer, self.actor)?.clone();
        self.patch.check(offer.currency)?;
        check_move(offer.state, self.patch.state.unwrap_or(offer.state), self.actor)?;
        let category = self.patch.category.unwrap_or(offer.category);
        if category_taken(world, offer.payee, category, Some(offer.id)) {
            return Err(Refusal::OfferCategoryTaken);
        }
        world.offers.update(&self.offer, |offer| self.patch.apply(cx, offer));
        let after = world.offers.get(&self.offer).expect("looked at above").clone();
        let shown = |offer: &Offer| json!({ "state": offer.state.word(), "price_minor": offer.price_minor });
        let change = json!({ "before": shown(&offer), "after": shown(&after) }).to_string();
        let object = ("offer", after.id.raw(), after.id.lane());
        world.audit(cx, self.actor.person(), "offer.updated", object, change);
        Ok(after)
    }
}
