//! A `match` covers every value and has no arm that cannot be reached; the pattern of a `let` covers every value.
//!
//! The algorithm is Maranget's ("Warnings for pattern matching", JFP 17(3), 2007).

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::{Constructor, Expr, Hir, Literal, Pattern, PatternKind, Ty, VariantShape};
use crate::span::Span;

/// How many steps are taken before a set of patterns counts as too entangled to follow. The problem is exponential in the
/// worst case; no `match` that people write comes near it.
const STEPS_MAX: u32 = 1_000_000;

/// The head of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Head {
    Bool(bool),
    Tuple,
    Struct,
    Variant(u32),
    Some,
    None,
    Ok,
    Err,
    Literal(String),
}

/// A pattern reduced to what it tells apart.
#[derive(Clone, Debug)]
enum Shape {
    Any,
    Head(Head, Vec<Shape>),
}

/// What stands for no pattern.
static ANY: Shape = Shape::Any;

type Row<'p> = Vec<&'p Shape>;

impl Shape {
    /// The heads that a value must have at the places that every value of the type has, in their order, up to the first where any will do.
    /// Whether there is no such place.
    fn prefix<'p>(&'p self, heads: &mut Vec<&'p Head>) -> bool {
        match self {
            Self::Any => false,
            Self::Head(Head::Tuple | Head::Struct, parts) => parts.iter().all(|part| part.prefix(heads)),
            Self::Head(head, _) => {
                heads.push(head);
                true
            }
        }
    }
}

/// The rows of a matrix by the heads in their first column.
struct Columns<'r, 'p> {
    by_head: BTreeMap<&'p Head, Vec<&'r Row<'p>>>,
    any: Vec<&'r Row<'p>>,
}

impl<'r, 'p> Columns<'r, 'p> {
    fn of(rows: &'r [Row<'p>]) -> Self {
        let mut columns = Self { by_head: BTreeMap::new(), any: Vec::new() };
        for row in rows {
            match row.first() {
                Some(Shape::Head(head, _)) => columns.by_head.entry(head).or_default().push(row),
                Some(Shape::Any) => columns.any.push(row),
                None => {}
            }
        }
        columns
    }

    /// Whether all of these heads are used.
    fn has_all(&self, heads: &[Head]) -> bool {
        heads.iter().all(|head| self.by_head.contains_key(head))
    }

    /// The rows that match values with that head, with the head taken off.
    fn specialize(&self, head: &Head, arity: usize) -> Vec<Row<'p>> {
        let own = self.by_head.get(head).into_iter().flatten();
        own.chain(&self.any).map(|row| specialize(row, arity)).collect()
    }

    /// The rows that match values with any head, without it.
    fn default_rows(&self) -> Vec<Row<'p>> {
        self.any.iter().map(|row| row.iter().skip(1).copied().collect()).collect()
    }
}

/// A row with the first head taken off.
fn specialize<'p>(row: &[&'p Shape], arity: usize) -> Row<'p> {
    let rest = row.iter().skip(1).copied();
    match row.first() {
        Some(Shape::Head(_, parts)) => parts.iter().chain(rest).collect(),
        Some(Shape::Any) | None => std::iter::repeat_n(&ANY, arity).chain(rest).collect(),
    }
}

/// Reports what a `match` leaves out, and arms behind others that take all they could. Whether all values are covered.
pub fn check_match(
    hir: &Hir,
    patterns: &[&Pattern],
    scrutinee: &Expr,
    span: Span,
    diagnostics: &mut Diagnostics,
) -> bool {
    if scrutinee.ty == Ty::Error || patterns.iter().any(|pattern| has_error(pattern)) {
        return true;
    }
    let mut search = Search { hir, steps: 0 };
    let types = [scrutinee.ty.clone()];
    let shapes: Vec<Shape> = patterns.iter().map(|pattern| search.shape(pattern)).collect();
    // Arms compete only where the heads of one continue those of the other.
    let mut arms: BTreeMap<Vec<&Head>, Vec<Row<'_>>> = BTreeMap::new();
    for (pattern, shape) in patterns.iter().zip(&shapes) {
        let (mut heads, row) = (Vec::new(), vec![shape]);
        shape.prefix(&mut heads);
        let shorter = (0..heads.len()).filter_map(|length| arms.get(heads.get(..length)?)).flatten();
        let longer = arms.range(heads.clone()..).take_while(|(other, _)| other.starts_with(&heads));
        let competing: Vec<Row<'_>> = shorter.chain(longer.flat_map(|(_, rows)| rows)).cloned().collect();
        // What an arm that cannot be reached would take, others take: it competes with none.
        if competing.is_empty() || search.useful(&competing, &row, &types) {
            arms.entry(heads).or_default().push(row);
        } else {
            diagnostics.push(Meaning::DuplicateArm { span: pattern.span }.into());
        }
    }
    let rows: Vec<Row<'_>> = arms.into_values().flatten().collect();
    if let Some(witness) = search.missing(&rows, &types) {
        let missing = witness.into_iter().next().unwrap_or_else(|| "_".to_owned());
        diagnostics.push(Meaning::NonExhaustive { missing, span: scrutinee.span, whole: span }.into());
        return false;
    }
    true
}

/// Reports a pattern of a `let` that some value does not match.
pub fn check_let(hir: &Hir, pattern: &Pattern, diagnostics: &mut Diagnostics) {
    if has_error(pattern) {
        return;
    }
    let mut search = Search { hir, steps: 0 };
    let shape = search.shape(pattern);
    let rows = [vec![&shape]];
    if let Some(witness) = search.missing(&rows, std::slice::from_ref(&pattern.ty)) {
        let missing = witness.into_iter().next().unwrap_or_else(|| "_".to_owned());
        diagnostics.push(Meaning::RefutableLet { missing, span: pattern.span }.into());
    }
}

fn has_error(pattern: &Pattern) -> bool {
    pattern.ty == Ty::Error
        || match &pattern.kind {
            PatternKind::Wildcard | PatternKind::Bind(_) | PatternKind::Literal(_) => false,
            PatternKind::Tuple(items) => items.iter().any(has_error),
            PatternKind::Construct(_, fields) => fields.iter().any(|(_, field)| has_error(field)),
        }
}

struct Search<'a> {
    hir: &'a Hir,
    steps: u32,
}

impl Search<'_> {
    fn shape(&self, pattern: &Pattern) -> Shape {
        match &pattern.kind {
            PatternKind::Wildcard | PatternKind::Bind(_) => Shape::Any,
            PatternKind::Literal(Literal::Bool(value)) => Shape::Head(Head::Bool(*value), Vec::new()),
            PatternKind::Literal(literal) => Shape::Head(Head::Literal(show_literal(literal)), Vec::new()),
            PatternKind::Tuple(items) => Shape::Head(Head::Tuple, items.iter().map(|item| self.shape(item)).collect()),
            PatternKind::Construct(constructor, fields) => {
                let head = match constructor {
                    Constructor::Struct(_) => Head::Struct,
                    Constructor::Variant(_, index) => Head::Variant(*index),
                    Constructor::Some => Head::Some,
                    Constructor::None => Head::None,
                    Constructor::Ok => Head::Ok,
                    Constructor::Err => Head::Err,
                };
                let count = self.parts(&pattern.ty, &head).len();
                let mut parts = vec![Shape::Any; count];
                for (index, field) in fields {
                    if let Some(slot) = parts.get_mut(*index as usize) {
                        *slot = self.shape(field);
                    }
                }
                Shape::Head(head, parts)
            }
        }
    }

    /// The types of the parts of a value of type `ty` with that head.
    fn parts(&self, ty: &Ty, head: &Head) -> Vec<Ty> {
        match (ty, head) {
            (Ty::Tuple(items), Head::Tuple) => items.clone(),
            (Ty::Option(item), Head::Some) | (Ty::Result(item, _), Head::Ok) | (Ty::Result(_, item), Head::Err) => {
                vec![item.as_ref().clone()]
            }
            (Ty::Named(id), Head::Struct) => {
                self.hir.type_def(*id).fields().iter().map(|field| field.ty.clone()).collect()
            }
            (Ty::Named(id), Head::Variant(index)) => {
                let variant = self.hir.type_def(*id).variants().get(*index as usize);
                variant.into_iter().flat_map(|variant| &variant.fields).map(|field| field.ty.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// All heads of a type; `None` where they are too many to list.
    fn heads(&self, ty: &Ty) -> Option<Vec<Head>> {
        match ty {
            Ty::Bool => Some(vec![Head::Bool(false), Head::Bool(true)]),
            Ty::Tuple(_) => Some(vec![Head::Tuple]),
            Ty::Option(_) => Some(vec![Head::None, Head::Some]),
            Ty::Result(..) => Some(vec![Head::Ok, Head::Err]),
            Ty::Named(id) => match &self.hir.type_def(*id).kind {
                crate::hir::TypeDefKind::Enum(variants) => {
                    Some((0..).zip(variants).map(|(i, _)| Head::Variant(i)).collect())
                }
                crate::hir::TypeDefKind::Struct(_) | crate::hir::TypeDefKind::Extern(..) => Some(vec![Head::Struct]),
            },
            Ty::Int(_)
            | Ty::Float(_)
            | Ty::Char
            | Ty::Str
            | Ty::Vec(_)
            | Ty::Map(..)
            | Ty::Param(..)
            | Ty::Never
            | Ty::Var(_)
            | Ty::Error => None,
        }
    }

    /// Values of these types, in words, that no row matches.
    fn missing(&mut self, rows: &[Row<'_>], types: &[Ty]) -> Option<Vec<String>> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Some(types.iter().map(|_| "_".to_owned()).collect());
        }
        let Some((ty, rest)) = types.split_first() else {
            return rows.is_empty().then(Vec::new);
        };
        let columns = Columns::of(rows);
        let all = self.heads(ty);
        let complete = all.as_ref().filter(|all| columns.has_all(all));
        if let Some(heads) = complete {
            for head in heads {
                let parts = self.parts(ty, head);
                let inner: Vec<Ty> = parts.iter().chain(rest).cloned().collect();
                if let Some(mut witness) = self.missing(&columns.specialize(head, parts.len()), &inner) {
                    let tail = witness.split_off(parts.len().min(witness.len()));
                    return Some(std::iter::once(self.show(ty, head, &witness)).chain(tail).collect());
                }
            }
            return None;
        }
        let tail = self.missing(&columns.default_rows(), rest)?;
        let head = match all.and_then(|all| all.into_iter().find(|head| !columns.by_head.contains_key(head))) {
            Some(head)
                if !columns.by_head.is_empty()
                    || matches!(ty, Ty::Bool | Ty::Option(_) | Ty::Result(..) | Ty::Named(_)) =>
            {
                let parts: Vec<String> = self.parts(ty, &head).iter().map(|_| "_".to_owned()).collect();
                self.show(ty, &head, &parts)
            }
            Some(_) | None => "_".to_owned(),
        };
        Some(std::iter::once(head).chain(tail).collect())
    }

    /// Whether `row` matches a value that no row of `rows` does.
    fn useful(&mut self, rows: &[Row<'_>], row: &[&Shape], types: &[Ty]) -> bool {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return true;
        }
        let (Some((first, row_rest)), Some((ty, rest))) = (row.split_first(), types.split_first()) else {
            return rows.is_empty();
        };
        let columns = Columns::of(rows);
        let heads = match first {
            Shape::Head(head, _) => vec![head.clone()],
            Shape::Any => match self.heads(ty).filter(|all| columns.has_all(all)) {
                Some(all) => all,
                None => return self.useful(&columns.default_rows(), row_rest, rest),
            },
        };
        heads.iter().any(|head| {
            let parts = self.parts(ty, head);
            let inner: Vec<Ty> = parts.iter().chain(rest).cloned().collect();
            let own = specialize(row, parts.len());
            self.useful(&columns.specialize(head, parts.len()), &own, &inner)
        })
    }

    fn show(&self, ty: &Ty, head: &Head, parts: &[String]) -> String {
        let joined = parts.join(", ");
        match (head, ty) {
            (Head::Bool(value), _) => value.to_string(),
            (Head::Tuple, _) => format!("({joined})"),
            (Head::Some, _) => format!("Some({joined})"),
            (Head::None, _) => "None".to_owned(),
            (Head::Ok, _) => format!("Ok({joined})"),
            (Head::Err, _) => format!("Err({joined})"),
            (Head::Literal(text), _) => text.clone(),
            (Head::Struct, ty) => format!("{} {{ .. }}", self.hir.show(ty)),
            (Head::Variant(index), Ty::Named(id)) => {
                let definition = self.hir.type_def(*id);
                let Some(variant) = definition.variants().get(*index as usize) else {
                    return "_".to_owned();
                };
                let name = format!("{}::{}", definition.name.name, variant.name.name);
                match variant.shape {
                    VariantShape::Unit => name,
                    VariantShape::Tuple => format!("{name}({joined})"),
                    VariantShape::Struct => format!("{name} {{ .. }}"),
                }
            }
            (Head::Variant(_), _) => "_".to_owned(),
        }
    }
}

fn show_literal(literal: &Literal) -> String {
    match literal {
        Literal::Int(value, negative) => format!("{}{value}", if *negative { "-" } else { "" }),
        Literal::Float(text) => text.clone(),
        Literal::Str(text) => format!("{text:?}"),
        Literal::Char(character) => format!("{character:?}"),
        Literal::Bool(value) => value.to_string(),
    }
}
