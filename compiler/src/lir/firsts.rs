//! What a role may do first in a block.

use std::collections::BTreeSet;

use super::{Block, Site, Stmt, StmtKind};
use crate::hir::RoleId;

/// What a role may do first. A path on which it only waits for the end of the session adds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firsts {
    /// The messages that it may first receive.
    pub messages: BTreeSet<(Site, RoleId)>,
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

    fn add(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Let(_, value) if !value.acts() => {}
            StmtKind::Receive { site, from, .. } => self.message(*site, *from),
            StmtKind::Told(label, from) => self.message(label.site, *from),
            StmtKind::RefusedBy(_) => self.ends = false,
            StmtKind::If { condition, then, otherwise, .. } if !condition.acts() => {
                self.add_blocks([then, otherwise].into_iter());
            }
            StmtKind::Match { scrutinee, arms, .. } if !scrutinee.acts() => {
                self.add_blocks(arms.iter().map(|(_, block)| block));
            }
            StmtKind::Offer { branches, .. } => self.add_blocks(branches.iter().map(|(_, block)| block)),
            StmtKind::Let(..)
            | StmtKind::If { .. }
            | StmtKind::Match { .. }
            | StmtKind::Send(..)
            | StmtKind::Select(..)
            | StmtKind::Operation { .. }
            | StmtKind::Require(..)
            | StmtKind::Refuse(_) => {
                self.acts = true;
                self.ends = false;
            }
        }
    }

    fn message(&mut self, site: Site, from: RoleId) {
        self.messages.insert((site, from));
        self.ends = false;
    }

    fn add_blocks<'a>(&mut self, blocks: impl Iterator<Item = &'a Block>) {
        let mut ends = false;
        for block in blocks {
            let firsts = Self::of(block);
            self.messages.extend(firsts.messages);
            self.acts |= firsts.acts;
            ends |= firsts.ends;
        }
        self.ends = ends;
    }
}
