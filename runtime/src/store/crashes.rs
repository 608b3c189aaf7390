//! Which sessions a process was running when it died, and which of them are in quarantine.
//!
//! User code can end the process: by an `abort`, by using all memory, by a stack overflow. Its
//! session is durable, so the next process would run it again, and die again. After an unclean end
//! of the last process, the node therefore marks in a file which session's code runs at the
//! moment. These writes are not synced: what a dead process has written, its successor reads. The
//! store counts the marks that it finds when it is opened, durably. A session that was running at
//! [`DEATHS_MAX`] deaths in a row, without a durable write of its own in between, is put in
//! quarantine. After a clean end nothing is marked, so that marks cost only nodes that have
//! crashed.
//!
//! What was running at the last death is under suspicion, and runs alone: see `suspects`.
//!
//! Code that a service moves to other threads is not seen here.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accompanist_core::{RoleId, SessionId, SessionKey};

use super::suspects::{Suspects, Turn};

/// Deaths in a row that put a session in quarantine. Nothing is marked at the first one.
pub const DEATHS_MAX: u32 = 3;

/// As many of them are found as marks.
pub(crate) const MARKED_DEATHS_MAX: u32 = DEATHS_MAX - 1;

/// A mark: the session, its role, and one byte that says that it is there.
const MARK_BYTES: usize = 32 + 2 + 1;

/// Sessions that were running when earlier processes died, and those that run now.
#[derive(Debug)]
pub struct Crashes {
    quarantined: Mutex<BTreeMap<SessionKey, u32>>,
    suspects: Suspects,
    journal: Mutex<Journal>,
}

#[derive(Debug)]
struct Journal {
    /// None where the last process ended cleanly, or where the file cannot be written.
    file: Option<File>,
    /// Places that are free again.
    free: Vec<u64>,
    places: u64,
}

/// As long as it is there, its session is marked as running.
#[derive(Debug)]
pub(crate) struct Mark {
    crashes: Arc<Crashes>,
    place: u64,
    turn: Option<Turn>,
}

/// How the last process ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LastEnd {
    /// It closed the database, or there was none.
    Clean,
    /// It died, and this was running.
    Died(Vec<SessionKey>),
}

/// The file of marks: it exists as long as the database is open.
#[derive(Debug)]
pub(crate) struct Marks(PathBuf);

impl Marks {
    /// Begins a process: how the last one ended, and the file to mark in, which is open only after
    /// an unclean end.
    pub(crate) fn begin(path: PathBuf) -> io::Result<(Self, LastEnd, Option<File>)> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let existed = path.try_exists()?;
        let mut file = options.open(&path)?;
        if !existed {
            return Ok((Self(path), LastEnd::Clean, None));
        }
        let mut marks = Vec::new();
        file.read_to_end(&mut marks)?;
        let (marks, _) = marks.as_chunks::<MARK_BYTES>();
        let running = marks.iter().filter_map(read).collect();
        Ok((Self(path), LastEnd::Died(running), Some(file)))
    }

    /// The deaths are counted: what is marked from now on is of this process.
    pub(crate) fn clear(path: &Path, file: Option<&File>) {
        if let Some(error) = file.and_then(|file| file.set_len(0).err()) {
            tracing::warn!(%error, path = %path.display(), "the marks of the last process cannot be cleared");
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

/// The database is closed.
impl Drop for Marks {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(%error, path = %self.0.display(), "the next start will not know that this process ended cleanly");
        }
    }
}

fn read(mark: &[u8; MARK_BYTES]) -> Option<SessionKey> {
    let (session, rest) = mark.split_first_chunk::<32>()?;
    match rest {
        [low, high, 1] => {
            Some(SessionKey { session: SessionId(*session), role: RoleId(u16::from_le_bytes([*low, *high])) })
        }
        _ => None,
    }
}

impl Crashes {
    /// `deaths` has how many each session has been running at.
    pub(crate) fn new(deaths: BTreeMap<SessionKey, u32>, file: Option<File>) -> Arc<Self> {
        let journal = Journal { file, free: Vec::new(), places: 0 };
        let (quarantined, suspected): (BTreeMap<_, _>, BTreeMap<_, _>) =
            deaths.into_iter().partition(|(_, deaths)| *deaths >= DEATHS_MAX);
        let suspects = Suspects::new(suspected.into_keys());
        Arc::new(Self { quarantined: Mutex::new(quarantined), suspects, journal: Mutex::new(journal) })
    }

    /// How many deaths have put the session in quarantine.
    pub(crate) fn deaths(&self, key: SessionKey) -> Option<u32> {
        lock(&self.quarantined).get(&key).copied()
    }

    /// The session is in quarantine no more. Whether it was.
    pub(crate) fn release(&self, key: SessionKey) -> bool {
        lock(&self.quarantined).remove(&key).is_some()
    }

    /// Code of the session begins to run, until the mark is dropped.
    pub(crate) fn mark(self: &Arc<Self>, key: SessionKey) -> Option<Mark> {
        lock(&self.journal).file.as_ref()?;
        let turn = self.suspects.enter(key);
        let mut journal = lock(&self.journal);
        let place = journal.free.pop().unwrap_or_else(|| {
            journal.places += 1;
            journal.places - 1
        });
        let mut mark = [1; MARK_BYTES];
        let (session, role) = mark.split_at_mut(32);
        session.copy_from_slice(&key.session.0);
        role.iter_mut().zip(key.role.0.to_le_bytes()).for_each(|(to, from)| *to = from);
        journal.write(place, &mark);
        Some(Mark { crashes: Arc::clone(self), place, turn })
    }
}

impl Journal {
    /// Where it fails, nothing is marked any more: marks are no reason to fail.
    fn write(&mut self, place: u64, mark: &[u8; MARK_BYTES]) {
        let Some(file) = &mut self.file else { return };
        let written = file.seek(SeekFrom::Start(place * MARK_BYTES as u64)).and_then(|_| file.write_all(mark));
        if let Err(error) = written {
            tracing::warn!(%error, "what runs cannot be marked: a session that ends this process will not be known");
            // Half of the marks would be worse than none.
            let _ = file.set_len(0);
            self.file = None;
        }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let mut journal = lock(&self.crashes.journal);
        journal.write(self.place, &[0; MARK_BYTES]);
        journal.free.push(self.place);
        drop(journal);
        if let Some(turn) = self.turn {
            self.crashes.suspects.leave(turn);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> SessionKey {
        SessionKey { session: SessionId([number; 32]), role: RoleId(u16::from(number) << 4) }
    }

    /// What a process after this one finds.
    fn found(path: &Path) -> Vec<SessionKey> {
        let (marks, end, _) = Marks::begin(path.to_owned()).expect("it can be read");
        std::mem::forget(marks);
        match end {
            LastEnd::Clean => Vec::new(),
            LastEnd::Died(running) => running,
        }
    }

    #[test]
    fn after_an_unclean_end_what_runs_is_marked_as_long_as_it_does() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("x.running");
        let (marks, end, file) = Marks::begin(path.clone()).expect("it can be made");
        assert!(end == LastEnd::Clean && file.is_none());
        let crashes = Crashes::new(BTreeMap::new(), file);
        assert!(crashes.mark(key(1)).is_none(), "after a clean end nothing is written");
        drop(marks);
        assert!(!path.exists());

        std::mem::forget(Marks::begin(path.clone()).expect("it can be made"));
        let (marks, end, file) = Marks::begin(path.clone()).expect("it can be read");
        assert_eq!(end, LastEnd::Died(Vec::new()), "a process that died while it ran nothing");
        let crashes = Crashes::new(BTreeMap::from([(key(9), DEATHS_MAX), (key(8), 2)]), file);
        let deaths = [9, 8, 1].map(|number| crashes.deaths(key(number)));
        assert_eq!(deaths, [Some(DEATHS_MAX), None, None], "one that is suspected may run");
        let (one, two) = (crashes.mark(key(1)), crashes.mark(key(2)));
        assert_eq!(found(&path), [key(1), key(2)]);
        drop(one);
        assert_eq!(found(&path), [key(2)]);
        let three = crashes.mark(key(3));
        assert_eq!(found(&path), [key(3), key(2)], "the place is used again");
        drop((two, three, marks));
        assert_eq!(found(&path), []);
    }
}
