//! Blocks that are run for each member of a group.

use super::place::{Kind, Place, RoleInfo};
use super::types::Type;
use super::{Generator, Item, Part, Var};

impl Generator {
    pub(super) fn members(&mut self) -> Option<Vec<Item>> {
        let group = self.group()?;
        let one_by_one = group.len() == 1 && self.percent(30);
        let name = self.fresh("w");
        let head = format!("{} {name} in {}", if one_by_one { "for" } else { "each" }, self.role_list(&group));
        let own = Place::Each(group.iter().copied().collect());
        let mut items = Vec::new();
        if one_by_one && self.percent(50) {
            let (kept, name) = (self.fresh("own"), self.roles[group[0]].name.clone());
            items.push(Item::Line(format!("let mut {kept}: u32@each {name} = {};", self.below(9))));
            self.var(kept, Type::U32, own.clone());
            self.vars.last_mut()?.assignable = true;
        }
        let outer = self.roles.clone();
        let member = self.roles.len();
        let others: Vec<usize> = self.singles();
        self.roles.push(RoleInfo::new(&name, Kind::Member(group.clone())));
        let what = self.below(5);
        let mut bound: Option<(Type, Place)> = None;
        let mut make = |this: &mut Self| {
            this.block(|this| match what {
                // Each keeps its own.
                0 => {
                    let ty = this.any_type();
                    let made = this.operation(&ty, member, 1);
                    made.map_or_else(String::new, |(text, _)| {
                        bound = Some((ty, own.clone()));
                        text
                    })
                }
                // Gathered at one, and scattered from one.
                1 | 2 => {
                    let apart: Vec<usize> =
                        others.iter().copied().filter(|other| this.is_apart(*other, &[member])).collect();
                    let Some(other) = this.pick(&apart).copied() else { return String::new() };
                    let (from, to) = if what == 1 { (member, other) } else { (other, member) };
                    let made = this.expr(&Type::U32, &[from], 1);
                    made.map_or_else(String::new, |(text, _)| {
                        bound = Some(match what {
                            1 => (Type::List, Place::at(other)),
                            _ => (Type::U32, own.clone()),
                        });
                        format!("({text})@{} ~> {}", this.roles[from].name, this.roles[to].name)
                    })
                }
                _ => String::new(),
            })
        };
        let (body, tail) = match one_by_one {
            true => {
                let (mut body, tail) = make(self);
                let is_own = |var: &&Var| var.assignable && var.place == own && var.ty == Type::U32;
                if let Some(var) = self.vars.iter().find(is_own) {
                    body.push(Item::Line(format!("{} = {} % 50 + 3;", var.text, var.text)));
                }
                (body, tail)
            }
            false => {
                let own = own.clone();
                self.arm(move |var, _| var.place == own, make)
            }
        };
        self.roles = outer;
        let part = Part { head, body, tail };
        let Some((ty, place)) = bound else {
            items.push(Item::Block { open: String::new(), parts: vec![part], close: String::new() });
            return Some(items);
        };
        let name = self.fresh("g");
        self.var(name.clone(), ty, place);
        items.push(Item::Block { open: format!("let {name} = "), parts: vec![part], close: ";".to_owned() });
        Some(items)
    }
}
