//! The roles as processes: started, killed, stopped for a while and started again.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};

use accompanist_tests::authority::Authority;
use accompanist_tests::soak::ROLES;
use tokio::process::{Child, Command};

use crate::disk::Disk;
use accompanist_tests::proxy::Proxy;

/// The role whose disk is small.
pub const SMALL: &str = "club";

struct Process {
    arguments: Vec<String>,
    child: Option<Child>,
    kills: u64,
    /// It is stopped by a signal.
    paused: bool,
}

/// The three roles, and what is between them.
pub struct Cluster {
    directory: tempfile::TempDir,
    /// Of the role `SMALL`.
    pub disk: Disk,
    desks: BTreeMap<&'static str, SocketAddr>,
    /// By the names of the two roles, the one that dials first.
    pub proxies: BTreeMap<(&'static str, &'static str), Proxy>,
    /// The roles speak TLS.
    over_tls: bool,
    processes: Mutex<BTreeMap<&'static str, Process>>,
}

/// A host of this run alone, where the system has as many: nobody else takes a port while its role is down.
fn own_host() -> Ipv4Addr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    if cfg!(target_os = "linux") { Ipv4Addr::new(127, high.max(1), low, 250) } else { Ipv4Addr::LOCALHOST }
}

impl Cluster {
    /// Starts them, for a run of so many seconds.
    pub async fn start(seconds: u64, over_tls: bool) -> Self {
        // On a real disk, where there is one: syncs are to take their time.
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let disk = Disk::new(directory.path().join("small"), seconds);
        let host = own_host();
        // Held until all are chosen, so that no two are the same.
        let held: Vec<TcpListener> =
            (0..ROLES.len() * 2).map(|_| TcpListener::bind((host, 0)).expect("a port")).collect();
        let mut free = held.iter().map(|listener| listener.local_addr().expect("its address"));
        let listens: BTreeMap<_, _> = ROLES.into_iter().zip(free.by_ref()).collect();
        let desks = ROLES.into_iter().zip(free).collect();
        let (proxies, processes) = (BTreeMap::new(), Mutex::default());
        let mut cluster = Self { directory, disk, desks, proxies, over_tls, processes };
        for dialer in ROLES {
            for listener in ROLES.into_iter().filter(|listener| dialer < *listener) {
                let proxy = Proxy::start(host, listens[listener]).await;
                cluster.proxies.insert((dialer, listener), proxy);
            }
        }
        drop(held);
        let authority = Authority::new("the soak's");
        for role in ROLES {
            authority.issue(role, &authority.pem(), cluster.directory.path());
            let arguments = cluster.arguments(role, &listens);
            let process = Process { arguments, child: None, kills: 0, paused: false };
            cluster.processes().insert(role, process);
            cluster.run(role);
        }
        cluster
    }

    fn arguments(&self, role: &'static str, listens: &BTreeMap<&'static str, SocketAddr>) -> Vec<String> {
        let mut arguments = vec![
            role.to_owned(),
            format!("--database={}", self.database(role).display()),
            format!("--listen={}", listens[role]),
            format!("--desk={}", self.desks[role]),
        ];
        for peer in ROLES.into_iter().filter(|peer| *peer != role) {
            let address = self.proxies.get(&(role, peer)).map_or(listens[peer], Proxy::address);
            arguments.push(format!("--peer={peer}={address}"));
        }
        if self.over_tls {
            arguments.extend(Authority::arguments(role, self.directory.path()));
        }
        if role == SMALL {
            arguments.extend(self.disk.bytes_max().map(|bytes| format!("--bytes-max={bytes}")));
        }
        arguments
    }

    fn processes(&self) -> MutexGuard<'_, BTreeMap<&'static str, Process>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where sessions are asked for.
    pub fn desk(&self, role: &str) -> SocketAddr {
        self.desks[role]
    }

    /// The database of a role.
    pub fn database(&self, role: &str) -> PathBuf {
        let directory = if role == SMALL { self.disk.directory() } else { self.directory.path() };
        directory.join(format!("{role}.db"))
    }

    fn log(&self, role: &str) -> PathBuf {
        self.directory.path().join(format!("{role}.log"))
    }

    /// The last lines that a role wrote to standard error.
    pub fn said(&self, role: &str) -> String {
        let text = std::fs::read(self.log(role)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Starts a role that does not run.
    pub fn run(&self, role: &'static str) {
        let log = std::fs::File::options().create(true).append(true).open(self.log(role)).expect("a log");
        let mut processes = self.processes();
        let process = processes.get_mut(role).expect("it is a role");
        if process.child.is_some() {
            return;
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_soak_role"));
        command.args(&process.arguments).stdin(Stdio::piped()).stderr(Stdio::from(log)).kill_on_drop(true);
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "error");
        }
        process.child = Some(command.spawn().expect("the role starts"));
        process.paused = false;
    }

    /// Ends a role by SIGKILL, and waits until it is gone.
    pub async fn kill(&self, role: &'static str) {
        let child = {
            let mut processes = self.processes();
            let process = processes.get_mut(role).expect("it is a role");
            process.kills += 1;
            process.child.take()
        };
        if let Some(mut child) = child {
            child.kill().await.expect("it can be killed");
        }
    }

    /// Stops a role, or lets it go on; nothing where it does not run.
    pub fn pause(&self, role: &'static str, paused: bool) {
        let mut processes = self.processes();
        let process = processes.get_mut(role).expect("it is a role");
        let Some(id) = process.child.as_ref().and_then(Child::id).filter(|_| process.paused != paused) else { return };
        let name = if paused { "STOP" } else { "CONT" };
        let sent = std::process::Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{name} to {role}");
        process.paused = paused;
    }

    /// The role's process, where it runs.
    pub fn process(&self, role: &str) -> Option<u32> {
        self.processes().get(role)?.child.as_ref()?.id()
    }

    /// How often a role was killed.
    pub fn kills(&self, role: &str) -> u64 {
        self.processes()[role].kills
    }

    /// The roles that ended by themselves: they are not running any more.
    pub fn take_ended(&self) -> Vec<(&'static str, String)> {
        let mut ended = Vec::new();
        for (role, process) in self.processes().iter_mut() {
            if let Some(status) = process.child.as_mut().and_then(|child| child.try_wait().expect("it can be asked")) {
                process.child = None;
                ended.push((*role, status.to_string()));
            }
        }
        ended
    }

    /// Everything of the run stays where it is, for whoever looks into it.
    pub fn keep(&self) -> PathBuf {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("soak-kept-{}", std::process::id()));
        std::fs::create_dir_all(&kept).expect("a directory");
        for role in ROLES {
            let database = self.database(role);
            for file in [self.log(role), database.clone(), database.with_extension("db-wal")] {
                // What is not there is not kept.
                let _ = std::fs::copy(&file, kept.join(file.file_name().expect("it has a name")));
            }
        }
        kept
    }
}
