//! One-time tokens in mails: `<person>.<purpose>.<secret>`, so that a link leads to its person
//! without a look-up.

use domain::id::{Id, PersonId};
use domain::records::{Purpose, Word};

use super::chain::stored;
use crate::config::Secret;

/// What the sealed secret of a mail is bound to.
pub fn place(purpose: Purpose) -> String {
    format!("job|mail|{}", purpose.word())
}

/// The token as the mail's link carries it.
pub fn in_link(person: PersonId, purpose: Purpose, secret: &Secret) -> Secret {
    Secret::new(format!("{}.{}.{}", person.raw(), purpose.word(), secret.expose()))
}

/// Person and stored hash of a token that came back, if it is one for this purpose.
pub fn parse(token: &Secret, purpose: Purpose) -> Option<(PersonId, String)> {
    let mut parts = token.expose().trim().splitn(3, '.');
    let (person, word, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let person = person.parse::<i64>().ok().filter(|id| *id > 0)?;
    (word == purpose.word()).then(|| (PersonId(person), stored(secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_for_its_purpose_only() {
        let token = in_link(PersonId(513), Purpose::VerifyEmail, &Secret::new("s3.cret"));
        assert_eq!(parse(&token, Purpose::VerifyEmail), Some((PersonId(513), stored("s3.cret"))));
        assert_eq!(parse(&token, Purpose::PasswordReset), None);
        for junk in ["", ".", "..", "x.verify_email.s", "-1.verify_email.s", "1.verify_email"] {
            assert_eq!(parse(&Secret::new(junk), Purpose::VerifyEmail), None, "{junk}");
        }
    }
}
