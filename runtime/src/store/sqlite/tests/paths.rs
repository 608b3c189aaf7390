//! By which names a database can be opened, and who else can.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::store::{Sqlite, Store as _};

/// Opens the database, commits something in it, and says what is in it.
fn use_it(path: &Path) -> Result<u64, String> {
    let text = |error: crate::store::StoreError| error.to_string();
    let database = Sqlite::open(path).map_err(text)?;
    let database =
        database.with_schema("CREATE TABLE IF NOT EXISTS t (x INTEGER); INSERT INTO t VALUES (1)").map_err(text)?;
    database
        .read(|connection| connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)))
        .map_err(|error: rusqlite::Error| error.to_string())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[test]
fn a_database_is_one_file_by_whatever_path_it_is_opened() {
    let directory = tempfile::tempdir().expect("there is room");
    let at = |name: &str| directory.path().join(name);
    fs::create_dir_all(at("data/inner")).expect("it can be made");
    symlink(at("data/real.db"), at("link.db")).expect("it can be made");
    symlink(at("link.db"), at("again.db")).expect("it can be made");
    symlink("data/real.db", at("relative.db")).expect("it can be made");
    symlink(at("data"), at("dirlink")).expect("it can be made");
    // The first finds a link to a file that is not there yet.
    let paths = ["link.db", "data/real.db", "link.db", "again.db", "relative.db", "dirlink/real.db"];
    let paths = paths.into_iter().chain(["data/inner/../real.db", "./data/./real.db", "dirlink/../data/real.db"]);
    for (count, path) in (1..).zip(paths) {
        assert_eq!(use_it(&at(path)), Ok(count), "{path}");
    }
    let files = |directory: &str| {
        let mut names: Vec<_> = fs::read_dir(at(directory))
            .expect("it is there")
            .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(files("."), ["again.db", "data", "dirlink", "link.db", "relative.db"], "nothing lies beside a link");
    assert_eq!(files("data"), ["inner", "real.db", "real.db.lock"]);
}

#[test]
fn a_relative_path_is_that_of_the_directory_where_it_was_opened() {
    let directory = tempfile::tempdir_in(".").expect("there is room");
    let name = directory.path().file_name().expect("it has a name");
    let database = Sqlite::open(Path::new(name).join("x.db")).expect("it can be opened");
    let socket = database.admin_path().expect("it is a file");
    assert!(socket.is_absolute() && socket.ends_with(Path::new(name).join("x.db.sock")), "{}", socket.display());
}

#[test]
fn two_paths_to_one_database_share_one_lock() {
    let directory = tempfile::tempdir().expect("there is room");
    let (real, link) = (directory.path().join("real.db"), directory.path().join("link.db"));
    symlink(&real, &link).expect("it can be made");
    let _open = Sqlite::open(&real).expect("it can be opened");
    let error = Sqlite::open(&link).expect_err("it is in use").to_string();
    assert!(error.contains("another process uses this database"), "{error}");
}

#[test]
fn what_is_no_file_of_its_own_is_refused_with_the_reason() {
    let directory = tempfile::tempdir().expect("there is room");
    let at = |name: &str| directory.path().join(name);
    assert_eq!(use_it(&at("one.db")), Ok(1));
    fs::hard_link(at("one.db"), at("two.db")).expect("it can be made");
    symlink(at("nowhere/x.db"), at("dangling.db")).expect("it can be made");
    symlink(at("loop.db"), at("loop.db")).expect("it can be made");
    for (path, why) in [
        ("one.db", "several names (hard links)"),
        ("two.db", "several names (hard links)"),
        ("", "is a directory"),
        ("dangling.db", "is a symbolic link to"),
        ("nowhere/x.db", "cannot be made: No such file or directory"),
        ("loop.db", "symbolic link"),
    ] {
        let error = use_it(&at(path)).expect_err(path);
        assert!(error.contains(why), "{path}: {error}");
    }
    fs::remove_file(at("two.db")).expect("it is there");
    assert_eq!(use_it(&at("one.db")), Ok(2), "the other name is gone");
}

#[test]
fn only_the_owner_can_read_a_database_and_its_other_files() {
    let directory = tempfile::tempdir().expect("there is room");
    let path = directory.path().join("bank.db");
    let open = Sqlite::open(&path).expect("it can be opened");
    for suffix in ["", "-wal", "-shm", ".lock"] {
        assert_eq!(mode(&with(&path, suffix)), 0o600, "{suffix}");
    }
    drop(open);
    let set = |suffix: &str, mode: u32| {
        let rights = fs::Permissions::from_mode(mode);
        fs::set_permissions(with(&path, suffix), rights).expect("it is ours");
    };
    // One that an earlier version made: others lose their rights, and the lock is for those who
    // can write.
    set("", 0o644);
    set(".lock", 0o644);
    let open = Sqlite::open(&path).expect("it can be opened");
    for (suffix, expected) in [("", 0o640), ("-wal", 0o640), ("-shm", 0o640), (".lock", 0o600)] {
        assert_eq!(mode(&with(&path, suffix)), expected, "{suffix}");
    }
    drop(open);
    // One that a group shares stays shared.
    set("", 0o660);
    set(".lock", 0o660);
    drop(Sqlite::open(&path).expect("it can be opened"));
    assert_eq!((mode(&path), mode(&with(&path, ".lock"))), (0o660, 0o660));
}
