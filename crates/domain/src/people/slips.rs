//! Slips: what the server remembers while a login elsewhere is on its way through a browser.
//!
//! What the browser carries is known by its digest, what it stands for is sealed by the server, and
//! both are gone with the first use: a copy of the database or of a browser's history opens nothing.

use crate::command::{Command, Fact, Lanes};
use crate::context::Context;
use crate::id::Lane;
use crate::records::{LoginSlip, SlipPurpose};
use crate::refusal::Refusal;
use crate::time::{Span, Timestamp};
use crate::world::{Needs, World};

/// People look for their password.
const DEPARTURE_TTL: Span = Span::minutes(10);
/// Long enough to choose a role.
const TICKET_TTL: Span = Span::minutes(5);

/// What came back, as digests.
#[derive(Clone, Debug)]
pub struct Slip {
    pub name: String,
    pub proof: String,
    pub purpose: SlipPurpose,
}

impl Slip {
    pub(super) fn lane(&self) -> Lane {
        Lane::of(&self.name)
    }

    /// Uses the slip up, or refuses it. Answers what was sealed in it.
    pub(super) fn redeem(&self, world: &mut World, real_now: Timestamp) -> Result<String, Refusal> {
        let slip = world.login_slips.get(&self.name).ok_or(Refusal::InvalidToken)?;
        if slip.purpose != self.purpose || slip.proof != self.proof || slip.expires_at <= real_now {
            return Err(Refusal::InvalidToken);
        }
        let sealed = slip.sealed.clone();
        world.login_slips.remove(&self.name);
        Ok(sealed)
    }
}

/// Remembers something under the digest of a fresh secret.
#[derive(Clone, Debug)]
pub struct IssueSlip {
    pub slip: Slip,
    pub sealed: String,
    pub real_now: Timestamp,
}

impl Command for IssueSlip {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.slip.lane());
    }

    fn needs(&self, _world: &World, _needs: &mut Needs) {}

    fn decide(&self, _cx: &Context<'_>, world: &mut World) -> Result<(), Refusal> {
        let ttl = match self.slip.purpose {
            SlipPurpose::Departure => DEPARTURE_TTL,
            SlipPurpose::Ticket => TICKET_TTL,
        };
        world.login_slips.insert(LoginSlip {
            name: self.slip.name.clone(),
            purpose: self.slip.purpose,
            proof: self.slip.proof.clone(),
            sealed: self.sealed.clone(),
            expires_at: self.real_now + ttl,
        });
        Ok(())
    }
}

/// Uses a slip up. Answers what was sealed in it.
#[derive(Clone, Debug)]
pub struct TakeSlip {
    pub slip: Slip,
    pub real_now: Timestamp,
}

impl Command for TakeSlip {
    type Receipt = String;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.slip.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.login_slips.key(self.slip.name.clone());
    }

    fn decide(&self, _cx: &Context<'_>, world: &mut World) -> Result<String, Refusal> {
        self.slip.redeem(world, self.real_now)
    }
}

/// Logins that were not finished in time.
#[derive(Clone, Debug)]
pub struct ForgetSlips {
    pub names: Vec<String>,
    pub real_now: Timestamp,
}

impl Fact for ForgetSlips {
    /// How many are gone.
    type Receipt = usize;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.extend(self.names.iter().map(|name| Lane::of(name)));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        self.names.iter().for_each(|name| needs.login_slips.key(name.clone()));
    }

    fn record(&self, _cx: &Context<'_>, world: &mut World) -> usize {
        let is_over = |name: &&String| {
            world.login_slips.get(*name).is_some_and(|slip| slip.expires_at <= self.real_now)
        };
        let over: Vec<&String> = self.names.iter().filter(is_over).collect();
        for name in &over {
            world.login_slips.remove(name);
        }
        over.len()
    }
}
