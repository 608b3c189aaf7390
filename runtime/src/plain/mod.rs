//! The plain runtime: a session in one process's memory, without a journal. For unit tests, for teaching, and as the baseline that the
//! resilient runtime is measured against. It knows no crash; a saga that is refused is rolled back all the same.

mod board;
mod commit;
mod context;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use accompanist_core::{RoleId, members};

use self::board::Board;
use self::commit::Undoes;
use self::context::Part;
pub use self::context::PlainContext;
use crate::context::{Definition, Role};
use crate::error::Error;
use crate::store::Store;

/// One session in memory. Every participant in the choreography is played once, all at the same time.
///
/// The stores serve for the services' own tables only; nothing of the session is written.
#[derive(Clone, Default)]
pub struct PlainSession {
    board: Arc<Board>,
    groups: BTreeMap<RoleId, usize>,
    /// The same, of the groups that are known by their names.
    groups_by_name: BTreeMap<String, usize>,
}

impl fmt::Debug for PlainSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainSession").field("messages_sent", &self.messages_sent()).finish_non_exhaustive()
    }
}

impl PlainSession {
    /// A session that nobody plays a role in yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says how many members the group `role` has; it may have none. Said before anybody plays.
    pub fn members(mut self, role: impl Into<String>, count: usize) -> Self {
        self.groups_by_name.insert(role.into(), count);
        self
    }

    /// As [`PlainSession::members`], for a group that is known by its number among the declared roles.
    pub fn members_of(mut self, role: RoleId, count: usize) -> Self {
        self.groups.insert(role, count);
        self
    }

    /// How many messages of the choreography have been sent.
    pub fn messages_sent(&self) -> u64 {
        self.board.lock().messages_sent
    }

    /// Plays `role` from its `arguments` to the end of the session: until all roles have completed, or until one has refused and what this role
    /// did is undone.
    pub async fn play<S: Store, R: Role<S>>(
        &self,
        role: R,
        store: &Arc<S>,
        arguments: R::Arguments,
    ) -> Result<R::Output, Error> {
        let definition = role.definition();
        if definition.groups.contains(&role.role()) {
            let name = definition.role_name(role.role());
            return Err(Error::configuration(format!(
                "`{name}` is a group: play each of its members by `play_member`"
            )));
        }
        self.play_member(role, 0, store, arguments).await
    }

    /// Plays member `index` of the group `role`, like [`PlainSession::play`].
    pub async fn play_member<S: Store, R: Role<S>>(
        &self,
        role: R,
        index: usize,
        store: &Arc<S>,
        arguments: R::Arguments,
    ) -> Result<R::Output, Error> {
        let definition = role.definition();
        let counts = self.counts(definition)?;
        let Some(me) = members(counts.iter().copied(), role.role()).nth(index) else {
            let name = definition.role_name(role.role());
            return Err(Error::configuration(format!("`{name}` has no member {index}")));
        };
        let all = definition.players(definition.participants, counts.iter().copied()).len();
        let role = Arc::new(role);
        let part = Arc::new(Part {
            board: Arc::clone(&self.board),
            store: Arc::clone(store),
            me,
            definition,
            counts,
            participants: all,
            pivots: definition.pivots_of(role.role()),
            role: Arc::clone(&role) as Arc<dyn Undoes<S>>,
        });
        let context = PlainContext::new(Arc::clone(&part));
        let output = role.run(context.clone(), arguments).await.and_then(|output| context.checked(output));
        if output.is_ok() {
            self.board.change(|state| state.completed += 1);
        }
        let refused = self.board.wait(|state| match &state.refused {
            Some(reason) => Some(Some(Arc::clone(reason))),
            None if state.completed >= all => Some(None),
            None => None,
        });
        match (refused.await, output) {
            (None, Ok(output)) => Ok(output),
            (None, Err(_)) => Err(Error::unreadable("the role left without a reason")),
            (Some(reason), _) => {
                part.undo(None).await.map_err(Error::unreadable)?;
                Err(Error::aborted(reason))
            }
        }
    }

    /// How many play each declared role.
    fn counts(&self, definition: &Definition) -> Result<Vec<usize>, Error> {
        if let Some(role) = self.groups.keys().find(|role| !definition.groups.contains(role)) {
            let name = definition.role_name(*role);
            return Err(Error::configuration(format!("`{name}` of `{}` is no group", definition.name)));
        }
        let is_group = |name: &str| definition.groups.iter().any(|group| definition.role_name(*group) == name);
        if let Some(name) = self.groups_by_name.keys().find(|name| !is_group(name)) {
            return Err(Error::configuration(format!("`{}` has no group `{name}`", definition.name)));
        }
        let said = |role: &RoleId, name: &str| self.groups.get(role).or_else(|| self.groups_by_name.get(name));
        let count = |(role, name): (RoleId, &&str)| match (definition.groups.contains(&role), said(&role, name)) {
            (false, _) => Ok(1),
            (true, Some(count)) => Ok(*count),
            (true, None) => Err(Error::configuration(format!(
                "`{name}` of `{}` is a group: say by `members` how many members it has",
                definition.name
            ))),
        };
        (0..=u16::MAX).map(RoleId).zip(definition.roles).map(count).collect()
    }
}
