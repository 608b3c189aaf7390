//! What can go wrong in a run, and how likely it is.

use super::random::Random;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// A frame is lost. The chance is that of each frame.
    Loss,
    /// A frame arrives twice, the second time up to half a minute later. The chance is that of each frame.
    Duplicate,
    /// A frame is overtaken by later ones of its connection. The chance is that of each frame.
    Reorder,
    /// A node crashes just before or after a frame comes in. The chance is that of each frame.
    CrashAtFrame,
    /// A node crashes with a commit under way, of which nothing is left. The chance is that of each commit.
    CrashBeforeCommit,
    /// A node crashes when a commit is durable and nobody has been told of it. The chance is that of each commit.
    CrashAfterCommit,
    /// A commit fails, and nothing of it is left. The chance is that of each commit.
    FailedCommit,
    /// A commit is said to have failed, and has happened. The chance is that of each commit.
    HiddenCommit,
    /// A commit takes up to a second. The chance is that of each commit.
    SlowCommit,
    /// A node's disk is full for up to ten seconds: all its commits fail. The chance is that of each node in each second.
    FullDisk,
    /// A node crashes at any moment. The chance is that of each node in each second.
    Crash,
    /// A node stands still for up to ten seconds, and then goes on. The chance is that of each node in each second.
    Pause,
    /// Two nodes, or one and all others, do not reach each other for up to ten seconds. The chance is that of each node in each second.
    Partition,
    /// A node does not reach another, which reaches it, for up to ten seconds. The chance is that of each node in each second.
    OneWayPartition,
    /// A connection breaks, and the frames on their way with it; it is made anew at once. The chance is that of each node in each second.
    Reconnect,
    /// A node's time of day jumps, forth or back, by up to an hour, and now and then by up to a week. The chance is that of each node in each second.
    ClockJump,
    /// A client gives up waiting for its answer and asks again. The chance is that of each question.
    Impatience,
    /// A commit is said to be durable, and nothing of it is left. No store may do that and nothing can bear it, so it is not among
    /// [`Fault::ALL`]: with it, runs fail, which shows that they would. The chance is that of each commit.
    LyingDisk,
}

/// How many faults there are.
const FAULTS: usize = Fault::ALL.len() + 1;

impl Fault {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Loss,
        Self::Duplicate,
        Self::Reorder,
        Self::CrashAtFrame,
        Self::CrashBeforeCommit,
        Self::CrashAfterCommit,
        Self::FailedCommit,
        Self::HiddenCommit,
        Self::SlowCommit,
        Self::FullDisk,
        Self::Crash,
        Self::Pause,
        Self::Partition,
        Self::OneWayPartition,
        Self::Reconnect,
        Self::ClockJump,
        Self::Impatience,
    ];

    /// How likely it is where all faults are.
    fn usual(self) -> f64 {
        match self {
            Self::Loss => 0.03,
            Self::Duplicate | Self::Reorder => 0.05,
            Self::CrashAtFrame => 0.003,
            Self::CrashBeforeCommit | Self::CrashAfterCommit => 0.01,
            Self::FailedCommit | Self::HiddenCommit => 0.01,
            Self::SlowCommit | Self::FullDisk | Self::Crash | Self::Pause => 0.02,
            Self::Partition | Self::OneWayPartition | Self::Reconnect => 0.03,
            Self::ClockJump => 0.02,
            Self::Impatience => 0.1,
            Self::LyingDisk => 0.0,
        }
    }
}

/// Which faults there are in a run, and how likely each is.
///
/// Every run draws for itself how much of each it has, from none to four times as much: so in some a fault that hides another is missing.
#[derive(Clone, Debug)]
pub struct Faults {
    chances: [f64; FAULTS],
    draws: bool,
}

impl Default for Faults {
    fn default() -> Self {
        Self::all()
    }
}

impl Faults {
    /// Nothing goes wrong of itself.
    pub fn none() -> Self {
        Self { chances: [0.0; FAULTS], draws: false }
    }

    /// Everything goes wrong now and then.
    pub fn all() -> Self {
        let mut all = Self { draws: true, ..Self::none() };
        Fault::ALL.into_iter().for_each(|fault| all.set(fault, fault.usual()));
        all
    }

    /// With this fault, this likely; what that is the chance of is said at each [`Fault`].
    pub fn with(mut self, fault: Fault, chance: f64) -> Self {
        self.set(fault, chance);
        self
    }

    /// Without this fault.
    pub fn without(self, fault: Fault) -> Self {
        self.with(fault, 0.0)
    }

    /// Exactly this likely in every run.
    pub fn in_every_run(mut self) -> Self {
        self.draws = false;
        self
    }

    /// Whether every run draws how much of them it has.
    pub(super) fn draws(&self) -> bool {
        self.draws
    }

    pub(super) fn chance(&self, fault: Fault) -> f64 {
        self.chances.get(fault as usize).copied().unwrap_or_default()
    }

    fn set(&mut self, fault: Fault, chance: f64) {
        if let Some(kept) = self.chances.get_mut(fault as usize) {
            *kept = chance;
        }
    }

    /// The faults of one run.
    pub(super) fn of_run(&self, random: &mut Random) -> Self {
        let mut of_run = self.clone();
        for fault in Fault::ALL {
            let factor = match random.within(0..4) {
                0 => 0.0,
                1 => 0.25,
                2 => 1.0,
                _ => 4.0,
            };
            if self.draws {
                of_run.set(fault, self.chance(fault) * factor);
            }
        }
        of_run
    }
}

/// How often each fault has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FaultCounts([u64; FAULTS]);

impl FaultCounts {
    pub(super) fn get(&self, fault: Fault) -> u64 {
        self.0.get(fault as usize).copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, fault: Fault, more: u64) {
        if let Some(count) = self.0.get_mut(fault as usize) {
            *count += more;
        }
    }
}
