//! The built-in methods, associated functions, ranges and slices: pure, computed wherever their receiver and arguments live.
//! `table` is all of them.

pub mod signature;
pub mod table;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use signature::{Bound, Shape, Signature};
use table::{Form, Group, Method, TABLE};

use super::growth::TOO_LARGE;
use super::ty::Ty;

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Builtin {
    group: u16,
    row: u16,
}

/// A built-in that is called by a name on a type.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which.
    pub builtin: Builtin,
    /// The type of its receiver.
    pub receiver: Shape,
    /// What letters of it must be able to do.
    pub bounds: Vec<Bound>,
    /// What it takes and gives.
    pub signature: Signature,
}

impl Builtin {
    /// All of them that are called in a form.
    pub fn all(form: Form) -> impl Iterator<Item = Builtin> {
        let groups = (0..).zip(TABLE).filter(move |(_, group)| group.form == form);
        groups.flat_map(|(group, rows)| (0..).zip(rows.methods).map(move |(row, _)| Builtin { group, row }))
    }

    fn group(self) -> &'static Group {
        TABLE.get(usize::from(self.group)).expect("a built-in's number is made from the table")
    }

    /// Its row.
    pub fn method(self) -> &'static Method {
        self.group().methods.get(usize::from(self.row)).expect("a built-in's number is made from the table")
    }

    /// How it is called.
    pub fn form(self) -> Form {
        self.group().form
    }

    /// The type of its receiver, as the table writes it.
    pub fn receiver(self) -> &'static str {
        self.group().receiver
    }

    /// What it is called by.
    pub fn name(self) -> &'static str {
        self.method().name()
    }

    /// Whether it may abort.
    pub fn can_fail(self) -> bool {
        self.method().fails.is_some() || self.grows()
    }

    /// Whether it may make a value larger than a value may be, and aborts then.
    pub fn grows(self) -> bool {
        self.method().grows
    }

    /// What is wrong where it has no result.
    pub fn fault(self) -> &'static str {
        self.method().fails.unwrap_or(if self.grows() { TOO_LARGE } else { "" })
    }

    /// Whether it changes its receiver.
    pub fn mutates(self) -> bool {
        self.method().mutates()
    }

    /// The method of that name of a receiver, as the table writes it.
    pub fn method_of(receiver: &str, name: &str) -> Option<Builtin> {
        Self::all(Form::Method).find(|row| row.receiver() == receiver && row.name() == name)
    }

    /// Whether it says how many there are of something: its result is an integer of any type.
    pub fn is_size(self) -> bool {
        self.form() == Form::Method && self.name() == "len"
    }

    /// Whether it is a range, which a loop need not make a `Vec` of.
    pub fn is_range(self) -> bool {
        self.form() == Form::Operator && self.receiver() == "I"
    }

    fn candidate(self) -> Candidate {
        let (receiver, bounds) = signature::receiver(self.group().receiver);
        Candidate { builtin: self, receiver, bounds, signature: self.method().read() }
    }
}

/// The methods, functions or operators of a type. Of what holds others it is asked only what it is, unless `fits` knows more.
pub fn of(form: Form, fits: impl Fn(&Shape) -> bool) -> Vec<&'static Candidate> {
    // The signatures are text, and are read once.
    static METHODS: LazyLock<Vec<Callable>> = LazyLock::new(|| callables(Form::Method));
    static FUNCTIONS: LazyLock<Vec<Callable>> = LazyLock::new(|| callables(Form::Function));
    static OPERATORS: LazyLock<Vec<Callable>> = LazyLock::new(|| callables(Form::Operator));
    let all = match form {
        Form::Method => &METHODS,
        Form::Function => &FUNCTIONS,
        Form::Operator => &OPERATORS,
    };
    all.iter().filter(|(receiver, _)| fits(receiver)).flat_map(|(_, candidates)| candidates).collect()
}

/// A receiver, and what is called on it.
type Callable = (Shape, Vec<Candidate>);

fn callables(form: Form) -> Vec<Callable> {
    let mut groups: BTreeMap<u16, Callable> = BTreeMap::new();
    for candidate in Builtin::all(form).map(Builtin::candidate) {
        let empty = || (candidate.receiver.clone(), Vec::new());
        groups.entry(candidate.builtin.group).or_insert_with(empty).1.push(candidate);
    }
    groups.into_values().collect()
}

/// Whether a type could be meant by a shape, as far as its outermost form is known.
pub fn is_head(shape: &Shape, ty: &Ty) -> bool {
    match (shape, ty) {
        (Shape::Name("String"), Ty::Str)
        | (Shape::Name("char"), Ty::Char)
        | (Shape::Name("bool"), Ty::Bool)
        | (Shape::Name("I"), Ty::Int(_))
        | (Shape::Name("F"), Ty::Float(_))
        | (Shape::Apply("Vec", _), Ty::Vec(_))
        | (Shape::Apply("Option", _), Ty::Option(_))
        | (Shape::Apply("Result", _), Ty::Result(..))
        | (Shape::Apply("Map", _), Ty::Map(..)) => true,
        (Shape::Name("S"), Ty::Int(int)) => int.signed,
        (Shape::Name("T" | "U" | "E" | "K" | "V"), _) => true,
        (Shape::Name(_) | Shape::Apply(..) | Shape::Tuple(_), _) => false,
    }
}
