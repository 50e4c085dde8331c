//! What an accountant can read: fees, refunds and entries as text, one case a line.

mod entries;
mod fees;
mod refunds;
