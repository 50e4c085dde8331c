//! Coming in with a login elsewhere: found, linked or made, and a session begins, in one commit.

use super::login::begin_session;
use super::profiles::{self, ProfilePatch};
use super::slips::Slip;
use super::{Adopt, Profiles, Role, Started, adopt, fold_email};
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, PersonId};
use crate::records::Space;
use crate::refusal::Refusal;
use crate::time::Timestamp;
use crate::world::{Needs, World};

/// Somebody comes back with a ticket. Refused with `EmailTaken` when the caller's picture of whom
/// subject and address lead to is not the true one (any more): look again.
#[derive(Clone, Debug)]
pub struct Enter {
    pub ticket: Slip,
    /// Whom the ticket names; a new person is made from it.
    pub newcomer: Adopt,
    /// Whom the subject leads to, or else the address.
    pub known: Option<PersonId>,
    /// What somebody who is nothing yet wants to be.
    pub role: Option<Role>,
    /// SHA-256 of the refresh token's secret, hex.
    pub token: String,
    pub real_now: Timestamp,
}

/// Somebody who is in.
#[derive(Clone, Debug, PartialEq)]
pub struct Entered {
    pub started: Started,
    pub profiles: Profiles,
    /// Whether nobody knew him before.
    pub created: bool,
}

impl Command for Enter {
    type Receipt = Entered;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.ticket.lane());
        lanes.insert(self.known.map_or_else(|| self.newcomer.lane(), Id::lane));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.login_slips.key(self.ticket.name.clone());
        self.newcomer.needs(needs);
        if let Some(person) = self.known {
            Profiles::needs(needs, person);
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Entered, Refusal> {
        self.ticket.redeem(world, self.real_now)?;
        let subject = (Space::Subject, self.newcomer.subject.clone());
        let owner = world.claims.get(&subject).map(|claim| PersonId(claim.target));
        if owner.is_some() && owner != self.known {
            return Err(Refusal::EmailTaken);
        }
        let id = match self.known {
            Some(person) => self.recognize(cx, world, person, owner.is_some())?,
            None => self.newcomer.take_in(cx, world)?,
        };
        let before = Profiles::made(world, id);
        if !before.person.admin && before.teacher.is_none() && before.student.is_none() {
            let role = self.role.ok_or(Refusal::RoleRequired)?;
            profiles::give(cx, world, id, role, &ProfilePatch::default());
        }
        let started = begin_session(cx, world, id, &self.token, self.real_now);
        Ok(Entered { started, profiles: Profiles::made(world, id), created: self.known.is_none() })
    }
}

impl Enter {
    /// Somebody who is here already: by the subject, or by an address that the issuer has verified.
    fn recognize(
        &self,
        cx: &Context<'_>,
        world: &mut World,
        id: PersonId,
        is_linked: bool,
    ) -> Result<PersonId, Refusal> {
        let person = world.people.get(&id).ok_or(Refusal::EmailTaken)?.clone();
        let vouched = self.newcomer.email.as_deref().map(fold_email);
        if !is_linked && vouched != Some(fold_email(&person.email)) {
            return Err(Refusal::EmailTaken);
        }
        if !person.active {
            return Err(Refusal::WrongCredentials);
        }
        if !is_linked {
            adopt::link(cx, world, &person, &self.newcomer.subject);
        }
        Ok(id)
    }
}
