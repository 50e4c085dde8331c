//! People who are registered and logged in without a mail and without hashing a password.

use domain::people::{CreateAdmin, Mailed, ProfilePatch, Register, Role, StartSession};
use domain::records::Person;
use server::app::App;
use server::auth::token::Claims;
use server::dice::uuid_v4;

/// What stands where a password's hash would.
const HASH: &str = "phc";

/// Somebody who is logged in.
#[derive(Clone)]
pub struct Login {
    pub person: Person,
    pub token: String,
}

/// `sealed` goes into the mail that asks for a confirmation.
pub async fn register(app: &App, name: &str, role: Role, sealed: String) -> Login {
    let command = Register {
        uuid: uuid_v4(app.dice.as_ref()),
        email: format!("{name}@example.org"),
        password: HASH.into(),
        role,
        profile: ProfilePatch { full_name: Some(format!("{name} Example")), ..ProfilePatch::default() },
        token: Mailed { hash: format!("hash of {name}"), sealed, redirect_to: None },
        real_now: app.real_clock.now(),
    };
    let profiles = app.db.submit(command).await.expect("a free name");
    log_in(app, profiles.person).await
}

pub async fn admin(app: &App) -> Login {
    let command = CreateAdmin {
        uuid: uuid_v4(app.dice.as_ref()),
        email: "admin@example.org".into(),
        full_name: "Admin Example".into(),
        password: HASH.into(),
    };
    let person = app.db.submit(command).await.expect("the only one");
    log_in(app, person).await
}

async fn log_in(app: &App, person: Person) -> Login {
    let command = StartSession {
        person: person.id,
        seen: Some(HASH.into()),
        rehashed: None,
        token: format!("refresh of {}", person.uuid),
        account: person.email.clone(),
        address: None,
        real_now: app.real_clock.now(),
    };
    let started = app.db.submit(command).await.expect("the right password");
    let (session, version) = (started.session.id.0, started.session.version);
    let claims = Claims { person: person.uuid.clone(), session, version };
    let token = app.tokens.issue(&claims).token.expose().to_string();
    Login { person, token }
}
