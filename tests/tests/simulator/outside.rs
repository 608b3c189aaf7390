//! What is done outside of the roles' databases, by a provider whose answers are late or lost, and whose requests arrive after whoever made them has
//! crashed, or has undone them.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accompanist::sim::{self, Failed, Faults, Report, Sim, SimNode};
use accompanist::store::{Memory, MemoryTx};
use accompanist::{BoxError, Failure, IdempotencyKey, Retry};
use accompanist_tests::generated::simulated::{Sale, Till, sale};

use super::pause;

/// How long a request may be on its way, in milliseconds.
const LATE_MILLIS: u64 = 60_000;

/// What the provider remembers of a key.
#[derive(Clone, Debug, Default)]
struct Charge {
    /// Who was charged for what.
    of: (&'static str, String),
    taken: bool,
    refunded: bool,
}

/// Whoever takes the money.
#[derive(Clone, Debug, Default)]
struct Provider {
    charges: Arc<Mutex<BTreeMap<IdempotencyKey, Charge>>>,
    /// It forgets the keys of what it has refunded.
    forgets: bool,
}

impl Provider {
    fn charges(&self) -> MutexGuard<'_, BTreeMap<IdempotencyKey, Charge>> {
        self.charges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, key: IdempotencyKey, of: (&'static str, String)) {
        let mut charges = self.charges();
        let charge = charges.entry(key).or_insert_with(|| Charge { of, ..Charge::default() });
        charge.taken |= !charge.refunded || self.forgets;
        charge.refunded &= !self.forgets;
    }

    fn refund(&self, key: IdempotencyKey) {
        self.charges().entry(key).or_default().refunded = true;
    }

    /// What is taken and not refunded, by who was charged for what.
    fn standing(&self) -> BTreeMap<(String, String), u64> {
        let mut standing = BTreeMap::new();
        for charge in self.charges().values().filter(|charge| charge.taken && !charge.refunded) {
            *standing.entry((charge.of.0.to_owned(), charge.of.1.clone())).or_default() += 1;
        }
        standing
    }
}

#[derive(Clone, Debug)]
struct Cashier {
    sim: Sim,
    name: &'static str,
    provider: Provider,
}

impl Cashier {
    fn refuses(&self, line: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        (self.name, line).hash(&mut hasher);
        hasher.finish().is_multiple_of(7)
    }
}

impl Till<Memory> for Cashier {
    async fn ring(&self, tx: &mut MemoryTx, line: &String) -> Result<u64, Failure> {
        let lines: &mut BTreeMap<String, u64> = tx.data();
        let count = lines.entry(line.clone()).or_default();
        *count += 1;
        Ok(*count)
    }

    async fn void(&self, tx: &mut MemoryTx, line: &String, _count: &u64) -> Result<(), BoxError> {
        let lines: &mut BTreeMap<String, u64> = tx.data();
        *lines.get_mut(line).ok_or("there is no such line")? -= 1;
        Ok(())
    }

    async fn charge(&self, key: &IdempotencyKey, line: &String) -> Result<u64, Failure> {
        if self.refuses(line) {
            return Err(Failure::abort(format!("{} is not charged for {line}", self.name)));
        }
        let (provider, key, of) = (self.provider.clone(), *key, (self.name, line.clone()));
        let longest = if self.sim.random(0..4) == 0 { LATE_MILLIS } else { 2_000 };
        let millis = self.sim.random(0..longest);
        // The request goes its way whatever becomes of whoever made it.
        let arrives = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            provider.take(key, of);
        });
        arrives.await?;
        match self.sim.random(0..10) {
            0 => Err(std::io::Error::other("the answer is lost").into()),
            _ => Ok(1),
        }
    }

    async fn refund(&self, key: &IdempotencyKey, _line: &String, taken: Option<&u64>) -> Result<(), BoxError> {
        assert!(taken.is_none_or(|taken| *taken == 1));
        tokio::time::sleep(Duration::from_millis(self.sim.random(0..2_000))).await;
        if self.sim.random(0..5) == 0 {
            return Err("nobody answers".into());
        }
        self.provider.refund(*key);
        Ok(())
    }
}

async fn a_day(sim: Sim, provider: Provider) {
    let node = |name: &'static str| {
        let cashier = Cashier { sim: sim.clone(), name, provider: provider.clone() };
        sim.node(name, sim::memory(), move |node| {
            let retry = Retry::new().time_limit(Duration::from_secs(3)).attempts(3);
            let node = node.retry("Till.charge", retry);
            node.role(sale::Shop::new(cashier.clone())).role(sale::Bank::new(cashier.clone()))
        })
    };
    let (shop, _bank) = (node("shop"), node("bank"));
    let mut sales = tokio::task::JoinSet::new();
    for number in 0..8_u32 {
        sales.spawn(one(sim.clone(), shop.clone(), number));
    }
    while let Some(ended) = sales.join_next().await {
        ended.unwrap();
    }
    sim.quiet().await;
    tokio::time::sleep(Duration::from_millis(LATE_MILLIS)).await;
    let mut expected = BTreeMap::new();
    for part in sim.history().into_iter().flat_map(|session| session.parts) {
        for done in part.transactions.into_iter().filter(|done| !done.undone && done.operation == "Till.charge") {
            let (line,): (String,) = serde_json::from_str(&done.arguments).unwrap();
            *expected.entry((part.node.clone(), line)).or_default() += 1;
        }
    }
    assert_eq!(provider.standing(), expected, "what is taken is what stands");
}

async fn one(sim: Sim, shop: SimNode<Memory>, number: u32) {
    pause(&sim, 3_000).await;
    let line = format!("{number} {}", sim.random(0..1_000));
    let start = shop.start(Sale { line }).id(number.to_string());
    let start = if sim.random(0..3) == 0 { start.within(Duration::from_secs(20)) } else { start };
    super::settled(start.settled().await);
}

fn days(seeds: std::ops::Range<u64>, forgets: bool) -> Result<Report, Failed> {
    sim::seeds(seeds).faults(Faults::all()).check(move |sim| {
        let provider = Provider { forgets, ..Provider::default() };
        a_day(sim, provider)
    })
}

#[test]
fn what_is_done_outside_stands_or_falls_with_its_session() {
    let report = days(7_000..7_100, false).unwrap_or_else(|failed| panic!("{failed}"));
    println!("{report}");
    assert!(report.aborted > 50 && report.aborted < report.sessions - 50, "{report}");
}

#[test]
fn a_provider_that_forgets_what_it_refunded_is_found_out() {
    let failed = days(7_000..7_100, true).expect_err("a late request takes the money again");
    assert!(failed.to_string().contains("what is taken is what stands"), "{failed}");
}
