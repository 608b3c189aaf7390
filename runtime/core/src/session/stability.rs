//! Which messages need not be kept: what a receiver has in its log, and how much a sender keeps of the rest (rule F4, holes H11, H16 and H17).
//!
//! A sender keeps a message until its receiver calls it stable, which it does of what is in its own durable log, and of everything once it is
//! settled. A role that runs again takes what is logged from there and is sent the rest; so it can run again from the start until it is
//! settled, whatever its senders have dropped, and no outbox of its own messages is needed. A session that is over soon logs nothing.
//!
//! Messages are logged in two cases. What has been there for [`Stability::log_after_millis`] is, in a lazy write. And a sender that keeps half
//! of [`Stability::kept_bytes_max`] for a role asks it to, which then does so at once and whatever its program is doing: so the program of the
//! sender, which waits once there is no room, goes on, also where the receiver's program takes nothing before the last message has come.

use std::collections::BTreeMap;
use std::task::Poll;

use super::Session;
use super::inbox::Load;
use super::parts::{Incoming, Outgoing, Timer};
use super::program::Stop;
use crate::fault::{self, Fault};
use crate::frame::{Body, Frame, POSITIONS_MAX};
use crate::identity::{Millis, Position, RoleId, WriteId};
use crate::record::{Change, LoggedMessage, RowState, Said, Urgency};
use crate::scope::{Place, Scopes};

/// How much is kept in memory for others, and when it is made durable there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stability {
    /// How long what has come stays with its sender until it is logged; without it, only when that is short of room.
    pub log_after_millis: Option<u64>,
    /// What the messages that a role keeps for another one may count, beyond which its program waits: their bytes of JSON, and a little for
    /// each. A message that is longer by itself waits until nothing else is kept.
    pub kept_bytes_max: usize,
    /// What the messages that have come and that the program has not taken may count, in the same way. What it does not wait for is refused
    /// beyond that, and comes again.
    pub inbox_bytes_max: usize,
}

impl Default for Stability {
    fn default() -> Self {
        Self { log_after_millis: None, kept_bytes_max: 4 * 1024 * 1024, inbox_bytes_max: 16 * 1024 * 1024 }
    }
}

/// What a message counts besides its value: about what it takes in memory.
const MESSAGE_BYTES: usize = 128;

/// How many messages that this run has not made again may be known to be stable; those beyond are sent once more.
const STABLE_EARLY_MAX: usize = 200_000;

pub(super) fn bytes(said: &Said) -> usize {
    match said {
        Said::Value(payload) => MESSAGE_BYTES.saturating_add(payload.len()),
        Said::Vote(_) => MESSAGE_BYTES,
    }
}

/// The sender's half.
impl Session {
    /// How much is kept, and when it is logged; said once, before the program is run.
    #[must_use]
    pub fn with_stability(self, stability: Stability) -> Self {
        Self { stability, ..self }
    }

    /// Whether there is room for a message with a value of so many bytes. The program waits until there is.
    pub fn poll_room(&mut self, at: &Place, to: RoleId, payload_bytes: usize) -> Poll<Result<(), Stop>> {
        let Place { position, scopes } = at;
        if let Err(stop) = self.go_on(scopes) {
            return Poll::Ready(Err(stop));
        }
        let kept_bytes = self.peers.get(&to).map_or(0, |peer| peer.kept_bytes);
        let sum = kept_bytes.saturating_add(payload_bytes).saturating_add(MESSAGE_BYTES);
        if kept_bytes == 0 || sum <= self.stability.kept_bytes_max {
            return Poll::Ready(Ok(()));
        }
        let key = (to, *position);
        if self.stable_early.contains(&key) || self.wanted.contains(&key) {
            return Poll::Ready(Ok(()));
        }
        self.waits_for_room.insert(to);
        Poll::Pending
    }

    /// What all the messages count that are kept for others.
    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Keeps what is said to `to` until that calls it stable. Whether there was something else at this position.
    pub(super) fn keep(&mut self, to: RoleId, position: Position, scopes: Scopes, said: Said) -> bool {
        let Some(peer) = self.peers.get_mut(&to) else { return false };
        let added = bytes(&said);
        peer.kept_bytes += added;
        self.kept_bytes += added;
        let before = self.outgoing.insert((to, position), Outgoing::new(scopes, said));
        if let Some(before) = &before {
            peer.kept_bytes -= bytes(&before.said);
            self.kept_bytes -= bytes(&before.said);
        }
        self.fresh.push((to, position));
        before.is_some()
    }

    /// The messages that begin the session at these roles.
    pub(super) fn hold_begins(&mut self, begins: &[RoleId]) {
        for role in begins {
            self.keep(*role, Position::BEGIN, Scopes::default(), Said::Value("null".into()));
        }
    }

    /// The messages that are kept for `role`.
    pub(super) fn kept_for(&self, role: RoleId) -> impl Iterator<Item = ((RoleId, Position), &Outgoing)> {
        let of_role = (role, Position(0))..=(role, Position(u128::MAX));
        self.outgoing.range(of_role).map(|(key, message)| (*key, message))
    }

    /// Forgets what is not to be kept any longer.
    pub(super) fn keep_only(&mut self, kept: impl Fn(&Outgoing) -> bool) {
        let (peers, kept_bytes) = (&mut self.peers, &mut self.kept_bytes);
        self.outgoing.retain(|(to, _), message| {
            let stays = kept(message);
            if let (false, Some(peer)) = (stays, peers.get_mut(to)) {
                peer.kept_bytes -= bytes(&message.said);
                *kept_bytes -= bytes(&message.said);
            }
            stays
        });
    }

    /// Nothing is said again.
    pub(super) fn forget_kept(&mut self) {
        self.outgoing.clear();
        self.stable_early.clear();
        self.wanted.clear();
        self.waits_for_room.clear();
        self.to_ask.clear();
        self.peers.known_mut().for_each(|peer| peer.kept_bytes = 0);
        self.kept_bytes = 0;
    }

    /// `from` has these messages.
    pub(super) fn handle_stable(&mut self, from: RoleId, positions: &[Position]) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.asked = false;
        for position in positions {
            let key = (from, *position);
            match self.outgoing.remove(&key) {
                Some(message) => {
                    peer.kept_bytes -= bytes(&message.said);
                    self.kept_bytes -= bytes(&message.said);
                }
                // An earlier run of this role has sent it, and this one has not come by it.
                None if self.is_recovered && !self.ended && self.stable_early.len() < STABLE_EARLY_MAX => {
                    self.stable_early.insert(key);
                }
                None => {}
            }
        }
    }

    /// A message has left for `to`: with half of the room taken, it is asked to make what has come durable.
    pub(super) fn ask_if_short(&mut self, to: RoleId) {
        let half = self.stability.kept_bytes_max / 2;
        if self.peers.get(&to).is_some_and(|peer| !peer.asked && peer.kept_bytes > half) {
            self.to_ask.insert(to);
        }
    }

    /// The poll of the program has ended, and what it could send has left or waits for its gate.
    pub(super) fn ask_for_room(&mut self) {
        self.to_ask.append(&mut self.waits_for_room);
    }

    /// A question for room: after all messages of this step, for it is about those that have left.
    pub(super) fn next_question(&mut self) -> Option<Frame> {
        while let Some(to) = self.to_ask.pop_first() {
            let has_left = self.kept_for(to).any(|(_, message)| message.after <= self.durable);
            let Some(peer) = self.peers.get_mut(&to).filter(|peer| has_left && !peer.asked) else { continue };
            peer.asked = true;
            return Some(Frame { session: self.id, from: self.me, to, header: None, body: Body::Keep });
        }
        None
    }
}

/// The receiver's half.
impl Session {
    /// A sender is short of room.
    pub(super) fn handle_keep(&mut self) {
        if !fault::is_on(Fault::IgnoresKeep) {
            self.log(Urgency::Prompt);
        }
    }

    /// Something may have come that is not logged: a session to which nothing comes is not woken for it.
    pub(super) fn arm_log(&mut self, now: Millis) {
        if let Some(millis) = self.stability.log_after_millis
            && !self.unlogged.is_empty()
            && !self.timers.contains_key(&Timer::Log)
        {
            self.timers.insert(Timer::Log, now.plus(millis.max(1)));
        }
    }

    pub(super) fn log_lazily(&mut self) {
        self.log(Urgency::Lazy);
    }

    /// Asks for a write of all that has come and is not logged. It depends on nothing, and nothing waits for it.
    fn log(&mut self, urgency: Urgency) {
        let state = self.state().cloned().unwrap_or(RowState::Active);
        let runs = matches!(state, RowState::Active | RowState::Voted { .. }) && !self.stopped && !self.parked;
        if !runs {
            return;
        }
        let mut logged: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let write = WriteId(self.last_write.0 + 1);
        for (position, from) in std::mem::take(&mut self.unlogged) {
            let Some(incoming) = self.inbox.get_mut(&(position, from)) else { continue };
            let Some(said) = incoming.said.clone() else { continue };
            incoming.logged = Some(write);
            if incoming.taken {
                incoming.said = None;
            }
            let scopes = incoming.scopes.clone();
            self.unwritten.push(Change::Message(LoggedMessage { from, position, scopes, said }));
            logged.entry(from).or_default().push(position);
        }
        if logged.is_empty() {
            return;
        }
        self.logging.push_back((write, logged));
        self.write(state, urgency);
        if fault::is_on(Fault::StableBeforeDurable) {
            self.say_stable_up_to(write);
        }
    }

    /// Tells the senders of what has become durable.
    pub(super) fn say_stable(&mut self) {
        self.say_stable_up_to(self.durable);
    }

    fn say_stable_up_to(&mut self, durable: WriteId) {
        while self.logging.front().is_some_and(|(write, _)| *write <= durable) {
            let logged = self.logging.pop_front().map(|(_, logged)| logged).unwrap_or_default();
            logged.into_iter().for_each(|(from, positions)| self.call_stable(from, &positions));
        }
    }

    fn call_stable(&mut self, from: RoleId, positions: &[Position]) {
        for positions in positions.chunks(POSITIONS_MAX) {
            self.transmit(from, Body::Stable { positions: positions.to_vec() });
        }
    }

    /// A role that runs again is told which of its messages it need not send: all that are logged.
    pub(super) fn say_stable_again(&mut self, from: RoleId) {
        let durable = self.durable;
        let is_stable = |incoming: &Incoming| incoming.logged.is_some_and(|write| write <= durable);
        let of_role = self.inbox.iter().filter(|((_, sender), incoming)| *sender == from && is_stable(incoming));
        let positions: Vec<_> = of_role.map(|((position, _), _)| *position).collect();
        self.call_stable(from, &positions);
    }

    /// Whether that has come before. Its sender may not have heard that it is stable.
    pub(super) fn comes_again(&mut self, from: RoleId, position: Position) -> bool {
        let Some(incoming) = self.inbox.get(&(position, from)) else { return false };
        let is_stable = incoming.logged.is_some_and(|write| write <= self.durable);
        if is_stable || (fault::is_on(Fault::StableWhenVoted) && matches!(self.state(), Some(RowState::Voted { .. }))) {
            self.call_stable(from, &[position]);
        }
        true
    }

    /// The program has ended, and takes nothing more. What is not logged stays: its senders may ask for it.
    pub(super) fn close_inbox(&mut self) {
        for incoming in self.inbox.values_mut() {
            incoming.taken = true;
            if incoming.logged.is_some() {
                incoming.said = None;
            }
        }
        self.inbox_load = Load::default();
        self.refused.clear();
        self.awaited.clear();
        self.stable_early.clear();
    }

    /// What an earlier run has logged has come.
    pub(super) fn recover_log(&mut self, messages: Vec<LoggedMessage>) {
        if !self.runs_program() || fault::is_on(Fault::ForgetsLog) {
            return;
        }
        for LoggedMessage { from, position, scopes, said } in messages {
            if self.is_given_up(&scopes) {
                continue;
            }
            let taken = position == Position::BEGIN || matches!(said, Said::Vote(_));
            let said = match said {
                Said::Vote(vote) => {
                    self.hear_early(from, position, &scopes, vote);
                    None
                }
                Said::Value(_) if taken => None,
                Said::Value(_) => Some(said),
            };
            let incoming = Incoming { scopes, said, taken, logged: Some(WriteId::default()) };
            self.inbox_load.add(&incoming);
            self.inbox.insert((position, from), incoming);
        }
    }
}
