//! Offers with who makes them.

use std::collections::BTreeMap;

use domain::id::{OfferId, PersonId};
use domain::records::{Offer, OfferState, Person, TeacherProfile};

use super::Reads;
use crate::engine::Fault;

/// An offer as it is shown: with its teacher.
#[derive(Clone, Debug, PartialEq)]
pub struct Offered {
    pub offer: Offer,
    pub person: Person,
    /// `None` when an administrator has taken the role away.
    pub teacher: Option<TeacherProfile>,
}

impl Reads<'_> {
    /// An offer that is not archived.
    pub fn offer(&mut self, id: OfferId) -> Result<Option<Offer>, Fault> {
        Ok(self.find::<Offer>(&id)?.filter(|offer| offer.state != OfferState::Archived))
    }

    /// A payee's offers, newest first, archived ones aside.
    pub fn offers_of(&mut self, payee: PersonId) -> Result<Vec<Offer>, Fault> {
        let mut offers = self.of::<Offer>(&payee)?;
        offers.retain(|offer| offer.state != OfferState::Archived);
        offers.sort_by_key(|offer| std::cmp::Reverse((offer.created_at, offer.id)));
        Ok(offers)
    }

    /// Offers with their teachers, in the same order; two statements however many.
    pub fn with_teachers(&mut self, offers: Vec<Offer>) -> Result<Vec<Offered>, Fault> {
        let mut ids: Vec<PersonId> = offers.iter().map(|offer| offer.payee).collect();
        ids.sort_unstable();
        ids.dedup();
        let people = self.find_many::<Person>(&ids)?;
        let people: BTreeMap<_, _> = people.into_iter().map(|person| (person.id, person)).collect();
        let teachers = self.find_many::<TeacherProfile>(&ids)?;
        let teachers: BTreeMap<_, _> = teachers.into_iter().map(|teacher| (teacher.id, teacher)).collect();
        let offered = offers.into_iter().filter_map(|offer| {
            let person = people.get(&offer.payee)?.clone();
            let teacher = teachers.get(&offer.payee).cloned();
            Some(Offered { offer, person, teacher })
        });
        Ok(offered.collect())
    }
}
