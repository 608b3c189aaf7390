//! This process and its children, as the operating system sees them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

/// The argument that makes a process of this program a child.
pub const CHILD: &str = "child";

/// Ticks per second of `/proc/self/stat`, on every Linux.
const TICKS_PER_SECOND: u64 = 100;

/// What this process has used of the processors, in and out of the kernel; zero where that is not told.
pub fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, in parentheses, may hold anything; the times are the 14th and 15th field of all.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

/// Bytes of this process in memory; zero where that is not told.
pub fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

/// Runs a part of the benchmark in a process of its own, and gives the figures that it prints, `name value` a line.
pub fn child(what: &str, directory: &Path, sessions: u64) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut command = Command::new(std::env::current_exe()?);
    let output =
        command.arg(CHILD).arg(what).arg(directory).arg(sessions.to_string()).stderr(Stdio::inherit()).output()?;
    anyhow::ensure!(output.status.success(), "`{what}` failed");
    let line = |line: &str| {
        let (name, value) = line.split_once(' ').context("a line is a name and a value")?;
        Ok((name.to_owned(), value.parse()?))
    };
    String::from_utf8(output.stdout)?.lines().map(line).collect()
}
