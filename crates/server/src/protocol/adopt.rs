//! Refunds that a gateway has and nobody here asked for.

use domain::gateway::{Answer, RefundReport};
use domain::id::{Id, OpId};
use domain::operations::Heard;
use domain::records::{Op, OpKind, Space};
use domain::refunds::{Adopt, Adopted, RecordRefund};
use store::Error;

use super::Protocol;

impl Protocol {
    /// Records a refund without our mark: against the payment of its charge, or in suspense. One that
    /// was recorded before only tells how it stands now. `None`: its charge is not known here.
    pub async fn adopt(&self, gateway: &str, report: &RefundReport) -> Result<Option<Adopted>, Error> {
        if let Some(op) = self.behind(gateway, &report.reference, OpKind::Refund).await? {
            let heard = Heard::Answer(Answer::Done(report.clone()));
            let rail = self.rail_of(gateway);
            self.db.record(RecordRefund { op: op.id, payer: op.payer, fence: None, rail, heard }).await?;
            return Ok(Some(Adopted::Known));
        }
        let Some(charge) = self.behind(gateway, &report.charge, OpKind::Charge).await? else {
            return Ok(None);
        };
        let adopt = Adopt { charge: charge.id, payer: charge.payer, report: report.clone() };
        Ok(Some(self.db.record(adopt).await?))
    }

    /// The operation that a gateway's object belongs to.
    async fn behind(&self, gateway: &str, object: &str, kind: OpKind) -> Result<Option<Op>, Error> {
        let name = format!("{gateway}:{object}");
        let claimed = self.db.read(move |reads| reads.claimed(Space::GatewayObject, &name)).await?;
        let Some(target) = claimed else { return Ok(None) };
        Ok(self.find(OpId::from_raw(target)).await?.filter(|op| op.kind == kind))
    }
}
