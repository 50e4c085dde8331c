//! One-time tokens on their way to a mail: `<person>.<purpose>.<secret>`.

use domain::id::{Id, PersonId};
use domain::people::Mailed;
use domain::records::{Purpose, Word};

use crate::app::App;
use crate::auth::chain::stored;
use crate::config::Secret;
use crate::dice::token_256;
use crate::http::Problem;

/// A new token: its hash for the database, its secret sealed for the mail job.
pub(super) fn fresh(app: &App, purpose: Purpose, redirect_to: Option<String>) -> Mailed {
    let secret = Secret::new(token_256(app.dice.as_ref()));
    Mailed { hash: stored(secret.expose()), sealed: app.seal.seal(&place(purpose), &secret), redirect_to }
}

/// What the mail's sealed secret is bound to.
pub fn place(purpose: Purpose) -> String {
    format!("job|mail|{}", purpose.word())
}

/// The token as the mail's link carries it.
pub fn token_in_link(person: PersonId, purpose: Purpose, secret: &Secret) -> Secret {
    Secret::new(format!("{}.{}.{}", person.raw(), purpose.word(), secret.expose()))
}

/// Person and hash of a token that came back, if it is one for this purpose.
pub(super) fn parse(token: &Secret, purpose: Purpose) -> Result<(PersonId, String), Problem> {
    let invalid = || Problem::from(domain::refusal::Refusal::InvalidToken);
    let mut parts = token.expose().trim().splitn(3, '.');
    let (person, word, secret) = (parts.next(), parts.next(), parts.next());
    let person = person.and_then(|text| text.parse::<i64>().ok()).filter(|id| *id > 0).ok_or_else(invalid)?;
    if word != Some(purpose.word()) {
        return Err(invalid());
    }
    Ok((PersonId(person), stored(secret.ok_or_else(invalid)?)))
}

/// Where a mail's link may lead: below one of `auth.redirects`. Without such a list the wish is not
/// heard, because then the pages of this server are the only place there is.
pub(super) fn allowed_redirect(app: &App, wish: Option<String>) -> Result<Option<String>, Problem> {
    let redirects = &app.config.auth.redirects;
    let Some(wish) = wish.filter(|wish| !wish.is_empty() && !redirects.is_empty()) else {
        return Ok(None);
    };
    let below = |prefix: &String| {
        wish.strip_prefix(prefix.as_str())
            .is_some_and(|rest| prefix.ends_with('/') || rest.is_empty() || rest.starts_with(['/', '?', '#']))
    };
    if wish.chars().any(char::is_control) || !redirects.iter().any(below) {
        return Err(Problem::field("redirect_to", "is not an allowed address"));
    }
    Ok(Some(wish))
}
