//! The sandbox's own JSON: what is stored under idempotency keys and what the standalone speaks.
//!
//! Domain records are never serialized themselves: each has a body with the same members, and the
//! compiler keeps the two together. Raw cards have no body: they never travel.

use domain::gateway::{
    CardFace, CardReport, ChargeReport, ChargeState, Decline, DisputeReport, DisputeReportState, OpTag,
    PayoutReport, PayoutReportState, RefundReport, RefundReportState,
};
use domain::money::{Currency, Money};
use domain::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::gateway::{
    CancelCharge, ConfirmCharge, CreateCharge, CreateCustomer, CreatePayout, CreateRefund, Statement,
};

/// A value with a JSON form.
pub(super) trait Wire: Sized + Send + 'static {
    type Body: Serialize + DeserializeOwned + Send;
    fn body(&self) -> Self::Body;
    /// `None` when the body makes no sense (an unknown currency).
    fn read(body: Self::Body) -> Option<Self>;
}

/// Values that are their own JSON form.
macro_rules! plain {
    ($($type:ty),+) => {$(
        impl Wire for $type {
            type Body = $type;

            fn body(&self) -> $type {
                self.clone()
            }

            fn read(body: $type) -> Option<$type> {
                Some(body)
            }
        }
    )+};
}

/// A record and its body, member by member.
macro_rules! record {
    ($name:ident as $body:ident { $($member:ident: $type:ty),+ $(,)? }) => {
        #[derive(Serialize, Deserialize)]
        pub(super) struct $body {
            $($member: <$type as Wire>::Body),+
        }

        impl Wire for $name {
            type Body = $body;

            fn body(&self) -> $body {
                $body { $($member: self.$member.body()),+ }
            }

            fn read(body: $body) -> Option<$name> {
                Some($name { $($member: <$type>::read(body.$member)?),+ })
            }
        }
    };
}

/// States without members and their spelling.
macro_rules! states {
    ($name:ident as $body:ident { $($variant:ident),+ $(,)? }) => {
        #[derive(Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(super) enum $body { $($variant),+ }

        impl Wire for $name {
            type Body = $body;

            fn body(&self) -> $body {
                match self { $($name::$variant => $body::$variant),+ }
            }

            fn read(body: $body) -> Option<$name> {
                Some(match body { $($body::$variant => $name::$variant),+ })
            }
        }
    };
}

plain!(String, i64, bool);

impl Wire for () {
    type Body = ();

    fn body(&self) {}

    fn read((): ()) -> Option<()> {
        Some(())
    }
}

impl<T: Wire> Wire for Option<T> {
    type Body = Option<T::Body>;

    fn body(&self) -> Self::Body {
        self.as_ref().map(T::body)
    }

    fn read(body: Self::Body) -> Option<Self> {
        match body {
            None => Some(None),
            Some(body) => T::read(body).map(Some),
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    type Body = Vec<T::Body>;

    fn body(&self) -> Self::Body {
        self.iter().map(T::body).collect()
    }

    fn read(body: Self::Body) -> Option<Self> {
        body.into_iter().map(T::read).collect()
    }
}

impl Wire for Timestamp {
    type Body = i64;

    fn body(&self) -> i64 {
        self.0
    }

    fn read(body: i64) -> Option<Timestamp> {
        Some(Timestamp(body))
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct MoneyBody {
    minor: i64,
    currency: String,
}

impl Wire for Money {
    type Body = MoneyBody;

    fn body(&self) -> MoneyBody {
        MoneyBody { minor: self.minor, currency: self.currency.code().to_owned() }
    }

    fn read(body: MoneyBody) -> Option<Money> {
        Some(Currency::parse(&body.currency)?.minor(body.minor))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChargeStateBody {
    NeedsMethod { last_decline: Option<DeclineBody> },
    NeedsConfirmation,
    NeedsAction,
    Processing,
    Succeeded,
    Cancelled,
}

impl Wire for ChargeState {
    type Body = ChargeStateBody;

    fn body(&self) -> ChargeStateBody {
        use {ChargeState as S, ChargeStateBody as B};
        match self {
            S::NeedsMethod { last_decline } => B::NeedsMethod { last_decline: last_decline.body() },
            S::NeedsConfirmation => B::NeedsConfirmation,
            S::NeedsAction => B::NeedsAction,
            S::Processing => B::Processing,
            S::Succeeded => B::Succeeded,
            S::Cancelled => B::Cancelled,
        }
    }

    fn read(body: ChargeStateBody) -> Option<ChargeState> {
        use {ChargeState as S, ChargeStateBody as B};
        Some(match body {
            B::NeedsMethod { last_decline } => S::NeedsMethod { last_decline: Wire::read(last_decline)? },
            B::NeedsConfirmation => S::NeedsConfirmation,
            B::NeedsAction => S::NeedsAction,
            B::Processing => S::Processing,
            B::Succeeded => S::Succeeded,
            B::Cancelled => S::Cancelled,
        })
    }
}

states!(RefundReportState as RefundStateBody { Pending, Succeeded, Failed });
states!(PayoutReportState as PayoutStateBody { Pending, Paid, Failed });
states!(DisputeReportState as DisputeStateBody { NeedsEvidence, UnderReview, Won, Lost });

record!(Decline as DeclineBody {
    code: String,
    decline_code: Option<String>,
    message: String,
});
record!(CardFace as FaceBody {
    brand: String,
    last_four: String,
    exp_month: i64,
    exp_year: i64,
});
record!(OpTag as TagBody { instance: String, op: i64 });
record!(ChargeReport as ChargeBody {
    reference: String,
    state: ChargeState,
    amount: Money,
    client_secret: Option<String>,
    movement: Option<String>,
    card: Option<CardFace>,
    tag: Option<OpTag>,
    refunded: Money,
});
record!(RefundReport as RefundBody {
    reference: String,
    charge: String,
    state: RefundReportState,
    amount: Money,
    failure: Option<String>,
    tag: Option<OpTag>,
});
record!(PayoutReport as PayoutBody {
    reference: String,
    state: PayoutReportState,
    amount: Money,
    failure: Option<String>,
    tag: Option<OpTag>,
});
record!(DisputeReport as DisputeBody {
    reference: String,
    charge: String,
    state: DisputeReportState,
    amount: Money,
    reason: String,
    evidence_due_at: Timestamp,
});
record!(CardReport as CardBody {
    token: String,
    customer: Option<String>,
    face: CardFace,
});
record!(Statement as StatementBody {
    charges: Vec<ChargeReport>,
    refunds: Vec<RefundReport>,
    next: Option<String>,
});

record!(CreateCharge as CreateChargeBody {
    key: String,
    tag: OpTag,
    amount: Money,
    customer: Option<String>,
    method: Option<String>,
    confirm: bool,
    description: String,
});
record!(ConfirmCharge as ConfirmChargeBody {
    key: String,
    reference: String,
    method: Option<String>,
});
record!(CancelCharge as CancelChargeBody { key: String, reference: String });
record!(CreateRefund as CreateRefundBody {
    key: String,
    tag: OpTag,
    charge: String,
    amount: Money,
});
record!(CreatePayout as CreatePayoutBody {
    key: String,
    tag: OpTag,
    account: String,
    amount: Money,
});
record!(CreateCustomer as CreateCustomerBody {
    key: String,
    person: String,
    email: String,
    name: String,
});
