//! What letters say: a text and an HTML template each, compiled in, and each replaceable by a file of
//! the same name in `mail.templates`. All are tried out at the start, so a slip of the pen in one
//! stops the start and not a letter. The first line of a text is `Subject: ...`.

use std::path::Path;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::MailError;

/// The letters: each has a text and an HTML template.
macro_rules! letters {
    ($($name:literal),* $(,)?) => {
        const LETTERS: &[&str] = &[$($name),*];
        const SOURCES: &[(&str, &str)] = &[
            $(
                (concat!($name, ".txt"), include_str!(concat!("templates/", $name, ".txt"))),
                (concat!($name, ".html"), include_str!(concat!("templates/", $name, ".html"))),
            )*
            ("layout.html", include_str!("templates/layout.html")),
            ("session.txt", include_str!("templates/session.txt")),
            ("session.html", include_str!("templates/session.html")),
            ("facts.txt", include_str!("templates/facts.txt")),
            ("facts.html", include_str!("templates/facts.html")),
        ];
    };
}
letters!(
    "receipt",
    "paid",
    "payment_declined",
    "booking_requested",
    "booking_confirmed",
    "booking_declined",
    "booking_cancelled",
    "booking_rescheduled",
    "booking_completed",
    "reschedule_requested",
    "reschedule_answered",
    "verify_email",
    "password_reset",
    "refund_requested",
    "refund_to_decide",
    "refund_rejected",
    "refund_processed",
    "refund_processed_to_payee",
    "refund_failed",
    "alert_digest",
);

/// Everything a template may name; what a letter is not about is empty.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    /// Whom it is to, and the other party.
    pub name: String,
    pub other: String,
    /// What was booked or bought.
    pub title: String,
    pub payment: String,
    pub refund: String,
    /// With their currency.
    pub amount: String,
    pub fee: String,
    pub share: String,
    /// Instants as text: of the event, of the session, of what was asked for.
    pub at: String,
    pub starts_at: String,
    pub old_starts_at: String,
    pub new_starts_at: String,
    /// The face of the card.
    pub card: String,
    pub reason: String,
    pub notes: String,
    /// Where the session takes place.
    pub join_url: String,
    /// What to follow, with its secret.
    pub link: String,
    /// How a request was answered.
    pub accepted: bool,
}

/// A letter without its envelope.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// The templates in use.
pub struct Templates(Environment<'static>);

impl Templates {
    /// Those compiled in, with those of a folder over them; an empty path is no folder.
    pub fn load(folder: &str) -> Result<Templates, MailError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| {
            if Path::new(name).extension().is_some_and(|ending| ending == "html") {
                AutoEscape::Html
            } else {
                AutoEscape::None
            }
        });
        for (name, source) in SOURCES {
            let own = if folder.is_empty() { None } else { own(Path::new(folder), name)? };
            add(&mut environment, name, own.unwrap_or_else(|| (*source).to_owned()))?;
        }
        let templates = Templates(environment);
        for letter in LETTERS {
            for facts in [Facts::default(), sample()] {
                templates.write(letter, &facts)?;
            }
        }
        Ok(templates)
    }

    /// Writes a letter.
    pub fn write(&self, letter: &str, facts: &Facts) -> Result<Letter, MailError> {
        let render = |ending: &str| {
            let name = format!("{letter}.{ending}");
            let template = self.0.get_template(&name);
            let rendered = template.and_then(|template| template.render(facts));
            rendered.map_err(|error| broken(&name, &error))
        };
        // A line break in somebody's title must not become a line of the header.
        let subject = render("subject")?.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Letter { subject, text: render("txt")?, html: render("html")? })
    }
}

fn add(environment: &mut Environment<'static>, name: &str, source: String) -> Result<(), MailError> {
    let mut put = |name: String, source: String| {
        environment.add_template_owned(name.clone(), source).map_err(|error| broken(&name, &error))
    };
    let letter = name.strip_suffix(".txt").filter(|letter| LETTERS.contains(letter));
    let Some(letter) = letter else { return put(name.to_owned(), source) };
    let parts = source.strip_prefix("Subject: ").and_then(|rest| rest.split_once('\n'));
    let Some((subject, text)) = parts else {
        return Err(MailError::Settings(format!("templates: {name} must begin with \"Subject: \"")));
    };
    put(format!("{letter}.subject"), subject.to_owned())?;
    put(name.to_owned(), text.trim_start().to_owned())
}

fn own(folder: &Path, name: &str) -> Result<Option<String>, MailError> {
    match std::fs::read_to_string(folder.join(name)) {
        Ok(source) => Ok(Some(source)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && folder.is_dir() => Ok(None),
        Err(error) => Err(MailError::Settings(format!("templates: {name} cannot be read: {error}"))),
    }
}

/// The place and the kind of the mistake; never what it was filled with.
fn broken(name: &str, error: &minijinja::Error) -> MailError {
    let line = error.line().map_or(String::new(), |line| format!(" line {line}"));
    MailError::Settings(format!("templates: {name}{line}: {}", error.kind()))
}

/// Something in every place.
fn sample() -> Facts {
    let some = || "x".to_owned();
    Facts {
        name: some(),
        other: some(),
        title: some(),
        payment: some(),
        refund: some(),
        amount: some(),
        fee: some(),
        share: some(),
        at: some(),
        starts_at: some(),
        old_starts_at: some(),
        new_starts_at: some(),
        card: some(),
        reason: some(),
        notes: some(),
        join_url: some(),
        link: some(),
        accepted: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested() -> Facts {
        Facts {
            name: "Ada".into(),
            other: "<b>Eve</b>".into(),
            title: "Tea & \"cake\"\r\nBcc: eve@example.org".into(),
            notes: "<script>alert(1)</script>".into(),
            ..Facts::default()
        }
    }

    #[test]
    fn what_people_write_is_escaped_in_html_and_stays_one_line_in_subjects() {
        let templates = Templates::load("").expect("the templates compiled in");
        let letter = templates.write("booking_requested", &requested()).expect("a letter");
        assert_eq!(letter.subject, "New request: Tea & \"cake\" Bcc: eve@example.org");
        assert!(letter.html.contains("&lt;script&gt;") && letter.html.contains("&lt;b&gt;Eve"));
        assert!(!letter.html.contains("<script") && !letter.html.contains("<b>"), "{}", letter.html);
        assert!(letter.html.contains("Tea &amp; &quot;cake&quot;"), "{}", letter.html);
        assert!(letter.text.contains("<b>Eve</b> would like") && letter.text.starts_with("Hello Ada,"));
    }

    #[test]
    fn a_folder_replaces_templates_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("booking_requested.txt");
        std::fs::write(&path, "Subject: Hei {{ name }}\n\nMoi {{ other }}\n").expect("written");
        let templates = Templates::load(folder.path().to_str().expect("text")).expect("templates");
        let letter = templates.write("booking_requested", &requested()).expect("a letter");
        assert_eq!((letter.subject.as_str(), letter.text.as_str()), ("Hei Ada", "Moi <b>Eve</b>"));
        assert!(letter.html.contains("would like to book"), "the other one is ours still");
    }

    #[test]
    fn a_template_that_cannot_be_filled_stops_the_start_and_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let load = || Templates::load(folder.path().to_str().expect("text"));
        for wrong in ["Subject: x\n\n{{ nme }}", "Subject: x\n\n{% if name %}", "no subject"] {
            std::fs::write(folder.path().join("paid.txt"), wrong).expect("written");
            let error = load().err().expect("refused").to_string();
            assert!(error.contains("paid.txt"), "{error}");
        }
        let error = Templates::load("/nowhere/at/all").err().expect("refused").to_string();
        assert!(error.contains("templates"), "{error}");
    }
}
