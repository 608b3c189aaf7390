//! The three services: each knows its own tables and nothing of the others.
//!
//! Every operation notes itself in its database's history, in the same transaction: that is how the audit knows what took effect, and how often.

mod bank;
mod club;
mod shop;

pub use bank::Bank;
pub(crate) use club::CENTS_PER_POINT;
pub use club::Club;
pub use shop::Shop;
