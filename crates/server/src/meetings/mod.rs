//! Where sessions take place.
//!
//! Invariants: nobody is shown a link before the money was captured or after the booking was
//! cancelled, and nobody but the payee is shown the host's; showing one calls nobody and writes
//! nothing, so no booking and no payment ever waits for a meeting. Rooms of our own are functions of
//! their booking: nothing has to be created, moved or deleted for them.
//! Deliberately not here: pages (`api::meetings`), who may ask for a booking.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::{BookingId, Id, PersonId};
use domain::records::{Booking, BookingState};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::auth::chain::mac;
use crate::config::{Config, MeetingProvider, Secrets};

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
    pub password: Option<String>,
}

/// Gives bookings their rooms.
pub struct Rooms {
    way: Way,
}

enum Way {
    /// Rooms of this server, behind links that only we can make.
    Builtin {
        key: Zeroizing<[u8; 32]>,
        base: String,
    },
    /// One room for everybody.
    Fixed(String),
    Nowhere,
}

impl Rooms {
    /// As the settings have it.
    pub fn new(config: &Config, secrets: &Secrets) -> Rooms {
        let key = || Zeroizing::new(mac(secrets.jwt_key.expose().as_bytes(), b"bursar meeting rooms"));
        let way = match config.meeting.provider {
            MeetingProvider::Builtin => {
                Way::Builtin { key: key(), base: format!("{}/meet", config.public_url()) }
            }
            MeetingProvider::StaticUrl => Way::Fixed(config.meeting.static_url.clone()),
            MeetingProvider::Zoom | MeetingProvider::None => Way::Nowhere,
        };
        Rooms { way }
    }

    /// What this person may see of a booking's meeting: everything is `None` until it is confirmed and
    /// paid (BR-9), and again once it is cancelled.
    pub fn meeting(&self, booking: &Booking, is_paid: bool, viewer: PersonId) -> Meeting {
        let is_on = matches!(booking.state, BookingState::Confirmed | BookingState::Completed);
        if !is_paid || !is_on || booking.slot().is_none() {
            return Meeting::default();
        }
        match &self.way {
            Way::Nowhere => Meeting::default(),
            Way::Fixed(url) => Meeting { join_url: Some(url.clone()), ..Meeting::default() },
            Way::Builtin { key, base } => {
                let link = |entrance| format!("{base}/{}", sealed(key, booking.id, entrance));
                Meeting {
                    id: Some(booking.id.to_string()),
                    join_url: Some(link(Entrance::Guest)),
                    start_url: (viewer == booking.payee).then(|| link(Entrance::Host)),
                    password: None,
                }
            }
        }
    }

    /// Whose room a link of ours leads to, and through which door.
    pub fn open(&self, token: &str) -> Option<(BookingId, Entrance)> {
        let Way::Builtin { key, .. } = &self.way else { return None };
        let (id, _) = token.split_once('-')?;
        let booking = BookingId::from_raw(id.parse::<i64>().ok().filter(|id| *id > 0)?);
        [Entrance::Guest, Entrance::Host].into_iter().find_map(|entrance| {
            let ours = sealed(key, booking, entrance);
            let is_ours: bool = ours.as_bytes().ct_eq(token.as_bytes()).into();
            is_ours.then_some((booking, entrance))
        })
    }
}

fn sealed(key: &[u8; 32], booking: BookingId, entrance: Entrance) -> String {
    let seal = mac(key, format!("{}|{booking}", entrance.word()).as_bytes());
    format!("{booking}-{}", URL_SAFE_NO_PAD.encode(&seal[..SEAL_LENGTH]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(key: u8) -> Rooms {
        Rooms {
            way: Way::Builtin { key: Zeroizing::new([key; 32]), base: "https://bursar.example/meet".into() },
        }
    }

    #[test]
    fn links_lead_back_to_their_booking_and_cannot_be_made_up() {
        let ours = rooms(1);
        let Way::Builtin { key, .. } = &ours.way else { panic!("a room of our own") };
        let booking = BookingId::from_raw(513);
        for entrance in [Entrance::Guest, Entrance::Host] {
            let token = sealed(key, booking, entrance);
            assert_eq!(ours.open(&token), Some((booking, entrance)));
            assert_eq!(rooms(2).open(&token), None, "another marketplace's");
            let other = token.replacen("513", "769", 1);
            assert_eq!(ours.open(&other), None, "another booking's");
        }
        let (guest, host) = (sealed(key, booking, Entrance::Guest), sealed(key, booking, Entrance::Host));
        assert_ne!(guest, host, "a guest's link does not let him in as the host");
        for junk in ["", "513", "513-", "-x", "-5-x", "99999999999999999999-x"] {
            assert_eq!(ours.open(junk), None, "{junk}");
        }
    }
}
