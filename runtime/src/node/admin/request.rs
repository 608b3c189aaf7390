//! Requests, and how a line becomes one.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Fault, Kind, VERSION};

/// What an operator asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Request {
    Sessions(Filter),
    Inspect(Named),
    Retry(Which),
    Abort(Abort),
    Settle(Settle),
    Peers(Nothing),
    Resolve(Resolve),
    Adopt(Adopt),
    Metrics(Nothing),
}

/// How many sessions one answer lists unless something is said, and at most.
pub(super) const LISTED_DEFAULT: usize = 100;
pub(super) const LISTED_MAX: usize = 1_000;

/// Which sessions are listed.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Filter {
    pub(super) choreography: Option<String>,
    /// One of the states of a list.
    pub(super) state: Option<String>,
    /// Only those of which an operation or compensation fails.
    pub(super) stuck: bool,
    /// Only those whose program did something else than what is recorded.
    pub(super) parked: bool,
    pub(super) limit: Option<usize>,
    /// What the answer before this one called `next`.
    pub(super) after: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) session: String,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Which {
    pub(super) session: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Abort {
    pub(super) session: String,
    pub(super) reason: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settle {
    pub(super) session: String,
    pub(super) reason: String,
    #[serde(default)]
    pub(super) role: Option<String>,
}

/// What is decided of a session that cannot end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Decision {
    Commit,
    Abort,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resolve {
    pub(super) session: String,
    pub(super) decision: Decision,
    pub(super) reason: String,
    #[serde(default)]
    pub(super) role: Option<String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Adopt {
    pub(super) accept: bool,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

const NAMES: &str = "`sessions`, `inspect`, `retry`, `abort`, `settle`, `peers`, `resolve`, `adopt` and `metrics`";

impl Request {
    /// The request of a line.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Fault> {
        let bad = |message: String| Fault::new(Kind::BadRequest, message);
        let parsed = serde_json::from_slice(line);
        let Value::Object(mut fields) = parsed.map_err(|error| bad(format!("the line is no JSON: {error}")))? else {
            return Err(bad("the line is no JSON object".to_owned()));
        };
        match fields.remove("version") {
            Some(version) if version == VERSION => {}
            Some(version) => {
                let message = format!("this node speaks version {VERSION} of the protocol, not {version}");
                return Err(Fault::new(Kind::UnsupportedVersion, message));
            }
            None => return Err(bad(format!("there is no `version`; this node speaks version {VERSION}"))),
        }
        let Some(Value::String(name)) = fields.remove("request") else {
            return Err(bad(format!("there is no `request`; the requests are {NAMES}")));
        };
        let request = match name.as_str() {
            "sessions" => fields_of(fields).map(Self::Sessions),
            "inspect" => fields_of(fields).map(Self::Inspect),
            "retry" => fields_of(fields).map(Self::Retry),
            "abort" => fields_of(fields).map(Self::Abort),
            "settle" => fields_of(fields).map(Self::Settle),
            "peers" => fields_of(fields).map(Self::Peers),
            "resolve" => fields_of(fields).map(Self::Resolve),
            "adopt" => fields_of(fields).map(Self::Adopt),
            "metrics" => fields_of(fields).map(Self::Metrics),
            _ => return Err(bad(format!("there is no request `{name}`; the requests are {NAMES}"))),
        };
        let request = request.map_err(|error| bad(format!("the request `{name}`: {error}")))?;
        match &request {
            Self::Abort(Abort { reason, .. })
            | Self::Settle(Settle { reason, .. })
            | Self::Resolve(Resolve { reason, .. })
                if reason.trim().is_empty() =>
            {
                Err(bad(format!("the request `{name}`: the reason is empty; others will read it")))
            }
            Self::Sessions(_)
            | Self::Inspect(_)
            | Self::Retry(_)
            | Self::Abort(_)
            | Self::Settle(_)
            | Self::Peers(_)
            | Self::Resolve(_)
            | Self::Adopt(_)
            | Self::Metrics(_) => Ok(request),
        }
    }
}

fn fields_of<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, serde_json::Error> {
    serde_json::from_value(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_requests_are_told_what_is_wrong_with_them() {
        for (line, kind, words) in [
            ("", Kind::BadRequest, "no JSON"),
            ("[1]", Kind::BadRequest, "no JSON object"),
            ("{\"request\":\"sessions\"}", Kind::BadRequest, "no `version`"),
            ("{\"version\":2,\"request\":\"sessions\"}", Kind::UnsupportedVersion, "version 1 of the protocol, not 2"),
            ("{\"version\":1}", Kind::BadRequest, "no `request`"),
            (
                "{\"version\":1,\"request\":\"drop\"}",
                Kind::BadRequest,
                "no request `drop`; the requests are `sessions`",
            ),
            ("{\"version\":1,\"request\":\"inspect\"}", Kind::BadRequest, "missing field `session`"),
            ("{\"version\":1,\"request\":\"metrics\",\"x\":1}", Kind::BadRequest, "unknown field `x`"),
            ("{\"version\":1,\"request\":\"abort\",\"session\":\"1\",\"reason\":\" \"}", Kind::BadRequest, "is empty"),
            ("{\"version\":1,\"request\":\"sessions\",\"limit\":-1}", Kind::BadRequest, "invalid value"),
        ] {
            let fault = Request::parse(line.as_bytes()).expect_err(line);
            assert_eq!(fault.kind, kind, "{line}");
            assert!(fault.message.contains(words), "{line}: {}", fault.message);
        }
        Request::parse(b"\xff\xfe").expect_err("it is no text");
    }

    #[test]
    fn requests_are_read() {
        let request = Request::parse(b"{\"version\":1,\"request\":\"sessions\",\"stuck\":true}").expect("it is one");
        assert_eq!(request, Request::Sessions(Filter { stuck: true, ..Filter::default() }));
        let request = Request::parse(b"{\"version\":1,\"request\":\"metrics\"}").expect("it is one");
        assert_eq!(request, Request::Metrics(Nothing {}));
    }
}
