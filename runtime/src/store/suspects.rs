//! Sessions under suspicion: they were running when the last process died, and so may have ended
//! it. While code of one of them runs, no code of another session does, as far as that can be had:
//! so the next death is the suspect's own, and bystanders are not put in quarantine with it.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accompanist_core::SessionKey;

/// How long code waits for that of other sessions. Code that runs longer holds nobody up: then
/// both run, and both are marked.
const WAIT_MAX: Duration = Duration::from_millis(200);

/// Whose code runs at the moment.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    sessions: BTreeSet<SessionKey>,
    wait_max: Duration,
    running: Mutex<Running>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Running {
    /// Runs of sessions that are no suspects.
    others: usize,
    /// The suspects whose code runs.
    suspects: Vec<SessionKey>,
    /// Suspects that wait until nothing else runs.
    waiting: usize,
}

/// Code of a session runs until [`Suspects::leave`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Suspect(SessionKey),
    Other,
}

impl Suspects {
    pub(crate) fn new(sessions: impl IntoIterator<Item = SessionKey>) -> Self {
        Self { sessions: sessions.into_iter().collect(), wait_max: WAIT_MAX, ..Self::default() }
    }

    /// Waits until code of the session may run; not for long. None where nobody is suspected.
    pub(crate) fn enter(&self, key: SessionKey) -> Option<Turn> {
        if self.sessions.is_empty() {
            return None;
        }
        let mut running = self.lock();
        if self.sessions.contains(&key) {
            running.waiting += 1;
            let is_beside =
                |running: &mut Running| running.others > 0 || running.suspects.iter().any(|run| *run != key);
            running = self.wait(running, is_beside);
            running.waiting -= 1;
            running.suspects.push(key);
            return Some(Turn::Suspect(key));
        }
        running = self.wait(running, |running| running.waiting > 0 || !running.suspects.is_empty());
        running.others += 1;
        Some(Turn::Other)
    }

    pub(crate) fn leave(&self, turn: Turn) {
        let mut running = self.lock();
        match turn {
            Turn::Other => running.others -= 1,
            Turn::Suspect(key) => {
                if let Some(index) = running.suspects.iter().position(|run| *run == key) {
                    running.suspects.swap_remove(index);
                }
            }
        }
        drop(running);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        running: MutexGuard<'a, Running>,
        is_beside: impl FnMut(&mut Running) -> bool,
    ) -> MutexGuard<'a, Running> {
        let waited = self.changed.wait_timeout_while(running, self.wait_max, is_beside);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use accompanist_core::{RoleId, SessionId};

    use super::*;

    fn key(number: u8) -> SessionKey {
        SessionKey { session: SessionId([number; 32]), role: RoleId(0) }
    }

    #[test]
    fn nobody_waits_where_nobody_is_suspected() {
        assert_eq!(Suspects::default().enter(key(1)), None);
    }

    #[test]
    fn code_of_a_suspect_runs_alone() {
        let suspects = Arc::new(Suspects { wait_max: Duration::from_secs(600), ..Suspects::new([key(1), key(2)]) });
        let beside = suspects.enter(key(7)).expect("a turn");
        assert_eq!(suspects.enter(key(8)), Some(Turn::Other), "others run beside each other");
        suspects.leave(Turn::Other);
        let threads: Vec<_> = [1, 2, 7, 1, 8]
            .map(|number| {
                let suspects = Arc::clone(&suspects);
                thread::spawn(move || {
                    let turn = suspects.enter(key(number)).expect("a turn");
                    let running = suspects.lock();
                    let mut those = running.suspects.clone();
                    those.dedup();
                    assert!(those.is_empty() || (those.len() == 1 && running.others == 0), "{running:?}");
                    drop(running);
                    suspects.leave(turn);
                })
            })
            .into();
        suspects.leave(beside);
        for thread in threads {
            thread.join().expect("it ran as it should");
        }
    }

    #[test]
    fn code_that_runs_for_long_holds_nobody_up() {
        let suspects = Suspects { wait_max: Duration::from_millis(1), ..Suspects::new([key(1)]) };
        let beside = suspects.enter(key(7)).expect("a turn");
        let alone = suspects.enter(key(1)).expect("it goes on in the end");
        let nested = suspects.enter(key(1)).expect("code of the same session within it does not wait");
        let other = suspects.enter(key(8)).expect("it goes on in the end");
        [beside, alone, nested, other].into_iter().for_each(|turn| suspects.leave(turn));
        let running = suspects.lock();
        assert!(running.others == 0 && running.suspects.is_empty() && running.waiting == 0);
    }
}
