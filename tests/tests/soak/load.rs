//! Clients that do not give up: each asks for one session after another, again and again until it has an answer, and some of them twice on purpose.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accompanist_tests::random::Random;
use accompanist_tests::soak::ROLES;
use accompanist_tests::soak::desk::{Answer, Request};
use accompanist_tests::soak::plan::Plan;
use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::sleep;

use crate::cluster::Cluster;

/// How long a client waits before it asks again.
const AGAIN: Duration = Duration::from_millis(20);

/// How many of a hundred sessions are asked for twice at once, and how many once more when they are over.
const TWICE_PERCENT: usize = 10;
const ONCE_MORE_PERCENT: usize = 5;

/// What the clients were told.
#[derive(Debug, Default)]
pub struct Tally {
    /// The next session.
    next: AtomicU64,
    /// Sessions that are over.
    pub settled: AtomicU64,
    /// Requests that had no answer, or *not now*.
    pub failed: AtomicU64,
    /// No further session is to be asked for.
    pub over: AtomicBool,
    answers: Mutex<BTreeMap<u64, Told>>,
    /// Why something was not done, and how often that was said.
    not_now: Mutex<BTreeMap<String, u64>>,
}

/// What was told of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// That it is durable.
    pub accepted: bool,
    /// How it ended.
    pub ended: Option<Answer>,
    /// What does not fit.
    pub contradiction: Option<String>,
}

impl Tally {
    fn answers(&self) -> MutexGuard<'_, BTreeMap<u64, Told>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was told of each session that was asked for.
    pub fn told(&self) -> BTreeMap<u64, Told> {
        self.answers().clone()
    }

    /// Why nodes did not do something at once.
    pub fn not_now(&self) -> String {
        let not_now = self.not_now.lock().unwrap_or_else(PoisonError::into_inner);
        not_now.iter().map(|(words, count)| format!("{count} times: {words}\n")).collect()
    }

    fn note(&self, number: u64, answer: &Answer) {
        let mut answers = self.answers();
        let told = answers.entry(number).or_default();
        match (answer, &told.ended) {
            (Answer::Accepted, _) => told.accepted = true,
            (Answer::Committed(_) | Answer::RolledBack(_), None) => {
                told.ended = Some(answer.clone());
                self.settled.fetch_add(1, Ordering::Relaxed);
            }
            (Answer::Committed(_) | Answer::RolledBack(_), Some(before)) if before == answer => {}
            (other, before) => told.contradiction = Some(format!("{other:?} after {before:?}")),
        }
    }
}

/// One client, with a connection to each desk.
pub struct Client {
    cluster: Arc<Cluster>,
    tally: Arc<Tally>,
    seed: u64,
    random: Random,
    connections: BTreeMap<&'static str, Connection>,
}

struct Connection {
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
}

impl Connection {
    async fn to(cluster: &Cluster, role: &str) -> anyhow::Result<Self> {
        let (reader, writer) = TcpStream::connect(cluster.desk(role)).await?.into_split();
        Ok(Self { lines: BufReader::new(reader).lines(), writer })
    }

    async fn ask(&mut self, request: &Request) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        Ok(self.writer.write_all(&line).await?)
    }

    async fn answer(&mut self) -> anyhow::Result<Answer> {
        let line = self.lines.next_line().await?.context("the desk has hung up")?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Client {
    /// The client of that number.
    pub fn new(cluster: &Arc<Cluster>, tally: &Arc<Tally>, seed: u64, number: u64) -> Self {
        let random = Random::new(seed ^ (number << 32));
        Self { cluster: Arc::clone(cluster), tally: Arc::clone(tally), seed, random, connections: BTreeMap::new() }
    }

    /// Asks for sessions until the load is over, and waits for the end of the last one.
    pub async fn work(mut self) {
        while !self.tally.over.load(Ordering::Relaxed) {
            let number = self.tally.next.fetch_add(1, Ordering::Relaxed);
            let plan = Plan::of(self.seed, number);
            self.tally.answers().entry(number).or_default();
            let copies = if self.random.percent(TWICE_PERCENT) { 2 } else { 1 };
            self.settle(number, &plan, copies).await;
            if self.random.percent(ONCE_MORE_PERCENT) {
                self.settle(number, &plan, 1).await;
            }
        }
    }

    async fn settle(&mut self, number: u64, plan: &Plan, copies: usize) {
        while !self.attempt(number, plan, copies).await.unwrap_or(false) {
            self.tally.failed.fetch_add(1, Ordering::Relaxed);
            self.connections.remove(plan.kind.initiator());
            sleep(AGAIN).await;
        }
    }

    /// Asks so many times at once; whether each had an answer that is one.
    async fn attempt(&mut self, number: u64, plan: &Plan, copies: usize) -> anyhow::Result<bool> {
        let desk = plan.kind.initiator();
        if !self.connections.contains_key(desk) {
            self.connections.insert(desk, Connection::to(&self.cluster, desk).await?);
        }
        let connection = self.connections.get_mut(desk).context("it was made above")?;
        for _ in 0..copies {
            connection.ask(&Request::Start(plan.kind, plan.job.clone())).await?;
        }
        let mut missing = copies;
        let mut all_ended = true;
        while missing > 0 {
            let answer = connection.answer().await?;
            if let Answer::NotNow(words) = &answer {
                let mut not_now = self.tally.not_now.lock().unwrap_or_else(PoisonError::into_inner);
                *not_now.entry(words.clone()).or_default() += 1;
                all_ended = false;
            } else {
                self.tally.note(number, &answer);
            }
            missing -= usize::from(answer != Answer::Accepted);
        }
        Ok(all_ended)
    }
}

/// Has a role change what room its database has, until it says that it has done so.
pub async fn tell(cluster: &Cluster, role: &str, request: &Request) {
    debug_assert!(ROLES.contains(&role));
    let once = async || -> anyhow::Result<Answer> {
        let mut connection = Connection::to(cluster, role).await?;
        connection.ask(request).await?;
        connection.answer().await
    };
    while !matches!(once().await, Ok(Answer::Done)) {
        sleep(AGAIN).await;
    }
}
