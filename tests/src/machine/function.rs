//! Functions, which nothing waits in.

use chor::hir::{FN_DEPTH_MAX, FN_TOO_DEEP, FnId};
use chor::interpret::{self, Value};
use chor::lir::{Block, Decision, Stmt, StmtKind};

use super::Player;
use super::compute::Computed;
use super::frame::Frame;

impl Player {
    /// A function of these arguments.
    pub(super) fn apply(&self, frame: &Frame<'_>, function: FnId, args: Vec<Value>) -> Computed {
        let compilation = &self.play.compilation;
        let declared = compilation.hir.function(function);
        let program = compilation.functions.get(function.0 as usize).and_then(Option::as_ref);
        let (Some(body), Some(projection)) = (declared.body(), program) else {
            return Ok(self.world.function(&compilation.hir, &declared.name.name, &args, &declared.result));
        };
        if frame.functions >= FN_DEPTH_MAX {
            return Err(interpret::reason(&compilation.sources, declared.name.span, FN_TOO_DEEP));
        }
        let vars = body.params.iter().map(|param| param.local).zip(args).collect();
        let (cast, types, choreographies) = (frame.cast.clone(), Vec::new(), Vec::new());
        let functions = frame.functions + 1;
        let mut inner = Frame { projection, me: frame.me, cast, vars, types, choreographies, functions };
        accompanist::deep(|| self.computed(&mut inner, &projection.programs[0].body))
    }

    fn computed(&self, frame: &mut Frame<'_>, block: &Block) -> Computed {
        block.stmts.iter().try_for_each(|stmt| self.compute(frame, stmt))?;
        block.value.as_ref().map_or(Ok(Value::UNIT), |value| self.value(frame, value))
    }

    fn compute(&self, frame: &mut Frame<'_>, stmt: &Stmt) -> Result<(), String> {
        match &stmt.kind {
            StmtKind::Let(pattern, value) => {
                let (value, mut bound) = (self.value(frame, value)?, Vec::new());
                interpret::matches(pattern, &value, &mut bound);
                frame.vars.extend(bound);
            }
            StmtKind::Assign(target, value) => {
                let value = self.value(frame, value)?;
                self.change(frame, target, (stmt.span, stmt.grows().is_some()), |part| {
                    Ok(std::mem::replace(part, value))
                })?;
            }
            StmtKind::Mutate { target, method, args, into } => {
                let args = self.values(frame, args)?;
                let apply = |part: &mut Value| interpret::mutate(*method, part, &args).ok_or(method.fault());
                let value = self.change(frame, target, (stmt.span, stmt.grows().is_some()), apply)?;
                frame.set(*into, value);
            }
            StmtKind::If { condition, then, otherwise, into } => {
                let holds = self.value(frame, condition)?.is_true();
                let value = self.computed(frame, if holds { then } else { otherwise })?;
                frame.set(*into, value);
            }
            StmtKind::Match { scrutinee, arms, into } => {
                let (value, mut bound) = (self.value(frame, scrutinee)?, Vec::new());
                let arm = arms.iter().find(|(pattern, _)| {
                    bound.clear();
                    interpret::matches(pattern, &value, &mut bound)
                });
                let (_, arm) = arm.ok_or("a bug: no pattern matches")?;
                frame.vars.extend(bound);
                let value = self.computed(frame, arm)?;
                frame.set(*into, value);
            }
            StmtKind::Loop(repeat) => match &repeat.decision {
                Decision::While(guard) => loop {
                    repeat.head.iter().try_for_each(|stmt| self.compute(frame, stmt))?;
                    if !self.value(frame, guard)?.is_true() {
                        break;
                    }
                    self.computed(frame, &repeat.body)?;
                },
                Decision::For(pattern, items) => {
                    if let Value::Vec(items) = self.value(frame, items)? {
                        for item in items {
                            let mut bound = Vec::new();
                            interpret::matches(pattern, &item, &mut bound);
                            frame.vars.extend(bound);
                            self.computed(frame, &repeat.body)?;
                        }
                    }
                }
                Decision::Offer { .. } => return Err("a bug: a function waits".to_owned()),
            },
            StmtKind::Require(condition, reason) => {
                if !self.value(frame, condition)?.is_true() {
                    return Err(self.value(frame, reason)?.display());
                }
            }
            StmtKind::Refuse(reason) => return Err(self.value(frame, reason)?.display()),
            _ => return Err("a bug: a function acts".to_owned()),
        }
        Ok(())
    }
}
