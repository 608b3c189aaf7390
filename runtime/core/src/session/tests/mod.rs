//! The session core under test: small choreographies on several roles, with stores, a network and a clock that a test drives step by step.

#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test that is wrong may fail")]
#![allow(clippy::disallowed_types, reason = "how long an exploration takes is printed")]
#![allow(clippy::disallowed_methods, reason = "how many seeds and states are tried is asked of the environment")]

mod authority;
mod by_hand;
mod cancels;
mod check;
mod choreography;
mod collected_scopes;
mod defects;
mod doubt;
mod drive;
mod early;
mod early_inputs;
mod explore;
mod faults;
mod holes;
mod holes_of_aborts;
mod holes_of_scopes;
mod holes_outside;
mod inputs;
mod optional;
mod pivot;
mod programs;
mod reference;
mod resends;
mod retries;
mod run;
mod scope_inputs;
mod script;
mod simulate;
mod sleeps;
mod stability;
mod store;
mod waits;
mod world;
