//! Choreographies that are called, and their calls.

use super::place::{Kind, Place, RoleInfo};
use super::types::Type;
use super::{Callee, Choreography, Generator, Item, Param, Part};

impl Generator {
    /// A choreography for others to call; or several that call one another.
    pub(super) fn helper(&mut self) -> Vec<Choreography> {
        self.vars.clear();
        self.budget = 2 + self.below(5);
        match self.below(8) {
            6 => vec![self.carry()],
            7 => self.generic_higher_order(),
            0 => self.recursive(),
            1 => self.generic(),
            2 => self.higher_order(),
            3 => self.of_group(),
            _ => vec![self.step()],
        }
    }

    fn singles_only(&mut self, names: &[&str]) {
        self.roles = names.iter().map(|name| RoleInfo::new(name, Kind::Single)).collect();
    }

    fn declare_callee(&mut self, callee: Callee) {
        self.callees.push(callee);
    }

    fn choreography(
        &self,
        callee: &Callee,
        types: &str,
        params: &[&str],
        results: Vec<(String, String)>,
    ) -> Choreography {
        Choreography {
            name: callee.name.clone(),
            roles: self.roles.iter().map(RoleInfo::declared).collect(),
            types: types.to_owned(),
            params: params.iter().map(|param| (*param).to_owned()).collect(),
            results,
            body: Vec::new(),
            tail: None,
        }
    }

    /// One of the signature that `step` parameters have.
    fn step(&mut self) -> Choreography {
        self.singles_only(&["P", "Q"]);
        self.var("x".to_owned(), Type::U32, Place::at(0));
        let callee = Callee {
            name: self.fresh("Step"),
            groups: vec![false, false],
            params: vec![Param::Value(Type::U32, vec![0])],
            results: vec![(Type::U32, vec![1], false)],
            has_type: false,
        };
        let body = self.stmts(4);
        let (value, _) = self.expr(&Type::U32, &[0], 1).unwrap_or_default_literal();
        let mut made = self.choreography(&callee, "", &["x: u32@P"], Vec::new());
        made.body = body;
        made.results = vec![(format!("({value})@P ~> Q"), "u32@Q".to_owned())];
        self.declare_callee(callee);
        made
    }

    /// One that calls itself, with the roles turned round, or two that call each other.
    fn recursive(&mut self) -> Vec<Choreography> {
        self.singles_only(&["P", "Q"]);
        let names = if self.percent(40) { vec![self.fresh("Rec"), self.fresh("Rec")] } else { vec![self.fresh("Rec")] };
        let mut made = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let next = &names[(index + 1) % names.len()];
            self.vars.clear();
            self.budget = 2 + self.below(4);
            self.var("n".to_owned(), Type::U32, Place::at(0));
            self.var("x".to_owned(), Type::U32, Place::at(1));
            let callee = Callee {
                name: name.clone(),
                groups: vec![false, false],
                params: vec![Param::Counter(0), Param::Value(Type::U32, vec![1])],
                results: vec![(Type::U32, vec![0], false)],
                has_type: false,
            };
            let mut chor = self.choreography(&callee, "", &["n: u32@P", "x: u32@Q"], Vec::new());
            let turned = self.percent(60);
            let known = self.vars.len();
            self.depth += 1;
            let mut then = self.stmts(2);
            let (argument, _) = self.expr(&Type::U32, &[usize::from(!turned)], 1).unwrap_or_default_literal();
            let tail = if turned {
                then.push(Item::Line("let m = n ~> Q;".to_owned()));
                then.push(Item::Line(format!("let again = {next}<Q, P>(m - 1, {argument});")));
                "(again % 50 + 1)@Q ~> P".to_owned()
            } else {
                then.push(Item::Line(format!("let again = {next}<P, Q>(n - 1, {argument});")));
                "again % 50 + n".to_owned()
            };
            self.vars.truncate(known);
            let (otherwise, value) = self.block(|this| this.expr(&Type::U32, &[0], 1).unwrap_or_default_literal().0);
            self.depth -= 1;
            chor.results = vec![(String::new(), "u32@P".to_owned())];
            chor.tail = Some(Item::Block {
                open: String::new(),
                parts: vec![
                    Part { head: "if n > 0".to_owned(), body: then, tail },
                    Part { head: "else".to_owned(), body: otherwise, tail: value },
                ],
                close: String::new(),
            });
            made.push((callee, chor));
        }
        made.into_iter()
            .map(|(callee, chor)| {
                self.declare_callee(callee);
                chor
            })
            .collect()
    }

    /// One with a type parameter.
    fn generic(&mut self) -> Vec<Choreography> {
        self.singles_only(&["P", "Q", "R"]);
        self.var("x".to_owned(), Type::Param, Place::at(0));
        self.var("k".to_owned(), Type::U32, Place::at(0));
        let callee = Callee {
            name: self.fresh("Relay"),
            groups: vec![false, false, false],
            params: vec![Param::Value(Type::Param, vec![0]), Param::Value(Type::U32, vec![0])],
            results: vec![(Type::Param, vec![1, 2], false), (Type::U32, vec![1], false)],
            has_type: true,
        };
        let mut made = self.choreography(&callee, "; T", &["x: T@P", "k: u32@P"], Vec::new());
        made.body = self.stmts(4);
        let (value, _) = self.expr(&Type::U32, &[1], 1).unwrap_or_default_literal();
        made.results = vec![("x@P ~> {Q, R}".to_owned(), "T@{Q, R}".to_owned()), (value, "u32@Q".to_owned())];
        self.declare_callee(callee);
        vec![made]
    }

    /// One that is handed another.
    fn higher_order(&mut self) -> Vec<Choreography> {
        let step = self.step();
        self.vars.clear();
        self.budget = 2 + self.below(4);
        self.singles_only(&["P", "Q"]);
        self.var("x".to_owned(), Type::U32, Place::at(0));
        let callee = Callee {
            name: self.fresh("Twice"),
            groups: vec![false, false],
            params: vec![Param::Step, Param::Value(Type::U32, vec![0])],
            results: vec![(Type::U32, vec![0], false)],
            has_type: false,
        };
        let given = "step: choreography<P: S, Q: S>(u32@P) -> u32@Q";
        let mut made = self.choreography(&callee, "", &[given, "x: u32@P"], Vec::new());
        let mut body = self.stmts(2);
        let (value, _) = self.expr(&Type::U32, &[0], 1).unwrap_or_default_literal();
        body.push(Item::Line(format!("let one = step<P, Q>({value});")));
        self.var("one".to_owned(), Type::U32, Place::at(1));
        body.extend(self.stmts(2));
        body.push(Item::Line("let two = step<Q, P>(one);".to_owned()));
        made.body = body;
        made.results = vec![("two".to_owned(), "u32@P".to_owned())];
        self.declare_callee(callee);
        vec![step, made]
    }

    /// One that is handed another whose signature mentions its type parameter, and hands it on.
    fn generic_higher_order(&mut self) -> Vec<Choreography> {
        let step = self.step();
        let (hand, both) = (self.fresh("Hand"), self.fresh("Both"));
        let given = "step: choreography<P: S, Q: S>(T@P) -> T@Q";
        self.singles_only(&["P", "Q"]);
        let mut callee = Callee {
            name: hand.clone(),
            groups: vec![false, false],
            params: vec![Param::Step, Param::Value(Type::U32, vec![0])],
            results: vec![(Type::U32, vec![1], false)],
            has_type: true,
        };
        let results = vec![("step<P, Q>(x)".to_owned(), "T@Q".to_owned())];
        let first = self.choreography(&callee, "; T", &[given, "x: T@P"], results);
        self.declare_callee(callee.clone());
        self.vars.clear();
        self.budget = 2 + self.below(4);
        self.var("x".to_owned(), Type::Param, Place::at(0));
        let mut body = self.stmts(2);
        body.push(Item::Line(format!("let there = {hand}<P, Q; T>(step, x);")));
        body.push(Item::Line("let kept = Some([there]);".to_owned()));
        body.extend(self.stmts(2));
        callee =
            Callee { name: both, results: vec![(Type::U32, vec![0], false), (Type::U32, vec![1], false)], ..callee };
        let results =
            vec![("step<Q, P>(there)".to_owned(), "T@P".to_owned()), ("kept.unwrap()[0]".to_owned(), "T@Q".to_owned())];
        let mut second = self.choreography(&callee, "; T", &[given, "x: T@P"], results);
        second.body = body;
        self.declare_callee(callee);
        vec![step, first, second]
    }

    /// One in which all others first receive from the first role.
    fn carry(&mut self) -> Choreography {
        self.singles_only(&["P", "Q", "R"]);
        self.var("x".to_owned(), Type::U32, Place::at(0));
        let callee = Callee {
            name: self.fresh("Carry"),
            groups: vec![false, false, false],
            params: vec![Param::Value(Type::U32, vec![0])],
            results: vec![(Type::U32, vec![1], false), (Type::U32, vec![2], false)],
            has_type: false,
        };
        let mut made = self.choreography(&callee, "", &["x: u32@P"], Vec::new());
        let mut body = vec![Item::Line("let y = x ~> {Q, R};".to_owned())];
        self.var("y".to_owned(), Type::U32, Place::of(&[1, 2]));
        body.extend(self.stmts(3));
        made.body = body;
        made.results = vec![("y".to_owned(), "u32@Q".to_owned()), ("y".to_owned(), "u32@R".to_owned())];
        self.declare_callee(callee);
        made
    }

    /// One with a group.
    fn of_group(&mut self) -> Vec<Choreography> {
        self.roles = vec![RoleInfo::new("P", Kind::Single), RoleInfo::new("G", Kind::Group)];
        self.var("x".to_owned(), Type::U32, Place::at(0));
        let callee = Callee {
            name: self.fresh("Spread"),
            groups: vec![false, true],
            params: vec![Param::Value(Type::U32, vec![0])],
            results: vec![(Type::List, vec![0], false), (Type::U32, vec![1], true)],
            has_type: false,
        };
        let mut made = self.choreography(&callee, "", &["x: u32@P"], Vec::new());
        let mut body = self.stmts(3);
        body.push(Item::Line("let shared = x ~> G;".to_owned()));
        self.var("shared".to_owned(), Type::U32, Place::at(1));
        body.extend(self.stmts(2));
        let tag = self.fresh("t");
        body.push(Item::Line(format!(
            "let own = each g in G {{ g.note(\"{tag}\", shared % 50 + g.index.to_u32()) }};"
        )));
        body.push(Item::Line("let all = each g in G { own@g ~> P };".to_owned()));
        made.body = body;
        made.results = vec![("all".to_owned(), "Vec<u32>@P".to_owned()), ("own".to_owned(), "u32@each G".to_owned())];
        self.declare_callee(callee);
        vec![made]
    }

    /// A call of one of them.
    pub(super) fn call(&mut self) -> Option<Vec<Item>> {
        let callees = self.callees.clone();
        let callee = self.pick(&callees)?;
        let mut cast: Vec<Vec<usize>> = Vec::new();
        for is_group in &callee.groups {
            let taken: Vec<usize> = cast.iter().flatten().copied().collect();
            if *is_group {
                let group: Vec<usize> = self.group()?;
                group.iter().all(|role| self.is_apart(*role, &taken)).then_some(())?;
                cast.push(group);
            } else {
                let free: Vec<usize> = self.singles().into_iter().filter(|role| self.is_apart(*role, &taken)).collect();
                cast.push(vec![*self.pick(&free)?]);
            }
        }
        let instance = [Type::U32, Type::Text, Type::Mark, Type::Ledger, Type::Seal, Type::Float];
        let instance = instance[self.below(6)].clone();
        // What is handed over is about numbers.
        let is_handed = callee.params.iter().any(|param| matches!(param, Param::Step));
        let instance = if is_handed { Type::U32 } else { instance };
        let concrete = |ty: &Type| if *ty == Type::Param { instance.clone() } else { ty.clone() };
        let played = |roles: &[usize]| -> Vec<usize> { roles.iter().flat_map(|role| cast[*role].clone()).collect() };
        let mut args = Vec::new();
        for param in &callee.params {
            args.push(match param {
                Param::Value(ty, roles) => self.expr(&concrete(ty), &played(roles), 1)?.0,
                Param::Counter(role) => match self.percent(50) {
                    true => self.below(4).to_string(),
                    false => format!("({}) % 3", self.expr(&Type::U32, &cast[*role], 1)?.0),
                },
                Param::Step => {
                    let steps: Vec<&str> = callees
                        .iter()
                        .map(|callee| callee.name.as_str())
                        .filter(|name| name.starts_with("Step"))
                        .collect();
                    (*self.pick(&steps)?).to_owned()
                }
            });
        }
        let roles: Vec<String> = cast.iter().map(|roles| self.role_list(roles)).collect();
        let types = if callee.has_type && self.percent(60) { format!("; {}", instance.text()) } else { String::new() };
        let call = format!("{}<{}{types}>({})", callee.name, roles.join(", "), args.join(", "));
        let mut names = Vec::new();
        for (ty, roles, each) in &callee.results {
            let (name, roles) = (self.fresh("k"), played(roles));
            let place = if *each { Place::Each(roles.into_iter().collect()) } else { Place::of(&roles) };
            self.var(name.clone(), concrete(ty), place);
            names.push(name);
        }
        let names = match names.as_slice() {
            [only] => only.clone(),
            several => format!("({})", several.join(", ")),
        };
        Some(vec![Item::Line(format!("let {names} = {call};"))])
    }
}

/// A number where nothing else was made.
trait OrLiteral {
    fn unwrap_or_default_literal(self) -> (String, Place);
}

impl OrLiteral for Option<(String, Place)> {
    fn unwrap_or_default_literal(self) -> (String, Place) {
        self.unwrap_or_else(|| ("1".to_owned(), Place::Everywhere))
    }
}
