//! Sealing the audit: what has been committed since the last time becomes the chain's next block, is
//! signed, and its hash goes where the database's owner cannot reach.

use std::time::Duration;

use domain::audit::{AddBlock, Stretch};
use domain::id::LANES;
use domain::records::{AuditBlock, LaneRow};
use gateways::http::Http;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use store::Error;
use tokio::io::AsyncWriteExt;

use crate::app::App;
use crate::http::json::Instant;

/// Rows of one lane that a block seals at most.
const ROWS_MAX: usize = 5_000;
/// What is left after so many blocks waits for the next turn.
const BLOCKS_MAX: usize = 50;
/// For whoever collects checkpoints.
const PATIENCE: Duration = Duration::from_secs(10);

/// Seals all there was when it began; what comes meanwhile waits for the next turn, so that sealing never
/// runs after a busy database.
pub(super) async fn seal(app: &App) -> Result<(), Error> {
    let mut newest = None;
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the bare method is bound to one lifetime")]
    let lanes = app.db.read(|reads| reads.lanes()).await?;
    for _ in 0..BLOCKS_MAX {
        let (head, stretches) = gather(app, &lanes).await?;
        if stretches.is_empty() {
            break;
        }
        let (number, previous) = head.map_or((1, String::new()), |head| (head.number + 1, head.hash));
        let mut block = AuditBlock::next(number, previous, &stretches, app.clock.now());
        block.signature = app.seal.sign(&block.hash);
        if app.db.record(AddBlock { block: block.clone(), stretches }).await? {
            write_down(app, &block).await;
            newest = Some(block);
        }
    }
    if let Some(block) = newest {
        send_away(app, &block).await;
    }
    Ok(())
}

/// The newest block, and what is not sealed yet as far as these lanes go, a stretch a lane; each is read on
/// a snapshot of its own.
async fn gather(app: &App, lanes: &[LaneRow]) -> Result<(Option<AuditBlock>, Vec<Stretch>), Error> {
    let (head, cursors) = app.db.read(|reads| Ok((reads.audit_head()?, reads.audit_cursors()?))).await?;
    let mut stretches = Vec::new();
    for row in lanes {
        let lane = row.lane;
        let cursor = cursors.iter().find(|cursor| cursor.sealed_lane == lane.number());
        let after = cursor.map_or(0, |cursor| cursor.until);
        let last = (row.next - 1) * LANES + lane.number();
        if row.next == 1 || last <= after {
            continue;
        }
        let read = app.db.read(move |reads| {
            let rows = reads.traces(lane, (after, last), ROWS_MAX)?;
            Ok(Stretch::of(lane, after, &rows))
        });
        stretches.extend(read.await?);
    }
    Ok((head, stretches))
}

/// Tells the world outside the database what stands.
async fn write_down(app: &App, block: &AuditBlock) {
    let AuditBlock { number, hash, signature, .. } = block;
    tracing::info!(number, hash, signature, "audit sealed");
    let file = &app.config.audit.checkpoints;
    if file.is_empty() {
        return;
    }
    if let Err(error) = append(file, &format!("{}\n", line(app, block))).await {
        tracing::error!(%error, "audit.checkpoints cannot be written");
    }
}

/// The newest head vouches for all before it, so the others need not be sent.
async fn send_away(app: &App, block: &AuditBlock) {
    let url = &app.config.audit.checkpoints_url;
    if url.is_empty() {
        return;
    }
    if let Err(error) = post(url, line(app, block)).await {
        tracing::error!(error, "audit.checkpoints_url cannot be reached");
    }
}

fn line(app: &App, block: &AuditBlock) -> String {
    let at = Instant(block.at).text();
    let public_key = app.seal.public_key();
    let AuditBlock { number, hash, signature, .. } = block;
    let line = json!({
        "number": number, "at": at, "hash": hash, "signature": signature, "public_key": public_key,
    });
    line.to_string()
}

async fn post(url: &str, line: String) -> Result<(), String> {
    let http = Http::new(PATIENCE).map_err(|error| error.to_string())?;
    let request = http.request(Method::POST, url).header(CONTENT_TYPE, "application/json").body(line);
    let reply = http.send(request).await.map_err(|lost| lost.to_string())?;
    if (200..300).contains(&reply.status) { Ok(()) } else { Err(format!("it answers {}", reply.status)) }
}

async fn append(path: &str, line: &str) -> std::io::Result<()> {
    let mut file = tokio::fs::OpenOptions::new().append(true).create(true).open(path).await?;
    file.write_all(line.as_bytes()).await?;
    file.sync_all().await
}
