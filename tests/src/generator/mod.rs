//! Random programs that are well formed: what a value is and where it lives is known while a program is made, so that nearly all of them are accepted by the
//! compiler. A seed names a program.

mod apart;
mod blocks;
mod calls;
mod expr;
mod members;
mod place;
mod program;
mod shrink;
mod stmt;

use crate::random::Random;
use place::{Kind, Place, RoleInfo};
pub use program::{Choreography, Item, PRELUDE, Part, Program};
pub use shrink::shrink;

/// The types that programs compute with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Type {
    Bool,
    U32,
    Text,
    /// `Vec<u32>`
    List,
    Maybe(Box<Type>),
    Pair(Box<Type>, Box<Type>),
    Mark,
    Item,
    /// A type parameter.
    Param,
}

impl Type {
    fn text(&self) -> String {
        match self {
            Type::Bool => "bool".to_owned(),
            Type::U32 => "u32".to_owned(),
            Type::Text => "String".to_owned(),
            Type::List => "Vec<u32>".to_owned(),
            Type::Maybe(item) => format!("Option<{}>", item.text()),
            Type::Pair(one, two) => format!("({}, {})", one.text(), two.text()),
            Type::Mark => "Mark".to_owned(),
            Type::Item => "Item".to_owned(),
            Type::Param => "T".to_owned(),
        }
    }
}

/// What may be used where the walk is.
#[derive(Clone, Debug)]
struct Var {
    /// How it is written.
    text: String,
    ty: Type,
    place: Place,
    /// Whether it may be assigned to, here.
    assignable: bool,
}

/// A choreography that may be called.
#[derive(Clone, Debug)]
struct Callee {
    name: String,
    /// For each of its roles, whether it is a group.
    groups: Vec<bool>,
    params: Vec<Param>,
    /// The parts of its result: type, roles, whether each has its own.
    results: Vec<(Type, Vec<usize>, bool)>,
    has_type: bool,
}

#[derive(Clone, Debug)]
enum Param {
    /// A value at these roles.
    Value(Type, Vec<usize>),
    /// How often it calls itself: a small number.
    Counter(usize),
    /// A choreography of the one signature that there is for it.
    Step,
}

/// Makes a program.
struct Generator {
    random: Random,
    roles: Vec<RoleInfo>,
    vars: Vec<Var>,
    callees: Vec<Callee>,
    /// How many more statements there may be.
    budget: usize,
    names: usize,
    /// Blocks around.
    depth: usize,
    /// Scopes around.
    scopes: usize,
}

/// The program of a seed.
pub fn generate(seed: u64) -> Program {
    let mut generator = Generator {
        random: Random::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x0A11),
        roles: Vec::new(),
        vars: Vec::new(),
        callees: Vec::new(),
        budget: 0,
        names: 0,
        depth: 0,
        scopes: 0,
    };
    generator.program()
}

impl Generator {
    fn percent(&mut self, likelihood: usize) -> bool {
        self.random.percent(likelihood)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound)
    }

    fn pick<'t, T>(&mut self, of: &'t [T]) -> Option<&'t T> {
        let index = self.below(of.len());
        of.get(index)
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn program(&mut self) -> Program {
        let mut choreographies = Vec::new();
        for _ in 0..[0, 0, 1, 1, 2, 3][self.below(6)] {
            choreographies.extend(self.helper());
        }
        let singles = 2 + self.below(3);
        let groups = [0, 0, 1, 1, 2][self.below(5)].min(5 - singles);
        self.roles = ["A", "B", "C", "D"][..singles].iter().map(|name| RoleInfo::new(name, Kind::Single)).collect();
        self.roles.extend(["W", "V"][..groups].iter().map(|name| RoleInfo::new(name, Kind::Group)));
        let types = [Type::U32, Type::Bool, Type::List, Type::Mark, Type::Maybe(Box::new(Type::U32)), Type::Item];
        let count = 1 + self.below(4);
        self.vars.clear();
        let mut params = Vec::new();
        for (index, ty) in types.into_iter().take(count).enumerate() {
            params.push(format!("p{index}: {}@A", ty.text()));
            self.var(format!("p{index}"), ty, Place::at(0));
        }
        self.budget = 6 + self.below(16);
        let body = self.stmts(usize::MAX);
        let results = self.results();
        choreographies.push(Choreography {
            name: "Main".to_owned(),
            roles: self.roles.iter().map(RoleInfo::declared).collect(),
            types: String::new(),
            params,
            results,
            body,
            tail: None,
        });
        Program { choreographies }.reachable()
    }

    /// Some of what is known at the end, and where it goes.
    fn results(&mut self) -> Vec<(String, String)> {
        let mut results = Vec::new();
        for var in self.vars.clone() {
            if results.len() >= 4 || !self.percent(35) {
                continue;
            }
            let place = match &var.place {
                Place::Everywhere => "A".to_owned(),
                Place::Roles(roles) => {
                    let mut kept: Vec<usize> = roles.iter().copied().collect();
                    if kept.len() > 1 && self.percent(50) {
                        kept.remove(0);
                    }
                    self.role_list(&kept)
                }
                Place::Each(roles) => format!("each {}", self.role_list(&roles.iter().copied().collect::<Vec<_>>())),
            };
            results.push((var.text.clone(), format!("{}@{place}", var.ty.text())));
        }
        results
    }

    fn var(&mut self, text: String, ty: Type, place: Place) {
        self.vars.push(Var { text, ty, place, assignable: false });
    }

    /// `A`, `{A, B}`
    fn role_list(&self, roles: &[usize]) -> String {
        let names: Vec<&str> = roles.iter().map(|role| self.roles[*role].name.as_str()).collect();
        match names.as_slice() {
            [only] => (*only).to_owned(),
            several => format!("{{{}}}", several.join(", ")),
        }
    }
}
