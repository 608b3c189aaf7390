//! Tuples whose parts live at different places, out of choices, scopes and arms.

use super::place::{Kind, Place};
use super::{Generator, Item, Part, Type};

/// A part of such a tuple: its type, the role that it lives at, and how it is written in one branch.
struct Half {
    ty: Type,
    role: usize,
}

impl Generator {
    /// `let (l, (m, r)) = if .. { .. } else { .. };` and its like.
    pub(super) fn apart_choice(&mut self) -> Option<Vec<Item>> {
        if self.percent(25) {
            return self.apart_arms();
        }
        let is_saga = self.percent(30);
        let (guard, who) = match is_saga {
            true => (String::new(), self.single()),
            false => {
                let who = self.single();
                (self.expr(&Type::Bool, &[who], 2)?.0, who)
            }
        };
        let halves = self.halves(who)?;
        let heads = match is_saga {
            true => vec!["saga".to_owned(), "else".to_owned()],
            false if self.percent(30) => vec!["true =>".to_owned(), "false =>".to_owned()],
            false => vec![format!("if ({guard})@{}", self.roles[who].name), "else".to_owned()],
        };
        let is_match = heads.iter().any(|head| head.starts_with("true"));
        let mut parts = Vec::new();
        for (index, head) in heads.into_iter().enumerate() {
            let mut made = None;
            self.scopes += usize::from(is_saga && index == 0);
            let (body, tail) = self.block(|this| {
                made = this.tuple(&halves, who);
                made.clone().unwrap_or_default()
            });
            self.scopes -= usize::from(is_saga && index == 0);
            made?;
            parts.push(Part { head, body, tail });
        }
        let (pattern, bound) = self.pattern(&halves);
        let open = match is_match {
            true => format!("let {pattern} = match ({guard})@{} {{ ", self.roles[who].name),
            false => format!("let {pattern} = "),
        };
        self.bind(&halves, bound);
        Some(vec![Item::Block { open, parts, close: if is_match { "};" } else { ";" }.to_owned() }])
    }

    /// `let ((a, b), (c, d)) = par { .. } and { .. };`
    fn apart_arms(&mut self) -> Option<Vec<Item>> {
        let (mut parts, mut patterns, mut bound) = (Vec::new(), Vec::new(), Vec::new());
        for arm in 0..2 {
            let who = self.single();
            let halves = self.halves(who)?;
            let mut made = None;
            let (body, tail) = self.arm(
                |_, index| index % 2 == arm,
                |this| {
                    this.block(|this| {
                        made = this.tuple(&halves, who);
                        made.clone().unwrap_or_default()
                    })
                },
            );
            made?;
            parts.push(Part { head: if arm == 0 { "par" } else { "and" }.to_owned(), body, tail });
            let (pattern, names) = self.pattern(&halves);
            patterns.push(pattern);
            bound.push((halves, names));
        }
        for (halves, names) in bound {
            self.bind(&halves, names);
        }
        Some(vec![Item::Block { open: format!("let ({}) = ", patterns.join(", ")), parts, close: ";".to_owned() }])
    }

    /// Two or three parts, the first of them at `who`.
    fn halves(&mut self, who: usize) -> Option<Vec<Half>> {
        let mut halves = vec![Half { ty: self.any_type(), role: who }];
        for _ in 0..1 + self.below(2) {
            let role = self.single();
            // A member of a group knows of a choice only in its own block.
            self.is_apart(role, &[who]).then_some(())?;
            let ty = [Type::U32, Type::Bool, Type::Mark, Type::Text][self.below(4)].clone();
            halves.push(Half { ty, role });
        }
        Some(halves)
    }

    /// The parts in one branch. Whoever is not at the guard runs an operation, so that the branch matters to it and it is told.
    fn tuple(&mut self, halves: &[Half], who: usize) -> Option<String> {
        let mut texts = Vec::new();
        for half in halves {
            let made = match half.role == who {
                true => self.expr(&half.ty, &[half.role], 1),
                false => self.recorded(&half.ty, half.role),
            };
            texts.push(made?.0);
        }
        Some(Self::nested(&texts))
    }

    /// An operation that is done, whatever its value is used for.
    fn recorded(&mut self, ty: &Type, role: usize) -> Option<(String, Place)> {
        let (text, place) = self.operation(ty, role, 1)?;
        let is_pure = text.contains(".size(") || text.contains(".is_even(");
        (!is_pure || self.roles[role].kind == Kind::Single).then_some((text, place))
    }

    /// `(a, b)`, `(a, (b, c))`
    fn nested(texts: &[String]) -> String {
        match texts {
            [one, two, three] => format!("({one}, ({two}, {three}))"),
            texts => format!("({})", texts.join(", ")),
        }
    }

    fn pattern(&mut self, halves: &[Half]) -> (String, Vec<Option<String>>) {
        let names: Vec<Option<String>> = halves.iter().map(|_| (!self.percent(10)).then(|| self.fresh("h"))).collect();
        let texts: Vec<String> = names.iter().map(|name| name.clone().unwrap_or_else(|| "_".to_owned())).collect();
        (Self::nested(&texts), names)
    }

    fn bind(&mut self, halves: &[Half], names: Vec<Option<String>>) {
        for (half, name) in halves.iter().zip(names) {
            if let Some(name) = name {
                self.var(name, half.ty.clone(), Place::at(half.role));
            }
        }
    }
}
