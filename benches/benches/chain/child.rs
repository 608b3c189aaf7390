//! A process of a chain: a service, the orchestrator, or a client, which makes as many requests as it is told on standard input and writes how long
//! each took, in nanoseconds.

use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use accompanist::store::Sqlite;
use accompanist::{Node, NodeBuilder};
use accompanist_benches::chains::{
    Counter, FiveAsked, OneAsked, ThreeAsked, five_asked, limits, one_asked, open, three_asked,
};
use accompanist_benches::orchestrator::{Asked, run_orchestrator, run_service};
use anyhow::{Context as _, bail};

/// What a process is.
#[derive(Debug, clap::Subcommand)]
pub enum Child {
    /// A role of the choreography and its node, by the node's name
    #[command(hide = true)]
    Role {
        name: String,
        #[arg(long)]
        services: usize,
        #[arg(long)]
        directory: PathBuf,
        #[arg(long)]
        listen: SocketAddr,
        /// The others: NAME=ADDRESS
        #[arg(long = "peer", value_parser = parse_peer)]
        peers: Vec<(String, SocketAddr)>,
    },
    /// A service under an orchestrator
    #[command(hide = true)]
    Service {
        #[arg(long)]
        database: PathBuf,
        #[arg(long)]
        listen: SocketAddr,
    },
    /// What asks these services
    #[command(hide = true)]
    Orchestrator {
        #[arg(long)]
        database: PathBuf,
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long = "ask")]
        services: Vec<SocketAddr>,
    },
    /// The client of the orchestrator
    #[command(hide = true)]
    Client {
        #[arg(long = "ask")]
        orchestrator: SocketAddr,
    },
}

/// The name of the client's node.
pub const CLIENT: &str = "client";

fn parse_peer(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, address) = text.split_once('=').ok_or("it has the form NAME=ADDRESS")?;
    Ok((name.to_owned(), address.parse().map_err(|error| format!("`{address}`: {error}"))?))
}

impl Child {
    /// Runs until standard input ends.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Role { name, services, directory, listen, peers } => {
                let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
                let node = runtime.block_on(async {
                    let builder = Node::builder(&*name, open(&directory, &name)?).listen(listen).peers(peers);
                    anyhow::Ok(cast(builder, &name, services)?.limits(limits()).start().await?)
                })?;
                if name != CLIENT {
                    return wait_for_end();
                }
                answer_requests(|order| runtime.block_on(ask(&node, services, order)))
            }
            Self::Service { database, listen } => until_end(move || run_service(&database, listen)),
            Self::Orchestrator { database, listen, services } => {
                until_end(move || run_orchestrator(&database, listen, &services))
            }
            Self::Client { orchestrator } => {
                let mut asked = Asked::connect(orchestrator)?;
                answer_requests(|order| asked.ask(order))
            }
        }
    }
}

fn cast(builder: NodeBuilder<Sqlite>, name: &str, services: usize) -> anyhow::Result<NodeBuilder<Sqlite>> {
    let counter = Counter::default();
    Ok(match (services, name) {
        (1, "client") => builder.role(one_asked::Client::new()),
        (1, "a") => builder.role(one_asked::A::new(counter)),
        (3, "client") => builder.role(three_asked::Client::new()),
        (3, "a") => builder.role(three_asked::A::new(counter)),
        (3, "b") => builder.role(three_asked::B::new(counter)),
        (3, "c") => builder.role(three_asked::C::new(counter)),
        (5, "client") => builder.role(five_asked::Client::new()),
        (5, "a") => builder.role(five_asked::A::new(counter)),
        (5, "b") => builder.role(five_asked::B::new(counter)),
        (5, "c") => builder.role(five_asked::C::new(counter)),
        (5, "d") => builder.role(five_asked::D::new(counter)),
        (5, "e") => builder.role(five_asked::E::new(counter)),
        _ => bail!("there is no role {name} in a chain of {services} services; there are chains of 1, 3 and 5"),
    })
}

async fn ask(node: &Node<Sqlite>, services: usize, order: u64) -> anyhow::Result<u64> {
    Ok(match services {
        1 => node.start(OneAsked { order }).settled().await?,
        3 => node.start(ThreeAsked { order }).settled().await?,
        _ => node.start(FiveAsked { order }).settled().await?,
    })
}

fn answer_requests(mut ask: impl FnMut(u64) -> anyhow::Result<u64>) -> anyhow::Result<()> {
    let mut orders = 1..;
    for line in std::io::stdin().lock().lines() {
        let count: usize = line?.trim().parse()?;
        let mut took = Vec::with_capacity(count);
        for order in orders.by_ref().take(count) {
            let started = Instant::now();
            anyhow::ensure!(ask(order)? == order, "order {order} is answered with its number");
            took.push(started.elapsed());
        }
        let lines: String = took.iter().map(|took| format!("{}\n", took.as_nanos())).collect();
        std::io::stdout().write_all(lines.as_bytes())?;
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn wait_for_end() -> anyhow::Result<()> {
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

/// Runs `work` in a thread of its own, and ends when standard input does, or with the error of `work`.
fn until_end(work: impl FnOnce() -> anyhow::Result<()> + Send + 'static) -> anyhow::Result<()> {
    std::thread::spawn(move || {
        if let Err(error) = work() {
            eprintln!("{error:#}");
            std::process::exit(1);
        }
    });
    wait_for_end()
}

/// A client's process as whoever started it sees it.
pub struct Requests {
    pub process: std::process::Child,
    pub answers: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
}

impl Requests {
    /// Has it make so many requests; how long each took.
    pub fn run(&mut self, count: u32) -> anyhow::Result<Vec<Duration>> {
        writeln!(self.process.stdin.as_mut().context("it is piped")?, "{count}")?;
        let answers = self.answers.by_ref().take(count as usize);
        let took: Vec<Duration> =
            answers.map(|line| Ok(Duration::from_nanos(line?.parse()?))).collect::<anyhow::Result<_>>()?;
        anyhow::ensure!(took.len() == count as usize, "the client has ended");
        Ok(took)
    }
}
