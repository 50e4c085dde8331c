//! What the clock brings: bookings that lapse or complete, shares that are released, and the
//! housekeeping that one node at a time does.

use domain::bookings::Tick;
use domain::payments::Release;
use domain::records::Setting;
use domain::time::{Span, Timestamp};
use domain::upkeep::{NoteDifference, Reconciled, TakeTurn};
use gateways::gateway::Gateway;
use store::Error;

use super::{alerting, answers, sealing};
use crate::app::App;
use crate::protocol::{Difference, reconcile};

/// Looked at in one round.
const ROUND_MAX: usize = 256;
const RECONCILE_EVERY: Span = Span::minutes(10);
/// "Created" is not the order of commits at a gateway: look at what is a little older again.
const OVERLAP: Span = Span::HOUR;
/// How far back the first comparison goes.
const FIRST_LOOK: Span = Span::days(3);
const FORGET_EVERY: Span = Span::HOUR;
const SEAL_EVERY: Span = Span::MINUTE;
const LOOK_EVERY: Span = Span::minutes(5);
const DIGEST_EVERY: Span = Span::minutes(10);

/// Bookings whose time has come. What they set in motion at gateways is due at once and done next.
pub(super) async fn bookings(app: App) -> Result<usize, Error> {
    let now = app.clock.now();
    let due = app.db.read(move |reads| reads.due_bookings(now, ROUND_MAX)).await?;
    let mut done = 0;
    for booking in due {
        match app.db.record(Tick { booking: booking.id, payer: booking.payer }).await {
            Ok(_) => done += 1,
            Err(error) if error.is_temporary() => return Err(error),
            Err(error) => {
                tracing::error!(booking.id = booking.id.0, %error, "a booking's time could not come");
            }
        }
    }
    Ok(done)
}

/// Payments whose share is to be released.
pub(super) async fn payments(app: App) -> Result<usize, Error> {
    let now = app.clock.now();
    let due = app.db.read(move |reads| reads.due_payments(now, ROUND_MAX)).await?;
    let mut done = 0;
    for payment in due {
        match app.db.record(Release { payment: payment.id }).await {
            Ok(_) => done += 1,
            Err(error) if error.is_temporary() => return Err(error),
            Err(error) => tracing::error!(payment.id = payment.id.0, %error, "a share could not be released"),
        }
    }
    Ok(done)
}

/// What is done once in a while by whichever node comes first.
pub(super) async fn housekeeping(app: App) -> Result<usize, Error> {
    if turn(&app, "reconcile", RECONCILE_EVERY).await? {
        reconcile_all(&app, None).await?;
    }
    if turn(&app, "forget_answers", FORGET_EVERY).await? {
        answers::forget(&app).await?;
        answers::forget_slips(&app).await?;
    }
    if turn(&app, "seal_audit", SEAL_EVERY).await? {
        sealing::seal(&app).await?;
    }
    if turn(&app, "vitals", LOOK_EVERY).await? {
        alerting::look(&app).await?;
    }
    let told = turn(&app, "alert_digest", DIGEST_EVERY).await? && alerting::digest(&app).await?;
    // Turns are not work that waits: a clock that jumps needs one of each, not the ones it missed. A letter
    // that was just queued is.
    Ok(usize::from(told))
}

/// Whether it is time and this node is the first. Asks without writing as long as it is not time.
async fn turn(app: &App, name: &str, every: Span) -> Result<bool, Error> {
    let name = format!("turn:{name}");
    let last = instant(app, name.clone()).await?;
    if last.is_some_and(|last| app.clock.now() < last + every) {
        return Ok(false);
    }
    app.db.record(TakeTurn { name, every }).await
}

async fn instant(app: &App, name: String) -> Result<Option<Timestamp>, Error> {
    let stored = app.db.read(move |reads| reads.find::<Setting>(&name)).await?;
    Ok(stored.and_then(|setting| setting.value.parse().ok()).map(Timestamp))
}

/// Compares every gateway's books with ours: from an instant, or from where the last comparison
/// ended. What was not known is recorded; what does not agree is told to a human, and answered.
pub async fn reconcile_all(app: &App, since: Option<Timestamp>) -> Result<Vec<Difference>, Error> {
    let mut differences = Vec::new();
    for gateway in app.gateways.iter() {
        differences.extend(reconcile_one(app, gateway.as_ref(), since).await?);
    }
    Ok(differences)
}

async fn reconcile_one(
    app: &App,
    gateway: &dyn Gateway,
    since: Option<Timestamp>,
) -> Result<Vec<Difference>, Error> {
    let name = gateway.name();
    let until = app.now_at(name);
    let known = instant(app, Reconciled::name(name)).await?;
    let since = since.unwrap_or_else(|| known.map_or(until - FIRST_LOOK, |known| known - OVERLAP));
    let found = reconcile(&app.protocol, gateway, &app.policies.instance, since).await?;
    // A difference about no object: the gateway could not be asked to the end.
    let whole = found.iter().all(|difference| !difference.reference.is_empty());
    for Difference { gateway, reference, problem } in found.iter().filter(|told| !told.reference.is_empty()) {
        let (gateway, reference, problem) = (gateway.clone(), reference.clone(), problem.clone());
        if app.db.record(NoteDifference { gateway, reference, problem }).await? {
            tracing::warn!(gateway = name, "the gateway's books and ours do not agree");
        }
    }
    if whole {
        app.db.record(Reconciled { gateway: name.to_owned(), until }).await?;
    }
    Ok(found)
}
