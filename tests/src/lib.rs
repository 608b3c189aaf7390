//! What the tests share.

pub mod crash;
pub mod generated;
pub mod model;
