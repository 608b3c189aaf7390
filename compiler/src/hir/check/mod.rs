//! The rules, one in each file, with its tests.

pub mod compensations;
pub mod crowded;
pub mod declared_types;
pub mod duplicates;
pub mod exhaustive;
mod misplaced;
pub mod nulls;
pub mod one_in_rust;
pub mod places;
pub mod races;
pub mod recursion;
pub mod repeated;
pub mod reserved;
pub mod sessions;
pub mod unused;
pub mod wide;
