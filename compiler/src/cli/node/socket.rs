//! The way to a node: which socket is its, and one line there and back.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// What the name of a database's socket ends with.
const ENDING: &str = ".sock";

/// How many sockets are named to someone who has missed the right one.
const NAMED_MAX: usize = 8;

/// The socket of the node: of this database, this socket, or the one in the current directory.
pub fn find(node: Option<&Path>) -> Result<PathBuf, String> {
    let Some(path) = node else {
        let mut sockets = sockets_in(Path::new("."));
        return match sockets.len() {
            0 => Err(
                "say which node: `--node PATH` with the path of its database or of its socket; there is no socket here"
                    .to_owned(),
            ),
            1 => Ok(sockets.swap_remove(0)),
            _ => Err(format!("say which node: `--node PATH`; here are {}", list(&sockets))),
        };
    };
    if is_socket(path) {
        return Ok(path.to_owned());
    }
    let beside = socket_beside(path);
    if is_socket(&beside) {
        return Ok(beside);
    }
    // A node listens beside the file itself, also where it was given a symbolic link to it.
    if let Some(beside) = path.canonicalize().ok().map(|path| socket_beside(&path)).filter(|path| is_socket(path)) {
        return Ok(beside);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let nearby = sockets_in(directory);
    let shown = path.display();
    let nearby = match (nearby.is_empty(), path.exists()) {
        (false, _) => format!("; nearby are {}", list(&nearby)),
        (true, true) => {
            "; the node of this database is not running (what it left, any SQLite shell reads), or listens elsewhere (`NodeBuilder::admin`)".to_owned()
        }
        (true, false) => "; there is no such file, and no socket nearby".to_owned(),
    };
    Err(format!("no node listens at {shown} or {}{nearby}", beside.display()))
}

/// The database of a node that does not listen.
pub fn silent_database(node: Option<&Path>) -> Option<PathBuf> {
    let path = node.map(Path::to_owned).or_else(|| find(None).ok())?;
    let of_socket = path.to_string_lossy().strip_suffix(ENDING).map(PathBuf::from).filter(|_| !path.is_file());
    let database = of_socket.unwrap_or_else(|| path.clone()).canonicalize().ok().filter(|path| path.is_file())?;
    let sockets = [socket_beside(&path), socket_beside(&database), path];
    (!sockets.iter().any(|socket| listens(socket))).then_some(database)
}

/// Whether somebody listens, as far as this user may know.
#[cfg(unix)]
fn listens(socket: &Path) -> bool {
    match std::os::unix::net::UnixStream::connect(socket) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    }
}

#[cfg(not(unix))]
fn listens(_socket: &Path) -> bool {
    false
}

fn socket_beside(database: &Path) -> PathBuf {
    let mut beside = database.as_os_str().to_owned();
    beside.push(ENDING);
    PathBuf::from(beside)
}

fn list(sockets: &[PathBuf]) -> String {
    let names: Vec<_> = sockets.iter().take(NAMED_MAX).map(|path| path.display().to_string()).collect();
    let more = if sockets.len() > NAMED_MAX { " and more" } else { "" };
    format!("{}{more}", names.join(", "))
}

fn sockets_in(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut sockets: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(ENDING) && is_socket(path))
        .map(|path| path.strip_prefix(".").map(Path::to_owned).unwrap_or(path))
        .collect();
    sockets.sort();
    sockets
}

#[cfg(unix)]
fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
}

#[cfg(not(unix))]
fn is_socket(_path: &Path) -> bool {
    false
}

/// The node's answer to a request, a line of JSON.
#[cfg(unix)]
pub fn ask(socket: &Path, request: &Value) -> Result<String, String> {
    use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    /// Longer than a node takes to make anything durable, or to say that it is not.
    const PATIENCE: Duration = Duration::from_secs(30);

    let shown = socket.display();
    let mut stream = UnixStream::connect(socket).map_err(|error| match error.kind() {
        ErrorKind::ConnectionRefused => {
            format!("nobody listens at {shown}: the node has ended; start it, and it goes on where it was")
        }
        ErrorKind::PermissionDenied => format!("{shown}: only the user that runs the node may speak to it"),
        _ => format!("{shown}: {error}"),
    })?;
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("{shown}: the node has not answered within {} s; it is very busy, or stopped", PATIENCE.as_secs())
        }
        _ => format!("{shown}: {error}"),
    };
    stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE))).map_err(failed)?;
    stream.write_all(format!("{request}\n").as_bytes()).map_err(failed)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).map_err(failed)?;
    if line.is_empty() {
        return Err(format!("{shown}: the node ended without an answer; see whether it runs, and ask again"));
    }
    Ok(line.trim_end().to_owned())
}

/// The node's answer to a request.
#[cfg(not(unix))]
pub fn ask(_socket: &Path, _request: &Value) -> Result<String, String> {
    Err("nodes are asked over Unix domain sockets, which this system does not have".to_owned())
}
