//! Holds a program against the reference interpreter: its roles, projected and played by the machine, must do what the choreography says.

mod compare;
mod desk;
mod schedule;
mod simulated;

use std::collections::BTreeMap;
use std::sync::Arc;

use accompanist::plain::PlainSession;
use accompanist::{Error, RoleId};
use chor::Compilation;
use chor::hir::{ChoreographyId, RoleKind};
use chor::interpret::{Cast, Limits, Outcome, Participant, Run, Setup, Value, interpret};
use chor::lir;

use crate::machine::{Asked, Entry, Play, Player, Wire, World, any_value};
use crate::random::Random;
pub use compare::compare;
pub use desk::Desk;
pub use schedule::{Future, Stuck, run_all};
pub use simulated::Counts;

/// What the roles of a session did.
#[derive(Debug)]
pub struct Played {
    /// What each participant has of the result, as JSON, or the reason of the abort.
    pub ended: BTreeMap<Participant, Result<serde_json::Value, String>>,
    /// How many messages were sent.
    pub messages: Option<u64>,
    /// A message that nobody received.
    pub lost: Option<String>,
    /// What each participant did, in order.
    pub log: BTreeMap<Participant, Vec<Entry>>,
    /// Where nodes crash, `log` is what was committed and what took effect outside, and this is what was called, as often as it was.
    pub called: Option<BTreeMap<Participant, Vec<Entry>>>,
}

/// A program to be held against what it says.
#[derive(Clone, Debug)]
pub struct Case {
    /// The program, without errors.
    pub compilation: Arc<Compilation>,
    /// The choreography that is played.
    pub choreography: ChoreographyId,
    /// How many members each group has.
    pub groups: BTreeMap<chor::hir::RoleId, usize>,
    /// What the services do, and the arguments.
    pub seed: u64,
    /// Whether every message comes in time, as where no clock goes.
    pub is_punctual: bool,
}

impl Case {
    /// The case of a seed: `Main`, or else the last choreography of the program whose sessions can be started.
    pub fn new(compilation: Arc<Compilation>, seed: u64) -> Option<Self> {
        let starts = |projection: &&lir::Projection| projection.starts;
        let is_main = |projection: &&lir::Projection| {
            let declared = compilation.hir.choreographies.get(projection.choreography);
            declared.is_some_and(|declared| declared.name.name == "Main")
        };
        let mut started = compilation.projections.iter().filter(starts);
        let projection = started.clone().find(is_main).or_else(|| started.next_back())?;
        let choreography = ChoreographyId(u32::try_from(projection.choreography).ok()?);
        let declared = compilation.hir.choreography(choreography);
        let mut random = Random::new(seed);
        let groups = declared.role_ids().filter(|role| declared.role(*role).kind == RoleKind::Group);
        let mut groups: BTreeMap<_, _> = groups.map(|group| (group, random.below(5))).collect();
        if let Some(count) = groups.get_mut(&projection.initiator) {
            *count = (*count).max(1);
        }
        Some(Self { compilation, choreography, groups, seed, is_punctual: false })
    }

    /// The arguments of the session.
    pub fn arguments(&self) -> Vec<Value> {
        let mut random = Random::new(self.seed ^ 0xA5A5);
        let params = &self.compilation.hir.choreography(self.choreography).params;
        params.iter().map(|param| any_value(&self.compilation.hir, &param.ty, &mut random)).collect()
    }

    /// Runs the choreography itself.
    pub fn said(&self, order: u64) -> Run {
        let world = World::new(self.seed, 0, self.is_punctual);
        let mut services = Asked { world: &world, hir: &self.compilation.hir };
        let setup = Setup { groups: self.groups.clone(), arguments: self.arguments(), order };
        let limits = Limits { steps: 20_000, depth: 600 };
        interpret(&self.compilation, self.choreography, &setup, &mut services, limits)
    }

    /// Plays the roles on the plain runtime, in the order of that schedule.
    pub fn played(&self, schedule: u64) -> Result<Played, String> {
        let play = Play::new(Arc::clone(&self.compilation), self.choreography).ok_or("it is not projected")?;
        let (play, world) = (Arc::new(play), Arc::new(World::new(self.seed, schedule, self.is_punctual)));
        let (mut session, desk) = (PlainSession::new(), Desk::default());
        for (group, count) in &self.groups {
            session = session.members_of(RoleId(group.0), *count);
        }
        let cast = Cast::of(&self.compilation.hir, self.choreography, &self.groups);
        let (mut participants, mut futures): (Vec<Participant>, Vec<Future<'_, Result<Wire, Error>>>) =
            (Vec::new(), Vec::new());
        for (participant, role, index) in cast.all() {
            let role = RoleId(role.0);
            if !play.definition.participants.contains(&role) {
                continue;
            }
            let player = Player { play: Arc::clone(&play), role, world: Arc::clone(&world) };
            let arguments = (role == play.definition.initiator && index.is_none_or(|index| index == 0))
                .then(|| self.arguments().into_iter().map(Wire).collect());
            let session = &session;
            let store = Arc::new(desk.clone());
            participants.push(participant);
            futures.push(Box::pin(
                async move { session.play_member(player, index.unwrap_or(0), &store, arguments).await },
            ));
        }
        let ended = run_all(futures, &desk, &mut Random::new(schedule ^ 0x5EED)).map_err(|Stuck(stuck)| {
            let names = stuck.iter().filter_map(|index| participants.get(*index));
            let names: Vec<String> =
                names.map(|one| cast.name(&self.compilation.hir, self.choreography, *one)).collect();
            format!("deadlock: {} wait", names.join(", "))
        })?;
        let ended = ended.into_iter().map(|ended| match ended {
            Ok(Wire(value)) => Ok(json(&value)),
            Err(error) => Err(reason(&error)),
        });
        let ended = participants.into_iter().zip(ended).collect();
        Ok(Played {
            ended,
            messages: Some(session.messages_sent()),
            lost: world.lost(|_| false),
            log: world.log(),
            called: None,
        })
    }

    /// Plays the roles in several orders and holds each against what the choreography says; how it ended.
    pub fn check(&self, schedules: u64) -> Result<Run, String> {
        let said = self.said(0);
        if said.outcome == Outcome::Endless {
            return Ok(said);
        }
        self.check_order(&said)?;
        for schedule in 0..schedules {
            let played = self.played(self.seed.wrapping_mul(31).wrapping_add(schedule))?;
            compare(self, &said, &played).map_err(|what| format!("schedule {schedule}: {what}"))?;
        }
        Ok(said)
    }

    /// In which order the interpreter runs what runs side by side makes no difference.
    fn check_order(&self, said: &Run) -> Result<(), String> {
        let other = self.said(self.seed | 1);
        let mut sorted = [said, &other].map(|run| {
            let mut events: Vec<String> = run
                .events
                .iter()
                .map(|event| {
                    format!("{:?} {} {:?} {:?}", event.participant, event.operation, event.arguments, event.undone)
                })
                .collect();
            events.sort();
            (events, run.messages)
        });
        let [one, two] = &mut sorted;
        let same_outcome = match (&said.outcome, &other.outcome) {
            (Outcome::Aborted(_), Outcome::Aborted(_)) => true,
            (one, two) => one == two || said.is_ambiguous,
        };
        if !same_outcome || (one != two && !said.is_ambiguous) {
            return Err(format!("the interpreter's order matters: {said:#?}\n{other:#?}"));
        }
        Ok(())
    }
}

/// The JSON of a value.
pub fn json(value: &Value) -> serde_json::Value {
    serde_json::from_str(&value.json()).expect("a value writes JSON that can be read")
}

/// Why a session was aborted.
pub fn reason(error: &Error) -> String {
    error.reason().map_or_else(|| error.to_string(), str::to_owned)
}
