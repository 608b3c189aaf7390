//! The syntax tree: what was written, with nothing resolved. The parser makes it, `hir` reads it. It covers the whole
//! surface of the language; which constructs this compiler version goes on with is decided in `hir`.

use crate::span::Span;

/// One parsed file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// `#![explicit]`, where it stands.
    pub explicit: Option<Span>,
    /// `use "other.chor";`
    pub uses: Vec<Use>,
    /// The items in the order written.
    pub items: Vec<Item>,
}

/// `use "path";`
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The path as written, without quotes.
    pub path: String,
    /// The span of the string literal.
    pub span: Span,
}

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// `a::b::C`: at least one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The segments.
    pub segments: Vec<Ident>,
    /// All of it.
    pub span: Span,
}

/// A top-level item.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `extern type path [: Eq] (; | { fields })`
    ExternType(ExternType),
    /// `extern fn path(fields) [-> type];`
    ExternFn(ExternFn),
    /// `struct Name { fields }`
    Struct(Struct),
    /// `enum Name { variants }`
    Enum(Enum),
    /// `fn name(fields) [-> type] { .. }`
    Fn(Fn),
    /// `service Name { operations }`
    Service(Service),
    /// `choreography Name<..>(..) [-> ..] { .. }`
    Choreography(Choreography),
}

/// A type that Rust owns.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternType {
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The Rust path; its last segment is the name in the choreography.
    pub path: Path,
    /// Declared `: Eq`.
    pub eq: bool,
    /// The fields that the choreography sees; `None` where the declaration ends in `;`.
    pub fields: Option<Vec<Field>>,
    /// All of it.
    pub span: Span,
}

/// A Rust function linked into every role.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternFn {
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The Rust path; its last segment is the name in the choreography.
    pub path: Path,
    /// The parameters.
    pub params: Vec<Field>,
    /// The result; `None` is `()`.
    pub result: Option<Type>,
    /// All of it.
    pub span: Span,
}

/// `name: Type`, of a struct, a variant or a parameter list.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name.
    pub name: Ident,
    /// The type.
    pub ty: Type,
}

/// A struct written in the choreography.
#[derive(Clone, Debug, PartialEq)]
pub struct Struct {
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The name.
    pub name: Ident,
    /// The fields.
    pub fields: Vec<Field>,
    /// All of it.
    pub span: Span,
}

/// An enum written in the choreography.
#[derive(Clone, Debug, PartialEq)]
pub struct Enum {
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The name.
    pub name: Ident,
    /// The variants.
    pub variants: Vec<Variant>,
    /// All of it.
    pub span: Span,
}

/// One variant of an enum.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The name.
    pub name: Ident,
    /// What it holds.
    pub fields: VariantFields,
}

/// What a variant holds.
#[derive(Clone, Debug, PartialEq)]
pub enum VariantFields {
    /// `Name`
    Unit,
    /// `Name(T, U)`
    Tuple(Vec<Type>),
    /// `Name { a: T }`
    Struct(Vec<Field>),
}

/// A function written in the choreography's language.
#[derive(Clone, Debug, PartialEq)]
pub struct Fn {
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The name.
    pub name: Ident,
    /// The parameters.
    pub params: Vec<Field>,
    /// The result; `None` is `()`.
    pub result: Option<Type>,
    /// The body.
    pub body: Block,
    /// All of it.
    pub span: Span,
}

/// A service: the operations a role's owner implements in Rust.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Whether all its operations could be read.
    pub is_readable: bool,
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The name.
    pub name: Ident,
    /// The operations.
    pub operations: Vec<Operation>,
    /// All of it.
    pub span: Span,
}

/// One operation of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Whether its parameters could be read.
    pub is_readable: bool,
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// What kind it is.
    pub kind: OperationKind,
    /// The name.
    pub name: Ident,
    /// The parameters.
    pub params: Vec<Field>,
    /// The result; `None` is `()`.
    pub result: Option<Type>,
    /// All of it.
    pub span: Span,
}

/// The kinds of operation.
#[derive(Clone, Debug, PartialEq)]
pub enum OperationKind {
    /// `fn`: its result is recorded.
    Recorded,
    /// `pure fn`: computed again on replay.
    Pure,
    /// `transaction .. compensate name`, or `compensate none` (`None`).
    Transaction {
        /// The compensation.
        compensate: Option<Ident>,
    },
}

/// A choreography.
#[derive(Clone, Debug, PartialEq)]
pub struct Choreography {
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The name.
    pub name: Ident,
    /// The roles, in order.
    pub roles: Vec<RoleParam>,
    /// The type parameters.
    pub types: Vec<Ident>,
    /// The parameters.
    pub params: Vec<Param>,
    /// The result; `None` is `()` everywhere.
    pub result: Option<Placed>,
    /// The body.
    pub body: Block,
    /// All of it.
    pub span: Span,
}

/// `Name[[]] [: Service + ..]`
#[derive(Clone, Debug, PartialEq)]
pub struct RoleParam {
    /// The name.
    pub name: Ident,
    /// `[]`: a role with as many members as the session binds.
    pub group: bool,
    /// The services named after `:`; empty where there is none.
    pub services: Vec<Ident>,
}

/// A parameter of a choreography.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// The name.
    pub name: Ident,
    /// What it takes.
    pub kind: ParamKind,
}

/// What a parameter of a choreography takes.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamKind {
    /// A located value.
    Value(Placed),
    /// `choreography<P, Q>(T@P) -> U@Q`
    Choreography {
        /// The roles.
        roles: Vec<RoleParam>,
        /// The parameters.
        params: Vec<Placed>,
        /// The result.
        result: Option<Placed>,
        /// All of it.
        span: Span,
    },
}

/// `type @ place`, or a tuple of such.
#[derive(Clone, Debug, PartialEq)]
pub enum Placed {
    /// `type @ place`
    At {
        /// The type.
        ty: Type,
        /// The place.
        place: Place,
    },
    /// `(placed, placed)`
    Tuple(Vec<Placed>, Span),
}

/// `[each] roles`
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// `each`: a value of its own at each member.
    pub each: bool,
    /// The roles.
    pub roles: Roles,
}

/// `Name` or `{Name, Name}`
#[derive(Clone, Debug, PartialEq)]
pub struct Roles {
    /// The names, in the order written; at least one.
    pub names: Vec<Ident>,
    /// All of it.
    pub span: Span,
}

/// A type as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// What it is.
    pub kind: TypeKind,
    /// All of it.
    pub span: Span,
}

/// The forms of a type.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind {
    /// `path<types>`
    Path(Path, Vec<Type>),
    /// `(types)`; `()` is the empty tuple.
    Tuple(Vec<Type>),
}

/// `{ statements [tail] }`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// The statements.
    pub stmts: Vec<Stmt>,
    /// The expression without a semicolon at the end: the block's value.
    pub tail: Option<Box<Expr>>,
    /// With the braces.
    pub span: Span,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// All of it.
    pub span: Span,
}

/// The forms of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    /// `let [mut] pattern [: type [@ place]] = value;`
    Let {
        /// `mut`
        mutable: bool,
        /// What is bound.
        pattern: Pattern,
        /// The type written, if any.
        ty: Option<Type>,
        /// The place written, if any.
        place: Option<Place>,
        /// The value.
        value: Expr,
    },
    /// `target = value;`
    Assign {
        /// A variable, or a field or an element of one.
        target: Expr,
        /// The value.
        value: Expr,
    },
    /// `require condition, reason;`
    Require {
        /// What must hold.
        condition: Expr,
        /// Why the scope ends where it does not.
        reason: Expr,
    },
    /// `abort Role, reason;`
    Abort {
        /// Who aborts.
        role: Ident,
        /// Why.
        reason: Expr,
    },
    /// `select A ~> roles;`
    Select {
        /// Who tells.
        from: Ident,
        /// Who is told.
        to: Roles,
    },
    /// An expression, with or without a semicolon behind it.
    Expr(Expr),
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// All of it.
    pub span: Span,
}

/// The forms of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A literal.
    Literal(Literal),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `(a, b)`; `()` is the empty tuple.
    Tuple(Vec<Expr>),
    /// A variable, a role, a constant variant.
    Path(Path),
    /// `path(args)`
    Call {
        /// A function, a tuple variant or `Some`.
        callee: Path,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// `Name<roles; types>(args)`
    ChoreographyCall {
        /// The choreography.
        name: Ident,
        /// The roles, each a name.
        roles: Vec<Roles>,
        /// The types.
        types: Vec<Type>,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// `path { inits [..base] }`
    Struct {
        /// The struct or variant.
        path: Path,
        /// `name: value`; a bare `name` has the variable as its value.
        fields: Vec<(Ident, Expr)>,
        /// `..base`
        base: Option<Box<Expr>>,
    },
    /// `{ .. }`
    Block(Block),
    /// `value.name`
    Field(Box<Expr>, Ident),
    /// `value.0`, with the span of the number.
    TupleField(Box<Expr>, u32, Span),
    /// `value[index]`
    Index(Box<Expr>, Box<Expr>),
    /// `receiver.name(args)`; also `Role.operation(args)`.
    Method {
        /// The receiver.
        receiver: Box<Expr>,
        /// The name.
        name: Ident,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// `value@Role`
    At(Box<Expr>, Ident),
    /// `-value`, `!value`
    Unary(UnaryOp, Box<Expr>),
    /// `left op right`, with the span of the operator.
    Binary(BinaryOp, Span, Box<Expr>, Box<Expr>),
    /// `start..end`, `start..=end`; either side may be missing in an index.
    Range {
        /// The start.
        start: Option<Box<Expr>>,
        /// The end.
        end: Option<Box<Expr>>,
        /// `..=`
        inclusive: bool,
    },
    /// `value ~> roles [within duration]`
    Communicate {
        /// The value, or a role where the message has no payload.
        value: Box<Expr>,
        /// The receivers.
        to: Roles,
        /// How long the receiver waits.
        within: Option<Duration>,
    },
    /// `if condition { .. } [else ..]`; the `else` is a block or another `if`.
    If {
        /// The guard.
        condition: Box<Expr>,
        /// The branch where it holds.
        then: Block,
        /// The other branch.
        otherwise: Option<Box<Expr>>,
    },
    /// `match scrutinee { arms }`
    Match {
        /// The guard.
        scrutinee: Box<Expr>,
        /// The arms.
        arms: Vec<Arm>,
    },
    /// `while condition { .. } [else { .. }]`
    While {
        /// The guard.
        condition: Box<Expr>,
        /// The body.
        body: Block,
        /// The branch that leaves the loop.
        otherwise: Option<Block>,
    },
    /// `for pattern in items { .. }`
    For {
        /// What each round binds.
        pattern: Pattern,
        /// The items, or a group.
        items: Box<Expr>,
        /// The body.
        body: Block,
    },
    /// `each member in roles { .. }`
    Each {
        /// The member's name.
        member: Ident,
        /// The group.
        group: Roles,
        /// The body.
        body: Block,
    },
    /// `par { .. } and { .. }`
    Par(Vec<Block>),
    /// `saga [within duration] { .. } [else [why] { .. }]`
    Saga {
        /// The deadline of the body.
        within: Option<Duration>,
        /// The body.
        body: Block,
        /// The name of the abort, and the block that follows one.
        otherwise: Option<(Option<Ident>, Block)>,
    },
    /// What the parser could not read; a diagnostic has been given.
    Error,
}

/// `pattern => value`
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// The pattern.
    pub pattern: Pattern,
    /// The value.
    pub value: Expr,
}

/// A pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// What it is.
    pub kind: PatternKind,
    /// All of it.
    pub span: Span,
}

/// The forms of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum PatternKind {
    /// `_`
    Wildcard,
    /// A literal, also `-1`.
    Literal(Literal),
    /// `(a, b)`
    Tuple(Vec<Pattern>),
    /// A single name (a binding or a constant variant: `hir` decides) or a path to a constant variant.
    Path(Path),
    /// `path(patterns)`
    TupleVariant(Path, Vec<Pattern>),
    /// `path { name, name: pattern [, ..] }`; the flag says that `..` stands at the end.
    Struct(Path, Vec<(Ident, Pattern)>, bool),
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `1`, `1u8`, `-1` (in a pattern): the value, whether `-` stands before it, and the suffix.
    Int {
        /// The digits' value.
        value: u128,
        /// `-` stands before it (patterns only).
        negative: bool,
        /// The type written behind it.
        suffix: Option<String>,
    },
    /// `1.5`, as written.
    Float(String),
    /// `"text"`, with escapes taken out.
    Str(String),
    /// `'c'`
    Char(char),
    /// `true`, `false`
    Bool(bool),
}

/// `30s`, `500ms`, `2m`, `1h`, `1d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration {
    /// In milliseconds.
    pub millis: u64,
    /// Where it stands.
    pub span: Span,
}

/// The operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `!`
    Not,
}

/// The operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `&&`
    And,
    /// `||`
    Or,
}
