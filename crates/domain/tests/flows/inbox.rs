//! What an event means before anybody looks at the object it is about.

use domain::gateway::{ChargeState, Hint, Notice};
use domain::inbox::Receive;
use domain::records::InboxState;

use crate::support::*;

fn told(shop: &mut Shop, reference: &str, succeeded: bool) -> InboxState {
    let event = format!("evt_{reference}_{succeeded}");
    let hint = Hint::Charge { reference: reference.into(), succeeded };
    let notice = Notice { event, kind: "charge".into(), hint, live: false };
    let receive = Receive { gateway: "sandbox".into(), notice, body: "{}".into(), relevant: true };
    let kept = shop.record(&receive).expect("not a duplicate");
    assert_eq!(kept.wake_at.is_some(), kept.state == InboxState::Received);
    assert_eq!(kept.processed_at.is_none(), kept.state == InboxState::Received);
    assert_eq!(kept.body.is_empty(), kept.state != InboxState::Received, "it is kept for the work alone");
    kept.state
}

#[test]
fn only_a_success_that_is_recorded_already_needs_no_work() {
    let mut shop = Shop::default();
    let (_, ticket) = shop.paying();
    let heard = done(&ticket, ChargeState::Succeeded);
    let reference = format!("pi_{}", ticket.op);
    assert_eq!(told(&mut shop, &format!("{reference}_early"), true), InboxState::Received);
    let settled = shop.hear(&ticket, heard);
    let reference = settled.op.reference.expect("a charge that succeeded has a name");
    assert_eq!(told(&mut shop, &reference, false), InboxState::Received, "another word is looked into");
    assert_eq!(told(&mut shop, &reference, true), InboxState::Processed);
    assert_eq!(told(&mut shop, "pi_of_nobody", true), InboxState::Received);
}

#[test]
fn a_success_told_of_an_open_charge_is_looked_into() {
    let mut shop = Shop::default();
    let (_, ticket) = shop.paying();
    let settled = shop.hear(&ticket, done(&ticket, ChargeState::NeedsAction));
    let reference = settled.op.reference.expect("it was created");
    assert_eq!(told(&mut shop, &reference, true), InboxState::Received);
}
