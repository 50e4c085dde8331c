//! One function per event: which accounts it moves. `docs/accounting.md` shows them as T-accounts;
//! golden cases pin them.

use super::chart::Account;
use super::entry::{Draft, Phase};
use crate::id::{Id, PersonId};
use crate::money::Money;
use crate::records::{Op, Payment, Refund};

/// The accounts that any event of a payment may touch: what a verb loads before it decides.
pub fn accounts(payment_gateway: &str, payee: PersonId) -> Vec<Account> {
    vec![
        Account::Clearing(payment_gateway.to_string()),
        Account::PayeePending(payee),
        Account::PayeeAvailable(payee),
        Account::PayeeReceivable(payee),
        Account::Fees,
        Account::Discounts,
        Account::Suspense,
    ]
}

/// The gateway took the total: the share is the payee's once the lesson is done, the fee is ours.
pub fn charge(payment: &Payment, op: &Op) -> Option<Draft> {
    let quote = &payment.quote;
    Draft::of("charge", ("op", op.id.raw()), quote.currency, Phase::Posted)
        .debit(Account::Clearing(op.gateway.clone()), quote.total())
        .debit(Account::Discounts, quote.subsidy())
        .credit(Account::PayeePending(payment.payee), quote.share())
        .credit(Account::Fees, quote.fee())
        .build()
}

/// The lesson is done (or the hold over): the share becomes available; what the payee owes us is
/// repaid first. `owed` is the receivable's balance; `subject` is the payment, or the refund's
/// operation whose failure gave a part back after the rest had been released.
pub fn release(subject: (&'static str, i64), payee: PersonId, amount: Money, owed: Money) -> Option<Draft> {
    let repaid = amount.min(owed);
    Draft::of("release", subject, amount.currency, Phase::Posted)
        .debit(Account::PayeePending(payee), amount)
        .credit(Account::PayeeReceivable(payee), repaid)
        .credit(Account::PayeeAvailable(payee), amount - repaid)
        .build()
}

/// Money back to the payer, in the phases of its operation: `Pending` when asked, `Settle` when the
/// gateway confirms, `Void` when it definitely failed.
pub fn refund(payment: &Payment, refund: &Refund, phase: Phase) -> Option<Draft> {
    let recipe = match phase {
        Phase::Pending => "refund_pending",
        Phase::Settle => "refund",
        Phase::Void => "refund_void",
        Phase::Posted => "refund_direct",
    };
    let debits_credits = |draft: super::entry::Builder| {
        draft
            .debit(Account::PayeePending(payment.payee), refund.from_pending())
            .debit(Account::PayeeAvailable(payment.payee), refund.from_available())
            .debit(Account::PayeeReceivable(payment.payee), refund.from_receivable())
            .debit(Account::Fees, refund.fee())
            .credit(Account::Discounts, refund.subsidy())
            .credit(Account::Clearing(payment.gateway.clone()), refund.amount())
    };
    debits_credits(Draft::of(recipe, attempt(refund), refund.currency, phase)).build()
}

/// A refund that had been confirmed came back: everything the other way.
pub fn refund_returned(payment: &Payment, refund: &Refund) -> Option<Draft> {
    Draft::of("refund_returned", attempt(refund), refund.currency, Phase::Posted)
        .debit(Account::Clearing(payment.gateway.clone()), refund.amount())
        .debit(Account::Discounts, refund.subsidy())
        .credit(Account::PayeePending(payment.payee), refund.from_pending())
        .credit(Account::PayeeAvailable(payment.payee), refund.from_available())
        .credit(Account::PayeeReceivable(payment.payee), refund.from_receivable())
        .credit(Account::Fees, refund.fee())
        .build()
}

/// Each attempt at a refund has entries of its own: a failed one may be tried again.
fn attempt(refund: &Refund) -> (&'static str, i64) {
    ("op", refund.op.expect("a refund is posted with its operation").raw())
}

/// What a payee owes and what he owns are set off; a negative amount gives back what he repaid of a
/// debt that turned out not to exist.
pub fn set_off(subject: (&'static str, i64), payee: PersonId, repaid: Money) -> Option<Draft> {
    let zero = repaid.currency.zero();
    let (owed, too_much) = (repaid.max(zero), (-repaid).max(zero));
    Draft::of("set_off", subject, repaid.currency, Phase::Posted)
        .debit(Account::PayeeAvailable(payee), owed)
        .credit(Account::PayeeReceivable(payee), owed)
        .debit(Account::PayeeReceivable(payee), too_much)
        .credit(Account::PayeeAvailable(payee), too_much)
        .build()
}

/// Money came that fits nothing we expected: held in suspense until it is explained.
pub fn suspense_in(op: &Op, amount: Money) -> Option<Draft> {
    Draft::of("suspense_in", ("op", op.id.raw()), amount.currency, Phase::Posted)
        .debit(Account::Clearing(op.gateway.clone()), amount)
        .credit(Account::Suspense, amount)
        .build()
}

/// What was in suspense turns out to pay its payment after all.
pub fn suspense_to_payment(payment: &Payment, op: &Op) -> Option<Draft> {
    let quote = &payment.quote;
    Draft::of("suspense_to_payment", ("op", op.id.raw()), quote.currency, Phase::Posted)
        .debit(Account::Suspense, quote.total())
        .debit(Account::Discounts, quote.subsidy())
        .credit(Account::PayeePending(payment.payee), quote.share())
        .credit(Account::Fees, quote.fee())
        .build()
}

/// What was in suspense goes back where it came from, in the phases of its operation.
pub fn suspense_out(op: &Op, amount: Money, phase: Phase) -> Option<Draft> {
    let recipe = match phase {
        Phase::Pending => "suspense_out_pending",
        Phase::Settle | Phase::Posted => "suspense_out",
        Phase::Void => "suspense_out_void",
    };
    Draft::of(recipe, ("op", op.id.raw()), amount.currency, phase)
        .debit(Account::Suspense, amount)
        .credit(Account::Clearing(op.gateway.clone()), amount)
        .build()
}
