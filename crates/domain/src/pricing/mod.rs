//! What something costs, what the platform keeps and what the payee earns.
//!
//! One quote function serves previews, charges and receipts. Invariants: integer minor units;
//! `total + subsidy = fee + share` for every input; each computed line is rounded half up once and
//! the last line is the difference. Taxes and coupons' limits are deliberately not here.

use crate::money::{Currency, Money, Rounding};
use crate::policy::{FeeMode, FeePolicy, PriceUnit, RefundFeePolicy};
use crate::records::{Booking, Quote};
use crate::time::Span;

impl FeePolicy {
    /// The platform's fee on a price. Deducted, it never exceeds the price; nothing costs nothing.
    pub fn fee_on(self, price: Money) -> Money {
        if price.is_zero() {
            return price;
        }
        let fee = self.rate().of(price, Rounding::HalfUp).max(price.currency.minor(self.min_minor));
        match self.mode {
            FeeMode::OnTop => fee,
            FeeMode::Deducted => fee.min(price),
        }
    }
}

/// The price of a session: the exact seconds count, half a cent rounds up.
pub fn session_price(rate: Money, unit: PriceUnit, length: Span) -> Money {
    match unit {
        PriceUnit::Hour => rate.times(length.whole_seconds(), 3_600, Rounding::HalfUp),
        PriceUnit::Session => rate,
    }
}

/// Fee and split of a price without a discount.
pub fn quote(price: Money, policy: FeePolicy) -> Quote {
    let fee = policy.fee_on(price);
    let (total, share) = match policy.mode {
        FeeMode::OnTop => (price + fee, price),
        FeeMode::Deducted => (price, price - fee),
    };
    Quote {
        currency: price.currency,
        list_minor: price.minor,
        discount_minor: 0,
        base_minor: price.minor,
        fee_minor: fee.minor,
        subsidy_minor: 0,
        total_minor: total.minor,
        share_minor: share.minor,
    }
}

/// What a booking costs: the one place previews, charges and receipts ask. A booking priced by the
/// hour must have its times; without them the price of one hour is the preview.
pub fn quote_booking(booking: &Booking) -> Quote {
    let rate = booking.currency.minor(booking.rate_minor);
    let length = booking.starts_at.zip(booking.ends_at).map_or(Span::HOUR, |(start, end)| end - start);
    quote(session_price(rate, booking.unit, length), booking.fee)
}

/// What an hour of a booking costs: the agreed rate, or the price brought to an hour. A session without
/// times lasts `otherwise`; `None` where nobody knows how long.
pub fn hourly(booking: &Booking, quote: &Quote, otherwise: Option<Span>) -> Option<i64> {
    if booking.unit == PriceUnit::Hour {
        return Some(booking.rate_minor);
    }
    let agreed = booking.starts_at.zip(booking.ends_at).map(|(start, end)| end - start);
    let seconds = agreed.or(otherwise)?.whole_seconds();
    (seconds > 0).then(|| quote.base().times(3_600, seconds, Rounding::HalfUp).minor)
}

/// What each party gives back: of one refund, or of all refunds so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundSplit {
    pub fee: Money,
    pub subsidy: Money,
    pub share: Money,
}

impl RefundSplit {
    /// Nothing has gone back yet.
    pub fn none(currency: Currency) -> RefundSplit {
        RefundSplit { fee: currency.zero(), subsidy: currency.zero(), share: currency.zero() }
    }

    /// What the payer gets.
    pub fn amount(self) -> Money {
        self.fee + self.share - self.subsidy
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: RefundSplit) -> RefundSplit {
        RefundSplit {
            fee: self.fee + other.fee,
            subsidy: self.subsidy + other.subsidy,
            share: self.share + other.share,
        }
    }
}

/// The most a payer can get back of a payment.
pub fn refundable(quote: &Quote, policy: RefundFeePolicy) -> Money {
    match policy {
        RefundFeePolicy::ProRata => quote.total(),
        RefundFeePolicy::Keep => quote.total() - quote.fee().min(quote.total()),
    }
}

/// Splits a refund of `amount` after `before` has gone back or is on its way. The fee returned so
/// far is always `half_up(fee × refunded so far ÷ total)`, the subsidy likewise (of what can go back
/// at all), and the share takes the rest. Whatever parts failed in between, nobody gives back more
/// than he got, so that any sequence of parts ends at exactly the whole.
pub fn refund_split(
    quote: &Quote,
    policy: RefundFeePolicy,
    before: RefundSplit,
    amount: Money,
) -> RefundSplit {
    let zero = quote.currency.zero();
    let so_far = before.amount() + amount;
    let due = |part: Money, whole: Money| {
        if so_far.minor >= whole.minor {
            return part;
        }
        part.times(so_far.minor, whole.minor, Rounding::HalfUp)
    };
    let left = RefundSplit {
        fee: quote.fee() - before.fee,
        subsidy: quote.subsidy() - before.subsidy,
        share: quote.share() - before.share,
    };
    let subsidy = due(quote.subsidy(), refundable(quote, policy)) - before.subsidy;
    let subsidy = subsidy.max(zero).min(left.subsidy);
    let fee = match policy {
        RefundFeePolicy::ProRata => due(quote.fee(), quote.total()) - before.fee,
        RefundFeePolicy::Keep => zero,
    };
    let least = (amount + subsidy - left.share).max(zero);
    let fee = fee.max(least).min(left.fee).min(amount + subsidy);
    RefundSplit { fee, subsidy, share: amount + subsidy - fee }
}
