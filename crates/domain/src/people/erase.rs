//! Erasing somebody (BR-72): what tells who he was goes, what tells of money stays under his bare id.
//!
//! The person's own rows go at once; what he has written on bookings and refunds in other lanes follows
//! as a job, page by page. Whoever has money pending must not be erased: his open business lies in many
//! lanes, so the caller looks for it first. What begins between that look and the commit loses nothing:
//! it is recorded under the bare id, and ends by the clock.

use super::{end_sessions, fold_email};
use crate::command::{Command, Fact, Lanes};
use crate::context::Context;
use crate::id::{BookingId, Id, Lane, PaymentId, PersonId, RefundId};
use crate::records::{Offer, OfferState, Person, Purpose, Space, Word};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// What lists show where the name of somebody erased would stand.
pub const ERASED_NAME: &str = "Erased user";
/// What is answered again where the answer told of somebody erased.
const ERASED_ANSWER: &str = r#"{"message":"This answer told of somebody who has been forgotten."}"#;
/// The title of his gigs; bookings keep theirs, because receipts need it.
const ERASED_TITLE: &str = "Archived gig";

/// Somebody wants to be forgotten, and nothing of his is open.
#[derive(Clone, Debug)]
pub struct Erase {
    pub person: PersonId,
    /// The address as it stands in his row.
    pub email: String,
    /// What outside issuers know him by.
    pub subjects: Vec<String>,
    /// The stored hash that his password was compared with.
    pub seen: Option<String>,
}

impl Erase {
    fn names(&self) -> impl Iterator<Item = (Space, String)> {
        let email = Some(fold_email(&self.email)).filter(|email| !email.is_empty());
        let subjects = self.subjects.iter().map(|subject| (Space::Subject, subject.clone()));
        email.map(|email| (Space::Email, email)).into_iter().chain(subjects)
    }
}

impl Command for Erase {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
        lanes.extend(self.names().map(|(_, name)| Lane::of(&name)));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.people.key(self.person);
        needs.teachers.key(self.person);
        needs.students.key(self.person);
        for purpose in Purpose::ALL {
            needs.one_time_tokens.key((self.person, *purpose));
        }
        self.names().for_each(|name| needs.claims.key(name));
        needs.offers.group(self.person);
        needs.availability.group(self.person);
        needs.cards.group(self.person);
        needs.audit_origins.group(self.person);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<(), Refusal> {
        let person: Person = world.people.get(&self.person).ok_or(Refusal::NotFound)?.clone();
        if person.password != self.seen || person.email != self.email {
            return Err(Refusal::WrongPassword);
        }
        if person.admin {
            // Another administrator has to take his rights first: somebody must be left.
            return Err(Refusal::WrongState);
        }
        // From where he did even this is not kept.
        self.forget(&Context { origin: None, ..*cx }, world, Some(self.person));
        Ok(())
    }
}

/// Whether nothing is left of somebody but his bare id.
pub fn is_erased(person: &Person) -> bool {
    !person.active && person.email.is_empty() && person.full_name == ERASED_NAME
}

/// Somebody who was forgotten is back, with an older copy of the database: he is forgotten again. Nothing
/// is asked: he may have had money pending then, or have been an administrator.
#[derive(Clone, Debug)]
pub struct EraseAgain(pub Erase);

impl Fact for EraseAgain {
    /// False when he is forgotten already, unknown, or changed since he was read.
    type Receipt = bool;

    fn lanes(&self, lanes: &mut Lanes) {
        Command::lanes(&self.0, lanes);
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        Command::needs(&self.0, world, needs);
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> bool {
        let Some(person) = world.people.get(&self.0.person).cloned() else { return false };
        if is_erased(&person) || person.email != self.0.email {
            return false;
        }
        world.people.update(&person.id, |person| person.admin = false);
        self.0.forget(&Context { origin: None, ..*cx }, world, None);
        true
    }
}

impl Erase {
    /// `by` is for the audit.
    fn forget(&self, cx: &Context<'_>, world: &mut World, by: Option<PersonId>) {
        self.forget_names(world);
        self.forget_offers(cx, world);
        self.forget_cards(cx, world);
        self.forget_self(cx, world);
        let origins: Vec<_> = world.audit_origins.of(&self.person).map(|row| row.audit).collect();
        for audit in origins {
            world.audit_origins.remove(&(self.person, audit));
        }
        let lane = self.person.lane();
        let body = format!(r#"{{"person":{}}}"#, self.person);
        for kind in ["erase_texts", "erase_customers"] {
            world.queue(lane, kind, self.person.to_string(), body.clone(), cx.now);
        }
        world.tell(lane, "person.erased", self.person.raw(), cx.now, body);
        world.audit(cx, by, "person.erased", ("person", self.person.raw(), lane), "{}".into());
    }

    fn forget_names(&self, world: &mut World) {
        for name in self.names() {
            if world.claims.get(&name).is_some_and(|claim| claim.target == self.person.raw()) {
                world.claims.remove(&name);
            }
        }
    }

    fn forget_offers(&self, cx: &Context<'_>, world: &mut World) {
        let ids: Vec<_> = world.offers.of(&self.person).map(|offer| offer.id).collect();
        for id in ids {
            world.offers.update(&id, |offer| {
                *offer = Offer {
                    title: ERASED_TITLE.into(),
                    service_type: String::new(),
                    short_description: String::new(),
                    full_description: String::new(),
                    session_contents: String::new(),
                    tags: "[]".into(),
                    state: OfferState::Archived,
                    updated_at: cx.now,
                    ..offer.clone()
                };
            });
        }
        let ids: Vec<_> = world.availability.of(&self.person).map(|stretch| stretch.id).collect();
        for id in ids {
            world.availability.remove(&id);
        }
    }

    /// Their tokens stay until the gateway has let go of them.
    fn forget_cards(&self, cx: &Context<'_>, world: &mut World) {
        let cards: Vec<_> = world.cards.of(&self.person).map(|card| (card.id, card.active)).collect();
        for (id, active) in cards {
            world.cards.update(&id, |card| {
                card.brand = String::new();
                card.last_four = String::new();
                (card.exp_month, card.exp_year) = (0, 0);
                card.active = false;
                card.is_default = false;
                card.updated_at = cx.now;
            });
            if active {
                let body = format!(r#"{{"card_id":{id}}}"#);
                world.queue(id.lane(), "detach_card", format!("{id}:erased"), body, cx.now);
            }
        }
    }

    fn forget_self(&self, cx: &Context<'_>, world: &mut World) {
        world.teachers.remove(&self.person);
        world.students.remove(&self.person);
        for purpose in Purpose::ALL {
            world.one_time_tokens.remove(&(self.person, *purpose));
        }
        end_sessions(world, self.person);
        world.people.update(&self.person, |person| {
            person.email = String::new();
            person.full_name = ERASED_NAME.into();
            person.password = None;
            person.active = false;
            person.verified = false;
            person.updated_at = cx.now;
        });
    }
}

/// A page of what somebody erased has left on rows that must stay.
#[derive(Clone, Debug, Default)]
pub struct EraseTexts {
    pub bookings: Vec<BookingId>,
    pub refunds: Vec<RefundId>,
    /// His own: what they show of his cards goes.
    pub payments: Vec<PaymentId>,
    /// Keys of answers kept for him.
    pub answers: Vec<(PersonId, String, String)>,
    /// Keys of answers kept for others that tell of him: they stay answered.
    pub told: Vec<(PersonId, String, String)>,
}

impl EraseTexts {
    pub fn is_empty(&self) -> bool {
        self.bookings.is_empty()
            && self.refunds.is_empty()
            && self.payments.is_empty()
            && self.answers.is_empty()
            && self.told.is_empty()
    }
}

impl Fact for EraseTexts {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.extend(self.bookings.iter().map(|id| id.lane()));
        lanes.extend(self.refunds.iter().map(|id| id.lane()));
        lanes.extend(self.payments.iter().map(|id| id.lane()));
        lanes.extend(self.answers.iter().chain(&self.told).map(|(person, ..)| person.lane()));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        self.bookings.iter().for_each(|id| needs.bookings.key(*id));
        self.refunds.iter().for_each(|id| needs.refunds.key(*id));
        self.payments.iter().for_each(|id| needs.payments.key(*id));
        self.answers.iter().chain(&self.told).for_each(|key| needs.idempotency.key(key.clone()));
    }

    fn record(&self, _cx: &Context<'_>, world: &mut World) {
        for id in &self.bookings {
            world.bookings.update(id, |booking| {
                booking.notes = String::new();
                booking.cancellation_reason = None;
                booking.proposal_reason = None;
            });
        }
        for id in &self.refunds {
            world.refunds.update(id, |refund| {
                refund.reason = String::new();
                refund.admin_notes = String::new();
            });
        }
        for id in &self.payments {
            world.payments.update(id, |payment| {
                payment.card_brand = None;
                payment.card_last_four = None;
            });
        }
        self.answers.iter().for_each(|key| world.idempotency.remove(key));
        for key in &self.told {
            if world.idempotency.get(key).is_some_and(|kept| kept.answer.is_some()) {
                world.idempotency.update(key, |kept| kept.answer = Some(ERASED_ANSWER.into()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::CreateAdmin;
    use crate::records::JobState;
    use crate::testing::Bench;

    fn root(bench: &mut Bench) -> Erase {
        let create = CreateAdmin {
            uuid: "u-1".into(),
            email: "Root@Example.org".into(),
            full_name: "Root".into(),
            password: "phc".into(),
        };
        let person = bench.run(&create).expect("the first");
        Erase { person: person.id, email: person.email, subjects: Vec::new(), seen: Some("phc".into()) }
    }

    #[test]
    fn whoever_is_back_is_forgotten_again_whatever_he_was_then() {
        let mut bench = Bench::new();
        let erase = root(&mut bench);
        assert_eq!(bench.run(&erase), Err(Refusal::WrongState), "an administrator does not go by himself");
        let stale = EraseAgain(Erase { email: "old@example.org".into(), ..erase.clone() });
        assert!(!bench.record(&stale), "he was changed since he was read");
        assert!(bench.record(&EraseAgain(erase.clone())));
        let person = bench.world.people.get(&erase.person).expect("his bare id stays");
        assert!(is_erased(person) && !person.admin);
        let jobs = bench.world.jobs.present().filter(|job| job.state == JobState::Queued);
        let kinds: Vec<&str> = jobs.map(|job| job.kind.as_ref()).collect();
        assert!(kinds.contains(&"erase_texts") && kinds.contains(&"erase_customers"), "{kinds:?}");
        assert!(!bench.record(&EraseAgain(Erase { email: String::new(), ..erase })), "once is enough");
    }
}
