//! Sessions: families of rotating refresh tokens.
//!
//! Each token is derived from the one before it with a key of the server, so that several tabs
//! which present the same token are given the same next one and all of them stay usable. The
//! caller brings the chain of hashes that follows from the presented token; where the session's
//! current token stands in it tells how old the presented one is.

use super::Started;
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, PersonId, SessionId};
use crate::records::{Instants, Session};
use crate::refusal::Refusal;
use crate::time::Timestamp;
use crate::world::{Needs, World};

/// Rotations remembered within the grace.
const ROTATIONS_MAX: usize = 32;

/// A refresh token presented for a new pair.
#[derive(Clone, Debug)]
pub struct RefreshSession {
    pub session: SessionId,
    /// Hash of the presented token, then of each token that follows from it.
    pub chain: Vec<String>,
    pub real_now: Timestamp,
}

/// How presenting a refresh token ends. Not a refusal even when it is a no: a family that is
/// revoked must stay so.
#[derive(Clone, Debug, PartialEq)]
pub enum Refreshed {
    /// Hand out the token at this place of the chain.
    Renewed {
        place: usize,
        started: Box<Started>,
    },
    Invalid,
    /// An old token came back: somebody has a copy, so the whole family ends.
    Reused,
}

/// Ends one session; a token that proves nothing ends nothing.
#[derive(Clone, Debug)]
pub struct Logout {
    pub session: SessionId,
    pub chain: Vec<String>,
    pub real_now: Timestamp,
}

/// A new password by somebody who is logged in; every other login ends.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    pub person: PersonId,
    /// The login that goes on, if it is one of ours.
    pub session: Option<SessionId>,
    /// The stored hash that the current password was compared with.
    pub seen: Option<String>,
    /// PHC string.
    pub password: String,
}

fn needs(world: &World, needs: &mut Needs, session: SessionId) {
    needs.sessions.key(session);
    if let Some(session) = world.sessions.peek(&session) {
        needs.people.key(session.person);
    }
}

impl Command for RefreshSession {
    type Receipt = Refreshed;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.session.lane());
    }

    fn needs(&self, world: &World, wanted: &mut Needs) {
        needs(world, wanted, self.session);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Refreshed, Refusal> {
        let Some(session) = world.sessions.get(&self.session).cloned() else {
            return Ok(Refreshed::Invalid);
        };
        let Some(age) = age(&session, &self.chain) else { return Ok(Refreshed::Invalid) };
        if !self.usable(cx, world, &session) {
            return Ok(Refreshed::Invalid);
        }
        if age == 0 {
            return Ok(self.rotate(cx, world, &session));
        }
        let rotated_at = session.rotations.0.get(age - 1);
        if rotated_at.is_some_and(|at| self.real_now < *at + cx.policies.refresh_reuse_grace) {
            return Ok(self.renewed(world, age));
        }
        world.sessions.update(&self.session, |session| session.revoked_at = Some(self.real_now));
        let object = ("session", self.session.raw(), self.session.lane());
        world.audit(cx, None, "session.token_reused", object, format!(r#"{{"person":{}}}"#, session.person));
        Ok(Refreshed::Reused)
    }
}

impl RefreshSession {
    fn usable(&self, cx: &Context<'_>, world: &World, session: &Session) -> bool {
        let person = world.people.get(&session.person);
        session.revoked_at.is_none()
            && self.real_now < session.expires_at
            && self.real_now < session.used_at + cx.policies.refresh_idle
            && person.is_some_and(|person| person.active && person.session_version == session.version)
    }

    fn rotate(&self, cx: &Context<'_>, world: &mut World, session: &Session) -> Refreshed {
        let Some(next) = self.chain.get(1) else { return Refreshed::Invalid };
        let in_grace = |at: &Timestamp| self.real_now < *at + cx.policies.refresh_reuse_grace;
        let mut rotations = vec![self.real_now];
        rotations.extend(session.rotations.0.iter().copied().filter(in_grace).take(ROTATIONS_MAX - 1));
        world.sessions.update(&self.session, |session| {
            session.token.clone_from(next);
            session.rotations = Instants(rotations);
            session.used_at = self.real_now;
        });
        self.renewed(world, 1)
    }

    fn renewed(&self, world: &World, place: usize) -> Refreshed {
        let session = world.sessions.get(&self.session).expect("looked at before").clone();
        let person = world.people.get(&session.person).expect("looked at before").clone();
        Refreshed::Renewed { place, started: Box::new(Started { session, person }) }
    }
}

/// How many rotations ago the presented token was the current one.
fn age(session: &Session, chain: &[String]) -> Option<usize> {
    chain.iter().position(|hash| *hash == session.token)
}

impl Command for Logout {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.session.lane());
    }

    fn needs(&self, _world: &World, wanted: &mut Needs) {
        wanted.sessions.key(self.session);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<(), Refusal> {
        let session = world.sessions.get(&self.session).filter(|s| age(s, &self.chain).is_some());
        if let Some(person) = session.map(|session| session.person) {
            let object = ("session", self.session.raw(), self.session.lane());
            world.audit(cx, Some(person), "session.ended", object, "{}".into());
            world.sessions.update(&self.session, |session| {
                session.revoked_at = session.revoked_at.or(Some(self.real_now));
            });
        }
        Ok(())
    }
}

impl Command for ChangePassword {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, wanted: &mut Needs) {
        wanted.people.key(self.person);
        if let Some(session) = self.session {
            wanted.sessions.key(session);
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<(), Refusal> {
        let person = world.people.get(&self.person).ok_or(Refusal::NotFound)?;
        if person.password != self.seen {
            return Err(Refusal::WrongPassword);
        }
        super::end_sessions(world, self.person);
        world.people.update(&self.person, |person| {
            person.password = Some(self.password.clone());
            person.updated_at = cx.now;
        });
        let version = world.people.get(&self.person).expect("looked at above").session_version;
        let own = self.session.filter(|id| world.sessions.get(id).is_some_and(|s| s.person == self.person));
        if let Some(session) = own {
            world.sessions.update(&session, |session| session.version = version);
        }
        let object = ("person", self.person.raw(), self.person.lane());
        world.audit(cx, Some(self.person), "person.password_changed", object, "{}".into());
        Ok(())
    }
}
