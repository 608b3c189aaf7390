//! What the tests share.

pub mod crash;
