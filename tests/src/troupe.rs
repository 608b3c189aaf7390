//! One session on the plain runtime, each of its participants in a task of its own.

use std::sync::Arc;

use accompanist::plain::PlainSession;
use accompanist::store::{Memory, Store};
use accompanist::{Error, Role, RoleId};
use tokio::task::JoinHandle;

use crate::wait::within;

/// Who plays a session.
#[derive(Debug, Default)]
pub struct Troupe {
    session: PlainSession,
}

/// The part of one participant.
#[derive(Debug)]
pub struct Part<T>(JoinHandle<Result<T, Error>>);

impl Troupe {
    /// A session without groups.
    pub fn new() -> Self {
        Self::default()
    }

    /// A session in which the declared role `group` has so many members.
    pub fn with_members(group: u16, count: usize) -> Self {
        Self { session: PlainSession::new().members_of(RoleId(group), count) }
    }

    /// Plays a role.
    pub fn play<R: Role<Memory>>(&self, role: R, arguments: R::Arguments) -> Part<R::Output> {
        self.play_member(0, role, arguments)
    }

    /// Plays a member of a group.
    pub fn play_member<R: Role<Memory>>(&self, index: usize, role: R, arguments: R::Arguments) -> Part<R::Output> {
        self.play_member_with(&Arc::new(Memory::new()), index, role, arguments)
    }

    /// Plays a member of a group, or the only one that a role is, over a store that the caller looks into.
    pub fn play_member_with<S: Store, R: Role<S>>(
        &self,
        store: &Arc<S>,
        index: usize,
        role: R,
        arguments: R::Arguments,
    ) -> Part<R::Output> {
        let (session, store) = (self.session.clone(), Arc::clone(store));
        Part(tokio::spawn(async move { session.play_member(role, index, &store, arguments).await }))
    }

    /// How many messages the choreography has sent.
    pub fn messages_sent(&self) -> u64 {
        self.session.messages_sent()
    }
}

impl<T> Part<T> {
    /// What the participant has at the end, or why the session was ended.
    ///
    /// # Panics
    /// Where it does not end, or panics.
    pub async fn ended(self) -> Result<T, String> {
        let result = within("a participant", self.0).await.expect("a role does not panic");
        result.map_err(|error| error.reason().map_or_else(|| error.to_string(), ToOwned::to_owned))
    }
}

/// What all these participants have at the end.
///
/// # Panics
/// Where one of them has nothing.
pub async fn all_ended<T>(parts: Vec<Part<T>>) -> Vec<T> {
    let mut outputs = Vec::new();
    for part in parts {
        outputs.push(part.ended().await.expect("the session completes"));
    }
    outputs
}
