//! One-time tokens that arrive by mail: confirming an address, choosing a new password.
//!
//! The database holds a token's hash; the mail job holds the token sealed by the server, so that
//! neither a copy of the database nor a queue of jobs lets anybody in.

use super::end_sessions;
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, PersonId};
use crate::records::{OneTimeToken, Purpose, Word};
use crate::refusal::Refusal;
use crate::time::{Span, Timestamp};
use crate::world::{Needs, World};

const VERIFY_TTL: Span = Span::days(3);
const RESET_TTL: Span = Span::HOUR;

/// A fresh one-time token as it leaves the edge.
#[derive(Clone, Debug)]
pub struct Mailed {
    /// SHA-256 of the secret, hex.
    pub hash: String,
    /// The secret, sealed for the mail job.
    pub sealed: String,
    /// Where the mail's link leads; checked against the allow-list already.
    pub redirect_to: Option<String>,
}

/// Makes a token the newest of its purpose and queues its mail.
pub(super) fn issue(
    cx: &Context<'_>,
    world: &mut World,
    person: PersonId,
    purpose: Purpose,
    token: &Mailed,
    real_now: Timestamp,
) {
    let ttl = match purpose {
        Purpose::VerifyEmail => VERIFY_TTL,
        Purpose::PasswordReset => RESET_TTL,
    };
    let key = (person, purpose);
    let row = OneTimeToken {
        person,
        purpose,
        token: token.hash.clone(),
        expires_at: real_now + ttl,
        used_at: None,
    };
    if world.one_time_tokens.peek(&key).is_some() {
        world.one_time_tokens.update(&key, |old| *old = row);
    } else {
        world.one_time_tokens.insert(row);
    }
    let body = serde_json::json!({
        "template": purpose.word(),
        "person": person.raw(),
        "sealed": token.sealed,
        "redirect_to": token.redirect_to,
    });
    let job = format!("{}:{}:{}", purpose.word(), person, token.hash);
    world.queue(person.lane(), "mail", job, body.to_string(), cx.now);
}

/// Uses a token up, or refuses it.
fn redeem(
    world: &mut World,
    key: (PersonId, Purpose),
    hash: &str,
    real_now: Timestamp,
) -> Result<(), Refusal> {
    let token = world.one_time_tokens.get(&key).ok_or(Refusal::InvalidToken)?;
    if token.token != hash || token.used_at.is_some() || token.expires_at <= real_now {
        return Err(Refusal::InvalidToken);
    }
    world.one_time_tokens.update(&key, |token| token.used_at = Some(real_now));
    Ok(())
}

/// Another verification mail; nothing happens for an address that is verified.
#[derive(Clone, Debug)]
pub struct RequestVerification {
    pub person: PersonId,
    pub token: Mailed,
    pub real_now: Timestamp,
}

/// A mail with which to choose a new password; nothing happens for an inactive person.
#[derive(Clone, Debug)]
pub struct RequestReset {
    pub person: PersonId,
    pub token: Mailed,
    pub real_now: Timestamp,
}

/// The address belongs to the person.
#[derive(Clone, Debug)]
pub struct VerifyEmail {
    pub person: PersonId,
    pub hash: String,
    pub real_now: Timestamp,
}

/// A new password, which ends every login. Whoever read the mail owns the address as well.
#[derive(Clone, Debug)]
pub struct ResetPassword {
    pub person: PersonId,
    pub hash: String,
    /// PHC string.
    pub password: String,
    pub real_now: Timestamp,
}

fn needs(needs: &mut Needs, person: PersonId, purpose: Purpose) {
    needs.people.key(person);
    needs.one_time_tokens.key((person, purpose));
}

impl Command for RequestVerification {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, wanted: &mut Needs) {
        needs(wanted, self.person, Purpose::VerifyEmail);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<(), Refusal> {
        let person = world.people.get(&self.person).ok_or(Refusal::NotFound)?;
        if person.active && !person.verified {
            issue(cx, world, self.person, Purpose::VerifyEmail, &self.token, self.real_now);
        }
        Ok(())
    }
}

impl Command for RequestReset {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, wanted: &mut Needs) {
        needs(wanted, self.person, Purpose::PasswordReset);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<(), Refusal> {
        let person = world.people.get(&self.person).ok_or(Refusal::NotFound)?;
        if person.active {
            issue(cx, world, self.person, Purpose::PasswordReset, &self.token, self.real_now);
        }
        Ok(())
    }
}

impl Command for VerifyEmail {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, wanted: &mut Needs) {
        needs(wanted, self.person, Purpose::VerifyEmail);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<(), Refusal> {
        let person = world.people.get(&self.person).ok_or(Refusal::InvalidToken)?;
        let key = (self.person, Purpose::VerifyEmail);
        let again =
            world.one_time_tokens.get(&key).is_some_and(|t| t.token == self.hash && t.used_at.is_some());
        if again && person.verified {
            // Links are clicked twice, and mail scanners click them first.
            return Ok(());
        }
        redeem(world, key, &self.hash, self.real_now)?;
        world.people.update(&self.person, |person| {
            person.verified = true;
            person.updated_at = cx.now;
        });
        Ok(())
    }
}

impl Command for ResetPassword {
    type Receipt = ();

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, wanted: &mut Needs) {
        needs(wanted, self.person, Purpose::PasswordReset);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<(), Refusal> {
        world.people.get(&self.person).filter(|person| person.active).ok_or(Refusal::InvalidToken)?;
        redeem(world, (self.person, Purpose::PasswordReset), &self.hash, self.real_now)?;
        world.people.update(&self.person, |person| {
            person.password = Some(self.password.clone());
            person.verified = true;
            person.updated_at = cx.now;
        });
        end_sessions(world, self.person);
        let object = ("person", self.person.raw(), self.person.lane());
        world.audit(cx, Some(self.person), "person.password_reset", object, "{}".into());
        Ok(())
    }
}
