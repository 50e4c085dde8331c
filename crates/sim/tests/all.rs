//! What the simulator promises of itself: it finds planted bugs, it repeats itself, and it finds
//! nothing where nothing is wrong.

mod planted;
mod repeatable;
mod worth;
