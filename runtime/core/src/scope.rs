//! Scopes (`saga { … } else { … }`): how they are named, and what a role says of one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::identity::{Position, RoleId};

/// The scope instances around a place of a program, the outermost first; none outside of all. A scope instance is named by its position.
///
/// Every record and every message of the program carries them: what belongs to a body that was aborted is known without running it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(Arc<[Position]>);

impl Scopes {
    /// The scope that a place belongs to.
    pub fn innermost(&self) -> Option<Position> {
        self.0.last().copied()
    }

    /// Those around the innermost one.
    pub fn outer(&self) -> Self {
        self.0.split_last().map_or_else(Self::default, |(_, outer)| Self(outer.into()))
    }

    /// These, and `scope` within them.
    pub fn with(&self, scope: Position) -> Self {
        self.iter().chain([scope]).collect()
    }

    /// Whether `scope` is one of them.
    pub fn contains(&self, scope: Position) -> bool {
        self.0.contains(&scope)
    }

    /// All of them, the outermost first.
    pub fn iter(&self) -> impl Iterator<Item = Position> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<Position> for Scopes {
    fn from_iter<T: IntoIterator<Item = Position>>(scopes: T) -> Self {
        Self(scopes.into_iter().collect())
    }
}

/// Where in its program a role asks for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The position of what it asks for.
    pub position: Position,
    /// The scopes around it.
    pub scopes: Scopes,
}

/// A place outside of all scopes.
impl From<Position> for Place {
    fn from(position: Position) -> Self {
        Self { position, scopes: Scopes::default() }
    }
}

/// What a role votes of a scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScopeVote {
    /// It has run the body to its end.
    Done,
    /// It ended the body.
    Aborted {
        /// Why.
        reason: Arc<str>,
    },
    /// It heard of another role's abort before it reached the end of the body.
    Stopped,
}

/// What one role tells another about the votes of a scope, besides its own vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScopeNews {
    /// Votes are missing. This is the vote of whoever says so, if it has voted.
    Waits {
        /// Its vote.
        own: Option<ScopeVote>,
    },
    /// Some role ended the body. Votes may be missing, and with them why.
    Aborted,
    /// All roles have voted *done*.
    Completed,
    /// All roles have voted, and this is why the scope was aborted.
    Failed(ScopeAbort),
}

/// How a scope ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeEnd {
    /// All roles have run the body to its end.
    Completed,
    /// Some role has not, and what this role committed in the body is undone. Why is there when it was waited for.
    Aborted(Option<ScopeAbort>),
}

/// Why a scope was aborted: the same at all its roles.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScopeAbort {
    /// The first role, in their order, that ended it.
    pub role: RoleId,
    /// Why that did.
    pub reason: Arc<str>,
}
