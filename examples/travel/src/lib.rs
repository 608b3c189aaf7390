//! Travel: six services with a database each, joined by the two choreographies in `travel.chor` and nothing else: one looks for hotels, the other books
//! flights and a hotel, all of it or nothing.

pub mod audit;
pub mod desk;
pub mod requests;
mod services;
pub mod world;

pub use services::{Airline, Atlas, Calendar, Finder, Guide, Rooms};

accompanist::choreo!("travel.chor");

/// The roles, by the names of their nodes and binaries.
pub const ROLES: [&str; 6] = ["client", "flight", "geo", "profile", "reservation", "search"];

/// The role where requests come in.
pub const DESK: &str = "client";
