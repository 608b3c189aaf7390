//! Sending, and sending again what nobody has answered: on a new connection, when asked, and slowly by the clock.

use std::sync::Arc;

use super::parts::{Outgoing, Timer};
use super::peers::Peer;
use super::{Run, Session};
use crate::fault::{self, Fault};
use crate::frame::{Body, Frame, Outcome, Vote};
use crate::identity::{Millis, Position, RoleId};
use crate::record::{RowState, Said};
use crate::retry::doubled;

/// How many participants, besides the initiator, hear a role's vote each time that the clock sends
/// it again, in turn. If all heard it, there would be as many frames as the square of their number.
const VOTES_AGAIN_MAX: usize = 64;

impl Session {
    /// The transport has a new connection with the node that plays `role`: what was sent before may be lost.
    pub fn handle_connected(&mut self, role: RoleId) {
        if let Some(peer) = self.peers.get_mut(&role) {
            peer.has_header = false;
            self.resend_to(role);
        }
    }

    /// It is `now`, and [`Session::poll_timeout`] may have passed.
    pub fn handle_timeout(&mut self, now: Millis) {
        // Those that are due now; what they arm anew is for another time, whatever the clock says.
        let due: Vec<_> = self.timers.iter().filter(|(_, at)| **at <= now).map(|(timer, _)| *timer).collect();
        self.timers.retain(|_, at| *at > now);
        for timer in due {
            match timer {
                Timer::Resend => {
                    self.told_awaits.clear();
                    self.resend_by_clock();
                    self.ask_for_scope_votes();
                    self.resends = self.resends.saturating_add(1);
                    self.arm_log(now);
                    self.arm_resend(now);
                }
                Timer::Transaction(position) => self.runs.push_back(Run::Transaction(position)),
                Timer::Call(position) => self.runs.push_back(Run::Call(position)),
                Timer::Wait(position) => self.wait_elapsed(position),
                Timer::Scope(position) => self.scope_takes_too_long(position),
                Timer::Compensation => self.retry_compensation(),
                Timer::Log => self.log_lazily(),
                Timer::Settle => self.record_commit(),
                Timer::Deadline => self.deadline_passed(),
            }
        }
    }

    /// Somebody wants it to go on now: what failed is tried again and what is unanswered is sent again, at once and then as patiently as at
    /// first. How many operations and compensations are tried.
    pub fn handle_retry(&mut self, now: Millis) -> usize {
        let mut tried = 0;
        for (timer, at) in self.timers.iter_mut() {
            match timer {
                Timer::Transaction(_) | Timer::Call(_) | Timer::Compensation => {
                    *at = now;
                    tried += 1;
                }
                Timer::Resend => *at = now,
                Timer::Wait(_) | Timer::Scope(_) | Timer::Log | Timer::Settle | Timer::Deadline => {}
            }
        }
        self.resends = 0;
        // An initiator says nothing of a session that is not durable.
        if self.runs_program() && (self.accepted || !self.is_initiator()) {
            self.ask_peers();
        }
        self.handle_timeout(now);
        tried
    }

    pub(super) fn arm_resend(&mut self, now: Millis) {
        if self.finishing.is_some() || self.peers.is_empty() {
            return;
        }
        let delay = doubled(self.timing.resend_millis_min, self.resends, self.timing.resend_millis_max);
        self.timers.insert(Timer::Resend, now.plus(delay.max(1)));
    }

    /// Everything that nobody has answered; a vote, in turn.
    fn resend_by_clock(&mut self) {
        let roles: Vec<_> = self.peers.keys().copied().collect();
        let resends = usize::try_from(self.resends).unwrap_or(usize::MAX);
        let first = resends.saturating_mul(VOTES_AGAIN_MAX).checked_rem(roles.len()).unwrap_or(0);
        for (index, role) in roles.iter().copied().enumerate() {
            self.resend_messages(role);
            let has_turn = (index + roles.len() - first) % roles.len() < VOTES_AGAIN_MAX;
            let is_vote = matches!(self.state(), Some(RowState::Voted { .. })) && !self.is_initiator();
            if has_turn || !is_vote || role == self.header.initiator {
                self.resend_ending(role);
            }
        }
    }

    /// Everything for `role` that it has not answered.
    pub(super) fn resend_to(&mut self, role: RoleId) {
        self.resend_messages(role);
        self.resend_ending(role);
    }

    fn resend_messages(&mut self, role: RoleId) {
        let Some(peer) = self.peers.get_mut(&role) else { return };
        peer.asked = false;
        let durable = self.durable;
        if (!self.stopped || fault::is_on(Fault::SettledGoesOnSending)) && !self.parked {
            let left = self.kept_for(role).filter(|(_, message)| message.after <= durable);
            let messages: Vec<_> = left.map(|(key, _)| key).collect();
            messages.into_iter().for_each(|key| self.transmit_message(key));
        }
        self.pass_cancel_on(role);
        self.ask_for_votes(role);
        self.ask_again(role);
    }

    /// How the session ended here, or this role's vote.
    fn resend_ending(&mut self, role: RoleId) {
        let Some(done) = self.peers.get(&role).map(Peer::done).filter(|_| self.entered) else { return };
        let body = match self.state() {
            Some(RowState::Voted { .. }) if !done && !self.decided => self.vote(),
            Some(RowState::Voted { .. } | RowState::Committed { .. }) if !done && self.awaits_end_of(role) => {
                Body::Done { outcome: Outcome::Committed, answer: false }
            }
            Some(RowState::Aborting { reason, .. }) if self.is_origin() && !done => {
                Body::Vote { voter: self.me, vote: Vote::Aborted { reason: Arc::clone(reason) } }
            }
            Some(RowState::Aborting { via, .. }) if *via == role && self.is_compensated() => {
                Body::Done { outcome: Outcome::Compensated, answer: false }
            }
            _ => return,
        };
        self.transmit(role, body);
    }

    /// After a restart: whoever has something for this role is to send it again.
    pub(super) fn ask_peers(&mut self) {
        self.broadcast(|_| true, Body::Need);
    }

    pub(super) fn broadcast(&mut self, to: impl Fn(&Peer) -> bool, body: Body) {
        let roles: Vec<_> = self.peers.iter().filter(|(_, peer)| to(peer)).map(|(role, _)| *role).collect();
        roles.into_iter().for_each(|role| self.transmit(role, body.clone()));
    }

    /// Whether the message's gate is open.
    pub(super) fn has_left(&self, key: (RoleId, Position)) -> bool {
        self.outgoing.get(&key).is_none_or(|message| message.after <= self.durable || opens_early(message))
    }

    pub(super) fn transmit_message(&mut self, key: (RoleId, Position)) {
        let Some(message) = self.outgoing.get(&key) else { return };
        let (position, scopes) = (key.1, message.scopes.clone());
        let body = match &message.said {
            Said::Value(payload) => Body::Message { position, scopes, payload: Arc::clone(payload) },
            Said::Vote(vote) => Body::ScopeVote { position, scopes, vote: vote.clone(), asks: false },
        };
        self.transmit(key.0, body);
        self.ask_if_short(key.0);
    }

    pub(super) fn transmit(&mut self, to: RoleId, body: Body) {
        let Some(peer) = self.peers.get(&to) else { return };
        let wants_header = match &body {
            Body::Message { .. }
            | Body::ScopeVote { .. }
            | Body::ScopeNews { .. }
            | Body::Cancel { .. }
            | Body::Need
            | Body::Vote { vote: Vote::Aborted { .. }, .. } => !peer.has_header,
            Body::Vote { .. }
            | Body::Stable { .. }
            | Body::Keep
            | Body::Awaits { .. }
            | Body::Done { .. }
            | Body::Over
            | Body::AwaitVotes
            | Body::OthersVoted
            | Body::Ask
            | Body::Stands { .. }
            | Body::Refused { .. } => false,
        };
        let header = wants_header.then(|| Arc::clone(&self.header));
        self.transmits.push_back(Frame { session: self.id, from: self.me, to, header, body });
    }
}

fn opens_early(message: &Outgoing) -> bool {
    match message.said {
        Said::Value(_) => fault::is_on(Fault::SendsBeforeDurable),
        Said::Vote(_) => fault::is_on(Fault::ScopeVoteBeforeDurable),
    }
}
