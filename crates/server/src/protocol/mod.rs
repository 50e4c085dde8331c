//! The protocol for unknown outcomes, driven: commit the intent, call the gateway with the
//! operation's own key, record what was heard, and go on while this node holds the operation.
//!
//! Invariants: no call without a ticket from a commit, nor after its lease; no transaction open during
//! a call; no retry inside a call; whoever stops half-way leaves a lease that runs out and a wake-up.
//! What an outcome means is decided in `domain`; here is only who speaks when.

mod adopt;
mod call;
mod join;
mod reconcile;
mod recover;

use std::sync::Arc;

use domain::gateway::ChargeReport;
use domain::id::{OpId, PersonId};
use domain::operations::{Claim, Claimed, Heard, Rail, Step, Ticket};
use domain::payments::{Finish, RecordCharge, Settled};
use domain::records::{Op, OpKind};
use domain::refunds::{RecordRefund, SettledRefund};
use domain::time::Span;
use gateways::gateway::Gateway;
use gateways::registry::Gateways;
use store::{Db, Error};

use crate::clock::Clock;

pub use reconcile::{Difference, reconcile};
pub use recover::Recovered;

/// More calls than any operation needs: create, confirm, cancel, and one to spare.
const CALLS_MAX: usize = 4;

/// Drives operations on behalf of requests, recovery, webhooks and reconciliation.
#[derive(Clone)]
pub struct Protocol {
    db: Db,
    gateways: Gateways,
    /// What leases run by.
    clock: Arc<dyn Clock>,
}

/// Where driving an operation has led.
#[derive(Clone, Debug)]
pub enum Driven {
    Charge(Box<Settled>),
    Refund(Box<SettledRefund>),
}

impl Protocol {
    pub fn new(db: Db, gateways: Gateways, clock: Arc<dyn Clock>) -> Protocol {
        Protocol { db, gateways, clock }
    }

    /// The constants of a gateway that the rules need.
    pub fn rail(gateway: &dyn Gateway) -> Rail {
        let windows = gateway.key_windows();
        Rail {
            gateway: gateway.name().to_string(),
            one_call: gateway.abilities().one_call_charge,
            charge_window: windows.charge,
            refund_window: windows.refund,
        }
    }

    /// The same for an operation's gateway. One that was taken out of the configuration can be asked
    /// nothing, and nothing is ever repeated at it.
    fn rail_of(&self, name: &str) -> Rail {
        self.gateways.get(name).map_or_else(
            || Rail {
                gateway: name.to_string(),
                one_call: true,
                charge_window: Span::ZERO,
                refund_window: Span::ZERO,
            },
            |gateway| Protocol::rail(gateway.as_ref()),
        )
    }

    /// Makes the calls of a charge until it is over, waits for somebody, or nobody knows.
    pub async fn drive_charge(&self, ticket: Ticket, finish: Option<Finish>) -> Result<Settled, Error> {
        let mut ticket = ticket;
        let mut calls = 0;
        loop {
            calls += 1;
            let heard = call::charge(self.gateways.get(&ticket.gateway), &ticket, self.clock.as_ref()).await;
            let report =
                self.charge_report(ticket.op, ticket.payer, Some(ticket.fence), &ticket.gateway, heard);
            let settled = self.db.record(RecordCharge { finish: finish.clone(), ..report }).await?;
            match settled.step {
                Step::Next(next) if calls < CALLS_MAX => ticket = *next,
                _ => return Ok(settled),
            }
        }
    }

    /// Makes one call of a refund and records what was heard.
    pub async fn drive_refund(&self, ticket: Ticket) -> Result<SettledRefund, Error> {
        let heard = call::refund(self.gateways.get(&ticket.gateway), &ticket, self.clock.as_ref()).await;
        let rail = self.rail_of(&ticket.gateway);
        let (op, payer, fence) = (ticket.op, ticket.payer, Some(ticket.fence));
        self.db.record(RecordRefund { op, payer, fence, rail, heard }).await
    }

    fn charge_report(
        &self,
        op: OpId,
        payer: PersonId,
        fence: Option<i64>,
        gateway: &str,
        heard: Heard<ChargeReport>,
    ) -> RecordCharge {
        RecordCharge { op, payer, fence, rail: self.rail_of(gateway), heard, finish: None }
    }

    /// Takes an operation in hand and drives it; `None` when another holder has it, it is over, or
    /// its time has not come.
    pub async fn take(&self, op: &Op, cancel: bool, at_once: bool) -> Result<Option<Driven>, Error> {
        let rail = self.rail_of(&op.gateway);
        let claim = Claim { op: op.id, rail, cancel, at_once };
        match self.db.submit(claim).await? {
            Claimed::Go(ticket) => Ok(Some(self.drive(*ticket).await?)),
            Claimed::Busy | Claimed::Over | Claimed::NotYet => Ok(None),
        }
    }

    async fn drive(&self, ticket: Ticket) -> Result<Driven, Error> {
        match ticket.kind {
            OpKind::Charge => Ok(Driven::Charge(Box::new(self.drive_charge(ticket, None).await?))),
            OpKind::Refund => Ok(Driven::Refund(Box::new(self.drive_refund(ticket).await?))),
        }
    }

    /// The operation as it stands.
    pub async fn find(&self, id: OpId) -> Result<Option<Op>, Error> {
        Ok(self.db.read(move |reads| reads.find::<Op>(&id)).await?)
    }
}
