//! Algorithms over roles that take turns: quicksort, Karatsuba's multiplication, the fast Fourier transform.

use std::sync::atomic::{AtomicU64, Ordering};

use accompanist_tests::generated::fourier::{Complex, Transform, transform};
use accompanist_tests::generated::karatsuba::{Multiply, multiply};
use accompanist_tests::generated::quicksort::{Sort, SortInTurn, sort, sort_in_turn};
use accompanist_tests::stage::Stage;
use accompanist_tests::tap::Kind;
use accompanist_tests::troupe::{Troupe, all_ended};
use accompanist_tests::wait::{until, within};

use super::messages;

/// In how many calls a list is divided.
fn divisions(xs: &[i64]) -> u64 {
    match xs {
        [] | [_] => 0,
        [pivot, rest @ ..] => {
            let (lower, upper): (Vec<i64>, Vec<i64>) = rest.iter().partition(|x| *x < pivot);
            1 + divisions(&lower) + divisions(&upper)
        }
    }
}

fn sorted(xs: &[i64]) -> Vec<i64> {
    let mut xs = xs.to_vec();
    xs.sort_unstable();
    xs
}

fn lists() -> Vec<Vec<i64>> {
    let mixed = (0..40).map(|x| x * 37 % 41 - 20).collect();
    vec![vec![], vec![7], vec![2, 1], vec![3, 3, 3], vec![1, 2, 3, 4, 5, 6], vec![i64::MAX, 0, i64::MIN], mixed]
}

/// Where it divides, both parts are sent there and back, which tells both roles; where it does not, it tells both by a selection. With d
/// divisions there are d + 1 calls that do not divide: 4d + 2(d + 1) messages.
#[tokio::test]
async fn quicksort_sorts_by_turns() {
    assert_eq!((divisions(&[2, 1]), divisions(&[1, 2, 3, 4, 5, 6])), (1, 5));
    for xs in lists() {
        let troupe = Troupe::new();
        let others = vec![troupe.play(sort::B::new(), ()), troupe.play(sort::C::new(), ())];
        let ended = troupe.play(sort::A::new(), Sort { xs: xs.clone() }).ended().await.unwrap();
        assert_eq!((ended, troupe.messages_sent()), (sorted(&xs), 6 * divisions(&xs) + 2), "{xs:?}");
        all_ended(others).await;
    }
}

/// As above: C learns of a division from what it gets first in the sorting of the first part, in which it takes part.
#[tokio::test]
async fn quicksort_tells_by_what_comes_first_in_a_recursive_call() {
    for xs in lists() {
        let troupe = Troupe::new();
        let others = vec![troupe.play(sort_in_turn::B::new(), ()), troupe.play(sort_in_turn::C::new(), ())];
        let ended = troupe.play(sort_in_turn::A::new(), SortInTurn { xs: xs.clone() }).ended().await.unwrap();
        assert_eq!((ended, troupe.messages_sent()), (sorted(&xs), 6 * divisions(&xs) + 2), "{xs:?}");
        all_ended(others).await;
    }
}

async fn sorting() -> Stage {
    Stage::casting(&["a", "b", "c"], |name, builder, _| match name {
        "a" => builder.role(sort::A::new()),
        "b" => builder.role(sort::B::new()),
        _ => builder.role(sort::C::new()),
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn quicksort_sorts_on_nodes() {
    let stage = sorting().await;
    let mut sent = 0;
    for (index, xs) in lists().into_iter().enumerate() {
        sent += 6 * divisions(&xs) + 2;
        let start = stage.start(Sort { xs: xs.clone() }, &index.to_string());
        assert_eq!(within(&xs, start.settled()).await.unwrap(), sorted(&xs));
        stage.settle().await;
        assert_eq!(messages(&stage), sent, "{xs:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quicksort_sorts_though_every_node_is_restarted_in_the_middle() {
    let xs: Vec<i64> = (0..60).map(|x| x * 37 % 61).collect();
    for limit in [1, 5, 20] {
        let mut stage = sorting().await;
        let passed = AtomicU64::new(0);
        // What comes to A after so many messages comes too late.
        stage.tap.hold(move |_, to, kind| {
            to == "a" && kind == Kind::Message && passed.fetch_add(1, Ordering::Relaxed) >= limit
        });
        let session = stage.accepted(Sort { xs: xs.clone() }, "1").await;
        until("a message that is held", || (stage.tap.held() > 0).then_some(())).await;
        drop(session);
        stage.restart(&["b", "a", "c"]).await;
        stage.tap.lose_held();
        stage.restart(&["c", "b"]).await;
        let ended = within("the sorting", stage.start(Sort { xs: xs.clone() }, "1").settled()).await.unwrap();
        assert_eq!(ended, sorted(&xs), "after {limit}");
    }
}

/// In how many calls a product is made of three others.
fn divided(x: u64, y: u64) -> u64 {
    if x < 10 || y < 10 {
        return 0;
    }
    let splitter = 10_u64.pow(x.max(y).ilog10().div_ceil(2));
    let ((a, b), (c, d)) = ((x / splitter, x % splitter), (y / splitter, y % splitter));
    1 + divided(a, c) + divided(b, d) + divided(a + b, c + d)
}

/// Where it divides, two products are asked for and given, 4 messages, and three calls follow; where it does not, two roles are told by a
/// selection. With d divisions there are 2d + 1 calls that do not divide: 4d + 2(2d + 1) messages.
#[tokio::test]
async fn karatsuba_multiplies_by_turns() {
    assert_eq!((divided(12, 34), divided(9, u64::MAX)), (1, 0));
    for (x, y) in [(0, 0), (9, 1234), (12, 34), (99, 99), (1234, 5678), (4_000_000_000, 3_999_999_999)] {
        let troupe = Troupe::new();
        let others = vec![troupe.play(multiply::B::new(), ()), troupe.play(multiply::C::new(), ())];
        let ended = troupe.play(multiply::A::new(), Multiply { x, y }).ended().await.unwrap();
        assert_eq!((ended, troupe.messages_sent()), (x * y, 8 * divided(x, y) + 2), "{x} * {y}");
        all_ended(others).await;
    }
}

#[tokio::test]
async fn karatsuba_aborts_everywhere_where_the_product_is_too_large() {
    let troupe = Troupe::new();
    let others = [troupe.play(multiply::B::new(), ()), troupe.play(multiply::C::new(), ())];
    let x = 10_000_000_000;
    let reason = troupe.play(multiply::A::new(), Multiply { x, y: x }).ended().await.unwrap_err();
    assert!(reason.contains("overflow") && reason.contains("karatsuba.chor:"), "{reason}");
    for other in others {
        assert_eq!(other.ended().await.unwrap_err(), reason);
    }
}

/// The transform as it is defined.
fn transformed(xs: &[f64]) -> Vec<(f64, f64)> {
    let angle = |k: usize, n: usize| -std::f64::consts::TAU * (k * n) as f64 / xs.len() as f64;
    let sum = |k: usize, part: fn(f64) -> f64| xs.iter().enumerate().map(|(n, x)| x * part(angle(k, n))).sum();
    (0..xs.len()).map(|k| (sum(k, f64::cos), sum(k, f64::sin))).collect()
}

fn is_near(found: &[Complex], xs: &[f64]) -> bool {
    let near = |(found, (re, im)): (&Complex, (f64, f64))| (found.re - re).hypot(found.im - im) < 1e-9;
    found.len() == xs.len() && found.iter().zip(transformed(xs)).all(near)
}

/// The numbers are given out and taken in, 7 messages each; between them are three stages of four pairs that swap, 2 messages each.
#[tokio::test]
async fn the_fourier_transform_of_eight_numbers_takes_38_messages() {
    for xs in [vec![1.0; 8], (0..8).map(f64::from).collect(), vec![3.5, -1.0, 0.25, 8.0, -2.0, 0.0, 1e3, 7.0]] {
        let troupe = Troupe::new();
        let others = vec![
            troupe.play(transform::R1::new(), ()),
            troupe.play(transform::R2::new(), ()),
            troupe.play(transform::R3::new(), ()),
            troupe.play(transform::R4::new(), ()),
            troupe.play(transform::R5::new(), ()),
            troupe.play(transform::R6::new(), ()),
            troupe.play(transform::R7::new(), ()),
        ];
        let ended = troupe.play(transform::R0::new(), Transform { xs: xs.clone() }).ended().await.unwrap();
        assert!(is_near(&ended, &xs), "{xs:?}: {ended:?}");
        all_ended(others).await;
        assert_eq!(troupe.messages_sent(), 7 + 3 * 4 * 2 + 7);
    }
}

#[tokio::test]
async fn the_fourier_transform_of_fewer_numbers_aborts() {
    let troupe = Troupe::new();
    let other = troupe.play(transform::R7::new(), ());
    let reason = troupe.play(transform::R0::new(), Transform { xs: vec![1.0; 7] }).ended().await.unwrap_err();
    assert!(reason.contains("out of range") && reason.contains("fourier.chor:"), "{reason}");
    assert_eq!(other.ended().await.unwrap_err(), reason);
}
