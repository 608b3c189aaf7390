//! What a driver does for its sessions: frames in, programs polled, operations run, writes queued, frames out.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use super::choreography::{A, Behaviour, is_outside, mix, site_of};
use super::run::ProgramRun;
use super::store::{Effect, Group};
use super::world::{LIFE_MILLIS, Letter, Live, TIMING, World};
use crate::{
    Event, Frame, Outcome, Position, Ran, RoleId, RowState, Run, Session, SessionId, answer_ask, answer_finished,
    answer_unknown, begins_session,
};

impl World {
    pub fn receive(&mut self, letter: Letter) {
        self.note(|| show(&letter.frame));
        let Letter { frame, sent } = letter;
        let frame = Frame::decode(&frame.encode()).expect("what was encoded");
        let (to, id) = (frame.to, frame.session);
        let node = self.node(to);
        if sent.plus(LIFE_MILLIS) < self.now || !node.up {
            self.note(|| "  lost".into());
            return;
        }
        if node.live.contains_key(&id) {
            return self.with(to, id, |live| live.session.handle_frame(frame));
        }
        if let Some(kept) = node.store.sessions.get(&id) {
            let RowState::Finished { outcome } = &kept.stored.row.state else { panic!("a session that was dropped") };
            let answer = self.answer_ask(Some(&kept.stored.row.state), &frame);
            let outcome = if outcome.is_ok() { Outcome::Committed } else { Outcome::Compensated };
            return self.transmit(answer.or_else(|| answer_finished(outcome, &frame)));
        }
        match &frame.header {
            Some(header) if begins_session(&frame) => {
                assert_eq!(header.session_id(), id);
                let session = Session::join(Arc::clone(header), to, TIMING, self.now);
                let session = self.choreography.configure(session);
                let live = Live { session, run: None, runs: VecDeque::new(), durable: None, ends: vec![] };
                self.node_mut(to).live.insert(id, live);
                self.with(to, id, |live| {
                    live.session.handle_frame(frame);
                    live.run = live.session.runs_program().then(|| ProgramRun::new(0));
                });
            }
            _ => self.transmit(self.answer_ask(None, &frame).or_else(|| answer_unknown(&frame))),
        }
    }

    /// Elsewhere nobody depends on the answer, and it would hide some of the planted faults.
    fn answer_ask(&self, state: Option<&RowState>, frame: &Frame) -> Option<Frame> {
        if self.choreography.optional.roles.is_empty() { None } else { answer_ask(state, frame) }
    }

    fn transmit(&mut self, frame: Option<Frame>) {
        if let Some(frame) = frame {
            self.messages_sent += 1;
            let letter = Letter { frame, sent: self.now };
            self.sent.push(letter.clone());
            self.network.push(letter);
        }
    }

    /// An input of a session, and what follows, as a driver does it.
    pub fn with(&mut self, role: RoleId, id: SessionId, input: impl FnOnce(&mut Live)) {
        self.with_effect(role, id, |live| {
            input(live);
            None
        });
    }

    fn with_effect(&mut self, role: RoleId, id: SessionId, input: impl FnOnce(&mut Live) -> Option<Effect>) {
        let (now, choreography) = (self.now, Rc::clone(&self.choreography));
        let Some(live) = self.node_mut(role).live.get_mut(&id) else { return };
        let effect = input(live);
        if live.session.runs_program() {
            let run = live.run.as_mut().expect("a program that runs");
            match run.poll(&choreography, role, &mut live.session) {
                Poll::Ready(Ok(result)) => live.session.handle_program_ended(result.into(), now),
                Poll::Pending | Poll::Ready(Err(_)) => live.session.handle_program_waiting(now),
            }
            let write = live.session.last_write;
            live.ends.extend(run.ends.drain(..).map(|(scope, end)| (write, scope, end)));
        }
        let writes: Vec<_> = std::iter::from_fn(|| live.session.poll_write()).collect();
        let frames: Vec<_> = std::iter::from_fn(|| live.session.poll_transmit()).collect();
        let events: Vec<_> = std::iter::from_fn(|| live.session.poll_event()).collect();
        live.runs.extend(std::iter::from_fn(|| live.session.poll_run()));
        let effect = effect.filter(|effect| effect.undoes || live.session.keeps_transaction(effect.position));
        let queue = &mut self.node_mut(role).store.queue;
        if effect.is_some() {
            assert!(!writes.is_empty(), "an effect without a record");
            queue.push_back(Group { session: id, effect, writes });
        } else {
            queue.extend(writes.into_iter().map(|write| Group { session: id, effect: None, writes: vec![write] }));
        }
        frames.into_iter().for_each(|frame| self.transmit(Some(frame)));
        self.observe_ends(role, id);
        events.into_iter().for_each(|event| self.hear(role, id, event));
    }

    fn hear(&mut self, role: RoleId, id: SessionId, event: Event) {
        self.note(|| format!("  {role:?} {event:?}"));
        match event {
            Event::Accepted => {
                assert!(self.node(role).store.known.contains(&id), "accepted before it is durable");
                if role == A {
                    self.accepted.insert(id);
                }
            }
            Event::Decided(outcome) | Event::Settled(outcome) => {
                let result = outcome.ok();
                let before = self.decided.insert((id, role), result.clone());
                let is_so = before.is_none_or(|before| before == result) || self.choreography.has_liar;
                assert!(is_so, "told something else than before");
                self.check_outcomes(id);
            }
            Event::Parked(divergence) => self.parked.push((role, divergence.to_string())),
            Event::Finished => _ = self.node_mut(role).live.remove(&id),
            Event::CompensationFailed { .. }
            | Event::OperationFailed { .. }
            | Event::OperationGivenUp { .. }
            | Event::PeerRefused { .. } => {}
            // No database of these worlds loses what it holds.
            Event::Doubtful(_) | Event::PeerForgot { .. } | Event::Contradiction { .. } => {
                self.parked.push((role, format!("{event:?}")));
            }
        }
    }

    pub fn operate(&mut self, role: RoleId, id: SessionId, late: bool) {
        let Some(run) = self.node_mut(role).live.get_mut(&id).and_then(|live| live.runs.pop_front()) else { return };
        let now = self.now;
        match run {
            Run::Transaction(position) => {
                let live = &self.node(role).live[&id];
                if !live.session.may_run(position) {
                    return;
                }
                let request = &live.session.transaction_requests[&position];
                let (operation, arguments) = (Arc::clone(&request.operation), Arc::clone(&request.arguments));
                let ran = self.ran(role, id, position, (&operation, &arguments));
                self.with_effect(role, id, |live| {
                    let kept = live.session.handle_transaction_ran(position, ran, now);
                    kept.then_some(Effect { session: id, position, undoes: false })
                });
            }
            Run::Call(position) if self.is_intended(role, id, position) => {
                let ran = self.call_outside(role, id, position, late);
                self.with(role, id, |live| live.session.handle_call_returned(position, ran, now));
            }
            Run::Call(position) => {
                self.calls += 1;
                let value = mix(self.calls, 99);
                let ran = if self.calls.is_multiple_of(5) {
                    Ran::Failed("no answer".into())
                } else {
                    Ran::Done(value.to_string().into())
                };
                self.with(role, id, |live| live.session.handle_call_returned(position, ran, now));
            }
            Run::Compensate(record) => {
                let position = record.position;
                assert!(!record.undone);
                let fails = self.fails(role, id, position, true, self.choreography.compensation_fails);
                let ran = if fails { Err(Arc::from("not now")) } else { Ok(()) };
                if is_outside(&record.operation) {
                    self.node(role).store.check_order_outside(id, &record);
                    if ran.is_ok() {
                        let outside = &mut self.node_mut(role).store.outside;
                        outside.entry((id, position)).or_default().barred = true;
                    }
                    return self.with(role, id, |live| _ = live.session.handle_compensated(position, ran, now));
                }
                self.with_effect(role, id, |live| {
                    let kept = live.session.handle_compensated(position, ran, now);
                    kept.then_some(Effect { session: id, position, undoes: true })
                });
            }
        }
    }

    fn ran(&mut self, role: RoleId, id: SessionId, position: Position, called: (&str, &str)) -> Ran {
        let (operation, arguments) = called;
        let behaviour = self.choreography.behaviour(operation);
        let value: u64 = arguments.parse().expect("a number");
        match behaviour {
            Behaviour::Fails(times) if self.fails(role, id, position, false, times) => Ran::Failed("not now".into()),
            Behaviour::FailsAlways => Ran::Failed("never".into()),
            Behaviour::MayRefuse if self.refuses => Ran::Refused("refused".into()),
            Behaviour::Unrecordable => Ran::Unrecordable("not recordable".into()),
            _ if behaviour.ends_the_saga(value) => Ran::Refused("refused".into()),
            _ => Ran::Done(site_of(operation).to_string().into()),
        }
    }

    fn is_intended(&self, role: RoleId, id: SessionId, position: Position) -> bool {
        let request = &self.node(role).live[&id].session.call_requests.get(&position);
        request.is_some_and(|request| is_outside(&request.operation))
    }

    /// Whoever carries it out does so once for all calls of its key.
    fn call_outside(&mut self, role: RoleId, id: SessionId, position: Position, late: bool) -> Ran {
        let request = &self.node(role).live[&id].session.call_requests[&position];
        let (operation, arguments) = (Arc::clone(&request.operation), Arc::clone(&request.arguments));
        // Not so often that a session ends for it.
        let fails = matches!(self.choreography.behaviour(&operation), Behaviour::Fails(_));
        let late = late && request.attempts == 0 && !fails;
        let ran = self.ran(role, id, position, (&operation, &arguments));
        let store = &mut self.node_mut(role).store;
        let outside = store.outside.entry((id, position)).or_default();
        match ran {
            Ran::Unrecordable(_) => {
                store.arrives(id, position);
                ran
            }
            _ if outside.happened => Ran::Done(site_of(&operation).to_string().into()),
            Ran::Done(_) if late => {
                outside.late = true;
                Ran::Failed("no answer".into())
            }
            Ran::Done(_) => {
                store.arrives(id, position);
                ran
            }
            Ran::Refused(_) | Ran::Failed(_) => ran,
        }
    }

    fn fails(&mut self, role: RoleId, id: SessionId, position: Position, undoes: bool, times: u32) -> bool {
        let failed = self.failures.get(&(role, id, position, undoes)).copied().unwrap_or_default();
        if failed < times {
            self.failures.insert((role, id, position, undoes), failed + 1);
        }
        failed < times
    }
}

pub fn show(frame: &Frame) -> String {
    let header = if frame.header.is_some() { " with header" } else { "" };
    format!("{:?} -> {:?}: {:?}{header}", frame.from, frame.to, frame.body)
}
