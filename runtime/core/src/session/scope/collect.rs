//! How the votes of a scope get around: 2 (n - 1) frames among n members, not one for each pair.
//!
//! The first member of a scope, by the order of participants, collects its votes. Each of the others sends
//! its vote to the collector; the collector, with all votes, tells all of them how the scope ended. It also
//! passes on the first abort that it hears of, so that bodies stop, and tells why once all have voted. In a
//! scope of two members each tells the other, and nobody collects.
//!
//! Nobody depends on the collector for the outcome:
//! - news is not kept. Whoever has voted and does not know the end asks the collector when the resend timer
//!   fires, and the collector answers, also that it still waits for votes;
//! - a vote that the collector has not answered when the timer fires again goes to all members. Whoever is
//!   asked answers with what it knows, its own vote at least: with the votes of all, no collector is needed;
//! - news is only ever of durable votes, and votes never change: news that is late or comes twice is true.

use super::{EarlyVotes, Scope};
use crate::fault::{self, Fault};
use crate::frame::Body;
use crate::identity::{Position, RoleId, WriteId};
use crate::scope::{ScopeNews, ScopeVote, Scopes};
use crate::session::Session;

/// What a collector has told the other members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    #[default]
    Nothing,
    /// That the scope was aborted, and not why.
    Abort,
    /// How it ended.
    End,
}

/// Whether a member has asked the collector, since it voted, and been answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Asked {
    #[default]
    No,
    Yes,
    Answered,
}

impl Scope {
    /// Who collects the votes, where anybody does.
    pub(super) fn collector(&self, me: RoleId) -> Option<RoleId> {
        let first = self.peers.first().filter(|_| self.peers.len() > 1 || fault::collects_in_pairs())?;
        Some(me.min(*first))
    }

    /// To whom this role's vote goes when it is cast.
    pub(super) fn first_told(&self, me: RoleId) -> Vec<RoleId> {
        match self.collector(me) {
            None => self.peers.to_vec(),
            Some(collector) if collector == me => Vec::new(),
            Some(collector) => vec![collector],
        }
    }

    /// Whose word this role waits for, once it has voted.
    pub(super) fn awaited(&self, me: RoleId) -> Vec<RoleId> {
        let missing = self.peers.iter().filter(|role| !self.heard.contains_key(role)).copied();
        match self.collector(me) {
            _ if self.has_all_votes() => Vec::new(),
            Some(collector) if collector != me => vec![collector],
            Some(_) | None => missing.collect(),
        }
    }

    /// Another role's vote; its first one counts.
    pub(super) fn hear(&mut self, from: RoleId, vote: ScopeVote) {
        if !self.heard.contains_key(&from) {
            self.aborted |= vote != ScopeVote::Done;
            self.heard.insert(from, vote);
        }
    }

    fn hear_news(&mut self, from: RoleId, me: RoleId, news: ScopeNews) {
        if self.collector(me) == Some(from) {
            self.asked = Asked::Answered;
        }
        match news {
            ScopeNews::Waits { own } => own.into_iter().for_each(|vote| self.hear(from, vote)),
            ScopeNews::Aborted => self.aborted = true,
            ScopeNews::Completed => self.end = self.end.take().or(Some(Ok(()))),
            // Nobody else can have ended it.
            ScopeNews::Failed(why) if why.role == me || self.has(why.role) => {
                self.aborted = true;
                self.end = self.end.take().or(Some(Err(why)));
            }
            ScopeNews::Failed(_) => {}
        }
    }

    fn has_voted(&self, durable: WriteId) -> bool {
        self.own.is_some() && (self.after <= durable || fault::is_on(Fault::ScopeVoteBeforeDurable))
    }

    /// How the scope ended, once all votes are known to be durable.
    fn end_news(&self, me: RoleId, durable: WriteId) -> Option<ScopeNews> {
        let is_early = fault::is_on(Fault::TellsScopeEndEarly) && self.heard.len() + 1 >= self.peers.len();
        if !self.has_voted(durable) || !(self.has_all_votes() || is_early) {
            return None;
        }
        if self.is_aborted() { self.why(me).map(ScopeNews::Failed) } else { Some(ScopeNews::Completed) }
    }

    /// What is known here of the votes.
    fn news(&self, me: RoleId, durable: WriteId) -> ScopeNews {
        let has_voted = self.has_voted(durable);
        match self.end_news(me, durable) {
            Some(end) => end,
            None if self.is_aborted() && (has_voted || self.others_aborted()) => ScopeNews::Aborted,
            None => ScopeNews::Waits { own: self.own.clone().filter(|_| has_voted) },
        }
    }

    /// Another role has ended it: that is durable there.
    fn others_aborted(&self) -> bool {
        self.aborted && !matches!(self.own, Some(ScopeVote::Aborted { .. }))
    }

    /// Whether `role` may not know that the scope was aborted.
    fn may_go_on(&self, role: RoleId) -> bool {
        self.heard.get(&role).is_none_or(|vote| *vote == ScopeVote::Done)
    }
}

impl EarlyVotes {
    /// What is known of a scope that this run has not entered.
    fn news(&self) -> ScopeNews {
        let aborted = self.is_aborted || self.votes.values().any(|vote| *vote != ScopeVote::Done);
        if aborted { ScopeNews::Aborted } else { ScopeNews::Waits { own: None } }
    }
}

impl Session {
    /// A vote came from `from`, which `asks`, or it came again.
    pub(super) fn answer_vote(&mut self, from: RoleId, position: Position, around: &Scopes, asks: bool, again: bool) {
        if fault::is_on(Fault::KeepsScopeEnd) {
            return;
        }
        let (me, durable) = (self.me, self.durable);
        let news = match (self.scopes.entered.get(&position), self.scopes.early.get(&position)) {
            (Some(scope), _) if !scope.has(from) || scope.collector(me).is_none() => None,
            (Some(scope), _) if asks => Some(scope.news(me, durable)),
            // A member that runs again has lost what it was told.
            (Some(scope), _) if again => scope.end_news(me, durable),
            (None, Some(early)) if asks => Some(early.news()),
            (Some(_) | None, _) => None,
        };
        if let Some(news) = news {
            self.transmit(from, Body::ScopeNews { position, scopes: around.clone(), news });
        }
    }

    /// Another member says what it knows of the votes.
    pub(in crate::session) fn handle_scope_news(
        &mut self,
        from: RoleId,
        position: Position,
        around: &Scopes,
        news: ScopeNews,
    ) {
        if !self.takes_messages(from, position) || self.is_given_up(around) {
            return;
        }
        let me = self.me;
        if let Some(scope) = self.scopes.entered.get_mut(&position) {
            if scope.has(from) {
                scope.hear_news(from, me, news);
                self.follow_votes(position);
            }
            return;
        }
        // All else it asks for when it gets there.
        if matches!(news, ScopeNews::Aborted | ScopeNews::Failed(_)) && self.lets_in((position, from)) {
            self.hear_abort_early(position, around);
        }
    }

    fn hear_abort_early(&mut self, position: Position, around: &Scopes) {
        if self.ended {
            return;
        }
        let early = self.scopes.early.entry(position).or_insert_with(|| EarlyVotes::new(around));
        if !early.is_aborted {
            early.is_aborted = true;
            self.inbox_load.votes += 1;
        }
    }

    /// Votes have come, or have become durable: the collector tells the others what follows.
    pub(super) fn tell_news(&mut self, position: Position) {
        let (me, durable) = (self.me, self.durable);
        let Some(scope) = self.scopes.entered.get_mut(&position) else { return };
        if scope.collector(me) != Some(me) || scope.told == Told::End {
            return;
        }
        let news = scope.news(me, durable);
        let told = match &news {
            ScopeNews::Waits { .. } => Told::Nothing,
            ScopeNews::Aborted => Told::Abort,
            ScopeNews::Completed | ScopeNews::Failed(_) => Told::End,
        };
        if told <= scope.told {
            return;
        }
        scope.told = told;
        if told == Told::End {
            self.scopes.untold.remove(&position);
        }
        self.tell_all(position, &news);
    }

    fn tell_all(&mut self, position: Position, news: &ScopeNews) {
        let Some(scope) = self.scopes.entered.get(&position) else { return };
        let all = *news != ScopeNews::Aborted;
        let roles: Vec<_> = scope.peers.iter().copied().filter(|role| all || scope.may_go_on(*role)).collect();
        let scopes = scope.around.clone();
        for role in roles {
            self.transmit(role, Body::ScopeNews { position, scopes: scopes.clone(), news: news.clone() });
        }
    }

    /// What this role collects may be ready to be told.
    pub(super) fn tell_what_is_ready(&mut self) {
        if self.stopped || self.parked || self.scopes.untold.is_empty() {
            return;
        }
        let untold: Vec<_> = self.scopes.untold.iter().copied().collect();
        untold.into_iter().for_each(|position| self.tell_news(position));
    }

    /// The resend timer has fired: whoever has voted and does not know how the scope ends asks, and a
    /// collector reminds those that may not know of an abort.
    pub(in crate::session) fn ask_for_scope_votes(&mut self) {
        if self.stopped || self.parked {
            return;
        }
        let (me, durable) = (self.me, self.durable);
        let (mut asks, mut reminds) = (Vec::new(), Vec::new());
        for (position, scope) in &mut self.scopes.entered {
            let Some(collector) = scope.collector(me) else { continue };
            if !scope.has_voted(durable) || scope.has_all_votes() {
                continue;
            }
            if collector == me {
                reminds.extend(scope.is_aborted().then_some(*position));
                continue;
            }
            let roles = if scope.asked == Asked::Yes { scope.peers.clone() } else { vec![collector] };
            scope.asked = Asked::Yes;
            if let Some(vote) = scope.own.clone() {
                asks.push((roles, *position, scope.around.clone(), vote));
            }
        }
        reminds.into_iter().for_each(|position| self.tell_all(position, &ScopeNews::Aborted));
        for (roles, position, scopes, vote) in asks {
            for role in roles {
                let (scopes, vote) = (scopes.clone(), vote.clone());
                self.transmit(role, Body::ScopeVote { position, scopes, vote, asks: true });
            }
        }
    }
}
