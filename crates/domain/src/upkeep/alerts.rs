//! Alerts are told to people: a digest queued once for each stretch of time, and who has looked.

use super::settings::{number, set};
use crate::command::{Command, Fact, Lanes};
use crate::context::Context;
use crate::id::{AlertId, Id, Lane, PersonId};
use crate::records::AlertAck;
use crate::refusal::Refusal;
use crate::time::Timestamp;
use crate::world::{Needs, World};

/// Until when alerts have been told of, microseconds.
pub const DIGEST_UNTIL: &str = "alert_digest_until";

/// There are alerts in a stretch of time that nobody has been told of.
#[derive(Clone, Debug)]
pub struct QueueDigest {
    /// Where the last digest ended, 0 before the first.
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Fact for QueueDigest {
    /// False: another node was first.
    type Receipt = bool;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(Lane::of(DIGEST_UNTIL));
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.settings.key(DIGEST_UNTIL.into());
    }

    fn record(&self, cx: &Context<'_>, world: &mut World) -> bool {
        if number(world, DIGEST_UNTIL).unwrap_or(0) != self.since.0 {
            return false;
        }
        set(world, DIGEST_UNTIL, self.until.0.to_string());
        let body = format!(r#"{{"since":{},"until":{}}}"#, self.since.0, self.until.0);
        world.queue(Lane::of(DIGEST_UNTIL), "alert_digest", self.until.0.to_string(), body, cx.now);
        true
    }
}

/// An administrator has looked at an alert. Looking again changes nothing.
#[derive(Clone, Debug)]
pub struct Acknowledge {
    pub alert: AlertId,
    pub by: PersonId,
}

impl Command for Acknowledge {
    type Receipt = AlertAck;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.alert.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        needs.alert_acks.key(self.alert);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<AlertAck, Refusal> {
        if let Some(ack) = world.alert_acks.get(&self.alert) {
            return Ok(ack.clone());
        }
        let ack = AlertAck { alert: self.alert, person: self.by, at: cx.now };
        world.alert_acks.insert(ack.clone());
        let object = ("alert", self.alert.raw(), self.alert.lane());
        world.audit(cx, Some(self.by), "alert.acknowledged", object, "{}".into());
        Ok(ack)
    }
}
