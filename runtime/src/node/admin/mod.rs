//! What an operator asks of a running node, over a Unix domain socket that only its owner can open.
//!
//! # Protocol, version 1
//! One request and one answer per line, JSON, in order. A request has `version` and `request`, and what that request takes:
//!
//! | `request` | takes | answers |
//! | --- | --- | --- |
//! | `sessions` | `choreography`, `state`, `stuck`, `parked`, `limit`, `after`; all optional | `sessions`, the oldest first; `total` that fit; `next`, to be given as `after`, where there are more. With `state` *finished*, those that are over, the newest first, without a `total` |
//! | `inspect` | `session` | `parts`: each role's part of the session at this node, with the `deadline`, a pending `cancel` and the `missing_votes` of one that is not decided; `audit`: what operators did to it |
//! | `retry` | `session`, optional | how many `sessions` were told, and how many operations and compensations are `tried` at once |
//! | `abort` | `session`, `reason` | `outcome`: `aborted` (durably), `passed_on` to roles that have not voted, which decide, or `too_late`; `already_aborting` or `already_rolled_back`, with the `reason` that stands |
//! | `settle` | `session`, `reason`, `role` where several fail | the `operation` that counts as undone from now on (durably), and its `arguments` |
//! | `peers` | | `peers`: each other node, whether it is connected, since when, how often it has been, and why it is not |
//! | `resolve` | `session`, `decision` (`commit` or `abort`), `reason`, `role` where several fit | what was decided, durably, of a session that cannot end by itself |
//! | `adopt` | `accept` | what peers that refuse this node's database know that it does not; with `accept`, it is theirs from the next start of the node on |
//! | `metrics` | | `text` for Prometheus, and `values` by name |
//!
//! A `session` is named by the client's id, by its identity in hexadecimal, or by the beginning of that, at least
//! [`PREFIX_DIGITS_MIN`](find::PREFIX_DIGITS_MIN) digits. An answer is `{"version":1,"node":…,"answer":{…}}`, or
//! `{"version":1,"node":…,"error":{"kind":…,"message":…}}` with one of the kinds of [`Kind`]. A line that is no request is answered by an error and
//! changes nothing. Values of users (`arguments`, `result`) are as they are stored, with all
//! digits of their numbers. After a line that is longer than
//! [`LINE_BYTES_MAX`](serve::LINE_BYTES_MAX) the connection ends. Fields may be added to answers
//! within a version.

mod act;
mod adopt;
mod audit;
mod find;
mod finished;
mod inspect;
mod list;
mod request;
mod resolve;
mod serve;
mod socket;
mod undecided;
mod waits;

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use self::request::Request;
pub(super) use self::serve::run;
pub(super) use self::socket::{Place, Socket};
use super::Shared;
use crate::store::Store;

/// The version of the protocol.
const VERSION: u64 = 1;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// The line is no request of this protocol.
    BadRequest,
    /// It is of another version of the protocol.
    UnsupportedVersion,
    /// The node knows no such session.
    UnknownSession,
    /// It could mean several.
    Ambiguous,
    /// There is no compensation that fails, or nothing to be decided by hand.
    NotStuck,
    /// It cannot be done just now.
    Busy,
    /// The store fails, or the session's version is not deployed.
    Unavailable,
}

/// A refused request.
#[derive(Debug, Serialize)]
struct Fault {
    kind: Kind,
    message: String,
}

impl Fault {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl<S: Store> Shared<S> {
    /// The answer to one line.
    async fn answer_admin(self: &Arc<Self>, line: &[u8], uid: Option<u32>) -> Line {
        let answer = match Request::parse(line) {
            Ok(request) => self.answer_request(request, uid).await,
            Err(fault) => Err(fault),
        };
        answer_line(&self.name, answer)
    }

    async fn answer_request(self: &Arc<Self>, request: Request, uid: Option<u32>) -> Result<Box<RawValue>, Fault> {
        match request {
            Request::Sessions(filter) => self.list(&filter).await,
            Request::Inspect(named) => self.inspect(&named.session).await,
            Request::Retry(which) => self.retry(which.session.as_deref(), uid).await,
            Request::Abort(abort) => self.abort(&abort, uid).await,
            Request::Settle(settle) => self.settle(&settle, uid).await,
            Request::Peers(_) => value(json!({ "peers": self.peers() })),
            Request::Resolve(resolve) => self.resolve(&resolve, uid).await,
            Request::Adopt(adopt) => self.adopt(adopt.accept, uid).await,
            Request::Metrics(_) => {
                let counts = self.counts();
                value(json!({ "text": counts.to_prometheus(&self.name), "values": counts.by_name() }))
            }
        }
    }
}

/// An answer as it goes out.
#[derive(Serialize)]
struct Line {
    version: u64,
    node: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault>,
}

fn answer_line(node: &str, answer: Result<Box<RawValue>, Fault>) -> Line {
    let (answer, error) = match answer {
        Ok(answer) => (Some(answer), None),
        Err(fault) => (None, Some(fault)),
    };
    Line { version: VERSION, node: node.to_owned(), answer, error }
}

/// An answer as JSON: none of them holds what JSON cannot. It stays text, for a tree of JSON
/// rounds the numbers of users.
fn value(answer: impl Serialize) -> Result<Box<RawValue>, Fault> {
    serde_json::value::to_raw_value(&answer)
        .map_err(|error| Fault::new(Kind::Unavailable, format!("the answer is no JSON: {error}")))
}
