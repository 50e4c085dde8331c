//! Stand-ins for endpoints that are not on the router yet: the commands behind them, nothing else.

use domain::bookings::{Actor, Cancel, Complete, Confirm, Create};
use domain::id::{BookingId, PersonId};
use domain::inbox::{Receive, Settle, Worked};
use domain::id::{Id, OpId};
use domain::records::{Booking, InboxEvent, Op, RefundCause, Space};
use domain::schedule::Slot;
use domain::time::Span;
use gateways::gateway::{Gateway, Inbound};
use gateways::sandbox::OutgoingWebhook;
use serde_json::{Value, json};
use server::app::App;
use store::Error;

use crate::call::{About, Reply};
use crate::market::{Student, Teacher};

/// Somebody's request to a booking endpoint.
pub async fn booking(app: App, about: About, students: Vec<Student>, teachers: Vec<Teacher>, by: PersonId) -> Reply {
    let done = match about {
        About::Book { student, teacher, starts_at, minutes } => {
            let create = Create {
                payer: students[student].id,
                payee: teachers[teacher].id,
                offer: teachers[teacher].offer,
                slot: Slot { starts_at, ends_at: starts_at + Span::minutes(minutes) },
                notes: String::new(),
                session_type: "video_call".to_owned(),
            };
            app.db.submit(create).await.map(|booking| (201, booking.id))
        }
        About::Accept { booking } => match found(&app, booking).await {
            Some(row) => {
                let confirm =
                    Confirm { booking: row.id, payer: row.payer, actor: Actor::Party(by), slot: None };
                app.db.submit(confirm).await.map(|booking| (200, booking.id))
            }
            None => return gone(),
        },
        About::Cancel { booking } => match found(&app, booking).await {
            Some(row) => {
                let cancel = Cancel {
                    booking: row.id,
                    payer: row.payer,
                    actor: Actor::Party(by),
                    cause: RefundCause::Cancelled,
                    reason: "something came up".to_owned(),
                };
                app.db.submit(cancel).await.map(|cancelled| (200, cancelled.booking.id))
            }
            None => return gone(),
        },
        About::Complete { booking } => match found(&app, booking).await {
            Some(row) => {
                let complete = Complete { booking: row.id, payer: row.payer, actor: Actor::Party(by) };
                app.db.submit(complete).await.map(|booking| (200, booking.id))
            }
            None => return gone(),
        },
        _ => unreachable!("everything else has its endpoint"),
    };
    match done {
        Ok((status, id)) => Reply { status, body: json!({ "id": id.0 }) },
        Err(Error::Refused(refusal)) => Reply { status: 400, body: json!({ "code": format!("{refusal:?}") }) },
        Err(error) => Reply { status: 500, body: Value::String(error.to_string()) },
    }
}

fn gone() -> Reply {
    Reply { status: 404, body: Value::Null }
}

async fn found(app: &App, booking: i64) -> Option<Booking> {
    let id = BookingId(booking);
    app.db.read(move |reads| reads.find::<Booking>(&id)).await.ok().flatten()
}

/// A webhook arrives.
pub async fn receive(app: &App, gateway: &dyn Gateway, webhook: &OutgoingWebhook) -> Result<(), Error> {
    let header = |name: &str| {
        webhook.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone())
    };
    let inbound = Inbound { header: &header, body: webhook.body.as_bytes(), now: app.clock.now() };
    let notice = gateway.receive(inbound).map_err(|error| Error::Poison(format!("{error:?}")))?;
    let gateway = gateway.name().to_owned();
    app.db.record(Receive { gateway, notice, body: webhook.body.clone(), relevant: true }).await?;
    Ok(())
}

/// Works off the inbox.
pub async fn work_off(app: App) -> Result<(), Error> {
    let now = app.clock.now();
    let due: Vec<InboxEvent> = app.db.read(move |reads| reads.due_inbox(now, 64)).await?;
    for event in due {
        let name = format!("{}:{}", event.gateway, event.object);
        let op = app
            .db
            .read(move |reads| {
                let Some(target) = reads.claimed(Space::GatewayObject, &name)? else { return Ok(None) };
                reads.find::<Op>(&OpId::from_raw(target))
            })
            .await?;
        let worked = match op {
            Some(op) => {
                app.protocol.take(&op, false, true).await?;
                Worked::Processed
            }
            None => Worked::Parked,
        };
        app.db.record(Settle { id: event.id, worked }).await?;
    }
    Ok(())
}
