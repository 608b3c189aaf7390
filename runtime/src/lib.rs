//! Accompanist.
