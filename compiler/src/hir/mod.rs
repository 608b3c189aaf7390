//! The program with names resolved, every expression typed, and every value placed.
//!
//! `items` resolves what is declared, `lower` the bodies, `check/<rule>.rs` holds one rule each.

pub mod body;
pub mod builtin;
pub mod calls;
pub mod check;
pub mod function;
pub mod growth;
mod imports;
mod infer;
mod items;
pub(crate) mod lower;
pub mod place;
mod roles;
mod signatures;
pub mod spread;
pub mod ty;

pub use body::{
    Body, Call, Callee, Constructor, Expr, ExprId, ExprKind, Literal, LocalId, MemberOrder, Members, Pattern,
    PatternKind, Saga, Step, Stmt, StmtKind, Target,
};
pub use function::{FN_DEPTH_MAX, FN_TOO_DEEP, FnId, Function, FunctionKind};
pub use lower::substitute;
pub use place::{Place, Player, RoleSet};
pub use spread::{Demand, Lost, Spread};
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

/// A choreography, by its index in the program's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChoreographyId(pub u32);

/// All that is declared.
#[derive(Clone, Debug, Default)]
pub struct Hir {
    /// The types.
    pub types: Vec<TypeDef>,
    /// The services.
    pub services: Vec<Service>,
    /// What each choreography takes and gives.
    pub signatures: Vec<Signature>,
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

    /// A choreography.
    pub fn choreography(&self, id: ChoreographyId) -> &Choreography {
        self.choreographies.get(id.0 as usize).expect("a choreography's number is made by the program that holds it")
    }

    /// What a choreography takes and gives.
    pub fn signature(&self, id: ChoreographyId) -> &Signature {
        self.signatures.get(id.0 as usize).expect("a choreography's number is made by the program that holds it")
    }

    /// The type as it is written.
    pub fn show(&self, ty: &Ty) -> String {
        self.show_with(ty, &|part| self.show(part))
    }

    /// The type as it is written, with its parts as `show` writes them.
    pub fn show_with(&self, ty: &Ty, show: &dyn Fn(&Ty) -> String) -> String {
        match ty {
            Ty::Tuple(items) if items.len() == 1 => format!("({},)", items.iter().map(show).collect::<String>()),
            Ty::Tuple(items) => format!("({})", items.iter().map(show).collect::<Vec<_>>().join(", ")),
            Ty::Option(item) => format!("Option<{}>", show(item)),
            Ty::Vec(item) => format!("Vec<{}>", show(item)),
            Ty::Result(item, error) => format!("Result<{}, {}>", show(item), show(error)),
            Ty::Map(key, value) => format!("Map<{}, {}>", show(key), show(value)),
            Ty::Named(id) => self.type_def(*id).name.name.clone(),
            Ty::Param(_, name) => name.clone(),
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
    /// Whether its values may nest in each other, as deep as a program makes them.
    pub nests: bool,
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

/// What a choreography takes and gives: all that its callers need to know. Its roles are those of its places.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The roles, in order.
    pub roles: Vec<Role>,
    /// The type parameters.
    pub types: Vec<Ident>,
    /// The parameters, in order.
    pub params: Vec<SignatureParam>,
    /// The result.
    pub result: Placed,
    /// Its declaration's head.
    pub span: Span,
}

/// A parameter of a choreography, as its callers see it.
#[derive(Clone, Debug)]
pub enum SignatureParam {
    /// A value: its name, where it is written, its type and place.
    Value(Ident, Ty, At),
    /// A choreography.
    Choreography(Ident, Box<Signature>),
}

impl Signature {
    /// The parameters that are values.
    pub fn values(&self) -> impl Iterator<Item = (&Ident, &Ty, &At)> {
        self.params.iter().filter_map(|param| match param {
            SignatureParam::Value(name, ty, at) => Some((name, ty, at)),
            SignatureParam::Choreography(..) => None,
        })
    }

    /// The parameters that are choreographies.
    pub fn choreographies(&self) -> impl Iterator<Item = (&Ident, &Signature)> {
        self.params.iter().filter_map(|param| match param {
            SignatureParam::Value(..) => None,
            SignatureParam::Choreography(name, signature) => Some((name, signature.as_ref())),
        })
    }
}

/// A choreography.
#[derive(Clone, Debug)]
pub struct Choreography {
    /// The lines of its doc comment.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// Its roles as declared, then the members that its body binds.
    pub roles: Vec<Role>,
    /// How many of the roles are declared.
    pub declared: u16,
    /// Its type parameters.
    pub types: Vec<Ident>,
    /// Its parameters that are values.
    pub params: Vec<Param>,
    /// Its parameters that are choreographies: name and signature.
    pub choreographies: Vec<(Ident, Signature)>,
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
    /// A role, declared or a member.
    pub fn role(&self, role: RoleId) -> &Role {
        self.roles.get(usize::from(role.0)).expect("a role's number is made by the choreography that holds it")
    }

    /// What a role is.
    pub fn kind(&self, role: RoleId) -> &RoleKind {
        place::kind(&self.roles, role)
    }

    /// Whether a role is declared as a group.
    pub fn is_group(&self, role: RoleId) -> bool {
        matches!(self.kind(role), RoleKind::Group)
    }

    /// The role's name.
    pub fn role_name(&self, role: RoleId) -> &str {
        self.roles.get(usize::from(role.0)).map_or("?", |role| role.name.name.as_str())
    }

    /// All declared roles, in order.
    pub fn role_ids(&self) -> impl Iterator<Item = RoleId> + use<> {
        (0..self.declared).map(RoleId)
    }

    /// Whether a session of it can be started: nothing about it is left open.
    pub fn is_startable(&self) -> bool {
        self.types.is_empty() && self.choreographies.is_empty()
    }

    /// The declared roles among which `role` is: itself, or those whose member it is.
    pub fn hosts(&self, role: RoleId) -> RoleSet {
        place::hosts(&self.roles, role)
    }

    /// Whether one participant could be both roles.
    pub fn overlap(&self, one: RoleId, two: RoleId) -> bool {
        one == two || !self.hosts(one).is_disjoint(&self.hosts(two))
    }

    /// Whether `role`, whoever plays it, holds what lives at `place`.
    pub fn holds(&self, place: &Place, role: RoleId) -> bool {
        place::holds(&self.roles, place, role)
    }

    /// The roles that hold both.
    pub fn meet(&self, one: &Place, two: &Place) -> Place {
        place::meet(&self.roles, one, two)
    }
}

/// A role of a choreography.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: Ident,
    /// Its services.
    pub services: Vec<ServiceId>,
    /// What it is.
    pub kind: RoleKind,
}

/// What a role is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleKind {
    /// One participant.
    Single,
    /// `Worker[]`: as many as the session binds.
    Group,
    /// `w` in `each w in …` or `for w in …`: a member of these.
    Member(Vec<RoleId>),
}

/// A place as it is written: `[each] roles`.
#[derive(Clone, Debug, Default)]
pub struct At {
    /// The roles, and where they stand.
    pub roles: Vec<(RoleId, Span)>,
    /// Each of them has a value of its own.
    pub each: bool,
}

impl At {
    /// The place; of what is wrong already where a role of it is unknown.
    pub fn place(&self) -> Place {
        let roles: RoleSet = self.roles.iter().map(|(role, _)| *role).collect();
        match (roles.is_empty(), self.each) {
            (true, _) => Place::Error,
            (false, true) => Place::Each(roles),
            (false, false) => Place::Roles(roles),
        }
    }

    /// Whether a declared role has it.
    pub fn is_at(&self, role: RoleId) -> bool {
        self.roles.iter().any(|(at, _)| *at == role)
    }
}

/// A parameter of a choreography that is a value.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its variable.
    pub local: LocalId,
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Ty,
    /// The roles that hold it.
    pub at: At,
}

/// A result and where it goes.
#[derive(Clone, Debug)]
pub enum Placed {
    /// One value at these roles; `()` goes nowhere.
    At(Ty, At, Span),
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
            Placed::At(ty, at, _) => at.is_at(role).then(|| ty.clone()),
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

/// What a callee takes and gives, as the choreography that calls it knows it.
pub fn signature_of<'a>(hir: &'a Hir, choreography: &'a Choreography, callee: Callee) -> &'a Signature {
    match callee {
        Callee::Choreography(id) => hir.signature(id),
        Callee::Param(index) => {
            let (_, signature) = choreography
                .choreographies
                .get(index as usize)
                .expect("a parameter's number is made by the choreography that holds it");
            signature
        }
    }
}

/// Resolves and types the files' items and bodies.
pub fn resolve(sources: &Sources, files: &[ast::File], diagnostics: &mut Diagnostics) -> Hir {
    let visible = imports::visible(sources, files, diagnostics);
    let files = check::crowded::check(files, diagnostics);
    let (mut hir, mut scope) = items::resolve(files, visible, diagnostics);
    hir.signatures = signatures::resolve(files, &mut scope, diagnostics);
    let bodies = lower::functions(files, &hir, &mut scope, diagnostics);
    for (function, body) in hir.functions.iter_mut().zip(bodies) {
        if let FunctionKind::Written(slot) = &mut function.kind {
            *slot = body.map(Box::new);
        }
    }
    hir.choreographies = lower::choreographies(files, &hir, &mut scope, diagnostics);
    check::repeated::check(files, diagnostics);
    imports::suggest(sources, files, &scope, diagnostics);
    check::compensations::check(&hir, diagnostics);
    check::nulls::check(&hir, diagnostics);
    check::one_in_rust::check(&hir, diagnostics);
    check::recursion::check(&hir, &calls::Calls::of(&hir), diagnostics);
    check::races::check(&hir, diagnostics);
    if files.iter().all(|file| file.items.is_empty()) && !diagnostics.has_errors() {
        diagnostics.push(Meaning::NothingDeclared { span: Span::new(FileId(0), 0, 0) }.into());
    }
    hir
}
