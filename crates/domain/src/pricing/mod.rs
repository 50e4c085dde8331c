//! What something costs, what the platform keeps and what the payee earns.
//!
//! One quote function serves previews, charges and receipts. Invariants: integer minor units;
//! `total + subsidy = fee + share` for every input; each computed line is rounded half up once and
//! the last line is the difference. Taxes and coupons' limits are deliberately not here.

use crate::money::{Money, Rounding};
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

/// How much of a refund each party gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundSplit {
    pub fee: Money,
    pub subsidy: Money,
    pub share: Money,
}

/// The most a payer can get back of a payment.
pub fn refundable(quote: &Quote, policy: RefundFeePolicy) -> Money {
    match policy {
        RefundFeePolicy::ProRata => quote.total(),
        RefundFeePolicy::Keep => quote.total() - quote.fee().min(quote.total()),
    }
}

/// Splits a refund of `amount` after `before` has been refunded or reserved already. The fee
/// returned so far is always `half_up(fee × refunded so far ÷ total)`, the subsidy likewise, and the
/// share takes the rest, so that any sequence of parts ends at exactly the whole.
pub fn refund_split(quote: &Quote, policy: RefundFeePolicy, before: Money, amount: Money) -> RefundSplit {
    let so_far = |part: Money, refunded: Money| {
        if quote.total_minor == 0 {
            return part.currency.zero();
        }
        part.times(refunded.minor, quote.total_minor, Rounding::HalfUp)
    };
    let step = |part: Money| so_far(part, before + amount) - so_far(part, before);
    let fee = match policy {
        RefundFeePolicy::ProRata => step(quote.fee()),
        RefundFeePolicy::Keep => quote.currency.zero(),
    };
    let subsidy = step(quote.subsidy());
    RefundSplit { fee, subsidy, share: amount + subsidy - fee }
}
