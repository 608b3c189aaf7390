//! What a program and the steps of its session share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use accompanist_core::{Header, Position, RoleId, Session, SessionKey};

use super::lock;
use crate::context::Definition;
use crate::node::call::Call;
use crate::node::process::Process;
use crate::node::role::ErasedTransaction;
use crate::store::Store;

/// What a program and its steps share.
pub(in crate::node) struct Core<S: Store> {
    pub(in crate::node) key: SessionKey,
    pub(in crate::node) header: Arc<Header>,
    pub(in crate::node) definition: &'static Definition,
    pub(in crate::node) payload_bytes_max: usize,
    /// For the time of day.
    pub(in crate::node) process: Arc<Process>,
    state: Mutex<CoreState<S>>,
}

pub(in crate::node) struct CoreState<S: Store> {
    pub(in crate::node) session: Session,
    pub(in crate::node) transactions: BTreeMap<Position, Arc<dyn ErasedTransaction<S>>>,
    pub(in crate::node) calls: BTreeMap<Position, Call>,
    /// What waits for a message, as one of many arms.
    wakers: BTreeMap<(Position, RoleId), Waker>,
}

impl<S: Store> Core<S> {
    pub(super) fn new(
        session: Session,
        definition: &'static Definition,
        payload_bytes_max: usize,
        process: Arc<Process>,
    ) -> Arc<Self> {
        let (key, header) = (session.key(), Arc::clone(session.header()));
        let (transactions, calls, wakers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let state = Mutex::new(CoreState { session, transactions, calls, wakers });
        Arc::new(Self { key, header, definition, payload_bytes_max, process, state })
    }

    pub(in crate::node) fn lock(&self) -> MutexGuard<'_, CoreState<S>> {
        lock(&self.state)
    }
}

impl<S: Store> CoreState<S> {
    /// What waits for this message is woken when it comes.
    pub(in crate::node) fn wake_by(&mut self, message: (Position, RoleId), waker: &Waker) {
        // All of the program is polled in any case.
        if !waker.will_wake(Waker::noop()) {
            self.wakers.insert(message, waker.clone());
        }
    }

    /// The message has come.
    pub(super) fn wake(&mut self, message: (Position, RoleId)) {
        if let Some(waker) = self.wakers.remove(&message) {
            waker.wake();
        }
    }

    /// The program is gone.
    pub(super) fn wake_nothing(&mut self) {
        self.wakers.clear();
    }
}
