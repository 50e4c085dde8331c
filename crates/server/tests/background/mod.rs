//! Background work in a server as `bursar serve` builds it, on both engines: rounds are run by hand,
//! and the clock is the sandbox's.

mod alerts;
mod cards;
mod clock;
mod controls;
mod erasing;
mod letters;
mod meetings;
mod place;
mod refunds;
mod sealing;
mod smtp;
mod tampering;
mod timeline;
mod webhooks;
mod zoom;
mod zoom_fake;
