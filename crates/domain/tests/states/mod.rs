//! Every state × everything that can be heard or asked, written down. A move that is not meant shows
//! as a changed line; what must never happen is asserted here.

mod bookings;
mod charges;
mod refunds;
