//! Values taken apart: by `let`, and by the arms of a `match`.

use super::place::Place;
use super::types::Type;
use super::{Generator, Item, Var};

/// The head of an arm, and what it binds.
pub(super) type Head = (String, Vec<Var>);

impl Generator {
    fn known(name: &str, ty: Type, place: &Place) -> Var {
        Var { text: name.to_owned(), ty, place: place.clone(), assignable: false }
    }

    /// `let (a, _) = value;`, also of what each of a group has.
    pub(super) fn take_apart(&mut self) -> Option<Vec<Item>> {
        let parts = [Type::U32, Type::Bool, Type::Text];
        let ty = match self.below(3) {
            0 => Type::Item,
            1 => Type::pair(Type::U32, Type::Bool),
            _ => Type::pair(parts[self.below(3)].clone(), Type::U32),
        };
        let eaches: Vec<Var> =
            self.vars.iter().filter(|var| var.ty == ty && matches!(var.place, Place::Each(_))).cloned().collect();
        let (value, place) = match self.pick(&eaches).cloned() {
            Some(var) if self.depth == 0 => (var.text, var.place),
            _ => {
                // A part of a tuple may live where the whole does not.
                let role = self.single();
                let (value, _) = self.expr(&ty, &[role], 2)?;
                (format!("({value})@{}", self.roles[role].name), Place::at(role))
            }
        };
        let (a, b) = (self.fresh("d"), self.fresh("d"));
        let (pattern, bound) = match (&ty, self.below(4)) {
            (Type::Item, 0) => (format!("Item {{ count: {a}, .. }}"), vec![(a, Type::U32)]),
            (Type::Item, 1) => (format!("Item {{ count: _, name: {b} }}"), vec![(b, Type::Text)]),
            (Type::Item, _) => (format!("Item {{ name: {b}, count: {a} }}"), vec![(a, Type::U32), (b, Type::Text)]),
            (Type::Pair(_, two), 0) => (format!("(_, {b})"), vec![(b, (**two).clone())]),
            (Type::Pair(one, two), _) => (format!("({a}, {b})"), vec![(a, (**one).clone()), (b, (**two).clone())]),
            _ => return None,
        };
        let line = format!("let {pattern}: {} = {value};", ty.text());
        for (name, ty) in bound {
            self.var(name, ty, place.clone());
        }
        Some(vec![Item::Line(line)])
    }

    /// The type of a `match`.
    pub(super) fn matched(&mut self) -> Type {
        match self.below(14) {
            0..=2 => Type::maybe(Type::U32),
            3..=5 => Type::Mark,
            6 => Type::U32,
            7 => Type::Bool,
            8 => Type::Small,
            9 => Type::Text,
            10 => Type::Char,
            11 => Type::Verdict,
            12 => Type::pair(Type::U32, Type::Bool),
            _ => Type::Item,
        }
    }

    /// Arms for all values of a type that [`Generator::matched`] gives.
    pub(super) fn heads(&mut self, ty: &Type, place: &Place) -> Vec<Head> {
        let (a, b) = (self.fresh("b"), self.fresh("b"));
        let var = |name: &str, ty: Type| vec![Self::known(name, ty, place)];
        let plain = |text: &str| (text.to_owned(), Vec::new());
        let number = |head: String| (head, vec![Self::known(&a, Type::U32, place)]);
        match ty {
            Type::Maybe(_) if self.percent(30) => {
                vec![plain("Some(0) =>"), number(format!("Some({a}) =>")), plain("None =>")]
            }
            Type::Maybe(_) => vec![number(format!("Some({a}) =>")), plain("None =>")],
            Type::Mark if self.percent(30) => vec![
                plain("Mark::Plain =>"),
                (format!("Mark::Tagged {{ flag: true, text: {b} }} =>"), var(&b, Type::Text)),
                plain("_ =>"),
            ],
            Type::Mark => vec![
                number(format!("Mark::Scored({a}) =>")),
                (format!("Mark::Tagged {{ flag: {b}, .. }} =>"), var(&b, Type::Bool)),
                plain("Mark::Plain =>"),
            ],
            Type::U32 => vec![plain("0 =>"), plain("1 =>"), number(format!("{a} =>"))],
            Type::Small => vec![plain("-1 =>"), (format!("{a} =>"), var(&a, Type::Small))],
            Type::Text => vec![plain("\"x\" =>"), plain("\"a\" =>"), (format!("{a} =>"), var(&a, Type::Text))],
            Type::Char => vec![plain("'a' =>"), plain("_ =>")],
            Type::Verdict => vec![(format!("Err({b}) =>"), var(&b, Type::Text)), number(format!("Ok({a}) =>"))],
            Type::Pair(..) => vec![
                plain("(0, true) =>"),
                number(format!("({a}, false) =>")),
                (format!("(_, {b}) =>"), var(&b, Type::Bool)),
            ],
            Type::Item => vec![
                (format!("Item {{ count: 0, name: {b} }} =>"), var(&b, Type::Text)),
                number(format!("Item {{ count: {a}, .. }} =>")),
            ],
            _ => vec![plain("true =>"), plain("false =>")],
        }
    }
}
