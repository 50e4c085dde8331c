//! A bug planted on purpose: the payment of a server that calls the gateway before its intent is
//! committed. The simulator removes the rule and must notice; release builds cannot come here.

use axum::response::Response;
use domain::gateway::OpTag;
use domain::operations::Heard;
use domain::payments::{Begun, PayAndShow, PayBooking, RecordCharge, quote_booking};
use domain::records::Booking;
use gateways::gateway::CreateCharge;

use super::answers::Standing;
use super::pay::telling;
use super::settle::settle;
use crate::app::App;
use crate::dice::token_128;
use crate::http::Problem;
use crate::http::idempotency::respond;

/// Charges first and asks the rules afterwards.
pub(super) async fn pay(app: &App, command: PayBooking) -> Result<Response, Problem> {
    let (id, payer) = (command.booking, command.payer);
    let found = app.db.read(move |reads| reads.find::<Booking>(&id)).await?;
    let booking = found.filter(|booking| booking.payer == payer).ok_or_else(Problem::not_found)?;
    let request = CreateCharge {
        key: token_128(app.dice.as_ref()),
        tag: OpTag { instance: app.policies.instance.clone(), op: 0 },
        amount: quote_booking(&booking).total(),
        customer: command.method.as_ref().and_then(|method| method.customer.clone()),
        method: command.method.as_ref().map(|method| method.token.clone()),
        confirm: true,
        description: "uncommitted".to_owned(),
    };
    let heard = Heard::Answer(app.gateways.default().create_charge(&request).await);
    let (begun, shown) = app.db.submit(PayAndShow(command.clone())).await?;
    let tell = telling(&app.rooms, shown);
    match begun {
        Begun::Send(ticket) => {
            let (op, payer, fence, rail) = (ticket.op, command.payer, Some(ticket.fence), command.rail);
            let report = RecordCharge { op, payer, fence, rail, heard, finish: None };
            let settled = app.db.record(report).await?;
            tell(&Standing::of(&settled)).map(|answer| respond(answer, false))
        }
        begun => settle(app, begun, command.key, tell).await,
    }
}
