//! Loops, calls, scopes, and what runs side by side, as text.

use std::borrow::Cow;
use std::fmt::Write;

use super::super::{Decision, Key, Step, Stmt, StmtKind, Target, To};
use super::Printer;
use crate::hir::{Callee, MemberOrder, RoleId};

impl Printer<'_> {
    /// Loops, calls, scopes, and what runs side by side.
    pub(super) fn construct(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Loop(repeat) => {
                let site = self.site(repeat.site);
                let _ = write!(self.out, "loop {site}{{");
                self.indent += 1;
                for stmt in &repeat.head {
                    self.line();
                    self.stmt(stmt);
                }
                self.line();
                match &repeat.decision {
                    Decision::While(guard) => {
                        self.push("while ");
                        self.expr(guard);
                    }
                    Decision::For(pattern, items) => {
                        self.push("for ");
                        self.pattern(pattern);
                        self.push(" in ");
                        self.expr(items);
                    }
                    Decision::Offer { again, stop } => {
                        let (again, stop) = (self.keys(again), self.keys(stop));
                        let _ = write!(self.out, "again on {again}, until {stop}");
                    }
                }
                self.push(" ");
                self.block(&repeat.body);
                if !repeat.leave.stmts.is_empty() {
                    self.push(" else ");
                    self.block(&repeat.leave);
                }
                self.indent -= 1;
                self.line();
                self.push("}");
            }
            StmtKind::Par { site, arms, into } => {
                let site = self.site(*site);
                let _ = write!(self.out, "par {site}");
                for (index, arm) in arms.iter().enumerate() {
                    self.push(if index == 0 { "" } else { " and " });
                    self.block(arm);
                }
                let into: Vec<String> =
                    into.iter().map(|into| into.map_or_else(|| "_".to_owned(), |into| self.bind(into))).collect();
                let _ = write!(self.out, " -> ({});", into.join(", "));
            }
            StmtKind::Members(members) => {
                self.into(members.into);
                self.meet(members.member);
                let site = self.site(members.site);
                let word = match members.order {
                    MemberOrder::SideBySide => "each",
                    MemberOrder::OneByOne => "for",
                };
                let (member, group) = (self.role(members.member), self.roles(&members.group));
                let gathers = if members.gathers { " all" } else { "" };
                let _ = write!(self.out, "{word}{gathers} {site}{member} in {group} ");
                if let Some(own) = &members.own {
                    self.push("own ");
                    self.block(own);
                    self.push(" other ");
                }
                self.block(&members.other);
            }
            StmtKind::Call(call) => {
                self.into(call.into);
                let site = self.site(call.site);
                let name = self.callee(call.callee);
                let cast: Vec<String> = call.cast.iter().map(|cast| self.roles(cast)).collect();
                let types: Vec<String> = call.types.iter().map(|ty| self.ty(ty)).collect();
                let types = if types.is_empty() { String::new() } else { format!("; {}", types.join(", ")) };
                let _ = write!(self.out, "call {site}{name}.{}<{}{types}>(", call.formal.0, cast.join(", "));
                for callee in &call.choreographies {
                    let name = self.callee(*callee);
                    let _ = write!(self.out, "{name}, ");
                }
                for (index, (number, arg)) in call.args.iter().enumerate() {
                    self.comma(index);
                    let _ = write!(self.out, "{number}: ");
                    self.expr(arg);
                }
                self.push(");");
                self.pivot(stmt.span);
            }
            StmtKind::Saga(saga) => {
                self.into(saga.into);
                let site = self.site(saga.site);
                let roles: Vec<String> = saga.roles.iter().map(|to| self.to(to)).collect();
                let within = saga.within.map(|millis| format!(" within {millis}ms")).unwrap_or_default();
                let _ = write!(self.out, "saga {site}of {}{within} ", roles.join(", "));
                self.block(&saga.body);
                self.push(" else ");
                if let Some(why) = saga.why {
                    let name = self.bind(why);
                    let _ = write!(self.out, "{name} ");
                }
                self.block(&saga.otherwise);
            }
            _ => {}
        }
    }

    pub(super) fn callee(&self, callee: Callee) -> String {
        match callee {
            Callee::Choreography(id) => self.hir.choreography(id).name.name.clone(),
            Callee::Param(index) => {
                let param = self.choreography.choreographies.get(index as usize);
                match param {
                    Some((name, _)) if !self.is_exact() => name.name.clone(),
                    Some(_) | None => format!("choreography{index}"),
                }
            }
        }
    }

    pub(super) fn roles(&self, roles: &[RoleId]) -> String {
        match roles {
            [only] => self.role(*only).into_owned(),
            several => {
                let names: Vec<Cow<'_, str>> = several.iter().map(|role| self.role(*role)).collect();
                format!("{{{}}}", names.join(", "))
            }
        }
    }

    /// Whom a message goes to: `Worker`, `Worker but w`, `B as w`.
    pub(super) fn to(&self, to: &To) -> String {
        let names = |roles: &[RoleId]| roles.iter().map(|role| self.role(*role)).collect::<Vec<_>>().join(", ");
        let also = if to.also.is_empty() { String::new() } else { format!(" as {}", names(&to.also)) };
        let except = if to.except.is_empty() { String::new() } else { format!(" but {}", names(&to.except)) };
        format!("{}{also}{except}", self.role(to.role))
    }

    pub(super) fn keys(&mut self, keys: &[Key]) -> String {
        let mut shown = Vec::new();
        for key in keys {
            let own: String = key.own.iter().map(|site| self.site(*site)).collect();
            let inner: String = key.inner.iter().map(|site| format!("#{site} ")).collect();
            shown.push(format!("{own}{inner}{}", self.role(key.from)));
        }
        shown.join(" | ")
    }

    pub(super) fn target(&mut self, target: &Target) {
        let name = self.local(target.local);
        self.push(&name);
        for step in &target.path {
            match step {
                Step::Field(name) => {
                    let _ = write!(self.out, ".{name}");
                }
                Step::TupleField(index) => {
                    let _ = write!(self.out, ".{index}");
                }
                Step::Index(index, _) => self.list("[", std::slice::from_ref(index), "]"),
            }
        }
    }
}
