//! Saved cards: a token at a gateway and a face, never a number.
//!
//! Invariants: a person has one customer a gateway, whoever was first; the first saved card is the
//! default; deleting the default promotes the newest; another's card does not exist; a claim leads
//! from a token to its card, for ever. Attaching at the gateway happens
//! outside, before saving; detaching is a job that a deletion leaves behind.

use crate::command::{Command, Fact, Lanes};
use crate::context::Context;
use crate::gateway::CardReport;
use crate::id::{CardId, Id, JobId, PersonId};
use crate::records::{Card, Claim, Customer, Space};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// A person is known to a gateway. Answers the customer that stands: of racers the first.
#[derive(Clone, Debug)]
pub struct NoteCustomer {
    pub person: PersonId,
    pub gateway: String,
    pub reference: String,
}

impl Fact for NoteCustomer {
    type Receipt = Customer;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.customers.key((self.person, self.gateway.clone()));
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> Customer {
        if let Some(known) = world.customers.get(&(self.person, self.gateway.clone())) {
            return known.clone();
        }
        let customer = Customer {
            person: self.person,
            gateway: self.gateway.clone(),
            reference: self.reference.clone(),
            created_at: cx.now,
        };
        world.customers.insert(customer.clone());
        customer
    }
}

/// A gateway has deleted a customer, and his cards with him.
#[derive(Clone, Debug)]
pub struct ForgetCustomer {
    pub person: PersonId,
    pub gateway: String,
}

impl Fact for ForgetCustomer {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.customers.key((self.person, self.gateway.clone()));
    }

    fn record(&self, _cx: &Context<'_>, world: &mut World) {
        world.customers.remove(&(self.person, self.gateway.clone()));
    }
}

/// A card was attached to the person's customer. Saving the same token again changes only its face.
#[derive(Clone, Debug)]
pub struct Save {
    pub person: PersonId,
    pub gateway: String,
    pub customer: String,
    pub report: CardReport,
}

impl Save {
    fn claim(&self) -> (Space, String) {
        (Space::GatewayObject, format!("{}:{}", self.gateway, self.report.token))
    }
}

impl Fact for Save {
    type Receipt = Card;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.cards.group(self.person);
        needs.claims.key(self.claim());
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> Card {
        let same = |card: &&Card| card.gateway == self.gateway && card.token == self.report.token;
        let known = world.cards.of(&self.person).find(same).map(|card| card.id);
        let first = !world.cards.of(&self.person).any(|card| card.active);
        let id = known.unwrap_or_else(|| world.new_id(self.person.lane()));
        let face = &self.report.face;
        let card = Card {
            id,
            person: self.person,
            gateway: self.gateway.clone(),
            customer: self.customer.clone(),
            token: self.report.token.clone(),
            brand: face.brand.clone(),
            last_four: face.last_four.clone(),
            exp_month: face.exp_month,
            exp_year: face.exp_year,
            is_default: first,
            active: true,
            created_at: cx.now,
            updated_at: cx.now,
        };
        if known.is_none() {
            world.cards.insert(card);
        } else {
            world.cards.update(&id, |old| {
                let is_default = (old.active && old.is_default) || first;
                *old = Card { is_default, created_at: old.created_at, ..card };
            });
        }
        if world.claims.get(&self.claim()).is_none() {
            let (space, name) = self.claim();
            world.claims.insert(Claim { space, name, target: id.raw(), created_at: cx.now });
        }
        note(cx, world, (self.person, id), "card.saved");
        world.cards.get(&id).expect("just saved").clone()
    }
}

/// Makes a card the one that is offered first.
#[derive(Clone, Debug)]
pub struct SetDefault {
    pub person: PersonId,
    pub card: CardId,
}

impl Command for SetDefault {
    type Receipt = Card;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.cards.group(self.person);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Card, Refusal> {
        own(world, self.person, self.card)?;
        make_default(cx, world, self.person, Some(self.card));
        note(cx, world, (self.person, self.card), "card.made_default");
        Ok(world.cards.peek(&self.card).expect("own").clone())
    }
}

/// Who lets go of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleter {
    /// Its gateway has to be told.
    Owner,
    /// It was detached there.
    Gateway,
}

/// Forgets a card. Repeating it is the same as having done it once.
#[derive(Clone, Debug)]
pub struct Delete {
    pub person: PersonId,
    pub card: CardId,
    pub by: Deleter,
}

impl Command for Delete {
    /// The card as it was.
    type Receipt = Card;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.cards.group(self.person);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Card, Refusal> {
        let card = own(world, self.person, self.card)?;
        world.cards.update(&self.card, |card| {
            card.active = false;
            card.is_default = false;
            card.updated_at = cx.now;
        });
        if card.is_default {
            let newest = world.cards.of(&self.person).filter(|card| card.active);
            let newest = newest.max_by_key(|card| (card.created_at, card.id)).map(|card| card.id);
            make_default(cx, world, self.person, newest);
        }
        note(cx, world, (self.person, self.card), "card.deleted");
        if self.by == Deleter::Owner {
            let body = format!(r#"{{"card_id":{}}}"#, card.id);
            // A card that was saved again can be deleted again: each time is a job of its own.
            let time: JobId = world.new_id(card.id.lane());
            world.queue(card.id.lane(), "detach_card", format!("{}:{time}", card.id), body, cx.now);
        }
        Ok(card)
    }
}

fn note(cx: &Context<'_>, world: &mut World, (person, card): (PersonId, CardId), action: &'static str) {
    world.audit(cx, Some(person), action, ("card", card.raw(), card.lane()), "{}".into());
}

fn own(world: &World, person: PersonId, id: CardId) -> Result<Card, Refusal> {
    let card = world.cards.of(&person).find(|card| card.id == id && card.active);
    card.cloned().ok_or(Refusal::NotFound)
}

fn make_default(cx: &Context<'_>, world: &mut World, person: PersonId, chosen: Option<CardId>) {
    let cards: Vec<(CardId, bool)> = world.cards.of(&person).map(|card| (card.id, card.is_default)).collect();
    for (id, is_default) in cards {
        if is_default != (chosen == Some(id)) {
            world.cards.update(&id, |card| {
                card.is_default = !is_default;
                card.updated_at = cx.now;
            });
        }
    }
}
