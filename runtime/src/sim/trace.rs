//! What has happened in a run: the latest of it, to be drawn, and a digest of all.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::disk::Plan;
use crate::store::driven::Carried;

/// How many events are kept.
const EVENTS_MAX: usize = 20_000;

/// Something that happened.
#[derive(Debug)]
pub(super) enum Noted {
    Arrives { from: usize, to: usize, bytes: Arc<[u8]> },
    Lost { from: usize, to: usize, bytes: Arc<[u8]> },
    CutOff { from: usize, to: usize, bytes: Arc<[u8]> },
    NobodyThere { from: usize, to: usize, bytes: Arc<[u8]> },
    Connected(usize, usize),
    Cut(usize, usize),
    Heals(usize, usize),
    Starts(usize),
    Crashes(usize),
    Pauses(usize),
    Resumes(usize),
    DiskFull(usize),
    ClockTurned(usize, i64),
    Commit { node: usize, carried: Vec<Carried>, plan: Plan },
    Told { node: usize, id: String, what: String },
}

/// The trace of a run.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) events: VecDeque<(u64, Noted)>,
    /// How many are not kept any more.
    pub(super) left_out: u64,
    hasher: DefaultHasher,
}

impl Trace {
    pub(super) fn note(&mut self, millis: u64, noted: Noted) {
        millis.hash(&mut self.hasher);
        noted.digest(&mut self.hasher);
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
            self.left_out += 1;
        }
        self.events.push_back((millis, noted));
    }

    /// The same for two runs in which the same has happened.
    pub(super) fn digest(&self) -> u64 {
        self.hasher.finish()
    }
}

impl Noted {
    fn digest(&self, hasher: &mut DefaultHasher) {
        std::mem::discriminant(self).hash(hasher);
        match self {
            Self::Arrives { from, to, bytes }
            | Self::Lost { from, to, bytes }
            | Self::CutOff { from, to, bytes }
            | Self::NobodyThere { from, to, bytes } => (from, to, bytes).hash(hasher),
            Self::ClockTurned(node, millis) => (node, millis).hash(hasher),
            Self::Connected(one, other) | Self::Cut(one, other) | Self::Heals(one, other) => (one, other).hash(hasher),
            Self::Starts(node)
            | Self::Crashes(node)
            | Self::Pauses(node)
            | Self::Resumes(node)
            | Self::DiskFull(node) => node.hash(hasher),
            Self::Commit { node, carried, plan } => {
                (node, plan.crashes, plan.told.is_some()).hash(hasher);
                for carried in carried {
                    let versions = carried.result.iter().flatten().map(|write| write.row.version);
                    (carried.key, versions.collect::<Vec<_>>()).hash(hasher);
                }
            }
            Self::Told { node, id, what } => (node, id, what).hash(hasher),
        }
    }
}
