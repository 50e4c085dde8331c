//! Zoom: meetings of a server-to-server app, by its REST interface (version 2).
//!
//! Invariants: a token is fetched when there is none that lives a minute longer, by one task at a
//! time, and a refused one is forgotten; 429 and refused credentials are "later", 5xx and silence
//! "nobody knows"; links, passwords and tokens reach no log and no error. The host's link is never
//! kept: Zoom's expire after two hours, so a fresh one is asked for when it is needed.

mod calls;
mod token;
mod webhooks;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use domain::time::Span;
use gateways::gateway::{Inbound, InboundError, Pending};
use gateways::http::{BuildError, Http};
use reqwest::Method;

use super::provider::{Appointment, Kept, No, Provider, Said, Shown, Word};
use crate::clock::Clock;
use crate::config::{Config, Secret, Zoom as Settings, ZoomHost};

/// Where tokens are given out for Zoom's own interface.
const TOKEN_BASE: &str = "https://zoom.us";
const API_BASE: &str = "https://api.zoom.us";
/// As many as Zoom gives at once, and as many pages as one look may turn.
const PAGE_SIZE: &str = "300";
const PAGES_MAX: usize = 10;

/// A client of Zoom's.
pub struct Zoom {
    http: Http,
    clock: Arc<dyn Clock>,
    api_base: String,
    token_base: String,
    account_id: String,
    client_id: Secret,
    client_secret: Secret,
    webhook_secrets: Vec<Secret>,
    tolerance: Span,
    host: ZoomHost,
    token: token::Kept,
}

impl Zoom {
    /// `clock` is the world's, which tokens and signatures live by.
    pub fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Zoom, BuildError> {
        let settings = &config.zoom;
        let secrets = settings.webhook_secret.expose().split(',').map(str::trim);
        Ok(Zoom {
            http: Http::new(Duration::from_secs(config.gateways.timeout_seconds))?,
            clock,
            api_base: settings.api_base.trim_end_matches('/').to_owned(),
            token_base: token_base(settings),
            account_id: settings.account_id.clone(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            webhook_secrets: secrets.filter(|secret| !secret.is_empty()).map(Secret::new).collect(),
            tolerance: Span::seconds(config.webhooks.tolerance_seconds),
            host: settings.host,
            token: token::Kept::default(),
        })
    }

    /// The user whose meetings they are, as it stands in a path.
    fn user(&self, appointment: &Appointment) -> String {
        match self.host {
            ZoomHost::Me => "me".to_owned(),
            ZoomHost::Teacher => wire::in_path(&appointment.host),
        }
    }

    async fn made(&self, appointment: &Appointment) -> Said<Shown> {
        let path = format!("users/{}/meetings", self.user(appointment));
        let body = wire::meeting(appointment);
        let reply = self.call(Method::POST, &path, &[], Some(&body)).await?;
        if reply.status == 201 { wire::shown(&reply.body) } else { Err(wire::refused(&reply)) }
    }

    async fn found(&self, appointment: &Appointment) -> Said<Vec<String>> {
        let path = format!("users/{}/meetings", self.user(appointment));
        let (mut found, mut next) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let query = [("type", "scheduled"), ("page_size", PAGE_SIZE), ("next_page_token", &next)];
            let query = &query[..if next.is_empty() { 2 } else { 3 }];
            let reply = self.call(Method::GET, &path, query, None).await?;
            if reply.status != 200 {
                return Err(wire::refused(&reply));
            }
            let (references, more) = wire::page(&reply.body, &appointment.mark)?;
            found.extend(references);
            match more {
                Some(token) => next = token,
                None => return Ok(found),
            }
        }
        Err(No::Unknown("there are more meetings than can be looked through".into()))
    }

    async fn shown(&self, reference: &str) -> Said<Option<Shown>> {
        let reply = self.call(Method::GET, &one(reference), &[], None).await?;
        match reply.status {
            200 => wire::shown(&reply.body).map(Some),
            404 => Ok(None),
            _ => Err(wire::refused(&reply)),
        }
    }

    async fn changed(&self, reference: &str, to: &Appointment) -> Said<Kept> {
        let reply = self.call(Method::PATCH, &one(reference), &[], Some(&wire::time(to))).await?;
        match reply.status {
            200 | 204 => Ok(Kept::Yes),
            404 => Ok(Kept::Gone),
            _ => Err(wire::refused(&reply)),
        }
    }

    async fn dropped(&self, reference: &str) -> Said<()> {
        let reply = self.call(Method::DELETE, &one(reference), &[], None).await?;
        match reply.status {
            200 | 204 | 404 => Ok(()),
            _ => Err(wire::refused(&reply)),
        }
    }
}

fn one(reference: &str) -> String {
    format!("meetings/{}", wire::in_path(reference))
}

/// Zoom gives its tokens out elsewhere; a stand-in has one address for everything.
fn token_base(settings: &Settings) -> String {
    let chosen = match (settings.oauth_base.as_str(), settings.api_base.as_str()) {
        ("", API_BASE) => TOKEN_BASE,
        ("", other) => other,
        (own, _) => own,
    };
    chosen.trim_end_matches('/').to_owned()
}

impl Provider for Zoom {
    fn name(&self) -> &'static str {
        "zoom"
    }

    fn make<'a>(&'a self, appointment: &'a Appointment) -> Pending<'a, Said<Shown>> {
        Box::pin(self.made(appointment))
    }

    fn find<'a>(&'a self, appointment: &'a Appointment) -> Pending<'a, Said<Vec<String>>> {
        Box::pin(self.found(appointment))
    }

    fn show<'a>(&'a self, reference: &'a str) -> Pending<'a, Said<Option<Shown>>> {
        Box::pin(self.shown(reference))
    }

    fn change<'a>(&'a self, reference: &'a str, to: &'a Appointment) -> Pending<'a, Said<Kept>> {
        Box::pin(self.changed(reference, to))
    }

    fn drop<'a>(&'a self, reference: &'a str) -> Pending<'a, Said<()>> {
        Box::pin(self.dropped(reference))
    }

    fn receive(&self, inbound: Inbound<'_>) -> Result<Word, InboundError> {
        webhooks::receive(inbound, &self.webhook_secrets, self.tolerance)
    }
}
