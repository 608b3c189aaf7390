//! What each choreography takes and gives, resolved before any body, so that bodies can call each other.

use super::check::{duplicates, reserved, wide};
use super::items::{Scope, resolve_type_with};
use super::roles::{self, RoleNames};
use super::{At, Placed, Role, Signature, SignatureParam, Ty};
use crate::diagnostic::Diagnostics;
use crate::diagnostic::grouping::Grouping;
use crate::span::{FileId, Span};
use crate::syntax::ast::{self, Ident, Item};

/// The signatures of the choreographies of all files, in order.
pub fn resolve(files: &[ast::File], scope: &mut Scope, diagnostics: &mut Diagnostics) -> Vec<Signature> {
    let mut signatures = Vec::new();
    for (index, file) in (0..).zip(files) {
        scope.enter(FileId(index));
        for item in &file.items {
            if let Item::Choreography(item) = item {
                signatures.push(signature(item, scope, diagnostics));
            }
        }
    }
    signatures
}

fn signature(item: &ast::Choreography, scope: &Scope, diagnostics: &mut Diagnostics) -> Signature {
    duplicates::check(item.params.iter().map(|param| &param.name), diagnostics);
    duplicates::check(item.types.iter(), diagnostics);
    item.types.iter().for_each(|name| reserved::check_type_parameter(name, diagnostics));
    let roles = roles::declared(&item.roles, scope, diagnostics);
    let names = RoleNames::new(&roles);
    let mut reader = Reader { types: &item.types, roles: &roles, names: &names, scope, diagnostics };
    let params = item.params.iter().map(|param| reader.param(param)).collect();
    let result = reader.result(item.result.as_ref(), item.name.span);
    Signature { roles, types: item.types.clone(), params, result, span: item.name.span }
}

struct Reader<'a> {
    types: &'a [Ident],
    roles: &'a [Role],
    names: &'a RoleNames,
    scope: &'a Scope,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn ty(&mut self, ty: &ast::Type) -> Ty {
        resolve_type_with(ty, self.types, self.scope, self.diagnostics)
    }

    fn at(&mut self, place: &ast::Place) -> At {
        let at = self.names.at(place, self.diagnostics).unwrap_or_default();
        if at.each && !roles::check_group(&at.roles, self.roles, self.diagnostics) {
            return At::default();
        }
        at
    }

    fn param(&mut self, param: &ast::Param) -> SignatureParam {
        match &param.kind {
            ast::ParamKind::Value(ast::Placed::At { ty, place }) => {
                let (ty, at) = (self.ty(ty), self.at(place));
                SignatureParam::Value(param.name.clone(), ty, at)
            }
            ast::ParamKind::Value(ast::Placed::Tuple(_, span)) => {
                self.diagnostics.push(Grouping::SeveralPlaces { span: *span }.into());
                SignatureParam::Value(param.name.clone(), Ty::Error, At::default())
            }
            ast::ParamKind::Choreography { roles, params, result, span } => {
                let signature = self.choreography(roles, params, result.as_ref(), *span);
                SignatureParam::Choreography(param.name.clone(), Box::new(signature))
            }
        }
    }

    fn choreography(
        &mut self,
        roles: &[ast::RoleParam],
        params: &[ast::Placed],
        result: Option<&ast::Placed>,
        span: Span,
    ) -> Signature {
        let roles = roles::declared(roles, self.scope, self.diagnostics);
        let names = RoleNames::new(&roles);
        let diagnostics = &mut *self.diagnostics;
        let mut inner = Reader { types: self.types, roles: &roles, names: &names, scope: self.scope, diagnostics };
        let mut read = Vec::new();
        for (index, param) in params.iter().enumerate() {
            let name = Ident { name: format!("argument {}", index + 1), span };
            read.push(match param {
                ast::Placed::At { ty, place } => {
                    let name = Ident { span: ty.span, ..name };
                    SignatureParam::Value(name, inner.ty(ty), inner.at(place))
                }
                ast::Placed::Tuple(_, span) => {
                    inner.diagnostics.push(Grouping::SeveralPlaces { span: *span }.into());
                    SignatureParam::Value(name, Ty::Error, At::default())
                }
            });
        }
        let result = inner.result(result, span);
        Signature { roles, types: Vec::new(), params: read, result, span }
    }

    fn result(&mut self, result: Option<&ast::Placed>, span: Span) -> Placed {
        match result {
            Some(placed) => self.placed(placed),
            None => Placed::At(Ty::UNIT, At::default(), span),
        }
    }

    fn placed(&mut self, placed: &ast::Placed) -> Placed {
        match placed {
            ast::Placed::At { ty, place } => {
                let (resolved, at) = (self.ty(ty), self.at(place));
                Placed::At(resolved, at, ty.span.to(place.roles.span))
            }
            ast::Placed::Tuple(items, span) => {
                wide::check(items.len(), "a tuple", *span, self.diagnostics);
                Placed::Tuple(items.iter().map(|item| self.placed(item)).collect(), *span)
            }
        }
    }
}
