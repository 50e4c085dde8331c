//! The three ways out: a file a mail, SMTP, or a line in the log.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use lettre::address::AddressError;
use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::Mail;
use crate::config::{Config, MailTransport, SmtpSecurity};

/// For a whole conversation with the mail server.
const SMTP_MAX: Duration = Duration::from_secs(20);

/// Why a mail was not sent. Says nothing of its recipient or text.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("mail: {0}")]
    Settings(String),
    /// Another try may work.
    #[error("the mail could not be sent now: {0}")]
    Transient(String),
    /// No other try will work.
    #[error("the mail cannot be sent: {0}")]
    Permanent(String),
}

/// Sends mail.
pub struct Mailer {
    from: Mailbox,
    way: Way,
}

enum Way {
    File(PathBuf),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Log,
}

impl Mailer {
    /// As the settings have it; files go to `mail` in the data folder.
    pub fn new(config: &Config) -> Result<Mailer, MailError> {
        let from = config.mail.from.parse();
        let from = from.map_err(|error: AddressError| MailError::Settings(format!("mail.from: {error}")))?;
        let way = match config.mail.transport {
            MailTransport::File => Way::File(config.data_dir().join("mail")),
            MailTransport::Smtp => Way::Smtp(smtp(config)?),
            MailTransport::Log => Way::Log,
        };
        Ok(Mailer { from, way })
    }

    /// Sends one mail; when it answers `Ok`, it has been handed over.
    pub async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        match &self.way {
            Way::Log => {
                tracing::info!(mail.id = mail.id, "a mail would have been sent");
                Ok(())
            }
            Way::File(folder) => {
                let failed = |error: std::io::Error| MailError::Transient(error.to_string());
                tokio::fs::create_dir_all(folder).await.map_err(failed)?;
                let path = folder.join(format!("{}.eml", mail.id));
                tokio::fs::write(path, message.formatted()).await.map_err(failed)
            }
            Way::Smtp(transport) => match transport.send(message).await {
                Ok(_) => Ok(()),
                Err(error) if error.is_permanent() => Err(MailError::Permanent(code(&error))),
                Err(error) => Err(MailError::Transient(code(&error))),
            },
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let wrong = |what: &str| MailError::Permanent(what.to_owned());
        let address: Address = mail.to.parse().map_err(|_| wrong("the address is not one"))?;
        let micros = u64::try_from(mail.at.0).map_err(|_| wrong("before 1970"))?;
        let host = self.from.email.domain();
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(mail.to_name.clone()).filter(|name| !name.is_empty()), address))
            .subject(mail.subject.clone())
            .date(UNIX_EPOCH + Duration::from_micros(micros))
            .message_id(Some(format!("<{}@{host}>", mail.id)))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone())
            .map_err(|_| wrong("it cannot be written down"))
    }
}

/// The server's code, never its words: they repeat addresses.
fn code(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None if error.is_timeout() => "the mail server did not answer in time".to_owned(),
        None => "the mail server could not be spoken to".to_owned(),
    }
}

fn smtp(config: &Config) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
    type Smtp = AsyncSmtpTransport<Tokio1Executor>;
    let settings = &config.smtp;
    let failed = |_| MailError::Settings("smtp.host: TLS cannot be set up".to_owned());
    let builder = match settings.security {
        SmtpSecurity::Starttls => Smtp::starttls_relay(&settings.host).map_err(failed)?,
        SmtpSecurity::Tls => Smtp::relay(&settings.host).map_err(failed)?,
        SmtpSecurity::None => Smtp::builder_dangerous(&settings.host),
    };
    let builder = builder.port(settings.port).timeout(Some(SMTP_MAX));
    Ok(if settings.username.is_empty() {
        builder.build()
    } else {
        let password = settings.password.expose().to_owned();
        builder.credentials(Credentials::new(settings.username.clone(), password)).build()
    })
}
