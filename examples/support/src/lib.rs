//! What the examples have in common, and what is not about them: processes of roles, a desk where requests come in and a client that does not give
//! up, a demo that kills roles meanwhile, and what their audits read. What an example is about, its choreographies and services, is in its own package.

pub mod audit;
pub mod client;
pub mod cluster;
pub mod demo;
pub mod desk;
pub mod history;
pub mod node;
pub mod random;
