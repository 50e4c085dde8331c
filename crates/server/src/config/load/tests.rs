use super::*;
use crate::config::{FeeMode, GatewayName, RawCard, Release};

fn env(pairs: &[(&str, &str)]) -> Sources {
    Sources {
        env: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Sources::default()
    }
}

fn file(text: &str) -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bursar.toml");
    std::fs::write(&path, text).expect("writable");
    let sources = Sources { file: Some(path), ..Sources::default() };
    (folder, sources)
}

fn refusal(sources: &Sources) -> String {
    load(sources).expect_err("must be refused").to_string()
}

#[test]
fn the_defaults_are_the_contracts() {
    let config = load(&Sources::default()).expect("valid");
    assert_eq!(config.fees.booking.mode, FeeMode::OnTop);
    assert_eq!(config.fees.booking.rate_bps, 500);
    assert_eq!(config.fees.booking.min_cents, 100);
    assert_eq!(config.payments.currency.0, Currency::USD);
    assert_eq!(config.gateways.default, GatewayName::Sandbox);
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8000");
    assert_eq!(config.data_dir(), PathBuf::from("data"));
}

#[test]
fn presets_change_what_they_say_and_explicit_keys_win() {
    let config = load(&env(&[("BURSAR_PRESET", "skillstudio"), ("BURSAR_FEES__BOOKING__RATE_BPS", "1500")]))
        .expect("valid");
    assert_eq!(config.fees.booking.mode, FeeMode::Deducted);
    assert_eq!(config.fees.booking.rate_bps, 1_500);
    assert_eq!(config.payouts.release.booking, Release::OnPayment);
    let config = load(&env(&[("BURSAR_PRESET", "linguaflex")])).expect("valid");
    assert!(config.compat.completed_as_confirmed);
}

#[test]
fn layers_stand_in_order() {
    let (_folder, mut sources) = file("[fees.booking]\nrate_bps = 1\nmin_cents = 1");
    sources.env = env(&[
        ("MINIMUM_PLATFORM_FEE_CENTS", "2"),
        ("PLATFORM_FEE_PERCENTAGE", "0.02"),
        ("BURSAR_FEES__BOOKING__MIN_CENTS", "3"),
        ("BURSAR_SERVER__LISTEN", "127.0.0.1:1"),
    ])
    .env;
    sources.flags = vec![("server.listen", "127.0.0.1:2".into())];
    let config = load(&sources).expect("valid");
    assert_eq!(config.fees.booking.rate_bps, 200);
    assert_eq!(config.fees.booking.min_cents, 3);
    assert_eq!(config.server.listen.port(), 2);
}

#[test]
fn aliases_of_the_seeds_are_read_exactly() {
    let config = load(&env(&[
        ("PAYMENT_CURRENCY", "eur"),
        ("PLATFORM_FEE_PERCENTAGE", "0.05"),
        ("PLATFORM_FEE_RATE", "0.1250"),
        ("MIN_PAYOUT_AMOUNT", "12.50"),
        ("STRIPE_SECRET_KEY", "sk_test_abc"),
        ("DATABASE_URL", "postgres://u:p@h/db"),
    ]))
    .expect("valid");
    assert_eq!(config.payments.currency.0, Currency::EUR);
    assert_eq!(config.fees.booking.rate_bps, 500);
    assert_eq!(config.fees.course.rate_bps, 1_250);
    assert_eq!(config.fees.event.rate_bps, 1_250);
    assert_eq!(config.payouts.min_cents, 1_250);
    assert_eq!(config.gateways.stripe.secret_key.expose(), "sk_test_abc");
    assert_eq!(config.gateways.default, GatewayName::Sandbox);
    for junk in ["0.00001", "1.5", "-0.1", "5%", ".05", "5e-2"] {
        let refusal = refusal(&env(&[("PLATFORM_FEE_RATE", junk)]));
        assert!(refusal.contains("PLATFORM_FEE_RATE"), "{refusal}");
    }
}

#[test]
fn an_explicit_minimum_payout_wins_over_its_alias() {
    let config =
        load(&env(&[("MIN_PAYOUT_AMOUNT", "12.50"), ("BURSAR_PAYOUTS__MIN_CENTS", "7")])).expect("valid");
    assert_eq!(config.payouts.min_cents, 7);
}

#[test]
fn lists_come_from_the_environment_too() {
    let config = load(&env(&[
        ("BURSAR_SERVER__CORS_ORIGINS", "https://a.example, https://b.example"),
        ("BURSAR_PAYMENTS__EXTRA_CURRENCIES", "EUR,GBP"),
        ("BURSAR_REFUNDS__AUTO_KINDS", ""),
    ]))
    .expect("valid");
    assert_eq!(config.server.cors_origins.len(), 2);
    assert_eq!(config.payments.extra_currencies.len(), 2);
    assert!(config.refunds.auto_kinds.is_empty());
}

/// What is set, and the key that the refusal must name.
const BAD: &[(&str, &str, &str)] = &[
    ("BURSAR_FEES__BOKING__RATE_BPS", "1", "BURSAR_FEES__BOKING__RATE_BPS"),
    ("BURSAR_FEES__BOOKING", "1", "fees.booking"),
    ("BURSAR_FEES__BOOKING__RATE_BPS", "10001", "fees.booking.rate_bps"),
    ("BURSAR_FEES__BOOKING__RATE_BPS", "5.5", "fees.booking.rate_bps"),
    ("BURSAR_FEES__BOOKING__RATE_BPS", "-1", "fees.booking.rate_bps"),
    ("BURSAR_FEES__BOOKING__MODE", "under", "fees.booking.mode"),
    ("BURSAR_PAYMENTS__CURRENCY", "XXX", "payments.currency"),
    ("BURSAR_PAYMENTS__RAW_CARD", "pass_through", "payments.raw_card"),
    ("BURSAR_REPORTS__TIME_ZONE", "Mars/Olympus", "reports.time_zone"),
    ("BURSAR_SERVER__LISTEN", "8000", "server.listen"),
    ("BURSAR_SERVER__METRICS_LISTEN", "x", "server.metrics_listen"),
    ("BURSAR_SERVER__CORS_ORIGINS", "*", "server.cors_origins"),
    ("BURSAR_SERVER__TLS_KEY", "/k.pem", "server.tls_key"),
    ("BURSAR_DATABASE__URL", "mysql://h/db", "database.url"),
    ("BURSAR_SECRETS__JWT_KEY", "short", "secrets.jwt_key"),
    ("BURSAR_SECRETS__JWT_KEY", "changeme-changeme-changeme-changeme", "secrets.jwt_key"),
    ("BURSAR_SECRETS__KEY_ENCRYPTION_KEY", "0123456789abcdef0123456789abcdef", "secrets.key_encryption_key"),
    ("BURSAR_GATEWAYS__STRIPE__SECRET_KEY", "sk_live_1", "gateways.stripe.secret_key"),
    ("BURSAR_GATEWAYS__STRIPE__API_BASE", "http://evil.example", "gateways.stripe.api_base"),
    ("BURSAR_AUTH__EXTERNAL__ISSUER", "https://id.example", "auth.external.audience"),
    ("BURSAR_MAIL__TRANSPORT", "smtp", "smtp.host"),
    ("BURSAR_PRESET", "other", "preset"),
    ("BURSAR_LOG__LEVEL", "lo=ud=x", "log.level"),
];

#[test]
fn bad_settings_stop_the_start_and_are_named() {
    for (name, value, key) in BAD {
        let refusal = refusal(&env(&[(*name, *value)]));
        assert!(refusal.contains(key), "{name}: {refusal}");
    }
}

#[test]
fn logging_in_elsewhere_needs_all_of_its_settings_and_tls() {
    let whole = [
        ("BURSAR_AUTH__GOOGLE__CLIENT_ID", "id"),
        ("BURSAR_AUTH__GOOGLE__CLIENT_SECRET", "secret"),
        ("BURSAR_AUTH__GOOGLE__REDIRECT_URI", "https://pay.example.org/api/auth/google/callback/"),
        ("BURSAR_AUTH__REDIRECTS", "https://app.example.org/"),
    ];
    let config = load(&env(&whole)).expect("valid");
    assert_eq!(config.auth.google.issuer, "https://accounts.google.com");
    let with = |name: &'static str, value: &'static str| {
        let others = whole.into_iter().filter(|(other, _)| *other != name);
        refusal(&env(&others.chain([(name, value)]).collect::<Vec<_>>()))
    };
    for (name, value, key) in [
        ("BURSAR_AUTH__GOOGLE__CLIENT_SECRET", "", "auth.google:"),
        ("BURSAR_AUTH__GOOGLE__REDIRECT_URI", "https://pay.example.org/", "auth.google.redirect_uri"),
        (
            "BURSAR_AUTH__GOOGLE__REDIRECT_URI",
            "http://h/api/auth/google/callback",
            "auth.google.redirect_uri",
        ),
        ("BURSAR_AUTH__GOOGLE__ISSUER", "http://accounts.example.org", "auth.google.issuer"),
        ("BURSAR_AUTH__REDIRECTS", "", "auth.redirects"),
        ("BURSAR_AUTH__REDIRECTS", "http://app.example.org/", "auth.redirects"),
    ] {
        let refusal = with(name, value);
        assert!(refusal.contains(key), "{name}={value}: {refusal}");
    }
}

#[test]
fn live_mode_is_refused_without_https_and_with_test_keys_or_cards() {
    let live = ("BURSAR_GATEWAYS__STRIPE__MODE", "live");
    let https = ("BURSAR_SERVER__REQUIRE_HTTPS", "true");
    assert!(refusal(&env(&[live])).contains("server.require_https"));
    let config = load(&env(&[live, https])).expect("valid");
    assert_eq!(config.payments.raw_card, RawCard::Tokens);
    let explicit = ("BURSAR_PAYMENTS__RAW_CARD", "test_cards");
    assert!(refusal(&env(&[live, https, explicit])).contains("payments.raw_card"));
    let key = ("STRIPE_SECRET_KEY", "sk_test_51");
    let refusal = refusal(&env(&[live, https, key]));
    assert!(refusal.contains("gateways.stripe.secret_key"));
    assert!(!refusal.contains("sk_test_51"));
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_never_quoted() {
    let missing = Sources { file: Some("/nowhere/bursar.toml".into()), ..Sources::default() };
    assert!(refusal(&missing).contains("/nowhere/bursar.toml"));
    let (_folder, broken) = file("[gateways.stripe]\nsecret_key = sk_test_hidden\n");
    let text = refusal(&broken);
    assert!(text.contains("line 2"), "{text}");
    assert!(!text.contains("hidden"));
    let (_folder, unknown) = file("[fees.booking]\nrate = 5");
    assert!(refusal(&unknown).contains("fees.booking.rate: is not a known setting"));
}

#[test]
fn what_is_printed_shows_no_secret_and_can_be_read_back() {
    let config = load(&env(&[
        ("STRIPE_SECRET_KEY", "sk_test_hidden"),
        ("DATABASE_URL", "postgres://u:hidden@h/db"),
        ("BURSAR_SECRETS__JWT_KEY", "0123456789-hidden-0123456789-abcdef"),
    ]))
    .expect("valid");
    let text = config.to_masked_toml();
    assert!(!text.contains("hidden"));
    assert!(!format!("{config:?}").contains("hidden"));
    let printed = parse(&text, "printed".into()).expect("valid TOML");
    let defaults = Layers::new().root;
    assert_eq!(keys(&printed), keys(&defaults), "every setting is shown");
}

fn keys(node: &Node) -> Vec<String> {
    let Node::Object(members) = node else {
        return Vec::new();
    };
    members
        .iter()
        .flat_map(|(name, member)| {
            let inner = keys(member).into_iter().map(move |key| join(name, &key));
            std::iter::once(name.clone()).chain(inner)
        })
        .collect()
}
