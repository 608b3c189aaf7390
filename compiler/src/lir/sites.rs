//! Sites: a number for each communication and operation, one for those that a merging role makes the same.

use std::collections::BTreeMap;

use super::{Block, Decision, Site, Stmt, StmtKind};
use crate::hir::{ExprId, Player};
use crate::span::Span;

/// What a site is the number of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SiteKey {
    /// The message to one receiver.
    Message(ExprId, Player),
    /// An operation, a call, a loop, a scope, what runs side by side.
    Construct(ExprId),
    /// A timer, by its time.
    Sleep(ExprId),
    /// A selection written there, to one receiver.
    Select(Span, Player),
    /// A selection that the compiler puts at the head of a branch.
    Inferred(ExprId, usize, Player),
}

/// The sites of a choreography while it is projected: a union-find forest.
#[derive(Clone, Debug, Default)]
pub struct Sites {
    keys: BTreeMap<SiteKey, Site>,
    parents: Vec<Site>,
}

impl Sites {
    /// The site of a key.
    pub fn site(&mut self, key: SiteKey) -> Site {
        let next = Site::try_from(self.parents.len()).unwrap_or(Site::MAX);
        let site = *self.keys.entry(key).or_insert(next);
        if site == next {
            self.parents.push(next);
        }
        site
    }

    /// The one of all that have been made one with it.
    pub(super) fn root(&self, mut site: Site) -> Site {
        while let Some(parent) = self.parents.get(site as usize).filter(|parent| **parent != site) {
            site = *parent;
        }
        site
    }

    /// Makes two sites one.
    pub fn unify(&mut self, one: Site, two: Site) {
        let (one, two) = (self.root(one), self.root(two));
        if let Some(parent) = self.parents.get_mut(one.max(two) as usize) {
            *parent = one.min(two);
        }
    }

    /// Numbers the sites of these blocks from 1 in the order they are met.
    pub fn number<'b>(&self, blocks: impl Iterator<Item = &'b mut Block>) {
        let mut numbers = BTreeMap::new();
        for block in blocks {
            each_site(block, &mut |site| {
                let next = Site::try_from(numbers.len() + 1).unwrap_or(Site::MAX);
                *site = *numbers.entry(self.root(*site)).or_insert(next);
            });
        }
    }
}

/// Calls `visit` with each site of a block, in order.
fn each_site(block: &mut Block, visit: &mut dyn FnMut(&mut Site)) {
    block.stmts.iter_mut().for_each(|stmt| sites_of(stmt, visit));
}

fn sites_of(stmt: &mut Stmt, visit: &mut dyn FnMut(&mut Site)) {
    match &mut stmt.kind {
        StmtKind::Send(to, _) => to.iter_mut().for_each(|(site, _)| visit(site)),
        StmtKind::Receive { site, .. } | StmtKind::Operation { site, .. } | StmtKind::Sleep(site, _) => visit(site),
        StmtKind::Select(label, _) | StmtKind::Told(label, _) => visit(&mut label.site),
        StmtKind::If { then, otherwise, .. } => {
            each_site(then, visit);
            each_site(otherwise, visit);
        }
        StmtKind::Match { arms, .. } => arms.iter_mut().for_each(|(_, block)| each_site(block, visit)),
        StmtKind::Offer { branches, .. } => {
            for (keys, block) in branches {
                keys.iter_mut().flat_map(|key| &mut key.own).for_each(&mut *visit);
                each_site(block, visit);
            }
        }
        StmtKind::Loop(repeat) => {
            visit(&mut repeat.site);
            repeat.head.iter_mut().for_each(|stmt| sites_of(stmt, visit));
            each_site(&mut repeat.body, visit);
            each_site(&mut repeat.leave, visit);
            if let Decision::Offer { again, stop } = &mut repeat.decision {
                again.iter_mut().chain(stop).flat_map(|key| &mut key.own).for_each(visit);
            }
        }
        StmtKind::Par { site, arms, .. } => {
            visit(site);
            arms.iter_mut().for_each(|arm| each_site(arm, visit));
        }
        StmtKind::Members(members) => {
            visit(&mut members.site);
            members.own.iter_mut().chain([&mut members.other]).for_each(|block| each_site(block, visit));
        }
        StmtKind::Call(call) => {
            visit(&mut call.site);
            let renumbered = std::mem::take(&mut call.firsts.messages).into_iter().map(|mut key| {
                key.own.iter_mut().for_each(&mut *visit);
                key
            });
            call.firsts.messages = renumbered.collect();
        }
        StmtKind::Saga(saga) => {
            visit(&mut saga.site);
            each_site(&mut saga.body, visit);
            each_site(&mut saga.otherwise, visit);
        }
        StmtKind::Let(..)
        | StmtKind::Assign(..)
        | StmtKind::Mutate { .. }
        | StmtKind::Again
        | StmtKind::Require(..)
        | StmtKind::Refuse(_)
        | StmtKind::RefusedBy(_) => {}
    }
}
