//! Hears what the server logs as a warning or an error: background work swallows its failures, and
//! a failure that nobody answers for must not go unnoticed.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Something that was logged.
#[derive(Clone, Debug)]
pub struct Said {
    /// A fault of ours: an error, or a command that failed.
    pub is_fault: bool,
    pub text: String,
}

/// Keeps what was said until it is taken; clones share it.
#[derive(Clone, Default)]
pub struct Ear(Arc<Mutex<Vec<Said>>>);

impl Ear {
    pub fn take(&self) -> Vec<Said> {
        std::mem::take(&mut self.0.lock().expect("nothing panics while listening"))
    }
}

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        let is_fault = *event.metadata().level() == Level::ERROR || words.0.contains("a command failed");
        self.0.lock().expect("nothing panics while listening").push(Said { is_fault, text: words.0 });
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("writing to a string");
    }
}
