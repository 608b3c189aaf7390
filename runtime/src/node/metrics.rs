//! What a node counts, and the same as text for Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::cell::lock;
use super::life::age;
use super::table::Slot;
use super::{Node, Shared};
use crate::store::Store;

/// How a node is, and how much it has done since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sessions that are not finished, and whose version is deployed.
    pub sessions: u64,
    /// Sessions that wait until their version is deployed (again).
    pub sessions_undeployed: u64,
    /// Sessions whose program did something else than what is recorded of it.
    pub sessions_parked: u64,
    /// Sessions with a compensation that has failed and has not succeeded since.
    pub compensations_stuck: u64,
    /// What the messages count that sessions keep for other roles: their bytes of JSON, and a little for each.
    pub kept_bytes: u64,
    /// What the sessions hold in memory that started here: arguments, and messages that they keep
    /// ([`Limits::started_bytes_max`](crate::Limits::started_bytes_max)).
    pub started_bytes: u64,
    /// The age of the oldest session that is not finished; zero where there is none.
    pub oldest: Duration,
    /// Sessions that started here.
    pub sessions_started: u64,
    /// Sessions that others started.
    pub sessions_joined: u64,
    /// Sessions that committed.
    pub sessions_committed: u64,
    /// Sessions that were aborted, and so rolled back.
    pub sessions_aborted: u64,
    /// Programs that were run again from their start, after a restart or a failure of the store.
    pub replays: u64,
    /// Transactions that committed.
    pub transactions: u64,
    /// Compensations that committed, of sessions and of scopes.
    pub compensations: u64,
    /// Tries of operations that failed and were followed by another one.
    pub operations_failed: u64,
    /// Tries of compensations that failed. Each is tried again until it succeeds: one that goes on growing wants somebody to look.
    pub compensations_failed: u64,
    /// Starts that wait for their turn ([`Limits::sessions_started_max`](crate::Limits::sessions_started_max)).
    pub starts_waiting: u64,
    /// Writes of the session's own that something waited for.
    pub writes_prompt: u64,
    /// Writes off the critical path.
    pub writes_lazy: u64,
    /// Commits of the store, each one sync; zero for a store that does not say.
    pub commits: u64,
    /// Frames handed to the transport.
    pub frames_sent: u64,
    /// Frames that came in.
    pub frames_received: u64,
    /// Frames refused: unreadable, of unknown choreographies, or from a node that may not send them.
    pub frames_refused: u64,
    /// Other nodes that this one knows of.
    pub peers: u64,
    /// Those of them that are connected.
    pub peers_connected: u64,
    /// Connections with other nodes that have been made: one more for each time that one was lost.
    pub connections: u64,
    /// Sessions refused, as their header gives a role to a node that may not play it ([`NodeBuilder::allow`](crate::NodeBuilder::allow)), each
    /// time that a frame would begin one.
    pub sessions_refused: u64,
    /// Connections refused: of strangers, of other versions, of those that said nothing, and where one end did not believe the other's certificate.
    pub connections_refused: u64,
    /// Connections that were not made because the other node's database is not the one that is known.
    pub databases_refused: u64,
    /// How often only a database that lost what it knew explains what a role said of a session.
    pub memory_lost: u64,
    /// 1 while some peer refuses this node's database, and so this node takes no part in anything.
    pub suspended: u64,
    /// Frames that would have begun a session here and were dropped, as there was no room: they come again.
    pub frames_dropped: u64,
}

/// What is counted while the node runs.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) sessions_started: AtomicU64,
    pub(super) sessions_joined: AtomicU64,
    pub(super) sessions_committed: AtomicU64,
    pub(super) sessions_aborted: AtomicU64,
    pub(super) replays: AtomicU64,
    pub(super) transactions: AtomicU64,
    pub(super) compensations: AtomicU64,
    pub(super) operations_failed: AtomicU64,
    pub(super) compensations_failed: AtomicU64,
    pub(super) writes_prompt: AtomicU64,
    pub(super) writes_lazy: AtomicU64,
    pub(super) frames_sent: AtomicU64,
    pub(super) frames_received: AtomicU64,
    pub(super) frames_refused: AtomicU64,
    pub(super) frames_dropped: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) sessions_refused: AtomicU64,
    pub(super) connections_refused: AtomicU64,
    pub(super) databases_refused: AtomicU64,
    pub(super) memory_lost: AtomicU64,
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl<S: Store> Node<S> {
    /// How the node is, and how much it has done. It looks at every session that is not finished.
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }
}

impl<S: Store> Shared<S> {
    pub(super) fn counts(&self) -> Counts {
        let counters = &self.counts;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut counts = Counts {
            sessions_started: load(&counters.sessions_started),
            sessions_joined: load(&counters.sessions_joined),
            sessions_committed: load(&counters.sessions_committed),
            sessions_aborted: load(&counters.sessions_aborted),
            replays: load(&counters.replays),
            transactions: load(&counters.transactions),
            compensations: load(&counters.compensations),
            operations_failed: load(&counters.operations_failed),
            compensations_failed: load(&counters.compensations_failed),
            writes_prompt: load(&counters.writes_prompt),
            writes_lazy: load(&counters.writes_lazy),
            commits: self.store.commits(),
            frames_sent: load(&counters.frames_sent),
            frames_received: load(&counters.frames_received),
            frames_refused: load(&counters.frames_refused),
            frames_dropped: load(&counters.frames_dropped),
            connections: load(&counters.connections),
            sessions_refused: load(&counters.sessions_refused),
            connections_refused: load(&counters.connections_refused),
            databases_refused: load(&counters.databases_refused),
            memory_lost: load(&counters.memory_lost),
            suspended: u64::from(self.peers.is_suspended()),
            starts_waiting: self.admission.waiting() as u64,
            started_bytes: self.admission.bytes() as u64,
            ..Counts::default()
        };
        let peers = self.peers();
        counts.peers = peers.len() as u64;
        counts.peers_connected = peers.iter().filter(|peer| peer.connected).count() as u64;
        self.count_sessions(&mut counts);
        counts
    }

    fn count_sessions(&self, counts: &mut Counts) {
        let now = self.clock.now();
        let mut cells = Vec::new();
        {
            let sessions = lock(&self.sessions);
            counts.sessions = sessions.slots.len() as u64;
            cells.extend(sessions.slots.values().filter_map(|slot| match slot {
                Slot::Live(cell) => Some(std::sync::Arc::clone(cell)),
                Slot::Opening(_) => None,
            }));
        }
        for cell in cells {
            counts.oldest = counts.oldest.max(cell.life.age(now));
            let (parked, stuck, kept_bytes) = cell
                .look(|session| (session.is_parked(), session.stuck_compensation().is_some(), session.kept_bytes()));
            counts.kept_bytes += kept_bytes as u64;
            counts.sessions_parked += u64::from(parked);
            counts.compensations_stuck += u64::from(stuck);
        }
        let undeployed = lock(&self.undeployed);
        counts.sessions_undeployed = undeployed.len() as u64;
        for waiting in undeployed.values() {
            counts.oldest = counts.oldest.max(age(waiting.since_millis, now));
        }
    }
}

/// Whether a number only grows while the node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Gauge,
    Counter,
}

/// A number, as Prometheus knows it.
struct Metric {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    value: fn(&Counts) -> f64,
}

macro_rules! metrics {
    ($($kind:ident $name:literal $field:ident $help:literal;)+) => {
        &[$(Metric { name: $name, kind: Kind::$kind, help: $help, value: |counts| counts.$field.number() },)+]
    };
}

/// By <https://prometheus.io/docs/practices/naming/>: base units, and `_total` at the end of what only grows.
const METRICS: &[Metric] = metrics! {
    Gauge "accompanist_sessions" sessions "Sessions that are not finished.";
    Gauge "accompanist_sessions_undeployed" sessions_undeployed "Sessions that wait until their version of the choreography is deployed.";
    Gauge "accompanist_sessions_parked" sessions_parked "Sessions whose program did something else than what is recorded of it.";
    Gauge "accompanist_compensations_stuck" compensations_stuck "Sessions with a compensation that fails and is tried again.";
    Gauge "accompanist_kept_bytes" kept_bytes "Messages that sessions keep for other roles.";
    Gauge "accompanist_started_bytes" started_bytes "Arguments and kept messages of sessions that started at this node.";
    Gauge "accompanist_starts_waiting" starts_waiting "Starts that wait for their turn.";
    Gauge "accompanist_oldest_session_age_seconds" oldest "Age of the oldest session that is not finished.";
    Counter "accompanist_sessions_started_total" sessions_started "Sessions that started at this node.";
    Counter "accompanist_sessions_joined_total" sessions_joined "Sessions that were started elsewhere and reached this node.";
    Counter "accompanist_sessions_committed_total" sessions_committed "Sessions that committed.";
    Counter "accompanist_sessions_aborted_total" sessions_aborted "Sessions that were aborted and are rolled back.";
    Counter "accompanist_replays_total" replays "Programs run again from their start after a restart or a failure of the store.";
    Counter "accompanist_transactions_total" transactions "Transactions that committed.";
    Counter "accompanist_compensations_total" compensations "Compensations that committed.";
    Counter "accompanist_operation_failures_total" operations_failed "Tries of operations that failed and are followed by another one.";
    Counter "accompanist_compensation_failures_total" compensations_failed "Tries of compensations that failed.";
    Counter "accompanist_writes_prompt_total" writes_prompt "Writes of sessions that something waited for.";
    Counter "accompanist_writes_lazy_total" writes_lazy "Writes of sessions that nothing waited for.";
    Counter "accompanist_commits_total" commits "Commits of the store, each one sync.";
    Counter "accompanist_frames_sent_total" frames_sent "Frames handed to the transport.";
    Counter "accompanist_frames_received_total" frames_received "Frames that came in.";
    Counter "accompanist_frames_dropped_total" frames_dropped "Frames that would have begun a session and were dropped for want of room.";
    Counter "accompanist_frames_refused_total" frames_refused "Frames that were refused.";
    Gauge "accompanist_peers" peers "Other nodes that this one knows of.";
    Gauge "accompanist_peers_connected" peers_connected "Other nodes that are connected.";
    Counter "accompanist_connections_total" connections "Connections with other nodes that have been made.";
    Counter "accompanist_sessions_refused_total" sessions_refused "Sessions refused because a node may not play its role.";
    Counter "accompanist_connections_refused_total" connections_refused "Connections that were refused.";
    Counter "accompanist_databases_refused_total" databases_refused "Connections that were refused for the other node's database.";
    Counter "accompanist_memory_lost_total" memory_lost "Answers that only a database which lost what it knew explains.";
    Gauge "accompanist_suspended" suspended "1 while a peer refuses this node's database.";
};

/// What a sample is written as.
trait Number {
    fn number(&self) -> f64;
}

impl Number for u64 {
    #[expect(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
    fn number(&self) -> f64 {
        *self as f64
    }
}

impl Number for Duration {
    fn number(&self) -> f64 {
        self.as_secs_f64()
    }
}

impl Counts {
    /// The numbers in the text format of Prometheus (<https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4), each with the
    /// label `node`.
    ///
    /// ```
    /// let text = accompanist::Counts::default().to_prometheus("shop");
    /// assert!(text.contains("# TYPE accompanist_sessions gauge\naccompanist_sessions{node=\"shop\"} 0\n"));
    /// ```
    pub fn to_prometheus(&self, node: &str) -> String {
        let node = node.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let mut text = String::new();
        for Metric { name, kind, help, value } in METRICS {
            let kind = match kind {
                Kind::Gauge => "gauge",
                Kind::Counter => "counter",
            };
            let value = value(self);
            // Writing to a string does not fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name}{{node=\"{node}\"}} {value}\n");
        }
        text
    }

    /// The same numbers by their names.
    #[cfg(all(feature = "admin", unix))]
    pub(super) fn by_name(&self) -> std::collections::BTreeMap<&'static str, f64> {
        METRICS.iter().map(|metric| (metric.name, (metric.value)(self))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_prometheus_asks_for() {
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        for metric in METRICS {
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            assert!(metric.name.starts_with("accompanist_") && metric.help.ends_with('.'), "{}", metric.name);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
    }

    #[test]
    fn labels_are_escaped_and_ages_are_seconds() {
        let counts = Counts { oldest: Duration::from_millis(1_500), frames_sent: 7, ..Counts::default() };
        let text = counts.to_prometheus("a\"b\\c\nd");
        assert!(text.contains("accompanist_oldest_session_age_seconds{node=\"a\\\"b\\\\c\\nd\"} 1.5\n"), "{text}");
        assert!(text.contains("# TYPE accompanist_frames_sent_total counter\n"), "{text}");
        assert_eq!(text.lines().count(), 3 * METRICS.len());
    }
}
