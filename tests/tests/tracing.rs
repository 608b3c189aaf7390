//! What a subscriber of `tracing` sees of a session: one trace, and one tree of spans, at all its roles and over restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use accompanist_tests::clerk::Behaviour;
use accompanist_tests::generated::trials::Chain;
use accompanist_tests::stage::Stage;
use accompanist_tests::wait::{until, within};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// A span, as a subscriber that joins traces keeps it.
#[derive(Clone, Debug, Default)]
struct Seen {
    name: &'static str,
    fields: BTreeMap<&'static str, String>,
}

impl Seen {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

/// All spans so far, with their numbers in the registry, which uses one again when its span is closed.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(u64, Seen)>>>);

impl Collector {
    fn global() -> &'static Self {
        static COLLECTOR: OnceLock<Collector> = OnceLock::new();
        COLLECTOR.get_or_init(|| {
            let collector = Self::default();
            let subscriber = tracing_subscriber::registry().with(collector.clone());
            tracing::subscriber::set_global_default(subscriber).expect("nobody else listens in this process");
            collector
        })
    }

    /// The spans of the session with that id of the client's.
    fn of(&self, id: &str) -> Vec<Seen> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spans = || seen.iter().map(|(_, seen)| seen);
        let trace = spans().find(|seen| seen.field("accompanist.id") == id).map(|seen| seen.field("trace_id"));
        let trace = trace.expect("the session has a span");
        spans().filter(|seen| seen.field("trace_id") == trace).cloned().collect()
    }
}

impl<S: tracing::Subscriber> Layer<S> for Collector {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut seen = Seen { name: attributes.metadata().name(), ..Seen::default() };
        attributes.record(&mut seen);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((id.into_u64(), seen));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = spans.iter_mut().rfind(|(number, _)| *number == id.into_u64());
        values.record(&mut latest.expect("it is open").1);
    }
}

/// The spans of one kind, as `otel.name` and the name of the role that is above them.
fn below(spans: &[Seen], name: &str) -> Vec<(String, String)> {
    let roles: BTreeMap<&str, &str> = spans
        .iter()
        .filter(|span| span.name == "session")
        .map(|span| (span.field("span_id"), span.field("accompanist.role")))
        .collect();
    let of_kind = spans.iter().filter(|span| span.name == name);
    let mut found: Vec<_> = of_kind
        .map(|span| {
            let role = roles.get(span.field("parent_span_id")).expect("it is below a role's part");
            (span.field("otel.name").to_owned(), (*role).to_owned())
        })
        .collect();
    found.sort();
    found
}

fn entered(roles: &[&str]) -> Vec<(String, String)> {
    roles.iter().map(|role| ("Ledger.enter".to_owned(), (*role).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_one_trace_and_one_tree_over_restarts() {
    let collector = Collector::global();
    let mut stage = Stage::with(&["a", "b"]).await;
    let chain = || Chain { line: "tea".to_owned() };
    let handle = stage.accepted(chain(), "1").await;
    let session = handle.session().to_string();
    until("B's part", || stage.states("b").contains(&"voted".to_owned()).then_some(())).await;
    stage.restart(&["a", "b"]).await;
    stage.up("c").await;
    within("the end", stage.start(chain(), "1").settled()).await.expect("a result");
    stage.settle().await;
    let spans = collector.of("1");
    assert!(spans.iter().all(|span| span.field("trace_id") == &session[..32]), "{spans:?}");
    let parts: BTreeSet<_> = spans
        .iter()
        .filter(|span| span.name == "session")
        .map(|span| (span.field("accompanist.role"), span.field("span_id"), span.field("parent_span_id")))
        .collect();
    let parts: Vec<_> = parts.into_iter().collect();
    let [("A", root, ""), ("B", b, above_b), ("C", c, above_c)] = parts[..] else {
        unreachable!("each role has one part, whenever it ran: {parts:?}")
    };
    assert_eq!((above_b, above_c), (root, root));
    assert!([root, b, c].iter().all(|id| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())));
    assert_eq!(below(&spans, "transaction"), entered(&["A", "B", "C"]), "what is recorded has no second span");
    assert!(spans.iter().filter(|span| span.name == "session").count() >= 5, "A and B began twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_in_the_trace_with_what_failed() {
    let collector = Collector::global();
    let stage = Stage::with(&["a", "b", "c"]).await;
    stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
    stage.clerk("b").tell("strike", Behaviour::Fails("the disk is slow"));
    let handle = stage.accepted(Chain { line: "tea".to_owned() }, "2").await;
    until("a failing compensation", || (stage.clerk("b").calls("strike") > 1).then_some(())).await;
    stage.clerk("b").tell("strike", Behaviour::Works);
    within("the end", handle.settled()).await.expect_err("it is rolled back");
    let spans = collector.of("2");
    let refused = spans.iter().find(|span| span.field("otel.status_description") == "no more").expect("C refused");
    assert_eq!((refused.name, refused.field("otel.status_code")), ("transaction", "ERROR"));
    let undone: BTreeSet<_> = below(&spans, "compensation").into_iter().collect();
    assert_eq!(undone.into_iter().collect::<Vec<_>>(), entered(&["A", "B"]));
    let tries: Vec<_> =
        spans.iter().filter(|span| span.name == "compensation" && span.field("otel.status_code") == "ERROR").collect();
    assert!(!tries.is_empty() && tries.iter().all(|span| span.field("otel.status_description") == "the disk is slow"));
    let ids: BTreeSet<_> = tries.iter().map(|span| span.field("span_id")).collect();
    assert_eq!(ids.len(), 1, "another try is one of the same step");
}
