//! Spans: one trace per session, through all its roles, for whoever listens by `tracing`.
//!
//! Every span has `trace_id` (16 bytes, the beginning of the session's identity), `span_id` and, but for the root, `parent_span_id` (8 bytes), in
//! hexadecimal and as W3C's Trace Context has them. They are drawn from the session, the role and the position of what runs, so all nodes agree
//! on them without a word, and a role that runs again after a restart has the same ones. The root is the initiator's part of the session; the
//! parts of the other roles are below it, and below each part is what that role runs: transactions, operations and compensations. What is
//! recorded is not run again, and has no second span; another try of what failed is one of the same id.
//!
//! Names of fields are those of OpenTelemetry's semantic conventions and of `tracing-opentelemetry` where there are any.

use std::fmt;

use accompanist_core::{Digest, Header, Position, Ran, RoleId, SessionKey};
use tracing::Span;
use tracing::field::Empty;

use super::cell::Cell;
use crate::context::Definition;
use crate::store::Store;

/// What a role runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Transaction,
    Operation,
    Compensation,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Operation => "operation",
            Self::Compensation => "compensation",
        }
    }
}

/// The trace of a session.
struct TraceId<'a>(&'a [u8; 32]);

impl fmt::Display for TraceId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(16).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A span within the trace.
struct SpanId(u64);

impl SpanId {
    fn of(key: SessionKey, position: Position, what: &str) -> Self {
        let digest = Digest::of(&key.session.0).then(position, &[&key.role.0.to_le_bytes(), what.as_bytes()].concat());
        // The lower half is as good as any.
        Self(u64::try_from(digest.0 & u128::from(u64::MAX)).unwrap_or_default().max(1))
    }

    fn of_role(key: SessionKey) -> Self {
        Self::of(key, Position::BEGIN, "session")
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The span of a role's part of a session: none where nobody listens.
pub(super) fn session(key: SessionKey, header: &Header, definition: &Definition, node: &str) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "session",
        otel.name = %format_args!("{} {}", header.choreography, definition.participant_name(header, key.role)),
        otel.kind = "internal",
        trace_id = %TraceId(&key.session.0),
        span_id = %SpanId::of_role(key),
        parent_span_id = Empty,
        service.instance.id = node,
        accompanist.session = %key.session,
        accompanist.id = header.client_id,
        accompanist.choreography = header.choreography,
        accompanist.role = definition.participant_name(header, key.role),
    );
    if key.role != header.initiator && !span.is_disabled() {
        span.record("parent_span_id", tracing::field::display(root(key, header.initiator)));
    }
    span
}

fn root(key: SessionKey, initiator: RoleId) -> SpanId {
    SpanId::of_role(SessionKey { role: initiator, ..key })
}

/// The span of one try of what a role runs: none where nobody listens to its session.
pub(super) fn step<S: Store>(cell: &Cell<S>, step: Step, position: Position, operation: &str) -> Span {
    if cell.span.is_disabled() {
        return Span::none();
    }
    let key = cell.key;
    macro_rules! of {
        ($name:literal) => {
            tracing::info_span!(
                parent: &cell.span,
                $name,
                otel.name = operation,
                otel.kind = "internal",
                otel.status_code = Empty,
                otel.status_description = Empty,
                trace_id = %TraceId(&key.session.0),
                span_id = %SpanId::of(key, position, step.name()),
                parent_span_id = %SpanId::of_role(key),
                accompanist.operation = operation,
                accompanist.position = %position,
            )
        };
    }
    match step {
        Step::Transaction => of!("transaction"),
        Step::Operation => of!("operation"),
        Step::Compensation => of!("compensation"),
    }
}

/// What came of a try.
pub(super) fn ended(span: &Span, ran: &Ran) {
    match ran {
        Ran::Done(_) => {}
        Ran::Refused(reason) | Ran::Failed(reason) | Ran::Unrecordable(reason) => failed(span, reason),
    }
}

/// A try did not succeed.
pub(super) fn failed(span: &Span, reason: &str) {
    if !span.is_disabled() {
        span.record("otel.status_code", "ERROR").record("otel.status_description", reason);
    }
}
