//! A role's database: its effects and its sessions, in atomic groups that become durable in order; and what must hold of them after each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::choreography::is_outside;
use crate::{Change, Millis, Position, RowState, SessionId, Stored, TransactionRecord, Urgency, Write};

/// What the service wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub session: SessionId,
    pub position: Position,
    pub undoes: bool,
}

/// What is committed at once.
#[derive(Clone, Debug)]
pub struct Group {
    pub session: SessionId,
    pub effect: Option<Effect>,
    pub writes: Vec<Write>,
}

impl Group {
    pub fn is_lazy(&self) -> bool {
        self.writes.iter().all(|write| write.urgency == Urgency::Lazy)
    }
}

#[derive(Clone, Debug)]
pub struct Kept {
    pub stored: Stored,
    pub finished: Option<Millis>,
}

/// What whoever carries out an operation outside of the database remembers of its key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outside {
    pub happened: bool,
    /// It is undone: a call of it does nothing any more.
    pub barred: bool,
    /// A call of it is on its way, and whoever made it does not wait for it any more.
    pub late: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Store {
    pub sessions: BTreeMap<SessionId, Kept>,
    pub effects: Vec<Effect>,
    /// Sessions that have, or had, a row.
    pub known: BTreeSet<SessionId>,
    /// Each call's recorded value.
    pub calls: BTreeMap<(SessionId, Position), u64>,
    /// How each session ended here, as long as the test lasts.
    pub outcomes: BTreeMap<SessionId, Result<String, String>>,
    /// Not in the database: it outlives everything, and shares no commit with it.
    pub outside: BTreeMap<(SessionId, Position), Outside>,
    pub prompt_writes: usize,
    pub lazy_writes: usize,
    pub queue: VecDeque<Group>,
}

impl Store {
    /// The next group is durable. Which session it was of, and the number of its last write.
    pub fn commit(&mut self, now: Millis) -> Option<(SessionId, Option<crate::WriteId>)> {
        let group = self.queue.pop_front()?;
        let session = group.session;
        if let Some(effect) = &group.effect {
            self.apply_effect(effect);
        }
        if group.is_lazy() {
            self.lazy_writes += 1;
        } else {
            self.prompt_writes += 1;
        }
        let last = group.writes.last().map(|write| write.id);
        group.writes.into_iter().for_each(|write| self.apply_write(session, write, now));
        Some((session, last))
    }

    /// Invariant 1, and defect 1: at most once, undone at most once and only after it, in reverse order.
    fn apply_effect(&mut self, effect: &Effect) {
        let standing = self.standing(effect.session);
        if effect.undoes {
            assert_eq!(standing.last(), Some(&effect.position), "undone out of order, or twice");
        } else {
            let before =
                self.effects.iter().any(|other| other.session == effect.session && other.position == effect.position);
            assert!(!before, "{:?} took effect twice", effect.position);
            let state = self.sessions.get(&effect.session).map(|kept| &kept.stored.row.state);
            assert!(matches!(state, None | Some(RowState::Active)), "an effect while {state:?}");
        }
        self.effects.push(effect.clone());
    }

    /// The effects that are not undone, in their order.
    pub fn standing(&self, session: SessionId) -> Vec<Position> {
        let mut standing = Vec::new();
        for effect in self.effects.iter().filter(|effect| effect.session == session) {
            if effect.undoes {
                standing.retain(|position| *position != effect.position);
            } else {
                standing.push(effect.position);
            }
        }
        standing
    }

    /// A call of an operation outside arrives. Whether it may be called at all: its intent is durable.
    pub fn arrives(&mut self, session: SessionId, position: Position) {
        let records = self.sessions.get(&session).map(|kept| &kept.stored.transactions);
        let outside = self.outside.entry((session, position)).or_default();
        let is_recorded = records.is_some_and(|records| records.iter().any(|record| record.position == position));
        assert!(is_recorded || outside.barred || outside.late, "called before its intent is durable");
        outside.happened |= !outside.barred;
    }

    /// What is undone outside is undone after what came after it: durably, for it shares no commit.
    pub fn check_order_outside(&self, session: SessionId, record: &TransactionRecord) {
        let stored = &self.sessions[&session].stored;
        let all = matches!(stored.row.state, RowState::Aborting { .. });
        let later = stored.transactions.iter().filter(|other| other.sequence > record.sequence && !other.undone);
        let within = |other: &TransactionRecord| record.scopes.iter().any(|scope| other.scopes.contains(scope));
        assert!({ later }.all(|other| !all && !within(other)), "undone outside before what came after it");
    }

    /// The operations outside that happened and are not undone.
    pub fn standing_outside(&self, session: SessionId) -> impl Iterator<Item = Position> {
        let standing = move |((id, _), outside): &(&(SessionId, Position), &Outside)| {
            *id == session && outside.happened && !outside.barred
        };
        self.outside.iter().filter(standing).map(|((_, position), _)| *position)
    }

    fn apply_write(&mut self, session: SessionId, write: Write, now: Millis) {
        self.known.insert(session);
        let before = self.sessions.get(&session).map_or(0, |kept| kept.stored.row.version);
        assert_eq!(write.replaces, before, "the write does not fit the row");
        let kept = self.sessions.entry(session).or_insert_with(|| Kept {
            stored: Stored {
                row: write.row.clone(),
                transactions: vec![],
                calls: vec![],
                scope_votes: vec![],
                messages: vec![],
            },
            finished: None,
        });
        let stored = &mut kept.stored;
        check_transition(&stored.row.state, &write.row.state);
        stored.row = write.row;
        for change in write.changes {
            match change {
                Change::Transaction(record) => {
                    assert!(stored.transactions.iter().all(|other| other.position != record.position));
                    let voted = |scope| stored.scope_votes.iter().any(|vote| vote.position == scope);
                    assert!(!record.scopes.iter().any(voted), "a transaction in a scope that this role has voted of");
                    stored.transactions.push(record);
                }
                Change::Returned { position, result } => {
                    let record = stored.transactions.iter_mut().find(|record| record.position == position);
                    let record = record.expect("an intent");
                    assert!(record.result.is_none() && !record.undone && is_outside(&record.operation));
                    record.result = Some(result);
                }
                Change::Call(record) => {
                    assert!(stored.calls.iter().all(|other| other.position != record.position));
                    self.calls.insert((session, record.position), record.result.parse().expect("a number"));
                    stored.calls.push(record);
                }
                Change::ScopeVote(record) => {
                    assert!(stored.scope_votes.iter().all(|other| other.position != record.position), "voted twice");
                    stored.scope_votes.push(record);
                }
                Change::Undone(position) => {
                    let record = stored.transactions.iter_mut().find(|record| record.position == position);
                    let undone = &mut record.expect("a record to undo").undone;
                    assert!(!std::mem::replace(undone, true), "marked undone twice");
                }
                Change::Message(message) => {
                    let key = (message.position, message.from);
                    assert!(stored.messages.iter().all(|other| (other.position, other.from) != key), "logged twice");
                    let state = &stored.row.state;
                    assert!(matches!(state, RowState::Active | RowState::Voted { .. }), "logged while {state:?}");
                    stored.messages.push(message);
                }
                Change::Drop(kinds) => {
                    assert_eq!(kinds, stored.kinds(), "what goes is what there is");
                    stored.transactions.clear();
                    stored.calls.clear();
                    stored.scope_votes.clear();
                    stored.messages.clear();
                }
            }
        }
        let committed = stored.transactions.len() as u64;
        assert!(committed == 0 || stored.row.commits == committed, "the row counts commits");
        self.check_state(session, now);
    }

    /// Invariants 2 and 3, as far as one role can tell.
    fn check_state(&mut self, session: SessionId, now: Millis) {
        let standing = self.standing(session);
        let kept = self.sessions.get_mut(&session).expect("just written");
        let transactions = &kept.stored.transactions;
        let own = |record: &&TransactionRecord| !record.undone && !is_outside(&record.operation);
        let mut recorded: Vec<_> = transactions.iter().filter(own).collect();
        recorded.sort_by_key(|record| record.sequence);
        let recorded: Vec<_> = recorded.into_iter().map(|record| record.position).collect();
        let outcome = match &kept.stored.row.state {
            RowState::Active | RowState::Voted { .. } | RowState::Aborting { .. } => {
                assert_eq!(recorded, standing, "what is recorded is what has taken effect");
                return;
            }
            RowState::Committed { result } => Ok(result.to_string()),
            RowState::Finished { outcome } => {
                kept.finished = Some(now);
                let Stored { calls, scope_votes, messages, .. } = &kept.stored;
                assert!(
                    transactions.is_empty() && calls.is_empty() && scope_votes.is_empty() && messages.is_empty(),
                    "a finished session leaves only its outcome"
                );
                assert!(outcome.is_ok() || standing.is_empty(), "finished, and not undone");
                outcome.clone().map(|result| result.to_string()).map_err(|reason| reason.to_string())
            }
        };
        let before = self.outcomes.insert(session, outcome.clone());
        // One that has forgotten an abort may hear of it again, from another role that aborted for a reason of its own.
        assert!(before.is_none_or(|before| before == outcome || (before.is_err() && outcome.is_err())), "two outcomes");
    }

    /// Rows that have been finished for `retention` go.
    pub fn forget(&mut self, retention: u64, now: Millis) {
        self.sessions.retain(|_, kept| kept.finished.is_none_or(|finished| finished.plus(retention) > now));
    }
}

fn check_transition(from: &RowState, to: &RowState) {
    use RowState::{Aborting, Active, Committed, Finished, Voted};
    let allowed = match (from, to) {
        (Active, Active | Voted { .. } | Aborting { .. }) | (Voted { .. }, Aborting { .. }) => true,
        (Voted { result }, Voted { result: same } | Committed { result: same } | Finished { outcome: Ok(same) })
        | (Committed { result }, Committed { result: same } | Finished { outcome: Ok(same) }) => result == same,
        (Aborting { via, reason, local }, Aborting { via: v, reason: r, local: l }) => {
            (via, reason, local) == (v, r, l)
        }
        (Aborting { reason, .. }, Finished { outcome: Err(same) }) => reason == same,
        // The very first write replaces itself here.
        (Finished { .. }, _) | (_, Active | Voted { .. } | Aborting { .. } | Committed { .. } | Finished { .. }) => {
            from == to
        }
    };
    assert!(allowed, "from {from:?} to {to:?}");
}
