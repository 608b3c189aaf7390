//! Where the socket is, and whose.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use crate::error::Error;
use crate::store::Store;

/// The bytes that the path of a socket may have on every system that has them, with the name under which it is made.
const PATH_BYTES_MAX: usize = 102;

/// Where a node listens for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::node) enum Place {
    /// Where its store says.
    #[default]
    Store,
    At(PathBuf),
    Nowhere,
}

/// A socket that is there. Dropping it takes it away.
pub(in crate::node) struct Socket {
    path: PathBuf,
    /// Device and inode: what has taken its place is left alone.
    file: (u64, u64),
    /// Its other end ends the task that listens.
    _listens: oneshot::Sender<()>,
}

/// What the task that listens needs.
pub(in crate::node) struct Listener {
    pub(super) socket: tokio::net::UnixListener,
    pub(super) ended: oneshot::Receiver<()>,
}

impl Place {
    /// Opens the socket. One that was asked for must be there; a node goes without the one beside its database.
    pub(in crate::node) fn open<S: Store>(&self, store: &S) -> Result<Option<(Socket, Listener)>, Error> {
        let path = match self {
            Self::Nowhere => return Ok(None),
            Self::At(path) => {
                let opened = open(path);
                return opened
                    .map(Some)
                    .map_err(|error| Error::configuration(format!("the admin socket `{}`: {error}", path.display())));
            }
            Self::Store => store.admin_path(),
        };
        let Some(path) = path else { return Ok(None) };
        match open(&path) {
            Ok(opened) => Ok(Some(opened)),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "there is no admin socket beside the database; say by `admin` where it is to be");
                Ok(None)
            }
        }
    }
}

fn open(path: &Path) -> io::Result<(Socket, Listener)> {
    if path.as_os_str().len() > PATH_BYTES_MAX {
        return Err(io::Error::other(format!("the path is longer than {PATH_BYTES_MAX} bytes; say a shorter one")));
    }
    make_room(path)?;
    // It gets its name when nobody else may open it any more.
    let mut made = path.as_os_str().to_owned();
    made.push("~");
    let made = PathBuf::from(made);
    make_room(&made)?;
    let listener = UnixListener::bind(&made)?;
    let moved = fs::set_permissions(&made, fs::Permissions::from_mode(0o600)).and_then(|()| fs::rename(&made, path));
    if let Err(error) = moved {
        let _ = fs::remove_file(&made);
        return Err(error);
    }
    let metadata = fs::symlink_metadata(path)?;
    listener.set_nonblocking(true)?;
    let (listens, ended) = oneshot::channel();
    let file = (metadata.dev(), metadata.ino());
    let socket = Socket { path: path.to_owned(), file, _listens: listens };
    Ok((socket, Listener { socket: tokio::net::UnixListener::from_std(listener)?, ended }))
}

/// Takes away the socket of a process that is gone.
fn make_room(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::other("there is a file of that name that is no socket"));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::other("another node listens there; give each a path of its own")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let is_ours = |metadata: fs::Metadata| (metadata.dev(), metadata.ino()) == self.file;
        if fs::symlink_metadata(&self.path).is_ok_and(is_ours) {
            // Where it cannot be taken away, the next node finds that nobody listens there.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Memory;

    fn refusal(path: &Path) -> String {
        let error = Place::At(path.to_owned()).open(&Memory::new()).err().expect("it is refused");
        error.to_string()
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_a_live_one_or_a_file_is_not() {
        let directory = tempfile::tempdir().expect("there is a temporary directory");
        let path = directory.path().join("node.sock");
        let (first, listener) = open(&path).expect("it is opened");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(refusal(&path).contains("another node listens there"), "{}", refusal(&path));
        // A process that was killed leaves its file.
        std::mem::forget(first);
        drop(listener);
        let (second, listener) = open(&path).expect("nobody listens there any more");
        UnixStream::connect(&path).expect("somebody listens there");
        drop((second, listener));
        assert!(!path.exists(), "it is gone with its owner");
        fs::write(&path, "a letter").expect("it can be written");
        assert!(refusal(&path).contains("is no socket"), "{}", refusal(&path));
        let long = directory.path().join("x".repeat(120));
        assert!(refusal(&long).contains("longer than 102 bytes"), "{}", refusal(&long));
    }

    #[tokio::test]
    async fn a_store_without_a_file_has_no_socket() {
        assert!(Place::Store.open(&Memory::new()).expect("that is no error").is_none());
    }
}
