//! What the processes of the soak and whoever drives them agree on: what a session does, how it is started, and what it leaves in the databases.

pub mod desk;
pub mod plan;
pub mod till;

/// The roles of `fixtures/soak.chor`, by the names of their nodes.
pub const ROLES: [&str; 3] = ["shop", "bank", "club"];
