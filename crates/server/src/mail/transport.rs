//! The three ways out: a file a mail, SMTP, or a line in the log.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use lettre::address::AddressError;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::Mail;
use super::templates::{Facts, Letter, Templates};
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
    templates: Templates,
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
        Ok(Mailer { from, templates: Templates::load(&config.mail.templates)?, way })
    }

    /// Writes a letter from its template.
    pub fn write(&self, letter: &str, facts: &Facts) -> Result<Letter, MailError> {
        self.templates.write(letter, facts)
    }

    /// The marketplace's own address.
    pub fn address(&self) -> &str {
        self.from.email.as_ref()
    }

    /// The part of it behind the `@`.
    pub fn host(&self) -> &str {
        self.from.email.domain()
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
        let host = self.host();
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(mail.to_name.clone()).filter(|name| !name.is_empty()), address))
            .subject(mail.letter.subject.clone())
            .date(UNIX_EPOCH + Duration::from_micros(micros))
            .message_id(Some(format!("<{}@{host}>", mail.id)))
            .multipart(body(mail))
            .map_err(|_| wrong("it cannot be written down"))
    }
}

/// The text, the same as HTML and, where there is one, the calendar file: once for programs that act
/// on it, once for people who save it. Boundaries come from the id, so that a repeat is the same mail.
fn body(mail: &Mail) -> MultiPart {
    let boundary = |part: &str| format!("bursar-{part}-{}", mail.id);
    let alternatives = MultiPart::alternative()
        .boundary(boundary("text"))
        .singlepart(SinglePart::plain(mail.letter.text.clone()))
        .singlepart(SinglePart::html(mail.letter.html.clone()));
    let Some((method, file)) = &mail.invitation else { return alternatives };
    let kind = format!("text/calendar; charset=utf-8; method={}", method.word());
    let kind = ContentType::parse(&kind).expect("a media type");
    let calendar = SinglePart::builder().header(kind.clone()).body(file.clone());
    MultiPart::mixed()
        .boundary(boundary("all"))
        .multipart(alternatives.singlepart(calendar))
        .singlepart(Attachment::new("invite.ics".to_owned()).body(file.clone(), kind))
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

#[cfg(test)]
mod tests {
    use domain::time::Timestamp;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::{Sources, load};

    /// A mail server that answers every RCPT with this line.
    async fn server(to_recipients: &'static str) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 here\r\n").await.expect("sent");
            let (mut line, mut is_text) = (String::new(), false);
            while stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
                let word = line.get(..4).unwrap_or_default().to_ascii_uppercase();
                let answer = match word.as_str() {
                    _ if is_text && line == ".\r\n" => Some("250 taken"),
                    _ if is_text => None,
                    "DATA" => Some("354 go on"),
                    "RCPT" => Some(to_recipients),
                    _ => Some("250 yes"),
                };
                is_text = (is_text || word == "DATA") && answer != Some("250 taken");
                if let Some(answer) = answer {
                    stream.write_all(format!("{answer}\r\n").as_bytes()).await.expect("sent");
                }
                line.clear();
            }
        });
        port
    }

    async fn send(port: u16, to: &str) -> Result<(), MailError> {
        let env = [
            ("BURSAR_MAIL__TRANSPORT", "smtp".to_owned()),
            ("BURSAR_SMTP__HOST", "127.0.0.1".to_owned()),
            ("BURSAR_SMTP__PORT", port.to_string()),
            ("BURSAR_SMTP__SECURITY", "none".to_owned()),
        ];
        let env = env.map(|(key, value)| (key.to_owned(), value)).to_vec();
        let mailer = Mailer::new(&load(&Sources { env, ..Sources::default() }).expect("valid"));
        let mail = Mail {
            id: "receipt-1-payer".into(),
            to: to.into(),
            to_name: "Ada Berg".into(),
            letter: Letter {
                subject: "Receipt".into(),
                text: "Thank you.".into(),
                html: "<p>Thank you.</p>".into(),
            },
            invitation: None,
            at: Timestamp::from_seconds(1_800_000_000),
        };
        mailer.expect("settings").send(&mail).await
    }

    #[tokio::test]
    async fn what_can_be_tried_again_is_told_from_what_cannot() {
        let to = "ada@example.org";
        assert!(send(server("250 yes").await, to).await.is_ok());
        let error = send(server("450 mailbox of ada@example.org is busy").await, to).await;
        assert!(matches!(&error, Err(MailError::Transient(why)) if !why.contains("ada")), "{error:?}");
        let error = send(server("550 no ada@example.org here").await, to).await;
        assert!(matches!(&error, Err(MailError::Permanent(why)) if !why.contains("ada")), "{error:?}");
        let nobody = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = nobody.local_addr().expect("bound").port();
        drop(nobody);
        assert!(matches!(send(port, to).await, Err(MailError::Transient(_))));
        assert!(matches!(send(port, "not an address").await, Err(MailError::Permanent(_))));
    }
}
