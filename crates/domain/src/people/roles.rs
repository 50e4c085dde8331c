//! What administrators decide about people, and where administrators come from: the command line,
//! then each other. Nobody makes himself one.

use super::profiles::{self, ProfilePatch, Profiles};
use super::register::Role;
use super::{Birth, end_sessions};
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, PersonId};
use crate::records::{OfferState, Person};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// The first way to be an administrator: whoever can run the program.
#[derive(Clone, Debug)]
pub struct CreateAdmin {
    pub uuid: String,
    pub email: String,
    pub full_name: String,
    /// PHC string.
    pub password: String,
}

impl CreateAdmin {
    fn birth(&self) -> Birth<'_> {
        Birth {
            uuid: &self.uuid,
            email: Some(&self.email),
            full_name: &self.full_name,
            password: Some(&self.password),
            verified: true,
            admin: true,
        }
    }
}

impl Command for CreateAdmin {
    type Receipt = Person;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.birth().lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        self.birth().needs(needs);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Person, Refusal> {
        let person = self.birth().make(cx, world)?;
        let object = ("person", person.id.raw(), person.id.lane());
        world.audit(cx, None, "person.admin_created", object, "{}".into());
        Ok(person)
    }
}

/// The same for somebody who is registered already: rights and a new password.
#[derive(Clone, Debug)]
pub struct PromoteAdmin {
    pub person: PersonId,
    /// PHC string.
    pub password: String,
}

impl Command for PromoteAdmin {
    type Receipt = Person;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.people.key(self.person);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Person, Refusal> {
        world.people.get(&self.person).ok_or(Refusal::NotFound)?;
        end_sessions(world, self.person);
        world.people.update(&self.person, |person| {
            person.admin = true;
            person.active = true;
            person.verified = true;
            person.password = Some(self.password.clone());
            person.updated_at = cx.now;
        });
        let object = ("person", self.person.raw(), self.person.lane());
        world.audit(cx, None, "person.admin_promoted", object, "{}".into());
        Ok(world.people.get(&self.person).expect("looked at above").clone())
    }
}

/// An administrator's decision about somebody; `None` stays as it is.
#[derive(Clone, Debug)]
pub struct SetRoles {
    pub actor: PersonId,
    pub person: PersonId,
    pub active: Option<bool>,
    pub admin: Option<bool>,
    /// Every role that the person shall have; a profile that is not among them goes.
    pub roles: Option<Vec<Role>>,
}

impl Command for SetRoles {
    type Receipt = Profiles;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        Profiles::needs(needs, self.person);
        if self.roles.is_some() {
            needs.offers.group(self.person);
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Profiles, Refusal> {
        let before = Profiles::of(world, self.person).ok_or(Refusal::NotFound)?;
        if self.actor == self.person && (self.active == Some(false) || self.admin == Some(false)) {
            // Whoever is left is always an administrator.
            return Err(Refusal::invalid("id", "You cannot take your own rights away."));
        }
        world.people.update(&self.person, |person| {
            person.active = self.active.unwrap_or(person.active);
            person.admin = self.admin.unwrap_or(person.admin);
        });
        if let Some(roles) = &self.roles {
            self.set_profiles(cx, world, roles);
        }
        let after = Profiles::of(world, self.person).expect("looked at above");
        if after == before {
            return Ok(after);
        }
        end_sessions(world, self.person);
        world.people.update(&self.person, |person| person.updated_at = cx.now);
        let object = ("person", self.person.raw(), self.person.lane());
        world.audit(cx, Some(self.actor), "person.roles_changed", object, change(&before, &after));
        Ok(Profiles::of(world, self.person).expect("looked at above"))
    }
}

impl SetRoles {
    fn set_profiles(&self, cx: &Context<'_>, world: &mut World, roles: &[Role]) {
        let id = self.person;
        match (roles.contains(&Role::Student), world.students.get(&id).is_some()) {
            (true, false) => profiles::give(cx, world, id, Role::Student, &ProfilePatch::default()),
            (false, true) => world.students.remove(&id),
            _ => {}
        }
        match (roles.contains(&Role::Teacher), world.teachers.get(&id).is_some()) {
            (true, false) => profiles::give(cx, world, id, Role::Teacher, &ProfilePatch::default()),
            (false, true) => {
                world.teachers.remove(&id);
                withdraw_offers(cx, world, id);
            }
            _ => {}
        }
    }
}

/// Nobody can book somebody who teaches no more.
fn withdraw_offers(cx: &Context<'_>, world: &mut World, payee: PersonId) {
    let open = world.offers.of(&payee).filter(|offer| offer.state == OfferState::Active);
    let open: Vec<_> = open.map(|offer| offer.id).collect();
    for id in open {
        world.offers.update(&id, |offer| {
            offer.state = OfferState::Inactive;
            offer.updated_at = cx.now;
        });
    }
}

fn change(before: &Profiles, after: &Profiles) -> String {
    let shown = |profiles: &Profiles| {
        serde_json::json!({
            "active": profiles.person.active,
            "admin": profiles.person.admin,
            "teacher": profiles.teacher.is_some(),
            "student": profiles.student.is_some(),
        })
    };
    serde_json::json!({ "before": shown(before), "after": shown(after) }).to_string()
}
