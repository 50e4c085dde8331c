//! The published test cards: what each does, its token `pm_card_<name>`, its face.
//!
//! Invariant: a number is only ever compared (in constant time, on a wiped copy) and never kept;
//! every number that is not in the table is refused. Expiry and CVC are deliberately not looked at.

use domain::gateway::{CardFace, Decline};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

/// How every test card's token begins.
pub const TOKEN_PREFIX: &str = "pm_card_";

/// The longest number of any card scheme.
const DIGITS_MAX: usize = 19;

/// What a card does when somebody charges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    Succeeds,
    /// `(code, decline_code)` of the refusal.
    Declines(&'static str, &'static str),
    /// The payer must authenticate; then it succeeds.
    Challenges,
    /// The payer must authenticate; then it declines.
    ChallengesThenDeclines,
    /// Succeeds, and the payer's bank disputes it at once.
    Disputes,
    /// Succeeds; a refund looks done and comes back later.
    RefundFails,
    /// Succeeds; a refund is pending first.
    RefundPends,
    /// Charged, but the answer is lost.
    SilentlySucceeds,
    /// Not charged, and the answer is lost.
    SilentlyDeclines,
}

/// One published test card.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) name: &'static str,
    /// The name of the same card elsewhere, where clients know it by that.
    alias: &'static str,
    number: &'static [u8],
    brand: &'static str,
    pub(super) behaviour: Behaviour,
    /// Whether a customer can save it.
    pub(super) saves: bool,
}

const fn card(name: &'static str, alias: &'static str, number: &'static [u8], behaviour: Behaviour) -> Card {
    let saves = !matches!(behaviour, Behaviour::Declines(..));
    Card { name, alias, number, brand: "visa", behaviour, saves }
}

use Behaviour as B;

#[rustfmt::skip]
const CARDS: [Card; 18] = [
    card("visa", "", b"4242424242424242", B::Succeeds),
    Card { brand: "mastercard", ..card("mastercard", "", b"5555555555554444", B::Succeeds) },
    Card { brand: "amex", ..card("amex", "", b"378282246310005", B::Succeeds) },
    card("declined", "chargeDeclined", b"4000000000000002", B::Declines("card_declined", "generic_decline")),
    card("insufficient_funds", "chargeDeclinedInsufficientFunds", b"4000000000009995", B::Declines("card_declined", "insufficient_funds")),
    card("lost_card", "chargeDeclinedLostCard", b"4000000000009987", B::Declines("card_declined", "lost_card")),
    card("stolen_card", "chargeDeclinedStolenCard", b"4000000000009979", B::Declines("card_declined", "stolen_card")),
    card("expired_card", "chargeDeclinedExpiredCard", b"4000000000000069", B::Declines("expired_card", "expired_card")),
    card("incorrect_cvc", "chargeDeclinedIncorrectCvc", b"4000000000000127", B::Declines("incorrect_cvc", "incorrect_cvc")),
    card("processing_error", "chargeDeclinedProcessingError", b"4000000000000119", B::Declines("processing_error", "processing_error")),
    card("three_ds", "authenticationRequired", b"4000002500003155", B::Challenges),
    card("three_ds_declined", "threeDSecureRequiredChargeDeclined", b"4000008400001629", B::ChallengesThenDeclines),
    card("disputed", "createDispute", b"4000000000000259", B::Disputes),
    card("refund_fails", "refundFail", b"4000000000005126", B::RefundFails),
    card("refund_pending", "pendingRefund", b"4000000000007726", B::RefundPends),
    Card { saves: true, ..card("saves_then_declines", "chargeCustomerFail", b"4000000000000341", B::Declines("card_declined", "generic_decline")) },
    card("timeout_charged", "", b"4000000000006660", B::SilentlySucceeds),
    card("timeout_uncharged", "", b"4000000000006678", B::SilentlyDeclines),
];

/// The card that a scripted `declined` fault plays.
pub(super) const DECLINED: &Card = &CARDS[3];

impl Card {
    /// The card of a `pm_card_<name>` token.
    pub(super) fn of_token(token: &str) -> Option<&'static Card> {
        let name = token.strip_prefix(TOKEN_PREFIX)?;
        Card::named(name).or_else(|| {
            let alias = name.strip_prefix("visa_").unwrap_or(name);
            CARDS.iter().find(|card| !alias.is_empty() && card.alias == alias)
        })
    }

    pub(super) fn named(name: &str) -> Option<&'static Card> {
        CARDS.iter().find(|card| card.name == name)
    }

    pub(super) fn token(&self) -> String {
        format!("{TOKEN_PREFIX}{}", self.name)
    }

    pub(super) fn face(&self) -> CardFace {
        let last_four = &self.number[self.number.len() - 4..];
        CardFace {
            brand: self.brand.to_owned(),
            last_four: String::from_utf8_lossy(last_four).into_owned(),
            exp_month: 12,
            exp_year: 2034,
        }
    }

    /// What the payer hears when this card is refused.
    pub(super) fn decline(&self) -> Decline {
        match self.behaviour {
            B::Declines(code, detail) => decline(code, detail),
            B::SilentlyDeclines => decline("processing_error", "processing_error"),
            _ => decline("card_declined", "generic_decline"),
        }
    }
}

/// The refusal of a payer who failed or left the challenge.
pub(super) fn not_authenticated() -> Decline {
    Decline {
        code: "authentication_required".to_owned(),
        decline_code: Some("authentication_failed".to_owned()),
        message: "The cardholder was not authenticated.".to_owned(),
    }
}

fn decline(code: &str, detail: &str) -> Decline {
    let message = match detail {
        "insufficient_funds" => "Your card has insufficient funds.",
        "expired_card" => "Your card has expired.",
        "incorrect_cvc" => "Your card's security code is incorrect.",
        "processing_error" => "An error occurred while processing your card. Try again later.",
        _ => "Your card was declined.",
    };
    Decline { code: code.to_owned(), decline_code: Some(detail.to_owned()), message: message.to_owned() }
}

/// The numbers of all test cards, as they are published.
pub fn published_numbers() -> impl Iterator<Item = &'static str> {
    CARDS.iter().map(|card| std::str::from_utf8(card.number).expect("digits"))
}

/// The token of a published number typed with or without spaces and dashes; `None` otherwise.
pub fn token_of_number(number: &str) -> Option<String> {
    let mut digits = Zeroizing::new([0_u8; DIGITS_MAX]);
    let typed = number.bytes().filter(|b| !matches!(b, b' ' | b'-'));
    for (place, digit) in typed.enumerate() {
        *digits.get_mut(place)? = digit.is_ascii_digit().then_some(digit)?;
    }
    let mut found = u8::MAX;
    for (index, card) in (0_u8..).zip(&CARDS) {
        let mut expected = [0; DIGITS_MAX];
        expected[..card.number.len()].copy_from_slice(card.number);
        let hit: Choice = digits.ct_eq(&expected);
        found.conditional_assign(&index, hit);
    }
    CARDS.get(usize::from(found)).map(Card::token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_number_has_its_token_and_every_token_its_card() {
        for card in &CARDS {
            let number = std::str::from_utf8(card.number).unwrap();
            assert_eq!(token_of_number(number), Some(card.token()));
            assert_eq!(Card::of_token(&card.token()), Some(card));
            assert!(number.ends_with(&card.face().last_four));
        }
    }

    #[test]
    fn spaces_and_dashes_are_tolerated() {
        for typed in ["4242 4242 4242 4242", "4242-4242-4242-4242", " 4242424242424242 "] {
            assert_eq!(token_of_number(typed).as_deref(), Some("pm_card_visa"));
        }
    }

    #[test]
    fn other_numbers_are_refused() {
        for typed in [
            "",
            "0",
            "4111111111111111",
            "424242424242424",
            "42424242424242420",
            "4242424242424242\0",
            "4242x4242x4242x4242",
            "00000000000000000000000",
        ] {
            assert_eq!(token_of_number(typed), None, "{typed}");
        }
    }

    #[test]
    fn names_known_elsewhere_work() {
        for (token, name) in [
            ("pm_card_chargeDeclined", "declined"),
            ("pm_card_visa_chargeDeclinedExpiredCard", "expired_card"),
            ("pm_card_chargeCustomerFail", "saves_then_declines"),
            ("pm_card_authenticationRequired", "three_ds"),
        ] {
            assert_eq!(Card::of_token(token).unwrap().name, name);
        }
        for token in ["pm_card_", "pm_card_visa_", "pm_card_nobody", "visa", ""] {
            assert_eq!(Card::of_token(token), None, "{token}");
        }
    }
}
