//! Expressions of a type that certain roles hold.

use super::place::{Kind, Place};
use super::{Generator, Type};

/// An expression, and where it lives.
pub(super) type Made = (String, Place);

impl Generator {
    /// Some type.
    pub(super) fn any_type(&mut self) -> Type {
        match self.below(16) {
            0..=6 => Type::U32,
            7..=9 => Type::Bool,
            10 => Type::Text,
            11 => Type::List,
            12 => Type::Mark,
            13 => Type::Item,
            14 => Type::Maybe(Box::new(Type::U32)),
            _ => Type::Pair(Box::new(Type::U32), Box::new(Type::Bool)),
        }
    }

    /// An expression that all of these roles hold.
    pub(super) fn expr(&mut self, ty: &Type, at: &[usize], depth: usize) -> Option<Made> {
        if let [only] = at
            && depth > 0
            && self.roles[*only].kind != Kind::Group
        {
            match self.below(10) {
                0 => {
                    if let Some(made) = self.operation(ty, *only, depth - 1) {
                        return Some(made);
                    }
                }
                1 if *ty != Type::Param => {
                    let from = self.single();
                    if from != *only
                        && let Some((value, _)) = self.expr(ty, &[from], depth - 1)
                    {
                        let (from, to) = (self.roles[from].name.clone(), self.roles[*only].name.clone());
                        return Some((format!("(({value})@{from} ~> {to})"), Place::at(*only)));
                    }
                }
                _ => {}
            }
        }
        if depth == 0 || self.percent(40) {
            if let Some(made) = self.leaf(ty, at) {
                return Some(made);
            }
            if depth == 0 {
                return self.literal(ty);
            }
        }
        self.composed(ty, at, depth - 1).or_else(|| self.leaf(ty, at)).or_else(|| self.literal(ty))
    }

    /// A variable.
    pub(super) fn leaf(&mut self, ty: &Type, at: &[usize]) -> Option<Made> {
        let mut found: Vec<Made> = Vec::new();
        for var in self.vars.iter().filter(|var| var.ty == *ty) {
            if at.iter().all(|role| self.holds(&var.place, *role)) {
                found.push((var.text.clone(), var.place.clone()));
            } else if let [only] = at {
                if self.own(&var.place, *only) {
                    found.push((var.text.clone(), Place::at(*only)));
                } else if let Place::Each(group) = &var.place
                    && group.contains(only)
                    && self.roles[*only].kind == Kind::Single
                {
                    found.push((format!("{}@{}", var.text, self.roles[*only].name), Place::at(*only)));
                }
            }
        }
        self.pick(&found).cloned()
    }

    fn literal(&mut self, ty: &Type) -> Option<Made> {
        let text = match ty {
            Type::Bool => ["true", "false"][self.below(2)].to_owned(),
            Type::U32 => self.below(6).to_string(),
            Type::Text => ["\"\"", "\"x\"", "\"why\""][self.below(3)].to_owned(),
            Type::List => ["[1, 2, 3]", "[7]", "[4, 0]"][self.below(3)].to_owned(),
            Type::Maybe(item) => format!("Some({})", self.literal(item)?.0),
            Type::Pair(one, two) => format!("({}, {})", self.literal(one)?.0, self.literal(two)?.0),
            Type::Mark => {
                ["Mark::Plain", "Mark::Scored(3)", "Mark::Tagged { flag: true, text: \"t\" }"][self.below(3)].to_owned()
            }
            Type::Item => "Item { count: 2, name: \"i\" }".to_owned(),
            Type::Param => return None,
        };
        Some((text, Place::Everywhere))
    }

    /// An operation at a role that is one participant.
    pub(super) fn operation(&mut self, ty: &Type, role: usize, depth: usize) -> Option<Made> {
        let (name, tag) = (self.roles[role].name.clone(), self.fresh("t"));
        let text = match ty {
            Type::U32 => {
                let (x, _) = self.expr(&Type::U32, &[role], depth)?;
                // What may abort belongs into a scope, mostly.
                let risky = if self.scopes > 0 { 30 } else { 2 };
                if self.percent(risky) {
                    format!("{name}.risky_take(\"{tag}\", {x})")
                } else {
                    match self.below(3) {
                        0 => format!("{name}.size({x})"),
                        1 => format!("{name}.take(\"{tag}\", {x})"),
                        _ => format!("{name}.note(\"{tag}\", {x})"),
                    }
                }
            }
            Type::Bool => {
                let risky = if self.scopes > 0 { 25 } else { 2 };
                if self.percent(risky) {
                    format!("{name}.risky_ask(\"{tag}\")")
                } else if self.percent(30) {
                    let (x, _) = self.expr(&Type::U32, &[role], depth)?;
                    format!("{name}.is_even({x})")
                } else {
                    format!("{name}.flip(\"{tag}\")")
                }
            }
            Type::List => format!("{name}.list(\"{tag}\")"),
            Type::Mark => format!("{name}.mark(\"{tag}\")"),
            Type::Text => format!("{name}.word(\"{tag}\")"),
            Type::Item => {
                let (x, _) = self.expr(&Type::U32, &[role], depth)?;
                format!("{name}.item(\"{tag}\", {x})")
            }
            Type::Maybe(item) if **item == Type::U32 => format!("{name}.maybe(\"{tag}\")"),
            Type::Maybe(_) | Type::Pair(..) | Type::Param => return None,
        };
        Some((text, Place::at(role)))
    }

    fn two(&mut self, one: &Type, two: &Type, at: &[usize], depth: usize) -> Option<(String, String, Place)> {
        let (a, place) = self.expr(one, at, depth)?;
        let (b, other) = self.expr(two, at, depth)?;
        let place = self.meet(&place, &other);
        Some((a, b, place))
    }

    fn composed(&mut self, ty: &Type, at: &[usize], depth: usize) -> Option<Made> {
        match ty {
            Type::Bool => self.truth(at, depth),
            Type::U32 => self.number(at, depth),
            Type::Text => {
                if self.percent(50) {
                    let (x, place) = self.expr(&Type::U32, at, depth)?;
                    return Some((format!("({x}).to_string()"), place));
                }
                let (a, b, place) = self.two(&Type::Text, &Type::Text, at, depth)?;
                Some((format!("({a}).concat({b})"), place))
            }
            Type::List => match self.below(3) {
                0 => {
                    let (list, x, place) = self.two(&Type::List, &Type::U32, at, depth)?;
                    Some((format!("({list}).with({x})"), place))
                }
                1 => {
                    let (a, b, place) = self.two(&Type::List, &Type::List, at, depth)?;
                    Some((format!("({a}).concat({b})"), place))
                }
                _ => {
                    let (a, b, place) = self.two(&Type::U32, &Type::U32, at, depth)?;
                    Some((format!("[{a}, {b}]"), place))
                }
            },
            Type::Maybe(item) => {
                if **item == Type::U32 && self.percent(50) {
                    let (list, place) = self.expr(&Type::List, at, depth)?;
                    let method = ["first", "last"][self.below(2)];
                    return Some((format!("({list}).{method}()"), place));
                }
                let (x, place) = self.expr(item, at, depth)?;
                Some((format!("Some({x})"), place))
            }
            Type::Pair(one, two) => {
                let (a, b, place) = self.two(one, two, at, depth)?;
                Some((format!("({a}, {b})"), place))
            }
            Type::Mark => {
                if self.percent(50) {
                    let (x, place) = self.expr(&Type::U32, at, depth)?;
                    return Some((format!("Mark::Scored({x})"), place));
                }
                let (flag, text, place) = self.two(&Type::Bool, &Type::Text, at, depth)?;
                Some((format!("Mark::Tagged {{ flag: {flag}, text: {text} }}"), place))
            }
            Type::Item => {
                let (count, name, place) = self.two(&Type::U32, &Type::Text, at, depth)?;
                if self.percent(40)
                    && let Some((base, other)) = self.leaf(&Type::Item, at)
                {
                    let place = self.meet(&place, &other);
                    return Some((format!("Item {{ count: {count}, ..{base} }}"), place));
                }
                Some((format!("Item {{ count: {count}, name: {name} }}"), place))
            }
            Type::Param => None,
        }
    }

    fn truth(&mut self, at: &[usize], depth: usize) -> Option<Made> {
        match self.below(8) {
            7 => {
                let (x, place) = self.expr(&Type::U32, at, depth)?;
                Some((format!("ready({x})"), place))
            }
            0 => {
                let (a, place) = self.expr(&Type::Bool, at, depth)?;
                Some((format!("!({a})"), place))
            }
            1 => {
                let (a, b, place) = self.two(&Type::Bool, &Type::Bool, at, 0)?;
                let op = ["&&", "||"][self.below(2)];
                Some((format!("({a}) {op} ({b})"), place))
            }
            2 => {
                let (list, place) = self.expr(&Type::List, at, depth)?;
                Some((format!("({list}).is_empty()"), place))
            }
            3 => {
                let (maybe, place) = self.expr(&Type::Maybe(Box::new(Type::U32)), at, depth)?;
                Some((format!("({maybe}).is_some()"), place))
            }
            4 => {
                let ty = self.any_type();
                let (a, b, place) = self.two(&ty, &ty, at, depth)?;
                Some((format!("(({a}) == ({b}))"), place))
            }
            _ => {
                let (a, b, place) = self.two(&Type::U32, &Type::U32, at, depth)?;
                let op = ["<", ">", "!=", "<=", ">="][self.below(5)];
                Some((format!("(({a}) {op} ({b}))"), place))
            }
        }
    }

    fn number(&mut self, at: &[usize], depth: usize) -> Option<Made> {
        let risky = if self.scopes > 0 { 12 } else { 2 };
        if self.percent(risky) {
            let (a, b, place) = self.two(&Type::U32, &Type::U32, at, depth)?;
            // Where there is no value, it aborts; but what is a literal is computed by everyone.
            if place != Place::Everywhere {
                let text = match self.below(4) {
                    0 => format!("share({a}, {b})"),
                    op => format!("(({a}) {} ({b}))", ["-", "/", "%"][op - 1]),
                };
                return Some((text, place));
            }
        }
        match self.below(11) {
            9 => {
                let (list, place) = self.expr(&Type::List, at, depth)?;
                Some((format!("total({list})"), place))
            }
            10 => {
                let (mark, place) = self.expr(&Type::Mark, at, depth)?;
                Some((format!("worth({mark})"), place))
            }
            0 => {
                let (maybe, x, place) = self.two(&Type::Maybe(Box::new(Type::U32)), &Type::U32, at, depth)?;
                Some((format!("({maybe}).unwrap_or({x})"), place))
            }
            1 => {
                let (item, place) = self.expr(&Type::Item, at, depth)?;
                Some((format!("({item}).count"), place))
            }
            2 => {
                let (list, place) = self.expr(&Type::List, at, depth)?;
                Some((format!("({list}).len().to_u32()"), place))
            }
            3 => {
                let pair = Type::Pair(Box::new(Type::U32), Box::new(Type::Bool));
                let (pair, place) = self.expr(&pair, at, depth)?;
                Some((format!("({pair}).0"), place))
            }
            4 => {
                let groups = self.groups();
                let group = self.pick(&groups).copied()?;
                Some((format!("{}.len().to_u32()", self.roles[group].name), Place::Everywhere))
            }
            5 => {
                let is_member = |role: &usize| matches!(self.roles[*role].kind, Kind::Member(_));
                let member = (0..self.roles.len()).rev().find(is_member)?;
                Some((format!("{}.index.to_u32()", self.roles[member].name), Place::Everywhere))
            }
            6 => {
                let (a, b, place) = self.two(&Type::U32, &Type::U32, at, depth)?;
                let method = ["min", "max"][self.below(2)];
                Some((format!("(({a}) % 100_u32).{method}({b})"), place))
            }
            _ => {
                let (a, b, place) = self.two(&Type::U32, &Type::U32, at, depth)?;
                let op = ["+", "*", "+"][self.below(3)];
                // Small numbers do not overflow.
                Some((format!("((({a}) % 50) {op} (({b}) % 50))"), place))
            }
        }
    }
}
