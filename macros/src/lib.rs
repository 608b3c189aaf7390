//! The `choreo!` macro.
