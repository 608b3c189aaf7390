//! Whether the database's files are still those that were opened. A file that is deleted or replaced while it is open goes on taking commits that
//! nobody will ever read, and a deleted lock lets a second process in: so the writer looks, every few milliseconds while it commits.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::schema::beside;
use crate::store::StoreError;

/// The least time between two looks. They are not free: after each of them, Linux notes the time of the next write more exactly, and a sync has to
/// write that, too.
const PAUSE: Duration = Duration::from_millis(10);

/// The files of an open database, and what they were when it was opened.
#[derive(Debug, Default)]
pub(super) struct Files {
    opened: Vec<(PathBuf, Identity)>,
    /// When they were last seen to be in their places.
    seen: Option<Instant>,
}

impl Files {
    /// Those of the open database at `path`: itself, its write-ahead log and its lock.
    pub(super) fn of(path: &Path) -> Result<Self, StoreError> {
        let files = ["", "-wal", ".lock"].into_iter().map(|suffix| {
            let file = std::path::absolute(beside(path, suffix)).unwrap_or_else(|_| beside(path, suffix));
            let Some(identity) = identity(&file) else { return Err(gone(&file)) };
            Ok((file, identity))
        });
        Ok(Self { opened: files.collect::<Result<_, _>>()?, seen: None })
    }

    /// # Errors
    /// [`StoreError::Failed`] where a file is gone, or another one is in its place.
    pub(super) fn check(&mut self) -> Result<(), StoreError> {
        let now = Instant::now();
        if self.seen.is_some_and(|seen| now.duration_since(seen) < PAUSE) {
            return Ok(());
        }
        match self.opened.iter().find(|(path, opened)| identity(path).as_ref() != Some(opened)) {
            None => self.seen = Some(now),
            Some((path, _)) => return Err(gone(path)),
        }
        Ok(())
    }
}

fn gone(path: &Path) -> StoreError {
    StoreError::Failed(format!(
        "`{}` was deleted, moved or replaced while it is open: nothing is committed until it is back; where it is lost, end this process and restore a backup",
        path.display()
    ))
}

/// What tells a file from every other one that has or had its name.
#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().ok().map(|file| (file.dev(), file.ino()))
}

/// Elsewhere an open file cannot be deleted.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    path.try_exists().ok().filter(|exists| *exists).map(drop)
}
