//! Scopes: `saga { … } else { … }` among some roles of the session (hole H18 of the specification).
//!
//! Every role of a scope votes of it once, durably: *done*, *aborted* or *stopped*. A vote is in the session row's writes, so a transaction
//! of the body and the vote exclude each other; it is sent, kept and sent again like a message of the program, until the role's own session is
//! settled, and a role that runs again makes it again. It goes to one member, which tells the others (`scope/collect.rs`). A role goes on after the body only with all votes, and all of them *done*. Otherwise
//! it undoes what it committed in the body, and goes on with the `else`: all roles take the same way, as no vote ever changes.
//!
//! A role that voted *aborted* or *stopped* does not enter the body again: nothing in it is made again, sent, or waited for. So one that voted
//! *done* and runs again leaves the body as soon as it hears of the abort, for the messages of it may never come. What belongs to a body is
//! told by the [`Scopes`] that every record and message carries.
//!
//! A driver keeps to this:
//! - a scope begins with [`Session::program_enter_scope`], which gives the `Scopes` of its body. Every request of the body says them, in its
//!   [`Place`] (a position alone is a place outside of all scopes), and gives [`Stop`] once the body is not to go on: then the body's future is
//!   dropped, and the program goes on with the next step, whatever that `Stop` was due to;
//! - [`Session::program_leave_scope`] says whether the body ran to its end. It may be said of a body that was given up already;
//! - [`Session::poll_scope`] is asked in every poll of the program from then on until it is ready. With `Completed` the value of the body is
//!   that of the scope; with `Aborted` the program does the `else`, with the variables and the digest of what it has received as they were
//!   when it entered the scope (and how the scope ended may go into the digest, why only where it was waited for); with `Stop` it is an outer scope, or the session, that ends, and the program hands it up;
//! - the roles of a scope are the same at each of them, in whatever order. Whoever has a part in an inner scope has one in the outer ones;
//! - [`Session::goes_on`] tells, without asking for anything, whether a body is to be run (on).
//!
//! A limit on a body's time counts from when this run entered it: a role that starts anew gives it all of its time again.

mod collect;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::Poll;

use collect::{Asked, Told};

use super::inbox::Load;
use super::parts::{Incoming, NO_WRITE_YET, Timer};
use super::program::{Divergence, Stop};
use super::{Run, Session};
use crate::fault::{self, Fault};
use crate::identity::{Millis, Position, RoleId, WriteId};
use crate::record::{Change, RowState, Said, ScopeVoteRecord};
use crate::scope::{Place, ScopeAbort, ScopeEnd, ScopeVote, Scopes};

/// What a session keeps of its scopes.
#[derive(Clone, Debug, Default)]
pub(super) struct ScopeTable {
    /// This role's votes, as the writes asked for leave them.
    records: BTreeMap<Position, ScopeVoteRecord>,
    /// The scopes that this run has entered.
    entered: BTreeMap<Position, Scope>,
    /// Votes of scopes that this run has not entered (yet).
    early: BTreeMap<Position, EarlyVotes>,
    /// Scopes whose vote gets its write when the poll of the program ends.
    fresh: Vec<Position>,
    /// Limits to be armed when the poll of the program ends.
    limits: Vec<(Position, u64)>,
    /// Scopes whose rollback waits for their vote to be durable.
    given_up: Vec<Position>,
    /// Scopes whose votes this role collects, and of which it has not told the end.
    untold: BTreeSet<Position>,
}

#[derive(Clone, Debug)]
struct Scope {
    around: Scopes,
    /// Its other roles, in order.
    peers: Vec<RoleId>,
    own: Option<ScopeVote>,
    /// The write that this role's vote is in.
    after: WriteId,
    heard: BTreeMap<RoleId, ScopeVote>,
    /// One of the votes, known or not, is not *done*.
    aborted: bool,
    /// How it ended, as another role has told it that knows all votes.
    end: Option<Result<(), ScopeAbort>>,
    told: Told,
    asked: Asked,
    /// The body takes part in nothing any more.
    given_up: bool,
    rolls_back: bool,
    limit_millis: Option<u64>,
}

#[derive(Clone, Debug)]
struct EarlyVotes {
    around: Scopes,
    votes: BTreeMap<RoleId, ScopeVote>,
    /// The collector of the votes says that the scope was aborted.
    is_aborted: bool,
}

impl EarlyVotes {
    fn new(around: &Scopes) -> Self {
        Self { around: around.clone(), votes: BTreeMap::new(), is_aborted: false }
    }

    /// What they count in an inbox.
    fn count(&self) -> usize {
        self.votes.len() + usize::from(self.is_aborted)
    }
}

impl Scope {
    /// As it is when this run enters it: with the vote of an earlier run, and what has come of it so far.
    fn entered(around: Scopes, peers: Vec<RoleId>, own: Option<ScopeVote>, early: Option<EarlyVotes>) -> Self {
        let (votes, is_aborted) = early.map_or_else(Default::default, |early| (early.votes, early.is_aborted));
        let mut scope = Self {
            around,
            peers,
            aborted: is_aborted || own.as_ref().is_some_and(|vote| *vote != ScopeVote::Done),
            own,
            after: WriteId::default(),
            heard: BTreeMap::new(),
            end: None,
            told: Told::default(),
            asked: Asked::default(),
            given_up: false,
            rolls_back: false,
            limit_millis: None,
        };
        for (role, vote) in votes {
            if scope.has(role) {
                scope.hear(role, vote);
            }
        }
        scope
    }

    fn is_aborted(&self) -> bool {
        self.aborted
    }

    /// Whether `role` is another role of the scope.
    fn has(&self, role: RoleId) -> bool {
        self.peers.binary_search(&role).is_ok()
    }

    fn has_all_votes(&self) -> bool {
        let has_heard = self.heard.len() == self.peers.len() || self.end.is_some();
        self.own.is_some() && (has_heard || fault::is_on(Fault::LeavesScopeEarly))
    }

    /// This role's vote.
    fn cast(&mut self, vote: ScopeVote) {
        self.aborted |= vote != ScopeVote::Done;
        self.own = Some(vote);
    }

    /// Of several roles that ended it, the first counts; so all agree, once they have all votes.
    fn why(&self, me: RoleId) -> Option<ScopeAbort> {
        if let Some(Err(why)) = &self.end {
            return Some(why.clone());
        }
        let own = self.own.iter().map(|vote| (me, vote));
        let votes = own.chain(self.heard.iter().map(|(role, vote)| (*role, vote)));
        let reasons = votes.filter_map(|(role, vote)| match vote {
            ScopeVote::Aborted { reason } => Some(ScopeAbort { role, reason: Arc::clone(reason) }),
            ScopeVote::Done | ScopeVote::Stopped => None,
        });
        reasons.min()
    }
}

impl ScopeTable {
    pub(super) fn recover(records: Vec<ScopeVoteRecord>) -> Self {
        Self { records: records.into_iter().map(|record| (record.position, record)).collect(), ..Self::default() }
    }

    /// Tells the writes that votes are in by other numbers, and forgets what only saves frames.
    #[cfg(test)]
    pub(super) fn renumber(&mut self, number: impl Fn(WriteId) -> WriteId) {
        for scope in self.entered.values_mut() {
            scope.after = number(scope.after);
            // Answers may always be lost: a vote may go to all members at any time.
            scope.asked = Asked::Yes;
        }
    }

    fn is_aborted(&self, scope: Position) -> bool {
        match self.entered.get(&scope) {
            Some(scope) => scope.is_aborted(),
            None => self.records.get(&scope).is_some_and(|record| record.vote != ScopeVote::Done),
        }
    }

    /// This role's votes.
    pub(super) fn recorded(&self) -> Vec<ScopeVoteRecord> {
        self.records.values().cloned().collect()
    }

    /// Whose word is missing of the scopes of which this role has voted.
    pub(super) fn missing_votes(&self, me: RoleId) -> impl Iterator<Item = (Position, RoleId)> {
        let voted = self.entered.iter().filter(|(_, scope)| scope.own.is_some());
        voted.flat_map(move |(position, scope)| scope.awaited(me).into_iter().map(|role| (*position, role)))
    }

    /// Whether what was committed within `scopes` is to be undone now.
    pub(super) fn roll_back(&self, scopes: &Scopes) -> bool {
        scopes.iter().any(|scope| self.entered.get(&scope).is_some_and(|scope| scope.rolls_back))
    }
}

impl Session {
    /// The program begins a scope among `roles`, whose body is to take no longer than `limit_millis`. Gives the scopes around a place in its
    /// body. Never waits.
    pub fn program_enter_scope(
        &mut self,
        at: impl Into<Place>,
        roles: &[RoleId],
        limit_millis: Option<u64>,
    ) -> Result<Scopes, Stop> {
        let Place { position, scopes: around } = at.into();
        self.go_on(&around)?;
        if self.scopes.entered.contains_key(&position) {
            return self.diverge(position, "one scope", "a second one of the same position".into());
        }
        if let Some(role) = self.stranger_in(roles) {
            return self.diverge(position, "roles that take part", format!("a scope with role {}", role.0));
        }
        let mut peers: Vec<_> = roles.iter().copied().filter(|role| *role != self.me).collect();
        peers.sort_unstable();
        peers.dedup();
        let own = self.scopes.records.get(&position).map(|record| record.vote.clone());
        let own = own.filter(|vote| *vote == ScopeVote::Done || !fault::is_on(Fault::RunsFailedScopeAgain));
        let early = self.scopes.early.remove(&position);
        self.inbox_load.votes -= early.as_ref().map_or(0, EarlyVotes::count);
        self.has_drained = true;
        if let (None, Some(limit_millis)) = (&own, limit_millis) {
            self.scopes.limits.push((position, limit_millis));
        }
        let has_voted = own.is_some();
        let scopes = around.with(position);
        let scope = Scope { limit_millis, ..Scope::entered(around, peers, own, early) };
        if scope.collector(self.me) == Some(self.me) {
            self.scopes.untold.insert(position);
        }
        self.scopes.entered.insert(position, scope);
        if has_voted {
            self.say_vote(position);
        }
        self.follow_votes(position);
        Ok(scopes)
    }

    /// One of `roles` that takes no part in the session. They mostly stand in the order of the participants.
    fn stranger_in(&self, roles: &[RoleId]) -> Option<RoleId> {
        let mut participants = self.header.participants.iter();
        let passed = roles.iter().take_while(|role| participants.any(|participant| participant == *role)).count();
        let left = roles.get(passed..).unwrap_or_default();
        left.iter().copied().find(|role| *role != self.me && !self.peers.contains_key(role))
    }

    /// The program has left the body of the innermost of `scopes`: at its end, or because it was stopped. Then [`Session::poll_scope`] says
    /// how the scope ends.
    pub fn program_leave_scope(&mut self, scopes: &Scopes, completed: bool) {
        let Some(position) = scopes.innermost() else { return };
        if self.go_on(scopes).is_err() || self.scopes.entered.get(&position).is_none_or(|scope| scope.own.is_some()) {
            return;
        }
        if completed {
            self.vote_of_scope(position, ScopeVote::Done);
        } else {
            self.refuse_scope(position, "the body was given up".into());
        }
    }

    /// How the innermost of `scopes` ends, once the program may go on after it. Why it was aborted is waited for only where
    /// `waits_for_all`: until every role has voted.
    pub fn poll_scope(&mut self, scopes: &Scopes, waits_for_all: bool) -> Poll<Result<ScopeEnd, Stop>> {
        let entered = scopes.innermost().and_then(|position| Some((position, self.scopes.entered.get(&position)?)));
        let (Ok(()), Some((position, scope))) = (self.go_on(&scopes.outer()), entered) else {
            return Poll::Ready(Err(Stop));
        };
        if !scope.is_aborted() {
            return if scope.has_all_votes() { Poll::Ready(Ok(ScopeEnd::Completed)) } else { Poll::Pending };
        }
        let stands = self.transactions.values().any(|record| !record.undone && record.scopes.contains(position));
        if stands || (waits_for_all && !scope.has_all_votes()) {
            return Poll::Pending;
        }
        let why = if waits_for_all { scope.why(self.me) } else { None };
        Poll::Ready(Ok(ScopeEnd::Aborted(why)))
    }

    /// Whether the program may do anything within `scopes`.
    pub fn goes_on(&self, scopes: &Scopes) -> bool {
        self.go_on(scopes).is_ok()
    }

    /// Whether one of `scopes` was aborted.
    pub(super) fn is_given_up(&self, scopes: &Scopes) -> bool {
        scopes.iter().any(|scope| self.scopes.is_aborted(scope))
    }

    /// Whether this role voted *done* of one of `scopes`.
    pub(super) fn has_voted_of(&self, scopes: &Scopes) -> bool {
        scopes.iter().any(|scope| self.scopes.records.contains_key(&scope))
    }

    /// How many votes are recorded of scopes that the program has not come by, but for those within bodies that were aborted.
    pub(super) fn missed_scopes(&self) -> usize {
        let missed = |record: &&ScopeVoteRecord| {
            !self.scopes.entered.contains_key(&record.position) && !self.is_given_up(&record.scopes)
        };
        self.scopes.records.values().filter(missed).count()
    }

    /// The scope ends here, unless this role has promised that it will not.
    pub(super) fn refuse_scope(&mut self, position: Position, reason: Arc<str>) {
        match self.scopes.entered.get(&position).map(|scope| &scope.own) {
            Some(None) => {
                self.vote_of_scope(position, ScopeVote::Aborted { reason });
                self.follow_votes(position);
            }
            Some(Some(ScopeVote::Done)) => {
                let recorded = "the end of the scope's body".into();
                let attempted = format!("the refusal `{reason}`");
                self.park(Divergence { position: Some(position), recorded, attempted });
            }
            Some(Some(ScopeVote::Aborted { .. } | ScopeVote::Stopped)) | None => {}
        }
    }

    pub(super) fn scope_takes_too_long(&mut self, position: Position) {
        let limit = self.scopes.entered.get(&position).filter(|scope| scope.own.is_none());
        if let Some(limit_millis) = limit.and_then(|scope| scope.limit_millis)
            && !self.stopped
            && !self.parked
        {
            self.refuse_scope(position, format!("not completed within {limit_millis} ms").into());
        }
    }

    /// Another role's vote; where it `asks`, it is told what is known of the others.
    pub(super) fn handle_scope_vote(
        &mut self,
        from: RoleId,
        position: Position,
        around: &Scopes,
        vote: ScopeVote,
        asks: bool,
    ) {
        if !self.takes_messages(from, position) || self.is_given_up(around) {
            return;
        }
        if self.comes_again(from, position) {
            return self.answer_vote(from, position, around, asks, true);
        }
        let is_part = |scope: &Scope| scope.has(from);
        let entered = self.scopes.entered.get(&position).map(is_part);
        // Before its scope is entered it is like a message that the program does not wait for yet.
        if entered == Some(false) || (entered.is_none() && !self.lets_in((position, from))) {
            return;
        }
        let said = Some(Said::Vote(vote.clone()));
        let incoming = Incoming { scopes: around.clone(), said, taken: true, logged: None };
        self.inbox.insert((position, from), incoming);
        self.unlogged.push((position, from));
        match self.scopes.entered.get_mut(&position) {
            None => self.hear_early(from, position, around, vote),
            Some(scope) => {
                scope.hear(from, vote);
                self.follow_votes(position);
            }
        }
        self.answer_vote(from, position, around, asks, false);
    }

    /// A vote of a scope that this run has not entered.
    pub(super) fn hear_early(&mut self, from: RoleId, position: Position, around: &Scopes, vote: ScopeVote) {
        let early = self.scopes.early.entry(position).or_insert_with(|| EarlyVotes::new(around));
        if !self.ended && early.votes.insert(from, vote).is_none() {
            self.inbox_load.votes += 1;
        }
    }

    /// This role's vote, once and for all: it is in the next write.
    fn vote_of_scope(&mut self, position: Position, vote: ScopeVote) {
        let voted = matches!(self.state(), Some(RowState::Voted { .. }));
        let Some(scope) = self.scopes.entered.get_mut(&position) else { return };
        self.timers.remove(&Timer::Scope(position));
        // Nobody waits for the end of a scope of this role alone, and running it again leads there: but not in time, perhaps, where timers in it
        // begin again.
        if vote == ScopeVote::Done && scope.peers.is_empty() && (scope.limit_millis.is_none() || voted) {
            scope.cast(vote);
            return;
        }
        if voted {
            let attempted = format!("the vote {vote:?}");
            self.park(Divergence { position: Some(position), recorded: "no vote of a scope".into(), attempted });
            return;
        }
        scope.cast(vote.clone());
        scope.after = NO_WRITE_YET;
        let record = ScopeVoteRecord { position, scopes: scope.around.clone(), vote };
        self.scopes.records.insert(position, record.clone());
        self.scopes.fresh.push(position);
        self.unwritten.push(Change::ScopeVote(record));
        self.say_vote(position);
    }

    fn say_vote(&mut self, position: Position) {
        let Some(scope) = self.scopes.entered.get(&position) else { return };
        let Scope { own: Some(vote), around, .. } = scope else { return };
        let (vote, around) = (vote.clone(), around.clone());
        for role in scope.first_told(self.me) {
            self.keep(role, position, around.clone(), Said::Vote(vote.clone()));
        }
    }

    /// A vote has come, or was cast: with an abort among them the body ends here, and this role says so where it has not voted.
    fn follow_votes(&mut self, position: Position) {
        self.tell_news(position);
        let Some(scope) = self.scopes.entered.get(&position) else { return };
        let stays = fault::is_on(Fault::StaysInScope) && scope.own == Some(ScopeVote::Done);
        if !scope.is_aborted() || scope.given_up || stays {
            return;
        }
        if scope.own.is_none() {
            self.vote_of_scope(position, ScopeVote::Stopped);
        }
        if let Some(scope) = self.scopes.entered.get_mut(&position) {
            scope.given_up = true;
        }
        self.scopes.given_up.push(position);
        self.give_up_body(position);
    }

    /// Nothing of the body is sent, waited for or run any more.
    fn give_up_body(&mut self, scope: Position) {
        self.keep_only(|message| !message.scopes.contains(scope));
        self.fresh.retain(|key| self.outgoing.contains_key(key));
        // Who waits outside of the body says so again in the next poll.
        self.awaited.clear();
        self.inbox.retain(|_, message| !message.scopes.contains(scope));
        self.scopes.early.retain(|_, early| !early.around.contains(scope));
        self.inbox_load = Load::default();
        self.inbox.values().for_each(|message| self.inbox_load.add(message));
        self.inbox_load.votes = self.scopes.early.values().map(EarlyVotes::count).sum();
        self.has_drained = true;
        self.transaction_requests.retain(|_, request| !request.scopes.contains(scope));
        self.call_requests.retain(|_, request| !request.scopes.contains(scope));
        self.waits.retain(|_, wait| !wait.scopes.contains(scope));
        self.gated_calls.retain(|(_, position)| self.call_requests.contains_key(position));
        self.scopes.entered.retain(|_, inner| !inner.around.contains(scope));
        self.scopes.untold.retain(|position| self.scopes.entered.contains_key(position));
        self.runs.retain(|run| match run {
            Run::Transaction(position) => self.transaction_requests.contains_key(position),
            Run::Call(position) => self.call_requests.contains_key(position),
            Run::Compensate(_) => true,
        });
        self.timers.retain(|timer, _| match timer {
            Timer::Transaction(position) => self.transaction_requests.contains_key(position),
            Timer::Call(position) => self.call_requests.contains_key(position),
            Timer::Wait(position) => self.waits.contains_key(position),
            Timer::Scope(position) => self.scopes.entered.contains_key(position),
            Timer::Resend | Timer::Compensation | Timer::Log | Timer::Settle | Timer::Deadline => true,
        });
    }

    /// The poll of the program has ended.
    pub(super) fn scopes_paused(&mut self, now: Millis) {
        for position in std::mem::take(&mut self.scopes.fresh) {
            if let Some(scope) = self.scopes.entered.get_mut(&position) {
                scope.after = self.gate;
            }
        }
        for (position, limit_millis) in std::mem::take(&mut self.scopes.limits) {
            if self.scopes.entered.get(&position).is_some_and(|scope| scope.own.is_none()) {
                self.timers.insert(Timer::Scope(position), now.plus(limit_millis));
            }
        }
    }

    /// Begins the rollback of the scopes whose vote has become durable.
    pub(super) fn roll_scopes_back(&mut self) {
        self.tell_what_is_ready();
        if self.stopped || self.scopes.given_up.is_empty() {
            return;
        }
        let (durable, entered) = (self.durable, &mut self.scopes.entered);
        let waiting = self.scopes.given_up.len();
        self.scopes.given_up.retain(|position| {
            let Some(scope) = entered.get_mut(position) else { return false };
            scope.rolls_back = scope.after <= durable;
            !scope.rolls_back
        });
        if self.scopes.given_up.len() < waiting {
            self.to_undo = None;
            self.undo_next();
        }
    }
}
