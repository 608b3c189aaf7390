//! One session on a node: the core, the program, and the step that joins them to store, transport and clock.
//!
//! Every input is a [`Cell::step`]: it takes the cell's lock, hands the input to the core, polls the program as far as it goes, and carries
//! out what the core then asks for. A step never waits: it runs on whatever thread brought the input.

mod core;
mod events;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tracing::{Instrument as _, Span};

pub(super) use self::core::Core;
use self::core::CoreState;
pub(super) use self::events::doubt_text;
use super::call::undo;
use super::context::NodeContext;
use super::life::Life;
use super::metrics::{Counters, count};
use super::quarantine::quarantined;
use super::role::{ErasedRole, Program, panic_message, poll};
use super::transact::{Compensation, Transaction};
use super::waiters::Waiters;
use super::watch::{Holds, Watch, Watched, What};
use super::{Shared, trace};
use crate::context::IdempotencyKey;
use crate::error::Error;
use crate::store::{Job, Store, StoreError};
use accompanist_core::{
    Body, Digest, Doubt, Frame, Header, Millis, Position, Run, Session, SessionKey, TransactionRecord, Write, WriteId,
    canonical, cut_reason,
};

/// A panic while the lock was held was the program's, and has been dealt with.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One role's part in one session on this node.
pub(super) struct Cell<S: Store> {
    pub(super) key: SessionKey,
    pub(super) header: Arc<Header>,
    pub(super) role: Arc<dyn ErasedRole<S>>,
    pub(super) life: Life,
    /// None where nobody listens.
    pub(super) span: Span,
    /// What the store has of this cell's, and has not told it of.
    jobs: AtomicU32,
    /// In quarantine while it was rolled back, after so many deaths of the process: nothing of it is undone.
    held: Option<u32>,
    shared: Weak<Shared<S>>,
    core: Arc<Core<S>>,
    run: Mutex<CellRun>,
}

struct CellRun {
    program: Option<Program>,
    begun: bool,
    /// A write failed: this cell does nothing more, and another takes its place.
    dead: bool,
    armed: Option<Millis>,
    /// Transactions and compensations in the store's queue, or running: a write that comes up meanwhile is in the commit of the next of them,
    /// before its own. Behind it in the queue it would find a row that is ahead of it.
    jobs_queued: u32,
    /// Writes that wait for such a commit.
    riding: Vec<Write>,
    /// How often in a row the session was made anew because a write failed.
    failures: u32,
    waiters: Waiters,
}

impl<S: Store> Cell<S> {
    pub(super) fn new(
        shared: &Arc<Shared<S>>,
        role: Arc<dyn ErasedRole<S>>,
        session: Session,
        waiters: Waiters,
        failures: u32,
        held: Option<u32>,
    ) -> Arc<Self> {
        let key = session.key();
        let header = Arc::clone(session.header());
        let span = trace::session(key, &header, role.definition(), &shared.name);
        let life = Life::begin(&session, &shared.counts, shared.clock.now());
        let core = Core::new(session, role.definition(), shared.limits.payload_bytes_max, Arc::clone(&shared.process));
        Arc::new(Self {
            key,
            header,
            role,
            life,
            span,
            jobs: AtomicU32::new(0),
            held,
            shared: Arc::downgrade(shared),
            core,
            run: Mutex::new(CellRun {
                program: None,
                begun: false,
                dead: false,
                armed: None,
                jobs_queued: 0,
                riding: Vec::new(),
                failures,
                waiters,
            }),
        })
    }

    /// What `see` sees of the session as it is now.
    pub(super) fn look<T>(&self, see: impl FnOnce(&Session) -> T) -> T {
        see(&self.core.lock().session)
    }

    /// Whether another cell takes its place, because a write failed.
    #[cfg(all(feature = "admin", unix))]
    pub(super) fn is_dead(&self) -> bool {
        lock(&self.run).dead
    }

    /// What watches the code of the service, and how many milliseconds a transaction may take.
    pub(super) fn watch(&self) -> Option<(Arc<Watch>, u64)> {
        self.shared.upgrade().map(|shared| (Arc::clone(&shared.watch), shared.limits.transaction_millis_max))
    }

    /// One more, if the node is still there.
    pub(super) fn count(&self, counter: impl FnOnce(&Counters) -> &AtomicU64) {
        if let Some(shared) = self.shared.upgrade() {
            count(counter(&shared.counts));
        }
    }

    /// Hands an input to the core and does what follows.
    pub(super) fn step(self: &Arc<Self>, input: impl FnOnce(&mut Session, Millis)) {
        self.step_within(None, |session, now| {
            input(session, now);
            false
        });
    }

    /// A frame of another role, and what follows.
    pub(super) fn hear(self: &Arc<Self>, frame: Frame) {
        let message = if let Body::Message { position, .. } = frame.body { Some((position, frame.from)) } else { None };
        self.stepped(None, |core, _| {
            core.session.handle_frame(frame);
            message.into_iter().for_each(|message| core.wake(message));
            false
        });
    }

    /// A step inside a transaction of the store's: the writes that come up belong to it.
    pub(super) fn step_within(
        self: &Arc<Self>,
        within: Option<&mut Vec<Write>>,
        input: impl FnOnce(&mut Session, Millis) -> bool,
    ) -> bool {
        self.stepped(within, |core, now| input(&mut core.session, now))
    }

    fn stepped(
        self: &Arc<Self>,
        within: Option<&mut Vec<Write>>,
        input: impl FnOnce(&mut CoreState<S>, Millis) -> bool,
    ) -> bool {
        let Some(shared) = self.shared.upgrade() else { return false };
        let mut run = lock(&self.run);
        if run.dead {
            return false;
        }
        let now = shared.clock.now();
        let answer = input(&mut self.core.lock(), now);
        self.advance(&shared, &mut run, now);
        let frames = self.carry_out(&shared, &mut run, within);
        if let Some(place) = &mut run.waiters.place {
            let session = &self.core.lock().session;
            place.hold(session.arguments().map_or(0, |arguments| arguments.len()) + session.kept_bytes());
        }
        drop(run);
        shared.transmit_all(&self.header, frames);
        answer
    }

    /// Polls the program as far as it goes.
    fn advance(&self, shared: &Shared<S>, run: &mut CellRun, now: Millis) {
        if !self.core.lock().session.runs_program() {
            run.program = None;
            self.core.lock().wake_nothing();
            return;
        }
        let program = || What::Program(self.role.definition(), Arc::clone(&self.header), self.key.role);
        if !run.begun {
            run.begun = true;
            let _running = shared.watch.run(Holds::Thread, self.key, program());
            run.program = self.begin();
        }
        let Some(future) = run.program.as_mut() else {
            self.core.lock().session.handle_program_waiting(now);
            return;
        };
        let mut context = Context::from_waker(Waker::noop());
        let running = shared.watch.run(Holds::Thread, self.key, program());
        let polled = catch_unwind(AssertUnwindSafe(|| poll(future, &mut context)));
        drop(running);
        if !matches!(polled, Ok(Poll::Pending)) {
            run.program = None;
        }
        let session = &mut self.core.lock().session;
        match polled {
            Ok(Poll::Ready(Ok(result))) => session.handle_program_ended(result, now),
            Ok(Poll::Pending | Poll::Ready(Err(_))) => session.handle_program_waiting(now),
            Err(panic) => {
                session.program_refuse(panic_message(&*panic).into());
                session.handle_program_waiting(now);
            }
        }
        if !session.runs_program() {
            run.program = None;
        }
    }

    fn begin(&self) -> Option<Program> {
        let arguments = self.core.lock().session.arguments().cloned().unwrap_or_else(|| Arc::from("null"));
        let context = NodeContext::new(Arc::clone(&self.core));
        match catch_unwind(AssertUnwindSafe(|| self.role.run(context, &arguments))) {
            Ok(Ok(program)) => Some(program),
            Ok(Err(error)) => {
                self.core.lock().session.handle_unreadable_arguments(&error.to_string());
                None
            }
            Err(panic) => {
                self.core.lock().session.handle_unreadable_arguments(&panic_message(&*panic));
                None
            }
        }
    }

    /// Carries out what the core asks for; gives back the frames, to be sent without the lock.
    fn carry_out(
        self: &Arc<Self>,
        shared: &Arc<Shared<S>>,
        run: &mut CellRun,
        mut within: Option<&mut Vec<Write>>,
    ) -> Vec<Frame> {
        let mut core = self.core.lock();
        if let Some(writes) = within.as_deref_mut() {
            writes.append(&mut run.riding);
        }
        while let Some(write) = core.session.poll_write() {
            match within.as_deref_mut() {
                Some(writes) => writes.push(write),
                None if run.jobs_queued > 0 => run.riding.push(write),
                None => self.submit(shared, write),
            }
        }
        let CoreState { session, calls, .. } = &mut *core;
        calls.retain(|position, _| session.awaits_call(*position));
        let frames = std::iter::from_fn(|| core.session.poll_transmit()).collect();
        while let Some(wanted) = core.session.poll_run() {
            self.start_run(shared, run, &mut core, wanted);
        }
        let events: Vec<_> = std::iter::from_fn(|| core.session.poll_event()).collect();
        if let Some(at) = core.session.poll_timeout().filter(|at| run.armed.is_none_or(|armed| *at < armed)) {
            run.armed = Some(at);
            shared.timers.arm(at, self.key);
        }
        drop(core);
        let _told_of = (!events.is_empty()).then(|| self.span.enter());
        for event in events {
            self.tell(shared, &mut run.waiters, event);
        }
        frames
    }

    fn submit(self: &Arc<Self>, shared: &Shared<S>, write: Write) {
        let cell = Arc::clone(self);
        let id = write.id;
        shared.count_write(write.urgency);
        let done = Box::new(move |result| {
            cell.job_ended();
            cell.written(id, result);
        });
        self.hand_in(shared, Job::Write { write, key: self.key, done });
    }

    fn hand_in(&self, shared: &Shared<S>, job: Job<S>) {
        self.jobs.fetch_add(1, Ordering::Relaxed);
        shared.store.submit(job);
    }

    /// The store is done with a job.
    pub(super) fn job_ended(&self) {
        self.jobs.fetch_sub(1, Ordering::Release);
    }

    /// Whether what is stored of the session may still change by what this cell has asked for.
    pub(super) fn has_jobs(&self) -> bool {
        self.jobs.load(Ordering::Acquire) > 0
    }

    fn start_run(self: &Arc<Self>, shared: &Shared<S>, run: &mut CellRun, core: &mut CoreState<S>, wanted: Run) {
        match wanted {
            Run::Transaction(position) => {
                if let Some(operation) = core.transactions.get(&position) {
                    let transaction = Transaction::new(Arc::clone(self), position, Arc::clone(operation));
                    run.jobs_queued += 1;
                    self.hand_in(shared, Job::Transact(Box::new(transaction)));
                }
            }
            Run::Compensate(record) if let Some(deaths) = self.held => {
                let reason = quarantined(deaths).into();
                core.session.handle_compensated(record.position, Err(reason), shared.clock.now());
            }
            Run::Compensate(record) if self.role.is_outside(&record.operation) => self.compensate_call(shared, record),
            Run::Compensate(record) => {
                run.jobs_queued += 1;
                self.hand_in(shared, Job::Transact(Box::new(Compensation::new(Arc::clone(self), record))));
            }
            Run::Call(position) => {
                let (key, limit) =
                    (self.idempotency_key(position), core.calls.get(&position).and_then(|call| shared.limit(call)));
                if let Some(call) = core.calls.get_mut(&position) {
                    let span = trace::step(self, trace::Step::Operation, position, call.name());
                    let name = call.name();
                    let attempt = call.attempt(key, limit).instrument(span.clone());
                    let attempt = Watched::new(Arc::clone(&shared.watch), self.key, name, attempt);
                    // The task keeps nothing alive: when the session goes, or its node, it ends.
                    let cell = Arc::downgrade(self);
                    shared.process.spawn(async move {
                        if let (Some(ran), Some(cell)) = (attempt.await, cell.upgrade()) {
                            trace::ended(&span, &ran);
                            drop(span);
                            cell.step(|session, now| session.handle_call_returned(position, ran, now));
                        }
                    });
                }
            }
        }
    }

    /// Undoes an operation outside of the database, in a task of its own.
    fn compensate_call(self: &Arc<Self>, shared: &Shared<S>, record: TransactionRecord) {
        let (position, key, limit) =
            (record.position, self.idempotency_key(record.position), shared.limit_of_compensation(&record.operation));
        let span = trace::step(self, trace::Step::Compensation, position, &record.operation);
        let name = format!("the compensation of {}", record.operation);
        let undo = undo(Arc::clone(&self.role).compensate_call(key, record), limit).instrument(span.clone());
        let undo = Watched::new(Arc::clone(&shared.watch), self.key, name, undo);
        let cell = Arc::downgrade(self);
        shared.process.spawn(async move {
            let undone = undo.await;
            let Some(cell) = cell.upgrade() else { return };
            match &undone {
                Ok(()) => cell.count(|counts| &counts.compensations),
                Err(reason) => trace::failed(&span, reason),
            }
            cell.step(|session, now| _ = session.handle_compensated(position, undone, now));
        });
    }

    fn idempotency_key(&self, position: Position) -> IdempotencyKey {
        let of_role = Digest::of(&self.key.session.0).then(position, &self.key.role.0.to_le_bytes());
        IdempotencyKey(of_role.0)
    }

    /// Whether the transaction at `position` is still to be run.
    pub(super) fn may_run(&self, position: Position) -> bool {
        !lock(&self.run).dead && self.core.lock().session.may_run(position)
    }

    /// The transaction at `position` will not be run again.
    pub(super) fn forget_transaction(&self, position: Position) {
        let mut core = self.core.lock();
        let ran = core.transactions.remove(&position);
        // A map that was emptied keeps its room, and the session may wait for long.
        if core.transactions.is_empty() {
            core.transactions.clear();
        }
        drop(core);
        // Without the lock: it is the user's values that are dropped.
        drop(ran);
    }

    /// Whether the transaction at `position` is still to be undone.
    pub(super) fn may_compensate(&self, position: Position) -> bool {
        !lock(&self.run).dead && self.core.lock().session.may_compensate(position)
    }

    /// A transaction or compensation of this session is about to be committed: the writes that came up since it ran, or that waited for it.
    pub(super) fn take_riding(&self) -> Vec<Write> {
        let mut run = lock(&self.run);
        run.jobs_queued = run.jobs_queued.saturating_sub(1);
        std::mem::take(&mut run.riding)
    }

    /// A write is durable, or never will be.
    pub(super) fn written(self: &Arc<Self>, id: WriteId, result: Result<(), StoreError>) {
        match result {
            Ok(()) => {
                lock(&self.run).failures = 0;
                if let Some(shared) = self.shared.upgrade() {
                    shared.room.is_there(&shared.name);
                }
                self.step(|session, now| session.handle_durable(id, now));
            }
            Err(error) => self.fail(error),
        }
    }

    /// This run is given up; the session is made anew from what is stored.
    pub(super) fn fail(self: &Arc<Self>, error: StoreError) {
        self.give_up(Some(error));
    }

    /// The session is made anew from what is stored, because an operator wants it so.
    #[cfg_attr(not(all(feature = "admin", unix)), expect(dead_code, reason = "operators ask for it"))]
    pub(super) fn begin_again(self: &Arc<Self>) {
        self.give_up(None);
    }

    fn give_up(self: &Arc<Self>, error: Option<StoreError>) {
        let (waiters, failures) = {
            let mut run = lock(&self.run);
            if run.dead {
                return;
            }
            run.dead = true;
            run.program = None;
            run.riding.clear();
            (std::mem::take(&mut run.waiters), run.failures.saturating_add(1))
        };
        if let Some(shared) = self.shared.upgrade() {
            shared.reload(self, waiters, failures, error);
        }
    }

    /// A point in time that the core asked for has come.
    pub(super) fn wake(self: &Arc<Self>) {
        lock(&self.run).armed = None;
        self.step(|session, now| session.handle_timeout(now));
    }

    /// A repeated start: adds those who wait, or answers them at once.
    pub(super) fn join(&self, arguments: &Arc<str>, id: &str, more: Waiters) -> Result<SessionKey, Error> {
        let same =
            self.look(|session| session.arguments().is_some_and(|known| canonical(known) == canonical(arguments)));
        if !same {
            return Err(Error::id_in_use(id));
        }
        if let Some(doubt) = self.look(Session::doubt).filter(|doubt| *doubt != Doubt::Asking) {
            return Err(Error::unavailable(doubt_text(doubt)));
        }
        let mut run = lock(&self.run);
        if run.dead {
            return Err(Error::store_fails());
        }
        run.waiters.attach(more);
        Ok(self.key)
    }

    /// Somebody asks to end the session.
    pub(super) fn cancel(self: &Arc<Self>, reason: Arc<str>, more: Waiters) -> Result<(), Error> {
        let reason = cut_reason(reason);
        let mut run = lock(&self.run);
        if run.dead {
            return Err(Error::store_fails());
        }
        run.waiters.cancel = Some(Arc::clone(&reason));
        run.waiters.attach(more);
        drop(run);
        self.step(|session, _| _ = session.handle_cancel(reason));
        Ok(())
    }
}
