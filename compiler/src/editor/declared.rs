//! What is declared, by the place of its name.

use std::collections::{BTreeMap, BTreeSet};

use super::bodies;
use crate::Compilation;
use crate::diagnostic::Reference;
use crate::hir::{
    Choreography, Field, Function, Hir, LocalId, Operation, Role, RoleId, RoleKind, Service, Signature, SignatureParam,
    TypeDef, Variant,
};
use crate::span::Span;
use crate::syntax::ast::{Ident, OperationKind};

/// What a name is declared as.
#[derive(Clone, Copy, Debug)]
pub enum Declared<'c> {
    /// A type.
    Type(&'c TypeDef),
    /// A field of a type or of one of its variants.
    Field(&'c TypeDef, &'c Field),
    /// A variant of an enum.
    Variant(&'c TypeDef, &'c Variant),
    /// A service.
    Service(&'c Service),
    /// An operation of a service.
    Operation(&'c Service, &'c Operation),
    /// What undoes an operation.
    Compensation(&'c Service, &'c Operation),
    /// A parameter of an operation or of an `extern fn`.
    Parameter(&'c Field),
    /// A function.
    Function(&'c Function),
    /// A choreography.
    Choreography(&'c Choreography),
    /// A role of a choreography or of the type of one.
    Role(&'c Role),
    /// A member of a group, for a block.
    Member(&'c Choreography, RoleId),
    /// A variable, a parameter of a choreography or of a `fn` among them.
    Variable(&'c Choreography, LocalId),
    /// A type parameter.
    TypeParameter(&'c Ident),
    /// A parameter that is a choreography.
    ChoreographyParameter(&'c Ident, &'c Signature),
}

/// All that is declared in a program.
#[derive(Clone, Debug, Default)]
pub struct Declarations<'c> {
    all: BTreeMap<Span, Declared<'c>>,
}

impl<'c> Declarations<'c> {
    /// Those of a program.
    pub fn new(compilation: &'c Compilation) -> Self {
        let mut declarations = Self::default();
        let hir = &compilation.hir;
        hir.types.iter().for_each(|definition| declarations.add_type(definition));
        hir.services.iter().for_each(|service| declarations.add_service(service));
        for function in &hir.functions {
            declarations.add(function.name.span, Declared::Function(function));
            if function.body().is_none() {
                function.params.iter().for_each(|param| declarations.add(param.name.span, Declared::Parameter(param)));
            }
        }
        for choreography in &hir.choreographies {
            declarations.add(choreography.name.span, Declared::Choreography(choreography));
            declarations.add_roles(choreography);
            choreography.types.iter().for_each(|name| declarations.add(name.span, Declared::TypeParameter(name)));
            for (name, signature) in &choreography.choreographies {
                declarations.add(name.span, Declared::ChoreographyParameter(name, signature));
                declarations.add_signature(signature);
            }
        }
        for body in bodies(compilation) {
            for (id, local) in (0..).map(LocalId).zip(&body.body.locals) {
                declarations.add(local.span, Declared::Variable(body, id));
            }
        }
        declarations
    }

    /// What is declared by the name at `span`.
    pub fn at(&self, span: Span) -> Option<Declared<'c>> {
        self.all.get(&span).copied()
    }

    /// All declared names with what they are, by place.
    pub fn iter(&self) -> impl Iterator<Item = (Span, Declared<'c>)> {
        self.all.iter().map(|(span, declared)| (*span, *declared))
    }

    /// The last declared name that does not begin behind a place.
    pub(super) fn before(&self, span: Span) -> impl Iterator<Item = Span> {
        self.all.range(..=span).next_back().map(|(span, _)| *span).into_iter()
    }

    /// Of two names that one word stands for, whether this is the one that is written first where they are written apart.
    pub(super) fn is_written_first(&self, name: Reference) -> bool {
        matches!(self.at(name.declared), Some(Declared::Field(..) | Declared::Role(_)))
    }

    fn add(&mut self, span: Span, declared: Declared<'c>) {
        // What the language declares itself stands nowhere.
        if span.start < span.end {
            self.all.entry(span).or_insert(declared);
        }
    }

    fn add_type(&mut self, definition: &'c TypeDef) {
        self.add(definition.name.span, Declared::Type(definition));
        definition.fields().iter().for_each(|field| self.add(field.name.span, Declared::Field(definition, field)));
        for variant in definition.variants() {
            self.add(variant.name.span, Declared::Variant(definition, variant));
            // The parts of `Variant(T)` have no names: at their places stand types.
            let named = variant.fields.iter().filter(|field| field.name.name.parse::<usize>().is_err());
            named.for_each(|field| self.add(field.name.span, Declared::Field(definition, field)));
        }
    }

    fn add_service(&mut self, service: &'c Service) {
        self.add(service.name.span, Declared::Service(service));
        let mut compensations = BTreeSet::new();
        for operation in &service.operations {
            self.add(operation.name.span, Declared::Operation(service, operation));
            operation.params.iter().for_each(|param| self.add(param.name.span, Declared::Parameter(param)));
            // Where operations share one, the first declares it, and the others refer to it.
            if let Some(name) = operation.kind.compensation().filter(|name| compensations.insert(&name.name)) {
                self.add(name.span, Declared::Compensation(service, operation));
            }
        }
    }

    fn add_roles(&mut self, choreography: &'c Choreography) {
        for (id, role) in (0..=u16::MAX).map(RoleId).zip(&choreography.roles) {
            let declared = match role.kind {
                RoleKind::Single | RoleKind::Group => Declared::Role(role),
                RoleKind::Member(_) => Declared::Member(choreography, id),
            };
            self.add(role.name.span, declared);
        }
    }

    fn add_signature(&mut self, signature: &'c Signature) {
        signature.roles.iter().for_each(|role| self.add(role.name.span, Declared::Role(role)));
        for param in &signature.params {
            if let SignatureParam::Choreography(_, inner) = param {
                self.add_signature(inner);
            }
        }
    }
}

impl Declared<'_> {
    /// The lines of its doc comment.
    pub fn docs(&self) -> &[String] {
        match self {
            Self::Type(definition) => &definition.docs,
            Self::Service(service) => &service.docs,
            Self::Operation(_, operation) => &operation.docs,
            Self::Function(function) => &function.docs,
            Self::Choreography(choreography) => &choreography.docs,
            Self::Field(..)
            | Self::Variant(..)
            | Self::Compensation(..)
            | Self::Parameter(_)
            | Self::Role(_)
            | Self::Member(..)
            | Self::Variable(..)
            | Self::TypeParameter(_)
            | Self::ChoreographyParameter(..) => &[],
        }
    }
}

/// An operation as it is declared.
pub(super) fn operation_text(hir: &Hir, operation: &Operation) -> String {
    let keyword = match operation.kind {
        OperationKind::Recorded { .. } => "fn",
        OperationKind::Pure => "pure fn",
        OperationKind::Transaction { .. } => "transaction",
    };
    let compensate = match (&operation.kind, operation.kind.compensation()) {
        (_, Some(name)) => format!(" compensate {}", name.name),
        (OperationKind::Transaction { .. }, None) => " compensate none".to_owned(),
        (OperationKind::Recorded { .. } | OperationKind::Pure, None) => String::new(),
    };
    let called = call_text(hir, &operation.name.name, &operation.params, &operation.result);
    format!("{keyword} {called}{compensate}")
}

/// `name(param: Type) -> Result`
pub(super) fn call_text(hir: &Hir, name: &str, params: &[Field], result: &crate::hir::Ty) -> String {
    let params: Vec<String> =
        params.iter().map(|param| format!("{}: {}", param.name.name, hir.show(&param.ty))).collect();
    let result = if result.is_unit() { String::new() } else { format!(" -> {}", hir.show(result)) };
    format!("{name}({}){result}", params.join(", "))
}

/// `Name[]: Service + Service`
pub(super) fn role_text(hir: &Hir, role: &Role) -> String {
    let group = if role.kind == RoleKind::Group { "[]" } else { "" };
    let services: Vec<&str> = role.services.iter().map(|id| hir.service(*id).name.name.as_str()).collect();
    let own = matches!(services.as_slice(), [only] if *only == role.name.name);
    let services = if services.is_empty() || own { String::new() } else { format!(": {}", services.join(" + ")) };
    format!("{}{group}{services}", role.name.name)
}
