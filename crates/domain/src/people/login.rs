//! Logging in: a guess is counted before it is weighed, a right one is forgiven with its session.

use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, Lane, PersonId};
use crate::records::{Instants, LoginThrottle, Person, Session};
use crate::refusal::Refusal;
use crate::time::{Span, Timestamp};
use crate::world::{Needs, World};

/// Guesses without any delay: people mistype.
const ACCOUNT_FREE: i64 = 10;
/// Many people share an address.
const ADDRESS_FREE: i64 = 100;
/// The delay doubles up to this: about 75 guesses an hour, and never a lock for good.
const DELAY_MAX: Span = Span::MINUTE;
/// So long without a guess and all is forgotten.
const MEMORY: Span = Span::HOUR;

/// Counts a guess before the password is looked at, so that guesses sent at once are all counted.
#[derive(Clone, Debug)]
pub struct TryLogin {
    /// Digest of the account's address; unknown accounts are counted like known ones.
    pub account: String,
    /// Digest of the network address, unless rates are switched off.
    pub address: Option<String>,
    pub real_now: Timestamp,
}

impl Command for TryLogin {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(Lane::of(&self.account));
        lanes.extend(self.address.as_deref().map(Lane::of));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.login_throttles.key(self.account.clone());
        if let Some(address) = &self.address {
            needs.login_throttles.key(address.clone());
        }
    }

    fn decide(&self, _cx: &Context<'_>, world: &mut World) -> Result<(), Refusal> {
        self.count(world, &self.account, ACCOUNT_FREE)?;
        self.address.as_ref().map_or(Ok(()), |address| self.count(world, address, ADDRESS_FREE))
    }
}

impl TryLogin {
    /// A refused guess is not counted: waiting always ends.
    fn count(&self, world: &mut World, name: &String, free: i64) -> Result<(), Refusal> {
        let row = world.login_throttles.get(name).cloned();
        if let Some(row) = &row
            && self.real_now < row.blocked_until
        {
            return Err(Refusal::TooManyAttempts { wait: row.blocked_until - self.real_now });
        }
        let remembered = row.as_ref().filter(|row| self.real_now < row.updated_at + MEMORY);
        let attempts = remembered.map_or(0, |row| row.attempts) + 1;
        let new = LoginThrottle {
            name: name.clone(),
            attempts,
            blocked_until: self.real_now + delay(attempts - free),
            updated_at: self.real_now,
        };
        if row.is_some() {
            world.login_throttles.update(name, |row| *row = new);
        } else {
            world.login_throttles.insert(new);
        }
        Ok(())
    }
}

/// Nothing, then 1 s, 2 s, 4 s … up to the longest.
fn delay(beyond: i64) -> Span {
    match u32::try_from(beyond - 1) {
        Err(_) => Span::ZERO,
        Ok(doublings) => Span::seconds(1 << doublings.min(16)).min(DELAY_MAX),
    }
}

/// The password was right: a session begins.
#[derive(Clone, Debug)]
pub struct StartSession {
    pub person: PersonId,
    /// The stored hash that was compared; another one meanwhile means another password.
    pub seen: Option<String>,
    /// The same password hashed anew, when the stored hash was too cheap.
    pub rehashed: Option<String>,
    /// SHA-256 of the refresh token's secret, hex.
    pub token: String,
    /// What [`TryLogin`] counted.
    pub account: String,
    pub address: Option<String>,
    pub real_now: Timestamp,
}

/// A session that has begun or goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Started {
    pub session: Session,
    pub person: Person,
}

impl Command for StartSession {
    type Receipt = Started;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
        lanes.insert(Lane::of(&self.account));
        lanes.extend(self.address.as_deref().map(Lane::of));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.people.key(self.person);
        needs.login_throttles.key(self.account.clone());
        if let Some(address) = &self.address {
            needs.login_throttles.key(address.clone());
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Started, Refusal> {
        let person = world.people.get(&self.person).filter(|p| p.active && p.password == self.seen);
        person.ok_or(Refusal::WrongCredentials)?;
        if let Some(hash) = &self.rehashed {
            world.people.update(&self.person, |person| person.password = Some(hash.clone()));
        }
        self.forgive(world);
        Ok(begin_session(cx, world, self.person, &self.token, self.real_now))
    }
}

/// A session of somebody who has proved who he is, and whose row is in the world.
pub(super) fn begin_session(
    cx: &Context<'_>,
    world: &mut World,
    id: PersonId,
    token: &str,
    real_now: Timestamp,
) -> Started {
    let person = world.people.peek(&id).expect("the caller has looked at him").clone();
    let session = Session {
        id: world.new_id(id.lane()),
        person: id,
        token: token.to_owned(),
        rotations: Instants::default(),
        version: person.session_version,
        used_at: real_now,
        created_at: real_now,
        expires_at: real_now + cx.policies.refresh_ttl,
        revoked_at: None,
    };
    world.sessions.insert(session.clone());
    let object = ("session", session.id.raw(), session.id.lane());
    world.audit(cx, Some(id), "session.started", object, "{}".into());
    Started { session, person }
}

impl StartSession {
    /// The account starts afresh. The address only gets this one guess back: who owns one account
    /// must not be able to guess at others for ever.
    fn forgive(&self, world: &mut World) {
        world.login_throttles.remove(&self.account);
        let Some(address) = &self.address else { return };
        if world.login_throttles.get(address).is_some() {
            world.login_throttles.update(address, |row| row.attempts = (row.attempts - 1).max(0));
        }
    }
}
