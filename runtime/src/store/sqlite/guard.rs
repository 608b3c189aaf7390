//! Keeps an operation's SQL inside the transaction that it was given: it shares that with other sessions' jobs, and with the records that
//! make it happen once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// What every table, index and savepoint of the store's own begins with.
pub(super) const OWN_PREFIX: &str = "accompanist_";

/// Pragmas that tell and change nothing that commits depend on.
const PRAGMAS_ALLOWED: [&str; 9] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "data_version",
];

/// Whether an operation runs, and what it was denied.
#[derive(Debug, Default)]
pub(super) struct Guard {
    operation_runs: AtomicBool,
    denied: Mutex<Option<String>>,
}

impl Guard {
    /// Installs the guard in `connection`. It is asked when a statement is prepared, not when it runs.
    pub(super) fn install(self: &Arc<Self>, connection: &mut Connection) -> Result<(), rusqlite::Error> {
        let guard = Arc::clone(self);
        connection.authorizer(Some(move |context: AuthContext<'_>| guard.authorize(&context)))
    }

    /// Begins to watch.
    pub(super) fn enter(&self) {
        self.operation_runs.store(true, Ordering::Relaxed);
    }

    /// Ends watching, and says what was denied meanwhile.
    pub(super) fn leave(&self) -> Option<String> {
        self.operation_runs.store(false, Ordering::Relaxed);
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn authorize(&self, context: &AuthContext<'_>) -> Authorization {
        if !self.operation_runs.load(Ordering::Relaxed) {
            return Authorization::Allow;
        }
        let Some(what) = denied(&context.action) else { return Authorization::Allow };
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
        Authorization::Deny
    }
}

/// What an action would do that an operation may not.
fn denied(action: &AuthAction<'_>) -> Option<String> {
    let own = |table: &str| table.get(..OWN_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN_PREFIX));
    match action {
        AuthAction::Transaction { operation } => {
            Some(format!("{operation:?} (transaction): the store begins and ends the transaction"))
        }
        AuthAction::Savepoint { savepoint_name, .. } if own(savepoint_name) => {
            Some(format!("savepoint `{savepoint_name}`: the name is the store's"))
        }
        AuthAction::Attach { filename } => Some(format!("ATTACH `{filename}`: a commit would no longer be atomic")),
        AuthAction::Detach { database_name } => Some(format!("DETACH `{database_name}`")),
        AuthAction::Pragma { pragma_name, .. } if !PRAGMAS_ALLOWED.contains(pragma_name) => {
            Some(format!("PRAGMA {pragma_name}: the store sets what its commits depend on"))
        }
        AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::DropTable { table_name }
        | AuthAction::AlterTable { table_name, .. }
        | AuthAction::CreateTable { table_name }
        | AuthAction::CreateTrigger { table_name, .. }
        | AuthAction::CreateTempTrigger { table_name, .. }
        | AuthAction::CreateIndex { table_name, .. }
        | AuthAction::DropIndex { table_name, .. }
            if own(table_name) =>
        {
            Some(format!("a change of table `{table_name}`: it is the store's"))
        }
        _ => None,
    }
}
