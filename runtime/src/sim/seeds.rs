//! Runs, seed after seed; and what is said of one that fails.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use super::Sim;
use super::diagram;
use super::faults::{Fault, FaultCounts, Faults};
use super::world::{Failure, World};

/// Runs of a test, one for each seed.
#[derive(Clone, Debug)]
pub struct Seeds {
    seeds: Range<u64>,
    faults: Faults,
}

/// What happened in runs that went well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many runs there were.
    pub runs: u64,
    /// Sessions that were started durably, in all runs.
    pub sessions: u64,
    /// Those of them that were rolled back.
    pub aborted: u64,
    /// Frames that were sent.
    pub frames: u64,
    /// Commits that nodes asked for.
    pub commits: u64,
    /// The same for runs in which the same has happened, in the same order and at the same time.
    pub digest: u64,
    faults: FaultCounts,
}

impl Report {
    /// How often a fault has happened.
    pub fn count(&self, fault: Fault) -> u64 {
        self.faults.get(fault)
    }

    fn add(&mut self, world: &World) {
        self.runs += 1;
        world.with(|state| {
            let (sessions, aborted) = state.ledger.count();
            self.sessions += sessions;
            self.aborted += aborted;
            self.frames += state.frames;
            self.commits += state.commits;
            self.digest = self.digest.rotate_left(5) ^ state.trace.digest();
            for fault in Fault::ALL {
                self.faults.add(fault, state.counts.get(fault));
            }
        });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, sessions, aborted, frames, commits, .. } = self;
        write!(f, "{runs} runs, {sessions} sessions ({aborted} rolled back), {frames} frames, {commits} commits")?;
        Fault::ALL.iter().try_for_each(|fault| write!(f, ", {fault:?} {}", self.count(*fault)))
    }
}

/// A run that failed.
pub struct Failed {
    /// The seed of the run.
    pub seed: u64,
    /// What went wrong.
    pub what: String,
    /// The last things that happened, as a Mermaid sequence diagram: those of the session that failed, where it was one.
    pub diagram: String,
    panic: Option<Box<dyn Any + Send>>,
}

impl fmt::Debug for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failed").field("seed", &self.seed).field("what", &self.what).finish_non_exhaustive()
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the run with the seed {} failed: {}", self.seed, self.what)
    }
}

impl std::error::Error for Failed {}

/// Runs with these seeds, and with [`Faults::all`] unless something else is said.
///
/// `ACCOMPANIST_SIM_SEED=17` in the environment runs that seed only, and `ACCOMPANIST_SIM_SEEDS=1000+500` those from 1000 to 1499.
pub fn seeds(seeds: Range<u64>) -> Seeds {
    Seeds { seeds, faults: Faults::default() }
}

impl Seeds {
    /// What goes wrong in the runs.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Runs `test` once for each seed. When it is over, everything is mended and all sessions must settle, as by [`Sim::quiet`]; then they are
    /// forgotten, and nothing of them may be left.
    ///
    /// # Panics
    /// Where a run fails: the seed, how to run it again, and where its diagram is are printed.
    pub fn run<F>(self, test: impl Fn(Sim) -> F) -> Report
    where
        F: Future<Output = ()>,
    {
        match self.check(test) {
            Ok(report) => report,
            Err(failed) => failed.report(),
        }
    }

    /// As [`Seeds::run`], and gives back the first run that fails.
    ///
    /// # Errors
    /// The first run that fails.
    pub fn check<F>(self, test: impl Fn(Sim) -> F) -> Result<Report, Failed>
    where
        F: Future<Output = ()>,
    {
        let mut report = Report::default();
        for seed in asked_for().unwrap_or(self.seeds) {
            self::run(seed, &self.faults, &test, &mut report)?;
        }
        Ok(report)
    }
}

/// The seeds that the environment asks for.
fn asked_for() -> Option<Range<u64>> {
    if let Some(seed) = std::env::var("ACCOMPANIST_SIM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return Some(seed..seed + 1);
    }
    let seeds = std::env::var("ACCOMPANIST_SIM_SEEDS").ok()?;
    let (first, count) = seeds.split_once('+')?;
    let first: u64 = first.parse().ok()?;
    Some(first..first + count.parse::<u64>().ok()?)
}

/// One run.
fn run<F>(seed: u64, faults: &Faults, test: &impl Fn(Sim) -> F, report: &mut Report) -> Result<(), Failed>
where
    F: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without input and output needs nothing that could be missing");
    let (ended, world) = {
        let _entered = runtime.enter();
        let world = World::new(seed, faults);
        (catch_unwind(AssertUnwindSafe(|| runtime.block_on(play(&world, test)))), world)
    };
    drop(runtime);
    let (failure, panic) = match ended {
        Ok(Ok(())) => {
            report.add(&world);
            world.clear();
            return Ok(());
        }
        Ok(Err(failure)) => (failure, None),
        Err(panic) => {
            // What the run failed of may have come to the test as a panic.
            let what = crate::store::panic_text(panic.as_ref()).to_owned();
            match world.failure() {
                Some(failure) => (failure, None),
                None => (Failure { what, session: None }, Some(panic)),
            }
        }
    };
    let diagram = world.with(|state| diagram::mermaid(state, failure.session));
    world.clear();
    let what = match failure.session {
        Some(session) => format!("session {session:?}: {}", failure.what),
        None => failure.what,
    };
    Err(Failed { seed, what, diagram, panic })
}

async fn play<F>(world: &Arc<World>, test: &impl Fn(Sim) -> F) -> Result<(), Failure>
where
    F: Future<Output = ()>,
{
    tokio::spawn(Arc::clone(world).drive());
    let sim = Sim { world: Arc::clone(world) };
    let whole = async {
        test(sim).await;
        let failed = |(what, session)| Failure { what, session };
        world.quiet().await.map_err(failed)?;
        world.forget().await.map_err(failed)
    };
    tokio::select! {
        biased;
        failure = world.failed() => Err(failure),
        ended = whole => ended,
    }
}

impl Failed {
    /// Prints all of it, and panics.
    fn report(self) -> ! {
        let test = std::thread::current().name().unwrap_or("main").to_owned();
        let file = self.write(&test);
        eprintln!("{self}\n  to run it again: ACCOMPANIST_SIM_SEED={} cargo test {test}", self.seed);
        match file {
            Ok(path) => eprintln!("  what happened, as a Mermaid sequence diagram: {}", path.display()),
            Err(error) => eprintln!("  what happened (its file cannot be written: {error}):\n{}", self.diagram),
        }
        resume_unwind(self.panic.unwrap_or_else(|| Box::new(self.what)))
    }

    fn write(&self, test: &str) -> std::io::Result<PathBuf> {
        let name: String = test.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let path = std::env::temp_dir().join(format!("accompanist-{name}-{}.mmd", self.seed));
        std::fs::write(&path, &self.diagram)?;
        Ok(path)
    }
}
