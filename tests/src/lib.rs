//! What the tests share.

pub mod by_hand;
pub mod clerk;
pub mod crash;
pub mod generated;
pub mod market;
pub mod model;
pub mod pages;
pub mod stage;
pub mod tap;
pub mod troupe;
pub mod wait;
