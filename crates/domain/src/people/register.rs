//! Registering: a person, the address that is his alone, and the first profile.

use super::mailed::{self, Mailed};
use super::profiles::{self, ProfilePatch};
use super::{Birth, Profiles};
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::Id;
use crate::records::Purpose;
use crate::refusal::Refusal;
use crate::time::Timestamp;
use crate::world::{Needs, World};

/// What somebody can choose to be. Admin is deliberately not among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Student,
    Teacher,
}

/// The address must be free: the caller asks about a taken one first, because its owner's lane is
/// not known here.
#[derive(Clone, Debug)]
pub struct Register {
    pub uuid: String,
    pub email: String,
    /// PHC string.
    pub password: String,
    pub role: Role,
    /// `full_name` is required.
    pub profile: ProfilePatch,
    pub token: Mailed,
    pub real_now: Timestamp,
}

impl Register {
    fn birth(&self) -> Birth<'_> {
        Birth {
            uuid: &self.uuid,
            email: Some(&self.email),
            full_name: self.profile.full_name.as_deref().unwrap_or_default(),
            password: Some(&self.password),
            verified: false,
            admin: false,
        }
    }
}

impl Command for Register {
    type Receipt = Profiles;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.birth().lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        self.birth().needs(needs);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Profiles, Refusal> {
        self.profile.check()?;
        let person = self.birth().make(cx, world)?;
        profiles::give(cx, world, person.id, self.role, &self.profile);
        mailed::issue(cx, world, person.id, Purpose::VerifyEmail, &self.token, self.real_now);
        let object = ("person", person.id.raw(), person.id.lane());
        world.audit(cx, Some(person.id), "person.registered", object, "{}".into());
        world.tell(person.id.lane(), "person.registered", person.id.raw(), cx.now, "{}".into());
        Ok(Profiles::made(world, person.id))
    }
}
