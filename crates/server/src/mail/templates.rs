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
