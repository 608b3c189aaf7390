//! The session core under test: small choreographies on several roles, with stores, a network and a clock that a test drives step by step.

mod check;
mod choreography;
mod defects;
mod holes;
mod inputs;
mod programs;
mod script;
mod simulate;
mod store;
mod world;
