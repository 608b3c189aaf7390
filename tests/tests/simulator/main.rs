//! Varied choreographies in the simulator: generated code and services on nodes that crash, a network and disks that fail.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

mod book;

use std::ops::Range;

use accompanist::sim::{self, Fault, Faults, Report, Sim, SimNode};
use accompanist::store::Memory;
use accompanist::{Choreography, Error};
use accompanist_tests::generated::simulated::{
    Crew, Fork, Looks, Order, Rounds, Timed, Tries, crew, fork, looks, order, rounds, timed, tries,
};

use self::book::{Keeper, agree};

/// Sessions of one run.
const SESSIONS: u64 = 12;

/// The three nodes, each with every role that it may play.
fn nodes(sim: &Sim) -> Vec<SimNode<Memory>> {
    let shop = Keeper::new(sim, "shop");
    let shop = sim.node("shop", sim::memory(), move |node| {
        node.role(order::Shop::new(shop.clone()))
            .role(fork::Shop::new(shop.clone()))
            .role(rounds::Shop::new(shop.clone()))
            .role(looks::Shop::new(shop.clone()))
            .role(tries::Shop::new(shop.clone()))
            .role(timed::Shop::new(shop.clone()))
            .role(crew::Shop::new(shop.clone()))
            .role(crew::Hand::new(shop.clone()))
    });
    let bank = Keeper::new(sim, "bank");
    let bank = sim.node("bank", sim::memory(), move |node| {
        node.role(order::Bank::new(bank.clone()))
            .role(fork::Bank::new(bank.clone()))
            .role(rounds::Bank::new(bank.clone()))
            .role(looks::Bank::new(bank.clone()))
            .role(tries::Bank::new(bank.clone()))
            .role(timed::Bank::new(bank.clone()))
            .role(crew::Hand::new(bank.clone()))
    });
    let club = Keeper::new(sim, "club");
    let club = sim.node("club", sim::memory(), move |node| {
        node.role(order::Club::new(club.clone()))
            .role(fork::Club::new(club.clone()))
            .role(looks::Club::new(club.clone()))
            .role(tries::Club::new(club.clone()))
            .role(crew::Hand::new(club.clone()))
    });
    vec![shop, bank, club]
}

/// Starts a session after a while, and waits for its end.
async fn one<A: Choreography + Sync>(sim: Sim, shop: SimNode<Memory>, arguments: A, id: String) {
    tokio::time::sleep(std::time::Duration::from_millis(sim.random(0..3_000))).await;
    let start = shop.start(arguments).id(id).members("Hand", ["bank", "club", "shop", "bank"]);
    settled(start.settled().await);
}

async fn without_members<A: Choreography + Sync>(sim: Sim, shop: SimNode<Memory>, arguments: A, id: String) {
    tokio::time::sleep(std::time::Duration::from_millis(sim.random(0..3_000))).await;
    settled(shop.start(arguments).id(id).settled().await);
}

fn settled<T>(result: Result<T, Error>) {
    if let Err(error) = result {
        assert!(error.is_aborted(), "{error}");
    }
}

/// Many sessions of all choreographies at once.
async fn a_day_at_the_shop(sim: Sim) {
    let nodes = nodes(&sim);
    let mut sessions = tokio::task::JoinSet::new();
    for number in 0..SESSIONS {
        let (id, line) = (number.to_string(), format!("{number} {}", sim.random(0..1_000)));
        let (own, shop) = (sim.clone(), nodes[0].clone());
        match sim.random(0..7) {
            0 => sessions.spawn(without_members(own, shop, Order { line }, id)),
            1 => sessions.spawn(without_members(own, shop, Fork { line }, id)),
            2 => sessions.spawn(without_members(own, shop, Rounds { line, rounds: number % 4 }, id)),
            3 => sessions.spawn(without_members(own, shop, Looks { line }, id)),
            4 => sessions.spawn(without_members(own, shop, Tries { line }, id)),
            5 => sessions.spawn(without_members(own, shop, Timed { line }, id)),
            _ => sessions.spawn(one(own, shop, Crew { line }, id)),
        };
    }
    while let Some(ended) = sessions.join_next().await {
        ended.unwrap();
    }
    sim.quiet().await;
    agree(&sim, &nodes);
}

fn days(seeds: Range<u64>, faults: Faults) -> Report {
    let report = sim::seeds(seeds).faults(faults).run(a_day_at_the_shop);
    println!("{report}");
    report
}

#[test]
fn sessions_survive_anything() {
    let report = days(0..100, Faults::all());
    for fault in Fault::ALL {
        assert!(report.count(fault) > 0, "{fault:?} never happens: {report}");
    }
    assert!(report.aborted > 0 && report.aborted < report.sessions, "{report}");
}

#[test]
fn without_faults_nothing_is_out_of_the_ordinary() {
    let report = days(0..10, Faults::none());
    assert!(Fault::ALL.iter().all(|fault| report.count(*fault) == 0), "{report}");
}

#[test]
fn the_same_seed_is_the_same_run() {
    let reports = [0, 1].map(|_| days(1_000..1_010, Faults::all()));
    assert_eq!(reports[0], reports[1]);
    assert_ne!(reports[0].digest, days(1_010..1_020, Faults::all()).digest);
}
