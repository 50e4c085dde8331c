//! Where sessions take place.
//!
//! Invariants: nobody is shown a link before the money was captured or after the booking was
//! cancelled, and nobody but the payee is shown the host's; showing one calls nobody and writes
//! nothing, so no booking and no payment ever waits for a meeting. Rooms of our own are functions of
//! their booking: nothing has to be created, moved or deleted for them. Those of a [`Provider`] stand
//! with their booking, sealed; the host's link leads through us, because theirs do not last.
//! Deliberately not here: pages (`api::meetings`), who may ask for a booking, when somebody is called
//! (`jobs::meetings`).

mod provider;
mod zoom;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::{BookingId, Id, PersonId};
use domain::records::{Booking, BookingState};
use gateways::http::BuildError;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::auth::chain::mac;
use crate::clock::Clock;
use crate::config::{Config, MeetingProvider, Secret, Secrets};
use crate::seal::Seal;

pub use provider::{Appointment, Kept, No, Provider, Said, Shown, Word};

/// How much of a seal a link carries: 128 bits.
const SEAL_LENGTH: usize = 16;

/// As whom somebody enters a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    Guest,
    Host,
}

impl Entrance {
    fn word(self) -> &'static str {
        match self {
            Entrance::Guest => "guest",
            Entrance::Host => "host",
        }
    }
}

/// A session's meeting as one person may see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meeting {
    pub id: Option<String>,
    pub join_url: Option<String>,
    /// The payee's alone.
    pub start_url: Option<String>,
    /// The payee's alone: the link to join carries what it needs.
    pub password: Option<String>,
}

/// Gives bookings their rooms.
pub struct Rooms {
    way: Way,
    /// Makes our links, which nobody else can.
    key: Zeroizing<[u8; 32]>,
    base: String,
    seal: Arc<Seal>,
    /// Also where it makes no new meetings any more: those it has made are looked after.
    provider: Option<Arc<dyn Provider>>,
}

enum Way {
    /// Rooms of this server.
    Builtin,
    /// One room for everybody.
    Fixed(String),
    /// Only where a provider has made one.
    Made,
}

/// The providers of this installation that have to be called, from settings. `clock` is the world's.
pub fn provider(config: &Config, clock: Arc<dyn Clock>) -> Result<Option<Arc<dyn Provider>>, BuildError> {
    if config.zoom.client_id.is_empty() {
        return Ok(None);
    }
    Ok(Some(Arc::new(zoom::Zoom::new(config, clock)?)))
}

impl Rooms {
    /// As the settings have it.
    pub fn new(
        config: &Config,
        secrets: &Secrets,
        seal: Arc<Seal>,
        provider: Option<Arc<dyn Provider>>,
    ) -> Rooms {
        let way = match config.meeting.provider {
            MeetingProvider::Builtin => Way::Builtin,
            MeetingProvider::StaticUrl => Way::Fixed(config.meeting.static_url.clone()),
            MeetingProvider::Zoom | MeetingProvider::None => Way::Made,
        };
        let key = Zeroizing::new(mac(secrets.link_key().expose().as_bytes(), b"bursar meeting rooms"));
        Rooms { way, key, base: format!("{}/meet", config.public_url()), seal, provider }
    }

    /// Who is called to make meetings.
    pub fn provider(&self) -> Option<&Arc<dyn Provider>> {
        self.provider.as_ref()
    }

    /// What this person may see of a booking's meeting: everything is `None` until it is confirmed and
    /// paid (BR-9), and again once it is cancelled.
    pub fn meeting(&self, booking: &Booking, is_paid: bool, viewer: PersonId) -> Meeting {
        let is_on = matches!(booking.state, BookingState::Confirmed | BookingState::Completed);
        if !is_paid || !is_on || booking.slot().is_none() {
            return Meeting::default();
        }
        let is_host = viewer == booking.payee;
        let host = is_host.then(|| self.link(booking.id, Entrance::Host));
        if let Some(made) = booking.room.as_ref().and_then(|sealed| self.unsealed(booking.id, sealed)) {
            let start_url = host.filter(|_| self.provider.is_some());
            return Meeting { start_url, password: made.password.filter(|_| is_host), ..made };
        }
        match &self.way {
            Way::Made => Meeting::default(),
            Way::Fixed(url) => Meeting { join_url: Some(url.clone()), ..Meeting::default() },
            Way::Builtin => Meeting {
                id: Some(booking.id.to_string()),
                join_url: Some(self.link(booking.id, Entrance::Guest)),
                start_url: host,
                password: None,
            },
        }
    }

    fn link(&self, booking: BookingId, entrance: Entrance) -> String {
        format!("{}/{}", self.base, sealed(&self.key, booking, entrance))
    }

    /// What is kept of a provider's meeting: links are secrets, so they wait sealed.
    pub fn sealed(&self, booking: BookingId, shown: &Shown) -> String {
        let password = shown.password.as_ref().map(Secret::expose);
        let room = json!([shown.reference, shown.join_url.expose(), password]);
        self.seal.seal(&place(booking), &Secret::new(room.to_string()))
    }

    fn unsealed(&self, booking: BookingId, sealed: &str) -> Option<Meeting> {
        let room = self.seal.open(&place(booking), sealed)?;
        let room: Value = serde_json::from_str(room.expose()).ok()?;
        let text = |index: usize| room[index].as_str().map(str::to_owned);
        Some(Meeting { id: text(0), join_url: text(1), start_url: None, password: text(2) })
    }

    /// Whose room a link of ours leads to, and through which door.
    pub fn open(&self, token: &str) -> Option<(BookingId, Entrance)> {
        let (id, _) = token.split_once('-')?;
        let booking = BookingId::from_raw(id.parse::<i64>().ok().filter(|id| *id > 0)?);
        [Entrance::Guest, Entrance::Host].into_iter().find_map(|entrance| {
            let ours = sealed(&self.key, booking, entrance);
            let is_ours: bool = ours.as_bytes().ct_eq(token.as_bytes()).into();
            is_ours.then_some((booking, entrance))
        })
    }
}

fn place(booking: BookingId) -> String {
    format!("booking|room|{booking}")
}

fn sealed(key: &[u8; 32], booking: BookingId, entrance: Entrance) -> String {
    let seal = mac(key, format!("{}|{booking}", entrance.word()).as_bytes());
    format!("{booking}-{}", URL_SAFE_NO_PAD.encode(&seal[..SEAL_LENGTH]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};
    use crate::dice::OsDice;

    fn rooms(jwt: &str, link: &str) -> Rooms {
        let settings = [
            ("database.url", "sqlite::memory:".to_owned()),
            ("secrets.jwt_key", format!("{jwt}-0123456789abcdefghijklmnopqrstuv")),
            ("secrets.link_key", link.to_owned()),
            ("secrets.key_encryption_key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8".to_owned()),
            ("secrets.sandbox_webhook_secret", "0123456789abcdefghijklmnopqrstuv".to_owned()),
            ("secrets.instance", "6f0e7c1a-3b52-4d0e-9a55-0c8a52f1d001".to_owned()),
        ];
        let config = load(&Sources { flags: settings.to_vec(), ..Sources::default() }).expect("valid");
        let secrets = Secrets::load(&config, &OsDice).expect("all are set");
        let seal = Arc::new(Seal::new(&secrets, Arc::new(OsDice)));
        Rooms::new(&config, &secrets, seal, None)
    }

    #[test]
    fn links_lead_back_to_their_booking_and_cannot_be_made_up() {
        let ours = rooms("a", "");
        let booking = BookingId::from_raw(513);
        for entrance in [Entrance::Guest, Entrance::Host] {
            let token = sealed(&ours.key, booking, entrance);
            assert_eq!(ours.open(&token), Some((booking, entrance)));
            assert_eq!(rooms("b", "").open(&token), None, "another marketplace's");
            let other = token.replacen("513", "769", 1);
            assert_eq!(ours.open(&other), None, "another booking's");
        }
        let doors = [Entrance::Guest, Entrance::Host].map(|entrance| sealed(&ours.key, booking, entrance));
        assert_ne!(doors[0], doors[1], "a guest's link does not let him in as the host");
        for junk in ["", "513", "513-", "-x", "-5-x", "99999999999999999999-x"] {
            assert_eq!(ours.open(junk), None, "{junk}");
        }
    }

    #[test]
    fn links_with_a_key_of_their_own_outlive_the_one_that_signs_tokens() {
        let own = "a-key-for-links-0123456789abcdefghijklmnopqrstuv";
        let booking = BookingId::from_raw(513);
        let token = sealed(&rooms("a", own).key, booking, Entrance::Guest);
        assert_eq!(rooms("b", own).open(&token), Some((booking, Entrance::Guest)));
        assert_eq!(rooms("a", "").open(&token), None);
    }

    #[test]
    fn a_made_room_opens_with_its_booking_only() {
        let ours = rooms("a", "");
        let shown = Shown {
            reference: "123".into(),
            join_url: Secret::new("https://meet.example/j/123"),
            password: None,
            host_url: Some(Secret::new("https://meet.example/s/123")),
        };
        let sealed = ours.sealed(BookingId(513), &shown);
        assert!(!sealed.contains("meet.example"));
        let made = ours.unsealed(BookingId(513), &sealed).expect("ours");
        assert_eq!(made.id.as_deref(), Some("123"));
        assert_eq!((made.join_url.as_deref(), made.start_url), (Some("https://meet.example/j/123"), None));
        assert_eq!(ours.unsealed(BookingId(769), &sealed), None);
    }
}
