//! What must hold once everything is mended and nothing is left to do.

use std::sync::Arc;
use std::time::Duration;

use accompanist_core::{RowState, SessionId, SessionKey};

use super::faults::Fault;
use super::ledger::{Ledger, Part};
use super::world::World;

/// How far clocks are put forward before sessions are forgotten.
const FORGET_MILLIS: i64 = 3_650 * 24 * 3600 * 1000;

/// How long sessions may take to settle once nothing goes wrong any more.
const QUIET_SECONDS_MAX: u64 = 6 * 3600;

impl World {
    /// Mends everything, and waits until all sessions have settled and all clients have been answered.
    pub(super) async fn quiet(self: &Arc<Self>) -> Result<(), (String, Option<SessionId>)> {
        self.mend().await;
        let until = self.now() + QUIET_SECONDS_MAX * 1000;
        let mut millis = 50;
        while let Some(busy) = self.busy() {
            if self.now() > until {
                return Err(self.with(|state| match state.ledger.unsettled() {
                    Some((session, what)) => (what, Some(session)),
                    None => (format!("nothing comes to an end: {busy}"), None),
                }));
            }
            tokio::time::sleep(Duration::from_millis(millis)).await;
            millis = (millis * 2).min(5_000);
        }
        self.check()
    }

    /// Who has something left to do, if anybody.
    fn busy(&self) -> Option<String> {
        for host in self.hosts() {
            match host.sessions() {
                Some(0) => {}
                Some(count) => return Some(format!("the node `{}` has {count} sessions", host.name())),
                None => return Some(format!("the node `{}` is down", host.name())),
            }
        }
        self.with(|state| match (state.clients, state.has_frames()) {
            (0, false) => None,
            (0, true) => Some("frames are on their way".to_owned()),
            (count, _) => Some(format!("{count} clients wait for an answer")),
        })
    }

    /// What must hold when all is quiet.
    fn check(&self) -> Result<(), (String, Option<SessionId>)> {
        let hosts = self.hosts();
        self.with(|state| {
            state.ledger.check().map_err(|(what, session)| (what, Some(session)))?;
            for (index, host) in hosts.iter().enumerate() {
                let rows = host.rows().map_err(|error| (format!("the store of `{}`: {error}", host.name()), None))?;
                let clock_jumped = state.counts.get(Fault::ClockJump) > 0;
                state.ledger.agrees(index, &rows, clock_jumped).map_err(|(what, session)| (what, Some(session)))?;
            }
            Ok(())
        })
    }

    /// Forgets all sessions, and waits for what might bring one back.
    pub(super) async fn forget(self: &Arc<Self>) -> Result<(), (String, Option<SessionId>)> {
        // Later than anything was finished, by whatever clock.
        self.with(|state| state.hosts.iter_mut().for_each(|slot| slot.clock_millis += FORGET_MILLIS));
        for host in self.hosts() {
            let host: Arc<dyn super::node::Host> = host;
            Arc::clone(&host).forget().await.map_err(|error| (error, None))?;
        }
        tokio::time::sleep(Duration::from_secs(200)).await;
        for host in self.hosts() {
            let rows = host.rows().map_err(|error| (error.to_string(), None))?;
            if let Some((key, row)) = rows.first() {
                let what = format!("`{}` is forgotten, and its row is at `{}`", row.header.choreography, host.name());
                return Err((what, Some(key.session)));
            }
            if let Some(count @ 1..) = host.sessions() {
                return Err((format!("`{}` has {count} sessions that all others forgot", host.name()), None));
            }
        }
        Ok(())
    }
}

impl Ledger {
    fn sessions(&self) -> impl Iterator<Item = (SessionId, Vec<&Part>)> {
        let mut parts = self.parts.iter().peekable();
        std::iter::from_fn(move || {
            let (first, part) = parts.next()?;
            let mut of_session = vec![part];
            while let Some((_, part)) = parts.next_if(|(key, _)| key.session == first.session) {
                of_session.push(part);
            }
            Some((first.session, of_session))
        })
    }

    /// A session that is not finished, and how it stands.
    fn unsettled(&self) -> Option<(SessionId, String)> {
        let open = |(_, parts): &(SessionId, Vec<&Part>)| {
            parts.iter().any(|part| !matches!(part.state, RowState::Finished { .. }))
        };
        self.sessions().find(open).map(|(session, parts)| (session, format!("never settles: {}", describe(&parts))))
    }

    /// One outcome, everything undone or nothing, and nobody has what the initiator does not know of.
    fn check(&self) -> Result<(), (String, SessionId)> {
        for (session, parts) in self.sessions() {
            let wrong = |what: &str| (format!("{what}: {}", describe(&parts)), session);
            let Some(header) = parts.first().map(|part| &part.header) else { continue };
            if !self.parts.contains_key(&SessionKey { session, role: header.initiator }) {
                return Err(wrong("its initiator does not know it"));
            }
            let outcomes = parts.iter().map(|part| match &part.state {
                RowState::Finished { outcome } => Some(outcome.is_ok()),
                _ => None,
            });
            let outcomes: Vec<Option<bool>> = outcomes.collect();
            if outcomes.contains(&None) {
                return Err(wrong("it is not settled"));
            }
            if outcomes.contains(&Some(true)) && outcomes.contains(&Some(false)) {
                return Err(wrong("it has two outcomes"));
            }
            if let Some(record) =
                parts.iter().find_map(|part| self.pivot_of(part)).filter(|_| outcomes.contains(&Some(false)))
            {
                return Err(wrong(&format!("it is rolled back, and {} decided it", record.operation)));
            }
            let is_local = parts.iter().any(|part| part.is_local);
            let is_committed = outcomes.first() == Some(&Some(true));
            let may_be_unknown = is_committed && self.may_be_unknown_to_others(session, header);
            if parts.len() != header.participants.len() && !(is_local && parts.len() == 1) && !may_be_unknown {
                return Err(wrong("not all roles know it"));
            }
            let told = self.acknowledged.get(&session).and_then(|acknowledged| acknowledged.committed);
            if told.is_some_and(|committed| outcomes.first() != Some(&Some(committed))) {
                return Err(wrong("its client was told another outcome"));
            }
        }
        match self.acknowledged.keys().find(|session| !self.parts.keys().any(|key| key.session == **session)) {
            Some(session) => Err(("it was acknowledged, and is nowhere".to_owned(), *session)),
            None => Ok(()),
        }
    }

    /// Whether the rows at a node are those that were committed there. By a clock that jumped, what is finished may be forgotten.
    fn agrees(
        &self,
        node: usize,
        rows: &[(SessionKey, accompanist_core::Row)],
        clock_jumped: bool,
    ) -> Result<(), (String, SessionId)> {
        for (key, row) in rows {
            match self.parts.get(key) {
                Some(part) if part.version == row.version && part.state == row.state => {}
                _ => return Err((format!("the store holds what was not committed: {:?}", row.state), key.session)),
            }
        }
        let stored: std::collections::BTreeSet<_> = rows.iter().map(|(key, _)| key).collect();
        let may_be_gone = |part: &Part| clock_jumped && matches!(part.state, RowState::Finished { .. });
        let is_lost = |key: &SessionKey, part: &Part| part.node == node && !stored.contains(key) && !may_be_gone(part);
        let lost = self.parts.iter().find(|(key, part)| is_lost(key, part));
        lost.map_or(Ok(()), |(key, _)| Err(("the store lost it".to_owned(), key.session)))
    }
}

fn describe(parts: &[&Part]) -> String {
    let Some(header) = parts.first().map(|part| &part.header) else { return String::new() };
    let states = header.participants.iter().map(|role| {
        let node = header.node(*role).unwrap_or("?");
        let state = parts.iter().find(|part| part.header.node(*role) == Some(node) && part.role == *role);
        state.map_or_else(
            || format!("role {} at {node}: nothing", role.0),
            |part| format!("role {} at {node}: {:?}", role.0, part.state),
        )
    });
    format!("`{}` {:?}, {}", header.choreography, header.client_id, states.collect::<Vec<_>>().join("; "))
}
