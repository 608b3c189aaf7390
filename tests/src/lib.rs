//! What the tests share.

pub mod by_hand;
pub mod clerk;
pub mod coverage;
pub mod crash;
pub mod generated;
pub mod generator;
pub mod machine;
pub mod market;
pub mod model;
pub mod oracle;
pub mod pages;
pub mod random;
pub mod random_roles;
pub mod stage;
pub mod tap;
pub mod wait;
