//! The limit on the size of values, where the interpreter makes one of others: see `hir/growth.rs`.

use super::Participant;
use super::compute::Fault;
use super::held::Held;
use super::run::{Frame, Interpreter, Step};
use super::value::Value;
use crate::hir::growth::{TOO_LARGE, joins};
use crate::hir::{ExprId, FnId, Place};
use crate::span::Span;

/// The value, or that it is too large.
pub(super) fn limited(made: Value) -> Result<Value, Fault> {
    made.limited().ok_or(TOO_LARGE)
}

impl<'a> Interpreter<'a> {
    /// A tuple. One whose parts live at several roles is made by none of them.
    pub(super) fn tuple(&mut self, frame: &mut Frame<'a>, id: ExprId, items: &[ExprId]) -> Step<Held> {
        let held = Held::tuple(self.exprs(frame, items)?);
        let places: Vec<&Place> = items.iter().map(|item| frame.places.expr(*item)).collect();
        match places.windows(2).all(|two| two.first() == two.last()) {
            true => Ok(self.joined(frame, id, items, &[held], |whole| whole.into_iter().next().unwrap_or(Value::UNIT))),
            false => Ok(held),
        }
    }

    /// What is made of the values of `parts`, limited where several of them may be large.
    pub(super) fn joined(
        &mut self,
        frame: &Frame<'a>,
        id: ExprId,
        parts: &[ExprId],
        operands: &[Held],
        make: impl Fn(Vec<Value>) -> Value,
    ) -> Held {
        let joins = joins(parts.iter().map(|part| &frame.choreography.body[*part].ty));
        self.lift(frame, id, operands, |values| {
            let made = make(values);
            if joins { limited(made) } else { Ok(made) }
        })
    }

    /// The value that these have got, where it is not too large for them.
    pub(super) fn grown(&mut self, by: Vec<Participant>, span: Span, value: Value) -> Option<Value> {
        let value = value.limited();
        if value.is_none() {
            self.fault(by, span, TOO_LARGE);
        }
        value
    }

    /// What a function gives: one of Rust's may give a value that is larger than a value may be.
    pub(super) fn made_by_rust(
        &mut self,
        frame: &Frame<'a>,
        id: ExprId,
        function: FnId,
        by: Vec<Participant>,
        value: Value,
    ) -> Value {
        if self.compilation.hir.function(function).body().is_some() {
            return value;
        }
        let expr = &frame.choreography.body[id];
        self.grown(by, expr.span, value).unwrap_or_else(|| Value::default_of(&self.compilation.hir, &expr.ty))
    }
}
