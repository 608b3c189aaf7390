//! Durable writes: how they are asked for, and what waits for them.

use std::sync::Arc;

use super::{Event, Run, Session, sleep};
use crate::fault::{self, Fault};
use crate::identity::{Millis, WriteId};
use crate::record::{Change, Row, RowState, Urgency, Write};

impl Session {
    /// The write `id`, and with it all before it, is durable.
    pub fn handle_durable(&mut self, id: WriteId, now: Millis) {
        self.clock = now;
        self.durable = self.durable.max(id.min(self.last_write));
        self.release();
        self.say_stable();
        self.enter_state(now);
        self.compensated(now);
        self.roll_scopes_back();
        if self.to_undo.is_some() {
            self.undo_next();
        }
        self.finish_if_durable();
        self.give_room_back();
    }

    /// Everything that waited for a write that is durable now leaves.
    pub(super) fn release(&mut self) {
        if !self.accepted && (self.durable > WriteId::default() || fault::is_on(Fault::AcceptsBeforeDurable)) {
            self.accepted = true;
            self.events.push_back(Event::Accepted);
        }
        if self.stopped || self.parked {
            return;
        }
        while let Some((_, position)) = self.gated_calls.front().copied().filter(|(after, _)| *after <= self.durable) {
            self.gated_calls.pop_front();
            self.runs.push_back(Run::Call(position));
        }
        while let Some(key) = self.held.front().copied().filter(|key| self.has_left(*key)) {
            self.held.pop_front();
            self.transmit_message(key);
        }
    }

    /// Asks for a durable write that leaves the row in `state`, with the records not yet written.
    pub(super) fn write(&mut self, state: RowState, urgency: Urgency) {
        let changes = std::mem::take(&mut self.unwritten);
        self.recorded = self.recorded.after(&changes);
        let committed = changes.iter().filter(|change| matches!(change, Change::Transaction(_))).count() as u64;
        let (replaces, commits) = self.row.as_ref().map_or((0, 0), |row| (row.version, row.commits));
        let changed = self.row.as_ref().is_none_or(|row| row.state != state);
        let row = Row {
            header: Arc::clone(&self.header),
            version: Row::version_after(replaces, self.run),
            commits: commits + committed,
            state,
            arguments: self.arguments.clone(),
            deadline: self.deadline,
        };
        self.row = Some(row.clone());
        self.last_write = WriteId(self.last_write.0 + 1);
        if changed || !changes.iter().all(nothing_depends_on) {
            self.gate = self.last_write;
            self.repeats = false;
        }
        if changed {
            self.state_write = self.last_write;
            self.entered = false;
        }
        self.writes.push_back(Write { id: self.last_write, replaces, row, changes, urgency });
    }
}

/// Whether nothing that leaves has to wait for a change.
pub(super) fn nothing_depends_on(change: &Change) -> bool {
    matches!(change, Change::Message(_)) || sleep::is_of_sleep(change)
}
