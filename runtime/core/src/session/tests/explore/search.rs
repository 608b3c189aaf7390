//! The search itself. A node's steps depend on nothing but the node and the frame that comes, so each is taken once, by the real core, and
//! looked up from then on: a state of the whole is one number per node and the set of frames in the network.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::super::choreography::{A, Choreography};
use super::super::drive::show;
use super::super::script::{Kind, kind};
use super::super::world::{Action, World};
use super::liar::Liar;
use super::local::{Input, Local, Summary};
use super::states::{FRAMES_MAX, Frames, ROLES_MAX, State, States};
use crate::{Body, Frame, Outcome, RoleId, ScopeNews, SessionId, Vote};

/// How many rounds a fair schedule may take until nothing is left to do.
const ROUNDS_MAX: usize = 2_000;

/// What a node's step leads to.
#[derive(Clone, Copy)]
struct Step {
    node: u32,
    says: Frames,
}

/// A node, and the steps from it that have been taken.
struct Known {
    local: Local,
    summary: Summary,
    inputs: Vec<Input>,
    /// How many of them a node takes of itself.
    progress: usize,
    steps: Vec<Option<Step>>,
    hears: Vec<Option<Step>>,
}

/// The nodes of one role.
#[derive(Default)]
struct Nodes {
    list: Vec<Known>,
    by_key: BTreeMap<u128, u32>,
    /// Frames to it.
    inbox: Frames,
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Hear(usize),
    Take(usize),
}

/// What an exploration came to.
#[derive(Clone, Debug)]
pub struct Explored {
    pub states: usize,
    /// Whether these are all.
    pub complete: bool,
    /// How it was violated, and the way there.
    pub violation: Option<String>,
}

pub struct Search {
    pub(super) choreography: Rc<Choreography>,
    id: SessionId,
    pub(super) roles: Vec<RoleId>,
    /// A role that says what it likes.
    pub(super) liar: Option<Liar>,
    nodes: Vec<Nodes>,
    frames: Vec<Frame>,
    /// For each frame, one that does all that it does: with that in the network for ever, it makes no difference.
    stronger: Vec<Option<usize>>,
    numbers: BTreeMap<Vec<u8>, usize>,
    /// Frames of the program, which are gone once a role forgets (rule G5).
    mortal: Frames,
    states: States,
    /// From which state each was reached.
    parents: Vec<u32>,
    /// States from which every role comes to the right end.
    settling: States,
}

impl Search {
    /// Every state that `choreography` can come to, but for those beyond `states_max`.
    pub fn explore(choreography: Choreography, states_max: usize) -> Explored {
        let choreography = Rc::new(choreography);
        match catch_unwind(AssertUnwindSafe(|| Self::new(choreography))) {
            Ok(search) => search.explored(states_max),
            Err(panic) => Explored { states: 0, complete: false, violation: Some(text(&*panic)) },
        }
    }

    pub(super) fn explored(self, states_max: usize) -> Explored {
        let mut search = self;
        let violation = search.run(states_max).err();
        let states = search.states.list.len();
        Explored { states, complete: violation.is_none() && states < states_max, violation }
    }

    pub(super) fn new(choreography: Rc<Choreography>) -> Self {
        let mut first = World::new(Rc::clone(&choreography), 3);
        let roles: Vec<_> = first.roles().collect();
        assert!(roles.len() <= ROLES_MAX, "a state has room for {ROLES_MAX} roles");
        first.step(Action::Start);

        Self {
            id: *first.node(A).live.keys().next().expect("a session has been started"),
            nodes: roles.iter().map(|_| Nodes::default()).collect(),
            roles,
            liar: None,
            choreography,
            frames: vec![],
            stronger: vec![],
            numbers: BTreeMap::new(),
            mortal: Frames::default(),
            states: States::default(),
            parents: vec![],
            settling: States::default(),
        }
    }

    fn run(&mut self, states_max: usize) -> Result<(), String> {
        let mut first = State::default();
        for role in 0..self.roles.len() {
            first.nodes[role] = self.number(role, Local::empty());
        }
        self.states.insert(first);
        self.parents.push(0);
        let mut index = 0;
        while let Some(state) = self.states.list.get(index).copied() {
            self.check(&state).map_err(|violation| self.tell(index, None, &violation))?;
            // Nothing is promised of the end of a session in which somebody lies.
            if self.liar.is_none() {
                let settles = State { network: Frames::default(), ..state };
                self.settle(settles).map_err(|violation| self.tell(index, None, &violation))?;
            }
            for role in 0..self.roles.len() {
                for taken in self.moves(&state, role) {
                    let next = self.take(&state, role, taken);
                    let next = next.map_err(|violation| self.tell(index, Some((role, taken)), &violation))?;
                    let network = self.without_weaker(state.network, next.network);
                    if self.states.insert(State { network, ..next }) {
                        self.parents.push(index as u32);
                    }
                }
            }
            if self.states.list.len() >= states_max {
                return Ok(());
            }
            index += 1;
        }
        Ok(())
    }

    fn moves(&self, state: &State, role: usize) -> Vec<Move> {
        let nodes = &self.nodes[role];
        if self.is_liar(role) {
            return vec![];
        }
        let hears = Frames::intersection(self.said(state), nodes.inbox).iter().map(Move::Hear);
        let inputs = &nodes.list[state.nodes[role] as usize].inputs;
        // What a liar says of old may come at any time: nobody forgets.
        let takes = (0..inputs.len()).filter(|input| self.liar.is_none() || inputs[*input] != Input::Forget);
        hears.chain(takes.map(Move::Take)).collect()
    }

    /// Nobody hears what is said to a liar, but that something was is what it knows the session from.
    fn without_unheard(&self, liar: &Liar, network: Frames) -> Frames {
        let unheard = Frames::intersection(network, self.nodes[usize::from(liar.role.0)].inbox);
        unheard.iter().skip(1).fold(network, |network, frame| network.without(Frames::of(frame)))
    }

    pub(super) fn is_liar(&self, role: usize) -> bool {
        self.liar.as_ref().is_some_and(|liar| usize::from(liar.role.0) == role)
    }

    /// What is in the network, and what a liar may say besides.
    fn said(&self, state: &State) -> Frames {
        let Some(liar) = &self.liar else { return state.network };
        let heard = Frames::intersection(state.network, self.nodes[usize::from(liar.role.0)].inbox);
        let knows = liar.role == A || !heard.is_empty();
        state.network.union(if knows { liar.says } else { Frames::intersection(liar.says, self.nodes[0].inbox) })
    }

    fn take(&mut self, state: &State, role: usize, taken: Move) -> Result<State, String> {
        let node = state.nodes[role] as usize;
        let known = &self.nodes[role].list[node];
        let cached = match taken {
            Move::Hear(frame) => known.hears.get(frame).copied().flatten(),
            Move::Take(input) => known.steps[input],
        };
        let step = match cached {
            Some(step) => step,
            None => self.step(role, node, taken)?,
        };
        let mut next = State { network: state.network.union(step.says), ..*state };
        next.nodes[role] = step.node;
        if let Some(liar) = &self.liar {
            next.network = self.without_unheard(liar, next.network);
        }
        if let Move::Take(input) = taken
            && self.nodes[role].list[node].inputs[input] == Input::Forget
        {
            next.network = next.network.without(self.mortal);
        }
        Ok(next)
    }

    /// The real core takes the step.
    fn step(&mut self, role: usize, node: usize, taken: Move) -> Result<Step, String> {
        let known = &self.nodes[role].list[node];
        let (choreography, id, me) = (&self.choreography, self.id, self.roles[role]);
        let after = catch_unwind(AssertUnwindSafe(|| match taken {
            Move::Hear(frame) => known.local.hearing(choreography, me, id, &self.frames[frame]),
            Move::Take(input) => known.local.after(choreography, me, id, known.inputs[input]),
        }));
        let (local, said) = after.map_err(|panic| text(&*panic))?;
        let mut says = Frames::default();
        for frame in said {
            let is_silent = matches!(&frame.body, Body::ScopeNews { news: ScopeNews::Waits { own: None }, .. });
            if kind(&frame) != Kind::Need && !is_silent {
                says.insert(self.number_of_frame(frame));
            }
        }
        let step = Step { node: self.number(role, local), says };
        let known = &mut self.nodes[role].list[node];
        match taken {
            Move::Hear(frame) => {
                known.hears.resize(known.hears.len().max(frame + 1), None);
                known.hears[frame] = Some(step);
            }
            Move::Take(input) => known.steps[input] = Some(step),
        }
        Ok(step)
    }

    fn number(&mut self, role: usize, local: Local) -> u32 {
        let (me, nodes) = (self.roles[role], &mut self.nodes[role]);
        *nodes.by_key.entry(local.key()).or_insert_with(|| {
            let (inputs, progress) = local.inputs(me, &self.choreography);
            let steps = vec![None; inputs.len()];
            nodes.list.push(Known {
                summary: local.summary(me, &self.choreography),
                local,
                inputs,
                progress,
                steps,
                hears: vec![],
            });
            nodes.list.len() as u32 - 1
        })
    }

    fn without_weaker(&self, before: Frames, mut network: Frames) -> Frames {
        for frame in network.without(before).iter() {
            if self.stronger[frame].is_some_and(|stronger| network.has(stronger)) {
                network = network.without(Frames::of(frame));
            }
        }
        network
    }

    pub(super) fn number_of_frame(&mut self, mut frame: Frame) -> usize {
        if let Body::Done { outcome: Outcome::Compensated, answer } = &mut frame.body {
            *answer = false; // Nobody asks.
        }
        let encoded = frame.encode();
        if let Some(number) = self.numbers.get(&encoded) {
            return *number;
        }
        let number = self.frames.len();
        assert!(number < FRAMES_MAX, "more than {FRAMES_MAX} different frames");
        self.numbers.insert(encoded, number);
        self.nodes[usize::from(frame.to.0)].inbox.insert(number);
        if matches!(kind(&frame), Kind::Message | Kind::ScopeVote | Kind::ScopeNews | Kind::Cancel) {
            self.mortal.insert(number);
        }
        let stronger = stronger(&frame);
        self.frames.push(frame);
        self.stronger.push(None);
        self.stronger[number] = stronger.map(|stronger| self.number_of_frame(stronger));
        number
    }

    fn known(&self, state: &State, role: usize) -> &Known {
        &self.nodes[role].list[state.nodes[role] as usize]
    }

    pub(super) fn summary(&self, state: &State, role: usize) -> Summary {
        self.known(state, role).summary
    }

    /// Invariants 2 and 6, and that scopes end alike everywhere.
    fn check(&self, state: &State) -> Result<(), String> {
        if self.liar.is_some() {
            return self.check_honest(state);
        }
        let summaries: [Summary; ROLES_MAX] = std::array::from_fn(|role| {
            if role < self.roles.len() { self.known(state, role).summary } else { Summary::default() }
        });
        let any = |of: fn(&Summary) -> bool| summaries.iter().any(of);
        if any(|node| node.committed) && any(|node| node.aborted) {
            return Err("two outcomes of one session".into());
        }
        if any(|node| node.pivot) && any(|node| node.aborted) {
            return Err("a pivot has committed in a session that is rolled back".into());
        }
        if any(|node| node.known) && !summaries[usize::from(A.0)].known {
            return Err("a role acts in a session that its initiator does not know".into());
        }
        if any(|node| node.ends) {
            for (role, other) in (0..self.roles.len()).flat_map(|role| (0..role).map(move |other| (role, other))) {
                if !self.known(state, role).local.agrees_of_ends(&self.known(state, other).local) {
                    return Err("a scope ended in two ways".into());
                }
            }
        }
        Ok(())
    }

    /// No more faults: all that is said is heard, every node goes on, timers run out, and every role must come to the right end.
    fn settle(&mut self, from: State) -> Result<(), String> {
        let (mut way, mut state) = (vec![], from);
        while !self.settling.contains(&state) {
            way.push(state);
            if way.len() > ROUNDS_MAX {
                return Err(format!("does not settle: {}", self.world(&state).describe()));
            }
            match self.round(&state)? {
                Some(next) => state = next,
                None => {
                    let world = self.world(&state);
                    catch_unwind(AssertUnwindSafe(|| world.check())).map_err(|panic| text(&*panic))?;
                    break;
                }
            }
        }
        way.into_iter().for_each(|state| _ = self.settling.insert(state));
        Ok(())
    }

    /// `None` once nothing is left to do.
    fn round(&mut self, state: &State) -> Result<Option<State>, String> {
        let heard = state.network;
        let mut next = State { network: Frames::default(), ..*state };
        if !heard.is_empty() {
            for frame in heard.iter() {
                let to = usize::from(self.frames[frame].to.0);
                next = self.take(&next, to, Move::Hear(frame))?;
            }
            return Ok(Some(next));
        }
        let mut went_on = false;
        for role in 0..self.roles.len() {
            while self.known(&next, role).progress > 0 {
                went_on = true;
                next = self.take(&next, role, Move::Take(0))?;
            }
        }
        if went_on {
            return Ok(Some(next));
        }
        if (0..self.roles.len()).all(|role| self.known(&next, role).summary.idle) {
            return Ok(None);
        }
        for role in 0..self.roles.len() {
            let fires = |input: &Input| matches!(input, Input::Fire(_));
            let timers = self.known(&next, role).inputs.iter().filter(|input| fires(input)).count();
            for timer in (0..timers).rev() {
                let input = self.known(&next, role).inputs.iter().position(|input| *input == Input::Fire(timer));
                if let Some(input) = input {
                    next = self.take(&next, role, Move::Take(input))?;
                }
            }
        }
        Ok(Some(next))
    }

    fn world(&self, state: &State) -> World {
        let mut world = World::new(Rc::clone(&self.choreography), 3);
        for (role, me) in self.roles.iter().enumerate() {
            self.known(state, role).local.put_into(&mut world, *me, self.id);
        }
        world
    }

    /// What went wrong, and how it came to that.
    fn tell(&self, index: usize, last: Option<(usize, Move)>, violation: &str) -> String {
        let mut way: Vec<_> = last.iter().map(|(role, taken)| self.describe(index, *role, *taken)).collect();
        let mut at = index;
        while at != 0 {
            let parent = self.parents[at] as usize;
            way.push(self.difference(parent, at));
            at = parent;
        }
        way.reverse();
        format!("{violation}\n  after {} steps:\n    {}", way.len(), way.join("\n    "))
    }

    fn difference(&self, parent: usize, index: usize) -> String {
        let (before, after) = (&self.states.list[parent], &self.states.list[index]);
        for role in 0..self.roles.len() {
            let known = self.known(before, role);
            let leads = |step: &Option<Step>| {
                step.is_some_and(|step| {
                    step.node == after.nodes[role]
                        && after.network.without(before.network) == step.says.without(before.network)
                })
            };
            let others = (0..self.roles.len()).all(|other| other == role || before.nodes[other] == after.nodes[other]);
            let said = self.said(before);
            let heard = known.hears.iter().enumerate().filter(|(frame, _)| said.has(*frame));
            let heard = heard.filter(|(_, step)| leads(step)).map(|(frame, _)| Move::Hear(frame)).next();
            let taken = known.steps.iter().position(leads).map(Move::Take).or(heard);
            if let Some(taken) = taken.filter(|_| others) {
                return self.describe(parent, role, taken);
            }
        }
        "a role forgets, and old messages are gone".into()
    }

    fn describe(&self, index: usize, role: usize, taken: Move) -> String {
        match taken {
            Move::Hear(frame) => show(&self.frames[frame]),
            Move::Take(input) => {
                format!("{:?} {:?}", self.roles[role], self.known(&self.states.list[index], role).inputs[input])
            }
        }
    }
}

/// A frame that does all that `frame` does, where both may come at any time: a role that called a message stable once it was settled has said
/// that it is done, and nothing else comes of it; an abort is told by its origin before others pass it on; a vote that asks does what one does
/// that does not, and is answered.
fn stronger(frame: &Frame) -> Option<Frame> {
    let done = Body::Done { outcome: Outcome::Committed, answer: false };
    match &frame.body {
        Body::Done { outcome: Outcome::Committed, answer: true } | Body::Stable { .. } => {
            Some(Frame { header: None, body: done, ..frame.clone() })
        }
        Body::Vote { voter, vote: Vote::Aborted { .. } } if *voter != frame.from => {
            Some(Frame { from: *voter, ..frame.clone() })
        }
        Body::ScopeVote { position, scopes, vote, asks: false } => {
            let (position, scopes, vote) = (*position, scopes.clone(), vote.clone());
            Some(Frame { body: Body::ScopeVote { position, scopes, vote, asks: true }, ..frame.clone() })
        }
        _ => None,
    }
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_else(|| "a panic".into())
}
