//! `SessionContext` of the resilient runtime: what the program asks for goes to the session core, and nothing here waits for anything else.
//!
//! A program is polled by its session's own steps only, after every input; so these futures need no waker.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::Arc;

use accompanist_core::{Path, Position, RoleId, Scopes, Stop};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cell::Core;
use super::role::{Prepared, PreparedCall};
use crate::context::{Interrupted, Operation, SessionContext, Site, Transaction};
use crate::json::to_json;
use crate::store::Store;

/// Bytes of JSON of one message; a longer one ends the session. With the session's header it is still less than a frame of the TCP transport.
const MESSAGE_BYTES_MAX: usize = 15 * 1024 * 1024;

/// One role's view of one session on a [`Node`](super::Node).
pub struct NodeContext<S: Store> {
    core: Arc<Core<S>>,
    path: Path,
}

impl<S: Store> Clone for NodeContext<S> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core), path: self.path }
    }
}

impl<S: Store> fmt::Debug for NodeContext<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeContext").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<S: Store> NodeContext<S> {
    pub(super) fn new(core: Arc<Core<S>>) -> Self {
        Self { core, path: Path::ROOT }
    }

    /// The JSON of a value. One that JSON cannot hold (a map whose keys are no strings, say) ends the session: no one could receive it.
    pub(super) fn encode<T: Serialize + ?Sized>(&self, what: &str, value: &T) -> Result<Arc<str>, Interrupted> {
        match to_json(value) {
            Ok(json) => Ok(json.into()),
            Err(error) => Err(self.refuse(format!("{what} cannot be written as JSON: {error}"))),
        }
    }

    fn decode<T: DeserializeOwned>(&self, position: Position, json: &str) -> Result<T, Interrupted> {
        serde_json::from_str(json).map_err(|error| {
            self.core.lock().session.handle_unreadable(position, &error.to_string());
            Interrupted::new()
        })
    }
}

impl From<Stop> for Interrupted {
    fn from(Stop: Stop) -> Self {
        Self::new()
    }
}

impl<D: Store> SessionContext for NodeContext<D> {
    type Database = D;

    fn child(&self, site: Site, index: u64) -> Self {
        Self { core: Arc::clone(&self.core), path: self.path.child(site, index) }
    }

    fn send<T: Serialize + ?Sized>(&self, site: Site, to: RoleId, value: &T) -> Result<(), Interrupted> {
        let payload = self.encode("a message", value)?;
        if payload.len() > MESSAGE_BYTES_MAX {
            let bytes = payload.len();
            return Err(self.refuse(format!("a message has {bytes} bytes of JSON, more than {MESSAGE_BYTES_MAX}")));
        }
        Ok(self.core.lock().session.program_send(self.path.position(site), to, payload)?)
    }

    async fn receive<T: DeserializeOwned>(&self, site: Site, from: RoleId) -> Result<T, Interrupted> {
        let position = self.path.position(site);
        let payload = poll_fn(|_| self.core.lock().session.program_receive(position, from)).await?;
        self.decode(position, &payload)
    }

    async fn offer(&self, messages: &[(Site, RoleId)]) -> Result<usize, Interrupted> {
        let messages: Vec<_> = messages.iter().map(|(site, from)| (self.path.position(*site), *from)).collect();
        Ok(poll_fn(|_| self.core.lock().session.program_offer(&Scopes::default(), &messages)).await?)
    }

    async fn transaction<T, S>(
        &self,
        site: Site,
        service: &Arc<S>,
        arguments: T::Arguments,
    ) -> Result<T::Output, Interrupted>
    where
        T: Transaction<S, D>,
        S: Send + Sync + 'static,
    {
        let position = self.path.position(site);
        let json = self.encode(T::NAME, &arguments)?;
        let recorded = self.core.lock().session.program_transaction(position, T::NAME, json)?;
        let result = match recorded {
            Some(result) => result,
            None => {
                let prepared = Prepared::<T, S, T::Arguments>::new(Arc::clone(service), arguments);
                self.core.lock().transactions.insert(position, Arc::new(prepared));
                poll_fn(|_| self.core.lock().session.poll_transaction(position)).await?
            }
        };
        self.decode(position, &result)
    }

    async fn call<O, S>(&self, site: Site, service: &Arc<S>, arguments: O::Arguments) -> Result<O::Output, Interrupted>
    where
        O: Operation<S, D>,
        S: Send + Sync + 'static,
    {
        let position = self.path.position(site);
        let json = self.encode(O::NAME, &arguments)?;
        let recorded = self.core.lock().session.program_call(position, O::NAME, json)?;
        let result = match recorded {
            Some(result) => result,
            None => {
                let prepared = Prepared::<O, S, O::Arguments>::new(Arc::clone(service), arguments);
                let call = Arc::new(PreparedCall::<O, S, O::Arguments, D>(prepared, PhantomData));
                self.core.lock().calls.insert(position, call);
                poll_fn(|_| self.core.lock().session.poll_call(position)).await?
            }
        };
        self.decode(position, &result)
    }

    fn refuse(&self, reason: impl Into<String>) -> Interrupted {
        self.core.lock().session.program_refuse(reason.into().into());
        Interrupted::new()
    }

    async fn refused_by(&self, _role: RoleId) -> Interrupted {
        // The abort that `role` brings about drops this program.
        std::future::pending().await
    }
}
