//! A participant that lies: it may say anything in its own name, at any time, to anybody and as often as it likes, and keeps nothing. The
//! messages of its program are among it, with another value. The two others are honest and may crash; nobody forgets.
//!
//! No honest role may commit what an honest role has aborted by itself, or before every honest role has voted. One that was told by the liar
//! that *it* aborts may have rolled back what another commits: the liar could have voted so, and says one thing here and another there.

use std::rc::Rc;
use std::time::Instant;

use super::super::choreography::Behaviour::{MayRefuse, Works};
use super::super::choreography::Step::{Pivot, Send, Transaction};
use super::super::choreography::{A, B, C, Choreography};
use super::super::world::{Action, World};
use super::Explored;
use super::search::Search;
use super::states::{Frames, State};
use crate::{Body, Frame, Outcome, Position, RoleId, Scopes, Vote};

/// A role that lies, and all that it may say.
pub struct Liar {
    pub role: RoleId,
    pub says: Frames,
}

/// What it lies about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lies {
    /// Everything that a participant may speak of.
    OfItself,
    /// The outcome as well, where it is the initiator: of that the initiator is believed.
    OfTheOutcome,
}

/// As far as every build goes; `ACCOMPANIST_STATES=9000000` goes to the end where the initiator lies.
const STATES_MAX: usize = 3_000;

/// One that commits, one that may abort anywhere, one that is cancelled at any time, also after all others have voted, and one with a pivot.
pub fn programs_with_a_liar() -> Vec<Choreography> {
    let t = Transaction;
    let b = |of| [t(A, of), Send(A, B), t(B, of), Send(B, C), t(C, of), Send(C, A)];
    let c = [t(A, Works), Send(A, B), Send(A, C), t(B, MayRefuse), t(C, MayRefuse)];
    let l = [Send(A, B), Send(A, C), t(C, MayRefuse), Pivot(B, Works)];
    vec![
        Choreography::new("b", &b(Works)),
        Choreography::new("b, everything may refuse", &b(MayRefuse)),
        Choreography::new("b, everyone cancels", &b(Works)).cancelled_by(&[A, B, C]),
        Choreography::new("c, B and C may refuse", &c),
        Choreography::new("c, A cancels", &c).cancelled_by(&[A]),
        Choreography::new("l, the pivot at B, A cancels", &l).cancelled_by(&[A]),
    ]
}

impl Search {
    /// Every state that `choreography` can come to where `role` lies, but for those beyond `states_max`.
    pub fn explore_with_liar(choreography: Choreography, role: RoleId, lies: Lies, states_max: usize) -> Explored {
        let choreography = Rc::new(choreography.with_liar());
        let alphabet = alphabet(&choreography, role, lies);
        let mut search = Self::new(choreography);
        let mut says = Frames::default();
        for frame in alphabet {
            says.insert(search.number_of_frame(frame));
        }
        search.liar = Some(Liar { role, says });
        search.explored(states_max)
    }

    /// What must hold among the honest.
    pub(super) fn check_honest(&self, state: &State) -> Result<(), String> {
        let honest = || {
            let roles = (0..self.roles.len()).filter(|role| !self.is_liar(*role));
            roles.map(|role| self.summary(state, role))
        };
        if honest().any(|node| node.is_strange) {
            return Err("an initiator has a row of a session that it did not start".into());
        }
        if honest().any(|node| node.committed || node.pivot) {
            if honest().any(|node| node.is_origin) {
                return Err("an honest role commits what an honest one has aborted".into());
            }
            if honest().any(|node| !node.has_voted) {
                return Err("an honest role commits and an honest one has not voted".into());
            }
        }
        Ok(())
    }
}

/// All that `role` may say to the others.
fn alphabet(choreography: &Rc<Choreography>, role: RoleId, lies: Lies) -> Vec<Frame> {
    let mut world = World::new(Rc::clone(choreography), 3);
    world.step(Action::Start);
    world.settle_without_loss();
    let sent: Vec<Frame> = world.sent.iter().map(|letter| letter.frame.clone()).collect();
    let header = sent.iter().find_map(|frame| frame.header.clone()).expect("the first frame has it");
    let mut bodies: Vec<(RoleId, Body)> = Vec::new();
    for frame in &sent {
        match &frame.body {
            Body::Message { position, scopes, .. } if frame.from == role => {
                let payload = "7".into();
                bodies.push((frame.to, Body::Message { position: *position, scopes: scopes.clone(), payload }));
            }
            Body::Message { position, .. } if frame.to == role => {
                bodies.push((frame.from, Body::Stable { positions: vec![*position] }));
            }
            _ => {}
        }
    }
    for to in world.roles().filter(|to| *to != role) {
        let voters = world.roles().flat_map(|voter| {
            let aborted = Vote::Aborted { reason: "a lie".into() };
            [Vote::Completed { parts: None }, aborted].map(|vote| Body::Vote { voter, vote })
        });
        bodies.extend(voters.map(|vote| (to, vote)));
        if role != A || lies == Lies::OfTheOutcome {
            let committed = Body::Done { outcome: Outcome::Committed, answer: false };
            bodies.extend([committed, Body::OthersVoted].map(|body| (to, body)));
        }
        bodies.extend(
            [
                Body::Message { position: Position::BEGIN, scopes: Scopes::default(), payload: "null".into() },
                Body::Done { outcome: Outcome::Compensated, answer: false },
                Body::Over,
                Body::Need,
                Body::AwaitVotes,
                Body::Cancel { reason: "a lie".into() },
                Body::Refused { reason: "a lie".into() },
            ]
            .map(|body| (to, body)),
        );
    }
    let session = header.session_id();
    let frame = |(to, body)| Frame { session, from: role, to, header: Some(header.clone()), body };
    bodies.into_iter().map(frame).collect()
}

#[test]
fn a_participant_that_lies_makes_no_honest_role_commit_what_an_honest_one_aborts() {
    let asked = std::env::var("ACCOMPANIST_STATES").ok().map(|asked| asked.parse().expect("a number"));
    let mut states_of_all = 0;
    for program in programs_with_a_liar() {
        for liar in [A, B, C] {
            let (name, began) = (program.name.clone(), Instant::now());
            let states_max = asked.unwrap_or(STATES_MAX);
            let explored = Search::explore_with_liar(program.clone(), liar, Lies::OfItself, states_max);
            if let Some(violation) = explored.violation {
                panic!("{name}, {liar:?} lies: {violation}");
            }
            let (states, all) = (explored.states, if explored.complete { "all" } else { "not all" });
            states_of_all += states;
            println!("{name:28} {liar:?} lies {states:>8} states, {all:7} {:>6.1} s", began.elapsed().as_secs_f64());
        }
    }
    println!("{states_of_all} states");
}

/// What an initiator can do that nobody else can: the others believe it of the votes that it says it has. `SECURITY.md` says so.
#[test]
fn an_initiator_that_lies_of_the_outcome_is_believed() {
    let program = programs_with_a_liar().swap_remove(3);
    let explored = Search::explore_with_liar(program, A, Lies::OfTheOutcome, 100_000);
    let violation = explored.violation.expect("B commits what C refuses");
    assert!(violation.starts_with("an honest role commits"), "{violation}");
}
