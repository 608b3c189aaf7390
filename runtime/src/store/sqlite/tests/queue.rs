//! The queue of the writer: nothing is lost, late without end, or waited for for ever, however threads meet in it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use accompanist_core::{Urgency, Write};

use super::*;
use crate::store::sqlite::queue::{Command, queue};

fn lazily(write: Write) -> Write {
    Write { urgency: Urgency::Lazy, ..write }
}

fn job(number: u32, lazy: bool, done: impl FnOnce(Result<(), StoreError>) + Send + 'static) -> Job<Sqlite> {
    let write = if lazy { lazily(write(number, 1, vec![])) } else { write(number, 1, vec![]) };
    Job::Write { write, key: key(number), done: Box::new(done) }
}

#[test]
fn slow_operations_do_not_wait_for_one_another_s_commit() {
    let place = Place::new();
    let store = place.open();
    let log = Log::new();
    let (release, held) = mpsc::channel();
    store.submit(Job::Transact(log.operation(0, key(0), vec![write(0, 1, vec![])], move |_| held.recv().is_ok())));
    thread::sleep(Duration::from_millis(50));
    for number in 1..=100 {
        let slow = move |_: &mut SqliteTx| {
            thread::sleep(Duration::from_millis(5));
            true
        };
        store.submit(Job::Transact(log.operation(number, key(number), vec![write(number, 1, vec![])], slow)));
    }
    let before = store.commits();
    release.send(()).unwrap();
    log.next().1.unwrap();
    (0..100).for_each(|_| log.next().1.unwrap());
    let commits = store.commits() - before;
    assert!(commits > 90, "{commits} commits of 100 operations, each of which takes longer than a batch may");
}

/// The writer's thread ends by a panic while jobs wait, and one of them holds the last handle.
#[test]
fn what_is_left_may_hold_the_last_handle() {
    let (submitter, queue) = queue(Duration::from_millis(20));
    let submitter = Arc::new(submitter);
    let last = Arc::clone(&submitter);
    assert!(submitter.send(Command::Job(job(1, false, move |_| drop(last)), None)).is_none());
    drop(submitter);
    let (over, ended) = mpsc::channel();
    thread::spawn(move || {
        drop(queue);
        over.send(()).unwrap();
    });
    ended.recv_timeout(contract::PATIENCE).expect("dropping the queue ends");
}

#[test]
fn the_longest_laziness() {
    let place = Place::new();
    let options = Options { laziness: Duration::MAX, ..Options::default() };
    let store = Sqlite::open_with(place.path(), options).unwrap();
    let log = Log::new();
    log.commit(&store, key(1), write(1, 1, vec![])).unwrap();
}

/// Many threads, bursts and pauses.
#[test]
fn everything_is_told() {
    let laziness = Duration::from_millis(5);
    let (submitter, mut queue) = queue(laziness);
    let submitter = Arc::new(submitter);
    let taken = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&taken);
    let writer = thread::spawn(move || {
        while queue.wait() {
            let mut count = 0;
            while count < 256 {
                let Some(command) = queue.next(count < 100) else { break };
                count += 1;
                counted.fetch_add(1, Ordering::Relaxed);
                if let Command::Job(Job::Write { done, .. }, _) = command {
                    done(Ok(()));
                }
            }
            if count % 3 == 0 {
                thread::sleep(Duration::from_micros(50));
            }
        }
    });
    const THREADS: u32 = 8;
    const JOBS: u32 = 3_000;
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let submitter = Arc::clone(&submitter);
            thread::spawn(move || {
                let mut random = u64::from(thread).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
                let mut next = move || {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    random
                };
                for number in 0..JOBS {
                    let lazy = next() % 3 != 0;
                    let (sender, told) = mpsc::channel();
                    let done = move |_| _ = sender.send(());
                    assert!(submitter.send(Command::Job(job(thread * JOBS + number, lazy, done), None)).is_none());
                    match next() % 16 {
                        0 => told.recv_timeout(contract::PATIENCE).expect("it is told"),
                        1 => thread::sleep(Duration::from_micros(next() % 12_000)),
                        2 => thread::yield_now(),
                        _ => {}
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    drop(submitter);
    writer.join().unwrap();
    assert_eq!(taken.load(Ordering::Relaxed), u64::from(THREADS * JOBS));
}

/// Whether the writer is awake, looks soon, or sleeps.
#[test]
fn one_after_another_at_the_edges_of_the_laziness() {
    let laziness = Duration::from_millis(2);
    for prompt in [false, true] {
        let (submitter, mut queue) = queue(laziness);
        let writer = thread::spawn(move || {
            while queue.wait() {
                while let Some(command) = queue.next(true) {
                    if let Command::Job(Job::Write { done, .. }, _) = command {
                        done(Ok(()));
                    }
                }
            }
        });
        for number in 0..1_500_u32 {
            let (sender, told) = mpsc::channel();
            submitter.send(Command::Job(job(number, !prompt, move |_| sender.send(()).unwrap()), None));
            told.recv_timeout(contract::PATIENCE).expect("it is told");
            let pause = Duration::from_micros(u64::from(number % 50) * 100);
            let until = Instant::now() + pause;
            while Instant::now() < until {
                std::hint::spin_loop();
            }
        }
        drop(submitter);
        writer.join().unwrap();
    }
}

/// While lazy and prompt jobs come and wait: all of them are taken, and the writer ends.
#[test]
fn the_last_handle_goes_at_any_moment() {
    for round in 0..2_000_u64 {
        let (submitter, mut queue) = queue(Duration::from_millis(1));
        let writer = thread::spawn(move || {
            let mut count = 0;
            while queue.wait() {
                while queue.next(true).is_some() {
                    count += 1;
                }
            }
            count
        });
        let jobs = round % 4;
        for number in 0..jobs {
            submitter.send(Command::Job(job(number as u32, (round + number) % 3 != 0, |_| {}), None));
            if round % 5 == 0 {
                thread::sleep(Duration::from_micros(round % 1500));
            }
        }
        drop(submitter);
        assert_eq!(writer.join().unwrap(), jobs);
    }
}

/// Each session's two writes in order, lazy and prompt ones, with flushes between them and dropped in the middle.
#[test]
fn a_store_under_many_threads() {
    let place = Place::new();
    let store = place.open();
    const SESSIONS: u32 = 400;
    let threads: Vec<_> = (0..6_u32)
        .map(|thread| {
            let store = store.clone();
            thread::spawn(move || {
                let log = Log::new();
                for number in 0..SESSIONS {
                    let name = thread * SESSIONS + number;
                    let first = write(name, 1, vec![]);
                    let second = write(name, 2, vec![]);
                    let (a, b) = (name.is_multiple_of(3), name.is_multiple_of(5));
                    log.write(&store, 2 * name, key(name), if a { lazily(first) } else { first });
                    log.write(&store, 2 * name + 1, key(name), if b { lazily(second) } else { second });
                    if number % 50 == 0 {
                        now(store.flush()).unwrap();
                    }
                }
                drop(store);
                let mut last = std::collections::BTreeMap::new();
                for _ in 0..2 * SESSIONS {
                    let (name, outcome) = log.next();
                    outcome.unwrap();
                    assert!(last.insert(name / 2, name).is_none_or(|before| before < name), "order within a session");
                }
            })
        })
        .collect();
    drop(store);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
