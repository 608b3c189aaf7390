//! One scope with many members: how long it takes, by their number. The members are at one node, the initiator
//! at another. `cargo bench -p accompanist-benches --bench scope -- 250 500 1000` says how many they are.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops at what it does not expect"
)]

use std::time::{Duration, Instant};

use accompanist::store::{Memory, MemoryTx};
use accompanist::transport::LocalNetwork;
use accompanist::{BoxError, Failure, Node};

accompanist::choreo! {
    service Store { transaction put(x: u64, is_bad: bool) -> u64 compensate take; }

    choreography Fan<A, W[]: Store>(x: u64@A, bad: usize@A) -> u64@A {
        let told = (x, bad) ~> W;
        let mut got: Vec<u64>@A = [];
        saga {
            got = each w in W { w.put(told.0, w.index == told.1) ~> A };
        } else { got = [7]; }
        got.sum()
    }
}

#[derive(Clone)]
struct Rows;

impl Store<Memory> for Rows {
    async fn put(&self, _: &mut MemoryTx, x: &u64, is_bad: &bool) -> Result<u64, Failure> {
        if *is_bad { Err(Failure::abort("one refuses")) } else { Ok(*x) }
    }

    async fn take(&self, _: &mut MemoryTx, _: &u64, _: &bool, _: &u64) -> Result<(), BoxError> {
        Ok(())
    }
}

/// The time that one member of the largest scope takes, against one of the smallest, at most.
const GROWTH_MAX: f64 = 2.0;

/// What 1,000 members take, at most.
const THOUSAND_WITHIN: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let asked: Vec<usize> = std::env::args().skip(1).filter_map(|number| number.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![250, 500, 1_000, 2_000] } else { asked };
    let network = LocalNetwork::new();
    let a = Node::builder("a", Memory::new()).transport(network.transport()).role(fan::A::new());
    let a = a.start().await.unwrap();
    let w = Node::builder("w", Memory::new()).transport(network.transport()).role(fan::W::new(Rows));
    let w = w.start().await.unwrap();
    println!("{:>8} {:>14} {:>14} {:>12} {:>8}", "members", "all complete", "one refuses", "frames", "dropped");
    let mut of_member = Vec::new();
    for size in sizes {
        let mut times = Vec::new();
        let before = a.counts().frames_received + w.counts().frames_received;
        for bad in [usize::MAX, size / 2] {
            let began = Instant::now();
            let sum = a.start(Fan { x: 1, bad }).members("W", vec!["w"; size]).settled().await.unwrap();
            times.push(began.elapsed());
            assert_eq!(sum, if bad == usize::MAX { size as u64 } else { 7 });
        }
        let frames = a.counts().frames_received + w.counts().frames_received - before;
        let dropped = a.counts().frames_dropped + w.counts().frames_dropped;
        let [complete, refused] = times[..] else { return };
        println!("{size:>8} {complete:>14.1?} {refused:>14.1?} {frames:>12} {dropped:>8}");
        assert!(size > 1_000 || complete < THOUSAND_WITHIN, "{size} members took {complete:?}");
        of_member.push(complete.as_secs_f64() / size as f64);
    }
    if let (Some(first), Some(last)) = (of_member.first(), of_member.last()) {
        let growth = last / first;
        let verdict = if growth <= GROWTH_MAX { "as it should be" } else { "NOT as it should be" };
        println!("one member takes {growth:.2} times as long in the largest scope as in the smallest: {verdict}");
    }
}
