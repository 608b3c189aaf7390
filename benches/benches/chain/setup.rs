//! The processes of one chain, with delayed connections between them.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use accompanist_benches::chains::NODES;
use accompanist_benches::delay::{Delay, proxy};
use anyhow::Context as _;

use super::child::{CLIENT, Requests};

/// How the services of a chain are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Choreography,
    Orchestrator,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Choreography => "choreography",
            Self::Orchestrator => "orchestrator",
        }
    }
}

/// See the module.
pub struct Setup {
    pub kind: Kind,
    pub services: usize,
    /// That of every connection.
    pub delay: Delay,
    client: Requests,
    others: Vec<Child>,
}

impl Setup {
    /// Starts a chain of so many services, with their databases in `directory`.
    pub fn start(kind: Kind, services: usize, directory: &Path) -> anyhow::Result<Self> {
        let delay = Delay::default();
        let (mut client, others) = match kind {
            Kind::Choreography => choreography(services, directory, &delay)?,
            Kind::Orchestrator => orchestrator(services, directory, &delay)?,
        };
        let answers = BufReader::new(client.stdout.take().context("it is piped")?).lines();
        Ok(Self { kind, services, delay, client: Requests { process: client, answers }, others })
    }

    /// Makes so many requests, one after the other; how long each took.
    pub fn run(&mut self, count: u32) -> anyhow::Result<Vec<Duration>> {
        self.client.run(count).with_context(|| format!("the {} of {} services", self.kind.name(), self.services))
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        for process in self.others.iter_mut().chain([&mut self.client.process]) {
            // It may have ended before.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A node for each service and one for the client, and a way between each two of them.
fn choreography(services: usize, directory: &Path, delay: &Delay) -> anyhow::Result<(Child, Vec<Child>)> {
    let names: Vec<&str> = [CLIENT].into_iter().chain(NODES.into_iter().take(services)).collect();
    let addresses = free_addresses(names.len())?;
    let nodes: Vec<(&str, SocketAddr)> = names.into_iter().zip(addresses).collect();
    let mut processes = Vec::new();
    for (name, listen) in &nodes {
        let mut arguments = vec![
            "role".to_owned(),
            (*name).to_owned(),
            format!("--services={services}"),
            format!("--directory={}", directory.display()),
            format!("--listen={listen}"),
        ];
        for (peer, address) in nodes.iter().filter(|(peer, _)| peer != name) {
            // Of two nodes, the one whose name sorts first dials the other.
            let by_way_of = if name < peer { proxy(*address, delay.clone())? } else { *address };
            arguments.push(format!("--peer={peer}={by_way_of}"));
        }
        processes.push(spawn(&arguments)?);
    }
    Ok((processes.remove(0), processes))
}

/// The services, the orchestrator and the client; a way from the client to the orchestrator, and from there to each service.
fn orchestrator(services: usize, directory: &Path, delay: &Delay) -> anyhow::Result<(Child, Vec<Child>)> {
    let addresses = free_addresses(services + 1)?;
    let (orchestrator, services) = addresses.split_first().context("there is one at least")?;
    let open = |name: &str| format!("--database={}", directory.join(name).with_extension("db").display());
    let mut processes = Vec::new();
    let mut arguments = vec!["orchestrator".to_owned(), open("orchestrator"), format!("--listen={orchestrator}")];
    for (number, listen) in services.iter().enumerate() {
        let service = ["service".to_owned(), open(&format!("service-{number}")), format!("--listen={listen}")];
        processes.push(spawn(&service)?);
        arguments.push(format!("--ask={}", proxy(*listen, delay.clone())?));
    }
    processes.push(spawn(&arguments)?);
    let ask = format!("--ask={}", proxy(*orchestrator, delay.clone())?);
    Ok((spawn(&["client".to_owned(), ask])?, processes))
}

/// Held until all are chosen, so that no two are the same. On Linux they are on a host of this process's own: nobody's connection takes one of the
/// ports before its process listens.
fn free_addresses(count: usize) -> anyhow::Result<Vec<SocketAddr>> {
    let [_, a, b, c] = std::process::id().to_be_bytes();
    let host = if cfg!(target_os = "linux") { Ipv4Addr::new(127, 64 | a, b, c) } else { Ipv4Addr::LOCALHOST };
    let held: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind((host, 0))).collect::<Result<_, _>>()?;
    Ok(held.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?)
}

fn spawn(arguments: &[String]) -> anyhow::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    Ok(command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?)
}
