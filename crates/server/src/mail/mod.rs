//! Mail: what is sent, and how it leaves the house.
//!
//! Invariants: a mail's id is fixed by its cause, so a repeat is the same file or carries the same
//! Message-ID; a failure says whether another try can help; neither addresses nor texts are logged.
//! Deliberately not here: when to try again (`jobs`).

pub mod invitation;
pub mod templates;
mod transport;

pub use transport::{MailError, Mailer};

use domain::time::Timestamp;

use invitation::Method;
use templates::Letter;

/// One mail to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The same for every try: letters, digits and hyphens.
    pub id: String,
    pub to: String,
    pub to_name: String,
    pub letter: Letter,
    /// A calendar file, and what the calendar shall do with it.
    pub invitation: Option<(Method, String)>,
    pub at: Timestamp,
}

/// Whom it goes to and what it says is personal.
impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).finish_non_exhaustive()
    }
}
