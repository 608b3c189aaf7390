//! How much memory each role takes, and how many sessions end, second by second.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use accompanist_tests::soak::ROLES;

use crate::cluster::Cluster;
use crate::load::Tally;

/// How many lines the table has.
const LINES: usize = 12;

/// How much larger memory may be in the last third of a run than in the second: by this factor, and by so many KiB.
const GROWTH_MAX: f64 = 1.3;
const GROWTH_KIB_MAX: f64 = 8.0 * 1024.0;

/// One second.
#[derive(Clone, Debug)]
struct Sample {
    second: f64,
    settled: u64,
    roles: Vec<RoleSample>,
}

/// One role then; `None` where it did not run, or the system does not say.
#[derive(Clone, Debug)]
struct RoleSample {
    process: Option<u32>,
    resident_kib: Option<u64>,
    files: Option<usize>,
}

/// All seconds.
#[derive(Debug, Default)]
pub struct Samples(Mutex<Vec<Sample>>);

impl RoleSample {
    fn of(process: Option<u32>) -> Self {
        let status = process.and_then(|process| std::fs::read_to_string(format!("/proc/{process}/status")).ok());
        let resident_kib = status.and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.trim().trim_end_matches(" kB").parse().ok()
        });
        let files = process.and_then(|process| std::fs::read_dir(format!("/proc/{process}/fd")).ok());
        Self { process, resident_kib, files: files.map(Iterator::count) }
    }
}

fn mean(numbers: impl Iterator<Item = u64>) -> Option<f64> {
    let (count, sum) = numbers.fold((0_u64, 0), |(count, sum), number| (count + 1, sum + number));
    (count > 0).then(|| sum as f64 / count as f64)
}

impl Samples {
    /// Takes samples for ever.
    pub async fn take(&self, cluster: &Cluster, tally: &Tally, begun: Instant) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
            let roles = ROLES.into_iter().map(|role| RoleSample::of(cluster.process(role))).collect();
            let settled = tally.settled.load(Ordering::Relaxed);
            self.all().push(Sample { second: begun.elapsed().as_secs_f64(), settled, roles });
        }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Sample>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Writes every sample to a file, and gives its path.
    pub fn write(&self, seed: u64) -> PathBuf {
        let mut text = String::from("second,settled");
        ROLES.iter().for_each(|role| {
            let _ = write!(text, ",{role}_process,{role}_resident_kib,{role}_files");
        });
        for sample in self.all().iter() {
            let _ = write!(text, "\n{:.1},{}", sample.second, sample.settled);
            for role in &sample.roles {
                let cell = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
                let (process, files) = (role.process.map(u64::from), role.files.map(|files| files as u64));
                let _ = write!(text, ",{},{},{}", cell(process), cell(role.resident_kib), cell(files));
            }
        }
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("soak-{seed}.csv"));
        std::fs::write(&path, text + "\n").expect("the directory for tests can be written");
        path
    }

    /// The samples, a twelfth of the run in each line.
    pub fn table(&self) -> String {
        let samples = self.all();
        let mut text = String::from("  from s   sessions/s");
        ROLES.iter().for_each(|role| {
            let _ = write!(text, "{:>16}", format!("{role} MiB"));
        });
        text.push_str("   files open");
        for part in samples.chunks(samples.len().div_ceil(LINES).max(1)) {
            let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
            let settled_before = first.settled;
            let rate = (last.settled - settled_before) as f64 / (last.second - first.second).max(1.0);
            let _ = write!(text, "\n{:>8.0} {rate:>12.1}", first.second);
            for role in 0..ROLES.len() {
                let resident = mean(part.iter().filter_map(|sample| sample.roles[role].resident_kib));
                let shown = resident.map_or_else(|| "-".to_owned(), |kib| format!("{:.1}", kib / 1024.0));
                let _ = write!(text, "{shown:>16}");
            }
            let files = part.iter().flat_map(|sample| sample.roles.iter().filter_map(|role| role.files)).max();
            let _ = write!(text, "{:>13}", files.map_or_else(|| "-".to_owned(), |files| files.to_string()));
        }
        text
    }

    /// The roles whose memory grew from the second to the last third of `seconds`: there should be none.
    pub fn grown(&self, seconds: f64) -> Vec<String> {
        let samples = self.all();
        let third = |role: usize, number: f64| {
            let within = |second: f64| (seconds * number / 3.0..seconds * (number + 1.0) / 3.0).contains(&second);
            let part = samples.iter().filter(|sample| within(sample.second));
            mean(part.filter_map(|sample| sample.roles[role].resident_kib))
        };
        let mut grown = Vec::new();
        for (index, role) in ROLES.into_iter().enumerate() {
            if let (Some(second), Some(last)) = (third(index, 1.0), third(index, 2.0))
                && last > second * GROWTH_MAX + GROWTH_KIB_MAX
            {
                grown.push(format!("{role}: {second:.0} KiB in the second third, {last:.0} in the last"));
            }
        }
        grown
    }
}
