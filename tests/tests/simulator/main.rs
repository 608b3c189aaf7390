//! Varied choreographies in the simulator: generated code and services on nodes that crash, a network and disks that fail.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

mod absent;
mod bites;
mod book;
mod outside;
mod readme;
mod schedule;
mod timers;

use std::ops::Range;
use std::sync::mpsc;
use std::time::Duration;

use accompanist::sim::{self, Fault, Faults, Report, Sim, SimNode, Storage};
use accompanist::{Cancelled, Choreography, Error};
use accompanist_tests::generated::simulated::{
    Book, Crew, Errand, Fork, Gift, Looks, Meal, Naps, Order, Relay, Rounds, Timed, Tries, crew, doze, errand, fork,
    gift, looks, meal, naps, order, relay, rest, rounds, timed, tries,
};

use self::book::{Keeper, SCHEMA, Shelf, agree, book};

/// Sessions of one run.
const SESSIONS: u64 = 12;

/// The nodes of a crew's hands.
const HANDS: [&str; 4] = ["bank", "club", "shop", "bank"];

fn shop<S: Shelf>(sim: &Sim, storage: Storage<S>) -> SimNode<S>
where
    Keeper: Book<S>,
{
    let keeper = Keeper::new(sim, "shop");
    sim.node("shop", storage, move |node| {
        node.allow("Hand", HANDS)
            .role(order::Shop::new(keeper.clone()))
            .role(fork::Shop::new(keeper.clone()))
            .role(rounds::Shop::new(keeper.clone()))
            .role(looks::Shop::new(keeper.clone()))
            .role(tries::Shop::new(keeper.clone()))
            .role(timed::Shop::new(keeper.clone()))
            .role(naps::Shop::new(keeper.clone()))
            .role(doze::Shop::new(keeper.clone()))
            .role(rest::Shop::new(keeper.clone()))
            .role(meal::Shop::new(keeper.clone()))
            .role(gift::Shop::new(keeper.clone()))
            .role(crew::Shop::new(keeper.clone()))
            .role(errand::Shop::new(keeper.clone()))
            .role(relay::Shop::new(keeper.clone()))
            .role(crew::Hand::new(keeper.clone()))
            .role(errand::Hand::new(keeper.clone()))
            .role(relay::Hand::new(keeper.clone()))
    })
}

fn bank<S: Shelf>(sim: &Sim, storage: Storage<S>) -> SimNode<S>
where
    Keeper: Book<S>,
{
    let keeper = Keeper::new(sim, "bank");
    sim.node("bank", storage, move |node| {
        node.allow("Hand", HANDS)
            .role(order::Bank::new(keeper.clone()))
            .role(fork::Bank::new(keeper.clone()))
            .role(rounds::Bank::new(keeper.clone()))
            .role(looks::Bank::new(keeper.clone()))
            .role(tries::Bank::new(keeper.clone()))
            .role(timed::Bank::new(keeper.clone()))
            .role(naps::Bank::new(keeper.clone()))
            .role(doze::Bank::new(keeper.clone()))
            .role(meal::Bank::new(keeper.clone()))
            .role(gift::Bank::new(keeper.clone()))
            .role(relay::Bank::new(keeper.clone()))
            .role(crew::Hand::new(keeper.clone()))
            .role(errand::Hand::new(keeper.clone()))
            .role(relay::Hand::new(keeper.clone()))
    })
}

fn club<S: Shelf>(sim: &Sim, storage: Storage<S>) -> SimNode<S>
where
    Keeper: Book<S>,
{
    let keeper = Keeper::new(sim, "club");
    sim.node("club", storage, move |node| {
        node.allow("Hand", HANDS)
            .role(order::Club::new(keeper.clone()))
            .role(fork::Club::new(keeper.clone()))
            .role(looks::Club::new(keeper.clone()))
            .role(tries::Club::new(keeper.clone()))
            .role(meal::Club::new(keeper.clone()))
            .role(crew::Hand::new(keeper.clone()))
            .role(errand::Hand::new(keeper.clone()))
            .role(relay::Hand::new(keeper.clone()))
    })
}

/// Starts a session after a while, perhaps with a deadline, and waits for its end, while somebody asks perhaps to end it.
async fn one<A: Choreography + Sync, S: Shelf>(sim: Sim, shop: SimNode<S>, arguments: A, id: String) -> Ended {
    let name = arguments.definition().name;
    pause(&sim, 3_000).await;
    let mut start = shop.start(arguments).id(id.clone());
    if ["Crew", "Errand", "Relay"].contains(&name) {
        start = start.members("Hand", HANDS);
    }
    if sim.random(0..4) == 0 {
        start = start.within(Duration::from_millis(sim.random(0..30_000)));
    }
    let cancels = sim.random(0..4) == 0;
    let cancelled = async {
        if !cancels {
            return None;
        }
        pause(&sim, 15_000).await;
        Some(shop.cancel(name, &id, "changed my mind").await.expect("it is decided"))
    };
    let (ended, cancelled) = tokio::join!(start.settled(), cancelled);
    let reason = ended.err().map(|error| error.reason().unwrap_or_else(|| panic!("{error}")).to_owned());
    match (&cancelled, &reason) {
        (Some(Cancelled::Aborted { reason: told }), Some(reason)) => assert_eq!(told, reason, "there is one reason"),
        (Some(Cancelled::Aborted { .. }), None) | (Some(Cancelled::TooLate), Some(_)) => {
            panic!("{cancelled:?}, and {reason:?}");
        }
        (Some(Cancelled::TooLate), None) | (Some(Cancelled::Unknown) | None, _) => {}
    }
    Ended { reason, cancelled }
}

async fn pause(sim: &Sim, millis: u64) {
    tokio::time::sleep(Duration::from_millis(sim.random(0..millis))).await;
}

/// How a session ended.
struct Ended {
    /// Why it was rolled back.
    reason: Option<String>,
    /// What came of the request to end it.
    cancelled: Option<Cancelled>,
}

fn settled<T>(result: Result<T, Error>) {
    if let Err(error) = result {
        assert!(error.is_aborted(), "{error}");
    }
}

/// Many sessions of all choreographies at once.
async fn sessions<S: Shelf>(sim: &Sim, shop: &SimNode<S>) -> Vec<Ended> {
    let mut sessions = tokio::task::JoinSet::new();
    for number in 0..SESSIONS {
        let (id, line) = (number.to_string(), format!("{number} {}", sim.random(0..1_000)));
        let (own, shop) = (sim.clone(), shop.clone());
        match sim.random(0..11) {
            0 => sessions.spawn(one(own, shop, Order { line }, id)),
            1 => sessions.spawn(one(own, shop, Fork { line }, id)),
            2 => sessions.spawn(one(own, shop, Rounds { line, rounds: number % 4 }, id)),
            3 => sessions.spawn(one(own, shop, Looks { line }, id)),
            4 => sessions.spawn(one(own, shop, Tries { line }, id)),
            5 => sessions.spawn(one(own, shop, Timed { line }, id)),
            6 => sessions.spawn(one(own, shop, Meal { line }, id)),
            7 => sessions.spawn(one(own, shop, Gift { line, mine: number % 2 == 0 }, id)),
            9 if number % 2 == 1 => {
                let relay = Relay { line, first: number % 4, second: number % 7 };
                sessions.spawn(one(own, shop, relay, id))
            }
            9 => {
                let errand = Errand { line, first: number % 4, second: number % 7 };
                sessions.spawn(one(own, shop, errand, id))
            }
            8 => sessions.spawn(one(own, shop, Naps { line, millis: sim.random(0..60_000) }, id)),
            _ => sessions.spawn(one(own, shop, Crew { line }, id)),
        };
    }
    let mut all = Vec::new();
    while let Some(ended) = sessions.join_next().await {
        all.push(ended.unwrap());
    }
    sim.quiet().await;
    all
}

async fn a_day_in_memory(sim: Sim) {
    let (shop, bank, club) = (shop(&sim, sim::memory()), bank(&sim, sim::memory()), club(&sim, sim::memory()));
    sessions(&sim, &shop).await;
    agree(&sim, vec![book(&shop), book(&bank), book(&club)]);
}

/// The books in databases, and one in memory.
async fn a_day_in_sql(sim: Sim) {
    let shop = shop(&sim, sim::sqlite(|database| database.with_schema(SCHEMA)).unwrap());
    let (bank, club) =
        (bank(&sim, sim::sqlite(|database| database.with_schema(SCHEMA)).unwrap()), club(&sim, sim::memory()));
    sessions(&sim, &shop).await;
    agree(&sim, vec![book(&shop), book(&bank), book(&club)]);
}

fn days(seeds: Range<u64>, faults: Faults) -> Report {
    let report = sim::seeds(seeds).faults(faults).run(a_day_in_memory);
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

#[test]
fn sql_is_run_as_in_production() {
    let report = sim::seeds(2_000..2_030).run(a_day_in_sql);
    println!("{report}");
    assert!(report.aborted > 0 && report.count(Fault::CrashBeforeCommit) > 0, "{report}");
}

#[test]
fn seeds_that_nobody_has_run_before() {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let first = u64::try_from(since.as_millis()).unwrap();
    println!("seeds from {first}");
    days(first..first + 10, Faults::all());
}

/// A session was read again before a write that it had left in the queue, and forgotten: the write then made a row that was nobody's.
#[test]
fn a_write_that_is_under_way_when_another_fails_is_waited_for() {
    days(4_016_629..4_016_630, Faults::all());
}

/// A node dropped such a session from memory only at its next start.
#[test]
fn a_last_write_that_is_said_to_have_failed_ends_its_session() {
    let report = days(0..10, Faults::none().with(Fault::HiddenCommit, 0.3));
    assert!(report.count(Fault::HiddenCommit) > 100, "{report}");
}

/// What a client is told of a session, and what one who cancels it is told, agree in each run; and over all of them, everything happens.
#[test]
fn sessions_that_are_cancelled_or_late_have_one_outcome() {
    let (sender, receiver) = mpsc::channel();
    let report = sim::seeds(3_000..3_060).run(|sim| {
        let sender = sender.clone();
        async move {
            let (shop, bank, club) = (shop(&sim, sim::memory()), bank(&sim, sim::memory()), club(&sim, sim::memory()));
            for ended in sessions(&sim, &shop).await {
                sender.send(ended).unwrap();
            }
            agree(&sim, vec![book(&shop), book(&bank), book(&club)]);
        }
    });
    println!("{report}");
    let all: Vec<Ended> = receiver.try_iter().collect();
    let count = |of: &dyn Fn(&Ended) -> bool| all.iter().filter(|ended| of(ended)).count();
    let is_late = |ended: &Ended| ended.reason.as_ref().is_some_and(|reason| reason.starts_with("not decided within"));
    let is_cancelled = |ended: &Ended| ended.reason.as_deref() == Some("changed my mind");
    assert!(count(&is_late) > 20, "few are late");
    assert!(count(&is_cancelled) > 20, "few are cancelled");
    assert!(count(&|ended| ended.cancelled == Some(Cancelled::TooLate)) > 10, "few cancels are too late");
    assert!(count(&|ended| ended.cancelled == Some(Cancelled::Unknown)) > 0, "no cancel comes before its session");
    assert!(count(&|ended| ended.reason.is_none()) > 100, "few are committed");
}
