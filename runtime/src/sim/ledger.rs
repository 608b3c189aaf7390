//! Every commit of every node, and what must hold of each as it happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use accompanist_core::{Change, Header, Position, RoleId, RowState, SessionId, SessionKey, TransactionRecord, Write};

use super::optional::ends_without_part;
use crate::context::Definition;

/// What has been committed in a run.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) parts: BTreeMap<SessionKey, Part>,
    /// The transactions that decide their session, with the version of the choreography.
    pub(super) pivots: BTreeSet<([u8; 32], Position)>,
    /// The choreographies that nodes have roles of, by their fingerprints.
    pub(super) definitions: BTreeMap<[u8; 32], &'static Definition>,
    /// The sessions that were acknowledged, with what their clients were told in the end.
    pub(super) acknowledged: BTreeMap<SessionId, Acknowledged>,
    /// Which session a client's id has: the initiator's node, the choreography, the id.
    pub(super) ids: BTreeMap<(usize, &'static str, String), SessionId>,
}

/// One role's part of one session, as it is durable.
pub(super) struct Part {
    pub(super) node: usize,
    pub(super) role: RoleId,
    pub(super) header: Arc<Header>,
    pub(super) version: u64,
    pub(super) state: RowState,
    /// An abort of which nobody was told but the client.
    pub(super) is_local: bool,
    /// In the order of commit.
    pub(super) transactions: Vec<TransactionRecord>,
    /// What a scope may have been undoing when the session was aborted: that goes on, whatever has committed behind it in another arm.
    being_undone: Vec<Position>,
}

/// What a client knows.
#[derive(Default)]
pub(super) struct Acknowledged {
    /// Whether it was told that the session committed.
    pub(super) committed: Option<bool>,
}

impl Ledger {
    /// A durable write; what is wrong with it.
    pub(super) fn commit(&mut self, node: usize, key: SessionKey, write: &Write) -> Result<(), String> {
        let row = &write.row;
        let part = self.parts.entry(key).or_insert_with(|| Part {
            node,
            role: key.role,
            header: Arc::clone(&row.header),
            version: 0,
            state: RowState::Active,
            is_local: false,
            transactions: Vec::new(),
            being_undone: Vec::new(),
        });
        let whose = || format!("role {} at the row's version {}", key.role.0, row.version);
        if part.version != write.replaces {
            return Err(format!(
                "{}: it replaces {}, and the version before it was {}",
                whose(),
                write.replaces,
                part.version
            ));
        }
        let is_without_part = ends_without_part(&self.definitions, part, key.role, write);
        if !follows(&part.state, &row.state) && !is_without_part {
            return Err(format!("{}: {:?} follows {:?}", whose(), row.state, part.state));
        }
        if matches!((&part.state, &row.state), (RowState::Active, RowState::Aborting { .. })) {
            part.being_undone = part.last_of_scopes();
        }
        for change in &write.changes {
            match change {
                Change::Transaction(record) => {
                    if !matches!(part.state, RowState::Active) {
                        return Err(format!("{}: {} commits after {:?}", whose(), record.operation, part.state));
                    }
                    if part.transactions.iter().any(|known| known.position == record.position) {
                        return Err(format!("{}: {} commits twice", whose(), record.operation));
                    }
                    part.transactions.push(TransactionRecord { undone: false, ..record.clone() });
                }
                Change::Undone(position) => {
                    part.undo(*position, &row.state).map_err(|what| format!("{}: {what}", whose()))?;
                }
                Change::Returned { position, result } => {
                    part.returned(*position, result).map_err(|what| format!("{}: {what}", whose()))?;
                }
                Change::Call(_) | Change::ScopeVote(_) | Change::Message(_) | Change::Drop(_) => {}
            }
        }
        part.version = row.version;
        part.is_local |= matches!(row.state, RowState::Aborting { local: true, .. });
        part.state = row.state.clone();
        part.ended()?;
        self.decided_by(key, write)
    }

    /// The session is to be settled whatever happens.
    pub(super) fn acknowledge(
        &mut self,
        node: usize,
        choreography: &'static str,
        id: &str,
        session: SessionId,
    ) -> Result<(), String> {
        self.acknowledged.entry(session).or_default();
        match self.ids.insert((node, choreography, id.to_owned()), session) {
            Some(known) if known != session => Err(format!(
                "the id `{id}` of `{choreography}` was that of the session {known:?}, and is now that of {session:?}"
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// The client is told the outcome.
    pub(super) fn answer(&mut self, session: SessionId, committed: bool) -> Result<(), String> {
        match self.acknowledged.entry(session).or_default().committed.replace(committed) {
            Some(before) if before != committed => Err("a client was told two outcomes".to_owned()),
            Some(_) | None => Ok(()),
        }
    }
}

impl Part {
    /// What is undone next where a scope is.
    fn last_of_scopes(&self) -> Vec<Position> {
        let standing = self.transactions.iter().filter(|record| !record.undone);
        let is_last = |record: &&TransactionRecord| {
            let is_behind = |other: &&TransactionRecord| other.position == record.position;
            record.scopes.iter().any(|scope| {
                let last = standing.clone().rfind(|other| other.scopes.contains(scope));
                last.as_ref().is_some_and(is_behind)
            })
        };
        standing.clone().filter(is_last).map(|record| record.position).collect()
    }

    fn returned(&mut self, position: Position, result: &Arc<str>) -> Result<(), String> {
        match self.transactions.iter_mut().find(|record| record.position == position) {
            Some(record) if record.result.is_none() && !record.undone => {
                record.result = Some(Arc::clone(result));
                Ok(())
            }
            Some(record) => Err(format!("{} has returned already, or is undone", record.operation)),
            None => Err(format!("what nobody intended has returned, at {position:?}")),
        }
    }

    fn undo(&mut self, position: Position, state: &RowState) -> Result<(), String> {
        let Some(at) = self.transactions.iter().position(|record| record.position == position) else {
            return Err(format!("what never committed is undone, at {position:?}"));
        };
        let was_active = matches!(self.state, RowState::Active);
        let Some((record, after)) = self.transactions.get_mut(at..).and_then(<[_]>::split_first_mut) else {
            return Ok(());
        };
        if record.undone {
            return Err(format!("{} is undone twice", record.operation));
        }
        let may_be_under_way = self.being_undone.contains(&position);
        // One that is refused is marked where it stands: another arm may have called something after it.
        let may_be_refused = was_active && record.result.is_none();
        let standing =
            |within: &dyn Fn(&TransactionRecord) -> bool| after.iter().any(|later| !later.undone && within(later));
        let in_order = match state {
            RowState::Active => record.scopes.iter().any(|scope| !standing(&|later| later.scopes.contains(scope))),
            _ => may_be_under_way || !standing(&|_| true),
        };
        record.undone = true;
        match in_order {
            true => Ok(()),
            false if may_be_refused => Ok(()),
            false => Err(format!("{} is undone before what committed after it", record.operation)),
        }
    }

    /// What must hold once the role has ended.
    fn ended(&self) -> Result<(), String> {
        match &self.state {
            RowState::Finished { outcome: Err(_) } => match self.transactions.iter().find(|record| !record.undone) {
                Some(record) => Err(format!("it is rolled back, and {} is not undone", record.operation)),
                None => Ok(()),
            },
            RowState::Committed { .. } | RowState::Finished { outcome: Ok(_) } => {
                let of_a_whole_scope = |record: &TransactionRecord| {
                    record.scopes.iter().any(|scope| {
                        let mut inside = self.transactions.iter().filter(|other| other.scopes.contains(scope));
                        inside.all(|other| other.undone)
                    })
                };
                match self.transactions.iter().find(|record| record.undone && !of_a_whole_scope(record)) {
                    Some(record) => Err(format!("it is committed, and {} is undone", record.operation)),
                    None => Ok(()),
                }
            }
            RowState::Active | RowState::Voted { .. } | RowState::Aborting { .. } => Ok(()),
        }
    }
}

/// Whether a row may go from one state to the other.
fn follows(before: &RowState, after: &RowState) -> bool {
    use RowState::{Aborting, Active, Committed, Finished, Voted};
    match (before, after) {
        (Active, Active | Voted { .. } | Aborting { .. })
        | (Voted { .. }, Voted { .. } | Aborting { .. } | Committed { .. } | Finished { outcome: Ok(_) })
        | (Aborting { .. }, Aborting { .. } | Finished { outcome: Err(_) })
        | (Committed { .. }, Committed { .. } | Finished { outcome: Ok(_) }) => true,
        (Active | Voted { .. } | Aborting { .. } | Committed { .. } | Finished { .. }, _) => false,
    }
}

impl Ledger {
    /// How many sessions began, and how many of them were rolled back.
    pub(super) fn count(&self) -> (u64, u64) {
        let at_initiator = self.parts.values().filter(|part| part.header.initiator == part.role);
        at_initiator.fold((0, 0), |(all, aborted), part| {
            let is_aborted = matches!(part.state, RowState::Aborting { .. } | RowState::Finished { outcome: Err(_) });
            (all + 1, aborted + u64::from(is_aborted))
        })
    }
}
