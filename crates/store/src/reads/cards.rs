//! Saved cards, found by what the gateway calls them.

use domain::id::{CardId, Id};
use domain::records::{Card, Space};

use super::Reads;
use crate::engine::Fault;

impl Reads<'_> {
    /// The saved card behind a gateway's token, whosever it is.
    pub fn saved_card(&mut self, gateway: &str, token: &str) -> Result<Option<Card>, Fault> {
        let Some(card) = self.claimed(Space::GatewayObject, &format!("{gateway}:{token}"))? else {
            return Ok(None);
        };
        self.find::<Card>(&CardId::from_raw(card))
    }
}
