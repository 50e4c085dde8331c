//! From bytes on the wire to a stored event.

use domain::gateway::{Hint, Notice};
use domain::inbox::Receive;
use gateways::gateway::{Inbound, InboundError};
use store::Error;

use crate::app::App;

/// Why an event was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    #[error("no such gateway")]
    UnknownGateway,
    #[error("not authentic: {0:?}")]
    Refused(InboundError),
    #[error(transparent)]
    Store(#[from] Error),
}

/// Verifies and stores one event. `Ok` means it is safe, as new or as the duplicate it is.
pub async fn receive(
    app: &App,
    gateway: &str,
    header: &(dyn Fn(&str) -> Option<String> + Sync),
    body: &[u8],
) -> Result<(), ReceiveError> {
    let gateway = app.gateways.get(gateway).ok_or(ReceiveError::UnknownGateway)?;
    let now = app.now_at(gateway.name());
    let refused = ReceiveError::Refused;
    let notice = gateway.receive(Inbound { header, body, now }).map_err(refused)?;
    let body = std::str::from_utf8(body).map_err(|_| refused(InboundError::Unparsable))?;
    if !storable(&notice) {
        return Err(refused(InboundError::Unparsable));
    }
    let relevant = notice.live == gateway.live();
    let (gateway, body) = (gateway.name().to_owned(), body.to_owned());
    app.db.record(Receive { gateway, notice, body, relevant }).await?;
    Ok(())
}

/// Databases keep no NUL in text; an id with one is of no gateway.
fn storable(notice: &Notice) -> bool {
    let (object, charge) = match &notice.hint {
        Hint::Charge { reference, .. } | Hint::Payout { reference } => (reference.as_str(), None),
        Hint::Refund { reference, charge } | Hint::Dispute { reference, charge } => {
            (reference.as_str(), charge.as_deref())
        }
        Hint::CardDetached { token } => (token.as_str(), None),
        Hint::Other => ("", None),
    };
    let texts = [notice.event.as_str(), notice.kind.as_str(), object, charge.unwrap_or("")];
    texts.iter().all(|text| !text.contains('\0'))
}
