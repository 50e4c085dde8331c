//! Who is calling: the person behind the token, as the database knows him now.
//!
//! Role, activity and session are read on every request, never taken from the token, so revoking
//! takes effect at once. Missing, bad or revoked: 401. A valid person without the role: 403, before
//! the body is looked at, when a handler takes [`Admin`] or [`Teacher`] instead of [`Caller`]. What an
//! administrator reads as one is noted in the audit before he is shown it (BR-70).

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use domain::audit::NoteReading;
use domain::bookings::Actor;
use domain::id::{Id, PersonId, SessionId};
use domain::people::{Adopt, Link};
use domain::records::{Person, Space};
use domain::refusal::Refusal;
use store::reads::Known;

use super::limits::{Bucket, Limits, Ticket};
use super::peer::Peer;
use super::problem::Problem;
use crate::app::App;
use crate::auth::external::Outsider;
use crate::auth::token::from_header;
use crate::dice::uuid_v4;

/// A logged-in person and how he came in.
pub struct Caller {
    pub person: Person,
    /// Whether he has a teacher's profile.
    pub teacher: bool,
    /// Whether he has a student's profile.
    pub student: bool,
    /// `None` for tokens of an outside issuer.
    pub session: Option<SessionId>,
    pub peer: Peer,
    limits: Arc<Limits>,
    /// Counts this request among those the person runs at once, until it is answered.
    _running: Ticket,
}

/// A caller who is an administrator.
pub struct Admin(pub Caller);

/// An administrator who is shown figures about nobody, which is not noted: it would cost a commit.
pub struct Onlooker;

/// A caller who teaches, or an administrator.
pub struct Teacher(pub Caller);

impl Caller {
    /// Who is acting, as the rules see it.
    pub fn actor(&self) -> Actor {
        if self.person.admin { Actor::Admin(self.person.id) } else { Actor::Party(self.person.id) }
    }

    /// 403 unless the caller is an administrator.
    pub fn require_admin(&self) -> Result<(), Problem> {
        if self.person.admin { Ok(()) } else { Err(Problem::forbidden("admin_required")) }
    }

    /// 403 unless the caller teaches; administrators pass.
    pub fn require_teacher(&self) -> Result<(), Problem> {
        if self.teacher || self.person.admin { Ok(()) } else { Err(Problem::forbidden("teacher_required")) }
    }

    /// Takes one from the caller's and his address's bucket.
    pub fn limit(&self, bucket: Bucket) -> Result<(), Problem> {
        self.limits.check_both(bucket, self.peer, Some(&self.person.uuid))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Caller, Problem> {
        let peer = Peer::from_request_parts(parts, app).await.unwrap_or_default();
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(from_header).ok_or_else(Problem::unauthorized)?;
        let (known, session) = match &app.external {
            Some(external) if external.is_named_by(token) => {
                let outsider = external.verify(token).await.map_err(|_| Problem::unauthorized())?;
                (known_outsider(app, outsider).await?, None)
            }
            _ => logged_in(app, token).await?,
        };
        let known = known.filter(|known| known.person.active).ok_or_else(Problem::unauthorized)?;
        app.limits.check(Bucket::Other, &known.person.uuid)?;
        let running = app.limits.enter(&known.person.uuid)?;
        let Known { person, teacher, student } = known;
        let limits = Arc::clone(&app.limits);
        Ok(Caller { person, teacher, student, session, peer, limits, _running: running })
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Admin, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        caller.require_admin()?;
        if parts.method == Method::GET {
            let route = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned());
            note_reading(app, &caller.person, &route.unwrap_or_default()).await?;
        }
        Ok(Admin(caller))
    }
}

impl FromRequestParts<App> for Onlooker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Onlooker, Problem> {
        Caller::from_request_parts(parts, app).await?.require_admin()?;
        Ok(Onlooker)
    }
}

impl FromRequestParts<App> for Teacher {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Teacher, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        caller.require_teacher()?;
        Ok(Teacher(caller))
    }
}

/// Remembers that an administrator is about to be shown what is others'; nothing for anybody else.
pub async fn note_reading(app: &App, reader: &Person, path: &str) -> Result<(), Problem> {
    if reader.admin {
        app.db.record(NoteReading { actor: reader.id, path: path.to_owned() }).await?;
    }
    Ok(())
}

/// The person of a session that still stands. A login that outlived a change of password or rights
/// has another version than its person.
async fn logged_in(app: &App, token: &str) -> Result<(Option<Known>, Option<SessionId>), Problem> {
    let claims = app.tokens.verify(token).map_err(|_| Problem::unauthorized())?;
    let id = SessionId::from_raw(claims.session);
    let found = app.db.read(move |reads| reads.logged_in(id)).await?;
    let now = app.real_clock.now();
    let standing = found.filter(|found| {
        found.session.revoked_at.is_none()
            && now < found.session.expires_at
            && found.session.version == found.known.person.session_version
            && found.known.person.uuid == claims.person
    });
    Ok((standing.map(|found| found.known), Some(id)))
}

/// The person an outside issuer vouches for; the first visit makes one.
async fn known_outsider(app: &App, outsider: Outsider) -> Result<Option<Known>, Problem> {
    let subject = outsider.subject_name();
    let name = subject.clone();
    let known = app.db.read(move |reads| match reads.claimed(Space::Subject, &name)? {
        Some(id) => reads.known(PersonId(id)),
        None => Ok(None),
    });
    if let Some(known) = known.await? {
        return Ok(Some(known));
    }
    let adopt = Adopt {
        uuid: uuid_v4(app.dice.as_ref()),
        subject: subject.clone(),
        email: outsider.email.clone(),
        full_name: outsider.full_name(),
    };
    let id = match app.db.submit(adopt).await {
        Err(store::Error::Refused(Refusal::EmailTaken)) => {
            let email = outsider.email.unwrap_or_default();
            let owner = app.db.read(move |reads| reads.person_by_email(&email)).await?;
            let person = owner.ok_or_else(Problem::unauthorized)?.id;
            app.db.submit(Link { person, subject }).await?
        }
        adopted => adopted?,
    };
    Ok(app.db.read(move |reads| reads.known(id)).await?)
}
