//! Schedules by hand.

use std::rc::Rc;

use super::choreography::{A, Choreography};
use super::world::{Action, Letter, World};
use crate::{Body, Frame, RoleId, RowState, Session, SessionId, Vote};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Message,
    ScopeVote,
    ScopeNews,
    Stable,
    Keep,
    Awaits,
    Completed,
    Aborted,
    Done,
    Over,
    Need,
    Ask,
    Stands,
    Refused,
    Cancel,
    AwaitVotes,
    OthersVoted,
}

pub fn kind(frame: &Frame) -> Kind {
    match &frame.body {
        Body::Message { .. } => Kind::Message,
        Body::ScopeVote { .. } => Kind::ScopeVote,
        Body::ScopeNews { .. } => Kind::ScopeNews,
        Body::Stable { .. } => Kind::Stable,
        Body::Keep => Kind::Keep,
        Body::Awaits { .. } => Kind::Awaits,
        Body::Vote { vote: Vote::Completed { .. }, .. } => Kind::Completed,
        Body::Vote { vote: Vote::Aborted { .. }, .. } => Kind::Aborted,
        Body::Done { .. } => Kind::Done,
        Body::Over => Kind::Over,
        Body::Need => Kind::Need,
        Body::Ask => Kind::Ask,
        Body::Stands { .. } => Kind::Stands,
        Body::Refused { .. } => Kind::Refused,
        Body::Cancel { .. } => Kind::Cancel,
        Body::AwaitVotes => Kind::AwaitVotes,
        Body::OthersVoted => Kind::OthersVoted,
    }
}

impl World {
    /// A session of `choreography` whose start has been asked for.
    pub fn begun(choreography: Choreography) -> Self {
        let mut world = Self::new(Rc::new(choreography), 3);
        world.trace = Some(vec![]);
        world.step(Action::Start);
        world
    }

    /// The node of `role` does all it can, without a message.
    pub fn work(&mut self, role: RoleId) {
        let own = |action: &Action| match action {
            Action::Commit(of) | Action::Notify(of, _) | Action::Operate(of, _) => *of == role,
            _ => false,
        };
        while let Some(action) = self.progress().into_iter().find(own) {
            self.step(action);
        }
    }

    /// The node of `role` runs the next operation, and nothing becomes durable.
    pub fn operate_only(&mut self, role: RoleId) {
        let id = self.session(role).key().session;
        self.step(Action::Operate(role, id));
    }

    fn take(&mut self, from: RoleId, to: RoleId, of: Kind) -> Vec<Letter> {
        let fits = |letter: &mut Letter| (letter.frame.from, letter.frame.to, kind(&letter.frame)) == (from, to, of);
        self.network.extract_if(.., fits).collect()
    }

    /// Delivers what is under way; there must be some. Gives it back.
    pub fn deliver(&mut self, from: RoleId, to: RoleId, of: Kind) -> Vec<Frame> {
        let letters = self.take(from, to, of);
        assert!(!letters.is_empty(), "no {of:?} from {from:?} to {to:?} is under way");
        let frames = letters.iter().map(|letter| letter.frame.clone()).collect();
        letters.into_iter().for_each(|letter| self.hand_over(letter));
        frames
    }

    /// Delivers `frame`, whether it was sent or not.
    pub fn inject(&mut self, frame: Frame) {
        let sent = self.now;
        self.hand_over(Letter { frame, sent });
    }

    fn hand_over(&mut self, letter: Letter) {
        self.network.push(letter);
        let last = self.network.len() - 1;
        self.step(Action::Deliver(last));
    }

    /// How many such frames are under way.
    pub fn under_way(&self, from: RoleId, of: Kind) -> usize {
        self.network.iter().filter(|letter| letter.frame.from == from && kind(&letter.frame) == of).count()
    }

    pub fn lose_all(&mut self) {
        self.network.clear();
    }

    /// Every role that waits for the clock gets it, a few times, and all frames are lost but those that are looked at.
    pub fn resend(&mut self) {
        self.lose_all();
        (0..4).for_each(|_| self.step(Action::Tick));
    }

    pub fn session(&self, role: RoleId) -> &Session {
        &self.node(role).live.values().next().expect("a session in memory").session
    }

    pub fn id(&self) -> SessionId {
        *self.node(A).store.known.first().expect("a durable start")
    }

    /// Where `role` stands, durably.
    pub fn state(&self, role: RoleId) -> Option<&RowState> {
        self.node(role).store.sessions.get(&self.id()).map(|kept| &kept.stored.row.state)
    }

    pub fn is_committed(&self, role: RoleId) -> bool {
        matches!(self.state(role), Some(RowState::Committed { .. } | RowState::Finished { outcome: Ok(_) }))
    }

    pub fn is_aborting(&self, role: RoleId) -> bool {
        matches!(self.state(role), Some(RowState::Aborting { .. }))
    }

    /// How many transactions of `role` took effect, and how many compensations.
    pub fn effects(&self, role: RoleId) -> (usize, usize) {
        let effects = &self.node(role).store.effects;
        let undone = effects.iter().filter(|effect| effect.undoes).count();
        (effects.len() - undone, undone)
    }

    pub fn crash(&mut self, role: RoleId) {
        self.step(Action::Crash(role));
    }

    pub fn restart(&mut self, role: RoleId) {
        self.step(Action::Restart(role));
    }

    pub fn cancel(&mut self, role: RoleId) {
        let id = self.session(role).key().session;
        self.step(Action::Cancel(role, id));
    }

    /// So much time passes that nothing finished is remembered and no frame lives.
    pub fn pass_retention(&mut self) {
        self.pass(super::world::RETENTION_MILLIS);
        self.roles().for_each(|role| self.step(Action::Forget(role)));
    }

    pub fn settle_and_check(&mut self) {
        self.settle();
        self.check();
    }
}
