//! Vital signs of the marketplace's payments as this node last saw them: looked at by whoever asks, told
//! to Prometheus, and handed to the rules, which alert.

use domain::time::Span;
use domain::vitals::{Thresholds, Vitals};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use store::Db;
use store::engine::Fault;

use crate::clock::Clock;
use crate::config::Config;

/// How far back payments are looked at, and how many at most.
pub const WINDOW: Span = Span::DAY;
pub const SAMPLE_MAX: usize = 5_000;

/// The figures for Prometheus; all zero until they were first looked at.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    failed_rate_bps: Gauge,
    processing_median_us: Gauge,
    processing_p95_us: Gauge,
    refund_rate_bps: Gauge,
    off_policy: Gauge,
}

impl Gauges {
    /// Puts the figures where they are read.
    pub fn register(&self, registry: &mut Registry) {
        let all = [
            ("payments_failed_bps", "Failed of finished attempts, basis points", &self.failed_rate_bps),
            ("payments_median_microseconds", "From attempt to money, median", &self.processing_median_us),
            ("payments_p95_microseconds", "From attempt to money, 95th percentile", &self.processing_p95_us),
            ("payments_refunded_bps", "Refunded of captured money, basis points", &self.refund_rate_bps),
            ("payments_off_policy", "Payments whose fee is not their policy's", &self.off_policy),
        ];
        for (name, help, gauge) in all {
            registry.register(name, help, gauge.clone());
        }
    }

    /// What was seen.
    pub fn set(&self, vitals: &Vitals) {
        self.failed_rate_bps.set(vitals.failed_rate_bps());
        self.processing_median_us.set(vitals.processing_median.0);
        self.processing_p95_us.set(vitals.processing_p95.0);
        self.refund_rate_bps.set(vitals.refund_rate_bps());
        self.off_policy.set(vitals.off_policy);
    }
}

/// As the settings have them.
pub fn thresholds(config: &Config) -> Thresholds {
    let reports = &config.reports;
    Thresholds {
        failed_rate_bps: reports.failed_rate_alert_bps.into(),
        processing: Span::seconds(reports.processing_seconds_alert),
        refund_rate_bps: reports.refund_rate_alert_bps.into(),
    }
}

/// Looks at the newest payments of the last day.
pub async fn look(db: &Db, config: &Config, clock: &dyn Clock) -> Result<Vitals, Fault> {
    let since = clock.now() - WINDOW;
    let currency = config.payments.currency.0;
    db.read(move |reads| {
        let sample = reads.vital_sample(since, SAMPLE_MAX)?;
        Ok(Vitals::of(&sample.payments, &sample.ops, &sample.bookings, currency))
    })
    .await
}
