//! Statements.

use super::place::{Kind, Place};
use super::types::Type;
use super::{Generator, Item, Part, Var};

impl Generator {
    /// Up to so many statements. The variables that they bind are known behind them.
    pub(super) fn stmts(&mut self, most: usize) -> Vec<Item> {
        let mut items = Vec::new();
        for _ in 0..most {
            if self.budget == 0 {
                break;
            }
            self.budget -= 1;
            items.extend(self.stmt());
        }
        items
    }

    /// A block: what is bound in it is forgotten behind it.
    pub(super) fn block(&mut self, tail: impl FnOnce(&mut Self) -> String) -> (Vec<Item>, String) {
        let known = self.vars.len();
        self.depth += 1;
        let most = 1 + self.below(4);
        let body = self.stmts(most);
        let tail = tail(self);
        self.depth -= 1;
        self.vars.truncate(known);
        (body, tail)
    }

    fn stmt(&mut self) -> Vec<Item> {
        let made = match self.below(100) {
            0 if self.scopes > 0 => self.compute_risky(),
            0..=6 => self.compute(),
            7..=8 => self.compute_each(),
            9..=10 => self.take_apart(),
            11..=26 => self.communicate(),
            27..=31 => self.message(),
            32..=42 => self.act(),
            43..=48 => self.declare(),
            49..=57 => self.assign(),
            58..=59 => self.require(),
            60 => self.sleep(),
            61 => self.apart(),
            62 if self.depth < 4 => self.apart_choice(),
            62..=64 => self.timed(),
            65..=70 => self.call(),
            _ if self.depth >= 4 => self.act(),
            71..=76 => self.branch(),
            77 => self.alike(),
            78 => self.received(),
            79..=81 => self.match_(),
            82..=84 => self.group_choice(),
            85..=87 => self.while_(),
            88..=89 => self.for_(),
            90..=92 => self.members(),
            93..=94 => self.par(),
            _ => self.saga(),
        };
        made.unwrap_or_default()
    }

    /// `let x = ..;` without communication at its top.
    fn compute(&mut self) -> Option<Vec<Item>> {
        let (ty, role) = (self.any_type(), self.single());
        let mut at = vec![role];
        if self.percent(30) {
            let other = self.below(self.roles.len());
            if other != role {
                at.push(other);
            }
        }
        let (value, place) = self.expr(&ty, &at, 2)?;
        let name = self.fresh("v");
        let line = match self.below(10) {
            0 => format!("let _: {} = {value};", ty.text()),
            1 if place != Place::Everywhere => format!("let {name}: {}@{} = {value};", ty.text(), self.role_list(&at)),
            _ => format!("let {name}: {} = {value};", ty.text()),
        };
        if !line.starts_with("let _") {
            self.var(name, ty, if line.contains('@') { self.meet(&place, &Place::of(&at)) } else { place });
        }
        Some(vec![Item::Line(line)])
    }

    /// What may have no value, where its role does nothing else perhaps.
    fn compute_risky(&mut self) -> Option<Vec<Item>> {
        let role = self.single();
        let (value, place) = self.risky(&[role], 1)?;
        let name = self.fresh("v");
        let line = format!("let {name} = {value};");
        self.var(name, Type::U32, place);
        Some(vec![Item::Line(line)])
    }

    /// Something that each of a group computes of what it has for itself.
    fn compute_each(&mut self) -> Option<Vec<Item>> {
        (self.depth == 0).then_some(())?;
        let is_each = |var: &&Var| matches!(var.place, Place::Each(_));
        let eaches: Vec<Var> = self.vars.iter().filter(is_each).cloned().collect();
        let var = self.pick(&eaches)?.clone();
        let (x, ty) = (&var.text, var.ty.clone());
        let (value, ty) = match (&ty, self.below(2)) {
            (Type::U32, 0) => (format!("({x} % 50) + 1"), ty),
            (Type::U32, _) => (format!("share({x}, 2) + worth(Mark::Scored({x} % 7))"), ty),
            (Type::Bool, 0) => (format!("!{x}"), ty),
            (Type::Bool, _) => (format!("{x} == ready(3)"), ty),
            (Type::Maybe(_), _) => (format!("({x}, 1_u32)"), Type::pair(ty, Type::U32)),
            (Type::List, _) => (format!("total({x}.with(4))"), Type::U32),
            (Type::Item, _) => (format!("{x}.count"), Type::U32),
            (Type::Mark, _) => (format!("worth({x})"), Type::U32),
            (Type::Pair(one, _), _) => (format!("{x}.0"), (**one).clone()),
            _ => return None,
        };
        let name = self.fresh("own");
        let line = format!("let {name}: {} = {value};", ty.text());
        self.var(name, ty, var.place);
        Some(vec![Item::Line(line)])
    }

    /// Some roles, `from` not alone.
    fn receivers(&mut self, from: usize) -> Option<Vec<usize>> {
        let mut to: Vec<usize> = Vec::new();
        for role in 0..self.roles.len() {
            let is_likely = if self.roles[role].kind == Kind::Single { 35 } else { 45 };
            if self.percent(is_likely) {
                to.push(role);
            }
        }
        (!to.is_empty() && to != [from]).then_some(to)
    }

    /// `let x = value@from ~> to;`
    fn communicate(&mut self) -> Option<Vec<Item>> {
        let from = self.single();
        let params: Vec<_> = self.vars.iter().filter(|var| var.ty == Type::Param).cloned().collect();
        let ty = if !params.is_empty() && self.percent(50) { Type::Param } else { self.any_type() };
        let (value, _) = self.expr(&ty, &[from], 2)?;
        let to = self.receivers(from)?;
        let (name, sender) = (self.fresh("m"), self.roles[from].name.clone());
        let mut chain = format!("({value})@{sender}");
        if self.percent(20) {
            // By way of another.
            let between = self.single();
            if between != from && to != [between] {
                let by = self.roles[between].name.clone();
                chain = if self.percent(50) { format!("({chain} ~> {by})@{by}") } else { format!("{chain} ~> {by}") };
            }
        }
        let line = format!("let {name} = {chain} ~> {};", self.role_list(&to));
        self.var(name, ty, Place::of(&to));
        Some(vec![Item::Line(line)])
    }

    /// `from ~> to;`
    fn message(&mut self) -> Option<Vec<Item>> {
        let from = self.single();
        let to: Vec<usize> = self.receivers(from)?.into_iter().filter(|to| *to != from).collect();
        (!to.is_empty()).then_some(())?;
        Some(vec![Item::Line(format!("{} ~> {};", self.roles[from].name, self.role_list(&to)))])
    }

    /// An operation, its value used or not.
    fn act(&mut self) -> Option<Vec<Item>> {
        let (ty, role) = (self.any_type(), self.single());
        if self.scopes > 0 && self.percent(25) {
            let (x, _) = self.expr(&Type::U32, &[role], 1)?;
            let (name, tag) = (self.roles[role].name.clone(), self.fresh("t"));
            return Some(vec![Item::Line(format!("{name}.risky_take(\"{tag}\", {x});"))]);
        }
        if self.percent(10) {
            let (name, tag) = (self.roles[role].name.clone(), self.fresh("t"));
            return Some(vec![Item::Line(format!("{name}.log(\"{tag}\");"))]);
        }
        let (text, place) = self.operation(&ty, role, 2)?;
        if self.percent(40) {
            return Some(vec![Item::Line(format!("{text};"))]);
        }
        let name = self.fresh("o");
        let line = format!("let {name} = {text};");
        self.var(name, ty, place);
        Some(vec![Item::Line(line)])
    }

    /// `let mut x: T@P = ..;`
    fn declare(&mut self) -> Option<Vec<Item>> {
        let ty = match self.below(12) {
            0..=3 => Type::U32,
            4 | 5 => Type::List,
            6 => Type::Item,
            7 => Type::Bool,
            8 => Type::Ledger,
            9 => Type::pair(Type::U32, Type::Bool),
            10 => Type::Text,
            _ => [Type::maybe(Type::U32), Type::Float][self.below(2)].clone(),
        };
        let groups = self.groups();
        if self.percent(35)
            && let Some(group) = self.pick(&groups).copied()
            && let Some((value, _)) = self.expr(&ty, &[group], 1)
        {
            let name = self.fresh("own");
            let line = format!("let mut {name}: {}@each {} = {value};", ty.text(), self.roles[group].name);
            self.var(name, ty, Place::Each([group].into()));
            self.vars.last_mut()?.assignable = true;
            return Some(vec![Item::Line(line)]);
        }
        let role = self.below(self.roles.len());
        let mut at = vec![role];
        if self.percent(35) {
            let other = self.below(self.roles.len());
            if other != role {
                at.push(other);
            }
        }
        let (value, _) = self.expr(&ty, &at, 1)?;
        let name = self.fresh("x");
        let line = format!("let mut {name}: {}@{} = {value};", ty.text(), self.role_list(&at));
        self.var(name, ty, Place::of(&at));
        self.vars.last_mut()?.assignable = true;
        Some(vec![Item::Line(line)])
    }

    fn assign(&mut self) -> Option<Vec<Item>> {
        let assignable: Vec<_> = self.vars.iter().filter(|var| var.assignable).cloned().collect();
        // What has parts is changed in more ways.
        let composed: Vec<_> =
            assignable.iter().filter(|var| !matches!(var.ty, Type::U32 | Type::Bool)).cloned().collect();
        let among = if composed.is_empty() || self.percent(40) { assignable } else { composed };
        let var = self.pick(&among)?.clone();
        let at: Vec<usize> = match &var.place {
            Place::Roles(roles) => roles.iter().copied().collect(),
            Place::Each(_) => vec![(0..self.roles.len()).rev().find(|role| self.own(&var.place, *role))?],
            Place::Everywhere => return None,
        };
        let name = &var.text;
        let line = match &var.ty {
            Type::List if self.percent(60) => {
                let (x, _) = self.expr(&Type::U32, &at, 1)?;
                match self.below(6) {
                    5 => {
                        let popped = self.fresh("v");
                        format!("let {popped} = {name}.pop();")
                    }
                    0 if self.scopes > 0 || self.percent(40) => format!("{name}[0] = {x};"),
                    4 => format!("{name}.insert(0, {x});"),
                    1 => format!("{name}.extend([{x}]);"),
                    2 => format!("{name}.pop();"),
                    _ => format!("{name}.push({x});"),
                }
            }
            Type::Item if self.percent(60) => match self.below(3) {
                0 => {
                    let (text, _) = self.expr(&Type::Text, &at, 1)?;
                    format!("{name}.name.push_str({text});")
                }
                _ => {
                    let (x, _) = self.expr(&Type::U32, &at, 1)?;
                    format!("{name}.count = {x};")
                }
            },
            Type::Ledger if self.percent(70) => match self.below(4) {
                0 => format!("{name}.remove(\"x\");"),
                1 => format!("{name}.clear();"),
                _ => {
                    let (key, value, _) = self.two(&Type::Text, &Type::U32, &at, 1)?;
                    format!("{name}.insert({key}, {value});")
                }
            },
            Type::Pair(one, _) if self.percent(60) => {
                let (x, _) = self.expr(one, &at, 1)?;
                format!("{name}.0 = {x};")
            }
            Type::Text if self.percent(50) => format!("{name}.push('c');"),
            Type::Maybe(_) if self.percent(50) => {
                let taken = self.fresh("v");
                let line = format!("let {taken} = {name}.take();");
                if let Place::Roles(_) = &var.place {
                    self.var(taken, var.ty.clone(), var.place.clone());
                }
                line
            }
            ty => {
                let (value, _) = self.expr(ty, &at, 2)?;
                format!("{name} = {value};")
            }
        };
        Some(vec![Item::Line(line)])
    }

    fn require(&mut self) -> Option<Vec<Item>> {
        if self.scopes == 0 && !self.percent(15) {
            return None;
        }
        let role = self.single();
        let mut at = vec![role];
        let other = self.below(self.roles.len());
        if self.percent(25) && other != role {
            at.push(other);
        }
        let (condition, place) = self.expr(&Type::Bool, &at, 1)?;
        (place != Place::Everywhere).then_some(())?;
        let tag = self.fresh("r");
        Some(vec![Item::Line(format!("require {condition}, \"{tag}\";"))])
    }

    /// A tuple whose parts live at different places.
    fn apart(&mut self) -> Option<Vec<Item>> {
        let (one, two) = (self.any_type(), self.any_type());
        let (here, there) = (self.single(), self.single());
        let ((a, place), (b, other)) = (self.expr(&one, &[here], 1)?, self.expr(&two, &[there], 1)?);
        let (left, right) = (self.fresh("l"), self.fresh("r"));
        let line = format!("let ({left}, {right}) = ({a}, {b});");
        self.var(left, one, place);
        self.var(right, two, other);
        Some(vec![Item::Line(line)])
    }

    /// `let x = value@from ~> to within ..;`
    fn timed(&mut self) -> Option<Vec<Item>> {
        let (from, to) = (self.single(), self.single());
        self.is_apart(from, &[to]).then_some(())?;
        let (value, _) = self.expr(&Type::U32, &[from], 1)?;
        let (name, sender) = (self.fresh("late"), self.roles[from].name.clone());
        let line =
            format!("let {name} = ({value})@{sender} ~> {} within {}ms;", self.roles[to].name, 1000 + self.names);
        self.var(name, Type::maybe(Type::U32), Place::at(to));
        Some(vec![Item::Line(line)])
    }

    /// `sleep role, ..;`
    fn sleep(&mut self) -> Option<Vec<Item>> {
        let role = self.single();
        let name = self.roles[role].name.clone();
        let time = match self.percent(50) {
            true => format!("{}ms", self.below(4)),
            false => format!("({}).to_u64() % 4", self.expr(&Type::U32, &[role], 1)?.0),
        };
        Some(vec![Item::Line(format!("sleep {name}, {time};"))])
    }

    /// Where a part ends in `abort`, the statement; who knows of the part is `who`.
    pub(super) fn abort(&mut self, who: usize) -> Option<Item> {
        let likelihood = if self.scopes > 0 { 18 } else { 3 };
        let tag = self.fresh("a");
        self.percent(likelihood).then(|| Item::Line(format!("abort {}, \"{tag}\";", self.roles[who].name)))
    }

    /// `select from ~> to;` at the head of a branch.
    pub(super) fn told(&mut self, known: &Place) -> Vec<Item> {
        let Place::Roles(known) = known else { return Vec::new() };
        if !self.percent(15) {
            return Vec::new();
        }
        let knowing: Vec<usize> = known.iter().copied().filter(|role| self.roles[*role].kind != Kind::Group).collect();
        let Some(from) = self.pick(&knowing).copied() else { return Vec::new() };
        let others: Vec<usize> = (0..self.roles.len()).filter(|role| !known.contains(role)).collect();
        let Some(to) = self.pick(&others).copied() else { return Vec::new() };
        vec![Item::Line(format!("select {} ~> {};", self.roles[from].name, self.roles[to].name))]
    }

    pub(super) fn plain(head: &str, body: Vec<Item>) -> Part {
        Part { head: head.to_owned(), body, tail: String::new() }
    }
}
