//! Forgetting finished sessions while a node runs. When they finished is known by the time of day, which may jump.

use std::sync::Weak;
use std::time::Duration;

use super::Shared;
use super::builder::RETENTION_MIN;
use crate::store::Store;

/// How often a node deletes what it need not remember any more.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// Forgets what has been finished for `retention`, until the node is gone. Nothing is forgotten sooner than that because the time of day was put
/// forward while the node runs. It may have been before; so what was under way then is gone when the first session is forgotten.
pub(super) async fn run<S: Store>(shared: Weak<Shared<S>>, retention: Duration) {
    let Some((began, unix_began)) = shared.upgrade().map(|node| (node.clock.now(), node.process.unix_millis())) else {
        return;
    };
    tokio::time::sleep(RETENTION_MIN - FORGET_EVERY).await;
    loop {
        tokio::time::sleep(FORGET_EVERY).await;
        let Some(node) = shared.upgrade() else { return };
        let ran_millis = node.clock.now().0.saturating_sub(began.0);
        let ahead_millis = node.process.unix_millis().saturating_sub(unix_began).saturating_sub(ran_millis);
        if let Err(error) = node.store.forget(retention.saturating_add(Duration::from_millis(ahead_millis))).await {
            tracing::warn!(%error, "finished sessions stay for now");
        }
    }
}
