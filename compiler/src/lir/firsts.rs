//! What a role may do first in a block.

use std::collections::BTreeSet;

use super::{Block, Decision, Expr, ExprKind, Key, Repeat, Site, Stmt, StmtKind};
use crate::hir::{Literal, RoleId};

/// The most messages that are told apart. Each call in two branches doubles them, so that a few choreographies have more than any memory
/// holds; beyond that a role is told which branch was taken.
const MESSAGES_MAX: usize = 1_000;

/// What a role may do first. A path on which it only waits for the end of the session adds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firsts {
    /// The messages that it may first receive.
    pub messages: BTreeSet<Key>,
    /// Whether it may first receive one that cannot be told from others before it is there, for it stands in a member's copy or in a round.
    pub unnamed: bool,
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
        !self.messages.is_empty() && !self.unnamed && !self.acts && !self.ends
    }

    /// Whether it may do something before it has received anything, or without.
    pub fn begin(&self) -> bool {
        self.acts || self.ends || (self.messages.is_empty() && !self.unnamed)
    }

    /// The same where its messages cannot be told from others, for they stand in a member's copy, an arm, a scope or a round.
    fn without_names(mut self) -> Self {
        self.unnamed = true;
        self.messages.clear();
        self
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
                        firsts.either([body, Self::of(&repeat.leave).behind(repeat.site)].into_iter());
                    }
                    Decision::For(_, items) if firsts.ends && !items.acts() => {
                        let body = Self::of(&repeat.body).without_names();
                        match has_items(items) && !body.ends {
                            true => firsts.either([body].into_iter()),
                            false => firsts.either([body, Self::leaving(repeat)].into_iter()),
                        }
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
            StmtKind::Members(members) => {
                // Its own copy is run, and any number of others before or beside it.
                let other = Self::of(&members.other).without_names();
                let own = members.own.as_ref().map(|own| Self::of(own).without_names());
                let ends = own.as_ref().is_none_or(|own| own.ends);
                self.either(own.into_iter().chain([other]));
                self.ends = ends;
            }
            StmtKind::Par { arms, .. } => {
                let arms: Vec<Self> = arms.iter().map(|arm| Self::of(arm).without_names()).collect();
                let ends = arms.iter().all(|arm| arm.ends);
                self.either(arms.into_iter());
                self.ends = ends;
            }
            StmtKind::Saga(saga) if saga.within.is_none() => {
                let body = Self::of(&saga.body).without_names();
                self.unnamed |= body.unnamed;
                // Behind the body it votes.
                self.acts |= body.acts || body.ends;
                self.ends = false;
            }
            StmtKind::Let(..)
            | StmtKind::Assign(..)
            | StmtKind::Mutate { .. }
            | StmtKind::If { .. }
            | StmtKind::Match { .. }
            | StmtKind::Send(..)
            | StmtKind::Receive { .. }
            | StmtKind::Select(..)
            | StmtKind::Operation { .. }
            | StmtKind::Sleep(..)
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

    /// What it may do first where a loop stops.
    fn leaving(repeat: &Repeat) -> Self {
        match repeat.leave.acts() {
            true => Self::of(&repeat.leave).without_names(),
            false => Self { ends: true, ..Self::default() },
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
            self.unnamed |= firsts.unnamed;
            self.acts |= firsts.acts;
            ends |= firsts.ends;
        }
        self.ends = ends;
        if self.messages.len() > MESSAGES_MAX {
            self.unnamed = true;
            self.messages.clear();
        }
    }
}

/// Whether there is certainly one of these items.
fn has_items(items: &Expr) -> bool {
    let number = |expr: &Expr| match &expr.kind {
        ExprKind::Literal(Literal::Int(number, false)) => Some(*number),
        _ => None,
    };
    match &items.kind {
        ExprKind::List(items) => !items.is_empty(),
        ExprKind::Builtin(range, bounds) => match (range.name(), bounds.as_slice()) {
            ("..", [start, end]) => number(start).zip(number(end)).is_some_and(|(start, end)| start < end),
            ("..=", [start, end]) => number(start).zip(number(end)).is_some_and(|(start, end)| start <= end),
            _ => false,
        },
        _ => false,
    }
}
