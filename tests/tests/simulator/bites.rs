//! What is wrong is found: mistakes in services, programs that are not deterministic, and stores that do not keep what they promise.

use accompanist::sim::{self, Failed, Fault, Faults, Sim};
use accompanist::store::{Memory, MemoryTx};
use accompanist::{BoxError, Failure};
use accompanist_tests::generated::simulated::Fork;

use super::book::{Keeper, agree, book};
use super::{SESSIONS, bank, club, settled, shop};

/// The failure of one of these runs, which is the same when it is run again.
fn found<F: Future<Output = ()>>(faults: &Faults, test: impl Fn(Sim) -> F) -> Failed {
    let seeds = |range| sim::seeds(range).faults(faults.clone());
    let failed = seeds(0..200).check(&test).expect_err("nothing was found");
    let again = seeds(failed.seed..failed.seed + 1).check(&test).expect_err("it is not found again");
    assert_eq!((&failed.what, &failed.diagram), (&again.what, &again.diagram));
    assert!(failed.diagram.starts_with("sequenceDiagram\n    participant n0 as "), "{}", failed.diagram);
    failed
}

async fn forks(sim: &Sim) {
    let shop = shop(sim, sim::memory());
    let forgetful = Keeper::forgetful(sim, "bank");
    let bank = sim.node("bank", sim::memory(), move |node| {
        node.role(accompanist_tests::generated::simulated::fork::Bank::new(forgetful.clone()))
    });
    let club = club(sim, sim::memory());
    for number in 0..SESSIONS {
        settled(shop.start(Fork { line: number.to_string() }).settled().await);
    }
    sim.quiet().await;
    agree(sim, vec![book(&shop), book(&bank), book(&club)]);
}

#[test]
fn a_compensation_that_undoes_nothing() {
    let failed = found(&Faults::none(), |sim| async move { forks(&sim).await });
    assert!(failed.what.contains("the book of bank"), "{failed}");
}

accompanist::choreo! {
    service Till {
        /// Promises to give the same each time.
        pure fn price(line: String) -> u64;
        transaction pay(cents: u64) compensate repay;
    }

    choreography Sale<Buyer: Till, Seller: Till>(line: String@Buyer) -> u64@Buyer {
        let offer = line ~> Seller;
        let cents = Seller.price(offer);
        Seller.pay(cents);
        let asked = cents ~> Buyer;
        Buyer.pay(asked);
        Buyer ~> Seller;
        Seller.pay(cents);
        Seller ~> Buyer;
        asked
    }
}

struct Whimsical(Sim);

impl Till<Memory> for Whimsical {
    fn price(&self, _line: &String) -> u64 {
        self.0.random(1..100)
    }

    async fn pay(&self, _tx: &mut MemoryTx, _cents: &u64) -> Result<(), Failure> {
        Ok(())
    }

    async fn repay(&self, _tx: &mut MemoryTx, _cents: &u64, _paid: &()) -> Result<(), BoxError> {
        Ok(())
    }
}

#[test]
fn a_program_that_is_not_deterministic() {
    let failed = found(&Faults::none().with(Fault::CrashAfterCommit, 0.2), |sim| async move {
        let own = sim.clone();
        let buyer = sim.node("buyer", sim::memory(), move |node| node.role(sale::Buyer::new(Whimsical(own.clone()))));
        let own = sim.clone();
        sim.node("seller", sim::memory(), move |node| node.role(sale::Seller::new(Whimsical(own.clone()))));
        buyer.start(Sale { line: "tea".to_owned() }).accepted().await.unwrap();
    });
    assert!(failed.what.contains("never settles"), "{failed}");
    assert!(failed.diagram.contains("CRASHES"), "{}", failed.diagram);
    assert!(failed.diagram.contains("Buyer→Seller"), "{}", failed.diagram);
}

#[test]
fn a_disk_that_lies() {
    let failed = found(&Faults::none().with(Fault::LyingDisk, 0.05), |sim| async move {
        let shop = shop(&sim, sim::memory());
        bank(&sim, sim::memory());
        club(&sim, sim::memory());
        for number in 0..SESSIONS {
            settled(shop.start(Fork { line: number.to_string() }).settled().await);
        }
    });
    assert!(failed.diagram.contains("loses it without a word"), "{failed}: {}", failed.diagram);
}
