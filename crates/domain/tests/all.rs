//! The domain's one integration binary: what needs more than a unit test beside the code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod flows;
mod golden;
mod props;
mod states;
mod support;
