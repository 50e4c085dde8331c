//! Webhooks of gateways: verified, stored, answered; then worked off.
//!
//! Invariants: nothing of an unverified request is stored; nothing is done before it is stored; what
//! an event says is only a hint which object to ask the gateway about, so duplicates, order and
//! delay cannot matter. Deliberately not here: what an outcome means (`domain`), signatures
//! (`gateways`).

mod meetings;
mod planted;
mod receive;
mod work;

pub use meetings::receive_meeting;
pub use receive::{ReceiveError, receive};
pub use work::round;
