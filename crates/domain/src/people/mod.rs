//! People: who they are, their roles, and how they log in.
//!
//! Invariants: an address, a UUID and an outside subject belong to one person; nobody gives himself
//! a right; a token of any kind is known by its hash only; whatever must end a login raises
//! `session_version`. Hashing, secrets and their lifetimes' clock come in with the command: logins
//! live in real time, which the sandbox cannot advance. Deliberately not here: hashing, wire forms,
//! what a mail says.

mod adopt;
mod enter;
mod erase;
mod login;
mod mailed;
mod profiles;
mod register;
mod roles;
mod sessions;
mod slips;
#[cfg(test)]
mod tests;

pub use adopt::{Adopt, Link};
pub use enter::{Enter, Entered};
pub use erase::{ERASED_NAME, Erase, EraseAgain, EraseTexts, is_erased};
pub use login::{StartSession, Started, TryLogin};
pub use mailed::{Mailed, RequestReset, RequestVerification, ResetPassword, VerifyEmail};
pub use profiles::{AddRole, ProfilePatch, Profiles, Side, UpdateProfile};
pub use register::{Register, Role};
pub use roles::{CreateAdmin, PromoteAdmin, SetRoles};
pub use sessions::{ChangePassword, Logout, RefreshSession, Refreshed};
pub use slips::{ForgetSlips, IssueSlip, Slip, TakeSlip};

use crate::context::Context;
use crate::id::{Lane, PersonId};
use crate::records::{Claim, Person, Space};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// Characters of a full name.
pub const NAME_MAX: usize = 150;
/// Octets of an e-mail address (RFC 5321).
pub const EMAIL_MAX: usize = 254;

/// The form of an e-mail address that is compared: nobody owns `Ada@x.org` beside `ada@x.org`.
pub fn fold_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Something before one `@`, a name after it, nothing that could break out of a mail header.
pub fn check_email(email: &str) -> Result<(), Refusal> {
    let wrong = || Refusal::invalid("email", "must be an e-mail address");
    let email = email.trim();
    let (local, domain) = email.rsplit_once('@').ok_or_else(wrong)?;
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>(),;:\\\"[]@".contains(c);
    let dotted = domain.split('.').count() >= 2 && domain.split('.').all(|label| !label.is_empty());
    let fits = email.len() <= EMAIL_MAX && !local.is_empty() && dotted;
    if fits && local.chars().all(plain) && domain.chars().all(plain) { Ok(()) } else { Err(wrong()) }
}

fn check_text(field: &'static str, text: &str, most: usize) -> Result<(), Refusal> {
    if text.chars().count() > most {
        return Err(Refusal::invalid(field, format!("must have at most {most} characters")));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if name.trim().is_empty() {
        return Err(Refusal::invalid("full_name", "is required"));
    }
    if name.chars().any(char::is_control) {
        return Err(Refusal::invalid("full_name", "must be one line of text"));
    }
    check_text("full_name", name, NAME_MAX)
}

/// What makes a person: the lane follows from the UUID, so that it is known before there is an id.
struct Birth<'a> {
    uuid: &'a str,
    email: Option<&'a str>,
    full_name: &'a str,
    password: Option<&'a str>,
    verified: bool,
    admin: bool,
}

impl Birth<'_> {
    fn lane(&self) -> Lane {
        Lane::of(self.uuid)
    }

    fn needs(&self, needs: &mut Needs) {
        needs.claims.key((Space::Uuid, self.uuid.into()));
        if let Some(email) = self.email {
            needs.claims.key((Space::Email, fold_email(email)));
        }
    }

    fn make(&self, cx: &Context<'_>, world: &mut World) -> Result<Person, Refusal> {
        check_name(self.full_name)?;
        let id: PersonId = world.new_id(self.lane());
        if let Some(email) = self.email {
            check_email(email)?;
            if !claim(cx, world, Space::Email, fold_email(email), id) {
                return Err(Refusal::EmailTaken);
            }
        }
        assert!(claim(cx, world, Space::Uuid, self.uuid.into(), id), "UUIDs are random");
        let person = Person {
            id,
            uuid: self.uuid.into(),
            email: self.email.unwrap_or_default().trim().into(),
            full_name: self.full_name.trim().into(),
            password: self.password.map(str::to_owned),
            active: true,
            verified: self.verified,
            admin: self.admin,
            session_version: 1,
            created_at: cx.now,
            updated_at: cx.now,
        };
        world.people.insert(person.clone());
        Ok(person)
    }
}

/// Makes a name somebody's; `false` when it is taken.
fn claim(cx: &Context<'_>, world: &mut World, space: Space, name: String, person: PersonId) -> bool {
    if world.claims.get(&(space, name.clone())).is_some() {
        return false;
    }
    world.claims.insert(Claim { space, name, target: person.0, created_at: cx.now });
    true
}

/// Ends every login of a person.
fn end_sessions(world: &mut World, person: PersonId) {
    world.people.update(&person, |person| person.session_version += 1);
}
