//! A service that writes lines into a book, refuses some, and fails now and then.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use accompanist::sim::{Sim, SimNode};
use accompanist::store::{Memory, MemoryTx};
use accompanist::{BoxError, Failure};
use accompanist_tests::generated::simulated::Book;

/// One of so many lines is refused by an operation of a node, always the same ones.
const REFUSES_ONE_IN: u64 = 9;

/// How often each line stands in a node's book, by operation and line.
pub type Lines = BTreeMap<String, u64>;

/// Who keeps a node's book.
#[derive(Clone, Debug)]
pub struct Keeper {
    sim: Sim,
    name: &'static str,
}

impl Keeper {
    pub fn new(sim: &Sim, name: &'static str) -> Self {
        Self { sim: sim.clone(), name }
    }

    fn write(&self, lines: &mut Lines, operation: &str, line: &str) -> Result<u64, Failure> {
        if self.sim.random(0..20) == 0 {
            return Err(std::io::Error::other("the pen is dry").into());
        }
        let mut hasher = DefaultHasher::new();
        (self.name, operation, line).hash(&mut hasher);
        if hasher.finish().is_multiple_of(REFUSES_ONE_IN) {
            return Err(Failure::abort(format!("{} does not {operation} {line}", self.name)));
        }
        let count = lines.entry(format!("{operation} {line}")).or_default();
        *count += 1;
        Ok(*count)
    }

    fn erase(&self, lines: &mut Lines, operation: &str, line: &str) -> Result<(), BoxError> {
        if self.sim.random(0..20) == 0 {
            return Err("the rubber is lost".into());
        }
        let key = format!("{operation} {line}");
        let count = lines.get_mut(&key).ok_or("there is no such line")?;
        *count -= 1;
        if *count == 0 {
            lines.remove(&key);
        }
        Ok(())
    }

    fn seen(&self) -> u64 {
        self.sim.random(0..1000)
    }
}

impl Book<Memory> for Keeper {
    async fn enter(&self, tx: &mut MemoryTx, line: &String) -> Result<u64, Failure> {
        self.write(tx.data(), "enter", line)
    }

    async fn strike(&self, tx: &mut MemoryTx, line: &String, _count: &u64) -> Result<(), BoxError> {
        self.erase(tx.data(), "enter", line)
    }

    async fn note(&self, tx: &mut MemoryTx, line: &String) -> Result<u64, Failure> {
        self.write(tx.data(), "note", line)
    }

    async fn erase(&self, tx: &mut MemoryTx, line: &String, _count: &u64) -> Result<(), BoxError> {
        self.erase(tx.data(), "note", line)
    }

    async fn look(&self, _key: &accompanist::IdempotencyKey, _line: &String) -> Result<u64, Failure> {
        tokio::time::sleep(std::time::Duration::from_millis(self.sim.random(0..2_000))).await;
        Ok(self.seen())
    }
}

/// The books hold what was committed and not undone, line by line.
pub fn agree(sim: &Sim, nodes: &[SimNode<Memory>]) {
    let mut expected: BTreeMap<String, Lines> = BTreeMap::new();
    for part in sim.history().iter().flat_map(|session| &session.parts) {
        for done in part.transactions.iter().filter(|done| !done.undone) {
            let operation = done.operation.trim_start_matches("Book.");
            let (line,): (String,) = serde_json::from_str(&done.arguments).expect("it has one argument");
            *expected.entry(part.node.clone()).or_default().entry(format!("{operation} {line}")).or_default() += 1;
        }
    }
    for node in nodes {
        let lines: Lines = node.store().expect("a store in memory opens").data();
        assert_eq!(lines, expected.remove(node.name()).unwrap_or_default(), "the book of {}", node.name());
    }
    assert!(expected.is_empty(), "{expected:?}");
}
