//! Plays the roles of a program on the simulator: each participant is a node of its own, with a store, on a virtual network, and what may go wrong does.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accompanist::sim::{self, Faults, Sim, SimNode};
use accompanist::store::Memory;
use accompanist::{Retry, RoleId, Timing};
use chor::interpret::{Cast, Outcome, Participant, Run, Value};

use super::{Case, Played, compare, json, reason};
use crate::machine::{Arguments, Effects, Entry, LATE_MILLIS_MAX, Play, Player, Wire, World};

/// How long a session may take while nodes crash, on the clock of its run.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What happened in simulated runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// The runs.
    pub runs: u64,
    /// Those that were rolled back.
    pub aborted: u64,
    /// Frames that were sent.
    pub frames: u64,
    /// Commits.
    pub commits: u64,
    /// Crashes of nodes.
    pub crashes: u64,
}

impl Counts {
    fn add(&mut self, report: &sim::Report) {
        use accompanist::sim::Fault;
        let crashes = [Fault::Crash, Fault::CrashAtFrame, Fault::CrashBeforeCommit, Fault::CrashAfterCommit];
        self.runs += report.runs;
        self.aborted += report.aborted;
        self.frames += report.frames;
        self.commits += report.commits;
        self.crashes += crashes.into_iter().map(|fault| report.count(fault)).sum::<u64>();
    }
}

/// A session to be simulated.
struct Stage {
    case: Case,
    play: Arc<Play>,
    world: Arc<World>,
    cast: Cast,
    /// Whether nodes crash, so that operations are called again.
    is_faulty: bool,
}

impl Case {
    /// Plays the roles on the simulator, without faults or with them, and holds what they did against what the choreography says.
    pub fn check_simulated(&self, said: &Run, seed: u64, is_faulty: bool, counts: &mut Counts) -> Result<(), String> {
        if said.outcome == Outcome::Endless {
            return Ok(());
        }
        let played = self.simulated(seed, is_faulty, counts)?;
        compare(self, said, &played)
    }

    fn simulated(&self, seed: u64, is_faulty: bool, counts: &mut Counts) -> Result<Played, String> {
        let play = Play::new(Arc::clone(&self.compilation), self.choreography).ok_or("it is not projected")?;
        let world = World::new(self.seed, seed, self.is_punctual).without_pauses();
        let world = if is_faulty { world.with_late_calls(seed) } else { world };
        let stage = Arc::new(Stage {
            case: self.clone(),
            play: Arc::new(play),
            world: Arc::new(world),
            cast: Cast::of(&self.compilation.hir, self.choreography, &self.groups),
            is_faulty,
        });
        let played: Arc<Mutex<Option<Result<Played, String>>>> = Arc::default();
        let faults = if is_faulty { Faults::all() } else { Faults::none() };
        let run = sim::seeds(seed..seed + 1).faults(faults).check(|sim| {
            let (stage, played) = (Arc::clone(&stage), Arc::clone(&played));
            async move {
                let result = stage.run(sim).await;
                *played.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            }
        });
        let report = run.map_err(|failed| format!("{failed}\n{}", failed.diagram))?;
        counts.add(&report);
        let played = played.lock().unwrap_or_else(PoisonError::into_inner).take();
        played.unwrap_or_else(|| Err("it has not been played".to_owned()))
    }
}

impl Stage {
    fn name(&self, role: chor::hir::RoleId, index: Option<usize>) -> String {
        let role = self.play.compilation.hir.choreography(self.case.choreography).role_name(role).to_lowercase();
        index.map_or_else(|| role.clone(), |index| format!("{role}{index}"))
    }

    /// Each group, and the nodes that play its members.
    fn groups(&self) -> impl Iterator<Item = (String, Vec<String>)> {
        self.case.groups.iter().map(|(group, count)| {
            let names = (0..*count).map(|index| self.name(*group, Some(index))).collect();
            (self.play.compilation.hir.choreography(self.case.choreography).role_name(*group).to_owned(), names)
        })
    }

    /// Each participant's node.
    fn nodes(&self, sim: &Sim) -> Vec<(Participant, RoleId, SimNode<Memory>)> {
        let mut nodes = Vec::new();
        for (participant, role, index) in self.cast.all() {
            let declared = RoleId(role.0);
            if !self.play.definition.participants.contains(&declared) {
                continue;
            }
            let (play, world) = (Arc::clone(&self.play), Arc::clone(&self.world));
            let groups: Vec<_> = self.groups().collect();
            // However often a commit fails, the session does not give up.
            let timing = Timing { retry: Retry::new().for_ever(), ..Timing::default() };
            let node = sim.node(&self.name(role, index), sim::memory(), move |node| {
                let player = Player { play: Arc::clone(&play), role: declared, world: Arc::clone(&world) };
                let node = groups.iter().fold(node, |node, (group, names)| node.allow(group.clone(), names.clone()));
                node.timing(timing).role(player)
            });
            nodes.push((participant, declared, node));
        }
        nodes
    }

    async fn run(&self, sim: Sim) -> Result<Played, String> {
        let nodes = self.nodes(&sim);
        let initiator = nodes.iter().find(|(_, role, _)| *role == self.play.definition.initiator);
        let (initiator, _, client) = initiator.ok_or("the initiator is nobody")?;
        let arguments = Arguments { play: Arc::clone(&self.play), values: self.case.arguments() };
        let mut start = client.start(arguments).id("1");
        for (group, names) in self.groups() {
            start = start.members(group, names);
        }
        let mut asked = pin!(start.settled());
        let answer = match tokio::time::timeout(PATIENCE, &mut asked).await {
            Ok(answer) => {
                sim.quiet().await;
                answer
            }
            // What goes wrong may go on; once it does not, the session is to end, or the run fails.
            Err(_) => tokio::join!(asked, sim.quiet()).0,
        };
        let optional = self.play.definition.optional;
        let declared = |played: RoleId| {
            let mut all = self.cast.all();
            all.find(|(participant, ..)| participant.0 == played.0).map(|(_, role, _)| RoleId(role.0))
        };
        let is_optional = |played: RoleId| optional.iter().any(|(role, _)| Some(*role) == declared(played));
        let mut ended = BTreeMap::new();
        for part in sim.history().into_iter().flat_map(|session| session.parts) {
            let outcome = match part.outcome {
                // It had no part, and ended without having voted.
                Some(Ok(text)) if text == "null" && is_optional(part.role) => Ok(json(&Value::UNIT)),
                Some(Ok(text)) => {
                    let value: Wire = serde_json::from_str(&text).map_err(|error| format!("{text}: {error}"))?;
                    Ok(json(&value.0))
                }
                Some(Err(reason)) => Err(reason),
                None => return Err(format!("{:?} has not heard of the end", part.role)),
            };
            ended.insert(Participant(part.role.0), outcome);
        }
        let answer = answer.map(|Wire(value)| json(&value)).map_err(|error| reason(&error));
        match (ended.get(initiator), answer) {
            (Some(Ok(kept)), Ok(told)) if *kept == told => {}
            (Some(Err(_)), Err(_)) => {}
            (kept, told) => return Err(format!("the client is told {told:?}, and the initiator has {kept:?}")),
        }
        // Who has no part may never hear what was said to it.
        let lost = self.world.lost(is_optional);
        let messages = Some(self.world.messages()?);
        if !self.is_faulty {
            return Ok(Played { ended, messages, lost, log: self.world.log(), called: None });
        }
        // What is still on its way arrives.
        tokio::time::sleep(Duration::from_millis(LATE_MILLIS_MAX as u64)).await;
        let mut kept = self.world.books().outside();
        kept.extend(nodes.iter().flat_map(|(_, _, node)| node.store().data::<Effects>().0));
        kept.sort_by_key(|(number, ..)| *number);
        let mut log: BTreeMap<Participant, Vec<Entry>> = BTreeMap::new();
        for (_, participant, entry) in kept {
            log.entry(participant).or_default().push(entry);
        }
        Ok(Played { ended, messages, lost, log, called: Some(self.world.log()) })
    }
}
