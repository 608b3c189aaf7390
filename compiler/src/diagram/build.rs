//! From a choreography to its diagram. What nobody else sees, such as arithmetic and variables, is left out, and so is a choice or
//! loop in which nothing else stands.

mod values;

use super::model::{ArrowKind, BoxKind, Diagram, Frame, FrameKind, Item, Lane, LaneIndex, Reach, Section};
use super::text::{deciders, duration, group, one_line};
use crate::hir::{
    Call, Callee, Choreography, ExprId, ExprKind, Hir, Literal, MemberOrder, Members, Operation, Pattern, PatternKind,
    Place, RoleId, Saga, Stmt, StmtKind, signature_of,
};
use crate::lir::{Projection, To};
use crate::source::Sources;
use crate::span::Span;
use crate::syntax::ast::OperationKind;

/// The diagram of a choreography.
pub fn diagram(sources: &Sources, hir: &Hir, choreography: &Choreography, projection: &Projection) -> Diagram {
    let lanes = choreography
        .role_ids()
        .map(|role| Lane { name: choreography.role_name(role).to_owned(), is_group: choreography.is_group(role) });
    let mut builder = Builder { sources, hir, choreography, projection, members: Vec::new() };
    let mut items = Vec::new();
    builder.expr(choreography.root, None, &mut items);
    Diagram { title: choreography.name.name.clone(), lanes: lanes.collect(), items }
}

struct Builder<'a> {
    sources: &'a Sources,
    hir: &'a Hir,
    choreography: &'a Choreography,
    projection: &'a Projection,
    /// The members whose blocks stand around.
    members: Vec<RoleId>,
}

impl Builder<'_> {
    fn source(&self, span: Span) -> String {
        one_line(self.sources.text(span))
    }

    fn name(&self, role: RoleId) -> &str {
        self.choreography.role_name(role)
    }

    /// The lanes of those that may be `role`.
    fn lanes(&self, role: RoleId) -> Vec<LaneIndex> {
        self.choreography.hosts(role).into_iter().map(|host| usize::from(host.0)).collect()
    }

    fn lanes_of(&self, place: &Place) -> Vec<LaneIndex> {
        let mut lanes: Vec<LaneIndex> = match place {
            Place::Everywhere | Place::Error => self.choreography.role_ids().map(|role| usize::from(role.0)).collect(),
            Place::Roles(roles) | Place::Each(roles) => roles.iter().flat_map(|role| self.lanes(*role)).collect(),
        };
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    }

    /// What happens for an expression; `name` is what its value is bound to.
    fn expr(&mut self, id: ExprId, name: Option<&str>, out: &mut Vec<Item>) {
        let expr = &self.choreography.body[id];
        match &expr.kind {
            ExprKind::Block(stmts, tail) => {
                stmts.iter().for_each(|stmt| self.stmt(stmt, out));
                if let Some(tail) = tail {
                    self.expr(*tail, name, out);
                }
            }
            ExprKind::Communicate { value, within, .. } => {
                self.expr(*value, name, out);
                self.communicate(id, self.value_text(*value, name), ArrowKind::Value, *within, out);
            }
            ExprKind::Message { .. } => self.communicate(id, "go on".to_owned(), ArrowKind::GoOn, None, out),
            ExprKind::Operation { role, service, operation, args } => {
                args.iter().for_each(|arg| self.expr(*arg, None, out));
                self.operation(*role, self.hir.operation(*service, *operation), args, expr.span, out);
            }
            ExprKind::If(..) => self.if_(id, out),
            ExprKind::Match(guard, arms) => self.match_(id, *guard, arms, out),
            ExprKind::While { condition, body, otherwise } => {
                let title = format!("while {}, {}", self.text(*condition), self.decided_at(*condition));
                self.repeat(id, *condition, title, (Some(*condition), *body, Some(*otherwise)), out);
            }
            ExprKind::For { pattern, items, body } => {
                self.expr(*items, None, out);
                let (each, all) = (self.source(pattern.span), self.text(*items));
                let title = format!("for {each} in {all}, {}", self.decided_at(*items));
                self.repeat(id, *items, title, (None, *body, None), out);
            }
            ExprKind::Members(members) => self.each(members, out),
            ExprKind::Par(arms) => {
                let arms = arms.iter().map(|arm| (String::new(), self.block(*arm))).collect();
                frame(FrameKind::Parallel, Vec::new(), arms, out);
            }
            ExprKind::Saga(saga) => self.saga(saga, out),
            ExprKind::Call(call) => self.call(call, out),
            ExprKind::Literal(_)
            | ExprKind::Local(_)
            | ExprKind::Tuple(_)
            | ExprKind::List(_)
            | ExprKind::Construct { .. }
            | ExprKind::Field(..)
            | ExprKind::TupleField(..)
            | ExprKind::Index(..)
            | ExprKind::Builtin(..)
            | ExprKind::Apply(..)
            | ExprKind::At(..)
            | ExprKind::Unary(..)
            | ExprKind::Binary(..)
            | ExprKind::Len(_)
            | ExprKind::MemberIndex(_)
            | ExprKind::Mutate { .. }
            | ExprKind::Error => expr.kind.parts().into_iter().for_each(|part| self.expr(part, None, out)),
        }
    }

    fn operation(&self, role: RoleId, operation: &Operation, args: &[ExprId], span: Span, out: &mut Vec<Item>) {
        let called = format!("{}({})", operation.name.name, self.arguments(args));
        let (kind, says) = match &operation.kind {
            OperationKind::Pure => (BoxKind::Pure, "pure".to_owned()),
            OperationKind::Recorded { compensate: None } => (BoxKind::Recorded, "recorded".to_owned()),
            OperationKind::Recorded { compensate: Some(undo) } => {
                (BoxKind::Recorded, format!("recorded, undone by {}", undo.name))
            }
            OperationKind::Transaction { compensate: None } => {
                (BoxKind::Transaction, "transaction, never undone".to_owned())
            }
            OperationKind::Transaction { compensate: Some(undo) } => {
                (BoxKind::Transaction, format!("transaction, undone by {}", undo.name))
            }
        };
        let lines: Vec<String> = [called, says].into_iter().chain(self.pivot(span)).collect();
        for lane in self.lanes(role) {
            out.push(Item::Box { reach: Reach::at(lane), kind, lines: lines.clone() });
        }
    }

    /// What is said of what decides the session.
    fn pivot(&self, span: Span) -> Option<String> {
        let decides = self.projection.pivots.iter().any(|pivot| pivot.span == span);
        decides.then(|| "pivot: runs when all other roles have voted".to_owned())
    }

    fn block(&mut self, id: ExprId) -> Vec<Item> {
        let mut items = Vec::new();
        self.expr(id, None, &mut items);
        items
    }

    fn stmt(&mut self, stmt: &Stmt, out: &mut Vec<Item>) {
        match &stmt.kind {
            StmtKind::Let(pattern, _, value) => {
                let name = match &pattern.kind {
                    PatternKind::Bind(local) => Some(self.choreography.body[*local].name.as_str()),
                    PatternKind::Wildcard
                    | PatternKind::Literal(_)
                    | PatternKind::Tuple(_)
                    | PatternKind::Construct(..) => None,
                };
                self.expr(*value, name, out);
            }
            StmtKind::Assign(target, value) => {
                let name = self.source(target.span);
                self.expr(*value, Some(&name), out);
                target.indices().for_each(|index| self.expr(index, None, out));
            }
            StmtKind::Require(condition, reason) => {
                self.expr(*condition, None, out);
                self.expr(*reason, None, out);
                let lanes = self.projection.facts.requires.get(condition).map(|place| self.lanes_of(place));
                let lines = vec![format!("require {}", self.text(*condition)), format!("else {}", self.text(*reason))];
                out.extend(Item::stop(lanes.unwrap_or_default(), lines));
            }
            StmtKind::Abort(role, reason) => {
                self.expr(*reason, None, out);
                out.extend(Item::stop(self.lanes(*role), vec!["abort".to_owned(), self.text(*reason)]));
            }
            StmtKind::Sleep(role, millis) => {
                self.expr(*millis, None, out);
                let time = match &self.choreography.body[*millis].kind {
                    ExprKind::Literal(Literal::Int(millis, _)) => duration(u64::try_from(*millis).unwrap_or(u64::MAX)),
                    _ => format!("{} ms", self.text(*millis)),
                };
                out.extend(Item::note(self.lanes(*role), format!("sleeps {time}")));
            }
            StmtKind::Select(from, to) => {
                let text = format!("select: {} decides so", self.name(*from));
                for (to, _) in to {
                    let to = To { role: *to, also: Vec::new(), except: Vec::new() };
                    self.arrows(*from, (&self.lanes(to.role), &to), ArrowKind::Selection, &text, out);
                }
            }
            StmtKind::Expr(value) => self.expr(*value, None, out),
        }
    }

    /// The arrows of a communication, if it sends anything.
    fn communicate(&self, id: ExprId, text: String, kind: ArrowKind, within: Option<u64>, out: &mut Vec<Item>) {
        let Some(transfer) = self.projection.facts.transfers.get(&id) else { return };
        let mut seen: Vec<LaneIndex> = Vec::new();
        for (player, to) in &transfer.to {
            let lane = usize::from(player.base.0);
            // One who stands around as a member and those of its group that do not are one lane.
            if seen.last() == Some(&lane) || seen.contains(&lane) {
                continue;
            }
            seen.push(lane);
            self.arrows(transfer.from, (&[lane], to), kind, &text, out);
        }
        if let Some(within) = within {
            out.extend(Item::note(seen, format!("waits {} at most", duration(within))));
        }
    }

    /// Arrows from all lanes of a role to `lanes`; on lanes of groups they say who is meant.
    fn arrows(&self, from: RoleId, to: (&[LaneIndex], &To), kind: ArrowKind, text: &str, out: &mut Vec<Item>) {
        let (lanes, to) = to;
        let is_group = |lane: LaneIndex| u16::try_from(lane).is_ok_and(|lane| self.choreography.is_group(RoleId(lane)));
        for source in self.lanes(from) {
            for lane in lanes {
                let is_within = source == *lane;
                if is_within && !is_group(source) {
                    continue;
                }
                let around = self.members.iter().filter(|member| self.lanes(**member).contains(lane)).count();
                let text = match (is_within, self.choreography.is_group(to.role)) {
                    (true, true) => format!("{text}, {} to the others", self.name(from)),
                    (true, false) => format!("{text}, {} to {}", self.name(from), self.name(to.role)),
                    (false, true) => format!("{text}, to all"),
                    (false, false) if around > 1 => format!("{text}, to {}", self.name(to.role)),
                    (false, false) => text.to_owned(),
                };
                out.push(Item::Arrow { from: source, to: *lane, kind, text });
            }
        }
    }

    /// The selections that the compiler put at the head of a branch.
    fn inferred(&self, choice: ExprId, branch: usize, says: &str, out: &mut Vec<Item>) {
        for (from, to) in self.projection.selections.get(&(choice, branch)).into_iter().flatten() {
            let text = format!("select: {says} (inferred)");
            self.arrows(*from, (&self.lanes(to.role), to), ArrowKind::Inferred, &text, out);
        }
    }

    fn branch(&mut self, choice: ExprId, branch: usize, says: &str, body: ExprId) -> Vec<Item> {
        let mut items = Vec::new();
        self.inferred(choice, branch, says, &mut items);
        self.expr(body, None, &mut items);
        items
    }

    /// `if`, with the chain of those in its `else`.
    fn if_(&mut self, choice: ExprId, out: &mut Vec<Item>) {
        let (mut next, mut sections, mut lanes) = (choice, Vec::new(), Vec::new());
        while let ExprKind::If(guard, then, otherwise) = self.choreography.body[next].kind {
            let before = match sections.is_empty() {
                true => &mut *out,
                false => &mut Vec::new(),
            };
            self.expr(guard, None, before);
            lanes.extend(self.decider_lane(guard));
            let says = self.text(guard);
            let title = format!("{}: {says}", self.decided_at(guard));
            sections.push((title, self.branch(next, 0, &says, then)));
            match self.chained(next, otherwise) {
                Some(chained) => next = chained,
                None => {
                    sections.push(("else".to_owned(), self.branch(next, 1, "else", otherwise)));
                    break;
                }
            }
        }
        let kind = match sections.as_slice() {
            [(_, then), (_, otherwise)] if otherwise.is_empty() && !then.is_empty() => FrameKind::Optional,
            _ => FrameKind::Alternatives,
        };
        if kind == FrameKind::Optional {
            sections.pop();
        }
        frame(kind, lanes, sections, out);
    }

    /// The `if` that is all there is in the `else` of `choice`, if nothing happens before it decides.
    fn chained(&self, choice: ExprId, mut otherwise: ExprId) -> Option<ExprId> {
        while let ExprKind::Block(stmts, Some(tail)) = &self.choreography.body[otherwise].kind
            && stmts.is_empty()
        {
            otherwise = *tail;
        }
        let ExprKind::If(guard, ..) = self.choreography.body[otherwise].kind else { return None };
        let told = self.projection.selections.contains_key(&(choice, 1));
        (!told && self.is_quiet(guard)).then_some(otherwise)
    }

    /// Whether an expression is one that shows nothing; of what has blocks this is not asked.
    fn is_quiet(&self, id: ExprId) -> bool {
        let kind = &self.choreography.body[id].kind;
        is_plain(kind) && kind.parts().into_iter().all(|part| self.is_quiet(part))
    }

    fn match_(&mut self, choice: ExprId, guard: ExprId, arms: &[(Pattern, ExprId)], out: &mut Vec<Item>) {
        self.expr(guard, None, out);
        let (value, decides) = (self.text(guard), self.decided_at(guard));
        let mut sections = Vec::new();
        for (index, (pattern, body)) in arms.iter().enumerate() {
            let says = self.source(pattern.span);
            let title = match index {
                0 => format!("{decides}: {value} is {says}"),
                _ => says.clone(),
            };
            sections.push((title, self.branch(choice, index, &says, *body)));
        }
        frame(FrameKind::Alternatives, self.decider_lane(guard).into_iter().collect(), sections, out);
    }

    /// A loop: what happens before each round is decided, a round, and what happens when it is left.
    fn repeat(
        &mut self,
        choice: ExprId,
        guard: ExprId,
        title: String,
        (before, body, otherwise): (Option<ExprId>, ExprId, Option<ExprId>),
        out: &mut Vec<Item>,
    ) {
        let mut round = before.map(|before| self.block(before)).unwrap_or_default();
        round.extend(self.branch(choice, 0, "another round", body));
        let mut left = Vec::new();
        self.inferred(choice, 1, "no more rounds", &mut left);
        if let Some(otherwise) = otherwise {
            self.expr(otherwise, None, &mut left);
        }
        let mut sections = vec![(title, round)];
        if !left.is_empty() {
            sections.push(("when it is left".to_owned(), left));
        }
        frame(FrameKind::Loop, self.decider_lane(guard).into_iter().collect(), sections, out);
    }

    fn each(&mut self, members: &Members, out: &mut Vec<Item>) {
        let (member, roles) = (self.name(members.member), group(self.choreography, &members.group));
        let title = match members.order {
            MemberOrder::SideBySide => format!("each {member} in {roles}, side by side"),
            MemberOrder::OneByOne => format!("for {member} in {roles}, one by one"),
        };
        self.members.push(members.member);
        let items = self.block(members.body);
        self.members.pop();
        frame(FrameKind::Loop, self.lanes(members.member), vec![(title, items)], out);
    }

    fn saga(&mut self, saga: &Saga, out: &mut Vec<Item>) {
        let title = saga.within.map(|within| format!("within {}", duration(within))).unwrap_or_default();
        let why = saga.why.map(|why| format!(" {}", self.choreography.body[why].name)).unwrap_or_default();
        let sections =
            vec![(title, self.block(saga.body)), (format!("else{why}: all of it undone"), self.block(saga.otherwise))];
        frame(FrameKind::Saga, Vec::new(), sections, out);
    }

    fn call(&mut self, call: &Call, out: &mut Vec<Item>) {
        call.args.iter().for_each(|arg| self.expr(*arg, None, out));
        let signature = signature_of(self.hir, self.choreography, call.callee);
        let players: Vec<Vec<RoleId>> =
            call.roles.iter().map(|roles| roles.iter().map(|(role, _)| *role).collect()).collect();
        let mut cast: Vec<String> = Vec::new();
        for (role, players) in signature.roles.iter().zip(&players) {
            let player = group(self.choreography, players);
            if player != role.name.name {
                cast.push(format!("{player} as {}", role.name.name));
            }
        }
        for ((name, _), callee) in signature.choreographies().zip(&call.choreographies) {
            cast.push(format!("{} as {}", self.callee(*callee), name.name));
        }
        let played: Vec<String> = players.iter().map(|players| group(self.choreography, players)).collect();
        let mut lines = vec![
            format!("{}<{}>({})", self.callee(call.callee), played.join(", "), self.arguments(&call.args)),
            cast.join(", "),
        ];
        lines.retain(|line| !line.is_empty());
        let lanes = players.iter().flatten().flat_map(|role| self.lanes(*role));
        if let Some(reach) = Reach::of(lanes) {
            out.push(Item::Box { reach, kind: BoxKind::Call, lines });
        }
    }

    fn callee(&self, callee: Callee) -> &str {
        match callee {
            Callee::Choreography(id) => &self.hir.choreography(id).name.name,
            Callee::Param(index) => {
                self.choreography.choreographies.get(index as usize).map_or("", |(name, _)| name.name.as_str())
            }
        }
    }

    fn decided_at(&self, guard: ExprId) -> String {
        deciders(self.choreography, self.projection.facts.place(guard))
    }

    /// The lane of the guard, where it is at one role: a frame of a choice is also around who decides.
    fn decider_lane(&self, guard: ExprId) -> Option<LaneIndex> {
        match self.projection.facts.place(guard) {
            Place::Roles(roles) if roles.len() == 1 => {
                roles.first().and_then(|role| self.lanes(*role).first().copied())
            }
            Place::Roles(_) | Place::Each(_) | Place::Everywhere | Place::Error => None,
        }
    }
}

/// Whether an expression shows nothing but what its parts do.
fn is_plain(kind: &ExprKind) -> bool {
    match kind {
        ExprKind::Literal(_)
        | ExprKind::Local(_)
        | ExprKind::Tuple(_)
        | ExprKind::List(_)
        | ExprKind::Construct { .. }
        | ExprKind::Field(..)
        | ExprKind::TupleField(..)
        | ExprKind::Index(..)
        | ExprKind::Builtin(..)
        | ExprKind::Apply(..)
        | ExprKind::At(..)
        | ExprKind::Unary(..)
        | ExprKind::Binary(..)
        | ExprKind::Len(_)
        | ExprKind::MemberIndex(_)
        | ExprKind::Mutate { .. }
        | ExprKind::Error => true,
        ExprKind::Operation { .. }
        | ExprKind::Communicate { .. }
        | ExprKind::Message { .. }
        | ExprKind::Block(..)
        | ExprKind::If(..)
        | ExprKind::Match(..)
        | ExprKind::Call(_)
        | ExprKind::While { .. }
        | ExprKind::For { .. }
        | ExprKind::Members(_)
        | ExprKind::Par(_)
        | ExprKind::Saga(_) => false,
    }
}

/// A frame around what happens, if anything does; also around `lanes`.
fn frame(kind: FrameKind, lanes: Vec<LaneIndex>, sections: Vec<(String, Vec<Item>)>, out: &mut Vec<Item>) {
    let items = sections.iter().flat_map(|(_, items)| items);
    let Some(reach) = items.map(Item::reach).reduce(Reach::with) else { return };
    let reach = Reach::of(lanes).map_or(reach, |lanes| reach.with(lanes));
    let sections = sections.into_iter().map(|(title, items)| Section { title, items }).collect();
    out.push(Item::Frame(Frame { kind, reach, sections }));
}
