//! Who is calling: the person behind the token, as the database knows him now.
//!
//! Role, activity and session are read on every request, never taken from the token, so revoking
//! takes effect at once. Missing, bad or revoked: 401.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use domain::id::{Id, SessionId};
use domain::records::{Person, Session};

use super::limits::{Bucket, Limits};
use super::peer::Peer;
use super::problem::Problem;
use crate::app::App;
use crate::auth::token::{Claims, from_header};

/// A logged-in person and how he came in.
pub struct Caller {
    pub person: Person,
    /// `None` for tokens of an outside issuer.
    pub session: Option<SessionId>,
    pub peer: Peer,
    limits: Arc<Limits>,
}

impl Caller {
    /// 403 unless the caller is an administrator.
    pub fn require_admin(&self) -> Result<(), Problem> {
        if self.person.admin { Ok(()) } else { Err(Problem::forbidden("admin_required")) }
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
        let claims = app.tokens.verify(token).map_err(|_| Problem::unauthorized())?;
        let session = SessionId::from_raw(claims.session);
        let person = logged_in(app, session, claims).await?.ok_or_else(Problem::unauthorized)?;
        Ok(Caller { person, session: Some(session), peer, limits: Arc::clone(&app.limits) })
    }
}

/// The person of a session that still stands.
async fn logged_in(app: &App, session: SessionId, claims: Claims) -> Result<Option<Person>, Problem> {
    let found = app.db.read(move |reads| {
        let Some(session) = reads.find::<Session>(&session)? else { return Ok(None) };
        if session.revoked_at.is_some() {
            return Ok(None);
        }
        reads.find::<Person>(&session.person)
    });
    let stands = |person: &Person| {
        person.active && person.uuid == claims.person && person.session_version == claims.version
    };
    Ok(found.await?.filter(stands))
}
