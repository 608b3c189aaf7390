//! Whether the database's files are still those that were opened. A file that is deleted or replaced while it is open goes on taking commits that
//! nobody will ever read, and a deleted lock lets a second process in: so a commit looks first, at the cost of a `stat` for each file.

use std::path::{Path, PathBuf};

use super::schema::beside;
use crate::store::StoreError;

/// The files of an open database, and what they were when it was opened.
#[derive(Debug, Default)]
pub(super) struct Files(Vec<(PathBuf, Identity)>);

impl Files {
    /// Those of the open database at `path`: itself, its write-ahead log and its lock.
    pub(super) fn of(path: &Path) -> Result<Self, StoreError> {
        let files = ["", "-wal", ".lock"].into_iter().map(|suffix| {
            let file = std::path::absolute(beside(path, suffix)).unwrap_or_else(|_| beside(path, suffix));
            let Some(identity) = identity(&file) else { return Err(gone(&file)) };
            Ok((file, identity))
        });
        files.collect::<Result<_, _>>().map(Self)
    }

    /// # Errors
    /// [`StoreError::Failed`] where a file is gone, or another one is in its place.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.0.iter().find(|(path, opened)| identity(path).as_ref() != Some(opened)) {
            None => Ok(()),
            Some((path, _)) => Err(gone(path)),
        }
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
