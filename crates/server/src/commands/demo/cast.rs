//! Who lives in the demo.

/// Somebody, by a name that also makes the address.
pub(super) struct Member {
    pub name: &'static str,
}

impl Member {
    /// `ada.berg@demo.example`
    pub(super) fn email(&self) -> String {
        format!("{}@demo.example", self.name.to_lowercase().replace(' ', "."))
    }
}

/// What a teacher offers.
pub(super) struct Offered {
    /// Index into [`TEACHERS`].
    pub teacher: usize,
    pub category: &'static str,
    pub service: &'static str,
    pub title: &'static str,
    pub price: &'static str,
    pub minutes: i64,
}

const fn member(name: &'static str) -> Member {
    Member { name }
}

const fn offered(
    teacher: usize,
    category: &'static str,
    texts: [&'static str; 2],
    price: &'static str,
    minutes: i64,
) -> Offered {
    Offered { teacher, category, service: texts[0], title: texts[1], price, minutes }
}

pub(super) const TEACHERS: [Member; 8] = [
    member("Lucia Romero"),
    member("Henrik Dahl"),
    member("Amara Okafor"),
    member("Mei Tanaka"),
    member("Jean Moreau"),
    member("Sofia Rossi"),
    member("Pavel Novak"),
    member("Ines Duarte"),
];

pub(super) const STUDENTS: [Member; 16] = [
    member("Ada Berg"),
    member("Ben Carter"),
    member("Clara Fischer"),
    member("David Kim"),
    member("Elif Kaya"),
    member("Frank Meyer"),
    member("Greta Lind"),
    member("Hassan Ali"),
    member("Ivy Chen"),
    member("Jonas Weber"),
    member("Karin Holm"),
    member("Leo Costa"),
    member("Maya Singh"),
    member("Nils Olsen"),
    member("Olga Petrova"),
    member("Peter Jansen"),
];

pub(super) const OFFERS: [Offered; 11] = [
    offered(0, "language", ["Conversation", "Spanish over coffee"], "32.00", 60),
    offered(0, "general", ["Exam preparation", "DELE in eight weeks"], "45.00", 90),
    offered(1, "language", ["Grammar", "Norwegian from the start"], "28.50", 45),
    offered(2, "language", ["Business English", "Meetings without fear"], "55.00", 60),
    offered(2, "general", ["Writing", "An application letter that works"], "40.00", 60),
    offered(3, "language", ["Conversation", "Japanese for travellers"], "38.00", 60),
    offered(4, "language", ["Pronunciation", "French, and how it sounds"], "35.00", 30),
    offered(5, "language", ["Opera Italian", "Sing what you read"], "60.00", 60),
    offered(5, "astrology", ["Birth chart", "Your stars, read slowly"], "75.00", 60),
    offered(6, "general", ["Mathematics", "Calculus without tears"], "42.00", 90),
    offered(7, "language", ["Conversation", "Portuguese by the sea"], "30.00", 60),
];

/// Cards of the sandbox and how many of a hundred payments use them.
pub(super) const CARDS: [(&str, u64); 8] = [
    ("pm_card_visa", 46),
    ("pm_card_mastercard", 26),
    ("pm_card_amex", 10),
    ("pm_card_declined", 6),
    ("pm_card_insufficient_funds", 4),
    ("pm_card_expired_card", 2),
    ("pm_card_refund_pending", 4),
    ("pm_card_refund_fails", 2),
];
