//! What a meeting provider that has to be called can do. One folder a provider beside this file.
//!
//! A call is one exchange without repeats; whether to ask again, and when, is not decided here.

use domain::meetings::Happening;
use domain::time::{Span, Timestamp};
use gateways::gateway::{Inbound, InboundError, Pending};
use serde_json::Value;

use crate::config::Secret;

/// What a provider is told of a session. No Debug: it names a person.
#[derive(Clone)]
pub struct Appointment {
    /// Stands in the meeting, so that one whose making nobody heard of can be found.
    pub mark: String,
    pub title: String,
    /// The payee's address, where meetings are his.
    pub host: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
}

/// A meeting as its provider shows it. No Debug: its links are secrets.
pub struct Shown {
    pub reference: String,
    pub join_url: Secret,
    pub password: Option<Secret>,
    /// For the host alone, and not for long.
    pub host_url: Option<Secret>,
}

/// Why a call brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum No {
    /// It stays one: nothing has happened, and the same again would change nothing.
    Refused(String),
    /// Nothing has happened; it may be tried again, after the pause if there is one.
    Later { reason: String, pause: Option<Span> },
    /// It may have happened.
    Unknown(String),
}

pub type Said<T> = Result<T, No>;

/// Whether there still is a meeting of that reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Yes,
    Gone,
}

/// What a provider says without being asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    Happened {
        reference: String,
        happening: Happening,
        at: Timestamp,
    },
    /// It asks for a proof that we know its secret, and this is it.
    Proof(Value),
    /// Means nothing to us.
    Other,
}

pub trait Provider: Send + Sync {
    fn name(&self) -> &'static str;
    fn make<'a>(&'a self, appointment: &'a Appointment) -> Pending<'a, Said<Shown>>;
    /// The references of all that carry the mark.
    fn find<'a>(&'a self, appointment: &'a Appointment) -> Pending<'a, Said<Vec<String>>>;
    /// `None`: there is none.
    fn show<'a>(&'a self, reference: &'a str) -> Pending<'a, Said<Option<Shown>>>;
    fn change<'a>(&'a self, reference: &'a str, to: &'a Appointment) -> Pending<'a, Said<Kept>>;
    /// One that is gone already is dropped.
    fn drop<'a>(&'a self, reference: &'a str) -> Pending<'a, Said<()>>;
    /// Authentic words only.
    fn receive(&self, inbound: Inbound<'_>) -> Result<Word, InboundError>;
}
