//! What is sent or recorded goes as JSON, where `None` is `null`: an `Option` of what may be `null` itself would come back as another value.
//!
//! A type parameter may stand for such a type: what a choreography sends of its parameters is found out first, as a least fixpoint,
//! for calls may go round in a circle; what its callers put in is checked where they call it.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostics;
use crate::diagnostic::grouping::Grouping;
use crate::hir::{Call, Callee, Choreography, ExprKind, Field, Hir, Placed, Signature, SignatureParam, Ty};
use crate::span::Span;

/// What a choreography does with its type parameters, by their indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sends {
    /// It sends values of types in which they occur.
    within: BTreeSet<u32>,
    /// It sends `Option`s of them.
    options: BTreeSet<u32>,
}

/// Reports types of fields, operations, parameters, results and messages that JSON cannot tell apart.
pub fn check(hir: &Hir, diagnostics: &mut Diagnostics) {
    let mut check = |ty: &Ty, span: Span| {
        if let Some(inner) = confused(ty) {
            let (whole, inner) = (hir.show(ty), hir.show(inner));
            diagnostics.push(Grouping::LostInJson { whole, inner, span }.into());
        }
    };
    let fields = |fields: &[Field], check: &mut dyn FnMut(&Ty, Span)| {
        fields.iter().for_each(|field| check(&field.ty, field.name.span));
    };
    for definition in &hir.types {
        fields(definition.fields(), &mut check);
        definition.variants().iter().for_each(|variant| fields(&variant.fields, &mut check));
    }
    for operation in hir.services.iter().flat_map(|service| &service.operations).filter(|it| !it.is_pure()) {
        fields(&operation.params, &mut check);
        check(&operation.result, operation.name.span);
    }
    let sends = all_sends(hir);
    for choreography in &hir.choreographies {
        messages(choreography, &mut check);
        for (call, span) in calls(choreography) {
            for (index, ty) in (0..).zip(&call.types) {
                let callee = sends_of(&sends, call);
                match (callee.options.contains(&index), callee.within.contains(&index)) {
                    (true, _) => check(&Ty::Option(Box::new(ty.clone())), span),
                    (false, true) => check(ty, span),
                    (false, false) => {}
                }
            }
        }
    }
}

fn calls(choreography: &Choreography) -> impl Iterator<Item = (&Call, Span)> {
    choreography.body.exprs.iter().filter_map(|expr| match &expr.kind {
        ExprKind::Call(call) if !call.types.is_empty() => Some((call.as_ref(), expr.span)),
        _ => None,
    })
}

/// What each choreography does with its type parameters.
fn all_sends(hir: &Hir) -> Vec<Sends> {
    let mut sends: Vec<Sends> = hir
        .choreographies
        .iter()
        .map(|choreography| {
            let mut own = Sends::default();
            if !choreography.types.is_empty() {
                messages(choreography, &mut |ty, _| own.note(ty));
                choreography.choreographies.iter().for_each(|(_, signature)| own.note_signature(signature));
            }
            own
        })
        .collect();
    loop {
        let mut next = sends.clone();
        for (own, choreography) in next.iter_mut().zip(&hir.choreographies) {
            if choreography.types.is_empty() {
                continue;
            }
            for (call, _) in calls(choreography) {
                let callee = sends_of(&sends, call);
                for (index, ty) in (0..).zip(&call.types) {
                    if callee.options.contains(&index) {
                        own.note(&Ty::Option(Box::new(ty.clone())));
                    } else if callee.within.contains(&index) {
                        own.note(ty);
                    }
                }
            }
        }
        if next == sends {
            return sends;
        }
        sends = next;
    }
}

/// A parameter that is a choreography has no types of its own.
fn sends_of(sends: &[Sends], call: &Call) -> Sends {
    match call.callee {
        Callee::Choreography(id) => sends.get(id.0 as usize).cloned().unwrap_or_default(),
        Callee::Param(_) => Sends::default(),
    }
}

impl Sends {
    fn note(&mut self, ty: &Ty) {
        match ty {
            Ty::Param(index, _) => {
                self.within.insert(*index);
            }
            Ty::Option(item) => {
                if let Ty::Param(index, _) = item.as_ref() {
                    self.options.insert(*index);
                }
                self.note(item);
            }
            _ => ty.parts().into_iter().for_each(|part| self.note(part)),
        }
    }

    fn note_signature(&mut self, signature: &Signature) {
        for param in &signature.params {
            match param {
                SignatureParam::Value(_, ty, _) => self.note(ty),
                SignatureParam::Choreography(_, inner) => self.note_signature(inner),
            }
        }
        result(&signature.result, &mut |ty, _| self.note(ty));
    }
}

fn messages(choreography: &Choreography, check: &mut dyn FnMut(&Ty, Span)) {
    choreography.params.iter().for_each(|param| check(&param.ty, param.name.span));
    result(&choreography.result, check);
    for expr in &choreography.body.exprs {
        if let ExprKind::Communicate { value, .. } = &expr.kind {
            let value = &choreography.body[*value];
            check(&value.ty, value.span);
        }
    }
}

fn result(placed: &Placed, check: &mut dyn FnMut(&Ty, Span)) {
    match placed {
        Placed::At(ty, _, span) => check(ty, *span),
        Placed::Tuple(items, _) => items.iter().for_each(|item| result(item, check)),
    }
}

/// The first `Option` in a type that has two values of one JSON.
fn confused(ty: &Ty) -> Option<&Ty> {
    if let Ty::Option(item) = ty
        && (item.is_unit() || matches!(**item, Ty::Option(_)))
    {
        return Some(ty);
    }
    ty.parts().into_iter().find_map(confused)
}
