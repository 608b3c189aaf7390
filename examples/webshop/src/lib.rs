//! The webshop: seven services with a database each, joined by the choreography in `webshop.chor` and nothing else. One of them, the payment, is
//! a program that was there before, and that the role's process speaks to by HTTP.

pub mod audit;
pub mod desk;
pub mod processes;
pub mod requests;
mod services;
pub mod world;

pub use services::{Carrier, Carts, Exchange, Mailroom, Products, Purchases};

accompanist::choreo!("webshop.chor");

/// The roles, by the names of their nodes.
pub const ROLES: [&str; 7] = ["cart", "catalogue", "client", "currency", "email", "payment", "shipping"];

/// Their binaries, in the same order.
pub const BINARIES: [&str; 7] = [
    "webshop-cart",
    "webshop-catalogue",
    "webshop-client",
    "webshop-currency",
    "webshop-email",
    "webshop-payment",
    "webshop-shipping",
];

/// The role where requests come in.
pub const DESK: &str = "client";

/// The program beside the role `payment`: its binary, and the name of its ledger.
pub const PROGRAM: &str = "payment-service";
