//! Frames that come in: to the session they are for, or answered here.

use std::sync::Arc;

use accompanist_core::{
    Body, Frame, Header, Outcome, POSITIONS_MAX, REASON_BYTES_MAX, RoleId, RowState, ScopeAbort, ScopeNews, ScopeVote,
    Session, SessionKey, Standing, Vote, answer_ask, answer_finished, answer_unknown, begins_session,
};

use super::cell::{Cell, lock};
use super::limits::NAME_BYTES_MAX;
use super::metrics::count;
use super::table::{Slot, Table};
use super::waiters::Waiters;
use super::{OPENING_FRAMES_MAX, PARTICIPANTS_MAX, Shared, WeakShared};
use crate::context::{BoxFuture, Definition};
use crate::quoted::quoted;
use crate::store::Store;
use crate::transport::{Inbound, Refusal};

/// The longest reason for refusing a frame that a node takes: one of its own sentences, with some names in it.
const REFUSAL_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a position.
const POSITION_BYTES: usize = 16;

/// The node as its transport knows it.
pub(super) struct NodeInbound<S: Store>(pub(super) WeakShared<S>);

impl<S: Store> Inbound for NodeInbound<S> {
    fn frame(&self, from: &str, frame: &[u8]) {
        let Some(shared) = self.0.upgrade() else { return };
        count(&shared.counts.frames_received);
        if shared.peers.is_suspended() {
            return count(&shared.counts.frames_dropped);
        }
        match Frame::decode_at(frame, |session, header| lock(&shared.headers).read(session, header)) {
            Some((frame, progress)) => {
                shared.peers.heard(from, progress);
                shared.handle_frame(from, frame);
            }
            None => shared.refuse(from, None, "the frame cannot be read; do both nodes run the same protocol version?"),
        }
    }

    fn greeting(&self) -> Vec<u8> {
        self.0.upgrade().map(|shared| shared.peers.greeting()).unwrap_or_default()
    }

    fn admit<'a>(&'a self, node: &'a str, greeting: &'a [u8]) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            let Some(shared) = self.0.upgrade() else { return Ok(()) };
            shared.peers.admit(node, greeting).await.inspect_err(|_| count(&shared.counts.databases_refused))
        })
    }

    fn refused_by(&self, node: &str, refusal: Refusal) {
        if let Some(shared) = self.0.upgrade() {
            shared.peers.refused_by(node, refusal);
        }
    }

    fn connected(&self, node: &str) {
        let Some(shared) = self.0.upgrade() else { return };
        if shared.peers.connected(node) {
            shared.say_all_again();
        }
        let cells: Vec<_> = lock(&shared.sessions)
            .slots
            .values()
            .filter_map(|slot| match slot {
                Slot::Live(cell) if cell.header.nodes.iter().flatten().any(|name| name == node) => {
                    Some(Arc::clone(cell))
                }
                Slot::Live(_) | Slot::Opening(_) => None,
            })
            .collect();
        count(&shared.counts.connections);
        match shared.presence.connected(node) {
            None => tracing::info!(node = shared.name, peer = node, sessions = cells.len(), "connected"),
            Some(away) => tracing::info!(
                node = shared.name,
                peer = node,
                sessions = cells.len(),
                away_millis = away.as_millis(),
                "connected again"
            ),
        }
        // All of them say everything again.
        lock(&shared.unsent).forget(node);
        for cell in cells {
            let header = Arc::clone(&cell.header);
            cell.step(|session, _| {
                for role in header.participants.iter().filter(|role| header.node(**role) == Some(node)) {
                    session.handle_connected(*role);
                }
            });
        }
    }

    fn disconnected(&self, node: &str, cause: &str) {
        if let Some(shared) = self.0.upgrade() {
            shared.presence.disconnected(node, cause);
        }
    }

    fn refused(&self, _reason: &str) {
        if let Some(shared) = self.0.upgrade() {
            count(&shared.counts.connections_refused);
        }
    }

    fn room(&self, node: &str) {
        let Some(shared) = self.0.upgrade() else { return };
        // One session after another, until there is no room again; those that are left keep their turn.
        let mut turns = lock(&shared.unsent).take(node);
        while let Some((key, role)) = turns.pop_front() {
            if let Some(cell) = shared.live(key) {
                cell.step(|session, _| session.handle_connected(role));
            }
            let mut unsent = lock(&shared.unsent);
            if unsent.has(node) {
                return unsent.put_back(node, turns);
            }
        }
    }
}

impl<S: Store> Shared<S> {
    /// Nothing went out for a while: all sessions say again what nobody has answered, and ask for what they lack.
    fn say_all_again(&self) {
        let live = |slot: &Slot<S>| match slot {
            Slot::Live(cell) => Some(Arc::clone(cell)),
            Slot::Opening(_) => None,
        };
        let cells: Vec<_> = lock(&self.sessions).slots.values().filter_map(live).collect();
        for cell in cells {
            cell.step(|session, now| _ = session.handle_retry(now));
        }
    }

    /// A frame from the node `from`.
    pub(super) fn handle_frame(self: &Arc<Self>, from: &str, frame: Frame) {
        if let Err(reason) = self.check_lengths(&frame) {
            return self.refuse(from, Some(&frame), &reason);
        }
        let key = SessionKey { session: frame.session, role: frame.to };
        let cell = {
            let mut sessions = lock(&self.sessions);
            match sessions.slots.get_mut(&key) {
                Some(Slot::Live(cell)) => Some(Arc::clone(cell)),
                Some(Slot::Opening(frames)) => {
                    if frames.len() < OPENING_FRAMES_MAX {
                        frames.push((from.to_owned(), frame));
                    }
                    return;
                }
                None => {
                    if let (true, Some(header)) = (begins_session(&frame), &frame.header) {
                        // What is under way from role to role of this node is in a session that has its place.
                        if from != self.name && !self.has_room_for(header, from, &sessions) {
                            count(&self.counts.frames_dropped);
                            return;
                        }
                        sessions.open(key, header, from);
                    }
                    None
                }
            }
        };
        match cell {
            Some(cell) => self.hand_over(&cell, from, frame),
            None => {
                let (shared, from) = (Arc::clone(self), from.to_owned());
                self.process.now_or_spawn(async move { shared.open(&from, frame, key).await });
            }
        }
    }

    /// Nothing that is longer than it can be is looked at, logged, or sent back.
    fn check_lengths(&self, frame: &Frame) -> Result<(), String> {
        let (bytes, bytes_max) = match &frame.body {
            Body::Message { payload, .. } => (payload.len(), self.limits.payload_bytes_max),
            Body::Vote { vote: Vote::Aborted { reason }, .. }
            | Body::ScopeVote { vote: ScopeVote::Aborted { reason }, .. }
            | Body::ScopeNews { news: ScopeNews::Waits { own: Some(ScopeVote::Aborted { reason }) }, .. }
            | Body::ScopeNews { news: ScopeNews::Failed(ScopeAbort { reason, .. }), .. }
            | Body::Stands { standing: Standing::Aborted { reason } }
            | Body::Cancel { reason } => (reason.len(), REASON_BYTES_MAX),
            Body::Refused { reason } => (reason.len(), REFUSAL_BYTES_MAX),
            Body::Stable { positions } | Body::Awaits { positions } => {
                (positions.len() * POSITION_BYTES, POSITIONS_MAX * POSITION_BYTES)
            }
            Body::Vote { vote: Vote::Completed { .. }, .. }
            | Body::ScopeVote { vote: ScopeVote::Done | ScopeVote::Stopped, .. }
            | Body::ScopeNews {
                news:
                    ScopeNews::Waits { own: None | Some(ScopeVote::Done | ScopeVote::Stopped) }
                    | ScopeNews::Aborted
                    | ScopeNews::Completed,
                ..
            }
            | Body::Done { .. }
            | Body::Over
            | Body::Need
            | Body::AwaitVotes
            | Body::OthersVoted
            | Body::Keep
            | Body::Ask
            | Body::Stands { standing: Standing::Unknown | Standing::Undecided | Standing::Committed } => (0, 0),
        };
        if bytes > bytes_max {
            return Err(format!("what it says has {bytes} bytes, and node `{}` takes {bytes_max}", self.name));
        }
        match &frame.header {
            Some(header) if header.choreography.len().max(header.client_id.len()) > NAME_BYTES_MAX => {
                Err(format!("the header has names of more than {NAME_BYTES_MAX} bytes"))
            }
            Some(header) if header.nodes.iter().flatten().any(|node| node.len() > NAME_BYTES_MAX) => {
                Err(format!("the header has nodes of more than {NAME_BYTES_MAX} bytes"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// To the session, if `from` may speak for the role that the frame is from.
    pub(super) fn hand_over(&self, cell: &Arc<Cell<S>>, from: &str, frame: Frame) {
        if cell.header.node(frame.from) == Some(from) {
            cell.hear(frame);
        } else {
            self.refuse(from, Some(&frame), "this node does not play the role that the frame is from");
        }
    }

    /// Whether a session that another node begins is taken on; if not, what would begin it is dropped, and comes again.
    fn has_room_for(&self, header: &Header, from: &str, sessions: &Table<S>) -> bool {
        sessions.like(header, from) < self.limits.sessions_of_peer_max
            && !self.admission.is_closed()
            && self.room.may_try()
    }

    /// The place that was taken for a session which a frame was to begin is free again.
    fn give_up_opening(&self, key: SessionKey, begins: Option<&Header>) {
        let Some(header) = begins else { return };
        let mut sessions = lock(&self.sessions);
        // A node that has just started may have taken it up meanwhile.
        if let Some(Slot::Opening(_)) = sessions.slots.get(&key) {
            sessions.take(key, header);
        }
    }

    /// A frame of a session that is not in memory. Where it may begin the session, its slot has been taken.
    async fn open(self: Arc<Self>, from: &str, frame: Frame, key: SessionKey) {
        let begins = frame.header.clone().filter(|_| begins_session(&frame));
        if let Some(misfit) = begins.as_ref().and_then(|header| self.misfit(header, from, &frame).err()) {
            self.give_up_opening(key, begins.as_deref());
            match misfit {
                Misfit::Frame(reason) => self.refuse(from, Some(&frame), &reason),
                Misfit::Authority(reason) => self.object(from, &frame, &reason),
            }
            return;
        }
        let stored = match self.store.find(key).await {
            Ok(stored) => stored,
            Err(error) => {
                tracing::error!(session = %frame.session, %error, "a frame is dropped, and will come again");
                self.give_up_opening(key, begins.as_deref());
                return;
            }
        };
        match (stored, begins) {
            (Some(stored), begins) => {
                self.give_up_opening(key, begins.as_deref());
                if stored.row.header.node(frame.from) != Some(from) {
                    return self.refuse(from, Some(&frame), "this node does not play the role that the frame is from");
                }
                let outcome = match stored.row.state {
                    RowState::Finished { outcome: Ok(_) } => Outcome::Committed,
                    RowState::Finished { outcome: Err(_) } => Outcome::Compensated,
                    // It is being taken into memory, or waits until its version is deployed again.
                    RowState::Active
                    | RowState::Voted { .. }
                    | RowState::Aborting { .. }
                    | RowState::Committed { .. } => {
                        if self.repertoire.role(&stored.row.header, frame.to).is_none() {
                            self.refuse(from, Some(&frame), &self.not_deployed(&stored.row.header));
                        }
                        return;
                    }
                };
                let answer = answer_ask(Some(&stored.row.state), &frame).or_else(|| answer_finished(outcome, &frame));
                if let Some(answer) = answer {
                    self.transmit(&stored.row.header, &answer);
                }
            }
            // An initiator that does not know its own session never started it, or has forgotten it. It writes no row, which
            // would take the client's id.
            (None, Some(header)) if frame.to == header.initiator => {
                self.give_up_opening(key, Some(&header));
                if let Body::Vote { voter, vote: Vote::Aborted { .. } } = frame.body {
                    let body = Body::Done { outcome: Outcome::Compensated, answer: true };
                    let answer = Frame { session: frame.session, from: frame.to, to: voter, header: None, body };
                    self.transmit(&header, &answer);
                }
            }
            (None, Some(header)) => {
                let Some(role) = self.repertoire.role(&header, frame.to) else { return };
                let session = Session::join(header, frame.to, Arc::clone(&self.timing), self.clock.now());
                let session = if self.peers.is_doubtful(key) { session.with_doubt() } else { session };
                self.insert(role, session, Waiters::default(), 0).hear(frame);
            }
            (None, None) => {
                if let Some(answer) = answer_ask(None, &frame).or_else(|| answer_unknown(&frame)) {
                    self.transmit_to(from, &answer);
                }
            }
        }
    }

    /// Whether a session with this header can begin here by this frame; if not, why.
    fn misfit(&self, header: &Arc<Header>, from: &str, frame: &Frame) -> Result<(), Misfit> {
        let definition = self.misfit_of_frame(header, from, frame).map_err(Misfit::Frame)?;
        // What started here is played as was said here.
        let initiator = SessionKey { session: frame.session, role: header.initiator };
        if from == self.name || self.live(initiator).is_some() {
            return Ok(());
        }
        let plays_here = |role| self.repertoire.plays(definition, role);
        let objection = self.authority.objection(header, definition, &self.name, plays_here);
        objection.map_or(Ok(()), |objection| Err(Misfit::Authority(objection)))
    }

    fn misfit_of_frame(&self, header: &Arc<Header>, from: &str, frame: &Frame) -> Result<&'static Definition, String> {
        let name = &header.choreography;
        if !lock(&self.headers).knows(frame.session, header) && header.session_id() != frame.session {
            return Err("the frame's header is not that of its session".into());
        }
        let definition = self.repertoire.definition(header, &self.name)?;
        let origin = header.node(header.initiator).unwrap_or_default();
        if origin != self.name && !self.link.get().is_none_or(|link| link.may_reach(origin)) {
            return Err(format!("node `{}` has no way to the node `{origin}`, where the session started", self.name));
        }
        if !fits(header, definition) {
            return Err(format!("the header does not fit the choreography `{name}`"));
        }
        if header.node(frame.to) != Some(&self.name) || self.repertoire.role(header, frame.to).is_none() {
            return Err(format!("node `{}` does not play role {} of `{name}`", self.name, frame.to.0));
        }
        if header.node(frame.from) != Some(from) || !header.participants.contains(&frame.from) {
            return Err(format!("node `{from}` does not play role {} of `{name}`", frame.from.0));
        }
        if let Body::Vote { voter, .. } = &frame.body
            && !header.participants.contains(voter)
        {
            return Err("a vote of a role that takes no part".into());
        }
        Ok(definition)
    }

    /// Why a session that is stored here does not go on.
    pub(super) fn not_deployed(&self, header: &Header) -> String {
        let why = self.repertoire.definition(header, &self.name).err();
        let why = why.unwrap_or_else(|| format!("node `{}` does not play that role any more", self.name));
        format!("its part of the session waits, untouched: {why}")
    }

    /// A node may not play the role that the session gives it.
    fn object(&self, from: &str, frame: &Frame, reason: &str) {
        count(&self.counts.frames_refused);
        count(&self.counts.sessions_refused);
        if let Some(unsaid) = self.objections.says() {
            tracing::error!(node = self.name, from, session = %frame.session, reason, unsaid, "refused a session");
        }
        self.answer_refused(from, Some(frame), reason);
    }

    fn refuse(&self, from: &str, frame: Option<&Frame>, reason: &str) {
        count(&self.counts.frames_refused);
        // A peer that sends nothing else must not fill the log.
        if let Some(unsaid) = self.refusals.says() {
            tracing::warn!(node = self.name, from = %quoted(from), reason = %quoted(reason), unsaid, "refused a frame");
        }
        self.answer_refused(from, frame, reason);
    }

    fn answer_refused(&self, from: &str, frame: Option<&Frame>, reason: &str) {
        // A refusal is not answered by another.
        let Some(frame) = frame.filter(|frame| !matches!(frame.body, Body::Refused { .. })) else { return };
        let body = Body::Refused { reason: reason.to_owned() };
        let answer = Frame { session: frame.session, from: frame.to, to: frame.from, header: None, body };
        self.transmit_to(from, &answer);
    }
}

/// Why a session does not begin here.
enum Misfit {
    /// Its frame is not one that begins a session here.
    Frame(String),
    /// A node plays a role that it may not play.
    Authority(String),
}

/// Whether the parties of a session are those of its choreography: one for each single role, any number for each group.
fn fits(header: &Header, definition: &Definition) -> bool {
    let counts = header.nodes.iter().map(Vec::len);
    let one_each = (0..=u16::MAX)
        .map(RoleId)
        .zip(counts.clone())
        .all(|(role, count)| count == 1 || definition.groups.contains(&role));
    one_each
        && header.nodes.len() == definition.roles.len()
        && counts.clone().sum::<usize>() <= PARTICIPANTS_MAX
        && definition.players(&[definition.initiator], counts.clone()).first() == Some(&header.initiator)
        && definition.players(definition.participants, counts) == header.participants
}

/// The link of a node without peers.
pub(super) struct Alone;

impl crate::transport::Link for Alone {
    fn send(&self, node: &str, _frame: &[u8]) -> bool {
        tracing::debug!(node, "there is no transport to reach it by");
        true
    }

    fn may_reach(&self, _node: &str) -> bool {
        false
    }
}
