//! What is outside of every role's database, as a provider that keeps its contract: a call takes effect once for its key, and not at all once it is compensated.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use accompanist::IdempotencyKey;
use chor::interpret::{Participant, Value};

use super::world::{Entry, lock};

/// What has become of a key.
#[derive(Clone, Debug)]
enum Known {
    /// The call has taken effect: who called, and what it did.
    Done(Participant, Entry),
    /// It is compensated, whether or not it had taken effect; it never will any more.
    Over,
}

/// What is done, by whom, and as the how manieth thing in the world.
pub type Kept = (u64, Participant, Entry);

/// Everything that services write down, inside of databases and outside.
#[derive(Debug, Default)]
pub struct Books {
    /// How many things were done.
    clock: AtomicU64,
    log: Mutex<BTreeMap<Participant, Vec<Entry>>>,
    known: Mutex<BTreeMap<IdempotencyKey, Known>>,
    /// The effects outside, in order.
    outside: Mutex<Vec<Kept>>,
    /// What a runtime must never do.
    contradictions: Mutex<Vec<String>>,
}

impl Books {
    /// The number of what is done next.
    pub fn next(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// What was done, by each participant in order, whether or not it was committed.
    pub fn log(&self) -> BTreeMap<Participant, Vec<Entry>> {
        lock(&self.log).clone()
    }

    /// The effects outside, in order.
    pub fn outside(&self) -> Vec<Kept> {
        lock(&self.outside).clone()
    }

    /// The first contradiction.
    pub fn contradiction(&self) -> Option<String> {
        lock(&self.contradictions).first().cloned()
    }

    /// Notes what should never happen.
    pub fn contradict(&self, what: String) {
        lock(&self.contradictions).push(what);
    }

    /// Writes down what was done.
    pub fn record(&self, participant: Participant, entry: Entry) {
        lock(&self.log).entry(participant).or_default().push(entry);
    }

    fn take_effect(&self, participant: Participant, entry: Entry) {
        lock(&self.outside).push((self.next(), participant, entry.clone()));
        self.record(participant, entry);
    }

    /// Calls an operation outside. Whether it is done, now or before; it is not where it is compensated.
    pub fn call(&self, key: IdempotencyKey, participant: Participant, entry: Entry) -> bool {
        let mut known = lock(&self.known);
        match known.get(&key) {
            Some(Known::Over) => false,
            Some(Known::Done(..)) => true,
            None => {
                known.insert(key, Known::Done(participant, entry.clone()));
                self.take_effect(participant, entry);
                true
            }
        }
    }

    /// Compensates a call; `told` is what the runtime says of its result.
    pub fn undo(&self, key: IdempotencyKey, told: Option<&Value>) {
        let before = lock(&self.known).insert(key, Known::Over);
        match before {
            Some(Known::Done(participant, Entry::Did(name, arguments, Ok(result)))) => {
                if told.is_some_and(|told| *told != result) {
                    self.contradict(format!("`{name}` gave {result:?}, and its compensation is told {told:?}"));
                }
                self.take_effect(participant, Entry::Undid(name, arguments, result));
            }
            Some(Known::Done(..)) => self.contradict("what was refused took effect".to_owned()),
            Some(Known::Over) => {}
            None if told.is_some() => self.contradict(format!("a call that never arrived gave {told:?}")),
            None => {}
        }
    }
}
