//! What can happen, in the words of a trace.

use std::fmt;

use super::model::Outcome;

/// One event, for the trace.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Submit(u8),
    SubmitAndCall(u8),
    Claim(u8),
    Send(u8),
    TimeOut(u8),
    Record(u8),
    Crash(u8),
    LookUp(u8),
    LookUpEarly(u8),
    Execute { op: u8, outcome: Outcome, answered: bool },
    Webhook(u8, Outcome),
    WebhookAgain,
    WebhookDropped,
    KeyExpires(u8),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Done => "done",
            Outcome::Declined => "declined",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Submit(op) => write!(f, "submit {op}"),
            Step::SubmitAndCall(op) => write!(f, "submit {op} and call"),
            Step::Claim(op) => write!(f, "claim {op}"),
            Step::Send(op) => write!(f, "send {op}"),
            Step::TimeOut(op) => write!(f, "time out {op}"),
            Step::Record(op) => write!(f, "record {op}"),
            Step::Crash(worker) => write!(f, "worker {worker} crashes"),
            Step::LookUp(op) => write!(f, "look up {op}"),
            Step::LookUpEarly(op) => write!(f, "look up {op} early"),
            Step::Execute { op, outcome, answered: true } => {
                write!(f, "execute {op} {outcome}, answered")
            }
            Step::Execute { op, outcome, answered: false } => {
                write!(f, "execute {op} {outcome}, answer lost")
            }
            Step::Webhook(op, outcome) => write!(f, "webhook {op} {outcome}"),
            Step::WebhookAgain => f.write_str("webhook again"),
            Step::WebhookDropped => f.write_str("webhook dropped"),
            Step::KeyExpires(op) => write!(f, "key of {op} expires"),
        }
    }
}
