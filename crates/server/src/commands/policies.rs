//! From settings to the rules' policies: every setting that a rule depends on passes here.

use domain::policy::{
    BookingFlow, BookingPolicy, Calendar, FeeMode, FeePolicy, InboxPolicy, Kind, MeetingMoment, Policies,
    PriceUnit, RefundFeePolicy, RefundPolicy, Release, Reports, Reschedule,
};
use domain::time::Span;

use crate::config::{self, Config};

/// The rules' view of the settings. `instance` is this marketplace's own name at gateways.
pub fn policies(config: &Config, instance: &str) -> Policies {
    Policies {
        instance: instance.to_owned(),
        currency: config.payments.currency.0,
        fee_booking: fee(&config.fees.booking),
        fee_gig_purchase: fee(&config.fees.gig_purchase),
        fee_course: fee(&config.fees.course),
        fee_event: fee(&config.fees.event),
        booking_unit: unit(config.pricing.booking_unit),
        gig_purchase_unit: unit(config.pricing.gig_purchase_unit),
        charge_min_minor: config.payments.min_charge_cents,
        charge_max_minor: config.payments.max_charge_cents,
        intent_ttl: Span::minutes(config.payments.intent_ttl_minutes),
        pending_ttl: Span::minutes(config.payments.pending_ttl_minutes),
        booking: booking(config),
        meeting: meeting(config),
        refunds: RefundPolicy {
            automatic: config.refunds.policy == config::RefundPolicy::AutoBeforeEnd,
            automatic_kinds: config.refunds.auto_kinds.iter().map(|kind| kind_of(*kind)).collect(),
            grace: Span::minutes(config.refunds.auto_grace_minutes),
            approve_processes: config.refunds.approve_processes,
            fee: match config.refunds.platform_fee {
                config::RefundedFee::ProRata => RefundFeePolicy::ProRata,
                config::RefundedFee::Keep => RefundFeePolicy::Keep,
            },
        },
        release_booking: release(config.payouts.release.booking),
        release_gig_purchase: release(config.payouts.release.gig_purchase),
        hold: Span::days(config.payouts.hold_days),
        idempotency_ttl: Span::hours(config.idempotency.ttl_hours),
        derived_window: Span::seconds(config.idempotency.derived_window_seconds),
        refresh_ttl: Span::days(config.auth.refresh_ttl_days),
        refresh_idle: Span::days(config.auth.refresh_idle_days),
        refresh_reuse_grace: Span::seconds(config.auth.refresh_reuse_grace_seconds),
        inbox: InboxPolicy {
            park: Span::hours(config.webhooks.park_hours),
            failures_max: config.webhooks.max_attempts.into(),
        },
        reports: Reports {
            high_value_minor: config.reports.high_value_cents,
            calendar: Calendar::of_zone(&config.reports.time_zone)
                .expect("the configuration refuses unknown zones"),
        },
        ..Policies::default()
    }
}

fn booking(config: &Config) -> BookingPolicy {
    let settings = &config.booking;
    BookingPolicy {
        flow: match settings.flow {
            config::BookingFlow::Both => BookingFlow::Both,
            config::BookingFlow::ConfirmThenPay => BookingFlow::ConfirmThenPay,
            config::BookingFlow::PayThenConfirm => BookingFlow::PayThenConfirm,
        },
        cancel_on_payment_failure: settings.on_payment_failure == config::OnPaymentFailure::Cancel,
        refund_on_cancel: settings.refund_on_cancel,
        reschedule: match settings.reschedule {
            config::Reschedule::Unilateral => Reschedule::AtOnce,
            config::Reschedule::TwoStep => Reschedule::ByRequest,
        },
        enforce_availability: settings.enforce_availability,
        require_student_role: settings.require_student_role,
        confirm_ttl: Span::hours(settings.confirm_ttl_hours),
        pay_ttl: Span::hours(settings.pay_ttl_hours),
        auto_complete_after: Span::minutes(settings.auto_complete_after_minutes),
        length_min: Span::minutes(settings.min_minutes),
        length_max: Span::minutes(settings.max_minutes),
    }
}

/// Nothing has to be made where rooms are our own, or one and the same.
fn meeting(config: &Config) -> Option<MeetingMoment> {
    (config.meeting.provider == config::MeetingProvider::Zoom).then_some(match config.meeting.create_on {
        config::MeetingMoment::Booking => MeetingMoment::Booked,
        config::MeetingMoment::Confirm => MeetingMoment::Confirmed,
        config::MeetingMoment::Payment => MeetingMoment::Paid,
    })
}

fn fee(fee: &config::Fee) -> FeePolicy {
    FeePolicy {
        mode: match fee.mode {
            config::FeeMode::OnTop => FeeMode::OnTop,
            config::FeeMode::Deducted => FeeMode::Deducted,
        },
        rate_bps: fee.rate_bps,
        min_minor: fee.min_cents,
    }
}

fn kind_of(kind: config::Kind) -> Kind {
    match kind {
        config::Kind::Booking => Kind::Booking,
        config::Kind::GigPurchase => Kind::GigPurchase,
        config::Kind::Course => Kind::Course,
        config::Kind::Event => Kind::Event,
    }
}

fn unit(unit: config::PriceUnit) -> PriceUnit {
    match unit {
        config::PriceUnit::Hour => PriceUnit::Hour,
        config::PriceUnit::Session => PriceUnit::Session,
    }
}

fn release(release: config::Release) -> Release {
    match release {
        config::Release::OnCompletion => Release::OnCompletion,
        config::Release::OnPayment => Release::OnPayment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    #[test]
    fn the_settings_defaults_are_the_rules_defaults() {
        let config = load(&Sources::default()).expect("defaults are valid");
        let ours = policies(&config, "bursar");
        assert_eq!(format!("{ours:#?}"), format!("{:#?}", Policies::default()));
    }

    #[test]
    fn settings_reach_the_rules() {
        let env = [("BURSAR_FEES__BOOKING__RATE_BPS", "700"), ("BURSAR_BOOKING__FLOW", "pay_then_confirm")];
        let env = env.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let config = load(&Sources { env, ..Sources::default() }).expect("valid");
        let ours = policies(&config, "i");
        assert_eq!((ours.fee_booking.rate_bps, ours.booking.flow), (700, BookingFlow::PayThenConfirm));
    }

    #[test]
    fn settings_of_refunds_reach_the_rules() {
        let env = [
            ("BURSAR_REFUNDS__POLICY", "manual_only"),
            ("BURSAR_REFUNDS__AUTO_KINDS", "gig_purchase"),
            ("BURSAR_REFUNDS__AUTO_GRACE_MINUTES", "15"),
            ("BURSAR_REFUNDS__APPROVE_PROCESSES", "true"),
            ("BURSAR_REFUNDS__PLATFORM_FEE", "keep"),
        ];
        let env = env.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let config = load(&Sources { env, ..Sources::default() }).expect("valid");
        let ours = policies(&config, "i").refunds;
        assert!(!ours.automatic && ours.approve_processes);
        assert_eq!((ours.automatic_kinds, ours.grace), (vec![Kind::GigPurchase], Span::minutes(15)));
        assert_eq!(ours.fee, RefundFeePolicy::Keep);
    }
}
