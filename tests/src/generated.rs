//! The Rust of the choreographies in `fixtures/`.

include!(concat!(env!("OUT_DIR"), "/generated.rs"));
