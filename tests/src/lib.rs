//! What the tests share.

pub mod by_hand;
pub mod generated;
pub mod model;
