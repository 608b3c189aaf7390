//! Small choreographies as data: what each role does at every step, and, for the whole, what must come out.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::store::Effect;
use crate::session::Session;
use crate::{OptionalRoles, Path, Position, Retries, RoleId, Stability};

pub const A: RoleId = RoleId(0);
pub const B: RoleId = RoleId(1);
pub const C: RoleId = RoleId(2);

/// What a transaction or a requirement does when it is reached. Roles hold one number each, which everything they do goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Works,
    Refuses,
    /// Refuses at one time and works at another, as the explorer likes.
    MayRefuse,
    RefusesIfOdd,
    /// Fails so many times in all, and then works.
    Fails(u32),
    FailsAlways,
    /// Takes effect, and its result cannot be recorded.
    Unrecordable,
}

impl Behaviour {
    pub fn ends_the_saga(self, value: u64) -> bool {
        match self {
            Self::Refuses | Self::FailsAlways | Self::Unrecordable => true,
            Self::RefusesIfOdd => !value.is_multiple_of(2),
            Self::Works | Self::MayRefuse | Self::Fails(_) => false,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Step {
    /// A message: `to` mixes the number of `from` into its own.
    Send(RoleId, RoleId),
    Transaction(RoleId, Behaviour),
    /// A transaction that nothing undoes: the last thing that its role does, of the session.
    Pivot(RoleId, Behaviour),
    /// An operation that returns another value each time it is called.
    Call(RoleId),
    /// An operation outside of the role's database, with a compensation.
    Intent(RoleId, Behaviour),
    Require(RoleId, Behaviour),
    /// Whether the role's number is odd decides; it tells all other roles.
    Choice(RoleId, Vec<Step>, Vec<Step>),
    Repeat(u64, Vec<Step>),
    Scope(Vec<Step>, Otherwise),
}

/// What is done when a scope is aborted.
#[derive(Clone, Debug, Default)]
pub struct Otherwise {
    pub steps: Vec<Step>,
    /// The reason of the abort goes into the number of each role of the scope.
    pub why: bool,
    /// How long the body may take.
    pub limit_millis: Option<u64>,
}

impl Step {
    /// A scope whose `else` does not ask why.
    pub fn scope(body: &[Step], otherwise: &[Step]) -> Self {
        Self::Scope(body.to_vec(), Otherwise { steps: otherwise.to_vec(), ..Otherwise::default() })
    }

    /// A scope whose `else` asks why.
    pub fn scope_why(body: &[Step], otherwise: &[Step]) -> Self {
        Self::Scope(body.to_vec(), Otherwise { steps: otherwise.to_vec(), why: true, limit_millis: None })
    }

    /// A scope whose `else` asks why, and whose body may take only so long.
    pub fn scope_within(limit_millis: u64, body: &[Step], otherwise: &[Step]) -> Self {
        let limit_millis = Some(limit_millis);
        Self::Scope(body.to_vec(), Otherwise { steps: otherwise.to_vec(), why: true, limit_millis })
    }
}

/// A scope whose blocks have numbers.
#[derive(Clone, Debug)]
pub struct PlacedScope {
    pub roles: Vec<RoleId>,
    pub body: usize,
    pub otherwise: usize,
    pub why: bool,
    pub limit_millis: Option<u64>,
}

#[derive(Clone, Debug)]
pub enum Placed {
    Send(RoleId, RoleId),
    Transaction(RoleId, Behaviour),
    Call(RoleId),
    Intent(RoleId, Behaviour),
    Require(RoleId, Behaviour),
    Choice(RoleId, usize, usize),
    Repeat(u64, usize),
    Scope(PlacedScope),
}

/// A choreography whose steps have sites.
#[derive(Clone, Debug, Default)]
pub struct Choreography {
    pub name: String,
    pub blocks: Vec<Vec<(u32, Placed)>>,
    sites: u32,
    /// The transactions that nothing undoes.
    pub pivots: Arc<BTreeSet<Position>>,
    /// Roles with a part in some branches of choices only, which their roles may give them.
    pub optional: Arc<OptionalRoles>,
    /// Roles that may cancel.
    pub cancels: Vec<RoleId>,
    /// How long a session may take until it is decided.
    pub within_millis: Option<u64>,
    /// How often each compensation fails before it works.
    pub compensation_fails: u32,
    /// How much roles keep, and what they log.
    pub stability: Stability,
    /// One of the roles says what it likes.
    pub has_liar: bool,
}

pub fn mix(left: u64, right: u64) -> u64 {
    let mixed = (left ^ right.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)) & 0xffff_ffff
}

/// The operation's name says where it stands, and what becomes of it.
pub fn operation(site: u32) -> String {
    format!("Service.t{site}")
}

/// The name of one outside of the database.
pub fn outside_operation(site: u32) -> String {
    format!("Service.o{site}")
}

/// Whether an operation of that name is outside of the database.
pub fn is_outside(operation: &str) -> bool {
    operation.starts_with("Service.o")
}

/// The site of an operation of that name.
pub fn site_of(operation: &str) -> u64 {
    operation.trim_start_matches(|letter: char| !letter.is_ascii_digit()).parse().expect("a site")
}

impl Choreography {
    pub fn new(name: &str, steps: &[Step]) -> Self {
        let mut choreography = Self { name: name.into(), ..Self::default() };
        choreography.place(steps);
        choreography.name_roles_of_scopes();
        choreography
    }

    pub fn optional(self, roles: &[RoleId]) -> Self {
        let chooses = |(_, step): &(u32, Placed)| match step {
            Placed::Choice(role, ..) if *role != A => Some(*role),
            _ => None,
        };
        let givers = self.blocks.iter().flatten().filter_map(chooses).collect();
        let optional = OptionalRoles { roles: roles.iter().copied().collect(), givers };
        Self { optional: Arc::new(optional), ..self }
    }

    pub fn cancelled_by(self, roles: &[RoleId]) -> Self {
        Self { cancels: roles.to_vec(), ..self }
    }

    pub fn within(self, millis: u64) -> Self {
        Self { within_millis: Some(millis), ..self }
    }

    pub fn with_failing_compensations(self, times: u32) -> Self {
        Self { compensation_fails: times, ..self }
    }

    /// What has come may be logged at any time.
    pub fn logging(self) -> Self {
        let name = format!("{}, logging", self.name);
        self.with_stability(Stability { log_after_millis: Some(25), ..Stability::default() }).named(&name)
    }

    /// There is room for one message to each role, and in an inbox besides what is waited for; and messages are logged when their sender asks for room, and only then.
    pub fn without_room(self) -> Self {
        let name = format!("{}, without room", self.name);
        self.with_stability(Stability { log_after_millis: None, kept_bytes_max: 0, inbox_bytes_max: 0 }).named(&name)
    }

    pub fn with_stability(self, stability: Stability) -> Self {
        Self { stability, ..self }
    }

    pub fn with_liar(self) -> Self {
        Self { has_liar: true, ..self }
    }

    fn named(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    fn place(&mut self, steps: &[Step]) -> usize {
        let block = self.blocks.len();
        self.blocks.push(Vec::new());
        for step in steps {
            let site = self.sites + 1;
            self.sites += 2; // a choice has two selections
            let placed = match step {
                Step::Send(from, to) => Placed::Send(*from, *to),
                Step::Transaction(role, behaviour) => Placed::Transaction(*role, *behaviour),
                Step::Pivot(role, behaviour) => {
                    Arc::make_mut(&mut self.pivots).insert(Path::ROOT.position(site));
                    Placed::Transaction(*role, *behaviour)
                }
                Step::Call(role) => Placed::Call(*role),
                Step::Intent(role, behaviour) => Placed::Intent(*role, *behaviour),
                Step::Require(role, behaviour) => Placed::Require(*role, *behaviour),
                Step::Choice(role, odd, even) => {
                    let odd = self.place(odd);
                    Placed::Choice(*role, odd, self.place(even))
                }
                Step::Repeat(rounds, body) => Placed::Repeat(*rounds, self.place(body)),
                Step::Scope(body, Otherwise { steps, why, limit_millis }) => {
                    let (body, otherwise) = (self.place(body), self.place(steps));
                    let (roles, why, limit_millis) = (Vec::new(), *why, *limit_millis);
                    Placed::Scope(PlacedScope { roles, body, otherwise, why, limit_millis })
                }
            };
            self.blocks[block].push((site, placed));
        }
        block
    }

    /// Those of a scope are the roles with a part in it.
    fn name_roles_of_scopes(&mut self) {
        let participants = self.participants();
        for index in 0..self.blocks.len() {
            for step in 0..self.blocks[index].len() {
                let Placed::Scope(PlacedScope { body, otherwise, .. }) = self.blocks[index][step].1 else { continue };
                let acts = |role: &RoleId| self.acts_in(body, *role) || self.acts_in(otherwise, *role);
                let those: Vec<_> = participants.iter().copied().filter(acts).collect();
                if let Placed::Scope(PlacedScope { roles, .. }) = &mut self.blocks[index][step].1 {
                    *roles = those;
                }
            }
        }
    }

    pub fn participants(&self) -> Vec<RoleId> {
        let mut roles = BTreeSet::from([A]);
        for (_, step) in self.blocks.iter().flatten() {
            match step {
                Placed::Send(from, to) => roles.extend([*from, *to]),
                Placed::Transaction(role, _)
                | Placed::Call(role)
                | Placed::Intent(role, _)
                | Placed::Require(role, _)
                | Placed::Choice(role, ..) => roles.extend([*role]),
                Placed::Repeat(..) | Placed::Scope(..) => {}
            }
        }
        roles.into_iter().collect()
    }

    /// The roles whose first action is not a receive.
    pub fn begins(&self) -> Vec<RoleId> {
        self.participants().into_iter().filter(|role| *role != A && !self.begins_by_message(0, *role)).collect()
    }

    fn begins_by_message(&self, block: usize, me: RoleId) -> bool {
        for (_, step) in &self.blocks[block] {
            match step {
                Placed::Send(_, to) if *to == me => return true,
                Placed::Choice(role, ..) => return *role != me,
                Placed::Repeat(_, body) if self.acts_in(*body, me) => return self.begins_by_message(*body, me),
                Placed::Scope(scope) if self.acts_in(scope.body, me) => return self.begins_by_message(scope.body, me),
                Placed::Scope(scope) if self.acts_in(scope.otherwise, me) => return false,
                Placed::Send(role, _)
                | Placed::Transaction(role, _)
                | Placed::Call(role)
                | Placed::Intent(role, _)
                | Placed::Require(role, _) => {
                    if *role == me {
                        return false;
                    }
                }
                Placed::Repeat(..) | Placed::Scope(..) => {}
            }
        }
        false
    }

    pub fn acts_in(&self, block: usize, me: RoleId) -> bool {
        self.blocks[block].iter().any(|(_, step)| match step {
            Placed::Send(from, to) => *from == me || *to == me,
            Placed::Transaction(role, _) | Placed::Call(role) | Placed::Intent(role, _) | Placed::Require(role, _) => {
                *role == me
            }
            Placed::Choice(..) => true,
            Placed::Repeat(_, body) => self.acts_in(*body, me),
            Placed::Scope(scope) => self.acts_in(scope.body, me) || self.acts_in(scope.otherwise, me),
        })
    }

    /// Whether it may be rolled back though nothing in it refuses by itself.
    pub fn may_abort(&self) -> bool {
        let may_refuse = |(_, step): &(u32, Placed)| {
            matches!(step, Placed::Transaction(_, Behaviour::MayRefuse) | Placed::Intent(_, Behaviour::MayRefuse))
        };
        !self.cancels.is_empty() || self.within_millis.is_some() || self.blocks.iter().flatten().any(may_refuse)
    }

    /// Whether `effect` is one of a transaction that nothing undoes.
    pub fn is_of_pivot(&self, effect: &Effect) -> bool {
        self.pivots.contains(&effect.position)
    }

    /// What a node says to each of its sessions.
    pub fn configure(&self, session: Session) -> Session {
        let session = session.with_stability(self.stability).with_retries(&self.retries());
        session.with_pivots(&self.pivots).with_optional(&self.optional)
    }

    /// What a node says of its operations: which are outside.
    pub fn retries(&self) -> Arc<Retries> {
        let outside = self.blocks.iter().flatten().filter_map(|(site, step)| match step {
            Placed::Intent(..) => Some(Arc::from(outside_operation(*site))),
            _ => None,
        });
        Arc::new(Retries { outside: outside.collect(), ..Retries::default() })
    }

    pub fn behaviour(&self, operation: &str) -> Behaviour {
        let mut operations = self.blocks.iter().flatten().filter_map(|(site, step)| match step {
            Placed::Transaction(_, behaviour) => Some((super::choreography::operation(*site), *behaviour)),
            Placed::Intent(_, behaviour) => Some((outside_operation(*site), *behaviour)),
            _ => None,
        });
        operations.find(|(name, _)| name == operation).expect("an operation of this choreography").1
    }
}
