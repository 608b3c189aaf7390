//! The services: each knows its own tables and nothing of the others. That of the payment is not among them, for it is a program of its own.
//!
//! Every transaction notes itself in its database's history: that is how the audit knows what took effect, and how often. What only asks is a recorded
//! operation, and reads what is committed.

mod carrier;
mod carts;
mod exchange;
mod mailroom;
mod products;
mod purchases;

pub use carrier::Carrier;
pub use carts::Carts;
pub use exchange::Exchange;
pub use mailroom::Mailroom;
pub(crate) use mailroom::letter;
pub use products::Products;
pub use purchases::Purchases;
