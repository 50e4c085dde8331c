//! Refunds: created against the intent, looked up and listed.
//!
//! The cap on what may be returned is not here: the rules keep it before anything is asked.

use domain::gateway::{Answer, RefundReport};
use domain::time::Timestamp;

use super::wire::{self, Page, Refund};
use super::{Call, StripeGateway, marked};
use crate::gateway::{CreateRefund, Statement};

const REFUNDS: &str = "refunds";

impl StripeGateway {
    pub(super) async fn refund(&self, request: &CreateRefund) -> Answer<RefundReport> {
        let Some(amount) = wire::to_wire(request.amount) else {
            return Answer::Rejected(format!("{} cannot be refunded exactly", request.amount));
        };
        let mut params = marked(&request.tag);
        params.push(("payment_intent", request.charge.clone()));
        params.push(("amount", amount.to_string()));
        let call = Call::post(REFUNDS).keyed(&request.key).with(params);
        self.exchange(call, read_refund).await
    }

    pub(super) async fn look_up_refund(&self, reference: &str) -> Answer<RefundReport> {
        self.exchange(Call::get(REFUNDS).on(reference), read_refund).await
    }

    /// One page, newest first.
    pub(super) async fn list_refunds(&self, since: Timestamp, after: Option<&str>) -> Answer<Statement> {
        let call = Call::get(REFUNDS).with(self.list_params(since, after));
        self.exchange(call, |body| {
            let page: Page<Refund> = serde_json::from_slice(body).ok()?;
            let last = page.data.last().map(|refund| refund.id.clone());
            Some(Statement {
                charges: Vec::new(),
                refunds: page
                    .data
                    .into_iter()
                    .filter(|refund| refund.created >= since.seconds())
                    .filter_map(Refund::report)
                    .collect(),
                next: last.filter(|_| page.has_more),
            })
        })
        .await
    }
}

fn read_refund(body: &[u8]) -> Option<RefundReport> {
    serde_json::from_slice::<Refund>(body).ok()?.report()
}
