//! Faults that a test orders, one after the other.

use std::time::Duration;

use accompanist::sim::{self, Faults};
use accompanist_tests::generated::simulated::Order;
use tokio::time::{Instant, sleep, timeout};

use super::{bank, club, shop};

/// An order that nobody refuses.
fn order() -> Order {
    Order { line: "tea".to_owned() }
}

const A_WHILE: Duration = Duration::from_secs(300);

#[test]
fn a_session_waits_for_whoever_cannot_be_reached_and_goes_on_then() {
    let waits = |stop: fn(&sim::Sim, &[&sim::SimNode<accompanist::store::Memory>; 2]),
                 go: fn(&sim::Sim, &[&sim::SimNode<accompanist::store::Memory>; 2])| {
        sim::seeds(0..5).faults(Faults::none()).run(|sim| async move {
            let (shop, bank) = (shop(&sim, sim::memory()), bank(&sim, sim::memory()));
            club(&sim, sim::memory());
            sleep(Duration::from_secs(1)).await;
            stop(&sim, &[&shop, &bank]);
            shop.start(order()).id("1").accepted().await.unwrap();
            let waiting = timeout(A_WHILE, shop.start(order()).id("1").settled()).await;
            assert!(waiting.is_err(), "it has settled without the bank");
            go(&sim, &[&shop, &bank]);
            let before = Instant::now();
            shop.start(order()).id("1").settled().await.unwrap();
            assert!(before.elapsed() < A_WHILE, "it has taken {:?}", before.elapsed());
        })
    };
    waits(|sim, _| sim.partition(&["shop", "club"], &["bank"]), |sim, _| sim.heal());
    waits(|sim, _| sim.cut(&["bank"], &["club"]), |sim, _| sim.heal());
    waits(|_, [_, bank]| bank.pause(), |_, [_, bank]| bank.resume());
    waits(
        |_, [_, bank]| bank.crash(),
        |sim, [_, bank]| {
            let (sim, bank) = (sim.clone(), (*bank).clone());
            tokio::spawn(async move {
                sleep(Duration::from_millis(sim.random(0..1_000))).await;
                bank.restart().await;
            });
        },
    );
    waits(|_, [_, bank]| bank.fill_disk(2 * A_WHILE), |_, [_, bank]| bank.fill_disk(Duration::ZERO));
}

#[test]
fn an_initiator_that_crashes_goes_on_with_what_it_accepted() {
    sim::seeds(0..20).faults(Faults::none()).run(|sim| async move {
        let shop = shop(&sim, sim::memory());
        bank(&sim, sim::memory());
        club(&sim, sim::memory());
        shop.start(order()).id("1").accepted().await.unwrap();
        shop.crash();
        assert!(!shop.is_up());
        sleep(A_WHILE).await;
        shop.restart().await;
        shop.start(order()).id("1").settled().await.unwrap();
        assert_eq!(sim.history().len(), 1);
    });
}
