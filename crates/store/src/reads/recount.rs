//! The reports' sums once more, from the rows that they sum: for whoever does not believe them, and for
//! counting anew in another time zone.

use std::collections::BTreeMap;

use domain::id::{Id, PaymentId};
use domain::policy::{Calendar, Kind};
use domain::records::{Amounts, Op, Payment, Refund, RollupKey, Setting};
use domain::rollups::{of_op, of_payment, of_refund};

use super::Reads;
use crate::engine::{Fault, Value};
use crate::tables::Stored;

/// The setting that says in which zone's days the stored sums are; without it they are UTC's.
pub(crate) const ZONE: &str = "reports.time_zone";

/// Payments read together.
const PAGE: usize = 500;

impl Reads<'_> {
    /// The calendar that the stored sums follow.
    pub(crate) fn report_calendar(&mut self) -> Result<Calendar, Fault> {
        let Some(stored) = self.find::<Setting>(&ZONE.to_owned())? else { return Ok(Calendar::default()) };
        let known = Calendar::of_zone(&stored.value);
        known.ok_or_else(|| Fault::other(format!("{ZONE} is {}, which is no zone", stored.value)))
    }

    /// Tells what each payment, refund and operation of a lane adds to the sums, page by page.
    pub(crate) fn recount(
        &mut self,
        lane: i64,
        calendar: &Calendar,
        mut tell: impl FnMut(RollupKey, Amounts),
    ) -> Result<(), Fault> {
        let mut after = -1;
        loop {
            let next = format!("WHERE lane = $1 AND id > $2 ORDER BY id LIMIT {PAGE}");
            let page: Vec<Payment> = self.select(&next, &[Value::Int(lane), Value::Int(after)])?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id.raw();
            let kinds: BTreeMap<PaymentId, Kind> =
                page.iter().map(|payment| (payment.id, payment.kind)).collect();
            let mut told: Vec<_> = page.iter().flat_map(|payment| of_payment(calendar, payment)).collect();
            for refund in self.of_payments::<Refund>(&page)? {
                told.extend(of_refund(calendar, kinds[&refund.payment], &refund));
            }
            for op in self.of_payments::<Op>(&page)? {
                told.extend(of_op(calendar, kinds[&op.payment], &op));
            }
            for (key, amounts) in told {
                tell(key, amounts);
            }
        }
    }

    fn of_payments<R: Stored<Group = PaymentId>>(&mut self, payments: &[Payment]) -> Result<Vec<R>, Fault> {
        let groups: Vec<Vec<Value>> = payments.iter().map(|payment| R::group_values(&payment.id)).collect();
        self.connection.load_many::<R>(R::GROUP, &groups)
    }
}
