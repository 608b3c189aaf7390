//! A role's program as text: readable for `chor project`, canonical for the fingerprint and for merging.

mod construct;
mod value;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Block, Projection, Site, Stmt, StmtKind, To};
use crate::hir::body::Local;
use crate::hir::{Choreography, Hir, LocalId, RoleId, Ty};
use crate::span::Span;

/// The program of a role, readable.
pub fn program(hir: &Hir, projection: &Projection, role: RoleId) -> String {
    let Some(choreography) = hir.choreographies.get(projection.choreography) else {
        return String::new();
    };
    let Some(program) = projection.programs.iter().find(|program| program.role == role) else {
        return String::new();
    };
    let mut printer = Printer::new(hir, choreography, &projection.locals, None);
    let own = projection.pivots.iter().filter(|pivot| pivot.role == role);
    printer.pivots = own.map(|pivot| pivot.span).collect();
    printer.gives_parts = (!projection.optional.is_empty()).then_some(projection);
    let params: Vec<String> = program
        .params
        .iter()
        .map(|param| format!("{}: {}", printer.local(*param), hir.show(&projection.local(*param).ty)))
        .collect();
    let result = if program.result.is_unit() { String::new() } else { format!(" -> {}", hir.show(&program.result)) };
    let name = &choreography.name.name;
    let _ = write!(printer.out, "{name}.{}({}){result} ", choreography.role_name(role), params.join(", "));
    printer.block(&program.body);
    printer.out.push('\n');
    printer.out
}

/// A block with variables and sites numbered by where they are met, and those sites. Selections of `choice` keep their sites,
/// for they are what tells its branches apart.
pub(super) fn canonical(
    hir: &Hir,
    choreography: &Choreography,
    locals: &[Local],
    block: &Block,
    choice: u32,
) -> (String, Vec<Site>) {
    let canon = Canon { choice: Some(choice), ..Canon::default() };
    let mut printer = Printer::new(hir, choreography, locals, Some(canon));
    printer.block(block);
    (printer.out, printer.canon.map(|canon| canon.sites).unwrap_or_default())
}

/// A program's parameters and its block, with all types and sites, and with no name that only the text knows: variables and members
/// are numbered by where they are met, parameters that are types or choreographies by their order.
pub(super) fn exact(
    hir: &Hir,
    choreography: &Choreography,
    locals: &[Local],
    (params, block): (&[LocalId], &Block),
) -> String {
    let canon = Canon { is_exact: true, ..Canon::default() };
    let mut printer = Printer::new(hir, choreography, locals, Some(canon));
    for param in params {
        let shown = printer.bind(*param);
        let _ = write!(printer.out, "{shown}, ");
    }
    printer.block(block);
    let sites = printer.canon.map(|canon| canon.sites).unwrap_or_default();
    let sites: Vec<String> = sites.iter().map(Site::to_string).collect();
    printer.out + " sites " + &sites.join(" ")
}

/// A type with its type parameters by their number.
pub(super) fn exact_ty(hir: &Hir, ty: &Ty) -> String {
    match ty {
        Ty::Param(index, _) => format!("type{index}"),
        _ => hir.show_with(ty, &|part| exact_ty(hir, part)),
    }
}

#[derive(Default)]
struct Canon {
    numbers: BTreeMap<LocalId, usize>,
    sites: Vec<Site>,
    choice: Option<u32>,
    /// Whether the names of members and of parameters do not count.
    is_exact: bool,
    members: BTreeMap<RoleId, usize>,
}

struct Printer<'a> {
    hir: &'a Hir,
    choreography: &'a Choreography,
    locals: &'a [Local],
    canon: Option<Canon>,
    /// Where transactions are run that decide the session.
    pivots: Vec<Span>,
    /// Of the initiator's program: what it belongs to, which knows whom a message gives a part.
    gives_parts: Option<&'a Projection>,
    out: String,
    indent: usize,
}

impl<'a> Printer<'a> {
    fn new(hir: &'a Hir, choreography: &'a Choreography, locals: &'a [Local], canon: Option<Canon>) -> Self {
        let (pivots, out) = (Vec::new(), String::new());
        Self { hir, choreography, locals, canon, pivots, gives_parts: None, out, indent: 0 }
    }

    fn line(&mut self) {
        self.out.push('\n');
        for _ in 0..self.indent {
            self.out.push_str("    ");
        }
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn role(&self, role: RoleId) -> Cow<'a, str> {
        match self.canon.as_ref().and_then(|canon| canon.members.get(&role)) {
            Some(number) => Cow::Owned(format!("member{number}")),
            None => Cow::Borrowed(self.choreography.role_name(role)),
        }
    }

    /// Meets a member, whose name may not count.
    fn meet(&mut self, member: RoleId) {
        if let Some(canon) = self.canon.as_mut().filter(|canon| canon.is_exact) {
            let next = canon.members.len();
            canon.members.entry(member).or_insert(next);
        }
    }

    fn is_exact(&self) -> bool {
        self.canon.as_ref().is_some_and(|canon| canon.is_exact)
    }

    fn ty(&self, ty: &Ty) -> String {
        if self.is_exact() { exact_ty(self.hir, ty) } else { self.hir.show(ty) }
    }

    fn site(&mut self, site: Site) -> String {
        match &mut self.canon {
            Some(canon) => {
                canon.sites.push(site);
                String::new()
            }
            None => format!("#{site} "),
        }
    }

    /// Says so of a statement that decides the session.
    fn pivot(&mut self, stmt: Span) {
        if self.pivots.contains(&stmt) {
            self.push(" // pivot: runs when all other roles have voted");
        }
    }

    /// Says who takes part in the session because of these messages, where they need not.
    fn parts<'t>(&mut self, messages: impl Iterator<Item = (Site, &'t To)>) {
        let Some(projection) = self.gives_parts else { return };
        let given = messages.filter(|(site, to)| projection.gives_part(self.choreography, *site, to));
        let given: Vec<String> = given.map(|(_, to)| self.to(to)).collect();
        match given.len() {
            0 => {}
            1 => _ = write!(self.out, " // {} takes part", given.join("")),
            2.. => _ = write!(self.out, " // {} take part", given.join(", ")),
        }
    }

    fn label(&mut self, label: super::Label) -> String {
        match &self.canon {
            Some(Canon { choice: Some(choice), .. }) if *choice == label.choice => format!("own {} ", label.site),
            Some(_) | None => self.site(label.site),
        }
    }

    fn local(&mut self, id: LocalId) -> String {
        let local = self.locals.get(id.0 as usize);
        match &mut self.canon {
            Some(canon) => match canon.numbers.get(&id) {
                Some(number) => format!("v{number}"),
                None => format!("free{}", id.0),
            },
            None => {
                let name = local.map_or("?", |local| local.name.as_str());
                if name.is_empty() { format!("value{}", id.0) } else { name.to_owned() }
            }
        }
    }

    fn bind(&mut self, id: LocalId) -> String {
        if let Some(canon) = &mut self.canon {
            let next = canon.numbers.len();
            canon.numbers.insert(id, next);
            let ty = self.locals.get(id.0 as usize).map(|local| self.ty(&local.ty)).unwrap_or_default();
            return format!("{}: {ty}", self.local(id));
        }
        self.local(id)
    }

    fn into(&mut self, into: Option<LocalId>) {
        if let Some(into) = into {
            let name = self.bind(into);
            let _ = write!(self.out, "let {name} = ");
        }
    }

    fn block(&mut self, block: &Block) {
        if block.stmts.is_empty() && block.value.is_none() {
            self.push("{}");
            return;
        }
        self.push("{");
        self.indent += 1;
        for stmt in &block.stmts {
            self.line();
            self.stmt(stmt);
        }
        if let Some(value) = &block.value {
            self.line();
            self.expr(value);
        }
        self.indent -= 1;
        self.line();
        self.push("}");
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Let(pattern, value) => {
                self.push("let ");
                // The value is printed before its variables are bound: it may use one of the same name.
                let mut before = std::mem::take(&mut self.out);
                self.expr(value);
                let value = std::mem::replace(&mut self.out, std::mem::take(&mut before));
                self.pattern(pattern);
                let _ = write!(self.out, " = {value};");
            }
            StmtKind::Send(to, value) => {
                let shown: Vec<String> =
                    to.iter().map(|(site, to)| format!("{}{}", self.site(*site), self.to(to))).collect();
                self.push("send ");
                self.expr(value);
                let _ = write!(self.out, " to {};", shown.join(", "));
                self.parts(to.iter().map(|(site, to)| (*site, to)));
            }
            StmtKind::Assign(target, value) => {
                self.target(target);
                self.push(" = ");
                self.expr(value);
                self.push(";");
            }
            StmtKind::Mutate { target, method, args, into } => {
                self.into(*into);
                self.target(target);
                let _ = write!(self.out, ".{}", method.name());
                self.list("(", args, ");");
            }
            StmtKind::Receive { site, from, into, ty, within } => {
                self.into(*into);
                let (site, ty) = (self.site(*site), self.ty(ty));
                let within = within.map(|millis| format!(" within {millis}ms")).unwrap_or_default();
                let _ = write!(self.out, "receive {ty} from {site}{}{within};", self.role(*from));
            }
            StmtKind::Select(label, to) => {
                let (site, mark) = (self.label(*label), self.mark(label.inferred));
                let _ = write!(self.out, "select {site}{};{mark}", self.to(to));
                self.parts([(label.site, to)].into_iter());
            }
            StmtKind::Told(label, from) => {
                let (site, mark) = (self.label(*label), self.mark(label.inferred));
                let _ = write!(self.out, "selected by {site}{};{mark}", self.role(*from));
            }
            StmtKind::Operation { site, service, operation, args, into } => {
                self.into(*into);
                let site = self.site(*site);
                let _ = write!(self.out, "do {site}");
                self.operation(*service, *operation, args);
                self.push(";");
                self.pivot(stmt.span);
            }
            StmtKind::Sleep(site, millis) => {
                let site = self.site(*site);
                let _ = write!(self.out, "sleep {site}for ");
                self.expr(millis);
                self.push(" ms;");
            }
            StmtKind::Require(condition, reason) => {
                self.push("require ");
                self.expr(condition);
                self.push(", ");
                self.expr(reason);
                self.push(";");
            }
            StmtKind::Refuse(reason) => {
                self.push("abort ");
                self.expr(reason);
                self.push(";");
            }
            StmtKind::RefusedBy(role) => {
                let _ = write!(self.out, "aborted by {};", self.role(*role));
            }
            StmtKind::Again => self.push("again;"),
            StmtKind::If { .. } | StmtKind::Match { .. } | StmtKind::Offer { .. } => self.choice(stmt),
            StmtKind::Loop(_) | StmtKind::Par { .. } | StmtKind::Members(_) | StmtKind::Call(_) | StmtKind::Saga(_) => {
                self.construct(stmt);
            }
        }
    }

    fn mark(&self, inferred: bool) -> &'static str {
        if inferred && self.canon.is_none() { " // inferred" } else { "" }
    }

    fn choice(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::If { condition, then, otherwise, into } => {
                self.into(*into);
                self.push("if ");
                self.expr(condition);
                self.push(" ");
                self.block(then);
                self.push(" else ");
                self.block(otherwise);
            }
            StmtKind::Match { scrutinee, arms, into } => {
                self.into(*into);
                self.push("match ");
                self.expr(scrutinee);
                self.push(" {");
                self.indent += 1;
                for (pattern, block) in arms {
                    self.line();
                    self.pattern(pattern);
                    self.push(" => ");
                    self.block(block);
                }
                self.indent -= 1;
                self.line();
                self.push("}");
            }
            StmtKind::Offer { branches, into } => {
                self.into(*into);
                self.push("offer {");
                self.indent += 1;
                for (messages, block) in branches {
                    self.line();
                    let messages = self.keys(messages);
                    let _ = write!(self.out, "{messages} => ");
                    self.block(block);
                }
                self.indent -= 1;
                self.line();
                self.push("}");
            }
            _ => {}
        }
    }
}
