//! Choreographies that papers and other projects show, written in this language (`fixtures/ports`): what they give, at which roles, and by how
//! many messages. No program sends more selections than the rules of knowledge of choice need, which the counts show.
#![allow(
    missing_docs,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

mod books;
mod commit;
mod groups;
mod newcomers;
mod replicas;
mod streams;
mod turns;

use accompanist_tests::stage::Stage;
use accompanist_tests::tap::Kind;

/// How many messages of choreographies have gone between nodes. None is sent twice unless a node comes back.
fn messages(stage: &Stage) -> u64 {
    stage.tap.sent(|_, _, kind| kind == Kind::Message)
}
