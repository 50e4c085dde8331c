//! People, their profiles, sessions and one-time tokens, and the claims that keep things unique.

use super::{by_id, by_key, words};
use crate::id::{Id, Lane, PersonId, SessionId};
use crate::time::Timestamp;

/// Somebody with a login.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub id: PersonId,
    /// The id on the wire, lower-case UUID text.
    pub uuid: String,
    /// As typed, trimmed; the claim holds the folded form.
    pub email: String,
    pub full_name: String,
    /// PHC string; `None` for people whose login is elsewhere.
    pub password: Option<String>,
    pub active: bool,
    pub verified: bool,
    pub admin: bool,
    /// Goes up whenever every token must die (password change, role change by an admin, logout of all).
    pub session_version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

by_id!(Person, PersonId);

/// What a teacher tells of himself; existing means "is a teacher".
#[derive(Clone, Debug, PartialEq)]
pub struct TeacherProfile {
    pub id: PersonId,
    pub bio: String,
    pub qualification: String,
    pub experience_years: i64,
    pub about: String,
    pub teaching_languages: String,
    pub hourly_rate_minor: Option<i64>,
    pub profile_picture: String,
    pub city: String,
    pub country: String,
    pub postal_code: String,
    pub native_language: String,
    pub time_zone: String,
    pub verified: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

by_id!(TeacherProfile, PersonId);

/// What a student tells of himself; existing means "is a student".
#[derive(Clone, Debug, PartialEq)]
pub struct StudentProfile {
    pub id: PersonId,
    pub bio: String,
    pub profile_picture: String,
    pub city: String,
    pub country: String,
    pub postal_code: String,
    pub native_language: String,
    pub learning_language: String,
    pub time_zone: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

by_id!(StudentProfile, PersonId);

/// A login: one family of rotating refresh tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub id: SessionId,
    pub person: PersonId,
    /// SHA-256 of the current refresh token, hex.
    pub token: String,
    /// When tokens before it were rotated away, newest first and not beyond the grace: browsers have tabs.
    pub rotations: Instants,
    /// The person's `session_version` that this login is good for.
    pub version: i64,
    pub used_at: Timestamp,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

by_id!(Session, SessionId);

/// A few instants in one column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instants(pub Vec<Timestamp>);

/// Guesses at one account or from one address, counted by all nodes together.
#[derive(Clone, Debug, PartialEq)]
pub struct LoginThrottle {
    /// A digest: neither an e-mail address nor an IP address is kept here.
    pub name: String,
    pub attempts: i64,
    pub blocked_until: Timestamp,
    pub updated_at: Timestamp,
}

by_key!(LoginThrottle, String, |throttle| throttle.name.clone(), lane | throttle | Lane::of(&throttle.name));

words! {
    /// What a one-time token is good for.
    Purpose { PasswordReset = "password_reset", VerifyEmail = "verify_email" }
}

/// The newest one-time token of a person for a purpose; older ones are void.
#[derive(Clone, Debug, PartialEq)]
pub struct OneTimeToken {
    pub person: PersonId,
    pub purpose: Purpose,
    /// SHA-256 of the token, hex.
    pub token: String,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

by_key!(
    OneTimeToken,
    (PersonId, Purpose),
    |token| (token.person, token.purpose),
    lane | token | token.person.lane()
);

words! {
    /// Which part of a login elsewhere a slip is good for.
    SlipPurpose {
        /// From our door to the issuer's answer.
        Departure = "departure",
        /// From the issuer's answer to the session that the client asks for.
        Ticket = "ticket",
    }
}

/// What the server remembers of a login on its way through somebody's browser; used once.
#[derive(Clone, Debug, PartialEq)]
pub struct LoginSlip {
    /// SHA-256 of what the browser carries, hex.
    pub name: String,
    pub purpose: SlipPurpose,
    /// SHA-256 of what has to come with it, hex.
    pub proof: String,
    /// What is remembered, sealed by the server.
    pub sealed: String,
    pub expires_at: Timestamp,
}

by_key!(LoginSlip, String, |slip| slip.name.clone(), lane | slip | Lane::of(&slip.name));

words! {
    /// What must be unique in the world.
    Space {
        Email = "email",
        Uuid = "uuid",
        /// The `sub` of an outside token issuer.
        Subject = "subject",
        /// A gateway's id of a charge, movement, refund or dispute: `<gateway>:<id>`.
        GatewayObject = "gateway_object",
        /// `<gateway>:<event id>`.
        WebhookEvent = "webhook_event",
        /// A provider's id of a booking's meeting: `<provider>:<id>`.
        Meeting = "meeting",
    }
}

/// An insert-only row that makes a name unique in the world and leads to its owner.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub space: Space,
    pub name: String,
    /// The raw id of what the name stands for.
    pub target: i64,
    pub created_at: Timestamp,
}

impl Claim {
    /// The lane of a name: claims live where their name hashes to, not where their target lives.
    pub fn lane_of(name: &str) -> Lane {
        Lane::of(name)
    }
}

by_key!(
    Claim,
    (Space, String),
    |claim| (claim.space, claim.name.clone()),
    lane | claim | Claim::lane_of(&claim.name)
);
