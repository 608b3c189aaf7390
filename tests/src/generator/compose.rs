//! Expressions made of others.

use super::Generator;
use super::expr::Made;
use super::place::{Kind, Place};
use super::types::Type;

impl Generator {
    /// One operand in a text.
    fn around(&mut self, ty: &Type, at: &[usize], depth: usize, text: impl FnOnce(&str) -> String) -> Option<Made> {
        let (x, place) = self.expr(ty, at, depth)?;
        Some((text(&x), place))
    }

    /// Two operands in a text.
    fn joined(
        &mut self,
        (one, two): (&Type, &Type),
        at: &[usize],
        depth: usize,
        text: impl FnOnce(&str, &str) -> String,
    ) -> Option<Made> {
        let (a, b, place) = self.two(one, two, at, depth)?;
        Some((text(&a, &b), place))
    }

    pub(super) fn composed(&mut self, ty: &Type, at: &[usize], depth: usize) -> Option<Made> {
        match ty {
            Type::Unit | Type::Param => None,
            Type::Bool => self.truth(at, depth),
            Type::U32 => self.number(at, depth),
            Type::Small => self.signed(at, depth),
            Type::Float => self.float(at, depth),
            Type::Char => self.around(&Type::Char, at, depth, |c| format!("({c}).to_ascii_uppercase()")),
            Type::Text => match self.below(4) {
                0 => self.around(&Type::U32, at, depth, |x| format!("({x}).to_string()")),
                1 => self.around(&Type::Char, at, depth, |c| format!("({c}).to_string()")),
                2 => self.joined((ty, ty), at, depth, |a, b| format!("(({a}) + ({b}))")),
                _ => self.joined((ty, ty), at, depth, |a, b| format!("({a}).concat({b})")),
            },
            Type::List => self.list(at, depth),
            Type::Ledger => match self.below(3) {
                0 => self.joined((ty, &Type::Text), at, depth, |map, key| format!("({map}).without({key})")),
                1 => self.joined((&Type::Text, &Type::U32), at, depth, |key, x| format!("Map::from([({key}, {x})])")),
                _ => self.joined((ty, &Type::U32), at, depth, |map, x| format!("({map}).with(\"x\", {x})")),
            },
            Type::Maybe(item) => match self.below(6) {
                0 if **item == Type::U32 => {
                    let method = self.one_of(&["first", "last"]);
                    self.around(&Type::List, at, depth, |list| format!("({list}).{method}()"))
                }
                1 if **item == Type::U32 => {
                    self.joined((&Type::Ledger, &Type::Text), at, depth, |map, key| format!("({map}).get({key})"))
                }
                2 if **item == Type::U32 => self.around(&Type::Verdict, at, depth, |x| format!("({x}).ok()")),
                _ => self.around(item, at, depth, |x| format!("Some({x})")),
            },
            Type::Verdict => match self.below(2) {
                0 => self.around(&Type::U32, at, depth, |x| format!("fits({x})")),
                _ => self.joined((&Type::maybe(Type::U32), &Type::Text), at, depth, |maybe, text| {
                    format!("({maybe}).ok_or({text})")
                }),
            },
            Type::Pair(one, two) => self.joined((one, two), at, depth, |a, b| format!("({a}, {b})")),
            Type::Mark => match self.below(2) {
                0 => self.around(&Type::U32, at, depth, |x| format!("Mark::Scored({x})")),
                _ => self.joined((&Type::Bool, &Type::Text), at, depth, |flag, text| {
                    format!("Mark::Tagged {{ flag: {flag}, text: {text} }}")
                }),
            },
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
            Type::Coin => self.around(&Type::U32, at, depth, |x| format!("mint({x})")),
            Type::Seal => {
                self.joined((&Type::Text, &Type::List), at, depth, |text, list| format!("stamp({text}, {list})"))
            }
        }
    }

    /// A variable of a role, and an assignment to it: what is computed first is not changed by what is computed behind it.
    fn read_and_changed(&mut self, at: &[usize]) -> Option<(usize, String, String)> {
        let [only] = at else { return None };
        (self.roles[*only].kind != Kind::Group).then_some(())?;
        let change = self.changed_at(*only)?;
        let name = change.split(' ').next().unwrap_or_default().to_owned();
        Some((*only, name, change))
    }

    fn list(&mut self, at: &[usize], depth: usize) -> Option<Made> {
        let (list, number) = (&Type::List, &Type::U32);
        if self.percent(25)
            && let Some((only, name, change)) = self.read_and_changed(at)
        {
            let (last, _) = self.expr(number, at, depth)?;
            return Some((format!("[{name}, ({{ {change} {name} }}), {last}]"), Place::at(only)));
        }
        match self.below(7) {
            0 | 1 => self.joined((list, number), at, depth, |list, x| format!("({list}).with({x})")),
            2 => self.joined((list, list), at, depth, |a, b| format!("({a}).concat({b})")),
            3 => self.joined((number, number), at, depth, |a, b| format!("(({a}) % 3_u32..({b}) % 5)")),
            4 => {
                let slice = self.one_of(&["..1", "1..", "..=0", ".."]);
                self.joined((list, number), at, depth, |list, x| format!("(({list}).with({x}))[{slice}]"))
            }
            5 => self.around(&Type::Ledger, at, depth, |map| format!("({map}).values()")),
            _ => self.joined((number, number), at, depth, |a, b| format!("[{a}, {b}]")),
        }
    }

    /// Small enough not to overflow.
    fn signed(&mut self, at: &[usize], depth: usize) -> Option<Made> {
        let ty = &Type::Small;
        match self.below(3) {
            0 => self.around(ty, at, depth, |x| format!("(-(({x}) % 20i8))")),
            1 => self.around(ty, at, depth, |x| format!("(({x}) % 20i8).abs()")),
            _ => {
                let op = self.one_of(&["+", "-"]);
                self.joined((ty, ty), at, depth, |a, b| format!("((({a}) % 20i8) {op} (({b}) % 20i8))"))
            }
        }
    }

    /// Never so great that it is infinite, for that cannot be sent.
    fn float(&mut self, at: &[usize], depth: usize) -> Option<Made> {
        let ty = &Type::Float;
        match self.below(6) {
            0 => self.around(ty, at, depth, |x| format!("(-({x}))")),
            1 => {
                let how = self.one_of(&["floor()", "abs()", "abs().sqrt()"]);
                self.around(ty, at, depth, |x| format!("({x}).{how}"))
            }
            2 => self.around(&Type::U32, at, depth, |x| format!("(({x}) % 100).to_f64()")),
            3 => self.joined((&Type::Coin, ty), at, depth, |coin, x| format!("weight({coin}, {x})")),
            _ => {
                let op = self.one_of(&["+", "-", "* 0.5 +", "/ 4.0 -"]);
                self.joined((ty, ty), at, depth, |a, b| format!("(({a}) {op} ({b}))"))
            }
        }
    }

    fn truth(&mut self, at: &[usize], depth: usize) -> Option<Made> {
        match self.below(10) {
            0 => self.around(&Type::Bool, at, depth, |a| format!("!({a})")),
            1 => {
                let op = self.one_of(&["&&", "||"]);
                self.joined((&Type::Bool, &Type::Bool), at, 0, |a, b| format!("({a}) {op} ({b})"))
            }
            2 => self.around(&Type::List, at, depth, |list| format!("({list}).is_empty()")),
            3 => self.around(&Type::maybe(Type::U32), at, depth, |maybe| format!("({maybe}).is_some()")),
            4 => {
                let ty = self.any_type();
                (ty != Type::Seal).then_some(())?;
                self.joined((&ty, &ty), at, depth, |a, b| format!("(({a}) == ({b}))"))
            }
            5 => self.around(&Type::Verdict, at, depth, |x| format!("({x}).is_ok()")),
            6 => {
                let (ty, op) = ([Type::Float, Type::Small][self.below(2)].clone(), self.one_of(&["<", ">="]));
                self.joined((&ty, &ty), at, depth, |a, b| format!("(({a}) {op} ({b}))"))
            }
            7 => self.around(&Type::U32, at, depth, |x| format!("ready({x})")),
            _ => {
                let op = self.one_of(&["<", ">", "!=", "<=", ">="]);
                self.joined((&Type::U32, &Type::U32), at, depth, |a, b| format!("(({a}) {op} ({b}))"))
            }
        }
    }

    /// What has no value for some operands; what is a literal would be computed by everyone.
    pub(super) fn risky(&mut self, at: &[usize], depth: usize) -> Option<Made> {
        let number = &Type::U32;
        let made = match self.below(6) {
            0 => self.joined((number, number), at, depth, |a, b| format!("share({a}, {b})")),
            1 => self.joined((&Type::List, number), at, depth, |list, x| format!("({list})[(({x}) % 4).to_usize()]")),
            2 => self.joined((&Type::Ledger, &Type::Text), at, depth, |map, key| format!("({map})[{key}]")),
            _ => {
                let op = self.one_of(&["-", "/", "%"]);
                self.joined((number, number), at, depth, |a, b| format!("(({a}) {op} ({b}))"))
            }
        };
        made.filter(|(_, place)| *place != Place::Everywhere)
    }

    fn number(&mut self, at: &[usize], depth: usize) -> Option<Made> {
        let risky = if self.scopes > 0 { 12 } else { 2 };
        if self.percent(risky)
            && let Some(made) = self.risky(at, depth)
        {
            return Some(made);
        }
        if self.percent(6)
            && let Some((only, name, change)) = self.read_and_changed(at)
        {
            return Some((format!("(({name} % 50) * 3 + ({{ {change} {name} }}) % 50)"), Place::at(only)));
        }
        let number = &Type::U32;
        match self.below(18) {
            0 => self
                .joined((&Type::maybe(Type::U32), number), at, depth, |maybe, x| format!("({maybe}).unwrap_or({x})")),
            1 => self.around(&Type::Item, at, depth, |item| format!("({item}).count")),
            2 => self.around(&Type::List, at, depth, |list| format!("({list}).len().to_u32()")),
            3 => self.around(&Type::pair(Type::U32, Type::Bool), at, depth, |pair| format!("({pair}).0")),
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
                let method = self.one_of(&["min", "max"]);
                self.joined((number, number), at, depth, |a, b| format!("(({a}) % 100_u32).{method}({b})"))
            }
            7 => self.around(&Type::List, at, depth, |list| format!("total({list})")),
            8 => self.around(&Type::Mark, at, depth, |mark| format!("worth({mark})")),
            9 => self.around(&Type::Coin, at, depth, |coin| format!("({coin}).cents")),
            10 => self.joined((&Type::Verdict, number), at, depth, |x, y| format!("({x}).unwrap_or({y})")),
            11 => match self.below(4) {
                0 => self.around(&Type::Char, at, depth, |c| format!("({c}).to_u32()")),
                1 => self.around(&Type::Float, at, depth, |x| format!("({x}).abs().min(99.0).to_u32()")),
                2 => self.around(&Type::Small, at, depth, |x| format!("(({x}) % 20i8).abs().to_u32()")),
                _ => self.around(number, at, depth, |x| format!("steps(({x}) % 90)")),
            },
            _ => {
                let op = self.one_of(&["+", "*", "+"]);
                // Small numbers do not overflow.
                self.joined((number, number), at, depth, |a, b| format!("((({a}) % 50) {op} (({b}) % 50))"))
            }
        }
    }
}
