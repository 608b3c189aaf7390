//! What a chain of services costs where the network takes its time: a client and one, three or five services in processes of their own, as a
//! choreography with a node beside each service, and as an orchestrator that asks the same services one after the other.
//!
//! A message of a choreography goes from service to service and from the last one back: N + 1 ways for N services. An orchestrator is asked by the
//! client and asks each service: 2 N + 2 ways.

mod chart;
mod child;
mod setup;

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use accompanist_benches::figures::percentile;
use anyhow::Context as _;
use clap::Parser;

use self::child::Child;
use self::setup::{Kind, Setup};

/// Measures a chain of 1, 3 and 5 services over delayed connections, as a choreography and under an orchestrator
///
/// Each request goes through all services; each of them commits once, to a SQLite file of its own. The two take turns. Prints a table with what
/// the choreography may take: 1.05 times the ways of its messages and what it takes without a delay. Writes chain.csv and chain.svg.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo bench -p accompanist-benches --bench chain --", disable_help_subcommand = true)]
struct Arguments {
    /// Requests for each number of services, delay and kind
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// One-way delays of each connection, in milliseconds
    #[arg(long, value_name = "MILLIS,…", value_delimiter = ',', default_value = "0,1,2,3,4,5,6,7,8,9")]
    delays: Vec<u32>,
    /// Numbers of services: 1, 3 and 5 are there
    #[arg(long, value_name = "COUNT,…", value_delimiter = ',', default_value = "1,3,5")]
    services: Vec<usize>,
    /// Where the files are written; otherwise into `chain` in the target folder
    #[arg(long, value_name = "DIRECTORY")]
    out: Option<PathBuf>,
    /// Where the databases are for as long as it runs; otherwise in the target folder. One in memory shows what is left without a disk
    #[arg(long, value_name = "DIRECTORY")]
    databases: Option<PathBuf>,
    /// `cargo bench` says so
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    child: Option<Child>,
}

/// What was measured of one kind, for so many services and one delay.
struct Figure {
    services: usize,
    delay_ms: u32,
    kind: Kind,
    mean_ms: f64,
    p99_ms: f64,
}

/// Requests that are not counted, in a setup that is new and after each change of the delay.
const WARM_UP: u32 = 20;
const WARM_UP_DELAY: u32 = 3;
/// Requests of one kind before the other has its turn.
const TURN: u32 = 10;
/// What a choreography may take, in times of the ways of its messages; and in all, for five services without a delay.
const TIMES_MAX: f64 = 1.05;
const FIVE_MS_MAX: f64 = 2.0;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(child) = arguments.child {
        return child.run();
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let out = arguments.out.unwrap_or_else(|| target.parent().unwrap_or(target).join("chain"));
    std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;

    let mut figures = Vec::new();
    println!("{:>8}{:>9}{:>24}{:>24}{:>18}", "services", "delay", "choreography, p99", "orchestrator, p99", "aim");
    for services in arguments.services {
        let directory = tempfile::tempdir_in(arguments.databases.as_deref().unwrap_or(target))?;
        let setups =
            [Kind::Choreography, Kind::Orchestrator].map(|kind| Setup::start(kind, services, directory.path()));
        let [choreography, orchestrator] = setups;
        let mut setups = [choreography?, orchestrator?];
        for setup in &mut setups {
            setup.run(WARM_UP)?;
        }
        for delay_ms in &arguments.delays {
            let [choreography, orchestrator] = measure(&mut setups, *delay_ms, arguments.rounds)?;
            figures.extend([choreography, orchestrator]);
            println!("{}", line(&figures, services, *delay_ms));
        }
    }
    let (csv, svg) = (out.join("chain.csv"), out.join("chain.svg"));
    std::fs::write(&csv, table(&figures, arguments.rounds)?)?;
    std::fs::write(&svg, chart::draw(&figures))?;
    println!("\n{}\n{}", csv.display(), svg.display());
    Ok(())
}

/// Both kinds in turns, at one delay.
fn measure(setups: &mut [Setup; 2], delay_ms: u32, rounds: u32) -> anyhow::Result<[Figure; 2]> {
    let mut samples = [Vec::new(), Vec::new()];
    for setup in setups.iter_mut() {
        setup.delay.set(Duration::from_millis(u64::from(delay_ms)));
        setup.run(WARM_UP_DELAY)?;
    }
    let is_watched = std::io::stderr().is_terminal();
    let mut left = rounds;
    while left > 0 {
        let turn = left.min(TURN);
        for (setup, samples) in setups.iter_mut().zip(&mut samples) {
            samples.extend(setup.run(turn)?);
        }
        left -= turn;
        if is_watched {
            eprint!("\r{} services, {delay_ms} ms: {}/{rounds} ", setups[0].services, rounds - left);
        }
    }
    if is_watched {
        eprint!("\r{:40}\r", "");
    }
    let [choreography, orchestrator] = samples;
    let figure = |setup: &Setup, mut samples: Vec<Duration>| {
        let mean_ms = samples.iter().sum::<Duration>().as_secs_f64() * 1e3 / f64::from(rounds);
        let p99_ms = percentile(&mut samples, 99).as_secs_f64() * 1e3;
        Figure { services: setup.services, delay_ms, kind: setup.kind, mean_ms, p99_ms }
    };
    let [one, other] = setups;
    Ok([figure(one, choreography), figure(other, orchestrator)])
}

/// A line of the printed table.
fn line(figures: &[Figure], services: usize, delay_ms: u32) -> String {
    let find = |kind, delay_ms| {
        figures.iter().find(|found| (found.kind, found.services, found.delay_ms) == (kind, services, delay_ms))
    };
    let text = |kind| {
        find(kind, delay_ms)
            .map_or_else(String::new, |figure| format!("{:.2}, {:>6.2} ms", figure.mean_ms, figure.p99_ms))
    };
    let at_zero = find(Kind::Choreography, 0).map(|figure| figure.mean_ms);
    let aim = match (delay_ms, at_zero) {
        (0, _) => (services == 5).then_some(FIVE_MS_MAX),
        (_, at_zero) => at_zero.map(|at_zero| TIMES_MAX * ways(services) * f64::from(delay_ms) + at_zero),
    };
    let verdict = match (aim, find(Kind::Choreography, delay_ms)) {
        (Some(aim), Some(figure)) if figure.mean_ms <= aim => format!("≤ {aim:.2} ms  reached"),
        (Some(aim), Some(_)) => format!("≤ {aim:.2} ms  MISSED"),
        _ => String::new(),
    };
    let (choreography, orchestrator) = (text(Kind::Choreography), text(Kind::Orchestrator));
    let line =
        format!("{services:>8}{:>9}{choreography:>24}{orchestrator:>24}{:>10}{verdict}", format!("{delay_ms} ms"), "");
    line.trim_end().to_owned()
}

/// How many connections the messages of a choreography pass, one after the other.
fn ways(services: usize) -> f64 {
    services as f64 + 1.0
}

fn table(figures: &[Figure], rounds: u32) -> anyhow::Result<String> {
    let mut text = "services,delay_ms,kind,rounds,mean_ms,p99_ms\n".to_owned();
    for Figure { services, delay_ms, kind, mean_ms, p99_ms } in figures {
        writeln!(text, "{services},{delay_ms},{},{rounds},{mean_ms:.4},{p99_ms:.4}", kind.name())?;
    }
    Ok(text)
}
