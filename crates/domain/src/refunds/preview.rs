//! What a refund would do, to the posting: it is begun as always and taken back before anybody can
//! see it, so that preview and refund cannot differ.

use super::{Asked, Route, left, needs, route, start};
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, PaymentId};
use crate::money::Money;
use crate::records::{Posting, Refund, RefundCause};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

#[derive(Clone, Debug)]
pub struct Preview {
    pub payment: PaymentId,
    /// `None`: all that is left.
    pub amount: Option<Money>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Previewed {
    /// As it would be; its ids are of no row.
    pub refund: Refund,
    /// What would be held, and posted once the gateway confirms.
    pub postings: Vec<Posting>,
    pub route: Route,
    /// What would be left to be refunded after it.
    pub left: Money,
}

impl Command for Preview {
    type Receipt = Previewed;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.payment.lane());
    }

    fn needs(&self, world: &World, wanted: &mut Needs) {
        wanted.payments.key(self.payment);
        if let Some(payment) = world.payments.peek(&self.payment) {
            needs(wanted, payment);
        }
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Previewed, Refusal> {
        let payment = world.payments.get(&self.payment).ok_or(Refusal::NotFound)?.clone();
        let booking = payment.booking.and_then(|id| world.bookings.get(&id));
        let route = route(cx.policies, cx.now, &payment, booking);
        let amount = self.amount.unwrap_or_else(|| left(cx.policies, &payment));
        let asked = Asked { cause: RefundCause::Requested, by: None, reason: String::new() };
        let before = world.journal.postings.rows().len();
        let begun = start(cx, world, self.payment, amount, &asked);
        let previewed = begun.map(|(id, _)| Previewed {
            refund: world.refunds.get(&id).expect("just started").clone(),
            postings: world.journal.postings.rows()[before..].to_vec(),
            route,
            left: left(cx.policies, world.payments.get(&self.payment).expect("loaded")),
        });
        world.rollback();
        previewed
    }
}
