//! Layering: trees are merged first, and the result becomes [`Config`] once.

use std::collections::BTreeSet;
use std::path::PathBuf;

use domain::money::{Currency, Money};

use crate::node::Node;

use super::validate::validate;
use super::{Config, ConfigError};

const DEFAULTS: &str = include_str!("default.toml");
const PRESETS: &[(&str, &str)] = &[
    ("none", include_str!("presets/none.toml")),
    ("linguaflex", include_str!("presets/linguaflex.toml")),
    ("skillstudio", include_str!("presets/skillstudio.toml")),
];

/// Read when no `--config` is given and it exists.
const FILE_DEFAULT: &str = "bursar.toml";
const PREFIX: &str = "BURSAR_";
/// Acknowledgements that are not settings (`reliability.md` 6.1).
const NOT_SETTINGS: &[&str] = &["BURSAR_ACCEPT_PAN"];

/// Environment names of the seeds and the keys that they set as they are.
const ALIASES: &[(&str, &str)] = &[
    ("STRIPE_PUBLISHABLE_KEY", "gateways.stripe.publishable_key"),
    ("STRIPE_SECRET_KEY", "gateways.stripe.secret_key"),
    ("STRIPE_WEBHOOK_SECRET", "gateways.stripe.webhook_secret"),
    ("PAYMENT_CURRENCY", "payments.currency"),
    ("MINIMUM_PLATFORM_FEE_CENTS", "fees.booking.min_cents"),
    ("DATABASE_URL", "database.url"),
];

/// Environment names of the seeds that carry a decimal share (0.05).
const SHARE_ALIASES: &[(&str, &[&str])] = &[
    ("PLATFORM_FEE_PERCENTAGE", &["fees.booking.rate_bps"]),
    ("PLATFORM_FEE_RATE", &["fees.course.rate_bps", "fees.event.rate_bps"]),
];
const MIN_PAYOUT_ALIAS: &str = "MIN_PAYOUT_AMOUNT";

/// Where settings come from, besides the embedded defaults.
#[derive(Default)]
pub struct Sources {
    /// `--config`; a named file must exist.
    pub file: Option<PathBuf>,
    /// Names and values of the environment.
    pub env: Vec<(String, String)>,
    /// Dotted keys and values of the command line.
    pub flags: Vec<(&'static str, String)>,
}

impl Sources {
    /// The process's environment; names that are not UTF-8 cannot be ours.
    pub fn from_environment() -> Sources {
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Sources { env, ..Sources::default() }
    }
}

/// The effective configuration, validated.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let mut layers = Layers::new();
    let file = read_file(sources)?;
    let preset = chosen_preset(sources, file.as_ref());
    let (_, overlay) = PRESETS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&preset))
        .ok_or_else(|| ConfigError::key("preset", "must be one of: none, linguaflex, skillstudio"))?;
    layers.overlay(parse(overlay, "preset".into())?, "")?;
    if let Some(file) = file {
        layers.overlay(file, "")?;
    }
    layers.environment(&sources.env)?;
    for (key, value) in &sources.flags {
        layers.set(key, value)?;
    }
    layers.tokens_when_live();
    // Its meaning depends on the currency, so it comes last, unless a stronger layer set the key.
    let min_payout = find(&sources.env, MIN_PAYOUT_ALIAS).filter(|_| !layers.has_min_payout);
    let mut config: Config =
        layers.root.read().map_err(|error| ConfigError::Invalid(vec![error.to_string()]))?;
    if let Some(text) = min_payout {
        config.payouts.min_cents = min_payout_cents(text, config.payments.currency.0)?;
    }
    validate(&config)?;
    Ok(config)
}

/// The tree so far, and which keys somebody set on purpose.
struct Layers {
    root: Node,
    set: BTreeSet<String>,
    has_min_payout: bool,
}

impl Layers {
    fn new() -> Layers {
        let root = parse(DEFAULTS, "default.toml".into()).expect("the embedded defaults are valid");
        Layers { root, set: BTreeSet::new(), has_min_payout: false }
    }

    /// Lays a tree over what is there; only known keys.
    fn overlay(&mut self, node: Node, path: &str) -> Result<(), ConfigError> {
        let Node::Object(members) = node else {
            return self.replace(path, node);
        };
        for (name, member) in members {
            let key = join(path, &name);
            self.slot(&key)?;
            self.overlay(member, &key)?;
        }
        Ok(())
    }

    /// Sets one key from text: the existing value says whether it is a list.
    fn set(&mut self, key: &str, text: &str) -> Result<(), ConfigError> {
        let is_list = matches!(self.slot(key)?, Node::List(_));
        let items = || {
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Node::Loose(item.to_owned()))
                .collect()
        };
        let node = if is_list { Node::List(items()) } else { Node::Loose(text.to_owned()) };
        self.replace(key, node)
    }

    fn replace(&mut self, key: &str, node: Node) -> Result<(), ConfigError> {
        let slot = self.slot(key)?;
        if matches!(slot, Node::Object(_)) {
            return Err(ConfigError::key(key, "is a section, not a setting"));
        }
        *slot = node;
        self.set.insert(key.to_owned());
        Ok(())
    }

    fn slot(&mut self, key: &str) -> Result<&mut Node, ConfigError> {
        let mut node = &mut self.root;
        for step in key.split('.') {
            let Node::Object(members) = node else {
                return Err(ConfigError::key(key, "is not a known setting"));
            };
            node = members.get_mut(step).ok_or_else(|| ConfigError::key(key, "is not a known setting"))?;
        }
        Ok(node)
    }

    /// Aliases first, so that `BURSAR_*` wins over them.
    fn environment(&mut self, env: &[(String, String)]) -> Result<(), ConfigError> {
        for (alias, key) in ALIASES {
            if let Some(text) = find(env, alias) {
                self.set(key, text)?;
            }
        }
        for (alias, keys) in SHARE_ALIASES {
            let Some(text) = find(env, alias) else {
                continue;
            };
            let bps = share_bps(text).ok_or_else(|| {
                ConfigError::key(alias, "must be a decimal share from 0 to 1 in steps of 0.0001")
            })?;
            for key in *keys {
                self.set(key, &bps.to_string())?;
            }
        }
        for (name, text) in env {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if NOT_SETTINGS.contains(&name.as_str()) {
                continue;
            }
            let key = rest.to_ascii_lowercase().replace("__", ".");
            self.slot(&key).map_err(|_| ConfigError::key(name, "is not a known setting"))?;
            self.set(&key, text)?;
            self.has_min_payout |= key == "payouts.min_cents";
        }
        Ok(())
    }

    /// Test card numbers are a default of test mode only (contract section 4).
    fn tokens_when_live(&mut self) {
        let mut is_live = |key: &str| match self.slot(key) {
            Ok(Node::Text(mode) | Node::Loose(mode)) => mode.eq_ignore_ascii_case("live"),
            _ => false,
        };
        let live = is_live("gateways.stripe.mode") || is_live("gateways.paypal.mode");
        if live
            && !self.set.contains("payments.raw_card")
            && let Ok(slot) = self.slot("payments.raw_card")
        {
            *slot = Node::Text("tokens".into());
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn find<'a>(env: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let (_, value) = env.iter().rfind(|(known, _)| known == name)?;
    (!value.is_empty()).then_some(value.as_str())
}

fn chosen_preset(sources: &Sources, file: Option<&Node>) -> String {
    let in_file = || match file?.get("preset")? {
        Node::Text(text) => Some(text.clone()),
        _ => None,
    };
    let in_env = find(&sources.env, "BURSAR_PRESET").map(str::to_owned);
    let in_flags = sources.flags.iter().find(|(key, _)| *key == "preset");
    in_flags.map(|(_, text)| text.clone()).or(in_env).or_else(in_file).unwrap_or_else(|| "none".into())
}

fn read_file(sources: &Sources) -> Result<Option<Node>, ConfigError> {
    let path = match &sources.file {
        Some(path) => path.clone(),
        None if std::path::Path::new(FILE_DEFAULT).exists() => FILE_DEFAULT.into(),
        None => return Ok(None),
    };
    let text =
        std::fs::read_to_string(&path).map_err(|source| ConfigError::File { path: path.clone(), source })?;
    parse(&text, path).map(Some)
}

/// TOML as a tree. The parser's own rendering is not used: it quotes the line.
fn parse(text: &str, path: PathBuf) -> Result<Node, ConfigError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        ConfigError::Syntax {
            path,
            line: text.get(..at).unwrap_or("").lines().count().max(1),
            message: "a syntax error, or a key that is given twice".into(),
        }
    })?;
    Ok(from_toml(toml::Value::Table(table)))
}

fn from_toml(value: toml::Value) -> Node {
    match value {
        toml::Value::String(text) => Node::Text(text),
        toml::Value::Integer(value) => Node::Number(value.to_string()),
        toml::Value::Float(value) => Node::Number(value.to_string()),
        toml::Value::Boolean(value) => Node::Bool(value),
        toml::Value::Datetime(value) => Node::Text(value.to_string()),
        toml::Value::Array(items) => Node::List(items.into_iter().map(from_toml).collect()),
        toml::Value::Table(table) => {
            Node::Object(table.into_iter().map(|(name, value)| (name, from_toml(value))).collect())
        }
    }
}

/// `0.05` as 500, exactly; `None` when it is not a share in whole basis points.
fn share_bps(text: &str) -> Option<u32> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.len() > 4 || !digits(whole) || !digits(fraction) || whole.is_empty() {
        return None;
    }
    let bps: u32 = format!("{whole}{fraction:0<4}").parse().ok()?;
    (bps <= domain::money::Rate::BPS_MAX).then_some(bps)
}

fn min_payout_cents(text: &str, currency: Currency) -> Result<i64, ConfigError> {
    let amount: Money = Money::parse(text, currency)
        .map_err(|_| ConfigError::key(MIN_PAYOUT_ALIAS, "must be an amount of the currency"))?;
    Ok(amount.minor)
}

#[cfg(test)]
mod tests;
