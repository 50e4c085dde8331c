//! The marketplace's settings as far as rules depend on them. The server fills this from its
//! configuration; defaults are the contract's.

use jiff::tz::TimeZone;

use crate::money::{Currency, Rate};
use crate::time::{Span, Timestamp};

/// What is sold, as the contract's `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Booking,
    GigPurchase,
    Course,
    Event,
    WalletTopUp,
}

/// Who bears the platform's fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeeMode {
    /// Added to the price: the payer pays price + fee.
    OnTop,
    /// Taken out of the price: the payee receives price − fee.
    Deducted,
}

/// A fee rule for one kind, frozen into a booking when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeePolicy {
    pub mode: FeeMode,
    pub rate_bps: u32,
    pub min_minor: i64,
}

/// How a rate becomes a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceUnit {
    /// The rate is per hour and the exact seconds count.
    Hour,
    /// The rate is the price of one session.
    Session,
}

/// In which order a booking is confirmed and paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookingFlow {
    Both,
    ConfirmThenPay,
    PayThenConfirm,
}

/// How a booking is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reschedule {
    /// Either party moves it.
    AtOnce,
    /// The other party must agree.
    ByRequest,
}

/// When the meeting of a session is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeetingMoment {
    Booked,
    Confirmed,
    /// Confirmed and paid.
    Paid,
}

/// When a payee's share becomes available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    OnCompletion,
    OnPayment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundFeePolicy {
    /// The fee goes back in proportion.
    ProRata,
    /// The fee is never returned and caps the refund at total − fee.
    Keep,
}

#[derive(Clone, Debug)]
pub struct Policies {
    /// This installation's own name in every key and tag sent to a gateway.
    pub instance: String,
    pub currency: Currency,
    pub fee_booking: FeePolicy,
    pub fee_gig_purchase: FeePolicy,
    pub fee_course: FeePolicy,
    pub fee_event: FeePolicy,
    pub booking_unit: PriceUnit,
    pub gig_purchase_unit: PriceUnit,
    pub charge_min_minor: i64,
    pub charge_max_minor: i64,
    pub intent_ttl: Span,
    pub pending_ttl: Span,
    pub booking: BookingPolicy,
    /// `None`: meetings are not made by calling somebody.
    pub meeting: Option<MeetingMoment>,
    pub refunds: RefundPolicy,
    pub release_booking: Release,
    pub release_gig_purchase: Release,
    pub hold: Span,
    /// How long a claimed operation is its holder's alone.
    pub lease: Span,
    pub idempotency_ttl: Span,
    /// Same user and body within this span is a repeat where no natural key exists.
    pub derived_window: Span,
    pub refresh_ttl: Span,
    pub refresh_idle: Span,
    pub refresh_reuse_grace: Span,
    pub inbox: InboxPolicy,
    pub reports: Reports,
}

#[derive(Clone, Copy, Debug)]
pub struct BookingPolicy {
    pub flow: BookingFlow,
    pub cancel_on_payment_failure: bool,
    pub refund_on_cancel: bool,
    pub reschedule: Reschedule,
    /// Whether a session must lie inside its payee's availability.
    pub enforce_availability: bool,
    pub require_student_role: bool,
    pub confirm_ttl: Span,
    /// Zero: a confirmed booking may be paid until it starts.
    pub pay_ttl: Span,
    pub auto_complete_after: Span,
    pub length_min: Span,
    pub length_max: Span,
}

#[derive(Clone, Debug)]
pub struct RefundPolicy {
    /// Whether a refund is sent at once, or left as a request for an admin.
    pub automatic: bool,
    /// Kinds that are refunded automatically; all others by hand.
    pub automatic_kinds: Vec<Kind>,
    /// How long after the end a refund is still automatic.
    pub grace: Span,
    /// Approving a request also sends it.
    pub approve_processes: bool,
    pub fee: RefundFeePolicy,
}

impl RefundPolicy {
    /// Whether refunds of this kind are sent without asking anybody.
    pub fn sends(&self, kind: Kind) -> bool {
        self.automatic && self.automatic_kinds.contains(&kind)
    }
}

/// How long webhook events are kept alive before a human is asked.
#[derive(Clone, Copy, Debug)]
pub struct InboxPolicy {
    /// How long an event waits for the object it is about.
    pub park: Span,
    /// After so many failures an event is given up.
    pub failures_max: i64,
}

/// What the reports' sums depend on beside the rows that are summed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reports {
    pub calendar: Calendar,
    /// Captured payments of so much are listed one by one.
    pub high_value_minor: i64,
}

impl Default for Reports {
    fn default() -> Self {
        Reports { calendar: Calendar::default(), high_value_minor: 10_000 }
    }
}

/// How instants become days and hours where the reports are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// IANA name.
    pub zone: String,
    /// From when on which offset holds, seconds east, in order; the first one from the beginning of time.
    pub offsets: Vec<(Timestamp, i64)>,
}

impl Calendar {
    /// The calendar of a zone until the end of this century; `None` for a name that is no zone's.
    pub fn of_zone(zone: &str) -> Option<Calendar> {
        const END: i64 = 4_102_444_800;
        let time_zone = TimeZone::get(zone).ok()?;
        let beginning = jiff::Timestamp::UNIX_EPOCH;
        let first = (Timestamp(i64::MIN), i64::from(time_zone.to_offset(beginning).seconds()));
        let changes =
            time_zone.following(beginning).take_while(|change| change.timestamp().as_second() < END);
        let later = changes.map(|change| {
            (Timestamp(change.timestamp().as_microsecond()), i64::from(change.offset().seconds()))
        });
        Some(Calendar { zone: zone.to_owned(), offsets: std::iter::once(first).chain(later).collect() })
    }

    /// The day an instant lies in, days since 1970-01-01.
    pub fn day(&self, at: Timestamp) -> i64 {
        self.local(at).day()
    }

    /// The hour of the day an instant lies in, 0 to 23.
    pub fn hour(&self, at: Timestamp) -> i64 {
        self.local(at).0.div_euclid(Span::HOUR.0).rem_euclid(24)
    }

    fn local(&self, at: Timestamp) -> Timestamp {
        let later = self.offsets.partition_point(|(from, _)| *from <= at);
        let offset = later.checked_sub(1).map_or(0, |last| self.offsets[last].1);
        at + Span::seconds(offset)
    }
}

impl Default for Calendar {
    fn default() -> Self {
        Calendar { zone: "UTC".into(), offsets: vec![(Timestamp(i64::MIN), 0)] }
    }
}

impl FeePolicy {
    pub fn rate(self) -> Rate {
        Rate::bps(self.rate_bps).expect("the configuration refuses rates above 100 %")
    }
}

impl Policies {
    pub fn fee(&self, kind: Kind) -> FeePolicy {
        match kind {
            Kind::Booking => self.fee_booking,
            Kind::GigPurchase => self.fee_gig_purchase,
            Kind::Course => self.fee_course,
            Kind::Event => self.fee_event,
            Kind::WalletTopUp => FeePolicy { mode: FeeMode::OnTop, rate_bps: 0, min_minor: 0 },
        }
    }

    pub fn release(&self, kind: Kind) -> Release {
        match kind {
            Kind::Booking => self.release_booking,
            Kind::GigPurchase => self.release_gig_purchase,
            Kind::Course | Kind::Event | Kind::WalletTopUp => Release::OnPayment,
        }
    }
}

impl Default for Policies {
    fn default() -> Self {
        let deducted = |rate_bps| FeePolicy { mode: FeeMode::Deducted, rate_bps, min_minor: 0 };
        Policies {
            instance: "bursar".into(),
            currency: Currency::USD,
            fee_booking: FeePolicy { mode: FeeMode::OnTop, rate_bps: 500, min_minor: 100 },
            fee_gig_purchase: deducted(1_000),
            fee_course: deducted(2_000),
            fee_event: deducted(2_000),
            booking_unit: PriceUnit::Hour,
            gig_purchase_unit: PriceUnit::Session,
            charge_min_minor: 50,
            charge_max_minor: 99_999_999,
            intent_ttl: Span::minutes(30),
            pending_ttl: Span::minutes(60),
            booking: BookingPolicy {
                flow: BookingFlow::Both,
                cancel_on_payment_failure: false,
                refund_on_cancel: true,
                reschedule: Reschedule::AtOnce,
                enforce_availability: false,
                require_student_role: false,
                confirm_ttl: Span::hours(72),
                pay_ttl: Span::ZERO,
                auto_complete_after: Span::minutes(60),
                length_min: Span::minutes(15),
                length_max: Span::minutes(720),
            },
            meeting: None,
            refunds: RefundPolicy {
                automatic: true,
                automatic_kinds: vec![Kind::Booking, Kind::GigPurchase],
                grace: Span::ZERO,
                approve_processes: false,
                fee: RefundFeePolicy::ProRata,
            },
            release_booking: Release::OnCompletion,
            release_gig_purchase: Release::OnCompletion,
            hold: Span::ZERO,
            lease: Span::seconds(45),
            idempotency_ttl: Span::hours(720),
            derived_window: Span::seconds(10),
            refresh_ttl: Span::days(30),
            refresh_idle: Span::days(7),
            refresh_reuse_grace: Span::seconds(60),
            inbox: InboxPolicy { park: Span::hours(72), failures_max: 12 },
            reports: Reports::default(),
        }
    }
}
