//! The roles of an example as processes, each with its database in one directory: started, killed and started again from outside.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use accompanist::rusqlite::{Connection, OpenFlags};
use anyhow::{Context as _, bail};
use tokio::process::{Child, Command};

/// How a role's process is started: the program and what comes before the role's own arguments.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The executable.
    pub program: PathBuf,
    /// Its first arguments.
    pub arguments: Vec<String>,
}

impl Launch {
    /// The binaries of an example, by role, each of which has the name of its role; built first where cargo has built the demo only. `manifest`
    /// is the example's `Cargo.toml`.
    ///
    /// # Errors
    /// Where they are not there and cannot be built.
    pub async fn binaries(manifest: &Path, roles: &[&'static str]) -> anyhow::Result<BTreeMap<&'static str, Self>> {
        let directory = binaries(manifest, roles).await?;
        let launch = |role| Self { program: directory.join(role), arguments: Vec::new() };
        Ok(roles.iter().map(|role| (*role, launch(role))).collect())
    }

    fn spawn(&self, rest: &[String]) -> anyhow::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(rest).stdin(Stdio::piped()).kill_on_drop(true);
        // That a peer is down is no news where roles are killed all the time.
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "error");
        }
        let child = command.spawn();
        child.with_context(|| format!("cannot start {}", self.program.display()))
    }
}

struct Process {
    /// Or the name of a program beside the roles.
    role: &'static str,
    launch: Launch,
    arguments: Vec<String>,
    child: Child,
}

/// See the module.
pub struct Cluster {
    directory: PathBuf,
    desk: SocketAddr,
    addresses: BTreeMap<&'static str, SocketAddr>,
    processes: Vec<Process>,
    kills: BTreeMap<&'static str, u64>,
}

impl Cluster {
    /// Starts the roles, with fresh ports and their databases in `directory`; the role `desk_role` has the desk.
    ///
    /// # Errors
    /// Where a process cannot be started.
    pub fn start(
        launches: &BTreeMap<&'static str, Launch>,
        desk_role: &str,
        directory: &Path,
        world: &Path,
    ) -> anyhow::Result<Self> {
        // Held until all are chosen, so that no two are the same.
        let host = own_host();
        let held: Vec<TcpListener> =
            (0..=launches.len()).map(|_| TcpListener::bind((host, 0))).collect::<Result<_, _>>()?;
        let free = held.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>()?;
        let (desk, nodes) = free.split_first().context("there is at least one address")?;
        let addresses: BTreeMap<_, _> = launches.keys().copied().zip(nodes.iter().copied()).collect();
        drop(held);
        let mut processes = Vec::new();
        for (role, listen) in &addresses {
            let mut arguments = vec![
                format!("--database={}", directory.join(format!("{role}.db")).display()),
                format!("--listen={listen}"),
                format!("--world={}", world.display()),
                "--end-with-stdin".to_owned(),
            ];
            let peers = addresses.iter().filter(|(peer, _)| *peer != role);
            arguments.extend(peers.map(|(peer, address)| format!("--peer={peer}={address}")));
            if *role == desk_role {
                arguments.push(format!("--desk={desk}"));
            }
            let launch = launches.get(role).with_context(|| format!("no launch of {role}"))?.clone();
            let child = launch.spawn(&arguments)?;
            processes.push(Process { role, launch, arguments, child });
        }
        let kills = launches.keys().map(|role| (*role, 0)).collect();
        Ok(Self { directory: directory.to_owned(), desk: *desk, addresses, processes, kills })
    }

    /// Starts a program beside the roles: no node, but killed and started again as they are.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start_beside(&mut self, name: &'static str, launch: Launch) -> anyhow::Result<()> {
        let (arguments, child) = (Vec::new(), launch.spawn(&[])?);
        self.processes.push(Process { role: name, launch, arguments, child });
        self.kills.insert(name, 0);
        Ok(())
    }

    /// Starts every process again that has ended by itself, by `launches` where its role is among them; which they are.
    ///
    /// # Errors
    /// Where a process cannot be started.
    pub fn restart_ended(&mut self, launches: &BTreeMap<&'static str, Launch>) -> anyhow::Result<Vec<&'static str>> {
        let mut ended = Vec::new();
        for process in &mut self.processes {
            if process.child.try_wait()?.is_some() {
                ended.push(process.role);
                if let Some(launch) = launches.get(process.role) {
                    process.launch = launch.clone();
                }
                process.child = process.launch.spawn(&process.arguments)?;
            }
        }
        Ok(ended)
    }

    /// Where requests are taken.
    pub fn desk(&self) -> SocketAddr {
        self.desk
    }

    /// How often each role has been killed.
    pub fn kills(&self) -> &BTreeMap<&'static str, u64> {
        &self.kills
    }

    /// Kills several roles with SIGKILL, and starts them again when all of them are dead.
    ///
    /// # Errors
    /// Where one has ended by itself before, or cannot be started.
    pub async fn kill_together(&mut self, roles: &[&str]) -> anyhow::Result<()> {
        let mut killed: Vec<_> = self.processes.iter_mut().filter(|process| roles.contains(&process.role)).collect();
        for process in &mut killed {
            if let Some(status) = process.child.try_wait()? {
                bail!("the role {} ended by itself: {status}", process.role);
            }
            process.child.start_kill()?;
            *self.kills.entry(process.role).or_default() += 1;
        }
        for process in &mut killed {
            process.child.wait().await?;
        }
        for process in killed {
            process.child = process.launch.spawn(&process.arguments)?;
        }
        Ok(())
    }

    /// Kills a role with SIGKILL, and starts it again after `between`.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub async fn replace(&mut self, role: &str, between: impl FnOnce()) -> anyhow::Result<()> {
        let process = self.processes.iter_mut().find(|process| process.role == role);
        let process = process.with_context(|| format!("there is no role {role}"))?;
        process.child.kill().await?;
        between();
        process.child = process.launch.spawn(&process.arguments)?;
        Ok(())
    }

    /// Has a role started by another launch from now on: kills its process and starts it again.
    ///
    /// # Errors
    /// See [`Cluster::kill_together`].
    pub async fn redeploy(&mut self, role: &str, launch: Launch) -> anyhow::Result<()> {
        let process = self.processes.iter_mut().find(|process| process.role == role);
        process.with_context(|| format!("there is no role {role}"))?.launch = launch;
        self.kill_together(&[role]).await
    }

    /// The process of a role; `None` when it has ended.
    pub fn process(&self, role: &str) -> Option<u32> {
        self.processes.iter().find(|process| process.role == role)?.child.id()
    }

    /// The addresses of the roles' nodes.
    pub fn addresses(&self) -> &BTreeMap<&'static str, SocketAddr> {
        &self.addresses
    }

    /// Waits until no database holds a session that is not over.
    ///
    /// # Errors
    /// Where that takes longer than `timeout`.
    pub async fn wait_until_quiet(&self, timeout: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + timeout;
        loop {
            let open = self.open_sessions()?;
            if open == Some(0) {
                return Ok(());
            }
            if Instant::now() > deadline {
                match open {
                    Some(open) => bail!("{open} sessions are not over after {} s", timeout.as_secs()),
                    None => bail!("a role has not made its tables after {} s", timeout.as_secs()),
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How many sessions are not over, in all databases together; `None` while a role has not made its tables.
    ///
    /// # Errors
    /// Where a database cannot be read.
    pub fn open_sessions(&self) -> anyhow::Result<Option<u64>> {
        self.addresses.keys().map(|role| open_sessions(&self.directory.join(format!("{role}.db")))).sum()
    }

    /// Ends all processes. Which of them had ended by themselves.
    ///
    /// # Errors
    /// Where a process cannot be ended.
    pub async fn stop(mut self) -> anyhow::Result<Vec<&'static str>> {
        let mut ended = Vec::new();
        for process in &mut self.processes {
            match process.child.try_wait()? {
                Some(_) => ended.push(process.role),
                None => process.child.kill().await?,
            }
        }
        Ok(ended)
    }
}

/// An address on this machine that is free and stays so, for a program beside a role.
///
/// # Errors
/// Where there is none.
pub fn own_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((own_host(), 0))?.local_addr()
}

/// The host of one cluster. Linux has an address of its own for each, so that nobody else takes a port while its role is down.
fn own_host() -> Ipv4Addr {
    static CLUSTERS: AtomicU32 = AtomicU32::new(0);
    if !cfg!(target_os = "linux") {
        return Ipv4Addr::LOCALHOST;
    }
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let cluster = CLUSTERS.fetch_add(1, Ordering::Relaxed) % 254 + 1;
    Ipv4Addr::from_bits(u32::from_be_bytes([127, high, low, 0]) | cluster)
}

fn open_sessions(database: &Path) -> anyhow::Result<Option<u64>> {
    if !database.is_file() {
        return Ok(None);
    }
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    database.busy_timeout(Duration::from_secs(5))?;
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('accompanist_session', 'history')";
    if database.query_row(tables, [], |row| row.get::<_, u64>(0))? < 2 {
        return Ok(None);
    }
    let count = "SELECT count(*) FROM accompanist_session WHERE finished_at IS NULL";
    Ok(Some(database.query_row(count, [], |row| row.get(0))?))
}

/// The directory of the roles' binaries: this one's, where they are built first if cargo has built the demo only.
async fn binaries(manifest: &Path, roles: &[&str]) -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    let directory = this.parent().context("an executable has a directory")?;
    // Test binaries are one level deeper.
    let directory = if directory.ends_with("deps") { directory.parent().unwrap_or(directory) } else { directory };
    let built = |role: &&str| directory.join(role).is_file();
    if !roles.iter().all(built) || std::env::var_os("CARGO").is_some() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--manifest-path"]).arg(manifest);
        roles.iter().for_each(|role| {
            build.args(["--bin", role]);
        });
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        if !build.status().await.is_ok_and(|status| status.success()) {
            bail!("the roles' binaries are not in {} and cannot be built", directory.display());
        }
    }
    Ok(directory.to_owned())
}
