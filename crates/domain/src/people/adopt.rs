//! People whose login is elsewhere: the configured issuer vouches for its subjects.

use super::{Birth, claim, end_sessions};
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, Lane, PersonId};
use crate::records::{Person, Space};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// Somebody new, first seen with a token of the outside issuer. Refused with `EmailTaken` when the
/// address is somebody's: then [`Link`] them.
#[derive(Clone, Debug)]
pub struct Adopt {
    pub uuid: String,
    /// Issuer and `sub`, which are unique together.
    pub subject: String,
    /// Only an address that the issuer has verified.
    pub email: Option<String>,
    pub full_name: String,
}

impl Adopt {
    fn birth(&self) -> Birth<'_> {
        Birth {
            uuid: &self.uuid,
            email: self.email.as_deref(),
            full_name: &self.full_name,
            password: None,
            verified: self.email.is_some(),
            admin: false,
        }
    }
}

impl Command for Adopt {
    type Receipt = PersonId;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.birth().lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        Adopt::needs(self, needs);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<PersonId, Refusal> {
        if let Some(claim) = world.claims.get(&(Space::Subject, self.subject.clone())) {
            return Ok(PersonId(claim.target));
        }
        self.take_in(cx, world)
    }
}

impl Adopt {
    pub(super) fn needs(&self, needs: &mut Needs) {
        self.birth().needs(needs);
        needs.claims.key((Space::Subject, self.subject.clone()));
    }

    pub(super) fn lane(&self) -> Lane {
        self.birth().lane()
    }

    /// Makes the person; nobody has the subject yet.
    pub(super) fn take_in(&self, cx: &Context<'_>, world: &mut World) -> Result<PersonId, Refusal> {
        let person = self.birth().make(cx, world)?;
        assert!(claim(cx, world, Space::Subject, self.subject.clone(), person.id), "nobody has it");
        let object = ("person", person.id.raw(), person.id.lane());
        world.audit(cx, Some(person.id), "person.adopted", object, "{}".into());
        world.tell(person.id.lane(), "person.registered", person.id.raw(), cx.now, "{}".into());
        Ok(person.id)
    }
}

/// The issuer's subject is somebody we know by his verified address.
#[derive(Clone, Debug)]
pub struct Link {
    pub person: PersonId,
    pub subject: String,
}

impl Command for Link {
    type Receipt = PersonId;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.people.key(self.person);
        needs.claims.key((Space::Subject, self.subject.clone()));
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<PersonId, Refusal> {
        if let Some(claim) = world.claims.get(&(Space::Subject, self.subject.clone())) {
            return Ok(PersonId(claim.target));
        }
        let person: Person = world.people.get(&self.person).ok_or(Refusal::NotFound)?.clone();
        link(cx, world, &person, &self.subject);
        Ok(self.person)
    }
}

/// From now on the subject is this person, whose address the issuer has verified.
pub(super) fn link(cx: &Context<'_>, world: &mut World, person: &Person, subject: &str) {
    claim(cx, world, Space::Subject, subject.to_owned(), person.id);
    if !person.verified {
        // Whoever registered this address first may not be its owner: his password is void.
        end_sessions(world, person.id);
        world.people.update(&person.id, |person| {
            person.password = None;
            person.verified = true;
            person.updated_at = cx.now;
        });
    }
    let object = ("person", person.id.raw(), person.id.lane());
    let detail = serde_json::json!({ "was_verified": person.verified });
    world.audit(cx, None, "person.linked", object, detail.to_string());
}
