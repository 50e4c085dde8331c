//! What types cannot say: ranges, settings that need each other, and what is refused outright
//! because it is dangerous (`reliability.md` S16).

use std::net::SocketAddr;

use super::{
    Config, ConfigError, GatewayMode, MailTransport, MeetingProvider, RawCard, Secret, SmtpSecurity,
};

/// Shorter keys can be guessed.
pub const SECRET_LENGTH_MIN: usize = 32;
/// The request limit is 20 seconds; a gateway call must end well before it.
const GATEWAY_TIMEOUT_MAX: u64 = 15;

/// Findings, gathered so that one start names everything that is wrong.
struct Findings(Vec<String>);

impl Findings {
    fn check(&mut self, fits: bool, key: &str, message: &str) {
        if !fits {
            self.0.push(format!("{key}: {message}"));
        }
    }

    fn range(&mut self, key: &str, value: i64, least: i64, most: i64) {
        if !(least..=most).contains(&value) {
            self.0.push(format!("{key}: must be from {least} to {most}"));
        }
    }
}

/// All that is wrong with a configuration, or nothing.
pub(super) fn validate(config: &Config) -> Result<(), ConfigError> {
    let mut findings = Findings(Vec::new());
    ranges(config, &mut findings);
    fees_and_money(config, &mut findings);
    server(config, &mut findings);
    database(config, &mut findings);
    gateways(config, &mut findings);
    people(config, &mut findings);
    delivery(config, &mut findings);
    if findings.0.is_empty() { Ok(()) } else { Err(ConfigError::Invalid(findings.0)) }
}

fn ranges(config: &Config, findings: &mut Findings) {
    const YEAR_HOURS: i64 = 24 * 366;
    const MONTH_MINUTES: i64 = 60 * 24 * 30;
    let booking = &config.booking;
    let auto_complete = booking.auto_complete_after_minutes;
    let number = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    let timeout = i64::try_from(config.gateways.timeout_seconds).unwrap_or(i64::MAX);
    #[rustfmt::skip]
    let table: &[(&str, i64, i64, i64)] = &[
        ("writer.batch_max", number(config.writer.batch_max), 1, 4_096),
        ("writer.queue_max", number(config.writer.queue_max), 1, 1_000_000),
        ("writer.lanes_per_batch", number(config.writer.lanes_per_batch), 1, 256),
        ("payments.intent_ttl_minutes", config.payments.intent_ttl_minutes, 1, MONTH_MINUTES),
        ("payments.pending_ttl_minutes", config.payments.pending_ttl_minutes, 1, MONTH_MINUTES),
        ("booking.confirm_ttl_hours", booking.confirm_ttl_hours, 1, YEAR_HOURS),
        ("booking.pay_ttl_hours", booking.pay_ttl_hours, 0, YEAR_HOURS),
        ("booking.auto_complete_after_minutes", auto_complete, 0, MONTH_MINUTES),
        ("booking.min_minutes", booking.min_minutes, 1, booking.max_minutes),
        ("booking.max_minutes", booking.max_minutes, 1, 60 * 24 * 7),
        ("refunds.auto_grace_minutes", config.refunds.auto_grace_minutes, 0, 60 * 24 * 366),
        ("payouts.hold_days", config.payouts.hold_days, 0, 3_650),
        ("payouts.details_cooloff_hours", config.payouts.details_cooloff_hours, 0, YEAR_HOURS),
        ("gateways.timeout_seconds", timeout, 1, GATEWAY_TIMEOUT_MAX.cast_signed()),
        ("webhooks.tolerance_seconds", config.webhooks.tolerance_seconds, 1, 86_400),
        ("webhooks.park_hours", config.webhooks.park_hours, 0, YEAR_HOURS),
        ("webhooks.max_attempts", config.webhooks.max_attempts.into(), 1, 1_000),
        ("idempotency.ttl_hours", config.idempotency.ttl_hours, 1, YEAR_HOURS),
        ("idempotency.derived_window_seconds", config.idempotency.derived_window_seconds, 0, 3_600),
        ("reports.failed_rate_alert_bps", config.reports.failed_rate_alert_bps.into(), 0, 10_000),
        ("reports.refund_rate_alert_bps", config.reports.refund_rate_alert_bps.into(), 0, 10_000),
        ("reports.processing_seconds_alert", config.reports.processing_seconds_alert, 1, 86_400),
        ("auth.access_ttl_minutes", config.auth.access_ttl_minutes, 1, 15),
        ("auth.refresh_ttl_days", config.auth.refresh_ttl_days, 1, 366),
        ("auth.refresh_idle_days", config.auth.refresh_idle_days, 1, config.auth.refresh_ttl_days),
        ("auth.refresh_reuse_grace_seconds", config.auth.refresh_reuse_grace_seconds, 0, 300),
        ("limits.login_per_minute", config.limits.login_per_minute.into(), 0, 1_000_000),
        ("limits.payment_per_minute", config.limits.payment_per_minute.into(), 0, 1_000_000),
        ("limits.other_per_minute", config.limits.other_per_minute.into(), 0, 100_000_000),
        ("risk.max_attempts_per_hour", config.risk.max_attempts_per_hour.into(), 1, 1_000_000),
        ("privacy.retain_financial_years", config.privacy.retain_financial_years.into(), 1, 100),
    ];
    for (key, value, least, most) in table {
        findings.range(key, *value, *least, *most);
    }
}

fn fees_and_money(config: &Config, findings: &mut Findings) {
    const AMOUNT_MAX: i64 = domain::money::MONEY_MAX;
    let payments = &config.payments;
    let fees = &config.fees;
    for (kind, fee) in [
        ("booking", &fees.booking),
        ("gig_purchase", &fees.gig_purchase),
        ("course", &fees.course),
        ("event", &fees.event),
    ] {
        findings.range(&format!("fees.{kind}.rate_bps"), fee.rate_bps.into(), 0, 10_000);
        findings.range(&format!("fees.{kind}.min_cents"), fee.min_cents, 0, AMOUNT_MAX);
    }
    let most = payments.max_charge_cents;
    findings.range("payments.max_charge_cents", most, 1, AMOUNT_MAX);
    findings.range("payments.min_charge_cents", payments.min_charge_cents, 0, most);
    findings.range("payouts.min_cents", config.payouts.min_cents, 1, AMOUNT_MAX);
    findings.range("disputes.fee_cents", config.disputes.fee_cents, 0, AMOUNT_MAX);
    findings.range("reports.high_value_cents", config.reports.high_value_cents, 0, AMOUNT_MAX);
    findings.range("risk.review_cents", config.risk.review_cents, 0, AMOUNT_MAX);
    let extra = &payments.extra_currencies;
    let repeated = extra
        .iter()
        .enumerate()
        .any(|(index, one)| *one == payments.currency || extra[..index].contains(one));
    findings.check(!repeated, "payments.extra_currencies", "must not repeat a currency");
    findings.check(
        jiff::tz::TimeZone::get(&config.reports.time_zone).is_ok(),
        "reports.time_zone",
        "is not an IANA time zone",
    );
}

fn server(config: &Config, findings: &mut Findings) {
    let server = &config.server;
    let metrics = &server.metrics_listen;
    findings.check(
        metrics.is_empty() || metrics.parse::<SocketAddr>().is_ok(),
        "server.metrics_listen",
        "must be an address with a port, or empty",
    );
    findings.check(
        server.public_url.is_empty() || is_url(&server.public_url),
        "server.public_url",
        "must be an http or https address",
    );
    findings.check(
        server.cors_origins.iter().all(|origin| is_origin(origin)),
        "server.cors_origins",
        "must be origins such as https://app.example.org",
    );
    findings.check(
        server.tls_cert.is_empty() == server.tls_key.is_empty(),
        "server.tls_key",
        "needs server.tls_cert, and the other way round",
    );
    findings.check(crate::logging::is_filter(&config.log.level), "log.level", "is not a level or a filter");
    findings.check(
        !config.is_live() || config.has_tls() || server.require_https,
        "server.require_https",
        "must be true while a gateway is live, unless server.tls_cert is set",
    );
}

fn database(config: &Config, findings: &mut Findings) {
    let url = &config.database.url;
    findings.check(
        url.is_postgres() || url.is_sqlite(),
        "database.url",
        "must begin with sqlite: or postgres://",
    );
    let secrets = &config.secrets;
    let named: [(&str, &Secret); 4] = [
        ("secrets.jwt_key", &secrets.jwt_key),
        ("secrets.key_encryption_key", &secrets.key_encryption_key),
        ("secrets.sandbox_webhook_secret", &secrets.sandbox_webhook_secret),
        ("secrets.link_key", &secrets.link_key),
    ];
    let retired = secrets.jwt_keys_retired.iter().map(|key| ("secrets.jwt_keys_retired", key));
    for (key, secret) in named.into_iter().chain(retired) {
        findings.check(
            secret.is_empty() || is_strong(secret.expose()),
            key,
            "is too short, repetitive or a known default; use `openssl rand -base64 48`",
        );
    }
    let kek = &secrets.key_encryption_key;
    for (key, secret) in std::iter::once(("secrets.key_encryption_key", kek)).chain(
        secrets.key_encryption_keys_retired.iter().map(|key| ("secrets.key_encryption_keys_retired", key)),
    ) {
        findings.check(
            secret.is_empty() || super::secrets::decode_key(secret).is_some(),
            key,
            "must be 32 bytes in base64url without padding",
        );
    }
    findings.check(
        secrets.instance.is_empty() || is_uuid(&secrets.instance),
        "secrets.instance",
        "must be a UUID",
    );
}

fn gateways(config: &Config, findings: &mut Findings) {
    let (stripe, paypal) = (&config.gateways.stripe, &config.gateways.paypal);
    for (key, value) in [
        ("gateways.stripe.secret_key", stripe.secret_key.expose()),
        ("gateways.stripe.publishable_key", stripe.publishable_key.as_str()),
    ] {
        let wrong = match stripe.mode {
            GatewayMode::Live => "_test_",
            GatewayMode::Test => "_live_",
        };
        findings.check(!value.contains(wrong), key, "belongs to the other mode");
    }
    for (key, base, mode) in [
        ("gateways.stripe.api_base", &stripe.api_base, stripe.mode),
        ("gateways.paypal.api_base", &paypal.api_base, paypal.mode),
        ("gateways.sandbox.api_base", &config.gateways.sandbox.api_base, GatewayMode::Test),
    ] {
        let plain = mode == GatewayMode::Test && is_loopback_url(base);
        findings.check(
            base.is_empty() || base.starts_with("https://") || plain,
            key,
            "must be an https address (plain http on loopback in test mode only)",
        );
    }
    let url = &config.audit.checkpoints_url;
    findings.check(
        url.is_empty() || url.starts_with("https://") || (!config.is_live() && is_loopback_url(url)),
        "audit.checkpoints_url",
        "must be an https address (plain http on loopback in test mode only)",
    );
    let raw_card = config.payments.raw_card;
    findings.check(
        raw_card != RawCard::PassThrough,
        "payments.raw_card",
        "pass_through is not available: it needs a separate card process; use tokens",
    );
    findings.check(
        !(config.is_live() && raw_card == RawCard::TestCards),
        "payments.raw_card",
        "test_cards cannot be used while a gateway is live; use tokens",
    );
}

fn people(config: &Config, findings: &mut Findings) {
    let external = &config.auth.external;
    if !external.issuer.is_empty() {
        findings.check(
            !external.audience.is_empty(),
            "auth.external.audience",
            "is required with auth.external.issuer",
        );
        findings.check(
            external.secret.is_empty() != external.jwks.is_empty(),
            "auth.external",
            "needs either secret or jwks, not both",
        );
    }
    findings.check(
        external.secret.is_empty() || is_strong(external.secret.expose()),
        "auth.external.secret",
        "is too short, repetitive or a known default",
    );
    let jwks = &external.jwks;
    findings.check(
        !jwks.starts_with("http://") || is_loopback_url(jwks),
        "auth.external.jwks",
        "must be a file or an https address",
    );
    let google = &config.auth.google;
    findings.check(
        google.client_id.is_empty() || !(google.client_secret.is_empty() || google.redirect_uri.is_empty()),
        "auth.google",
        "needs client_secret and redirect_uri with client_id",
    );
    if !google.client_id.is_empty() {
        let ends = google.redirect_uri.trim_end_matches('/').ends_with("/api/auth/google/callback");
        let secure = |url: &str| url.starts_with("https://") || (!config.is_live() && is_loopback_url(url));
        findings.check(
            ends && secure(&google.redirect_uri),
            "auth.google.redirect_uri",
            "must be this server's https address with the path /api/auth/google/callback/",
        );
        findings.check(secure(&google.issuer), "auth.google.issuer", "must be an https address");
        let pages = &config.auth.redirects;
        findings.check(
            !pages.is_empty() && pages.iter().all(|url| secure(url)),
            "auth.redirects",
            "must be the https pages that people go on to after a login with auth.google",
        );
    }
    findings.check(
        config.auth.redirects.iter().all(|url| is_url(url)),
        "auth.redirects",
        "must be http or https addresses",
    );
}

fn delivery(config: &Config, findings: &mut Findings) {
    let smtp = &config.smtp;
    if config.mail.transport == MailTransport::Smtp {
        findings.check(!smtp.host.is_empty(), "smtp.host", "is required to send by smtp");
        let loopback = matches!(smtp.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        findings.check(
            smtp.security != SmtpSecurity::None || loopback,
            "smtp.security",
            "none is for loopback only",
        );
    }
    findings.check(config.mail.from.contains('@'), "mail.from", "must be a mail address");
    match config.meeting.provider {
        MeetingProvider::StaticUrl => findings.check(
            is_url(&config.meeting.static_url),
            "meeting.static_url",
            "must be an http or https address",
        ),
        MeetingProvider::Zoom => findings.check(
            !config.zoom.client_id.is_empty(),
            "zoom.client_id",
            "is required while meeting.provider is zoom",
        ),
        MeetingProvider::Builtin | MeetingProvider::None => {}
    }
    zoom(config, findings);
}

fn zoom(config: &Config, findings: &mut Findings) {
    let zoom = &config.zoom;
    let whole = !zoom.account_id.is_empty() && !zoom.client_secret.is_empty();
    findings.check(
        zoom.client_id.is_empty() || whole,
        "zoom",
        "needs account_id and client_secret with client_id",
    );
    for (key, base) in [("zoom.api_base", &zoom.api_base), ("zoom.oauth_base", &zoom.oauth_base)] {
        let plain = !config.is_live() && is_loopback_url(base);
        let empty = base.is_empty() && key == "zoom.oauth_base";
        findings.check(
            empty || base.starts_with("https://") || plain,
            key,
            "must be an https address (plain http on loopback in test mode only)",
        );
    }
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !text.contains(char::is_whitespace))
}

fn is_origin(text: &str) -> bool {
    is_url(text) && text.matches('/').count() == 2
}

fn is_loopback_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => authority.split(':').next().unwrap_or(authority),
    };
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Long enough, varied enough, and not from somebody's example file.
fn is_strong(secret: &str) -> bool {
    let lower = secret.to_ascii_lowercase();
    let known = ["changeme", "change-me", "change_me", "example", "insecure", "your-secret", "placeholder"];
    let distinct: std::collections::BTreeSet<char> = secret.chars().collect();
    secret.len() >= SECRET_LENGTH_MIN && distinct.len() >= 8 && !known.iter().any(|word| lower.contains(word))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
