//! What happens in the demo, day by day.

use domain::time::Span;
use reqwest::Method;
use serde_json::json;

use super::PASSWORD;
use super::cast::{CARDS, Member, OFFERS, STUDENTS, TEACHERS};
use crate::commands::house::{House, VisitError, id, text};
use crate::dice::Dice;
use crate::http::json::Instant;

/// A day is told in so many parts.
const PARTS: i64 = 4;
/// Requests that a part of a day brings at most.
const REQUESTS_MAX: u64 = 3;

struct Person {
    uuid: String,
    token: String,
}

struct Scene<'a> {
    house: &'a House,
    dice: &'a dyn Dice,
    teachers: Vec<Person>,
    students: Vec<Person>,
    /// The ids of [`OFFERS`].
    gigs: Vec<i64>,
}

/// Tells the story; afterwards the house's clock shows the present.
pub(super) async fn tell(house: &House, dice: &dyn Dice, days: i64) -> Result<(), VisitError> {
    let mut scene = Scene { house, dice, teachers: Vec::new(), students: Vec::new(), gigs: Vec::new() };
    scene.gather().await?;
    for day in 1..=days {
        for _ in 0..PARTS {
            // Logins live in real time, which stands almost still here.
            for _ in 0..scene.roll(REQUESTS_MAX + 1) {
                scene.request().await?;
            }
            house.elapse(Span(Span::DAY.0 / PARTS)).await;
        }
        if day % 10 == 0 {
            println!("  {day} days");
        }
    }
    Ok(())
}

impl Scene<'_> {
    /// A number below `end`.
    fn roll(&self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.dice.fill(&mut bytes);
        u64::from_be_bytes(bytes) % end
    }

    fn pick<'a, T>(&self, of: &'a [T]) -> (usize, &'a T) {
        let index = usize::try_from(self.roll(of.len() as u64)).expect("below a length");
        (index, &of[index])
    }

    async fn gather(&mut self) -> Result<(), VisitError> {
        for member in &TEACHERS {
            let person = self.join(member, "teacher").await?;
            self.teachers.push(person);
        }
        for member in &STUDENTS {
            let person = self.join(member, "student").await?;
            self.students.push(person);
        }
        for offer in &OFFERS {
            let body = json!({
                "category": offer.category, "service_type": offer.service, "service_title": offer.title,
                "short_description": offer.title, "full_description": format!("{}. Bring questions.", offer.title),
                "price_per_session": offer.price, "session_duration": offer.minutes, "tags": ["demo"],
                "what_you_provide_in_session": "Time, patience and notes afterwards.", "status": "active",
            });
            let token = &self.teachers[offer.teacher].token;
            let gig = self.house.post(Some(token), "/api/accounts/gigs/", &body).await?;
            self.gigs.push(id(&gig, "id")?);
        }
        Ok(())
    }

    async fn join(&self, member: &Member, role: &str) -> Result<Person, VisitError> {
        let (email, password) = (member.email(), PASSWORD);
        let body = json!({ "email": email, "password": password, "full_name": member.name, "role": role });
        let registered = self.house.post(None, "/api/register/", &body).await?;
        let login = json!({ "email": email, "password": password });
        let login = self.house.post(None, "/api/login/", &login).await?;
        Ok(Person { uuid: text(&registered, "user_id")?, token: text(&login, "access_token")? })
    }

    /// Somebody wants a lesson: by request, or bought at once. Times that are taken are no story.
    async fn request(&self) -> Result<(), VisitError> {
        let (_, student) = self.pick(&self.students);
        let (index, offer) = self.pick(&OFFERS);
        let teacher = &self.teachers[offer.teacher];
        let start = self.slot();
        if self.roll(5) == 0 {
            return self.purchase(student, teacher, self.gigs[index], start).await;
        }
        let body = json!({
            "teacher": teacher.uuid, "gig": self.gigs[index], "start_time": Instant(start).text(),
            "end_time": Instant(start + Span::minutes(offer.minutes)).text(),
        });
        let (status, booking) = self.ask(student, "/api/bookings/bookings/", &body).await?;
        if status != 201 {
            return Ok(());
        }
        let booking = id(&booking, "id")?;
        match self.roll(20) {
            0 => self.act(teacher, booking, "decline", "fully booked").await,
            1 => Ok(()),
            _ => self.hold(student, teacher, booking).await,
        }
    }

    /// Confirmed, paid more or less at once, and sometimes called off.
    async fn hold(&self, student: &Person, teacher: &Person, booking: i64) -> Result<(), VisitError> {
        self.act(teacher, booking, "confirm", "").await?;
        if self.roll(15) == 0 {
            return Ok(());
        }
        for card in [self.card(), "pm_card_visa"] {
            let body = json!({ "booking_id": booking, "payment_method_id": card });
            let (status, _) = self.ask(student, "/api/payments/process-booking-payment/", &body).await?;
            if status == 200 {
                break;
            }
        }
        match self.roll(12) {
            0 => self.act(student, booking, "cancel", "something came up").await,
            1 => self.act(teacher, booking, "cancel", "I am ill, sorry").await,
            _ => Ok(()),
        }
    }

    /// Paid first; most teachers then agree.
    async fn purchase(
        &self,
        student: &Person,
        teacher: &Person,
        gig: i64,
        start: domain::time::Timestamp,
    ) -> Result<(), VisitError> {
        let body =
            json!({ "gig_id": gig, "payment_method_id": self.card(), "start_time": Instant(start).text() });
        let (status, bought) = self.ask(student, "/api/payments/process-payment/", &body).await?;
        if status == 200 && self.roll(8) != 0 {
            self.act(teacher, id(&bought, "booking_id")?, "confirm", "").await?;
        }
        Ok(())
    }

    /// What both parties may do to a booking. A refusal is part of life.
    async fn act(&self, who: &Person, booking: i64, verb: &str, reason: &str) -> Result<(), VisitError> {
        let path = format!("/api/bookings/bookings/{booking}/{verb}/");
        let body = if reason.is_empty() { json!({}) } else { json!({ "reason": reason }) };
        self.ask(who, &path, &body).await?;
        Ok(())
    }

    async fn ask(
        &self,
        who: &Person,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<(u16, serde_json::Value), VisitError> {
        let (status, answer) = self.house.ask(Some(&who.token), Method::POST, path, body).await?;
        if status >= 500 || status == 401 {
            let path = path.to_owned();
            return Err(VisitError::Answer { method: Method::POST, path, status, body: answer });
        }
        Ok((status, answer))
    }

    /// On a half hour of one of the next four days.
    fn slot(&self) -> domain::time::Timestamp {
        let today = self.house.app().clock.now().day();
        let days = 1 + i64::try_from(self.roll(4)).expect("small");
        let half_hours = 16 + i64::try_from(self.roll(24)).expect("small");
        domain::time::Timestamp((today + days) * Span::DAY.0) + Span::minutes(30 * half_hours)
    }

    fn card(&self) -> &'static str {
        let mut left = self.roll(CARDS.iter().map(|(_, weight)| weight).sum());
        for (card, weight) in CARDS {
            if left < weight {
                return card;
            }
            left -= weight;
        }
        CARDS[0].0
    }
}
