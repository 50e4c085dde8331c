//! From the commit that began a payment to the answer its payer gets.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use domain::id::OpId;
use domain::idempotency::{Agree, Answer, Key};
use domain::operations::Ticket;
use domain::payments::{Begun, Finish};
use domain::records::{Op, OpState, Payment};

use super::answers::{self, Standing};
use crate::app::App;
use crate::http::Problem;
use crate::http::idempotency::respond;

/// A request answers within 20 seconds; what is not known by then is for recovery.
const ANSWER_WITHIN: Duration = Duration::from_secs(18);

/// How one endpoint tells an outcome; a pure function of what stands.
pub(super) type Tell = Arc<dyn Fn(&Standing) -> Result<Answer, Problem> + Send + Sync>;

/// What has to happen after the commit, and the answer.
pub(super) async fn settle(
    app: &App,
    begun: Begun,
    key: Option<Key>,
    tell: Tell,
) -> Result<Response, Problem> {
    match begun {
        Begun::Replay(answer) => Ok(respond(answer, true)),
        Begun::Send(ticket) => drive(app, *ticket, key, &tell).await,
        Begun::Join(op) => join(app, op, key, &tell).await,
        Begun::Open(op) | Begun::CancelFirst(op) => stand(app, op, &tell).await,
    }
}

/// Drives the operation; its final answer is kept in the commit that makes it final.
pub(super) async fn drive(
    app: &App,
    ticket: Ticket,
    key: Option<Key>,
    tell: &Tell,
) -> Result<Response, Problem> {
    let op = ticket.op;
    let finish = key.map(|key| {
        let tell = Arc::clone(tell);
        Finish { key, render: Arc::new(move |settled| answers::keep(&tell(&Standing::of(settled)))) }
    });
    let driven = tokio::time::timeout(ANSWER_WITHIN, app.protocol.drive_charge(ticket, finish)).await;
    match driven {
        Ok(Ok(settled)) => tell(&Standing::of(&settled)).map(|answer| respond(answer, false)),
        // The call may have been made and its result not recorded: nobody may call that a failure.
        Ok(Err(error)) => {
            tracing::warn!(op.id = op.0, %error, "a result waits for recovery");
            unknown(app, op).await
        }
        Err(_) => unknown(app, op).await,
    }
}

/// Somebody else's request pays the same thing: its answer is ours too.
async fn join(app: &App, op: OpId, key: Option<Key>, tell: &Tell) -> Result<Response, Problem> {
    let Some(op) = app.protocol.join(op).await? else { return Err(Problem::not_found()) };
    let payment = payment_of(app, &op).await?;
    let client_secret = if op.state == OpState::Waiting { client_secret(app, &op).await } else { None };
    let standing = Standing { op, payment, decline: None, client_secret };
    if standing.is_running() {
        return Err(Problem::conflict("payment_in_progress", "This payment is being processed.")
            .with("payment_id", standing.payment.id.0)
            .retry_after(2));
    }
    let told = tell(&standing);
    let (Some(key), Some(answer)) = (key, answers::keep(&told)) else {
        return told.map(|answer| respond(answer, true));
    };
    Ok(respond(app.db.record(Agree { key, answer }).await?, true))
}

/// The operation as it stands, with what the payer's client needs to go on.
async fn stand(app: &App, op: OpId, tell: &Tell) -> Result<Response, Problem> {
    let Some(op) = app.protocol.find(op).await? else { return Err(Problem::not_found()) };
    let payment = payment_of(app, &op).await?;
    let client_secret = client_secret(app, &op).await;
    tell(&Standing { op, payment, decline: None, client_secret }).map(|answer| respond(answer, false))
}

/// The secret is the gateway's and the payer's; we ask for it again rather than keep it.
pub(super) async fn client_secret(app: &App, op: &Op) -> Option<String> {
    let gateway = app.gateways.get(&op.gateway)?;
    match gateway.find_charge(op.reference.as_deref()?).await {
        domain::gateway::Answer::Done(report) => report.client_secret,
        _ => None,
    }
}

async fn unknown(app: &App, op: OpId) -> Result<Response, Problem> {
    let Some(op) = app.protocol.find(op).await? else { return Err(Problem::not_found()) };
    let payment = payment_of(app, &op).await?;
    Err(answers::outcome_unknown(&payment))
}

pub(super) async fn payment_of(app: &App, op: &Op) -> Result<Payment, Problem> {
    let id = op.payment;
    let payment = app.db.read(move |reads| reads.find::<Payment>(&id)).await?;
    payment.ok_or_else(Problem::not_found)
}
