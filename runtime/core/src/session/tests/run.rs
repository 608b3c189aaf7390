//! One role's run of its program, as a program asks the session for what it needs.

use std::task::Poll;

use super::choreography::{Choreography, Placed, PlacedScope, mix, operation, outside_operation};
use super::reference::reason;
use crate::session::{Session, Stop};
use crate::{Digest, Path, Place, Position, RoleId, ScopeEnd, Scopes};

#[derive(Clone, Debug)]
pub struct ProgramRun {
    value: u64,
    levels: Vec<Level>,
    /// The operation at hand has been asked for.
    asked: bool,
    received: Digest,
    /// How scopes ended, as this run has just been told.
    pub ends: Vec<(Position, ScopeEnd)>,
}

#[derive(Clone, Debug)]
struct Level {
    block: usize,
    index: usize,
    path: Path,
    scopes: Scopes,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Plain,
    /// A loop: its path and site, and the round and the number of rounds.
    Rounds(Path, u32, u64, u64),
    /// A scope's body.
    Scope(Body),
}

#[derive(Clone, Debug)]
struct Body {
    outer_path: Path,
    site: u32,
    /// The role's number when it entered the scope.
    value: u64,
    received: Digest,
    otherwise: usize,
    why: bool,
    left: bool,
}

impl ProgramRun {
    pub fn new(argument: u64) -> Self {
        let root = Level { block: 0, index: 0, path: Path::ROOT, scopes: Scopes::default(), kind: Kind::Plain };
        Self { value: argument, levels: vec![root], asked: false, received: Digest::default(), ends: vec![] }
    }

    pub fn poll(
        &mut self,
        choreography: &Choreography,
        me: RoleId,
        session: &mut Session,
    ) -> Poll<Result<String, Stop>> {
        loop {
            let Some(level) = self.levels.last() else { return Poll::Ready(Ok(self.value.to_string())) };
            let left = matches!(&level.kind, Kind::Scope(body) if body.left);
            let step = choreography.blocks[level.block].get(level.index).filter(|_| !left);
            let taken = match step {
                Some((site, step)) => self.take(choreography, me, session, *site, step),
                None => self.end_of_block(session),
            };
            match taken {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                // Whatever it was due to: the innermost body that is under way is left, and the next one around it hears of it if need be.
                Poll::Ready(Err(Stop)) => {
                    let under_way = |level: &Level| matches!(&level.kind, Kind::Scope(body) if !body.left);
                    let Some(index) = self.levels.iter().rposition(under_way) else {
                        return Poll::Ready(Err(Stop));
                    };
                    self.levels.truncate(index + 1);
                    self.asked = false;
                    self.leave(session, false);
                }
            }
        }
    }

    fn leave(&mut self, session: &mut Session, completed: bool) {
        let level = self.levels.last_mut().expect("the level at hand");
        let Kind::Scope(body) = &mut level.kind else { panic!("no scope is left") };
        body.left = true;
        session.program_leave_scope(&level.scopes, completed);
    }

    fn end_of_block(&mut self, session: &mut Session) -> Poll<Result<(), Stop>> {
        let level = self.levels.last_mut().expect("the level at hand");
        match &mut level.kind {
            Kind::Rounds(path, site, round, rounds) if *round + 1 < *rounds => {
                *round += 1;
                level.path = path.child(*site, *round);
                level.index = 0;
            }
            Kind::Plain | Kind::Rounds(..) => _ = self.levels.pop(),
            Kind::Scope(body) if !body.left => self.leave(session, true),
            Kind::Scope(body) => {
                let body = body.clone();
                let end = match session.poll_scope(&level.scopes, body.why) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(end) => end?,
                };
                let scopes = level.scopes.outer();
                self.levels.pop();
                self.ends.push((body.outer_path.position(body.site), end.clone()));
                if let ScopeEnd::Aborted(why) = end {
                    assert_eq!(why.is_some(), body.why, "why is there where it is asked for");
                    self.received = body.received.then(body.outer_path.position(body.site), b"aborted");
                    self.value = why.map_or(body.value, |why| mix(body.value, reason(&why)));
                    let path = body.outer_path.child(body.site, 1);
                    self.levels.push(Level { block: body.otherwise, index: 0, path, scopes, kind: Kind::Plain });
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn take(
        &mut self,
        choreography: &Choreography,
        me: RoleId,
        session: &mut Session,
        site: u32,
        step: &Placed,
    ) -> Poll<Result<(), Stop>> {
        let level = self.levels.last_mut().expect("the level at hand");
        let (path, scopes) = (level.path, level.scopes.clone());
        level.index += 1;
        let position = path.position(site);
        let at = Place { position, scopes: scopes.clone() };
        let taken = match step {
            Placed::Send(from, to) if *from == me => {
                let payload = self.value.to_string();
                let room = session.poll_room(&at, *to, payload.len());
                room.map(|room| room.and_then(|()| session.program_send(at, *to, payload.into())))
            }
            Placed::Send(from, to) if *to == me => session.program_receive(at, *from).map_ok(|payload| {
                self.received = self.received.then(position, payload.as_bytes());
                self.value = mix(self.value, payload.parse().expect("a number"));
            }),
            Placed::Transaction(role, _) | Placed::Call(role) | Placed::Intent(role, _) if *role == me => {
                self.operate(session, at, site, step)
            }
            Placed::Require(role, behaviour) if *role == me => {
                if behaviour.ends_the_saga(self.value) {
                    session.program_refuse_in(&scopes, format!("required at {site}").into());
                    Poll::Ready(Err(Stop))
                } else {
                    Poll::Ready(Ok(()))
                }
            }
            Placed::Choice(role, odd, even) => {
                let chosen =
                    choose(choreography, me, session, (path, &scopes, site), (*role, [*odd, *even]), self.value);
                chosen.map_ok(|chosen| {
                    let block = if chosen == 0 { *odd } else { *even };
                    self.levels.push(Level { block, index: 0, path, scopes, kind: Kind::Plain });
                })
            }
            Placed::Repeat(rounds, body) if *rounds > 0 => {
                let kind = Kind::Rounds(path, site, 0, *rounds);
                self.levels.push(Level { block: *body, index: 0, path: path.child(site, 0), scopes, kind });
                Poll::Ready(Ok(()))
            }
            Placed::Scope(PlacedScope { roles, body, otherwise, why, limit_millis }) if roles.contains(&me) => {
                let entered = session.program_enter_scope(at, roles, *limit_millis);
                Poll::Ready(entered.map(|scopes| {
                    let (otherwise, value, received) = (*otherwise, self.value, self.received);
                    let left = false;
                    let kind =
                        Kind::Scope(Body { outer_path: path, site, value, received, otherwise, why: *why, left });
                    self.levels.push(Level { block: *body, index: 0, path: path.child(site, 0), scopes, kind });
                }))
            }
            _ => Poll::Ready(Ok(())),
        };
        if taken.is_pending() {
            self.levels.last_mut().expect("the level at hand").index -= 1;
        }
        taken
    }

    fn operate(&mut self, session: &mut Session, at: Place, site: u32, step: &Placed) -> Poll<Result<(), Stop>> {
        if !std::mem::replace(&mut self.asked, true) {
            let (at, name, arguments, received) =
                (at.clone(), operation(site), self.value.to_string().into(), self.received);
            let recorded = match step {
                Placed::Call(_) => session.program_call(at, &name, arguments, received),
                Placed::Intent(..) => session.program_intent(at, &outside_operation(site), arguments, received),
                _ => session.program_transaction(at, &name, arguments, received),
            };
            match recorded {
                Err(stop) => return Poll::Ready(Err(stop)),
                Ok(Some(result)) => return Poll::Ready(self.returned(&result)),
                Ok(None) => {}
            }
        }
        let called = matches!(step, Placed::Call(_) | Placed::Intent(..));
        let polled = if called { session.poll_call(at) } else { session.poll_transaction(at) };
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(stop)) => Poll::Ready(Err(stop)),
            Poll::Ready(Ok(result)) => Poll::Ready(self.returned(&result)),
        }
    }

    fn returned(&mut self, result: &str) -> Result<(), Stop> {
        self.asked = false;
        self.value = mix(self.value, result.parse().expect("a number"));
        Ok(())
    }
}

/// The branch that `role` takes, which tells all others.
fn choose(
    choreography: &Choreography,
    me: RoleId,
    session: &mut Session,
    (path, scopes, site): (Path, &Scopes, u32),
    (role, branches): (RoleId, [usize; 2]),
    value: u64,
) -> Poll<Result<usize, Stop>> {
    let at = |branch: usize| Place { position: path.position(site + branch as u32), scopes: scopes.clone() };
    if role == me {
        let chosen = usize::from(value.is_multiple_of(2));
        let others: Vec<_> = choreography.participants().into_iter().filter(|role| *role != me).collect();
        for to in &others {
            match session.poll_room(&at(chosen), *to, "null".len()) {
                Poll::Ready(room) => room?,
                Poll::Pending => return Poll::Pending,
            }
        }
        let told = others.into_iter().try_for_each(|to| {
            let is_idle = choreography.optional.roles.contains(&to) && !choreography.acts_in(branches[chosen], to);
            let payload = "null".into();
            match is_idle {
                true => session.program_tell(at(chosen), to, payload),
                false => session.program_send(at(chosen), to, payload),
            }
        });
        return Poll::Ready(told.map(|()| chosen));
    }
    let offers = [(at(0).position, role), (at(1).position, role)];
    let index = match session.program_offer(scopes, &offers) {
        Poll::Pending => return Poll::Pending,
        Poll::Ready(index) => index?,
    };
    match session.program_receive(at(index), role) {
        Poll::Pending => panic!("what is offered is there"),
        Poll::Ready(received) => {
            if choreography.acts_in(branches[index], me) {
                session.program_takes_part();
            }
            Poll::Ready(received.map(|_| index))
        }
    }
}
