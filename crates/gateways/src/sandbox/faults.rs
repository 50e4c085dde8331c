//! Scripted misfortune: what the sandbox does wrong on request.
//!
//! Faults are played in the order they were set, each `count` times. They live with the writer and
//! are deliberately not durable: a restart is a clean slate.

use serde::{Deserialize, Serialize};

/// Which calls a fault meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    Charge,
    Confirm,
    Refund,
    Payout,
    /// Every call there is, look-ups among them.
    Any,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Done, but the answer never comes.
    TimeoutExecuted,
    /// Never reached the books, and no answer comes.
    TimeoutNotExecuted,
    #[serde(rename = "error_500")]
    Error500,
    RateLimited,
    /// The payer's bank says no, whatever the card. Only calls that move money.
    Declined,
}

/// `count` calls of one kind that go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFault {
    pub call: Call,
    pub fault: Fault,
    #[serde(default = "once")]
    pub count: u32,
}

/// What happens to webhooks from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookFaults {
    pub delay_seconds: u32,
    /// Every event is sent twice.
    pub duplicate: bool,
    /// What waits is sent newest first.
    pub reorder: bool,
    /// Events are lost.
    pub drop: bool,
}

/// The whole script, as `/api/sandbox/faults/` takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Faults {
    pub calls: Vec<CallFault>,
    pub webhooks: WebhookFaults,
}

fn once() -> u32 {
    1
}

impl Faults {
    /// The fault that meets this call, used up by it. `moves_money` says whether a decline makes
    /// sense.
    pub(super) fn take(&mut self, call: Call, moves_money: MovesMoney) -> Option<Fault> {
        let meets = |planned: &CallFault| {
            planned.count > 0
                && (planned.call == Call::Any || planned.call == call)
                && (planned.fault != Fault::Declined || moves_money == MovesMoney::Yes)
        };
        let planned = self.calls.iter_mut().find(|planned| meets(planned))?;
        planned.count -= 1;
        let fault = planned.fault;
        self.calls.retain(|planned| planned.count > 0);
        Some(fault)
    }
}

/// Whether a call moves money when it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MovesMoney {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_used_up_in_its_order() {
        let mut faults: Faults = serde_json::from_str(
            r#"{"calls":[{"call":"refund","fault":"error_500"},
                         {"call":"any","fault":"declined","count":2}]}"#,
        )
        .unwrap();
        assert_eq!(faults.take(Call::Any, MovesMoney::No), None);
        assert_eq!(faults.take(Call::Charge, MovesMoney::Yes), Some(Fault::Declined));
        assert_eq!(faults.take(Call::Refund, MovesMoney::Yes), Some(Fault::Error500));
        assert_eq!(faults.take(Call::Refund, MovesMoney::Yes), Some(Fault::Declined));
        assert_eq!(faults.take(Call::Refund, MovesMoney::Yes), None);
        assert!(faults.calls.is_empty());
    }
}
