//! The compiler of choreographies. It does no I/O, reads no clock and owns no randomness: files are handed to it as text.

pub mod span;
pub mod syntax;
