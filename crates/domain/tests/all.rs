//! The domain's one integration binary: what needs more than a unit test beside the code.

mod protocol;
