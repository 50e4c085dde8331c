//! All that has happened to one payment: its tries at gateways, its refunds, its entries, and what people
//! did about it.

use domain::id::{Id, PaymentId};
use domain::records::{AuditEntry, Entry, Op, Payment, Refund};

use super::Reads;
use crate::engine::{Fault, Value};

/// Rows about one object that are shown at most.
const ROWS_MAX: i64 = 500;

/// The rows of a payment's life.
#[derive(Clone, Debug)]
pub struct Timeline {
    pub payment: Payment,
    pub ops: Vec<Op>,
    pub refunds: Vec<Refund>,
    pub entries: Vec<Entry>,
    pub audit: Vec<AuditEntry>,
}

impl Reads<'_> {
    /// Everything about a payment, in no particular order.
    pub fn timeline(&mut self, id: PaymentId) -> Result<Option<Timeline>, Fault> {
        let Some(payment) = self.find::<Payment>(&id)? else { return Ok(None) };
        let (ops, refunds) = (self.of::<Op>(&id)?, self.of::<Refund>(&id)?);
        let mut about = vec![("payment", id.raw())];
        about.extend(payment.booking.map(|booking| ("booking", booking.raw())));
        about.extend(ops.iter().map(|op| ("op", op.id.raw())));
        about.extend(refunds.iter().map(|refund| ("refund", refund.id.raw())));
        let (mut entries, mut audit) = (Vec::new(), Vec::new());
        let lane = Value::Int(id.lane().number());
        for (object, object_id) in about {
            let params = [lane.clone(), Value::text(object), Value::Int(object_id), Value::Int(ROWS_MAX)];
            let of_subject = "WHERE lane = $1 AND subject = $2 AND subject_id = $3 LIMIT $4";
            entries.extend(self.select::<Entry>(of_subject, &params)?);
            let of_object = "WHERE lane = $1 AND object = $2 AND object_id = $3 ORDER BY at, id LIMIT $4";
            audit.extend(self.select::<AuditEntry>(of_object, &params)?);
        }
        Ok(Some(Timeline { payment, ops, refunds, entries, audit }))
    }
}
