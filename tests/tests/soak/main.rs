//! Three roles as processes over SQLite files and TCP, under load for a while, and all that can happen to processes, connections and disks: nothing is lost,
//! nothing is done twice, every session settles, rows go after their retention, and memory stays as it is.
//!
//! Some seconds unless said; for longer `ACCOMPANIST_SOAK_SECONDS=600 cargo test --release -p accompanist-tests --test soak -- --nocapture`, with the faults of
//! another run by `ACCOMPANIST_SOAK_SEED`; with an even one, the roles speak TLS.
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test stops at what it does not expect")]

mod chaos;
mod check;
mod cluster;
mod disk;
mod load;
mod memory;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use accompanist_tests::random::Random;
use accompanist_tests::soak::ROLES;
use tokio::task::JoinSet;

use self::chaos::Chaos;
use self::cluster::Cluster;
use self::load::{Client, Tally};
use self::memory::Samples;

/// How long the load lasts unless said.
const SECONDS: u64 = 10;

/// From which length on a run says something about memory.
const SECONDS_FOR_MEMORY: u64 = 60;

/// Sessions in flight.
const CLIENTS: u64 = 48;

/// How long sessions may take to settle when nothing goes wrong any more.
const SETTLE_MAX: Duration = Duration::from_secs(90);

/// How long rows may stay after that: their retention, which the roles keep short, and some.
const FORGET_MAX: Duration = Duration::from_secs(40);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("it is a number"))
}

/// Past the test runner's capture: the numbers are part of what the test shows.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("standard error takes a line");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_survive_everything_that_happens_to_processes_connections_and_disks() {
    let seconds = number("ACCOMPANIST_SOAK_SECONDS").unwrap_or(SECONDS);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_millis() as u64;
    let seed = number("ACCOMPANIST_SOAK_SEED").unwrap_or(now);
    let over = if is_over_tls(seed) { "over TLS" } else { "without TLS" };
    say(&format!("soak: {seconds} s {over}, ACCOMPANIST_SOAK_SEED={seed}"));
    let run = Run::start(seconds, seed).await;
    let failure = run.through().await.err();
    run.report();
    if let Some(failure) = failure {
        panic!("{failure}\nits files are in {}", run.cluster.keep().display());
    }
}

/// Every other run is.
fn is_over_tls(seed: u64) -> bool {
    seed.is_multiple_of(2)
}

/// A run and all that is known of it.
struct Run {
    seconds: u64,
    seed: u64,
    begun: Instant,
    cluster: Arc<Cluster>,
    tally: Arc<Tally>,
    chaos: Arc<Chaos>,
    samples: Arc<Samples>,
}

impl Run {
    async fn start(seconds: u64, seed: u64) -> Self {
        Self {
            seconds,
            seed,
            cluster: Arc::new(Cluster::start(seconds, is_over_tls(seed)).await),
            begun: Instant::now(),
            tally: Arc::default(),
            chaos: Arc::default(),
            samples: Arc::default(),
        }
    }

    /// All of it; why it failed.
    async fn through(&self) -> Result<(), String> {
        let mut always = JoinSet::new();
        let (cluster, chaos) = (Arc::clone(&self.cluster), Arc::clone(&self.chaos));
        always.spawn(async move { chaos.watch(&cluster).await });
        let (cluster, tally, samples) = (Arc::clone(&self.cluster), Arc::clone(&self.tally), Arc::clone(&self.samples));
        let begun = self.begun;
        always.spawn(async move { samples.take(&cluster, &tally, begun).await });
        tokio::select! {
            ended = self.phases() => ended,
            ended = always.join_next() => Err(format!("{:?}", ended.map(|ended| ended.map_err(|error| error.to_string())))),
        }
    }

    async fn phases(&self) -> Result<(), String> {
        let clients = self.clients();
        self.go_wrong().await?;
        chaos::heal(&self.cluster).await;
        say(&format!("soak: nothing goes wrong any more, after {:.1} s", self.begun.elapsed().as_secs_f64()));
        let healed = Instant::now();
        let settled = tokio::time::timeout(SETTLE_MAX, all(clients)).await;
        settled.map_err(|_| format!("sessions do not settle:\n{}", check::unfinished(&self.cluster)))??;
        while check::rows(&self.cluster).1 > 0 {
            if healed.elapsed() > SETTLE_MAX {
                return Err(format!("sessions are not over:\n{}", check::unfinished(&self.cluster)));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        say(&format!("soak: all settled {:.1} s later", healed.elapsed().as_secs_f64()));
        let differences = check::differences(&self.cluster, self.seed, &self.tally.told());
        if !differences.is_empty() {
            return Err(differences.join("\n"));
        }
        let settled = Instant::now();
        while check::rows(&self.cluster).0 > 0 {
            if settled.elapsed() > FORGET_MAX {
                return Err(format!("{} rows of sessions stay", check::rows(&self.cluster).0));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        say(&format!("soak: all forgotten {:.1} s later", settled.elapsed().as_secs_f64()));
        let grown = self.samples.grown(self.seconds as f64);
        if self.seconds >= SECONDS_FOR_MEMORY && !grown.is_empty() {
            return Err(format!("memory grows: {}", grown.join("; ")));
        }
        Ok(())
    }

    fn clients(&self) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(Client::new(&self.cluster, &self.tally, self.seed, number).work());
        }
        clients
    }

    /// Until the time is over.
    async fn go_wrong(&self) -> Result<(), String> {
        let mut faults = JoinSet::new();
        let (seed, spared) = (self.seed, ROLES[Random::new(self.seed).below(ROLES.len())]);
        let sparing = self.begun + Duration::from_secs(self.seconds) / 3;
        say(&format!("soak: from its second third on, {spared} is not killed"));
        for fault in 0..4 {
            let (cluster, chaos) = (Arc::clone(&self.cluster), Arc::clone(&self.chaos));
            faults.spawn(async move {
                match fault {
                    0 => chaos.kill(&cluster, seed, spared, sparing).await,
                    1 => chaos.pause(&cluster, seed).await,
                    2 => chaos.storm(&cluster, seed).await,
                    _ => chaos.fill(&cluster, seed).await,
                }
            });
        }
        tokio::time::sleep(Duration::from_secs(self.seconds)).await;
        self.chaos.over.store(true, Ordering::SeqCst);
        self.tally.over.store(true, Ordering::Relaxed);
        all(faults).await
    }

    fn report(&self) {
        let count = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
        let kills: Vec<_> = ROLES.iter().map(|role| format!("{role} {}", self.cluster.kills(role))).collect();
        say(&self.samples.table());
        say(self.tally.not_now().trim_end());
        say(&format!(
            "soak: {} sessions settled, {} requests failed and were made again; killed: {}; {} pauses, {} storms, {} times a full disk, on which a role could not start {} times",
            count(&self.tally.settled),
            count(&self.tally.failed),
            kills.join(", "),
            count(&self.chaos.pauses),
            count(&self.chaos.storms),
            count(&self.chaos.fills),
            count(&self.chaos.gave_up),
        ));
        say(&format!("soak: seed {}, every second in {}", self.seed, self.samples.write(self.seed).display()));
    }
}

/// Waits for all of them.
async fn all(mut tasks: JoinSet<()>) -> Result<(), String> {
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|error| error.to_string())?;
    }
    Ok(())
}
