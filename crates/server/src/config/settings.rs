//! The settings as types. Meaning and default of each stand in `default.toml`, once.
//!
//! No field has a default here: the embedded file gives every one. Rates are basis points, amounts
//! minor units, so no float exists.

use std::net::{IpAddr, SocketAddr};

use domain::money::Currency;
use serde::{Deserialize, Serialize};

use super::secret::{DatabaseUrl, Secret};

/// Words of a setting, as enums whose wire form is `snake_case`.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($word:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($word),* }
    )*};
}

/// Sections: strict structs whose unknown members stop the start.
macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $(pub $field: $kind),* }
    )*};
}

words! {
    /// A named set of defaults.
    Preset { None, Linguaflex, Skillstudio }
    LogFormat { Text, Json }
    /// Whether a synchronous standby must exist.
    HaMode { Off, Required }
    /// Who pays the fee on top of what.
    FeeMode { OnTop, Deducted }
    /// What a price is the price of.
    PriceUnit { Hour, Session }
    /// What card numbers the API accepts.
    RawCard { TestCards, Tokens, PassThrough }
    BookingFlow { Both, ConfirmThenPay, PayThenConfirm }
    OnPaymentFailure { Keep, Cancel }
    Reschedule { Unilateral, TwoStep }
    MeetingMoment { Payment, Confirm, Booking }
    MeetingProvider { Builtin, Zoom, StaticUrl, None }
    RefundPolicy { AutoBeforeEnd, ManualOnly }
    /// What is sold, as settings name it.
    Kind { Booking, GigPurchase, Course, Event }
    RefundedFee { ProRata, Keep }
    PayoutSchedule { Off, Daily, Weekly, Monthly }
    /// When a payee's share becomes payable.
    Release { OnCompletion, OnPayment }
    CouponFunding { Shared, Seller, Platform }
    FeeBearer { Platform, Payee }
    GatewayName { Sandbox, Stripe, Paypal }
    /// Whether a gateway moves real money.
    GatewayMode { Test, Live }
    MailTransport { File, Smtp, Log }
    SmtpSecurity { Starttls, Tls, None }
    /// Whose meetings they are.
    ZoomHost { Me, Teacher }
}

sections! {
    /// Everything that can be set.
    Config {
        preset: Preset,
        server: Server,
        database: Database,
        writer: Writer,
        ha: Ha,
        log: Log,
        secrets: SecretSettings,
        fees: Fees,
        pricing: Pricing,
        payments: Payments,
        booking: Booking,
        meeting: Meeting,
        refunds: Refunds,
        payouts: Payouts,
        coupons: Coupons,
        disputes: Disputes,
        gateways: Gateways,
        webhooks: Webhooks,
        idempotency: Idempotency,
        reports: Reports,
        auth: Auth,
        limits: Limits,
        risk: Risk,
        compat: Compat,
        mail: Mail,
        smtp: Smtp,
        zoom: Zoom,
        privacy: Privacy,
        audit: Audit,
    }

    Server {
        listen: SocketAddr,
        metrics_listen: String,
        public_url: String,
        data_dir: String,
        cors_origins: Vec<String>,
        trusted_proxies: Vec<Network>,
        tls_cert: String,
        tls_key: String,
        require_https: bool,
    }

    Database { url: DatabaseUrl }

    Writer { batch_max: usize, queue_max: usize, lanes_per_batch: usize }

    Ha { mode: HaMode }

    Log { format: LogFormat, level: String }

    /// As configured; [`super::Secrets`] are the ones in use.
    SecretSettings {
        jwt_key: Secret,
        jwt_keys_retired: Vec<Secret>,
        key_encryption_key: Secret,
        key_encryption_keys_retired: Vec<Secret>,
        sandbox_webhook_secret: Secret,
        link_key: Secret,
        instance: String,
    }

    Fees { booking: Fee, gig_purchase: Fee, course: Fee, event: Fee }

    /// One kind's platform fee: `max(rate, min)`.
    Fee { mode: FeeMode, rate_bps: u32, min_cents: i64 }

    Pricing { booking_unit: PriceUnit, gig_purchase_unit: PriceUnit }

    Payments {
        currency: CurrencyCode,
        extra_currencies: Vec<CurrencyCode>,
        min_charge_cents: i64,
        max_charge_cents: i64,
        intent_ttl_minutes: i64,
        pending_ttl_minutes: i64,
        raw_card: RawCard,
        plans_enabled: bool,
    }

    Booking {
        flow: BookingFlow,
        on_payment_failure: OnPaymentFailure,
        refund_on_cancel: bool,
        reschedule: Reschedule,
        enforce_availability: bool,
        require_student_role: bool,
        confirm_ttl_hours: i64,
        pay_ttl_hours: i64,
        auto_complete_after_minutes: i64,
        min_minutes: i64,
        max_minutes: i64,
    }

    Meeting { create_on: MeetingMoment, provider: MeetingProvider, static_url: String }

    Refunds {
        policy: RefundPolicy,
        auto_kinds: Vec<Kind>,
        auto_grace_minutes: i64,
        approve_processes: bool,
        platform_fee: RefundedFee,
    }

    Payouts {
        min_cents: i64,
        hold_days: i64,
        schedule: PayoutSchedule,
        auto_approve: bool,
        details_cooloff_hours: i64,
        release: Releases,
    }

    Releases { booking: Release, gig_purchase: Release, course: Release, event: Release }

    Coupons { funding: CouponFunding, restore_on_full_refund: bool }

    Disputes { fee_cents: i64, fee_bearer: FeeBearer, fee_returned_on_win: bool }

    Gateways {
        default: GatewayName,
        timeout_seconds: u64,
        stripe: Stripe,
        paypal: Paypal,
        sandbox: Sandbox,
    }

    Stripe {
        mode: GatewayMode,
        secret_key: Secret,
        publishable_key: String,
        webhook_secret: Secret,
        api_base: String,
        optional_parameters: bool,
    }

    Paypal {
        mode: GatewayMode,
        client_id: String,
        client_secret: Secret,
        webhook_id: String,
        api_base: String,
        cert_hosts: Vec<String>,
    }

    Sandbox { api_base: String }

    Webhooks { tolerance_seconds: i64, park_hours: i64, max_attempts: u32 }

    Idempotency { ttl_hours: i64, derived_window_seconds: i64 }

    Reports {
        time_zone: String,
        high_value_cents: i64,
        failed_rate_alert_bps: u32,
        processing_seconds_alert: i64,
        refund_rate_alert_bps: u32,
    }

    Auth {
        access_ttl_minutes: i64,
        refresh_ttl_days: i64,
        refresh_idle_days: i64,
        refresh_reuse_grace_seconds: i64,
        require_verified: bool,
        redirects: Vec<String>,
        external: External,
        google: Google,
    }

    External { issuer: String, audience: String, secret: Secret, jwks: String }

    Google { client_id: String, client_secret: Secret, redirect_uri: String, issuer: String }

    Limits { login_per_minute: u32, payment_per_minute: u32, other_per_minute: u32 }

    Risk { enabled: bool, max_attempts_per_hour: u32, review_cents: i64 }

    Compat { alias_mounts: bool, completed_as_confirmed: bool, strict_statuses: bool }

    Mail { transport: MailTransport, from: String, templates: String, admin_recipients: Vec<String> }

    Smtp { host: String, port: u16, username: String, password: Secret, security: SmtpSecurity }

    Zoom {
        account_id: String,
        client_id: Secret,
        client_secret: Secret,
        webhook_secret: Secret,
        host: ZoomHost,
        api_base: String,
        oauth_base: String,
    }

    Privacy { retain_financial_years: u32, erasures: String }

    Audit { checkpoints: String, checkpoints_url: String }
}

/// A currency that the product knows, in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrencyCode(pub Currency);

impl<'de> Deserialize<'de> for CurrencyCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Currency::parse(code.trim())
            .map(CurrencyCode)
            .ok_or_else(|| serde::de::Error::custom("is not a currency with known decimals"))
    }
}

impl Serialize for CurrencyCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.code())
    }
}

/// One address, or a network such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// `None` when the text is neither an address nor a network.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Network { address, bits })
    }

    pub fn contains(&self, other: IpAddr) -> bool {
        let shift = |width: u32| width - u32::from(self.bits);
        match (self.address, other.to_canonical()) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => {
                let differing = mine.to_bits() ^ other.to_bits();
                differing.checked_shr(shift(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(mine), IpAddr::V6(other)) => {
                let differing = mine.to_bits() ^ other.to_bits();
                differing.checked_shr(shift(128)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Network::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("must be an address or a network (10.0.0.0/8)"))
    }
}

impl Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}/{}", self.address, self.bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_addresses_only() {
        let cases = [
            ("10.0.0.0/8", "10.200.3.4", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("fd00::/8", "fd12::1", true),
            ("::1", "::2", false),
            ("::/0", "10.0.0.1", false),
        ];
        for (network, address, inside) in cases {
            let network = Network::parse(network).expect("valid");
            let address = address.parse().expect("valid");
            assert_eq!(network.contains(address), inside, "{network:?} {address}");
        }
        for junk in ["", "10.0.0.0/33", "x/8", "::/129"] {
            assert_eq!(Network::parse(junk), None, "{junk}");
        }
    }
}
