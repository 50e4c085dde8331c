//! A party's open request to move a booking, as long as the booking is what it was made for.

use crate::context::Context;
use crate::id::PersonId;
use crate::records::{Booking, BookingState, ProposalOutcome};
use crate::schedule::Slot;

/// An open request to move a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub slot: Slot,
    pub by: PersonId,
    pub reason: Option<String>,
}

impl Booking {
    /// The open request, if there is one.
    pub fn proposal(&self) -> Option<Proposal> {
        let is_open = matches!(self.state, BookingState::Pending | BookingState::Confirmed);
        if !is_open || self.proposal_version != Some(self.version) {
            return None;
        }
        let slot = Slot { starts_at: self.proposed_starts_at?, ends_at: self.proposed_ends_at? };
        Some(Proposal { slot, by: self.proposed_by?, reason: self.proposal_reason.clone() })
    }

    /// Whose answer an open request waits for.
    pub fn awaited(&self, proposal: &Proposal) -> PersonId {
        if proposal.by == self.payer { self.payee } else { self.payer }
    }

    pub(super) fn propose(&mut self, cx: &Context<'_>, proposal: &Proposal) {
        self.version += 1;
        self.updated_at = cx.now;
        self.proposed_starts_at = Some(proposal.slot.starts_at);
        self.proposed_ends_at = Some(proposal.slot.ends_at);
        self.proposed_by = Some(proposal.by);
        self.proposal_reason.clone_from(&proposal.reason);
        self.proposal_version = Some(self.version);
    }

    pub(super) fn end_proposal(&mut self, cx: &Context<'_>, outcome: ProposalOutcome) {
        self.version += 1;
        self.updated_at = cx.now;
        self.proposal_outcome = Some(outcome);
    }
}
