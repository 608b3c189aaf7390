//! Runs the programs of all roles against each other, for tests. Values are `bool`; operations are logged by their argument. A role
//! that waits is run again from its start when there is more for it: programs are deterministic.

use std::collections::{BTreeMap, BTreeSet};

use chor::hir::{Literal, LocalId, PatternKind, RoleId};
use chor::lir::{Block, Expr, ExprKind, Key, Program, Projection, Site, StmtKind};

/// How a run ended; with what each role did.
#[derive(Debug)]
pub enum Ended {
    Completed(Vec<Vec<String>>),
    Aborted(Vec<Vec<String>>),
    Stuck(#[allow(dead_code, reason = "shown by `Debug`")] String),
}

enum Stop {
    Waits,
    Refuses,
    Wrong(String),
}

type Messages = BTreeMap<(Site, RoleId, RoleId), bool>;

struct Role<'a> {
    role: RoleId,
    messages: &'a Messages,
    vars: BTreeMap<LocalId, bool>,
    sent: Messages,
    received: BTreeSet<(Site, RoleId, RoleId)>,
    log: Vec<String>,
}

/// Runs a choreography with these arguments.
pub fn simulate(projection: &Projection, args: &[bool]) -> Ended {
    let mut messages = Messages::new();
    loop {
        let (mut logs, mut waits, mut refuses) = (Vec::new(), Vec::new(), false);
        let mut received = BTreeSet::new();
        let before = messages.len();
        let mut sent = Messages::new();
        for program in &projection.programs {
            let mut role = start(program, &messages, args);
            match role.block(&program.body) {
                Ok(_) => {}
                Err(Stop::Waits) => waits.push(program.role),
                Err(Stop::Refuses) => refuses = true,
                Err(Stop::Wrong(what)) => return Ended::Stuck(what),
            }
            received.extend(role.received);
            sent.extend(role.sent);
            logs.push(role.log);
        }
        messages.extend(sent);
        if messages.len() > before {
            continue;
        }
        if refuses {
            return Ended::Aborted(logs);
        }
        if !waits.is_empty() {
            return Ended::Stuck(format!("{waits:?} wait"));
        }
        if received.len() != messages.len() {
            return Ended::Stuck("a message is lost".to_owned());
        }
        return Ended::Completed(logs);
    }
}

fn start<'a>(program: &Program, messages: &'a Messages, args: &[bool]) -> Role<'a> {
    let vars = program.params.iter().copied().zip(args.iter().copied()).collect();
    Role { role: program.role, messages, vars, sent: Messages::new(), received: BTreeSet::new(), log: Vec::new() }
}

impl Role<'_> {
    fn block(&mut self, block: &Block) -> Result<bool, Stop> {
        for stmt in &block.stmts {
            match &stmt.kind {
                StmtKind::Let(pattern, value) => {
                    let value = self.value(value)?;
                    if let PatternKind::Bind(local) = pattern.kind {
                        self.vars.insert(local, value);
                    }
                }
                StmtKind::Send(to, value) => {
                    let value = self.value(value)?;
                    for (site, to) in to {
                        self.send(*site, to.role, value)?;
                    }
                }
                StmtKind::Receive { site, from, into, .. } => {
                    let value = self.receive(*site, *from)?;
                    self.vars.extend(into.map(|into| (into, value)));
                }
                StmtKind::Select(label, to) => self.send(label.site, to.role, true)?,
                StmtKind::Told(label, from) => {
                    self.receive(label.site, *from)?;
                }
                StmtKind::Operation { args, .. } => {
                    if let Some(ExprKind::Literal(Literal::Str(label))) = args.first().map(|arg| &arg.kind) {
                        self.log.push(label.clone());
                    }
                }
                StmtKind::If { condition, then, otherwise, .. } => {
                    let branch = if self.value(condition)? { then } else { otherwise };
                    self.block(branch)?;
                }
                StmtKind::Offer { branches, .. } => {
                    let here = |(messages, _): &&(Vec<Key>, Block)| {
                        messages.iter().any(|key| {
                            let site = key.path().last().unwrap_or_default();
                            self.messages.contains_key(&(site, key.from, self.role))
                        })
                    };
                    let told: Vec<_> = branches.iter().filter(here).collect();
                    match told.as_slice() {
                        [] => return Err(Stop::Waits),
                        [(_, branch)] => {
                            self.block(branch)?;
                        }
                        _ => return Err(Stop::Wrong(format!("{:?} is told of two branches", self.role))),
                    }
                }
                StmtKind::Require(condition, _) => {
                    if !self.value(condition)? {
                        return Err(Stop::Refuses);
                    }
                }
                StmtKind::Refuse(_) => return Err(Stop::Refuses),
                StmtKind::RefusedBy(_) => return Err(Stop::Waits),
                other => return Err(Stop::Wrong(format!("no {other:?} is generated"))),
            }
        }
        Ok(true)
    }

    fn send(&mut self, site: Site, to: RoleId, value: bool) -> Result<(), Stop> {
        match self.sent.insert((site, self.role, to), value) {
            None => Ok(()),
            Some(_) => Err(Stop::Wrong(format!("{:?} sends twice at {site}", self.role))),
        }
    }

    fn receive(&mut self, site: Site, from: RoleId) -> Result<bool, Stop> {
        let key = (site, from, self.role);
        let value = self.messages.get(&key).copied().ok_or(Stop::Waits)?;
        if !self.received.insert(key) {
            return Err(Stop::Wrong(format!("{:?} receives twice at {site}", self.role)));
        }
        Ok(value)
    }

    fn value(&self, expr: &Expr) -> Result<bool, Stop> {
        match &expr.kind {
            ExprKind::Local(local) => {
                self.vars.get(local).copied().ok_or_else(|| Stop::Wrong(format!("{local:?} is not bound")))
            }
            ExprKind::Tuple(items) if items.is_empty() => Ok(true),
            other => Err(Stop::Wrong(format!("no {other:?} is generated"))),
        }
    }
}
