//! A session that ended its process each time it ran: it is held until a person decides.

use super::program::Divergence;
use super::{RowState, Session};

impl Session {
    /// The process has died `deaths` times in a row while it ran this session: its program does not
    /// run. What is recorded stays, messages of others are still answered, and an abort undoes it.
    pub fn handle_quarantine(&mut self, deaths: u32) {
        match self.state() {
            None | Some(RowState::Active | RowState::Voted { .. }) => self.park(Divergence {
                position: None,
                recorded: format!("that the process died {deaths} times in a row while it ran this session"),
                attempted: "to run it again; `chor retry` allows that, and `chor abort` ends the session".into(),
            }),
            // Its program does not run any more.
            Some(RowState::Aborting { .. } | RowState::Committed { .. } | RowState::Finished { .. }) => {}
        }
    }
}
