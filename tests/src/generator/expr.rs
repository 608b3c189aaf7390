//! Expressions of a type that certain roles hold.

use super::place::{Kind, Place};
use super::types::Type;
use super::{Generator, Param, Var};

/// An expression, and where it lives.
pub(super) type Made = (String, Place);

impl Generator {
    /// An expression that all of these roles hold.
    pub(super) fn expr(&mut self, ty: &Type, at: &[usize], depth: usize) -> Option<Made> {
        if let [only] = at
            && depth > 0
            && self.roles[*only].kind != Kind::Group
            && let Some(made) = self.acting(ty, *only, depth - 1)
        {
            return Some(made);
        }
        if depth == 0 || self.percent(40) {
            if let Some(made) = self.leaf(ty, at) {
                return Some(made);
            }
            if depth == 0 {
                return self.literal(ty);
            }
        }
        if self.percent(6)
            && let Some(made) = self.chosen(ty, at, depth - 1)
        {
            return Some(made);
        }
        self.composed(ty, at, depth - 1).or_else(|| self.leaf(ty, at)).or_else(|| self.literal(ty))
    }

    /// A value at a role for which something is done: an operation, a message, a call.
    fn acting(&mut self, ty: &Type, only: usize, depth: usize) -> Option<Made> {
        match self.below(12) {
            0 => self.operation(ty, only, depth),
            1 if *ty != Type::Param => {
                let from = self.single();
                (from != only).then_some(())?;
                let (value, _) = self.expr(ty, &[from], depth)?;
                let (from, to) = (self.roles[from].name.clone(), self.roles[only].name.clone());
                Some((format!("(({value})@{from} ~> {to})"), Place::at(only)))
            }
            2 if *ty == Type::U32 && self.percent(40) => self.called(only, depth),
            3 if self.percent(40) => {
                if self.percent(40)
                    && let Some(change) = self.changed_at(only)
                {
                    let (tail, place) = self.expr(ty, &[only], depth)?;
                    return Some((format!("({{ {change} {tail} }})"), Self::of_block(&place, only)));
                }
                // What is bound in a block is known there only.
                let (bound, name) = (self.any_type(), self.fresh("y"));
                let (value, place) = self.expr(&bound, &[only], depth)?;
                let known = self.vars.len();
                self.vars.push(Var { text: name.clone(), ty: bound, place, assignable: false });
                let tail = self.expr(ty, &[only], depth);
                self.vars.truncate(known);
                let (tail, place) = tail?;
                Some((format!("({{ let {name} = {value}; {tail} }})"), Self::of_block(&place, only)))
            }
            _ => None,
        }
    }

    /// Where the value of a block lives: what everybody can compute is not this role's alone.
    fn of_block(tail: &Place, only: usize) -> Place {
        if *tail == Place::Everywhere { Place::Everywhere } else { Place::at(only) }
    }

    /// An assignment to a number that one role holds alone.
    pub(super) fn changed_at(&mut self, only: usize) -> Option<String> {
        let is_own = |var: &&Var| var.assignable && var.ty == Type::U32 && var.place == Place::at(only);
        let own: Vec<Var> = self.vars.iter().filter(is_own).cloned().collect();
        let var = self.pick(&own)?.clone();
        let (value, _) = self.expr(&Type::U32, &[only], 1)?;
        Some(format!("{} = {value};", var.text))
    }

    /// The result of a choreography with two roles, the second of whom has it.
    fn called(&mut self, only: usize, depth: usize) -> Option<Made> {
        let steps: Vec<String> = self
            .callees
            .iter()
            .filter(|callee| {
                matches!(callee.params.as_slice(), [Param::Value(Type::U32, _)]) && callee.groups.len() == 2
            })
            .filter(|callee| callee.results.len() == 1)
            .map(|callee| callee.name.clone())
            .collect();
        let name = self.pick(&steps)?.clone();
        let others: Vec<usize> = self.singles().into_iter().filter(|role| self.is_apart(*role, &[only])).collect();
        let other = self.pick(&others).copied()?;
        let (x, _) = self.expr(&Type::U32, &[other], depth)?;
        let (from, to) = (self.roles[other].name.clone(), self.roles[only].name.clone());
        Some((format!("{name}<{from}, {to}>({x})"), Place::at(only)))
    }

    /// A choice within an expression.
    fn chosen(&mut self, ty: &Type, at: &[usize], depth: usize) -> Option<Made> {
        if self.percent(50) {
            let (guard, place) = self.expr(&Type::Bool, at, depth)?;
            let (then, otherwise, other) = self.two(ty, ty, at, depth)?;
            return Some((format!("(if ({guard}) {{ {then} }} else {{ {otherwise} }})"), self.meet(&place, &other)));
        }
        let (guard, place) = self.expr(&Type::maybe(Type::U32), at, depth)?;
        let name = self.fresh("y");
        let known = self.vars.len();
        self.vars.push(Var { text: name.clone(), ty: Type::U32, place: place.clone(), assignable: false });
        let some = self.expr(ty, at, depth);
        self.vars.truncate(known);
        let (some, first) = some?;
        let (none, second) = self.expr(ty, at, depth)?;
        let place = self.meet(&place, &self.meet(&first, &second));
        let arms = if self.percent(50) {
            format!("Some({name}) => {some}, None => {none}")
        } else {
            format!("None => {none}, Some({name}) => {some}")
        };
        Some((format!("(match ({guard}) {{ {arms} }})"), place))
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
        self.literal_text(ty).map(|text| (text, Place::Everywhere))
    }

    pub(super) fn two(
        &mut self,
        one: &Type,
        two: &Type,
        at: &[usize],
        depth: usize,
    ) -> Option<(String, String, Place)> {
        let (a, place) = self.expr(one, at, depth)?;
        let (b, other) = self.expr(two, at, depth)?;
        let place = self.meet(&place, &other);
        Some((a, b, place))
    }
}
