//! Offers (gigs on the wire): what a payee sells, at what price, and whether it can be booked.
//!
//! Invariants: a payee has one offer a category, archived ones aside; only an administrator sets or
//! lifts a suspension; an archived offer stays for the bookings that name it and is otherwise gone.
//! Deliberately not here: prices of bookings (frozen when one is made) and search.

mod create;
mod state;
#[cfg(test)]
mod tests;
mod update;

pub use create::CreateOffer;
pub use state::{ArchiveOffer, SetOfferState};
pub use update::UpdateOffer;

use crate::bookings::Actor;
use crate::context::Context;
use crate::id::{OfferId, PersonId};
use crate::money::Currency;
use crate::records::{Category, Offer, OfferState};
use crate::refusal::Refusal;
use crate::world::World;

/// Characters.
const SERVICE_TYPE_MAX: usize = 100;
const TITLE_MAX: usize = 200;
const SHORT_DESCRIPTION_MAX: usize = 300;
const TEXT_MAX: usize = 10_000;
const TAGS_MAX: usize = 30;
const TAG_MAX: usize = 50;
/// Major units times 100: from a half to just under a million, whatever the currency's decimals.
const PRICE_MIN_HUNDREDTHS: i64 = 50;
const PRICE_MAX_HUNDREDTHS: i64 = 99_999_999;
const MINUTES_MIN: i64 = 5;
const MINUTES_MAX: i64 = 720;

/// What is to change; `None` stays as it is. A new offer needs category, title, price and length.
#[derive(Clone, Debug, Default)]
pub struct OfferPatch {
    pub category: Option<Category>,
    pub service_type: Option<String>,
    pub title: Option<String>,
    pub short_description: Option<String>,
    pub full_description: Option<String>,
    pub price_minor: Option<i64>,
    pub session_minutes: Option<i64>,
    pub tags: Option<Vec<String>>,
    pub session_contents: Option<String>,
    pub state: Option<OfferState>,
}

impl OfferPatch {
    fn check(&self, currency: Currency) -> Result<(), Refusal> {
        let texts = [
            ("service_type", &self.service_type, SERVICE_TYPE_MAX),
            ("service_title", &self.title, TITLE_MAX),
            ("short_description", &self.short_description, SHORT_DESCRIPTION_MAX),
            ("full_description", &self.full_description, TEXT_MAX),
            ("what_you_provide_in_session", &self.session_contents, TEXT_MAX),
        ];
        for (field, text, most) in texts {
            if text.as_ref().is_some_and(|text| text.chars().count() > most) {
                return Err(Refusal::invalid(field, format!("must have at most {most} characters")));
            }
        }
        if self.title.as_ref().is_some_and(|title| title.trim().is_empty()) {
            return Err(Refusal::invalid("service_title", "is required"));
        }
        if let Some(price) = self.price_minor {
            check_price(price, currency)?;
        }
        if self.session_minutes.is_some_and(|minutes| !(MINUTES_MIN..=MINUTES_MAX).contains(&minutes)) {
            return Err(Refusal::invalid("session_duration", "must be 5 to 720 minutes"));
        }
        let tags = self.tags.as_deref().unwrap_or_default();
        let too_long = tags.iter().any(|tag| tag.chars().count() > TAG_MAX);
        if tags.len() > TAGS_MAX || too_long {
            return Err(Refusal::invalid("tags", "at most 30 tags of 50 characters"));
        }
        Ok(())
    }

    fn apply(&self, cx: &Context<'_>, offer: &mut Offer) {
        offer.category = self.category.unwrap_or(offer.category);
        set(&mut offer.service_type, self.service_type.as_ref());
        set(&mut offer.title, self.title.as_ref());
        set(&mut offer.short_description, self.short_description.as_ref());
        set(&mut offer.full_description, self.full_description.as_ref());
        set(&mut offer.session_contents, self.session_contents.as_ref());
        offer.price_minor = self.price_minor.unwrap_or(offer.price_minor);
        offer.session_minutes = self.session_minutes.unwrap_or(offer.session_minutes);
        if let Some(tags) = &self.tags {
            offer.tags = serde_json::json!(tags).to_string();
        }
        offer.state = self.state.unwrap_or(offer.state);
        offer.updated_at = cx.now;
    }
}

fn set(field: &mut String, value: Option<&String>) {
    if let Some(value) = value {
        value.trim().clone_into(field);
    }
}

fn check_price(price_minor: i64, currency: Currency) -> Result<(), Refusal> {
    let scale = 10_i128.pow(currency.exponent());
    let hundredths = i128::from(price_minor) * 100;
    let (min, max) = (i128::from(PRICE_MIN_HUNDREDTHS) * scale, i128::from(PRICE_MAX_HUNDREDTHS) * scale);
    if (min..=max).contains(&hundredths) {
        return Ok(());
    }
    Err(Refusal::invalid("price_per_session", "must be 0.50 to 999999.99"))
}

/// The offer, if the actor may see it through his own scope.
fn owned(world: &World, id: OfferId, actor: Actor) -> Result<&Offer, Refusal> {
    let offer = world.offers.get(&id).filter(|offer| offer.state != OfferState::Archived);
    let mine = |offer: &&Offer| !matches!(actor, Actor::Party(person) if person != offer.payee);
    offer.filter(mine).ok_or(Refusal::NotFound)
}

/// Whether another offer of this payee stands in the category.
fn category_taken(world: &World, payee: PersonId, category: Category, but: Option<OfferId>) -> bool {
    world.offers.of(&payee).any(|other| {
        other.category == category && other.state != OfferState::Archived && Some(other.id) != but
    })
}

/// The moves between states that somebody may ask for.
fn check_move(from: OfferState, to: OfferState, actor: Actor) -> Result<(), Refusal> {
    let admin = !matches!(actor, Actor::Party(_));
    match (from, to) {
        (_, OfferState::Archived) => Err(Refusal::invalid("status", "delete the gig to archive it")),
        _ if from == to => Ok(()),
        (OfferState::Suspended, _) | (_, OfferState::Suspended) if !admin => Err(Refusal::OfferSuspended),
        _ => Ok(()),
    }
}
