//! Small choreographies as data: what each role does at every step, and, for the whole, what must come out.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Poll;

use crate::session::{Session, Stop};
use crate::{Digest, Path, Position, RoleId};

pub const A: RoleId = RoleId(0);
pub const B: RoleId = RoleId(1);
pub const C: RoleId = RoleId(2);

/// What a transaction or a requirement does when it is reached. Roles hold one number each, which everything they do goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Works,
    Refuses,
    RefusesIfOdd,
    /// Fails so many times in all, and then works.
    Fails(u32),
    FailsAlways,
}

impl Behaviour {
    pub fn ends_the_saga(self, value: u64) -> bool {
        match self {
            Self::Refuses | Self::FailsAlways => true,
            Self::RefusesIfOdd => !value.is_multiple_of(2),
            Self::Works | Self::Fails(_) => false,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Step {
    /// A message: `to` mixes the number of `from` into its own.
    Send(RoleId, RoleId),
    Transaction(RoleId, Behaviour),
    /// An operation that returns another value each time it is called.
    Call(RoleId),
    Require(RoleId, Behaviour),
    /// Whether the role's number is odd decides; it tells all other roles.
    Choice(RoleId, Vec<Step>, Vec<Step>),
    Repeat(u64, Vec<Step>),
}

#[derive(Clone, Debug)]
enum Placed {
    Send(RoleId, RoleId),
    Transaction(RoleId, Behaviour),
    Call(RoleId),
    Require(RoleId, Behaviour),
    Choice(RoleId, usize, usize),
    Repeat(u64, usize),
}

/// A choreography whose steps have sites.
#[derive(Clone, Debug, Default)]
pub struct Choreography {
    pub name: String,
    blocks: Vec<Vec<(u32, Placed)>>,
    sites: u32,
    /// Roles that may cancel.
    pub cancels: Vec<RoleId>,
    /// How often each compensation fails before it works.
    pub compensation_fails: u32,
}

pub fn mix(left: u64, right: u64) -> u64 {
    let mixed = (left ^ right.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)) & 0xffff_ffff
}

/// The operation's name says where it stands, and what becomes of it.
pub fn operation(site: u32) -> String {
    format!("Service.t{site}")
}

impl Choreography {
    pub fn new(name: &str, steps: &[Step]) -> Self {
        let mut choreography = Self { name: name.into(), ..Self::default() };
        choreography.place(steps);
        choreography
    }

    pub fn cancelled_by(self, roles: &[RoleId]) -> Self {
        Self { cancels: roles.to_vec(), ..self }
    }

    pub fn with_failing_compensations(self, times: u32) -> Self {
        Self { compensation_fails: times, ..self }
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
                Step::Call(role) => Placed::Call(*role),
                Step::Require(role, behaviour) => Placed::Require(*role, *behaviour),
                Step::Choice(role, odd, even) => {
                    let odd = self.place(odd);
                    Placed::Choice(*role, odd, self.place(even))
                }
                Step::Repeat(rounds, body) => Placed::Repeat(*rounds, self.place(body)),
            };
            self.blocks[block].push((site, placed));
        }
        block
    }

    pub fn participants(&self) -> Vec<RoleId> {
        let mut roles = BTreeSet::from([A]);
        for (_, step) in self.blocks.iter().flatten() {
            match step {
                Placed::Send(from, to) => roles.extend([*from, *to]),
                Placed::Transaction(role, _)
                | Placed::Call(role)
                | Placed::Require(role, _)
                | Placed::Choice(role, ..) => roles.extend([*role]),
                Placed::Repeat(..) => {}
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
                Placed::Send(role, _)
                | Placed::Transaction(role, _)
                | Placed::Call(role)
                | Placed::Require(role, _) => {
                    if *role == me {
                        return false;
                    }
                }
                Placed::Repeat(..) => {}
            }
        }
        false
    }

    fn acts_in(&self, block: usize, me: RoleId) -> bool {
        self.blocks[block].iter().any(|(_, step)| match step {
            Placed::Send(from, to) => *from == me || *to == me,
            Placed::Transaction(role, _) | Placed::Call(role) | Placed::Require(role, _) => *role == me,
            Placed::Choice(..) => true,
            Placed::Repeat(_, body) => self.acts_in(*body, me),
        })
    }

    pub fn behaviour(&self, operation: &str) -> Behaviour {
        let transactions = self.blocks.iter().flatten().filter_map(|(site, step)| match step {
            Placed::Transaction(_, behaviour) => Some((site, *behaviour)),
            _ => None,
        });
        let found = transactions.into_iter().find(|(site, _)| super::choreography::operation(**site) == operation);
        found.expect("a transaction of this choreography").1
    }

    /// What every role's result must be, given what each call returned; `None` if the saga must be rolled back.
    pub fn reference(&self, argument: u64, calls: &BTreeMap<Position, u64>) -> Option<BTreeMap<RoleId, u64>> {
        let mut values: BTreeMap<_, _> = self.participants().into_iter().map(|role| (role, 0)).collect();
        values.insert(A, argument);
        self.refer(0, Path::ROOT, calls, &mut values)?;
        Some(values)
    }

    fn refer(
        &self,
        block: usize,
        path: Path,
        calls: &BTreeMap<Position, u64>,
        values: &mut BTreeMap<RoleId, u64>,
    ) -> Option<()> {
        for (site, step) in &self.blocks[block] {
            match step {
                Placed::Send(from, to) => {
                    let value = mix(values[to], values[from]);
                    values.insert(*to, value);
                }
                Placed::Transaction(role, behaviour) => {
                    if behaviour.ends_the_saga(values[role]) {
                        return None;
                    }
                    values.insert(*role, mix(values[role], u64::from(*site)));
                }
                Placed::Call(role) => {
                    let returned = calls.get(&path.position(*site)).copied().unwrap_or_default();
                    values.insert(*role, mix(values[role], returned));
                }
                Placed::Require(role, behaviour) => {
                    if behaviour.ends_the_saga(values[role]) {
                        return None;
                    }
                }
                Placed::Choice(role, odd, even) => {
                    let branch = if values[role] % 2 == 1 { *odd } else { *even };
                    self.refer(branch, path, calls, values)?;
                }
                Placed::Repeat(rounds, body) => {
                    for round in 0..*rounds {
                        self.refer(*body, path.child(*site, round), calls, values)?;
                    }
                }
            }
        }
        Some(())
    }
}

/// One role's run of its program.
#[derive(Clone, Debug)]
pub struct ProgramRun {
    value: u64,
    levels: Vec<Level>,
    /// The operation at hand has been asked for.
    asked: bool,
    received: Digest,
}

#[derive(Clone, Debug)]
struct Level {
    block: usize,
    index: usize,
    path: Path,
    /// Of a loop: its path and site, and the round and the number of rounds.
    rounds: Option<(Path, u32, u64, u64)>,
}

impl ProgramRun {
    pub fn new(argument: u64) -> Self {
        let root = Level { block: 0, index: 0, path: Path::ROOT, rounds: None };
        Self { value: argument, levels: vec![root], asked: false, received: Digest::default() }
    }

    pub fn poll(
        &mut self,
        choreography: &Choreography,
        me: RoleId,
        session: &mut Session,
    ) -> Poll<Result<String, Stop>> {
        loop {
            let Some(level) = self.levels.last_mut() else { return Poll::Ready(Ok(self.value.to_string())) };
            let Some((site, step)) = choreography.blocks[level.block].get(level.index) else {
                match &mut level.rounds {
                    Some((path, site, round, rounds)) if *round + 1 < *rounds => {
                        *round += 1;
                        level.path = path.child(*site, *round);
                        level.index = 0;
                    }
                    _ => _ = self.levels.pop(),
                }
                continue;
            };
            let (path, position) = (level.path, level.path.position(*site));
            level.index += 1;
            let taken = match step {
                Placed::Send(from, to) if *from == me => {
                    session.program_send(position, *to, self.value.to_string().into()).map(|()| true)
                }
                Placed::Send(from, to) if *to == me => match session.program_receive(position, *from) {
                    Poll::Pending => Ok(false),
                    Poll::Ready(received) => received.map(|payload| {
                        self.received = self.received.then(position, payload.as_bytes());
                        self.value = mix(self.value, payload.parse().expect("a number"));
                        true
                    }),
                },
                Placed::Transaction(role, _) | Placed::Call(role) if *role == me => {
                    let called = matches!(step, Placed::Call(_));
                    match self.operate(session, position, *site, called) {
                        Poll::Pending => Ok(false),
                        Poll::Ready(returned) => returned.map(|()| true),
                    }
                }
                Placed::Require(role, behaviour) if *role == me => {
                    if behaviour.ends_the_saga(self.value) {
                        session.program_refuse("required".into());
                        Err(Stop)
                    } else {
                        Ok(true)
                    }
                }
                Placed::Choice(role, odd, even) => {
                    let chosen = if *role == me {
                        let chosen = usize::from(self.value.is_multiple_of(2));
                        let at = path.position(*site + chosen as u32);
                        let others = choreography.participants().into_iter().filter(|role| *role != me);
                        let told: Result<Vec<()>, Stop> =
                            others.map(|to| session.program_send(at, to, "null".into())).collect();
                        told.map(|_| Some(chosen))
                    } else {
                        let offers = [(path.position(*site), *role), (path.position(*site + 1), *role)];
                        match session.program_offer(&offers) {
                            Poll::Pending => Ok(None),
                            Poll::Ready(Err(stop)) => Err(stop),
                            Poll::Ready(Ok(index)) => match session.program_receive(offers[index].0, *role) {
                                Poll::Pending => panic!("what is offered is there"),
                                Poll::Ready(received) => received.map(|_| Some(index)),
                            },
                        }
                    };
                    match chosen {
                        Err(stop) => Err(stop),
                        Ok(None) => Ok(false),
                        Ok(Some(chosen)) => {
                            let block = if chosen == 0 { *odd } else { *even };
                            self.levels.push(Level { block, index: 0, path, rounds: None });
                            Ok(true)
                        }
                    }
                }
                Placed::Repeat(rounds, body) if *rounds > 0 => {
                    let rounds = Some((path, *site, 0, *rounds));
                    self.levels.push(Level { block: *body, index: 0, path: path.child(*site, 0), rounds });
                    Ok(true)
                }
                _ => Ok(true),
            };
            match taken {
                Ok(true) => {}
                Ok(false) => {
                    self.levels.last_mut().expect("the level at hand").index -= 1;
                    return Poll::Pending;
                }
                Err(stop) => return Poll::Ready(Err(stop)),
            }
        }
    }

    fn operate(
        &mut self,
        session: &mut Session,
        position: Position,
        site: u32,
        called: bool,
    ) -> Poll<Result<(), Stop>> {
        if !std::mem::replace(&mut self.asked, true) {
            let (name, arguments) = (operation(site), self.value.to_string().into());
            let recorded = if called {
                session.program_call(position, &name, arguments, self.received)
            } else {
                session.program_transaction(position, &name, arguments, self.received)
            };
            match recorded {
                Err(stop) => return Poll::Ready(Err(stop)),
                Ok(Some(result)) => return Poll::Ready(self.returned(&result)),
                Ok(None) => {}
            }
        }
        let polled = if called { session.poll_call(position) } else { session.poll_transaction(position) };
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(stop)) => Poll::Ready(Err(stop)),
            Poll::Ready(Ok(result)) => Poll::Ready(self.returned(&result)),
        }
    }

    fn returned(&mut self, result: &str) -> Result<(), Stop> {
        self.asked = false;
        self.value = mix(self.value, result.parse().expect("a number"));
        Ok(())
    }
}
