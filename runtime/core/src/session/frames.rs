//! What others say, and what is answered.

use std::sync::Arc;

use super::parts::Incoming;
use super::{Event, Session};
use crate::fault::{self, Fault};
use crate::frame::{Body, Frame, Outcome, Vote};
use crate::identity::{Header, Position, RoleId};
use crate::record::{RowState, Said};
use crate::scope::{ScopeNews, Scopes};

impl Session {
    /// A frame came from another role of this session; the driver has made sure that it comes from that role's node. The program is to be
    /// polled next.
    pub fn handle_frame(&mut self, frame: Frame) {
        if frame.session != self.id || frame.to != self.me {
            return;
        }
        let Some(peer) = self.peers.get_mut(&frame.from) else { return };
        peer.has_header = true;
        peer.refused = None;
        let from = frame.from;
        match frame.body {
            Body::Message { position, scopes, payload } => self.handle_message(from, position, scopes, payload),
            Body::ScopeVote { position, scopes, vote, asks } => {
                self.handle_scope_vote(from, position, &scopes, vote, asks);
            }
            Body::ScopeNews { position, scopes, news } => self.handle_scope_news(from, position, &scopes, news),
            Body::Stable { positions } => self.handle_stable(from, &positions),
            Body::Keep => self.handle_keep(),
            Body::Awaits { positions } => self.handle_awaits(from, positions),
            Body::Vote { voter, vote: Vote::Completed { parts } } => self.handle_completed(from, voter, parts),
            Body::Vote { voter, vote: Vote::Aborted { reason } } => self.handle_aborted(from, voter, reason),
            Body::Done { outcome: Outcome::Committed, answer } => self.handle_done_committed(from, answer),
            Body::Done { outcome: Outcome::Compensated, .. } => self.handle_done_compensated(from),
            Body::Over => self.handle_over(from),
            Body::Need => {
                peer.has_header = false;
                self.say_stable_again(from);
                self.resend_to(from);
            }
            Body::Cancel { reason } => self.handle_cancel_of_peer(from, reason),
            Body::AwaitVotes => self.handle_await_votes(from),
            Body::OthersVoted => self.handle_others_voted(from),
            Body::Ask => self.handle_ask(from),
            Body::Stands { standing } => self.handle_standing(from, standing),
            Body::Refused { reason } => {
                peer.refused = Some(reason.as_str().into());
                self.events.push_back(Event::PeerRefused { role: from, reason });
            }
        }
        if self.row.is_none() && self.stopped {
            // An initiator has nothing to do in a session that it does not know.
            self.events.push_back(Event::Finished);
        }
    }

    /// Rules F3, F4 and the relay of A2.
    fn handle_message(&mut self, from: RoleId, position: Position, scopes: Scopes, payload: Arc<str>) {
        if !self.takes_messages(from, position) || self.is_given_up(&scopes) {
            return;
        }
        let (key, said) = ((position, from), Some(Said::Value(payload)));
        match self.inbox.get_mut(&key) {
            // The program has given up waiting for it: it is logged for its sender's sake.
            Some(incoming) if incoming.said.is_none() && incoming.logged.is_none() => incoming.said = said,
            Some(_) => {
                self.comes_again(from, position);
                return;
            }
            None => {
                let is_begin = position == Position::BEGIN;
                if !is_begin && !self.lets_in(key) {
                    return;
                }
                let incoming = Incoming { scopes, said, taken: self.ended || is_begin, logged: None };
                self.inbox_load.add(&incoming);
                self.inbox.insert(key, incoming);
            }
        }
        self.unlogged.push(key);
        if fault::is_on(Fault::StableWhenVoted) && matches!(self.state(), Some(RowState::Voted { .. })) {
            self.transmit(from, Body::Stable { positions: vec![position] });
        }
    }

    /// Whether the program has any use for a message, or a vote of a scope, that came from `from`. One that has not is answered.
    pub(super) fn takes_messages(&mut self, from: RoleId, position: Position) -> bool {
        match self.state() {
            Some(RowState::Committed { .. }) => {
                if self.entered {
                    self.transmit(from, Body::Stable { positions: vec![position] });
                }
                false
            }
            Some(RowState::Aborting { .. }) => {
                self.relay_abort(from);
                false
            }
            Some(RowState::Finished { .. }) => false,
            None | Some(RowState::Active | RowState::Voted { .. }) => !self.stopped && !self.parked,
        }
    }

    /// A role votes *completed* for itself only: nobody passes such a vote on.
    fn handle_completed(&mut self, from: RoleId, voter: RoleId, parts: Option<Vec<RoleId>>) {
        let counts_for = if fault::is_on(Fault::VotesForOthers) { voter } else { from };
        if voter != counts_for {
            return;
        }
        self.peers.complete(counts_for);
        self.learn_parts(from, parts);
        match self.state() {
            None | Some(RowState::Active) if fault::is_on(Fault::VoteAnsweredFromMemory) => {
                self.transmit(from, Body::Done { outcome: Outcome::Committed, answer: true });
            }
            None | Some(RowState::Active | RowState::Finished { .. }) => {}
            Some(RowState::Voted { .. }) if self.decided => self.answer_done(from, Outcome::Committed),
            Some(RowState::Voted { .. }) => {
                self.tell_early();
                self.decide_if_all_completed();
                self.answer_pivots();
            }
            Some(RowState::Committed { .. }) => self.answer_done(from, Outcome::Committed),
            Some(RowState::Aborting { .. }) => self.relay_abort(from),
        }
    }

    fn handle_aborted(&mut self, from: RoleId, voter: RoleId, reason: Arc<str>) {
        match self.state() {
            // All have voted otherwise.
            Some(RowState::Voted { .. }) if self.decided || self.told => {}
            None | Some(RowState::Active | RowState::Voted { .. }) if self.contradicts(from, voter) => {}
            None | Some(RowState::Active | RowState::Voted { .. }) => {
                // A vote of this role's own that it knows nothing of is one that it has forgotten: all have stopped, and whoever still
                // passes it on is told so in the end.
                let via = if voter == self.me { from } else { voter };
                if self.peers.contains_key(&via) {
                    self.abort_via(via, reason);
                }
            }
            Some(RowState::Aborting { .. }) => {
                if self.is_compensated() || fault::is_on(Fault::AnswersBeforeRecord) {
                    self.answer_done(voter, Outcome::Compensated);
                } else if let Some(peer) = self.peers.get_mut(&voter) {
                    peer.owed_done = true;
                }
            }
            Some(RowState::Finished { outcome: Err(_) }) => self.answer_done(voter, Outcome::Compensated),
            Some(RowState::Committed { .. } | RowState::Finished { outcome: Ok(_) }) => {}
        }
    }

    /// Whether the abort that `from` passes on in the name of `voter` is one that `voter` cannot have voted, as far as this role knows: it
    /// has voted *completed* itself, or is this role, whose row says otherwise.
    fn contradicts(&self, from: RoleId, voter: RoleId) -> bool {
        let voted_otherwise = self.peers.get(&voter).is_some_and(super::Peer::completed);
        voter != from && (voted_otherwise || voter == self.me && self.row.is_some())
    }

    fn handle_done_committed(&mut self, from: RoleId, answer: bool) {
        match self.state() {
            // The initiator says it when it has all votes. Any other role says with it that it has voted itself, and nothing of the others.
            Some(RowState::Voted { .. }) => {
                let is_of_all = from == self.header.initiator || fault::is_on(Fault::BelievesDoneOfAnyone);
                match is_of_all {
                    true => self.peers.complete_all(),
                    false => self.peers.complete(from),
                }
                self.is_done(from);
                self.tell_early();
                self.decide_if_all_completed();
                self.finish_if_all_done();
            }
            Some(RowState::Committed { .. }) if self.is_initiator() => {
                self.is_done(from);
                self.finish_if_all_done();
            }
            Some(RowState::Committed { .. }) if answer => {}
            Some(RowState::Committed { .. }) => self.answer_done(from, Outcome::Committed),
            // Whoever hears it forgets, and would not answer if this role had not.
            Some(RowState::Finished { .. }) if self.finishing.is_none() || fault::is_on(Fault::OverBeforeDurable) => {
                self.transmit(from, Body::Over);
            }
            // An initiator may have told the others before its own vote was durable, and runs again to the same end.
            None | Some(RowState::Active) if !self.stopped && !self.is_initiator() => self.committed_elsewhere(from),
            Some(RowState::Aborting { .. }) if from == self.header.initiator && !self.contradicted => {
                self.contradicted = true;
                self.events.push_back(Event::Contradiction { role: from });
            }
            None | Some(RowState::Active | RowState::Aborting { .. } | RowState::Finished { .. }) => {}
        }
    }

    /// `from` has settled, which only the initiator needs to know.
    fn is_done(&mut self, from: RoleId) {
        if self.is_initiator() {
            self.peers.set_done(from);
        }
    }

    fn handle_done_compensated(&mut self, from: RoleId) {
        if self.is_origin() {
            self.peers.set_done(from);
            self.finish_if_all_done();
            return;
        }
        // Rule G6: here is no origin that waits for it (any more).
        match self.state() {
            Some(RowState::Aborting { .. }) if fault::is_on(Fault::LearnerDoesNotSayOver) => {}
            None | Some(RowState::Aborting { .. } | RowState::Finished { .. }) => self.transmit(from, Body::Over),
            Some(RowState::Active | RowState::Voted { .. } | RowState::Committed { .. }) => {}
        }
    }

    /// Rules G1 and G3.
    fn handle_over(&mut self, from: RoleId) {
        match self.state() {
            Some(RowState::Committed { .. }) => {
                // One that had no part may know nothing of the session.
                if !self.may_lack_part(from) {
                    self.peer_forgot(from);
                }
                self.peers.set_done(from);
                self.finish_if_all_done();
            }
            Some(RowState::Aborting { via, reason, .. }) if *via == from && self.is_compensated() => {
                let reason = Arc::clone(reason);
                self.finish(Err(reason));
            }
            None
            | Some(RowState::Active | RowState::Voted { .. } | RowState::Aborting { .. } | RowState::Finished { .. }) =>
                {}
        }
    }

    /// Rule C3 and A4: only what is durable is answered.
    fn answer_done(&mut self, to: RoleId, outcome: Outcome) {
        if self.entered || fault::is_on(Fault::AnswersBeforeRecord) {
            self.transmit(to, Body::Done { outcome, answer: true });
        }
    }

    /// Rule A2: whoever has not heard of the abort is told, in the name of the role whose vote it was.
    pub(super) fn relay_abort(&mut self, to: RoleId) {
        if !self.entered {
            return;
        }
        if let Some(RowState::Aborting { via, reason, local: false }) = self.state()
            && *via != to
        {
            let vote = Body::Vote { voter: *via, vote: Vote::Aborted { reason: Arc::clone(reason) } };
            self.transmit(to, vote);
        }
    }
}

/// What a node answers, of itself, to a frame of a session that is finished at `frame.to` with `outcome` and no longer in memory. Every role
/// has reached the outcome by then, so nobody waits for the answer to a message or to a vote *completed*.
pub fn answer_finished(outcome: Outcome, frame: &Frame) -> Option<Frame> {
    let (to, body) = match (&frame.body, outcome) {
        (Body::Vote { voter, vote: Vote::Aborted { .. } }, Outcome::Compensated) => {
            (*voter, Body::Done { outcome, answer: true })
        }
        (Body::Done { .. }, _) => (frame.from, Body::Over),
        (Body::Vote { vote: Vote::Aborted { .. }, .. }, Outcome::Committed)
        | (
            Body::Message { .. }
            | Body::ScopeVote { .. }
            | Body::ScopeNews { .. }
            | Body::Cancel { .. }
            | Body::Vote { vote: Vote::Completed { .. }, .. }
            | Body::Need
            | Body::Stable { .. }
            | Body::Keep
            | Body::Awaits { .. }
            | Body::Over
            | Body::AwaitVotes
            | Body::OthersVoted
            | Body::Ask
            | Body::Stands { .. }
            | Body::Refused { .. },
            _,
        ) => return None,
    };
    Some(Frame { session: frame.session, from: frame.to, to, header: None, body })
}

/// What a node answers to a frame of a session of which it knows nothing, and which the frame does not begin (rules G6 and G7). An initiator
/// that does not know a session has never started it, or has forgotten it: it has nothing to undo and will not run it, whoever asks, and keeps
/// no record of having said so.
pub fn answer_unknown(frame: &Frame) -> Option<Frame> {
    let body = match &frame.body {
        Body::Done { .. } => Body::Over,
        Body::Vote { vote: Vote::Completed { .. }, .. } if fault::is_on(Fault::OverForUnknown) => Body::Over,
        // It might begin the session here, with the header.
        body if may_begin(body) && frame.header.is_none() => Body::Need,
        Body::Vote { voter, vote: Vote::Aborted { .. } } if *voter == frame.from && !begins_session(frame) => {
            Body::Done { outcome: Outcome::Compensated, answer: true }
        }
        Body::Message { .. }
        | Body::ScopeVote { .. }
        | Body::ScopeNews { .. }
        | Body::Cancel { .. }
        | Body::Vote { .. }
        | Body::Stable { .. }
        | Body::Keep
        | Body::Awaits { .. }
        | Body::Over
        | Body::Need
        | Body::AwaitVotes
        | Body::OthersVoted
        | Body::Ask
        | Body::Stands { .. }
        | Body::Refused { .. } => {
            return None;
        }
    };
    Some(Frame { session: frame.session, from: frame.to, to: frame.from, header: None, body })
}

/// Whether a frame of an unknown session begins it (rules F3, A2 and G7): it carries the header, and is not for the initiator, whose sessions
/// nobody else begins. A cancel is one to a role that has not voted, and dies before the session is forgotten, as messages do.
pub fn begins_session(frame: &Frame) -> bool {
    let is_to_initiator = |header: &Header| header.initiator == frame.to && !fault::is_on(Fault::InitiatorIsBegun);
    may_begin(&frame.body) && frame.header.as_deref().is_some_and(|header| !is_to_initiator(header))
}

fn may_begin(body: &Body) -> bool {
    let aborted = |vote: &Vote| matches!(vote, Vote::Aborted { .. });
    match body {
        Body::Message { .. } | Body::ScopeVote { .. } | Body::Cancel { .. } => true,
        // Of the others, each goes to a role that has voted of the scope.
        Body::ScopeNews { news, .. } => matches!(news, ScopeNews::Aborted | ScopeNews::Failed(_)),
        Body::Vote { vote, .. } => aborted(vote),
        Body::Stable { .. }
        | Body::Keep
        | Body::Awaits { .. }
        | Body::Done { .. }
        | Body::Over
        | Body::Need
        | Body::AwaitVotes
        | Body::OthersVoted
        | Body::Ask
        | Body::Stands { .. }
        | Body::Refused { .. } => false,
    }
}
