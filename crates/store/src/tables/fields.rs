//! How single values become columns.

use std::borrow::Cow;

use domain::id::{
    AlertId, AuditId, AvailabilityId, BookingId, CardId, DeltaId, EntryId, EventId, Id, InboxId, JobId,
    OfferId, OpId, PaymentId, PersonId, RefundId, SessionId,
};
use domain::money::Currency;
use domain::policy::{FeeMode, Kind, PriceUnit};
use domain::records::{
    BookingState, Call, Category, Completion, Confirmer, InboxState, Instants, JobState, Measure, OfferState,
    OpKind, OpState, PaymentState, ProposalOutcome, Purpose, RefundCause, RefundState, SlipPurpose, Space,
    Word,
};
use domain::time::Timestamp;

use crate::engine::{Fault, Row, Value};

/// A value that fits one column.
pub trait Field: Sized {
    fn put(&self) -> Value;
    fn get(row: &mut Row) -> Result<Self, Fault>;
}

/// The key columns of a record that is its own id.
pub fn id_values(id: impl Id) -> Vec<Value> {
    vec![Value::Int(id.lane().number()), Value::Int(id.raw())]
}

impl Field for i64 {
    fn put(&self) -> Value {
        Value::Int(*self)
    }
    fn get(row: &mut Row) -> Result<i64, Fault> {
        row.int()
    }
}

impl Field for bool {
    fn put(&self) -> Value {
        Value::Int(i64::from(*self))
    }
    fn get(row: &mut Row) -> Result<bool, Fault> {
        match row.int()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(row.corrupt("0 or 1")),
        }
    }
}

impl Field for u32 {
    fn put(&self) -> Value {
        Value::Int(i64::from(*self))
    }
    fn get(row: &mut Row) -> Result<u32, Fault> {
        u32::try_from(row.int()?).map_err(|_| row.corrupt("a small number"))
    }
}

impl Field for String {
    fn put(&self) -> Value {
        Value::Text(self.clone())
    }
    fn get(row: &mut Row) -> Result<String, Fault> {
        row.text()
    }
}

impl Field for Cow<'static, str> {
    fn put(&self) -> Value {
        Value::text(self.as_ref())
    }
    fn get(row: &mut Row) -> Result<Self, Fault> {
        row.text().map(Cow::Owned)
    }
}

impl Field for Timestamp {
    fn put(&self) -> Value {
        Value::Int(self.0)
    }
    fn get(row: &mut Row) -> Result<Timestamp, Fault> {
        row.int().map(Timestamp)
    }
}

impl Field for Currency {
    fn put(&self) -> Value {
        Value::text(self.code())
    }
    fn get(row: &mut Row) -> Result<Currency, Fault> {
        let code = row.text()?;
        Currency::parse(&code).ok_or_else(|| row.corrupt("a currency"))
    }
}

impl Field for Option<i64> {
    fn put(&self) -> Value {
        self.map_or(Value::Null, Value::Int)
    }
    fn get(row: &mut Row) -> Result<Self, Fault> {
        row.opt_int()
    }
}

impl Field for Option<Timestamp> {
    fn put(&self) -> Value {
        self.map_or(Value::Null, |at| Value::Int(at.0))
    }
    fn get(row: &mut Row) -> Result<Self, Fault> {
        Ok(row.opt_int()?.map(Timestamp))
    }
}

impl Field for Option<String> {
    fn put(&self) -> Value {
        self.clone().map_or(Value::Null, Value::Text)
    }
    fn get(row: &mut Row) -> Result<Self, Fault> {
        row.opt_text()
    }
}

/// Microseconds, separated by spaces.
impl Field for Instants {
    fn put(&self) -> Value {
        let micros: Vec<String> = self.0.iter().map(|at| at.0.to_string()).collect();
        Value::Text(micros.join(" "))
    }
    fn get(row: &mut Row) -> Result<Instants, Fault> {
        let text = row.text()?;
        let micros: Result<Vec<i64>, _> = text.split_whitespace().map(str::parse).collect();
        let micros = micros.map_err(|_| row.corrupt("instants"))?;
        Ok(Instants(micros.into_iter().map(Timestamp).collect()))
    }
}

macro_rules! id_fields {
    ($($id:ident),*) => {$(
        impl Field for $id {
            fn put(&self) -> Value {
                Value::Int(self.0)
            }
            fn get(row: &mut Row) -> Result<$id, Fault> {
                row.int().map($id)
            }
        }

        impl Field for Option<$id> {
            fn put(&self) -> Value {
                self.map_or(Value::Null, |id| Value::Int(id.0))
            }
            fn get(row: &mut Row) -> Result<Self, Fault> {
                Ok(row.opt_int()?.map($id))
            }
        }
    )*};
}
id_fields!(
    AlertId,
    AuditId,
    AvailabilityId,
    BookingId,
    CardId,
    DeltaId,
    EntryId,
    EventId,
    InboxId,
    JobId,
    OfferId,
    OpId,
    PaymentId,
    PersonId,
    RefundId,
    SessionId
);

macro_rules! word_fields {
    ($($word:ident),*) => {$(
        impl Field for $word {
            fn put(&self) -> Value {
                Value::text(self.word())
            }
            fn get(row: &mut Row) -> Result<$word, Fault> {
                let word = row.text()?;
                <$word as Word>::parse(&word).ok_or_else(|| row.corrupt(stringify!($word)))
            }
        }

        impl Field for Option<$word> {
            fn put(&self) -> Value {
                self.map_or(Value::Null, |word| Value::text(word.word()))
            }
            fn get(row: &mut Row) -> Result<Self, Fault> {
                let Some(word) = row.opt_text()? else { return Ok(None) };
                <$word as Word>::parse(&word).map(Some).ok_or_else(|| row.corrupt(stringify!($word)))
            }
        }
    )*};
}
word_fields!(
    BookingState,
    Call,
    Category,
    Completion,
    Confirmer,
    FeeMode,
    InboxState,
    JobState,
    Kind,
    Measure,
    OfferState,
    OpKind,
    OpState,
    PaymentState,
    PriceUnit,
    ProposalOutcome,
    Purpose,
    SlipPurpose,
    RefundCause,
    RefundState,
    Space
);
