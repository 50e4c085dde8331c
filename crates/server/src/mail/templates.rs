//! What mails say: small texts from plain values. Each answers subject and text.

use domain::money::Money;

/// A mail's subject and text.
pub type Letter = (String, String);

/// What was paid for, by whom, to whom.
pub struct Paid<'a> {
    pub payment: i64,
    pub title: &'a str,
    pub payer: &'a str,
    pub payee: &'a str,
    pub total: Money,
    pub fee: Money,
    pub share: Money,
    /// Instants as text.
    pub at: String,
    pub starts_at: Option<String>,
    /// The face of the card, where there was one.
    pub card: Option<String>,
}

/// To the payer: the receipt.
pub fn receipt(paid: &Paid<'_>) -> Letter {
    let method = paid.card.as_deref().map_or(String::new(), |card| format!("\nPaid with: {card}"));
    let text = format!(
        "Hello {},\n\nthank you for your payment.\n\n\
         Payment: {}\nFor: {}\nWith: {}{}\nAmount: {}\nDate: {}{method}\n\n\
         Please keep this receipt.\n",
        paid.payer,
        paid.payment,
        paid.title,
        paid.payee,
        session(paid),
        paid.total,
        paid.at,
    );
    (format!("Receipt for payment {}: {}", paid.payment, paid.total), text)
}

/// To the payee: somebody paid.
pub fn paid(paid: &Paid<'_>) -> Letter {
    let text = format!(
        "Hello {},\n\n{} has paid for {}.\n\n\
         Payment: {}{}\nPaid: {}\nPlatform fee: {}\nYour share: {}\n",
        paid.payee,
        paid.payer,
        paid.title,
        paid.payment,
        session(paid),
        paid.total,
        paid.fee,
        paid.share,
    );
    (format!("Paid: {}", paid.title), text)
}

/// Which refund, of what, between whom.
pub struct Refunded<'a> {
    pub refund: i64,
    pub payment: i64,
    pub title: &'a str,
    pub payer: &'a str,
    pub payee: &'a str,
    pub amount: Money,
    pub share: Money,
    /// What the administrator wrote.
    pub notes: &'a str,
}

/// To the payer: the request was received.
pub fn refund_requested(told: &Refunded<'_>) -> Letter {
    let text = format!(
        "Hello {},\n\nwe have received your request for a refund and will look into it.\n\n{}",
        told.payer,
        facts(told)
    );
    (format!("Refund requested: {}", told.title), text)
}

/// To an administrator: somebody waits for a decision.
pub fn refund_to_decide(told: &Refunded<'_>) -> Letter {
    let text = format!("A refund waits for a decision.\n\nPayer: {}\n{}", told.payer, facts(told));
    (format!("Refund to decide: {}", told.amount), text)
}

/// To the payer: no.
pub fn refund_rejected(told: &Refunded<'_>) -> Letter {
    let notes = if told.notes.is_empty() { String::new() } else { format!("\n{}\n", told.notes) };
    let text = format!(
        "Hello {},\n\nyour request for a refund was not granted.\n{notes}\n{}",
        told.payer,
        facts(told)
    );
    (format!("Refund not granted: {}", told.title), text)
}

/// To the payer: the money has gone back.
pub fn refund_processed(told: &Refunded<'_>) -> Letter {
    let text = format!(
        "Hello {},\n\nyour money is on its way back to the card you paid with. It can take some days \
         until you see it there.\n\n{}",
        told.payer,
        facts(told)
    );
    (format!("Refunded: {}", told.amount), text)
}

/// To the payee: a part of his earnings has gone back.
pub fn refund_processed_to_payee(told: &Refunded<'_>) -> Letter {
    let text = format!(
        "Hello {},\n\na payment of {} was refunded.\n\n{}Of your share: {}\n",
        told.payee,
        told.payer,
        facts(told),
        told.share
    );
    (format!("Refunded: {}", told.title), text)
}

/// To the payer: the refund did not arrive.
pub fn refund_failed(told: &Refunded<'_>) -> Letter {
    let text = format!(
        "Hello {},\n\nyour refund could not be delivered. Your money is not lost: we have been told and \
         will get in touch with you.\n\n{}",
        told.payer,
        facts(told)
    );
    (format!("Refund not delivered: {}", told.title), text)
}

fn facts(told: &Refunded<'_>) -> String {
    format!(
        "Refund: {}\nPayment: {}\nFor: {}\nWith: {}\nAmount: {}\n",
        told.refund, told.payment, told.title, told.payee, told.amount
    )
}

/// To somebody who registered: the link that confirms his address.
pub fn verify_email(name: &str, link: &str) -> Letter {
    let text = format!(
        "Hello {name},\n\nplease confirm your e-mail address:\n\n{link}\n\n\
         If you did not register, ignore this mail.\n"
    );
    ("Confirm your e-mail address".to_owned(), text)
}

/// To somebody who forgot: the link that sets a new password.
pub fn password_reset(name: &str, link: &str) -> Letter {
    let text = format!(
        "Hello {name},\n\nchoose a new password here, within the next hour:\n\n{link}\n\n\
         If you did not ask for this, ignore this mail: nothing has changed.\n"
    );
    ("Choose a new password".to_owned(), text)
}

fn session(paid: &Paid<'_>) -> String {
    paid.starts_at.as_deref().map_or(String::new(), |at| format!("\nSession: {at}"))
}
