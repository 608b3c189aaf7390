//! What the tests share.

pub mod authority;
pub mod by_hand;
pub mod clerk;
#[allow(clippy::indexing_slicing, reason = "it is for tests")]
pub mod coverage;
pub mod crash;
pub mod foreign;
pub mod generated;
#[allow(clippy::indexing_slicing, reason = "it is for tests")]
pub mod generator;
#[allow(clippy::indexing_slicing, reason = "it is for tests")]
pub mod machine;
pub mod market;
pub mod model;
#[allow(clippy::indexing_slicing, reason = "it is for tests")]
pub mod oracle;
pub mod pages;
pub mod proxy;
pub mod random;
#[allow(clippy::indexing_slicing, reason = "it is for tests")]
pub mod random_roles;
pub mod recorder;
pub mod soak;
pub mod stage;
pub mod tap;
pub mod troupe;
pub mod wait;
