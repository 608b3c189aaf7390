//! The watchdog: what user code runs on this node, since when, and a warning that names what runs for long.
//!
//! Two kinds of code hold up others. A transaction or compensation holds the writer of the store from its
//! start to its end, however it waits: all other writes of the node wait behind it. And any code that does
//! not yield holds the thread that polls it. The watchdog is a thread of its own, for the others may all be
//! blocked. It only reports: a transaction that waits is ended by [`Limits`](super::Limits), and code that
//! does not yield cannot be ended by anybody.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use accompanist_core::{Header, RoleId, SessionKey};

use super::cell::lock;
use crate::context::Definition;
use crate::store::Crashes;
use crate::store::crashes::Mark;

/// How long something runs until that is reported for the first time; then after twice as long each time.
const REPORT_AFTER: Duration = Duration::from_secs(1);

/// How often the watchdog looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What user code does while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// A transaction or compensation is under way: it holds the writer.
    Writer,
    /// An operation is polled, and has not returned: it holds a worker thread.
    Thread,
}

/// What runs.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// `Service.operation`, or its compensation.
    Operation(Cow<'static, str>),
    /// A role's program: whatever in it does not yield is a function of the user's.
    Program(&'static Definition, Arc<Header>, RoleId),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(name) => f.write_str(name),
            Self::Program(definition, header, role) => {
                let role = definition.participant_name(header, *role);
                write!(f, "a `pure fn` or `extern fn` of {role} in {}", definition.name)
            }
        }
    }
}

/// Something that runs.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) holds: Holds,
    pub(super) what: What,
    pub(super) session: SessionKey,
    since: Instant,
    report_after: Duration,
}

impl Running {
    pub(super) fn for_so_long(&self) -> Duration {
        self.since.elapsed()
    }
}

/// What runs on a node. Nothing is watched where the process is played: time is not real there.
#[derive(Debug, Default)]
pub(super) struct Watch {
    state: Arc<State>,
    is_on: bool,
    /// Marks what runs, where the last process died.
    crashes: Option<Arc<Crashes>>,
}

#[derive(Debug, Default)]
struct State {
    running: Mutex<Runs>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Runs {
    by_number: BTreeMap<u64, Running>,
    next: u64,
    has_ended: bool,
}

/// As long as it is there, something runs.
pub(super) struct Run<'a> {
    watched: Option<(&'a State, u64)>,
    _mark: Option<Mark>,
}

impl Watch {
    /// Begins to watch the node `node`.
    pub(super) fn begin(node: &str, crashes: Option<Arc<Crashes>>) -> std::io::Result<Self> {
        let state = Arc::<State>::default();
        let (watched, node) = (Arc::clone(&state), node.to_owned());
        std::thread::Builder::new()
            .name("accompanist-watchdog".to_owned())
            .spawn(move || watched.look(|running| report(&node, running)))?;
        Ok(Self { state, is_on: true, crashes })
    }

    /// Whether anything is watched.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Something begins to run.
    pub(super) fn run(&self, holds: Holds, session: SessionKey, what: What) -> Run<'_> {
        if !self.is_on {
            return Run { watched: None, _mark: None };
        }
        let running = Running { holds, what, session, since: Instant::now(), report_after: REPORT_AFTER };
        let mut runs = lock(&self.state.running);
        let number = runs.next;
        runs.next += 1;
        runs.by_number.insert(number, running);
        drop(runs);
        let mark = self.crashes.as_ref().and_then(|crashes| crashes.mark(session));
        Run { watched: Some((&self.state, number)), _mark: mark }
    }

    /// What holds the writer, if anything does.
    pub(super) fn holds_writer(&self) -> Option<Running> {
        let runs = lock(&self.state.running);
        runs.by_number.values().find(|running| running.holds == Holds::Writer).cloned()
    }
}

/// A future of the service's, known to the watchdog while it is polled.
pub(super) struct Watched<F> {
    watch: Arc<Watch>,
    session: SessionKey,
    what: Cow<'static, str>,
    future: Pin<Box<F>>,
}

impl<F: Future> Watched<F> {
    pub(super) fn new(watch: Arc<Watch>, session: SessionKey, what: impl Into<Cow<'static, str>>, future: F) -> Self {
        Self { watch, session, what: what.into(), future: Box::pin(future) }
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { watch, session, what, future } = self.get_mut();
        let _running = watch.run(Holds::Thread, *session, What::Operation(what.clone()));
        future.as_mut().poll(cx)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.state.running).has_ended = true;
        self.state.ended.notify_all();
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if let Some((state, number)) = self.watched.take() {
            lock(&state.running).by_number.remove(&number);
        }
    }
}

impl State {
    fn look(&self, report: impl Fn(&Running)) {
        let mut runs = lock(&self.running);
        while !runs.has_ended {
            let late: Vec<_> = runs.by_number.values_mut().filter_map(Running::late).collect();
            if !late.is_empty() {
                drop(runs);
                late.iter().for_each(&report);
                runs = lock(&self.running);
            }
            let waited = self.ended.wait_timeout(runs, LOOK_EVERY);
            runs = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Running {
    /// This, if it is to be reported now.
    fn late(&mut self) -> Option<Self> {
        let is_late = self.since.elapsed() >= self.report_after;
        let late = is_late.then(|| self.clone());
        if is_late {
            self.report_after = self.report_after.saturating_mul(2);
        }
        late
    }
}

fn report(node: &str, running: &Running) {
    let Running { holds, what, session, .. } = running;
    let running_ms = running.for_so_long().as_millis();
    match holds {
        Holds::Writer => tracing::warn!(
            node, session = %session.session, operation = %what, running_ms,
            "a transaction holds the database: every other write of this node waits for it; a transaction must wait for nothing but its database"
        ),
        Holds::Thread => tracing::warn!(
            node, session = %session.session, operation = %what, running_ms,
            "user code blocks a worker thread and does not yield: move it to `tokio::task::spawn_blocking`, or make it `async`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use accompanist_core::{RoleId, SessionId};

    use super::*;

    const KEY: SessionKey = SessionKey { session: SessionId([7; 32]), role: RoleId(1) };

    #[test]
    fn what_runs_is_known_as_long_as_it_does() {
        let watch = Watch::begin("a", None).expect("a thread");
        let thread = watch.run(Holds::Thread, KEY, What::Operation("S.f".into()));
        assert!(watch.holds_writer().is_none());
        let writer = watch.run(Holds::Writer, KEY, What::Operation("S.t".into()));
        let holds = watch.holds_writer().map(|running| (running.what.to_string(), running.session));
        assert_eq!(holds, Some(("S.t".into(), KEY)));
        drop((writer, thread));
        assert!(watch.holds_writer().is_none() && lock(&watch.state.running).by_number.is_empty());
    }

    #[test]
    fn it_is_reported_when_it_is_late_and_then_after_twice_as_long() {
        let since = Instant::now();
        let report_after = Duration::ZERO;
        let mut running =
            Running { holds: Holds::Writer, what: What::Operation("S.t".into()), session: KEY, since, report_after };
        running.report_after = REPORT_AFTER;
        assert!(running.late().is_none(), "not at once");
        running.since = since.checked_sub(REPORT_AFTER).expect("a clock that has run for so long");
        assert!(running.late().is_some());
        assert!(running.late().is_none(), "once");
        assert_eq!(running.report_after, REPORT_AFTER * 2);
    }
}
