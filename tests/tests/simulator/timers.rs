//! Timers and deadlines in the simulator: by a clock that jumps, over crashes, and many of them.

use std::sync::mpsc;
use std::time::Duration;

use accompanist::sim::{self, Faults, Sim, SimNode};
use accompanist::store::Memory;
use accompanist::{Limits, NodeBuilder};
use accompanist_tests::generated::simulated::{Doze, Rest, Timed, rest};
use tokio::time::{Instant, sleep};

use super::book::{Keeper, agree, book};
use super::{bank, settled, shop};

const HOUR_MILLIS: i64 = 3_600_000;
const HOUR: Duration = Duration::from_secs(3_600);
/// More than messages and commits take where nothing goes wrong.
const A_MOMENT: Duration = Duration::from_secs(10);

fn tea() -> Doze {
    Doze { line: "tea".to_owned() }
}

/// A session in which the bank sleeps for ten hours.
async fn dozing(sim: &Sim) -> [SimNode<Memory>; 2] {
    let nodes = [shop(sim, sim::memory()), bank(sim, sim::memory())];
    nodes[0].start(tea()).id("1").accepted().await.unwrap();
    sleep(A_MOMENT).await;
    nodes
}

/// How long it takes from `before` until the session has ended.
async fn ended(nodes: &[SimNode<Memory>; 2], before: Instant) -> Duration {
    settled(nodes[0].start(tea()).id("1").settled().await);
    before.elapsed()
}

/// Whether `time` is `expected`, but for what messages and commits take, and how long clients pause.
fn is_about(time: Duration, expected: Duration) -> bool {
    expected.saturating_sub(A_MOMENT) < time && time < expected + 2 * A_MOMENT
}

#[test]
fn t1_a_timer_fires_once_over_restarts() {
    sim::seeds(0..20).faults(Faults::none()).run(|sim| async move {
        let before = Instant::now();
        let nodes = dozing(&sim).await;
        for _ in 0..8 {
            sleep(Duration::from_millis(sim.random(0..3_000_000))).await;
            let [shop, bank] = &nodes;
            let down = [bank.clone(), shop.clone()][sim.random(0..2) as usize].clone();
            down.crash();
            sleep(Duration::from_millis(sim.random(0..600_000))).await;
            down.restart().await;
        }
        let time = ended(&nodes, before).await;
        assert!(is_about(time, 10 * HOUR), "{time:?}");
        sim.quiet().await;
        agree(&sim, nodes.iter().map(book).collect());
    });
}

#[test]
fn t2_a_deadline_that_races_with_a_reply_is_decided_once() {
    let (sender, outcomes) = mpsc::channel();
    sim::seeds(0..60).faults(Faults::all()).run(|sim| {
        let sender = sender.clone();
        async move {
            let (shop, bank) = (shop(&sim, sim::memory()), bank(&sim, sim::memory()));
            for number in 0..4 {
                // The reply takes up to two seconds, and is waited for one.
                let line = format!("{number} {}", sim.random(0..1_000));
                settled(shop.start(Timed { line }).id(number.to_string()).settled().await);
            }
            sim.quiet().await;
            // What came of a wait is one of the two, at every run of the program: a line of the other would be one too many.
            let lines = book(&bank).1;
            let count = |operation: &str| lines.keys().filter(|line| line.starts_with(operation)).count();
            let (entered, noted) = (count("enter"), count("note"));
            assert!(entered + noted <= 4, "{entered} in time and {noted} late, of 4");
            sender.send((entered, noted)).unwrap();
            agree(&sim, vec![book(&shop), book(&bank)]);
        }
    });
    let sum = |(entered, noted): (usize, usize), (more, late): (usize, usize)| (entered + more, noted + late);
    let (in_time, late) = outcomes.try_iter().fold((0, 0), sum);
    assert!(in_time > 10 && late > 10, "{in_time} in time, {late} late");
}

#[test]
fn t3_the_clock_jumps_both_ways() {
    // While the node runs, nothing comes of it, whichever way it jumps and however far.
    for hours in [-24 * 365, -3, 3, 24 * 365] {
        sim::seeds(0..3).faults(Faults::none()).run(|sim| async move {
            let before = Instant::now();
            let nodes = dozing(&sim).await;
            nodes[1].turn_clock(hours * HOUR_MILLIS);
            let time = ended(&nodes, before).await;
            assert!(is_about(time, 10 * HOUR), "{hours}: {time:?}");
        });
    }
    // While it is down for an hour, of the nine that are left: forward, it ends earlier by as much as the clock jumped; back, it is longer by as much,
    // and by no more than the whole.
    for (hours, expected) in [(3, 7), (9, 2), (24 * 365, 2), (-1, 11), (-2, 12), (-24 * 365, 12)] {
        sim::seeds(0..3).faults(Faults::none()).run(|sim| async move {
            let before = Instant::now();
            let nodes = dozing(&sim).await;
            sleep(HOUR - A_MOMENT).await;
            nodes[1].crash();
            nodes[1].turn_clock(hours * HOUR_MILLIS);
            sleep(HOUR).await;
            nodes[1].restart().await;
            let time = ended(&nodes, before).await;
            assert!(is_about(time, expected * HOUR), "{hours}: {time:?}");
            sim.quiet().await;
            agree(&sim, nodes.iter().map(book).collect());
        });
    }
}

#[test]
fn a_timer_that_is_over_stays_over_whatever_becomes_of_the_clock() {
    sim::seeds(0..3).faults(Faults::none()).run(|sim| async move {
        let before = Instant::now();
        let nodes = dozing(&sim).await;
        // Without the shop the session cannot end.
        nodes[0].crash();
        sleep(11 * HOUR).await;
        nodes[1].turn_clock(-20 * HOUR_MILLIS);
        nodes[1].crash();
        nodes[1].restart().await;
        nodes[0].restart().await;
        let time = ended(&nodes, before).await;
        assert!(is_about(time, 11 * HOUR), "{time:?}");
    });
}

/// How many sessions sleep at once; `ACCOMPANIST_SLEEPERS=100000` has more.
fn sleepers() -> u64 {
    std::env::var("ACCOMPANIST_SLEEPERS").map_or(1_000, |count| count.parse().expect("a number of sessions"))
}

/// What the process has in memory, in bytes; zero where nobody says.
fn memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
}

#[test]
fn sessions_that_sleep_cost_memory_and_nothing_else() {
    sim::seeds(0..1).faults(Faults::none()).run(|sim| async move {
        let keeper = Keeper::new(&sim, "shop");
        // They are in flight, all of them.
        let limits = Limits { sessions_started_max: usize::MAX, ..Limits::default() };
        let roles = move |node: NodeBuilder<Memory>| node.limits(limits).role(rest::Shop::new(keeper.clone()));
        let shop = sim.node("shop", sim::memory(), roles);
        sleep(A_MOMENT).await;
        let tasks = tokio::runtime::Handle::current().metrics();
        let (tasks_before, memory_before) = (tasks.num_alive_tasks(), memory_bytes());
        for number in 0..sleepers() {
            shop.start(Rest { line: number.to_string() }).id(number.to_string()).accepted().await.unwrap();
        }
        sleep(HOUR).await;
        assert_eq!(tasks.num_alive_tasks(), tasks_before, "no session has a task");
        let bytes = memory_bytes().saturating_sub(memory_before) / sleepers();
        println!("{} sessions sleep, with {bytes} bytes each", sleepers());
        sleep(30 * HOUR).await;
        sim.quiet().await;
        assert_eq!(sim.history().len() as u64, sleepers());
        agree(&sim, vec![book(&shop)]);
    });
}
