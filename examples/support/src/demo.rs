//! What demos have in common: a run with kills, what it shows meanwhile, and the tables at its end.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::builder::TypedValueParser;
use indicatif::{ProgressBar, ProgressStyle};

use crate::audit::{Findings, Work};
use crate::client::Client;
use crate::cluster::Cluster;
use crate::desk::{Outcome, Request};
use crate::random::Random;

/// What every demo can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How often each role is killed
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = count())]
    pub kills: usize,
    /// How many requests are under way at a time
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub in_flight: u16,
    /// Keeps the databases in this directory, which must be empty or new; otherwise they are deleted
    #[arg(long, value_name = "DIRECTORY")]
    pub keep: Option<PathBuf>,
}

/// How often anything is done in a demo at most: what is to be done is drawn, and held in memory, before it begins.
const COUNT_MAX: i64 = 100_000;

/// Reads how often something is done.
#[must_use]
pub fn count() -> impl TypedValueParser<Value = usize> {
    clap::value_parser!(u32).range(0..=COUNT_MAX).map(|count| count as usize)
}

/// How long the roles may take to settle what is left when the last answer is there.
const SETTLE_MAX: Duration = Duration::from_secs(60);

/// Runs a demo until it is over, or until the process is told to end: by Ctrl-C, or SIGTERM.
///
/// # Errors
/// Those of the demo.
pub async fn until_told(demo: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::select! {
        ended = demo => ended,
        // What the demo holds goes with it: the roles' processes, and the databases that are not kept.
        told = accompanist::stop_signal() => {
            told?;
            eprintln!("\nended before its time");
            Ok(ExitCode::from(130))
        }
    }
}

/// Where the databases of a demo are.
pub enum Folder {
    /// In a directory that stays.
    Kept(PathBuf),
    /// In a directory that goes with this value.
    Temporary(tempfile::TempDir),
}

impl Folder {
    /// The directory to keep, made where it is not there, or a temporary one.
    ///
    /// # Errors
    /// Where it cannot be made, or is not empty.
    pub fn new(keep: Option<&Path>) -> anyhow::Result<Self> {
        let Some(directory) = keep else { return Ok(Self::Temporary(tempfile::tempdir()?)) };
        std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        if std::fs::read_dir(directory)?.next().is_some() {
            bail!("{} is not empty; name a new directory", directory.display());
        }
        Ok(Self::Kept(directory.to_owned()))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        match self {
            Self::Kept(directory) => directory,
            Self::Temporary(directory) => directory.path(),
        }
    }
}

/// A kill to come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kill {
    /// After how many answers.
    pub answers: usize,
    /// Whose process.
    pub role: &'static str,
}

/// Each of `processes` killed `count` times, in any order, at any time during so many requests.
pub fn kills(
    processes: impl IntoIterator<Item = &'static str>,
    count: usize,
    requests: usize,
    random: &mut Random,
) -> Vec<Kill> {
    let last = u32::try_from(requests.saturating_sub(1)).unwrap_or(u32::MAX);
    let kill = |role| Kill { answers: 1 + random.below(last) as usize, role };
    let roles = processes.into_iter().flat_map(|role| std::iter::repeat_n(role, count));
    let mut kills: Vec<Kill> = roles.map(kill).collect();
    kills.sort();
    kills
}

/// What became of each request, by its number.
pub type Outcomes<T> = BTreeMap<u64, Outcome<T>>;

/// What a run was.
pub struct Run<T> {
    /// What became of each request.
    pub outcomes: Outcomes<T>,
    /// How often each role was killed.
    pub kills: BTreeMap<&'static str, u64>,
    /// How long it took until everything was answered.
    pub took: Duration,
}

/// Has a client send `requests`, so many at a time, until everything is answered, kills roles meanwhile (`kills` in the order of their `answers`),
/// waits until all is settled, and ends the roles. `what` is the word for the requests.
///
/// # Errors
/// Where a role ends by itself, or sessions do not end.
pub async fn run<R: Request>(
    mut cluster: Cluster,
    requests: Vec<R>,
    in_flight_max: u16,
    what: &str,
    kills: &[Kill],
) -> anyhow::Result<Run<R::Done>> {
    let (progress, started) = (Progress::new(requests.len(), what), Instant::now());
    let mut client = Client::new(cluster.desk(), requests, usize::from(in_flight_max));
    let mut outcomes = BTreeMap::new();
    let mut killed = 0;
    while let Some(answer) = client.next().await {
        outcomes.insert(answer.number, answer.outcome);
        while let Some(kill) = kills.get(killed).filter(|kill| kill.answers <= outcomes.len()) {
            cluster.kill_together(&[kill.role]).await?;
            killed += 1;
        }
        progress.show(outcomes.len(), killed);
    }
    progress.finish();
    let took = started.elapsed();
    cluster.wait_until_quiet(SETTLE_MAX).await?;
    let kills = cluster.kills().clone();
    if let Some(role) = cluster.stop().await?.first() {
        bail!("the process of the role {role} ended by itself");
    }
    Ok(Run { outcomes, kills, took })
}

/// A bar on a terminal; a line now and then elsewhere.
struct Progress<'a> {
    bar: Option<ProgressBar>,
    what: &'a str,
    requests: usize,
    step: usize,
}

impl<'a> Progress<'a> {
    fn new(requests: usize, what: &'a str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template(&format!("{{bar:40}} {{pos}}/{{len}} {what}, {{msg}}, {{elapsed}}"));
            ProgressBar::new(requests as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, what, requests, step: requests.div_ceil(5).max(1) }
    }

    fn show(&self, answered: usize, killed: usize) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(answered as u64);
                bar.set_message(format!("{killed} kills"));
            }
            None if answered.is_multiple_of(self.step) => {
                eprintln!("{answered}/{} {}, {killed} kills", self.requests, self.what);
            }
            None => {}
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}

/// A table of how many were `fulfilled`, as that is called, and why others were rolled back.
pub fn table_of_outcomes<'a, T: 'a>(fulfilled: &str, outcomes: impl IntoIterator<Item = &'a Outcome<T>>) -> String {
    let mut done = 0;
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Fulfilled(_) => done += 1,
            // "out of stock: A-7" and "out of stock: B-1" are one reason.
            Outcome::RolledBack(reason) | Outcome::NotNow(reason) => {
                *reasons.entry(reason.split(':').next().unwrap_or(reason)).or_default() += 1;
            }
        }
    }
    let line = |what: &str, count| format!("  {what:<34}{count:>8}\n");
    let rolled_back = reasons.into_iter().map(|(reason, count)| line(&format!("rolled back, {reason}"), count));
    line(fulfilled, done) + &rolled_back.collect::<String>()
}

/// A table of what the roles, and programs beside them, did and survived.
pub fn table_of_roles(work: &BTreeMap<&'static str, Work>, kills: &BTreeMap<&'static str, u64>) -> String {
    let width = kills.keys().map(|role| role.len() + 1).max().unwrap_or(0).max(12);
    let head = format!("  {:<width$}{:>14}{:>16}{:>16}\n", "role", "transactions", "compensations", "kills survived");
    let lines = kills.iter().map(|(role, killed)| {
        let work = work.get(role).cloned().unwrap_or_default();
        format!("  {role:<width$}{:>14}{:>16}{killed:>16}\n", work.transactions, work.compensations)
    });
    head + &lines.collect::<String>()
}

/// Says what an audit has found, as text and as the code that the demo exits with.
pub fn verdict(findings: &Findings, agreed: &str) -> ExitCode {
    if findings.differences.is_empty() {
        println!("\n{agreed}");
        return ExitCode::SUCCESS;
    }
    eprintln!("\nThe databases differ from the answers:");
    findings.differences.iter().for_each(|difference| eprintln!("  {difference}"));
    ExitCode::FAILURE
}

/// A seed that differs from run to run.
#[must_use]
pub fn any_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // Short enough to be typed.
    now.as_millis() as u64 % 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_is_killed_so_often_while_there_is_something_to_do() {
        let of = |seed| kills(["a", "b", "c"], 2, 8, &mut Random::new(seed));
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        for role in ["a", "b", "c"] {
            assert_eq!(of(7).iter().filter(|kill| kill.role == role).count(), 2);
        }
        assert!(of(7).iter().all(|kill| (1..8).contains(&kill.answers)) && of(7).is_sorted());
    }
}
