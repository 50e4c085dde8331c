//! The reports' sums once more, from the rows that they sum: for whoever does not believe them, and for
//! counting anew in another time zone.

use std::collections::BTreeMap;

use domain::id::{Id, PaymentId};
use domain::policy::{Calendar, Reports};
use domain::records::{Amounts, Op, Payment, Refund, RollupKey, Setting};
use domain::rollups::{of_op, of_payment, of_refund};

use super::Reads;
use crate::engine::{Fault, Value};
use crate::tables::Stored;

/// The settings that say in which zone's days the stored sums are, and from what amount on payments are
/// listed one by one; without them the policies' defaults.
pub(crate) const ZONE: &str = "reports.time_zone";
pub(crate) const HIGH_VALUE: &str = "reports.high_value_cents";

/// Payments read together.
const PAGE: usize = 500;

impl Reads<'_> {
    /// What the stored sums follow.
    pub(crate) fn report_settings(&mut self) -> Result<Reports, Fault> {
        let mut reports = Reports::default();
        if let Some(zone) = self.find::<Setting>(&ZONE.to_owned())? {
            let known = Calendar::of_zone(&zone.value);
            let wrong = || Fault::other(format!("{ZONE} is {}, which is no zone", zone.value));
            reports.calendar = known.ok_or_else(wrong)?;
        }
        if let Some(least) = self.find::<Setting>(&HIGH_VALUE.to_owned())? {
            let wrong = |_| Fault::other(format!("{HIGH_VALUE} is {}, which is no amount", least.value));
            reports.high_value_minor = least.value.parse().map_err(wrong)?;
        }
        Ok(reports)
    }

    /// Tells what each payment, refund and operation of a lane adds to the sums, page by page.
    pub(crate) fn recount(
        &mut self,
        lane: i64,
        reports: &Reports,
        mut tell: impl FnMut(RollupKey, Amounts),
    ) -> Result<(), Fault> {
        let mut after = -1;
        loop {
            let next = format!("WHERE lane = $1 AND id > $2 ORDER BY id LIMIT {PAGE}");
            let page: Vec<Payment> = self.select(&next, &[Value::Int(lane), Value::Int(after)])?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id.raw();
            let of: BTreeMap<PaymentId, &Payment> =
                page.iter().map(|payment| (payment.id, payment)).collect();
            let mut told: Vec<_> = page.iter().flat_map(|payment| of_payment(reports, payment)).collect();
            for refund in self.of_payments::<Refund>(&page)? {
                told.extend(of_refund(reports, of[&refund.payment], &refund));
            }
            for op in self.of_payments::<Op>(&page)? {
                told.extend(of_op(reports, of[&op.payment], &op));
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
