//! What a role may do first in a block.

use std::collections::BTreeSet;

use super::{Block, Decision, Key, Site, Stmt, StmtKind};
use crate::hir::RoleId;

/// What a role may do first. A path on which it only waits for the end of the session adds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firsts {
    /// The messages that it may first receive.
    pub messages: BTreeSet<Key>,
    /// Whether it may first do anything else.
    pub acts: bool,
    /// Whether it may do nothing at all.
    pub ends: bool,
}

impl Firsts {
    /// What a role may do first in a block.
    pub fn of(block: &Block) -> Self {
        let mut firsts = Self { ends: true, ..Self::default() };
        for stmt in &block.stmts {
            firsts.add(stmt);
            if !firsts.ends {
                return firsts;
            }
        }
        if block.value.as_ref().is_some_and(super::Expr::acts) {
            firsts.acts = true;
            firsts.ends = false;
        }
        firsts
    }

    /// Whether a message tells the role that it is in this block.
    pub fn tell(&self) -> bool {
        !self.messages.is_empty() && !self.acts && !self.ends
    }

    /// The same as it is seen from before a loop whose first round it is in.
    fn behind(mut self, site: Site) -> Self {
        self.messages = self.messages.into_iter().map(|key| key.behind(site)).collect();
        self
    }

    fn add(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Let(_, value) if !value.acts() => {}
            StmtKind::Receive { site, from, within: None, .. } => self.message(*site, *from),
            StmtKind::Told(label, from) => self.message(label.site, *from),
            StmtKind::RefusedBy(_) => self.ends = false,
            StmtKind::If { condition, then, otherwise, .. } if !condition.acts() => {
                self.either([then, otherwise].into_iter().map(Self::of));
            }
            StmtKind::Match { scrutinee, arms, .. } if !scrutinee.acts() => {
                self.either(arms.iter().map(|(_, block)| Self::of(block)));
            }
            StmtKind::Offer { branches, .. } => self.either(branches.iter().map(|(_, block)| Self::of(block))),
            StmtKind::Loop(repeat) => {
                let mut firsts = Self { ends: true, ..Self::default() };
                for stmt in &repeat.head {
                    firsts.add(stmt);
                    if !firsts.ends {
                        break;
                    }
                }
                let mut firsts = firsts.behind(repeat.site);
                match &repeat.decision {
                    Decision::Offer { again, stop } if firsts.ends => {
                        let keys = again.iter().chain(stop).map(|key| key.clone().behind(repeat.site));
                        firsts.messages.extend(keys);
                        firsts.ends = false;
                    }
                    Decision::While(guard) if firsts.ends && !guard.acts() => {
                        let body = Self::of(&repeat.body).behind(repeat.site);
                        firsts.messages.extend(body.messages);
                        firsts.acts |= body.acts || repeat.leave.acts();
                    }
                    Decision::While(_) | Decision::For(..) if firsts.ends => {
                        firsts.acts = true;
                        firsts.ends = false;
                    }
                    Decision::Offer { .. } | Decision::While(_) | Decision::For(..) => {}
                }
                self.either([firsts].into_iter());
            }
            StmtKind::Call(call) if !call.args.iter().any(|(_, arg)| arg.acts()) => {
                self.either([call.firsts.clone()].into_iter());
            }
            StmtKind::Par { .. } | StmtKind::Members(_) if !stmt.acts() => {}
            StmtKind::Let(..)
            | StmtKind::Assign(..)
            | StmtKind::Mutate { .. }
            | StmtKind::If { .. }
            | StmtKind::Match { .. }
            | StmtKind::Send(..)
            | StmtKind::Receive { .. }
            | StmtKind::Select(..)
            | StmtKind::Operation { .. }
            | StmtKind::Par { .. }
            | StmtKind::Members(_)
            | StmtKind::Call(_)
            | StmtKind::Saga(_)
            | StmtKind::Again
            | StmtKind::Require(..)
            | StmtKind::Refuse(_) => {
                self.acts = true;
                self.ends = false;
            }
        }
    }

    fn message(&mut self, site: Site, from: RoleId) {
        self.messages.insert(Key { own: vec![site], inner: Vec::new(), from });
        self.ends = false;
    }

    /// One of these comes next.
    fn either(&mut self, all: impl Iterator<Item = Self>) {
        let mut ends = false;
        for firsts in all {
            self.messages.extend(firsts.messages);
            self.acts |= firsts.acts;
            ends |= firsts.ends;
        }
        self.ends = ends;
    }
}
