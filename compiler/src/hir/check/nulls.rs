//! What is sent or recorded goes as JSON, where `None` is `null`: an `Option` of what may be `null` itself would come back as another value.

use crate::diagnostic::Diagnostics;
use crate::diagnostic::grouping::Grouping;
use crate::hir::{Choreography, ExprKind, Field, Hir, Placed, Ty};
use crate::span::Span;

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
    for choreography in &hir.choreographies {
        messages(choreography, &mut check);
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
