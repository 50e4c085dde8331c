//! One-time tokens on their way to a mail.

use domain::people::Mailed;
use domain::records::Purpose;

use crate::app::App;
use crate::auth::chain::stored;
use crate::auth::one_time::place;
use crate::config::Secret;
use crate::dice::token_256;
use crate::http::Problem;

/// A new token: its hash for the database, its secret sealed for the mail job.
pub(super) fn fresh(app: &App, purpose: Purpose, redirect_to: Option<String>) -> Mailed {
    let secret = Secret::new(token_256(app.dice.as_ref()));
    Mailed { hash: stored(secret.expose()), sealed: app.seal.seal(&place(purpose), &secret), redirect_to }
}

/// Where a mail's link may lead: below one of `auth.redirects`. Without such a list the wish is not
/// heard, because then the pages of this server are the only place there is.
pub(super) fn allowed_redirect(app: &App, wish: Option<String>) -> Result<Option<String>, Problem> {
    let redirects = &app.config.auth.redirects;
    let Some(wish) = wish.filter(|wish| !wish.is_empty() && !redirects.is_empty()) else {
        return Ok(None);
    };
    let below = |prefix: &String| {
        let ends_here =
            |rest: &str| prefix.ends_with('/') || rest.is_empty() || rest.starts_with(['/', '?', '#']);
        wish.strip_prefix(prefix.as_str()).is_some_and(ends_here)
    };
    if wish.chars().any(char::is_control) || !redirects.iter().any(below) {
        return Err(Problem::field("redirect_to", "is not an allowed address"));
    }
    Ok(Some(wish))
}
