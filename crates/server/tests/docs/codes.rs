use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use domain::id::{OpId, PaymentId, RefundId};
use domain::money::Currency;
use domain::refusal::Refusal as R;
use domain::time::{Span, Timestamp};
use server::http::Problem;

const BEGIN: &str = "<!-- codes: written by `cargo xtask openapi` -->\n";
const END: &str = "<!-- end of codes -->\n";

/// What HTTP and the gateways say no with, beside the rules.
const PROBLEMS: [(&str, u16, &str); 31] = [
    ("malformed", 400, "The request cannot be read: syntax, encoding, NUL, a header."),
    ("validation_failed", 400, "Fields are wrong; `details` has the messages of each."),
    ("use_cursor", 400, "So far back a list is read by cursor; `next` has it."),
    ("payment_method_count", 400, "Exactly one payment method must be named."),
    ("raw_card_disabled", 400, "Card numbers are not taken here; send a token."),
    ("card_not_test", 400, "Only the published test numbers are taken; the number is not repeated."),
    ("card_declined", 400, "The bank said no; `details.decline_code` has its reason."),
    ("expired_card", 400, "The card has expired."),
    ("incorrect_cvc", 400, "The card's security code is wrong."),
    ("processing_error", 400, "The bank could not process it; try again later."),
    ("authentication_required", 400, "3-D Secure is needed and the client cannot do it, or it failed."),
    ("payment_failed", 400, "The gateway will not have this payment; nothing was charged."),
    (
        "intent_cancelled",
        400,
        "The attempt to pay was ended, or ran out, and nothing was charged; begin a new one.",
    ),
    ("refund_failed", 400, "The gateway refused the refund; the payment is unchanged."),
    ("refund_in_progress", 409, "The same refund is being sent; ask again."),
    ("webhook_not_configured", 400, "No secret is configured, so nothing can be authentic."),
    ("webhook_signature", 400, "The signature does not fit."),
    ("webhook_stale", 400, "It was signed too long ago, or in the future."),
    ("unauthorized", 401, "No login, or one that is no longer good."),
    ("email_not_verified", 401, "The e-mail address must be confirmed first."),
    ("admin_required", 403, "Only administrators may do this."),
    ("method_not_allowed", 405, "The address does not know this method."),
    ("body_too_large", 413, "The body is larger than 1 MiB (10 MiB for uploads)."),
    ("internal", 500, "Our fault; quote `request_id`."),
    ("not_configured", 501, "The marketplace has not set this up."),
    ("gateway_unavailable", 503, "The gateway cannot be reached; nothing was charged."),
    (
        "login_provider_unavailable",
        503,
        "The other place to log in cannot be reached; passwords work as always.",
    ),
    ("meeting_unavailable", 503, "The meeting cannot be made now; nothing else is affected."),
    ("unavailable", 503, "Too busy or failing over; nothing was done."),
    ("https_required", 400, "Plain HTTP is not taken here."),
    ("outcome_unknown", 504, "It will be known; poll `poll_url`, and repeating is safe."),
];

/// One of each.
fn refusals() -> Vec<R> {
    let (usd, op, payment) = (Currency::USD.minor(50), OpId(1), PaymentId(1));
    vec![
        R::NotFound,
        R::invalid("field", "is wrong"),
        R::WrongState,
        R::RoleRequired,
        R::WrongParty,
        R::EmailTaken,
        R::WrongCredentials,
        R::InvalidRefreshToken,
        R::InvalidToken,
        R::WrongPassword,
        R::TooManyAttempts { wait: Span::SECOND },
        R::TeacherRequired,
        R::StudentRequired,
        R::OfferCategoryTaken,
        R::OfferInactive,
        R::OfferSuspended,
        R::OwnOffer,
        R::OfferOfAnother,
        R::SlotTaken,
        R::OutsideAvailability,
        R::InvalidItems(Vec::new()),
        R::LengthFixed,
        R::BookingChanged,
        R::RescheduleOpen,
        R::NoRescheduleRequest,
        R::NotEnded { ends_at: Timestamp(0) },
        R::NotPaid,
        R::AlreadyPaid { payment },
        R::BookingNotConfirmed,
        R::BookingCancelled,
        R::BookingOver,
        R::NeedsTimes,
        R::FlowNotOffered,
        R::AmountTooSmall(usd),
        R::AmountTooLarge(Currency::USD.minor(99_999_999)),
        R::PaymentInProgress { op },
        R::NotRefundable,
        R::RefundExceedsRemaining,
        R::RefundOpen { refund: RefundId(1), state: "requested" },
        R::MoneyPending,
        R::IdempotencyKeyReused,
    ]
}

/// Code by code: status and meaning.
fn catalogue() -> BTreeMap<String, (u16, String)> {
    let mut all = BTreeMap::new();
    for refusal in refusals() {
        let meaning = refusal.to_string();
        let problem = Problem::from(refusal);
        all.insert(problem.code().to_owned(), (problem.status().as_u16(), meaning));
    }
    for (code, status, meaning) in PROBLEMS {
        all.insert(code.to_owned(), (status, meaning.to_owned()));
    }
    all
}

/// Every Rust file below a folder, without its unit tests.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            found.push(text.split("#[cfg(test)]").next().expect("a first part").to_owned());
        }
    }
}

/// The codes written in the sources: the first words in quotes after something that makes a problem.
fn written() -> BTreeSet<String> {
    let mut texts = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
    let mut found = BTreeSet::new();
    for text in &texts {
        for maker in ["bad_request(", "conflict(", "forbidden(", "Problem::new(", " bad("] {
            for (at, _) in text.match_indices(maker) {
                let rest = &text[at + maker.len()..];
                let rest = rest.trim_start();
                let rest = match rest.strip_prefix("StatusCode::") {
                    Some(rest) => rest.split_once(',').map_or("", |(_, rest)| rest).trim_start(),
                    None => rest,
                };
                if let Some(code) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                    found.insert(code.to_owned());
                }
            }
        }
    }
    found
}

#[test]
fn every_code_is_listed() {
    let listed = catalogue();
    let missing: Vec<_> = written().into_iter().filter(|code| !listed.contains_key(code)).collect();
    assert!(missing.is_empty(), "add to PROBLEMS: {missing:?}");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/src/refusal.rs");
    let source = fs::read_to_string(source).expect("the refusals");
    let (_, codes) = source.split_once("pub fn code(").expect("the codes");
    let variants = codes.matches("=> \"").count();
    assert_eq!(refusals().len(), variants, "one of each refusal");
}

#[test]
fn the_catalogue_in_the_tree_is_fresh() {
    let mut table = String::from("| code | status | meaning |\n|---|---|---|\n");
    for (code, (status, meaning)) in catalogue() {
        writeln!(table, "| `{code}` | {status} | {meaning} |").expect("text");
    }
    let page = fs::read_to_string(super::docs().join("api.md")).expect("docs/api.md");
    let (head, rest) = page.split_once(BEGIN).expect("the mark where codes begin");
    let (_, tail) = rest.split_once(END).expect("the mark where they end");
    super::is_fresh("api.md", &format!("{head}{BEGIN}{table}{END}{tail}"));
}
