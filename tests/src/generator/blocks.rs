//! Choices, loops, arms and scopes.

use super::place::{Kind, Place};
use super::types::Type;
use super::{Generator, Item, Part, Var};

impl Generator {
    /// A guard: its text and the place where it is known, which has a role that is one participant.
    fn guard(&mut self, ty: &Type) -> Option<(String, Place, usize)> {
        let role = self.single();
        let mut at = vec![role];
        if self.percent(25) {
            let other = self.below(self.roles.len());
            if other != role {
                at.push(other);
            }
        }
        let (text, place) = self.expr(ty, &at, 2)?;
        if place == Place::Everywhere && !self.percent(10) {
            return None;
        }
        Some((text, place, role))
    }

    /// Parts of a choice that is known at `place`, one of whom is `who`; with values of a type where there is one.
    fn branches(
        &mut self,
        heads: Vec<(String, Vec<Var>)>,
        place: &Place,
        who: usize,
        value: Option<&Type>,
    ) -> Option<(Vec<Part>, Place)> {
        let (mut parts, mut result) = (Vec::new(), place.clone());
        let last = heads.len() - 1;
        let (mut has_value, mut goes_on) = (false, false);
        for (index, (head, bound)) in heads.into_iter().enumerate() {
            let known = self.vars.len();
            self.vars.extend(bound);
            let mut told = self.told(place);
            let mut value_place = None;
            let (body, tail) = self.block(|this| {
                let made = value.and_then(|ty| this.expr(ty, &[who], 1));
                made.map_or_else(String::new, |(text, place)| {
                    value_place = Some(place);
                    text
                })
            });
            told.extend(body);
            // Something must be reached behind it.
            let must_go_on = index == last && !goes_on && (index > 0 || value.is_some());
            goes_on |= last == 0;
            match (self.abort(who), value_place) {
                (Some(abort), _) if !must_go_on => {
                    told.push(abort);
                    parts.push(Part { head, body: told, tail: String::new() });
                }
                (_, Some(place)) => {
                    (has_value, goes_on) = (true, true);
                    result = self.meet(&result, &place);
                    parts.push(Part { head, body: told, tail });
                }
                (_, None) if value.is_none() => {
                    goes_on = true;
                    parts.push(Part { head, body: told, tail: String::new() });
                }
                (_, None) => return None,
            }
            self.vars.truncate(known);
        }
        (has_value || value.is_none()).then_some((parts, result))
    }

    /// The `let` of a choice with a value, and the variable that it binds.
    fn bound(&mut self, value: Option<&Type>, place: Place) -> (String, &'static str) {
        let Some(ty) = value else { return (String::new(), "") };
        let name = self.fresh("c");
        self.var(name.clone(), ty.clone(), place);
        (format!("let {name} = "), ";")
    }

    fn maybe_type(&mut self) -> Option<Type> {
        self.percent(35).then(|| self.any_type())
    }

    pub(super) fn branch(&mut self) -> Option<Vec<Item>> {
        let (guard, place, who) = if self.percent(12) {
            // What is to be done on the right of `&&` is done only where the left holds.
            let (role, other) = (self.single(), self.single());
            let (left, _) = self.expr(&Type::Bool, &[role], 0)?;
            self.is_apart(other, &[role]).then_some(())?;
            let (right, _) = self.operation(&Type::Bool, other, 0)?;
            let (role_name, other_name) = (self.roles[role].name.clone(), self.roles[other].name.clone());
            let guard = format!("({left})@{role_name} && ({right} ~> {role_name})");
            let _ = other_name;
            (guard, Place::at(role), role)
        } else {
            self.guard(&Type::Bool)?
        };
        let value = self.maybe_type();
        let mut heads = vec![(format!("if ({guard})"), Vec::new())];
        if self.percent(15)
            && let Some((other, _)) = self.expr(&Type::Bool, &[who], 1)
        {
            heads.push((format!("else if ({other})"), Vec::new()));
        }
        let place = if heads.len() > 1 { Place::at(who) } else { place };
        if value.is_some() || self.percent(60) {
            heads.push(("else".to_owned(), Vec::new()));
        }
        let (parts, place) = self.branches(heads, &place, who, value.as_ref())?;
        let (open, close) = self.bound(value.as_ref(), place);
        Some(vec![Item::Block { open, parts, close: close.to_owned() }])
    }

    /// A choice whose branches begin alike, so that roles may do the same in both.
    pub(super) fn alike(&mut self) -> Option<Vec<Item>> {
        let (guard, place, _) = self.guard(&Type::Bool)?;
        (place != Place::Everywhere).then_some(())?;
        let known = self.vars.len();
        self.depth += 1;
        let mut shared = self.stmts(2);
        let assigned: Vec<Var> =
            self.vars.iter().filter(|var| var.assignable && var.ty == Type::U32).cloned().collect();
        if let Some(var) = self.pick(&assigned).cloned()
            && let Place::Roles(_) = &var.place
        {
            shared.push(Item::Line(format!("{} = {};", var.text, self.below(9))));
        }
        let mut parts = Vec::new();
        for head in [format!("if ({guard})"), "else".to_owned()] {
            let inner = self.vars.len();
            let mut body = shared.clone();
            body.extend(self.stmts(2));
            self.vars.truncate(inner);
            parts.push(Self::plain(&head, body));
        }
        self.depth -= 1;
        self.vars.truncate(known);
        Some(vec![Item::Block { open: String::new(), parts, close: String::new() }])
    }

    /// A choice whose value comes to others in every branch, by a message or by a call that is one: for them, that tells the branch.
    pub(super) fn received(&mut self) -> Option<Vec<Item>> {
        let from = self.single();
        let (ty, arms) = match self.below(3) {
            0 => (self.matched(), true),
            _ => (Type::Bool, false),
        };
        let (guard, place) = self.expr(&ty, &[from], 2)?;
        self.holds(&place, from).then_some(())?;
        let apart: Vec<usize> = self.singles().into_iter().filter(|role| self.is_apart(*role, &[from])).collect();
        let to = *self.pick(&apart)?;
        let carriers: Vec<String> =
            self.callees.iter().map(|callee| callee.name.clone()).filter(|name| name.starts_with("Carry")).collect();
        let others: Vec<usize> = apart.iter().copied().filter(|role| self.is_apart(*role, &[to])).collect();
        let (carrier, other) = (self.pick(&carriers).cloned(), self.pick(&others).copied());
        let (from_name, to_name) = (self.roles[from].name.clone(), self.roles[to].name.clone());
        let heads = match arms {
            true => self.heads(&ty, &place),
            false => vec![(format!("if ({guard})@{from_name}"), Vec::new()), ("else".to_owned(), Vec::new())],
        };
        let (mut parts, mut calls) = (Vec::new(), true);
        for (head, bound) in heads {
            let known = self.vars.len();
            self.vars.extend(bound);
            let value = self.expr(&Type::U32, &[from], 1);
            self.vars.truncate(known);
            let value = value?.0;
            let tail = match (&carrier, other) {
                (Some(carrier), Some(other)) if calls => {
                    format!("{carrier}<{from_name}, {to_name}, {}>({value}).0", self.roles[other].name)
                }
                _ => format!("({value})@{from_name} ~> {to_name}"),
            };
            calls = self.percent(80);
            parts.push(Part { head, body: Vec::new(), tail });
        }
        let name = self.fresh("c");
        self.var(name.clone(), Type::U32, Place::at(to));
        let (open, close) = match arms {
            true => (format!("let {name} = match ({guard})@{from_name} {{ "), "};"),
            false => (format!("let {name} = "), ";"),
        };
        Some(vec![Item::Block { open, parts, close: close.to_owned() }])
    }

    pub(super) fn match_(&mut self) -> Option<Vec<Item>> {
        let ty = self.matched();
        let (guard, place, who) = self.guard(&ty)?;
        let heads = self.heads(&ty, &place);
        let value = self.maybe_type();
        let (parts, place) = self.branches(heads, &place, who, value.as_ref())?;
        let (open, close) = self.bound(value.as_ref(), place);
        Some(vec![Item::Block { open: format!("{open}match ({guard}) {{ "), parts, close: format!("}}{close}") }])
    }

    /// A loop that counts.
    pub(super) fn while_(&mut self) -> Option<Vec<Item>> {
        let role = self.single();
        let mut at = vec![role];
        if self.percent(30) {
            let other = self.below(self.roles.len());
            if other != role {
                at.push(other);
            }
        }
        let (name, most) = (self.fresh("i"), 1 + self.below(3));
        let start = format!("let mut {name}: u32@{} = 0;", self.role_list(&at));
        let (mut guard, mut place) = (format!("{name} < {most}"), Place::of(&at));
        if self.percent(40)
            && let Some((flag, other)) = self.expr(&Type::Bool, &at, 1)
        {
            (guard, place) = (format!("{guard} && {flag}"), self.meet(&place, &other));
        }
        self.var(name.clone(), Type::U32, Place::of(&at));
        let heads = vec![(format!("while ({guard})"), Vec::new())];
        let (mut parts, _) = self.branches(heads, &place, role, None)?;
        let is_open = |part: &Part| !matches!(part.body.last(), Some(Item::Line(line)) if line.starts_with("abort"));
        if let Some(part) = parts.first_mut().filter(|part| is_open(part)) {
            part.body.push(Item::Line(format!("{name} = {name} + 1;")));
        }
        if self.percent(25) {
            let mut body = self.told(&place);
            body.extend(self.block(|_| String::new()).0);
            parts.push(Self::plain("else", body));
        }
        Some(vec![Item::Line(start), Item::Block { open: String::new(), parts, close: String::new() }])
    }

    pub(super) fn for_(&mut self) -> Option<Vec<Item>> {
        let role = self.single();
        let name = self.fresh("e");
        let (items, place, pattern) = match self.below(6) {
            // Its numbers are `i32`.
            0 => (format!("0..{}", 1 + self.below(3)), Place::Everywhere, None),
            1 => (format!("1..={}", self.below(3)), Place::Everywhere, None),
            2 => {
                let (most, place) = self.expr(&Type::U32, &[role], 1)?;
                (format!("0_u32..({most}) % 4"), place, Some(name.clone()))
            }
            3 => {
                let (items, place) = self.expr(&Type::List, &[role], 1)?;
                (format!("({items}).enumerate()"), place, Some(format!("(_, {name})")))
            }
            4 => {
                let (items, place) = self.expr(&Type::Ledger, &[role], 1)?;
                (format!("({items}).values()"), place, Some(name.clone()))
            }
            _ => {
                let (items, place) = self.expr(&Type::List, &[role], 1)?;
                (items, place, Some(name.clone()))
            }
        };
        let bound = pattern.as_ref().map(|_| Var {
            text: name.clone(),
            ty: Type::U32,
            place: place.clone(),
            assignable: false,
        });
        let head = format!("for {} in ({items})", pattern.unwrap_or(name));
        let heads = vec![(head, bound.into_iter().collect())];
        let (parts, _) = self.branches(heads, &place, role, None)?;
        Some(vec![Item::Block { open: String::new(), parts, close: String::new() }])
    }

    /// Runs `make` where outer variables may be assigned to only if `may` says so; others that may be are not seen.
    pub(super) fn arm<T>(&mut self, may: impl Fn(&Var, usize) -> bool, make: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.vars.clone();
        let vars = std::mem::take(&mut self.vars).into_iter().enumerate();
        self.vars = vars.filter(|(index, var)| !var.assignable || may(var, *index)).map(|(_, var)| var).collect();
        let made = make(self);
        self.vars = outer;
        made
    }

    pub(super) fn par(&mut self) -> Option<Vec<Item>> {
        let count = 2 + usize::from(self.percent(25));
        let values = self.percent(40);
        let (mut parts, mut bound) = (Vec::new(), Vec::new());
        for arm in 0..count {
            let head = if arm == 0 { "par" } else { "and" };
            let mut kept = None;
            let (body, tail) = self.arm(
                |_, index| index % count == arm,
                |this| {
                    this.block(|this| {
                        let (ty, role) = (Type::U32, this.single());
                        let made = if values { this.expr(&ty, &[role], 1) } else { None };
                        made.map_or_else(String::new, |(text, place)| {
                            kept = Some((ty, place));
                            text
                        })
                    })
                },
            );
            bound.push(kept);
            parts.push(Part { head: head.to_owned(), body, tail });
        }
        if !values {
            return Some(vec![Item::Block { open: String::new(), parts, close: ";".to_owned() }]);
        }
        let mut names = Vec::new();
        for kept in bound {
            let name = self.fresh("s");
            names.push(name.clone());
            let (ty, place) = kept?;
            self.var(name, ty, place);
        }
        Some(vec![Item::Block { open: format!("let ({}) = ", names.join(", ")), parts, close: ";".to_owned() }])
    }

    pub(super) fn saga(&mut self) -> Option<Vec<Item>> {
        let who = self.single();
        let result = self.percent(40).then(|| self.any_type());
        let within = ["", "", "", " within 1h"][self.below(4)];
        self.scopes += 1;
        let mut is_made = result.is_none();
        let (mut body, tail) = self.block(|this| {
            let made = result.as_ref().and_then(|ty| {
                let acting = this.operation(ty, who, 1);
                acting.or_else(|| this.expr(ty, &[who], 2))
            });
            is_made |= made.is_some();
            made.map_or_else(String::new, |(text, _)| text)
        });
        self.scopes -= 1;
        is_made.then_some(())?;
        if result.is_some() || self.percent(30) {
            // Whoever has the value has a part in it.
            let (name, tag) = (self.roles[who].name.clone(), self.fresh("t"));
            body.insert(0, Item::Line(format!("{name}.take(\"{tag}\", 1);")));
        }
        if result.is_none() && self.percent(20) {
            body.extend(self.abort(who));
        }
        let mut parts = vec![Part { head: format!("saga{within}"), body, tail }];
        if result.is_some() || self.percent(75) {
            let why = self.percent(50).then(|| self.fresh("why"));
            let known = self.vars.len();
            if let Some(why) = &why {
                self.var(format!("{why}.reason"), Type::Text, Place::Everywhere);
                self.var(format!("{why}.role"), Type::Text, Place::Everywhere);
            }
            let (body, tail) = self.block(|this| {
                let made = result.as_ref().and_then(|ty| this.expr(ty, &[who], 1));
                made.map_or_else(String::new, |(text, _)| text)
            });
            self.vars.truncate(known);
            (result.is_none() || !tail.is_empty()).then_some(())?;
            let head = why.map_or_else(|| "else".to_owned(), |why| format!("else {why}"));
            parts.push(Part { head, body, tail });
        }
        let (open, close) = self.bound(result.as_ref(), Place::at(who));
        Some(vec![Item::Block { open, parts, close: close.to_owned() }])
    }

    /// A choice that only the members of a group know; they alone act in it.
    pub(super) fn group_choice(&mut self) -> Option<Vec<Item>> {
        let groups = self.groups();
        let group = self.pick(&groups).copied()?;
        let ty = if self.percent(40) { Type::Bool } else { self.matched() };
        let (guard, place) = self.expr(&ty, &[group], 2)?;
        let is_held = |place: &Place| *place == Place::at(group);
        is_held(&place).then_some(())?;
        let heads = match ty {
            Type::Bool => vec![(format!("if ({guard})"), Vec::new()), ("else".to_owned(), Vec::new())],
            _ => self.heads(&ty, &place),
        };
        let mut parts = Vec::new();
        for (head, bound) in heads {
            let known = self.vars.len();
            self.vars.extend(bound);
            let (member, tag) = (self.fresh("w"), self.fresh("t"));
            let mut body = Vec::new();
            if self.percent(60) {
                let (x, _) = self.expr(&Type::U32, &[group], 1)?;
                let (kept, name) = (self.fresh("v"), self.roles[group].name.clone());
                body.push(Item::Line(format!("let {kept}: u32 = {x};")));
                body.push(Item::Block {
                    open: String::new(),
                    parts: vec![Self::plain(
                        &format!("each {member} in {name}"),
                        vec![Item::Line(format!("{member}.note(\"{tag}\", {kept} % 50 + {member}.index.to_u32());"))],
                    )],
                    close: String::new(),
                });
            }
            let own: Vec<Var> = self.vars.iter().filter(|var| var.assignable && is_held(&var.place)).cloned().collect();
            if let Some(var) = self.pick(&own).cloned()
                && let Some((value, _)) = self.expr(&var.ty, &[group], 1)
            {
                body.push(Item::Line(format!("{} = {value};", var.text)));
            }
            self.vars.truncate(known);
            parts.push(Self::plain(&head, body));
        }
        let (open, close) = match ty {
            Type::Bool => (String::new(), ""),
            _ => (format!("match ({guard}) {{ "), "}"),
        };
        Some(vec![Item::Block { open, parts, close: close.to_owned() }])
    }

    /// A group: a role that is one, or several roles.
    pub(super) fn group(&mut self) -> Option<Vec<usize>> {
        let groups = self.groups();
        if !groups.is_empty() && self.percent(75) {
            return self.pick(&groups).map(|group| vec![*group]);
        }
        let mut singles: Vec<usize> =
            self.singles().into_iter().filter(|role| self.roles[*role].kind == Kind::Single).collect();
        while singles.len() > 2 && self.percent(50) {
            let index = self.below(singles.len());
            singles.remove(index);
        }
        (singles.len() >= 2).then_some(singles)
    }
}
