//! Asking for money back, deciding about it, and what becomes of it.

use domain::bookings::{Actor, Cancel, Cancelled};
use domain::gateway::RefundReportState;
use domain::id::{BookingId, OpId, PaymentId, PersonId, RefundId};
use domain::ledger::Account;
use domain::money::Money;
use domain::operations::Step;
use domain::records::{Refund, RefundCause};
use domain::refunds::{By, Request, Requested, Review, Reviewed, Verdict, Way};
use domain::refusal::Refusal;

use super::shop::*;

pub const ADMIN: PersonId = PersonId(domain::id::LANES * 2 + 7);

/// A request as the payer's client sends it.
pub fn request(payment: PaymentId, amount: Option<Money>) -> Request {
    let by = By::Party(STUDENT);
    Request { payment, by, amount, reason: "ill".into(), way: Way::ByPolicy, key: None }
}

impl Shop {
    pub fn cancel(&mut self, booking: BookingId) -> Cancelled {
        let cancel = Cancel {
            booking,
            payer: STUDENT,
            actor: Actor::Party(STUDENT),
            cause: RefundCause::Cancelled,
            reason: "ill".into(),
        };
        self.submit(&cancel).unwrap()
    }

    pub fn ask(&mut self, payment: PaymentId, minor: i64) -> Result<Requested, Refusal> {
        self.submit(&request(payment, Some(usd(minor))))
    }

    /// A refund of a part that nobody has to approve, whatever the lesson's state.
    pub fn give(&mut self, payment: PaymentId, minor: i64) -> Result<(RefundId, OpId), Refusal> {
        match self.ask(payment, minor)? {
            Requested::Started { refund, op, .. } => Ok((refund.id, op)),
            Requested::Noted(refund) => {
                let reviewed = self.review(refund.id, Verdict::ApproveAndSend)?;
                Ok((refund.id, reviewed.op.unwrap()))
            }
            Requested::Standing(_) => Err(Refusal::RefundExceedsRemaining),
            other => panic!("{other:?}"),
        }
    }

    pub fn review(&mut self, refund: RefundId, verdict: Verdict) -> Result<Reviewed, Refusal> {
        self.submit(&Review { refund, by: ADMIN, verdict, notes: None })
    }

    pub fn settle(&mut self, op: OpId, state: RefundReportState) -> Step {
        let amount = self.op(op).amount;
        self.hear_refund(op, refund_done(op, amount, state)).step
    }

    /// Every refund of the payment.
    pub fn refunds(&self, payment: PaymentId) -> Vec<&Refund> {
        self.kept.refunds.values().filter(|refund| refund.payment == payment).collect()
    }

    /// Pending, available and owed, as an accountant writes it.
    pub fn payee(&self) -> [i64; 3] {
        let accounts = [
            Account::PayeePending(TEACHER),
            Account::PayeeAvailable(TEACHER),
            Account::PayeeReceivable(TEACHER),
        ];
        accounts.map(|account| {
            let (posted, pending) = self.balance(&account);
            posted + pending
        })
    }
}
