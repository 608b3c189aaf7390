//! Which database this is, and what a node remembers of the databases of its peers.
//!
//! A database gets a random identity when it is created. Each opening of it has a number, the
//! *incarnation*, and a random *run*; and the database counts its commits. A node tells its peers all
//! of that when a connection is made, and its number of commits with each frame. They remember it,
//! in their own databases. So a peer knows of a database that comes back whether it is the same
//! one, and whether it still holds all that the peer has heard of it: an old backup, a copy, a
//! fresh database and a second process of the same name are told from a restart.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use accompanist_core::{RoleId, SessionId, SessionKey};
use serde::{Deserialize, Serialize};

use super::{Crashes, StoreError};
use crate::context::BoxFuture;

/// Openings that a lineage names at most, the last ones.
pub const OPENINGS_MAX: usize = 128;

/// One opening of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// A random number: a copy of the database that is opened elsewhere has another one.
    pub run: i64,
    /// Commits of the database before it was opened.
    pub commits: u64,
}

/// Which database it is, and how it came to its present state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// Random, made when the database is created and when it is adopted.
    pub identity: [u8; 16],
    /// How often a database of this node was adopted, as far as its operators knew.
    pub generation: u64,
    /// The number of the last opening.
    pub incarnation: u64,
    /// The last openings, the present one at the end; at most [`OPENINGS_MAX`].
    pub openings: Vec<Opening>,
}

/// What a node remembers of a peer's database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Which database it is.
    pub identity: [u8; 16],
    /// Its generation.
    pub generation: u64,
    /// The last opening that was heard of.
    pub incarnation: u64,
    /// That opening's run.
    pub run: i64,
    /// The most commits that were heard of.
    pub commits: u64,
}

impl Known {
    /// Whether both are of one opening of one database.
    pub fn is_same_opening(&self, other: &Self) -> bool {
        let opening = |known: &Self| (known.identity, known.generation, known.incarnation, known.run);
        opening(self) == opening(other)
    }
}

/// How a database differs from what is remembered of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It is another database.
    Identity,
    /// It was replaced by one that an operator has adopted.
    Replaced,
    /// A later opening of it is known.
    Fenced,
    /// That opening was of another copy of it.
    Copy,
    /// It lacks commits that it once had.
    Behind {
        /// What it had at the end of the opening that is remembered.
        commits: u64,
    },
}

impl Lineage {
    /// What a peer remembers of it from now on.
    pub fn known(&self) -> Known {
        let last = self.openings.last().copied().unwrap_or(Opening { run: 0, commits: 0 });
        Known {
            identity: self.identity,
            generation: self.generation,
            incarnation: self.incarnation,
            run: last.run,
            commits: last.commits,
        }
    }

    /// The opening of this number, if it is among those that are told, and the commits of the
    /// database when it ended, if it has ended.
    fn opening(&self, incarnation: u64) -> Option<(Opening, Option<u64>)> {
        let back = usize::try_from(self.incarnation.checked_sub(incarnation)?).ok()?;
        let index = self.openings.len().checked_sub(back + 1)?;
        let next = self.openings.get(index + 1).map(|next| next.commits);
        Some((*self.openings.get(index)?, next))
    }

    /// Whether the database can be the one that is remembered, in a state that is not older.
    ///
    /// # Errors
    /// How it cannot.
    pub fn check(&self, known: &Known) -> Result<(), Mismatch> {
        if self.generation != known.generation {
            // An operator has accepted the database with the higher number, and knows what that
            // means.
            return if self.generation > known.generation { Ok(()) } else { Err(Mismatch::Replaced) };
        }
        if self.identity != known.identity {
            return Err(Mismatch::Identity);
        }
        if self.incarnation < known.incarnation {
            return Err(Mismatch::Fenced);
        }
        match self.opening(known.incarnation) {
            Some((opening, _)) if opening.run != known.run => Err(Mismatch::Copy),
            Some((_, Some(commits))) if commits < known.commits => Err(Mismatch::Behind { commits }),
            Some(_) => Ok(()),
            // It has been opened very often since. What it says of that time is not told any more.
            None => Ok(()),
        }
    }
}

impl Mismatch {
    /// What is wrong with the database of `node`, for a person.
    pub fn describe(self, node: &str, told: &Lineage, known: &Known) -> String {
        let Known { incarnation, commits: seen, .. } = known;
        let what = match self {
            Self::Identity => format!(
                "node `{node}` comes with another database ({}) than the one that is known ({})",
                Hex(&told.identity),
                Hex(&known.identity)
            ),
            Self::Replaced => format!(
                "the database of node `{node}` was replaced by one that an operator has adopted ({})",
                Hex(&known.identity)
            ),
            Self::Fenced => format!(
                "the database of node `{node}` was opened again since by another process (opening {incarnation}, and \
                 this one is {})",
                told.incarnation
            ),
            Self::Copy => {
                format!("node `{node}` comes with a copy of its database: opening {incarnation} was of another copy")
            }
            Self::Behind { commits } => format!(
                "node `{node}` comes with an older state of its database: a backup or a copy with {commits} commits at \
                 the end of opening {incarnation}, where {seen} are known"
            ),
        };
        format!(
            "{what}. End the process that is not to be `{node}`; where this database is to be it from now on, run \
             `chor adopt` there"
        )
    }
}

/// The beginning of an identity, for people.
struct Hex<'a>(&'a [u8; 16]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How a session stands at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not decided, as far as it knows.
    Unfinished,
    /// All roles completed.
    Committed,
    /// It was rolled back, or is being rolled back.
    Aborted,
}

/// A session in which another node plays a role, as one node knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// The session.
    pub session: SessionId,
    /// The other node's role.
    pub role: RoleId,
    /// Where it started.
    pub initiator: RoleId,
    /// The choreography.
    pub choreography: String,
    /// The client's id.
    pub client_id: String,
    /// How it stands here.
    pub outcome: Outcome,
}

/// What a person decided of a session that could not end by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resolved {
    /// `commit` or `abort`.
    pub decision: String,
    /// Why.
    pub reason: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// What a node keeps in its database besides its sessions.
pub trait Registry: Send + Sync {
    /// Which database it is.
    fn lineage(&self) -> Lineage;

    /// How many commits it has made durable, over all its openings.
    fn commits(&self) -> u64;

    /// What is remembered of peers, by their nodes' names.
    ///
    /// # Errors
    /// Those of the database.
    fn peers(&self) -> Result<Vec<(String, Known)>, StoreError>;

    /// Remembers a peer's database, durably.
    fn remember<'a>(&'a self, node: &'a str, known: Known) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The sessions in which `node` plays a role, those that are not finished and those that have
    /// finished at
    /// `since_ms` (since 1970) or later; at most `sessions_max`.
    ///
    /// # Errors
    /// Those of the database.
    fn shared_with(&self, node: &str, since_ms: i64, sessions_max: usize) -> Result<Vec<Shared>, StoreError>;

    /// When a session was last begun or finished here, in milliseconds since 1970.
    ///
    /// # Errors
    /// Those of the database.
    fn last_change_ms(&self) -> Result<i64, StoreError>;

    /// Records what a person decides of a session, durably, before that happens.
    fn resolve<'a>(&'a self, key: SessionKey, resolved: &'a Resolved) -> BoxFuture<'a, Result<(), StoreError>>;

    /// What a person decided of a session.
    ///
    /// # Errors
    /// Those of the database.
    fn find_resolved(&self, key: SessionKey) -> Result<Option<Resolved>, StoreError>;

    /// Makes the database another one, of this generation, from its next opening on. Its sessions
    /// that are not finished and those in `lost`, which others know and it does not, are doubtful
    /// from now on.
    fn adopt(&self, generation: u64, lost: Vec<Shared>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Whether this database may lack what it once knew of its part of a session.
    ///
    /// # Errors
    /// Those of the database.
    fn is_doubtful(&self, key: SessionKey) -> Result<bool, StoreError>;

    /// The session that was started here with the client's id `client_id` and is lost, as far as
    /// others knew it.
    ///
    /// # Errors
    /// Those of the database.
    fn find_lost(&self, choreography: &str, client_id: &str) -> Result<Option<Outcome>, StoreError>;

    /// The sessions that operators asked to abort while no node ran over this database, and why.
    ///
    /// # Errors
    /// Those of the database.
    fn aborts_asked(&self) -> Result<BTreeMap<SessionId, Arc<str>>, StoreError> {
        Ok(BTreeMap::new())
    }

    /// Which sessions were running when processes over this database died. None where that is not
    /// known.
    fn crashes(&self) -> Option<Arc<Crashes>> {
        None
    }

    /// Lets a session run that is in quarantine, durably.
    fn release(&self, _key: SessionKey) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lineage(openings: &[(i64, u64)]) -> Lineage {
        let openings: Vec<_> = openings.iter().map(|(run, commits)| Opening { run: *run, commits: *commits }).collect();
        Lineage { identity: [1; 16], generation: 0, incarnation: openings.len() as u64, openings }
    }

    /// Of a database in its second opening, run 22, with at least 50 commits.
    const KNOWN: Known = Known { identity: [1; 16], generation: 0, incarnation: 2, run: 22, commits: 50 };

    #[test]
    fn a_restart_is_told_from_a_copy_a_backup_and_another_database() {
        for (told, expected) in [
            // The same opening, on another connection, and the next ones.
            (lineage(&[(11, 0), (22, 30)]), Ok(())),
            (lineage(&[(11, 0), (22, 30), (33, 50)]), Ok(())),
            (lineage(&[(11, 0), (22, 30), (33, 90), (44, 95)]), Ok(())),
            // A backup that was made in that opening, however often it was opened and written to
            // since.
            (lineage(&[(11, 0), (22, 30), (33, 49)]), Err(Mismatch::Behind { commits: 49 })),
            (lineage(&[(11, 0), (22, 30), (33, 49), (44, 90)]), Err(Mismatch::Behind { commits: 49 })),
            // One that was made before it.
            (lineage(&[(11, 0), (23, 30)]), Err(Mismatch::Copy)),
            (lineage(&[(11, 0), (23, 30), (34, 80)]), Err(Mismatch::Copy)),
            // The process that was there before.
            (lineage(&[(11, 0)]), Err(Mismatch::Fenced)),
            (Lineage { identity: [2; 16], ..lineage(&[(11, 0), (22, 30)]) }, Err(Mismatch::Identity)),
            (Lineage { generation: 1, identity: [2; 16], ..lineage(&[(55, 0)]) }, Ok(())),
        ] {
            assert_eq!(told.check(&KNOWN), expected, "{told:?}");
        }
        let adopted = Known { generation: 1, identity: [2; 16], ..KNOWN };
        assert_eq!(lineage(&[(11, 0), (22, 30), (33, 50)]).check(&adopted), Err(Mismatch::Replaced));
    }

    #[test]
    fn only_the_last_openings_are_told_and_older_ones_are_not_judged() {
        let mut told = lineage(&[(11, 0), (22, 30), (33, 50), (44, 60)]);
        told.openings.drain(..2);
        assert_eq!(told.check(&KNOWN), Ok(()));
        assert_eq!(told.check(&Known { incarnation: 3, run: 34, ..KNOWN }), Err(Mismatch::Copy));
        assert_eq!(told.known(), Known { incarnation: 4, run: 44, commits: 60, ..KNOWN });
    }
}
