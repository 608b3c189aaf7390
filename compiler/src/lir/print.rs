//! A role's program as text: readable for `chor project`, canonical for the fingerprint and for merging.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Block, Decision, Expr, ExprKind, Key, Projection, Site, Step, Stmt, StmtKind, Target, To};
use crate::hir::body::Local;
use crate::hir::builtin::table::Form;
use crate::hir::{
    Callee, Choreography, Constructor, Hir, Literal, LocalId, MemberOrder, Pattern, PatternKind, RoleId, ServiceId, Ty,
};
use crate::syntax::ast::{BinaryOp, UnaryOp};

/// The program of a role, readable.
pub fn program(hir: &Hir, projection: &Projection, role: RoleId) -> String {
    let Some(choreography) = hir.choreographies.get(projection.choreography) else {
        return String::new();
    };
    let Some(program) = projection.programs.iter().find(|program| program.role == role) else {
        return String::new();
    };
    let mut printer = Printer::new(hir, choreography, &projection.locals, None);
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

/// A block with variables numbered by where they are met and with all types and sites.
pub(super) fn exact(hir: &Hir, choreography: &Choreography, locals: &[Local], block: &Block) -> String {
    let mut printer = Printer::new(hir, choreography, locals, Some(Canon::default()));
    printer.block(block);
    let sites = printer.canon.map(|canon| canon.sites).unwrap_or_default();
    let sites: Vec<String> = sites.iter().map(Site::to_string).collect();
    printer.out + " sites " + &sites.join(" ")
}

#[derive(Default)]
struct Canon {
    numbers: BTreeMap<LocalId, usize>,
    sites: Vec<Site>,
    choice: Option<u32>,
}

struct Printer<'a> {
    hir: &'a Hir,
    choreography: &'a Choreography,
    locals: &'a [Local],
    canon: Option<Canon>,
    out: String,
    indent: usize,
}

impl<'a> Printer<'a> {
    fn new(hir: &'a Hir, choreography: &'a Choreography, locals: &'a [Local], canon: Option<Canon>) -> Self {
        Self { hir, choreography, locals, canon, out: String::new(), indent: 0 }
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

    fn role(&self, role: RoleId) -> &'a str {
        self.choreography.role_name(role)
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
            let ty = self.locals.get(id.0 as usize).map(|local| self.hir.show(&local.ty)).unwrap_or_default();
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
                let to: Vec<String> =
                    to.iter().map(|(site, to)| format!("{}{}", self.site(*site), self.to(to))).collect();
                self.push("send ");
                self.expr(value);
                let _ = write!(self.out, " to {};", to.join(", "));
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
                let (site, ty) = (self.site(*site), self.hir.show(ty));
                let within = within.map(|millis| format!(" within {millis}ms")).unwrap_or_default();
                let _ = write!(self.out, "receive {ty} from {site}{}{within};", self.role(*from));
            }
            StmtKind::Select(label, to) => {
                let (site, mark) = (self.label(*label), self.mark(label.inferred));
                let _ = write!(self.out, "select {site}{};{mark}", self.to(to));
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

    /// Loops, calls, scopes, and what runs side by side.
    fn construct(&mut self, stmt: &Stmt) {
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
                let types: Vec<String> = call.types.iter().map(|ty| self.hir.show(ty)).collect();
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

    fn callee(&self, callee: Callee) -> String {
        match callee {
            Callee::Choreography(id) => self.hir.choreography(id).name.name.clone(),
            Callee::Param(index) => {
                let param = self.choreography.choreographies.get(index as usize);
                param.map_or_else(|| "?".to_owned(), |(name, _)| name.name.clone())
            }
        }
    }

    fn roles(&self, roles: &[RoleId]) -> String {
        match roles {
            [only] => self.role(*only).to_owned(),
            several => {
                let names: Vec<&str> = several.iter().map(|role| self.role(*role)).collect();
                format!("{{{}}}", names.join(", "))
            }
        }
    }

    /// Whom a message goes to: `Worker`, `Worker but w`, `B as w`.
    fn to(&self, to: &To) -> String {
        let names = |roles: &[RoleId]| roles.iter().map(|role| self.role(*role)).collect::<Vec<_>>().join(", ");
        let also = if to.also.is_empty() { String::new() } else { format!(" as {}", names(&to.also)) };
        let except = if to.except.is_empty() { String::new() } else { format!(" but {}", names(&to.except)) };
        format!("{}{also}{except}", self.role(to.role))
    }

    fn keys(&mut self, keys: &[Key]) -> String {
        let mut shown = Vec::new();
        for key in keys {
            let own: String = key.own.iter().map(|site| self.site(*site)).collect();
            let inner: String = key.inner.iter().map(|site| format!("#{site} ")).collect();
            shown.push(format!("{own}{inner}{}", self.role(key.from)));
        }
        shown.join(" | ")
    }

    fn target(&mut self, target: &Target) {
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

    fn pattern(&mut self, pattern: &Pattern) {
        match &pattern.kind {
            PatternKind::Wildcard => self.push("_"),
            PatternKind::Bind(local) => {
                let name = self.bind(*local);
                self.push(&name);
            }
            PatternKind::Literal(literal) => self.literal(literal, &pattern.ty),
            PatternKind::Tuple(items) => {
                self.push("(");
                for (index, item) in items.iter().enumerate() {
                    self.comma(index);
                    self.pattern(item);
                }
                self.push(")");
            }
            PatternKind::Construct(constructor, fields) => {
                let names = self.constructor(*constructor);
                for (position, (index, field)) in fields.iter().enumerate() {
                    self.push(if position == 0 { " { " } else { ", " });
                    let _ = write!(self.out, "{}: ", names.get(*index as usize).map_or("0", String::as_str));
                    self.pattern(field);
                }
                self.push(if fields.is_empty() { "" } else { " }" });
            }
        }
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.push(", ");
        }
    }

    /// Writes a constructor's name and gives the names of its parts.
    fn constructor(&mut self, constructor: Constructor) -> Vec<String> {
        let names = |fields: &[crate::hir::Field]| fields.iter().map(|field| field.name.name.clone()).collect();
        match constructor {
            Constructor::Struct(id) => {
                let definition = self.hir.type_def(id);
                self.push(&definition.name.name);
                names(definition.fields())
            }
            Constructor::Variant(id, index) => {
                let definition = self.hir.type_def(id);
                let variant = definition.variants().get(index as usize);
                let _ = write!(self.out, "{}::{}", definition.name.name, variant.map_or("?", |v| v.name.name.as_str()));
                variant.map(|variant| names(&variant.fields)).unwrap_or_default()
            }
            Constructor::Some => {
                self.push("Some");
                Vec::new()
            }
            Constructor::None => {
                self.push("None");
                Vec::new()
            }
            Constructor::Ok => {
                self.push("Ok");
                Vec::new()
            }
            Constructor::Err => {
                self.push("Err");
                Vec::new()
            }
        }
    }

    fn literal(&mut self, literal: &Literal, ty: &Ty) {
        let _ = match literal {
            Literal::Int(value, negative) => write!(self.out, "{}{value}", if *negative { "-" } else { "" }),
            Literal::Float(text) => write!(self.out, "{text}"),
            Literal::Str(text) => write!(self.out, "{text:?}"),
            Literal::Char(character) => write!(self.out, "{character:?}"),
            Literal::Bool(value) => write!(self.out, "{value}"),
        };
        if self.canon.is_some() {
            let ty = self.hir.show(ty);
            self.push(&ty);
        }
    }

    fn operation(&mut self, service: ServiceId, operation: u32, args: &[Expr]) {
        let name = &self.hir.operation(service, operation).name.name;
        let _ = write!(self.out, "{}.{name}", self.hir.service(service).name.name);
        self.list("(", args, ")");
    }

    fn list(&mut self, open: &str, items: &[Expr], close: &str) {
        self.push(open);
        for (index, item) in items.iter().enumerate() {
            self.comma(index);
            self.expr(item);
        }
        self.push(close);
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(literal) => self.literal(literal, &expr.ty),
            ExprKind::Local(local) => {
                let name = self.local(*local);
                self.push(&name);
            }
            ExprKind::Len(group) => {
                let group = self.roles(group);
                let _ = write!(self.out, "{group}.len()");
            }
            ExprKind::MemberIndex(member) => {
                let _ = write!(self.out, "{}.index", self.role(*member));
            }
            ExprKind::Tuple(items) => self.list("(", items, ")"),
            ExprKind::List(items) => self.list("[", items, "]"),
            ExprKind::Construct(constructor, fields, base) => {
                let names = self.constructor(*constructor);
                let mut parts = 0;
                for (index, value) in fields {
                    self.push(if parts == 0 { " { " } else { ", " });
                    let _ = write!(self.out, "{}: ", names.get(*index as usize).map_or("0", String::as_str));
                    self.expr(value);
                    parts += 1;
                }
                if let Some(base) = base {
                    self.push(if parts == 0 { " { .." } else { ", .." });
                    self.expr(base);
                    parts += 1;
                }
                self.push(if parts == 0 { "" } else { " }" });
            }
            ExprKind::Field(value, name) => {
                self.expr(value);
                let _ = write!(self.out, ".{name}");
            }
            ExprKind::TupleField(value, index) => {
                self.expr(value);
                let _ = write!(self.out, ".{index}");
            }
            ExprKind::Index(value, index) => {
                self.expr(value);
                self.list("[", std::slice::from_ref(index), "]");
            }
            ExprKind::Builtin(builtin, operands) => match (builtin.form(), operands.split_first()) {
                (Form::Method | Form::Operator, Some((receiver, args))) => {
                    self.expr(receiver);
                    let dot = if builtin.form() == Form::Method { "." } else { " " };
                    let _ = write!(self.out, "{dot}{}", builtin.name());
                    self.list("(", args, ")");
                }
                _ => {
                    let ty = self.hir.show(&expr.ty);
                    let _ = write!(self.out, "{ty}::{}", builtin.name());
                    self.list("(", operands, ")");
                }
            },
            ExprKind::Pure(service, operation, args) => self.operation(*service, *operation, args),
            ExprKind::Unary(op, value) => {
                self.push(match op {
                    UnaryOp::Neg => "-",
                    UnaryOp::Not => "!",
                });
                self.expr(value);
            }
            ExprKind::Binary(op, one, two) => self.binary(*op, one, two),
        }
    }

    fn binary(&mut self, op: BinaryOp, one: &Expr, two: &Expr) {
        self.push("(");
        self.expr(one);
        let _ = write!(self.out, " {} ", crate::hir::symbol(op));
        self.expr(two);
        self.push(")");
    }
}
