//! The program with names resolved, every expression typed, and every value placed.
//!
//! `items` resolves what is declared, `lower` the bodies, `check/<rule>.rs` holds one rule each.

pub mod body;
pub mod builtin;
pub mod check;
pub mod function;
mod imports;
mod infer;
mod items;
mod lower;
pub mod place;
pub mod ty;

pub use body::{Body, Constructor, Expr, ExprId, ExprKind, Literal, LocalId, Pattern, PatternKind, Stmt, StmtKind};
pub use function::{FnId, Function, FunctionKind};
pub use lower::symbol;
pub use place::{Place, RoleSet};
pub use ty::{FloatTy, IntTy, Ty};

use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::source::Sources;
use crate::span::{FileId, Span};
use crate::syntax::ast::{self, Ident};

/// A role of a choreography, by its index in the choreography's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleId(pub u16);

/// A declared type, by its index in the program's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypeId(pub u32);

/// A service, by its index in the program's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceId(pub u32);

/// All that is declared.
#[derive(Clone, Debug, Default)]
pub struct Hir {
    /// The types.
    pub types: Vec<TypeDef>,
    /// The services.
    pub services: Vec<Service>,
    /// The functions.
    pub functions: Vec<Function>,
    /// The choreographies.
    pub choreographies: Vec<Choreography>,
}

impl Hir {
    /// A declared type.
    pub fn type_def(&self, id: TypeId) -> &TypeDef {
        self.types.get(id.0 as usize).expect("a type's number is made by the program that holds it")
    }

    /// A service.
    pub fn service(&self, id: ServiceId) -> &Service {
        self.services.get(id.0 as usize).expect("a service's number is made by the program that holds it")
    }

    /// A function.
    pub fn function(&self, id: FnId) -> &Function {
        self.functions.get(id.0 as usize).expect("a function's number is made by the program that holds it")
    }

    /// An operation of a service.
    pub fn operation(&self, service: ServiceId, operation: u32) -> &Operation {
        self.service(service)
            .operations
            .get(operation as usize)
            .expect("an operation's number is made by the service that holds it")
    }

    /// The type as it is written.
    pub fn show(&self, ty: &Ty) -> String {
        match ty {
            Ty::Tuple(items) if items.len() == 1 => {
                format!("({},)", items.iter().map(|item| self.show(item)).collect::<String>())
            }
            Ty::Tuple(items) => {
                format!("({})", items.iter().map(|item| self.show(item)).collect::<Vec<_>>().join(", "))
            }
            Ty::Option(item) => format!("Option<{}>", self.show(item)),
            Ty::Vec(item) => format!("Vec<{}>", self.show(item)),
            Ty::Result(item, error) => format!("Result<{}, {}>", self.show(item), self.show(error)),
            Ty::Map(key, value) => format!("Map<{}, {}>", self.show(key), self.show(value)),
            Ty::Named(id) => self.type_def(*id).name.name.clone(),
            Ty::Never => "!".to_owned(),
            Ty::Var(_) | Ty::Error => "_".to_owned(),
            Ty::Bool | Ty::Int(_) | Ty::Float(_) | Ty::Char | Ty::Str => {
                ty.primitive_name().unwrap_or_default().to_owned()
            }
        }
    }
}

/// A declared type.
#[derive(Clone, Debug)]
pub struct TypeDef {
    /// The lines of its doc comment.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// What it is.
    pub kind: TypeDefKind,
    /// Whether `==` compares its values.
    pub comparable: bool,
    /// Whether it holds a type that Rust owns, of which no more is known than that it is a value.
    pub opaque: bool,
    /// Its declaration.
    pub span: Span,
}

/// What a declared type is.
#[derive(Clone, Debug)]
pub enum TypeDefKind {
    /// A type that Rust owns: its path, and the fields that choreographies see.
    Extern(Vec<String>, Vec<Field>),
    /// A struct.
    Struct(Vec<Field>),
    /// An enum.
    Enum(Vec<Variant>),
}

impl TypeDef {
    /// The fields of a struct or of an extern type.
    pub fn fields(&self) -> &[Field] {
        match &self.kind {
            TypeDefKind::Extern(_, fields) | TypeDefKind::Struct(fields) => fields,
            TypeDefKind::Enum(_) => &[],
        }
    }

    /// The variants of an enum.
    pub fn variants(&self) -> &[Variant] {
        match &self.kind {
            TypeDefKind::Extern(..) | TypeDefKind::Struct(_) => &[],
            TypeDefKind::Enum(variants) => variants,
        }
    }
}

/// A field of a struct or variant, or a parameter of an operation.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name; the parts of a tuple variant are named `0`, `1`, …
    pub name: Ident,
    /// Its type.
    pub ty: Ty,
}

/// A variant of an enum.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name.
    pub name: Ident,
    /// How it is written.
    pub shape: VariantShape,
    /// Its parts.
    pub fields: Vec<Field>,
}

/// How a variant is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VariantShape {
    /// `Name`
    Unit,
    /// `Name(..)`
    Tuple,
    /// `Name { .. }`
    Struct,
}

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// The lines of its doc comment.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// Its operations.
    pub operations: Vec<Operation>,
    /// Whether all its operations could be read.
    pub is_readable: bool,
}

/// An operation of a service.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The lines of its doc comment.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// What kind it is.
    pub kind: ast::OperationKind,
    /// Its parameters.
    pub params: Vec<Field>,
    /// Whether the parameters could be read.
    pub is_readable: bool,
    /// Its result.
    pub result: Ty,
}

impl Operation {
    /// Whether it is a `pure fn`.
    pub fn is_pure(&self) -> bool {
        self.kind == ast::OperationKind::Pure
    }
}

/// A choreography.
#[derive(Clone, Debug)]
pub struct Choreography {
    /// The lines of its doc comment.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Its result.
    pub result: Placed,
    /// Its expressions and variables.
    pub body: Body,
    /// The block that is its body.
    pub root: ExprId,
    /// `#![explicit]` stands at the top of its file.
    pub explicit: bool,
    /// Its declaration.
    pub span: Span,
}

impl Choreography {
    /// The role's name.
    pub fn role_name(&self, role: RoleId) -> &str {
        self.roles.get(usize::from(role.0)).map_or("?", |role| role.name.name.as_str())
    }

    /// All roles, in order.
    pub fn role_ids(&self) -> impl Iterator<Item = RoleId> + use<> {
        (0..u16::try_from(self.roles.len()).unwrap_or(u16::MAX)).map(RoleId)
    }
}

/// A role of a choreography.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: Ident,
    /// Its services.
    pub services: Vec<ServiceId>,
}

/// A parameter of a choreography.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its variable.
    pub local: LocalId,
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Ty,
    /// The roles that hold it.
    pub roles: Vec<(RoleId, Span)>,
}

/// A result and where it goes.
#[derive(Clone, Debug)]
pub enum Placed {
    /// One value at these roles; `()` goes nowhere.
    At(Ty, Vec<(RoleId, Span)>, Span),
    /// Several, each with a place of its own.
    Tuple(Vec<Placed>, Span),
}

impl Placed {
    /// The type of the whole.
    pub fn ty(&self) -> Ty {
        match self {
            Placed::At(ty, _, _) => ty.clone(),
            Placed::Tuple(items, _) => Ty::Tuple(items.iter().map(Placed::ty).collect()),
        }
    }

    /// The type of the part that `role` keeps; `None` where it keeps nothing.
    pub fn at_role(&self, role: RoleId) -> Option<Ty> {
        match self {
            Placed::At(ty, roles, _) => roles.iter().any(|(at, _)| *at == role).then(|| ty.clone()),
            Placed::Tuple(items, _) => {
                let mut parts: Vec<Ty> = items.iter().filter_map(|item| item.at_role(role)).collect();
                match parts.len() {
                    0 => None,
                    1 => parts.pop(),
                    _ => Some(Ty::Tuple(parts)),
                }
            }
        }
    }
}

/// Resolves and types the files' items and bodies.
pub fn resolve(sources: &Sources, files: &[ast::File], diagnostics: &mut Diagnostics) -> Hir {
    let visible = imports::visible(sources, files, diagnostics);
    let (mut hir, mut scope) = items::resolve(files, visible, diagnostics);
    let bodies = lower::functions(files, &hir, &mut scope, diagnostics);
    for (function, body) in hir.functions.iter_mut().zip(bodies) {
        if let FunctionKind::Written(slot) = &mut function.kind {
            *slot = body.map(Box::new);
        }
    }
    let choreographies = lower::choreographies(files, &hir, &mut scope, diagnostics);
    hir.choreographies = choreographies;
    imports::suggest(sources, &scope, diagnostics);
    check::compensations::check(&hir, diagnostics);
    check::one_in_rust::check(&hir, diagnostics);
    if files.iter().all(|file| file.items.is_empty()) && !diagnostics.has_errors() {
        diagnostics.push(Meaning::NothingDeclared { span: Span::new(FileId(0), 0, 0) }.into());
    }
    hir
}
