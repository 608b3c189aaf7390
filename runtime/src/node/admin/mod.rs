//! What an operator asks of a running node, over a Unix domain socket that only its owner can open.
//!
//! # Protocol, version 1
//! One request and one answer per line, JSON, in order. A request has `version` and `request`, and what that request takes:
//!
//! | `request` | takes | answers |
//! | --- | --- | --- |
//! | `sessions` | `choreography`, `state`, `stuck`, `parked`, `limit`, `after`; all optional | `sessions`, the oldest first; `total` that fit; `next`, to be given as `after`, where there are more |
//! | `inspect` | `session` | `parts`: each role's part of the session at this node |
//! | `retry` | `session`, optional | how many `sessions` were told, and how many operations and compensations are `tried` at once |
//! | `abort` | `session`, `reason` | `outcome`: `aborted` (durably), `passed_on` to roles that have not voted, which decide, or `too_late` |
//! | `settle` | `session`, `reason`, `role` where several fail | the `operation` that counts as undone from now on (durably), and its `arguments` |
//! | `metrics` | | `text` for Prometheus, and `values` by name |
//!
//! A `session` is named by the client's id, by its identity in hexadecimal, or by the beginning of that, at least
//! [`PREFIX_DIGITS_MIN`](find::PREFIX_DIGITS_MIN) digits. An answer is `{"version":1,"node":…,"answer":{…}}`, or
//! `{"version":1,"node":…,"error":{"kind":…,"message":…}}` with one of the kinds of [`Kind`]. A line that is no request is answered by an error and
//! changes nothing; after one that is longer than [`LINE_BYTES_MAX`](serve::LINE_BYTES_MAX) the connection ends. Fields may be added to answers within a version.

mod act;
mod find;
mod inspect;
mod list;
mod request;
mod serve;
mod socket;
mod waits;

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

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
    /// There is no compensation that fails.
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
    async fn answer_admin(self: &Arc<Self>, line: &[u8]) -> Value {
        let answer = match Request::parse(line) {
            Ok(request) => self.answer_request(request).await,
            Err(fault) => Err(fault),
        };
        answer_line(&self.name, answer)
    }

    async fn answer_request(self: &Arc<Self>, request: Request) -> Result<Value, Fault> {
        match request {
            Request::Sessions(filter) => self.list(&filter),
            Request::Inspect(named) => self.inspect(&named.session).await,
            Request::Retry(which) => self.retry(which.session.as_deref()).await,
            Request::Abort(abort) => self.abort(&abort).await,
            Request::Settle(settle) => self.settle(&settle).await,
            Request::Metrics(_) => {
                let counts = self.counts();
                Ok(json!({ "text": counts.to_prometheus(&self.name), "values": counts.by_name() }))
            }
        }
    }
}

fn answer_line(node: &str, answer: Result<Value, Fault>) -> Value {
    match answer {
        Ok(answer) => json!({ "version": VERSION, "node": node, "answer": answer }),
        Err(fault) => json!({ "version": VERSION, "node": node, "error": fault }),
    }
}

/// An answer as JSON: none of them holds what JSON cannot.
fn value(answer: impl Serialize) -> Result<Value, Fault> {
    serde_json::to_value(answer)
        .map_err(|error| Fault::new(Kind::Unavailable, format!("the answer is no JSON: {error}")))
}
