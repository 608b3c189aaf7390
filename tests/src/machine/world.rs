//! The world around a session: services that do the same in every run, and a log of what they did.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accompanist::{Position, RoleId};
use chor::hir::{Hir, Ty, TypeDefKind};
use chor::interpret::{Called, Participant, Services, Value};

use super::Wire;
use super::outside::Books;
use crate::random::Random;

/// For how long a call to the outside may be on its way.
pub const LATE_MILLIS_MAX: usize = 5_000;

/// What a service did.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// It ran an operation: `Service.operation`, its arguments, and its result or the reason for which it aborted.
    Did(String, Vec<Value>, Result<Value, String>),
    /// It undid one.
    Undid(String, Vec<Value>, Value),
}

/// The services of all roles of a session. What an operation gives is a function of the seed, the participant and the arguments.
#[derive(Debug, Default)]
pub struct World {
    seed: u64,
    is_punctual: bool,
    /// Where roles pause; a node polls a program only when there is something new for it, and so nowhere.
    random: Option<Mutex<Random>>,
    books: Arc<Books>,
    /// Where calls to the outside may be late, which of them are.
    lateness: Option<Mutex<Random>>,
    /// The messages by sender, position and receiver. A role that is run again sends them again.
    sent: Mutex<BTreeMap<(RoleId, Position, RoleId), u64>>,
    /// Those that were received, or came too late.
    received: Mutex<BTreeSet<(RoleId, Position, RoleId)>>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// The world of a seed. `schedule` says where roles pause; where it is punctual, every message comes in time.
    pub fn new(seed: u64, schedule: u64, is_punctual: bool) -> Self {
        Self { seed, is_punctual, random: Some(Mutex::new(Random::new(schedule))), ..Self::default() }
    }

    /// The same, whose roles pause nowhere.
    pub fn without_pauses(self) -> Self {
        Self { random: None, ..self }
    }

    /// The same, where calls to the outside may arrive when nobody waits for them any more.
    pub fn with_late_calls(self, schedule: u64) -> Self {
        Self { lateness: Some(Mutex::new(Random::new(schedule))), ..self }
    }

    /// What services write down.
    pub fn books(&self) -> &Arc<Books> {
        &self.books
    }

    /// For how many milliseconds a call to the outside is on its way: at most [`LATE_MILLIS_MAX`].
    pub(super) fn lateness_millis(&self) -> Option<u64> {
        let mut random = lock(self.lateness.as_ref()?);
        let millis = u64::try_from(random.below(LATE_MILLIS_MAX)).unwrap_or(0);
        random.percent(30).then_some(millis)
    }

    /// How often a role lets the others go on, here.
    pub fn pauses(&self) -> usize {
        let Some(random) = &self.random else { return 0 };
        let mut random = lock(random);
        if random.percent(40) { random.below(3) } else { 0 }
    }

    /// What was done, by each participant in order.
    pub fn log(&self) -> BTreeMap<Participant, Vec<Entry>> {
        self.books.log()
    }

    /// Writes down what was done.
    pub fn record(&self, participant: Participant, entry: Entry) {
        self.books.record(participant, entry);
    }

    /// Notes a message, which may have been sent before.
    pub(super) fn sent(&self, from: RoleId, position: Position, to: RoleId, value: &Wire) {
        let mut hasher = DefaultHasher::new();
        value.0.json().hash(&mut hasher);
        let digest = hasher.finish();
        if lock(&self.sent).insert((from, position, to), digest).is_some_and(|before| before != digest) {
            let what = format!("{from:?} sends {} to {to:?}, where it sent something else before", value.0.json());
            self.books.contradict(what);
        }
    }

    /// Notes that a message is received, or that nobody waits for it any more.
    pub(super) fn received(&self, from: RoleId, position: Position, by: RoleId) {
        lock(&self.received).insert((from, position, by));
    }

    /// A message that nobody received, where there is one.
    pub fn lost(&self, may_be_without: impl Fn(RoleId) -> bool) -> Option<String> {
        let (sent, received) = (lock(&self.sent), lock(&self.received));
        let lost = sent.keys().find(|message| !received.contains(message) && !may_be_without(message.2));
        lost.map(|(from, _, to)| format!("a message from {from:?} to {to:?} is never received"))
    }

    /// How many messages were sent, each counted once; or of which one, that was sent again, another was made.
    pub fn messages(&self) -> Result<u64, String> {
        match self.books.contradiction() {
            Some(what) => Err(what),
            None => Ok(lock(&self.sent).len() as u64),
        }
    }

    /// What an operation gives.
    pub fn result(&self, hir: &Hir, called: &Called<'_>) -> Result<Value, String> {
        let mut hasher = DefaultHasher::new();
        let arguments: Vec<String> = called.arguments.iter().map(Value::json).collect();
        (self.seed, called.participant.0, called.operation, arguments).hash(&mut hasher);
        let mut random = Random::new(hasher.finish());
        // The generator says by its name which operation may abort.
        if called.operation.starts_with("risky") && random.percent(35) {
            return Err(format!("{} of {} says no", called.operation, called.participant.0));
        }
        Ok(any_value(hir, called.result, &mut random))
    }

    /// What a function of Rust's gives.
    pub fn function(&self, hir: &Hir, name: &str, arguments: &[Value], result: &Ty) -> Value {
        if let Some(value) = crate::foreign::call(name, arguments) {
            return value;
        }
        let mut hasher = DefaultHasher::new();
        let arguments: Vec<String> = arguments.iter().map(Value::json).collect();
        (self.seed, name, arguments).hash(&mut hasher);
        any_value(hir, result, &mut Random::new(hasher.finish()))
    }

    /// Whether a message comes in time.
    pub fn in_time(&self, receiver: Participant, millis: u64) -> bool {
        let mut hasher = DefaultHasher::new();
        (self.seed, receiver.0, millis).hash(&mut hasher);
        self.is_punctual || Random::new(hasher.finish()).percent(60)
    }
}

/// The world as the interpreter sees it, which keeps a log of its own.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The world.
    pub world: &'a World,
    /// The program.
    pub hir: &'a Hir,
}

impl Services for Asked<'_> {
    fn operation(&mut self, called: Called<'_>) -> Result<Value, String> {
        self.world.result(self.hir, &called)
    }

    fn function(&mut self, name: &str, arguments: &[Value], result: &Ty) -> Value {
        self.world.function(self.hir, name, arguments, result)
    }

    fn in_time(&mut self, receiver: Participant, millis: u64) -> bool {
        self.world.in_time(receiver, millis)
    }
}

/// Some value of a type; small numbers, so that programs compute with them without end.
pub fn any_value(hir: &Hir, ty: &Ty, random: &mut Random) -> Value {
    match ty {
        Ty::Bool => Value::Bool(random.percent(50)),
        Ty::Int(int) => Value::Int(i128::try_from(random.below(10)).unwrap_or(0), *int),
        Ty::Float(float) => Value::Float([0.0, 0.5, 1.5, 2.0][random.below(4)], *float),
        Ty::Char => Value::Char(['a', 'b', 'Z', '7'][random.below(4)]),
        Ty::Str => Value::text(["", "a", "bee", "Sea d"][random.below(4)]),
        Ty::Tuple(items) => Value::Tuple(items.iter().map(|item| any_value(hir, item, random)).collect()),
        Ty::Option(item) => Value::option(random.percent(60).then(|| any_value(hir, item, random))),
        Ty::Vec(item) => {
            let count = random.below(4);
            Value::Vec((0..count).map(|_| any_value(hir, item, random)).collect())
        }
        Ty::Named(id) => {
            let mut fields = |fields: &[chor::hir::Field]| {
                fields.iter().map(|field| (field.name.name.clone(), any_value(hir, &field.ty, random))).collect()
            };
            match &hir.type_def(*id).kind {
                TypeDefKind::Extern(_, declared) | TypeDefKind::Struct(declared) => Value::Struct(fields(declared)),
                TypeDefKind::Enum(variants) => {
                    let index = random.below(variants.len());
                    let Some(variant) = variants.get(index) else { return Value::UNIT };
                    let declared = variant.fields.iter();
                    let fields =
                        declared.map(|field| (field.name.name.clone(), any_value(hir, &field.ty, random))).collect();
                    let (name, shape) = (variant.name.name.clone(), variant.shape);
                    Value::Variant { index: u32::try_from(index).unwrap_or(0), name, shape, fields }
                }
            }
        }
        Ty::Result(item, error) => Value::Result(match random.percent(60) {
            true => Ok(Box::new(any_value(hir, item, random))),
            false => Err(Box::new(any_value(hir, error, random))),
        }),
        Ty::Map(key, value) => {
            let count = random.below(3);
            let mut entries: Vec<(Value, Value)> = Vec::new();
            for _ in 0..count {
                let key = any_value(hir, key, random);
                if entries.iter().all(|(known, _)| *known != key) {
                    entries.push((key, any_value(hir, value, random)));
                }
            }
            entries.sort_by_key(|(key, _)| key.json());
            Value::Map(entries)
        }
        Ty::Param(..) | Ty::Never | Ty::Var(_) | Ty::Error => Value::UNIT,
    }
}
