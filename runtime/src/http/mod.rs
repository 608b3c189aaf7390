//! A service that is another program, in whatever language: each of its operations is one HTTP request with a JSON body.
//!
//! A role's process runs beside the program that does the work (a *sidecar*). For a service whose operations are all `fn`, with a compensation or without, a
//! [`Service`] takes the place of an implementation in Rust:
//!
//! ```no_run
//! use accompanist::store::Sqlite;
//! use accompanist::{Node, http};
//!
//! accompanist::choreo! {
//!     service Payment { fn charge(customer: String, cents: u64) -> String compensate refund; }
//!     choreography Pay<Shop, Payment>(customer: String@Shop, cents: u64@Shop) -> String@Shop {
//!         let bill = (customer, cents) ~> Payment;
//!         Payment.charge(bill.0, bill.1) ~> Shop
//!     }
//! }
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let node = Node::builder("payment", Sqlite::open("payment.db")?)
//!     .listen("0.0.0.0:7001")
//!     .peers([("shop", "shop.internal:7001")])
//!     .role(pay::Payment::new(http::Service::new("http://127.0.0.1:8080/payment")?))
//!     .start()
//!     .await?;
//! # drop(node);
//! # Ok(())
//! # }
//! # fn main() {}
//! ```
//!
//! # What is sent
//!
//! `POST {base}/{operation}`, with the header `Idempotency-Key: <32 hexadecimal digits>`, which is the same at every attempt of one call, and of it only, and with the arguments
//! by name in a JSON object. A compensation is `POST {base}/{compensation}` with the key of the call that it undoes, the arguments of that call, and what it gave, as
//! `"result"` (`"result_"` where an argument has that name): `null` where that is not known.
//!
//! ```text
//! POST /payment/charge HTTP/1.1                       POST /payment/refund HTTP/1.1
//! Idempotency-Key: 5f0c…                              Idempotency-Key: 5f0c…
//! Content-Type: application/json                      Content-Type: application/json
//!
//! {"customer":"Ada","cents":1200}                     {"customer":"Ada","cents":1200,"result":"R-17"}
//! ```
//!
//! # What is answered
//!
//! | answer | to a call | to a compensation |
//! | --- | --- | --- |
//! | 2xx | its result as JSON; an empty body is `null`, which is `()` or `None` | it is done, whatever the body |
//! | 409 or 422 with `{"abort": "reason"}` | a business refusal: it has done nothing, and the saga rolls back | it failed |
//! | any other, none in time, or one that cannot be read | a failure: called again, by the rule for [retries](crate::NodeBuilder::retry) | it failed, and is called again until it is done |
//!
//! The program keeps the contract of a `fn … compensate …`: a key takes effect once, and not at all once it is compensated; a call that comes after its compensation
//! is answered with 410, say. Redirections are not followed.

mod arguments;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[doc(hidden)]
pub use arguments::Arguments;

use crate::context::{BoxError, Failure, IdempotencyKey};
use crate::error::Error;

/// How long one request may take, unless [`Service::time_limit`] says otherwise.
pub const TIME_LIMIT_DEFAULT: Duration = Duration::from_secs(30);

/// How long the body of an answer may be, unless [`Service::answer_bytes_max`] says otherwise.
pub const ANSWER_BYTES_MAX_DEFAULT: usize = 8 << 20;

/// How long a connection without requests is kept. Less than servers do, which would otherwise close it as it is used.
const IDLE_MAX: Duration = Duration::from_secs(4);

/// How much of a body a report quotes.
const QUOTED_CHARS_MAX: usize = 200;

/// A service whose operations another program does, over HTTP. Clones share their connections.
#[derive(Clone)]
pub struct Service {
    /// Without a slash at its end.
    base: Arc<str>,
    client: Client<HttpConnector, Full<Bytes>>,
    headers: HeaderMap,
    time_limit: Duration,
    answer_bytes_max: usize,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers may be secrets.
        let names: Vec<&HeaderName> = self.headers.keys().collect();
        f.debug_struct("Service").field("base", &self.base).field("headers", &names).finish_non_exhaustive()
    }
}

impl Service {
    /// The service at `base`, such as `http://127.0.0.1:8080/payment`: an operation's name is added to its path. Nothing is connected before the first call.
    ///
    /// # Errors
    /// Where it is no URL of that form. For `https`, let a proxy beside this process speak it.
    pub fn new(base: &str) -> Result<Self, Error> {
        let refused = |why: &str| {
            Error::configuration(format!(
                "`{base}` is no base of a service, such as `http://127.0.0.1:8080/payment`: {why}"
            ))
        };
        let uri: Uri = base.parse().map_err(|error| refused(&format!("{error}")))?;
        if uri.scheme_str() != Some("http") {
            return Err(refused("it does not begin with `http://`"));
        }
        if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
            return Err(refused("a name and a password belong into a header"));
        }
        if uri.query().is_some() || base.contains('#') {
            return Err(refused("an operation's name is added to it, so it has no `?` and no `#`"));
        }
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_MAX);
        Ok(Self {
            base: base.trim_end_matches('/').into(),
            client: client.build_http(),
            headers: HeaderMap::new(),
            time_limit: TIME_LIMIT_DEFAULT,
            answer_bytes_max: ANSWER_BYTES_MAX_DEFAULT,
        })
    }

    /// How long one request may take, until its answer is read. A call that takes days polls: it asks for what was begun under its key.
    pub fn time_limit(self, limit: Duration) -> Self {
        Self { time_limit: limit, ..self }
    }

    /// How long the body of an answer may be.
    pub fn answer_bytes_max(self, bytes: usize) -> Self {
        Self { answer_bytes_max: bytes, ..self }
    }

    /// Sends a header with each request, such as `authorization`.
    ///
    /// # Errors
    /// Where HTTP has no such header, or it is one that each request has anyway.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let refused = |why: String| Error::configuration(format!("`{name}` is no header to be sent: {why}"));
        let header = HeaderName::try_from(name).map_err(|error| refused(error.to_string()))?;
        let mut value = HeaderValue::try_from(value).map_err(|error| refused(error.to_string()))?;
        if [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::HOST].contains(&header) || header == IDEMPOTENCY_KEY {
            return Err(refused("each request has one of its own".to_owned()));
        }
        value.set_sensitive(true);
        self.headers.insert(header, value);
        Ok(self)
    }

    /// Calls an operation. Called by generated code.
    #[doc(hidden)]
    pub async fn call<T: DeserializeOwned>(
        &self,
        operation: &str,
        key: &IdempotencyKey,
        arguments: Arguments,
    ) -> Result<T, Failure> {
        let answer = self.post(operation, key, arguments).await?;
        if answer.status.is_success() {
            let is_empty = answer.body.iter().all(u8::is_ascii_whitespace);
            let json: &[u8] = if is_empty { b"null" } else { &answer.body };
            return serde_json::from_slice(json)
                .map_err(|error| answer.failure(format!(", which cannot be read: {error}")).into());
        }
        if matches!(answer.status, StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY)
            && let Ok(Refusal { abort }) = serde_json::from_slice(&answer.body)
        {
            return Err(Failure::Abort(abort));
        }
        Err(answer.failure(answer.lacks_abort()).into())
    }

    /// Undoes an operation. Called by generated code.
    #[doc(hidden)]
    pub async fn compensate(
        &self,
        compensation: &str,
        key: &IdempotencyKey,
        arguments: Arguments,
    ) -> Result<(), BoxError> {
        let answer = self.post(compensation, key, arguments).await?;
        if answer.status.is_success() { Ok(()) } else { Err(answer.failure(String::new()).into()) }
    }

    async fn post(&self, operation: &str, key: &IdempotencyKey, arguments: Arguments) -> Result<Answer, RequestFailed> {
        let url = format!("{}/{}", self.base, arguments::encoded(operation));
        let failed = |what: String| RequestFailed(format!("POST {url} {what}"));
        match tokio::time::timeout(self.time_limit, self.exchange(&url, key, arguments)).await {
            Ok(answered) => answered.map_err(failed),
            Err(_) => Err(failed(format!("was not answered within {} ms", self.time_limit.as_millis()))),
        }
    }

    /// One request and its answer; why there is none.
    async fn exchange(&self, url: &str, key: &IdempotencyKey, arguments: Arguments) -> Result<Answer, String> {
        let mut request = Request::post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .header(IDEMPOTENCY_KEY, key.to_string())
            .body(Full::new(Bytes::from(arguments.into_json())))
            .map_err(|error| format!("cannot be sent: {error}"))?;
        request.headers_mut().extend(self.headers.clone());
        let answer = self.client.request(request).await.map_err(|error| format!("failed: {}", chain(&error)))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), self.answer_bytes_max).collect().await;
        let body =
            body.map_err(|error| format!("answered {status}, and its body cannot be read: {}", chain(&*error)))?;
        Ok(Answer { url: url.to_owned(), status, body: body.to_bytes() })
    }
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What the body of a refusal says.
#[derive(Deserialize)]
struct Refusal {
    abort: String,
}

struct Answer {
    url: String,
    status: StatusCode,
    body: Bytes,
}

impl Answer {
    /// What a refusal has to say, where this looks like one and does not say it.
    fn lacks_abort(&self) -> String {
        match self.status {
            StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
                ", whose body is not `{\"abort\": \"reason\"}`: so it is tried again, and is no refusal".to_owned()
            }
            _ => String::new(),
        }
    }

    /// An answer of which nothing can be made, for that reason if it is not its status.
    fn failure(&self, why: String) -> RequestFailed {
        let Self { url, status, body } = self;
        RequestFailed(format!("POST {url} answered {status}{why}{}", quoted(body)))
    }
}

/// A request without an answer that says how it went.
#[derive(Debug)]
struct RequestFailed(String);

impl fmt::Display for RequestFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RequestFailed {}

/// The beginning of a body, on one line.
fn quoted(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(QUOTED_CHARS_MAX) {
        _ if line.is_empty() => String::new(),
        Some((end, _)) => format!(": {} …", line.get(..end).unwrap_or_default()),
        None => format!(": {line}"),
    }
}

/// An error and what caused it.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_without_its_reason_is_told_what_it_lacks() {
        let told = |status, body: &'static str| {
            let answer =
                Answer { url: "http://x/charge".to_owned(), status, body: Bytes::from_static(body.as_bytes()) };
            answer.failure(answer.lacks_abort()).to_string()
        };
        let lacks = "whose body is not `{\"abort\": \"reason\"}`: so it is tried again, and is no refusal";
        assert_eq!(
            told(StatusCode::CONFLICT, "no reason"),
            format!("POST http://x/charge answered 409 Conflict, {lacks}: no reason")
        );
        assert_eq!(
            told(StatusCode::UNPROCESSABLE_ENTITY, "{\"abort\": 7}"),
            format!("POST http://x/charge answered 422 Unprocessable Entity, {lacks}: {{\"abort\": 7}}")
        );
        assert_eq!(told(StatusCode::NOT_FOUND, ""), "POST http://x/charge answered 404 Not Found");
    }

    #[test]
    fn a_base_is_where_operations_are() {
        for base in ["http://127.0.0.1:8080/payment", "http://localhost", "http://[::1]:80/a/b/"] {
            let service = Service::new(base).expect(base);
            assert!(!service.base.ends_with('/'), "{base}");
        }
        for (base, why) in [
            ("https://bank.example/v1", "`http://`"),
            ("127.0.0.1:8080", "`http://`"),
            ("/payment", "`http://`"),
            ("http://ada:secret@bank.example", "a header"),
            ("http://bank.example/?a=b", "no `?`"),
            ("http://bank.example/#a", "no `#`"),
            ("http://a b", "invalid uri"),
            ("", "empty"),
        ] {
            let error = Service::new(base).expect_err(base);
            assert!(error.is_configuration() && error.to_string().contains(why), "{base}: {error}");
        }
    }

    #[test]
    fn headers_are_sent_and_not_shown() {
        let service = Service::new("http://localhost").expect("it is a base");
        let service = service.header("Authorization", "Bearer secret").expect("it is a header");
        let shown = format!("{service:?}");
        assert!(shown.contains("authorization") && !shown.contains("secret"), "{shown}");
        for (name, value) in
            [("a b", "c"), ("x", "a\nb"), ("Idempotency-Key", "1"), ("host", "a"), ("content-type", "text/plain")]
        {
            assert!(
                service.clone().header(name, value).is_err_and(|error| error.is_configuration()),
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn a_report_quotes_the_beginning_of_a_body() {
        assert_eq!(quoted(b"  "), "");
        assert_eq!(quoted(b"no\r\nline\n"), ": no  line");
        let long = quoted("ä".repeat(1_000).as_bytes());
        assert_eq!(long.chars().filter(|c| *c == 'ä').count(), QUOTED_CHARS_MAX);
        assert!(quoted(&[0xff, b'a']).ends_with('a'));
    }
}
