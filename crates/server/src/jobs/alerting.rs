//! Looking at vital signs, and telling people of alerts: a digest every few minutes, to administrators
//! and whoever else is configured, never a letter for each.

use domain::id::PersonId;
use domain::records::{Alert, Job, Person, Setting};
use domain::time::{Span, Timestamp};
use domain::upkeep::{DIGEST_UNTIL, JobEnd, QueueDigest};
use domain::vitals::NoteVitals;
use serde::Deserialize;
use store::Error;

use super::letters::{Envelope, send_all, text};
use super::queue::parse;
use crate::app::App;
use crate::mail::templates::Facts;
use crate::vitals;

/// A marketplace has fewer; a letter to everybody would be an attack.
const ADMINS_MAX: usize = 50;
/// Alerts that a letter lists.
const LISTED_MAX: usize = 50;
/// What other writers commit right now may carry a slightly earlier instant.
const SETTLED: Span = Span::seconds(30);

/// Looks, tells Prometheus, and alerts.
pub(super) async fn look(app: &App) -> Result<(), Error> {
    let seen = vitals::look(&app.db, &app.config, app.clock.as_ref()).await?;
    app.gauges.set(&seen);
    let note = NoteVitals { vitals: seen, thresholds: vitals::thresholds(&app.config) };
    for sign in app.db.record(note).await? {
        tracing::warn!(sign = sign.alert(), figure = seen.describe(sign), "payments are not well");
    }
    Ok(())
}

/// Queues a letter about the alerts that nobody has been told of. Whether there is one now.
pub(super) async fn digest(app: &App) -> Result<bool, Error> {
    let until = app.clock.now() - SETTLED;
    let read = app.db.read(move |reads| {
        let told = reads.find::<Setting>(&DIGEST_UNTIL.to_owned())?;
        let since = told.and_then(|told| told.value.parse().ok()).map_or(Timestamp(0), Timestamp);
        Ok((since, reads.alerts_between((since, until), 1)?))
    });
    let (since, new) = read.await?;
    if new.is_empty() {
        return Ok(false);
    }
    app.db.record(QueueDigest { since, until }).await
}

#[derive(Deserialize)]
struct DigestBody {
    since: i64,
    until: i64,
}

/// The letter.
pub(super) async fn send(app: &App, job: &Job) -> Result<(), JobEnd> {
    let body: DigestBody = parse(job)?;
    let stretch = (Timestamp(body.since), Timestamp(body.until));
    let read = app
        .db
        .read(move |reads| Ok((reads.alerts_between(stretch, LISTED_MAX + 1)?, reads.admins(ADMINS_MAX)?)));
    let (alerts, admins) = read.await.map_err(|fault| JobEnd::Retry(fault.to_string()))?;
    let others: Vec<Person> =
        app.config.mail.admin_recipients.iter().map(|address| addressee(job, address)).collect();
    let notes = list(&alerts);
    let envelopes = admins.iter().chain(&others).map(|to| Envelope {
        // An address that is configured has no id; what it is called once is enough.
        role: format!("admin-{}-{}", to.id, place(&app.config.mail.admin_recipients, &to.email)),
        person: to,
        letter: "alert_digest",
        facts: Facts {
            name: to.full_name.clone(),
            notes: notes.clone(),
            link: format!("{}/admin/", app.config.public_url()),
            ..Facts::default()
        },
        invitation: None,
    });
    send_all(app, job, envelopes.collect()).await
}

fn place(addresses: &[String], email: &str) -> usize {
    addresses.iter().position(|address| address == email).map_or(0, |place| place + 1)
}

/// One line an alert; their subjects are ids and their texts hold no personal data.
fn list(alerts: &[Alert]) -> String {
    let line =
        |alert: &Alert| format!("{} {} {}: {}", text(alert.at), alert.kind, alert.subject, alert.detail);
    let mut lines: Vec<String> = alerts.iter().take(LISTED_MAX).map(line).collect();
    if alerts.len() > LISTED_MAX {
        lines.push("and more".into());
    }
    lines.join("\n")
}

/// Somebody who is only an address.
fn addressee(job: &Job, address: &str) -> Person {
    Person {
        id: PersonId(0),
        uuid: String::new(),
        email: address.to_owned(),
        full_name: "administrator".into(),
        password: None,
        active: true,
        verified: true,
        admin: false,
        session_version: 0,
        created_at: job.created_at,
        updated_at: job.created_at,
    }
}
