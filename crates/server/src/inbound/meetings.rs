//! What the meeting provider tells: noted at once, because nothing has to be asked or done for it.
//!
//! It tells of every meeting of its account. What is not of a booking of ours means nothing.

use domain::id::{BookingId, Id};
use domain::meetings::{NoteMeeting, name};
use domain::records::Space;
use gateways::gateway::Inbound;
use serde_json::Value;

use super::ReceiveError;
use crate::app::App;
use crate::meetings::Word;

/// Verifies and notes one event; the proof that it asks for, if it is that.
pub async fn receive_meeting(
    app: &App,
    header: &(dyn Fn(&str) -> Option<String> + Sync),
    body: &[u8],
) -> Result<Option<Value>, ReceiveError> {
    let provider = app.rooms.provider().ok_or(ReceiveError::UnknownGateway)?;
    let inbound = Inbound { header, body, now: app.real_clock.now() };
    let (reference, happening, at) = match provider.receive(inbound).map_err(ReceiveError::Refused)? {
        Word::Happened { reference, happening, at } => (reference, happening, at),
        Word::Proof(proof) => return Ok(Some(proof)),
        Word::Other => return Ok(None),
    };
    let claim = name(provider.name(), &reference);
    let target = app.db.read(move |reads| reads.claimed(Space::Meeting, &claim)).await;
    if let Some(booking) = target.map_err(store::Error::from)? {
        let booking = BookingId::from_raw(booking);
        app.db.record(NoteMeeting { booking, reference, happening, at }).await?;
    }
    Ok(None)
}
