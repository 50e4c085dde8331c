//! Whether an offer can be booked: by its owner's wish, by an administrator's, or never again.

use super::{check_move, owned};
use crate::bookings::Actor;
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, OfferId};
use crate::records::{Offer, OfferState, Word};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

#[derive(Clone, Debug)]
pub struct SetOfferState {
    pub offer: OfferId,
    pub actor: Actor,
    pub state: OfferState,
}

impl Command for SetOfferState {
    /// The offer, and the state it was in.
    type Receipt = (Offer, OfferState);

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.offer.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.offers.key(self.offer);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<(Offer, OfferState), Refusal> {
        let old = owned(world, self.offer, self.actor)?.state;
        check_move(old, self.state, self.actor)?;
        change_state(cx, world, self.offer, self.actor, self.state);
        Ok((world.offers.get(&self.offer).expect("looked at above").clone(), old))
    }
}

/// Takes an offer away for good; the row stays for the bookings that name it.
#[derive(Clone, Debug)]
pub struct ArchiveOffer {
    pub offer: OfferId,
    pub actor: Actor,
}

impl Command for ArchiveOffer {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.offer.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.offers.key(self.offer);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<(), Refusal> {
        let offer = owned(world, self.offer, self.actor)?;
        // Archiving would free the category: a way around a suspension.
        if offer.state == OfferState::Suspended && matches!(self.actor, Actor::Party(_)) {
            return Err(Refusal::OfferSuspended);
        }
        change_state(cx, world, self.offer, self.actor, OfferState::Archived);
        Ok(())
    }
}

fn change_state(cx: &Context<'_>, world: &mut World, id: OfferId, actor: Actor, state: OfferState) {
    let old = world.offers.get(&id).expect("looked at before").state;
    if old == state {
        return;
    }
    world.offers.update(&id, |offer| {
        offer.state = state;
        offer.updated_at = cx.now;
    });
    let change = format!(r#"{{"before":"{}","after":"{}"}}"#, old.word(), state.word());
    world.audit(cx, actor.person(), "offer.state_changed", ("offer", id.raw(), id.lane()), change);
}
