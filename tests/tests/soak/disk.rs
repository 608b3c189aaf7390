//! A small disk that fills up: a file system of its own where the test may mount one, else a database with a limit of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a run leaves in the database of one role at most, for each second that it takes, and at first.
const BYTES_AT_FIRST: u64 = 64 << 20;
const BYTES_PER_SECOND: u64 = 512 << 10;

/// The disk of one role.
pub struct Disk {
    directory: PathBuf,
    bytes: u64,
    is_mounted: bool,
}

impl Disk {
    /// A disk at `directory`, for a run of so many seconds.
    pub fn new(directory: PathBuf, seconds: u64) -> Self {
        std::fs::create_dir_all(&directory).expect("a directory");
        let bytes = BYTES_AT_FIRST + seconds * BYTES_PER_SECOND;
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "accompanist-soak"])
            .arg(&directory)
            .output();
        let is_mounted = mount.is_ok_and(|output| output.status.success());
        Self { directory, bytes, is_mounted }
    }

    /// Where files go.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// How large the database may become, where the disk itself does not say.
    pub fn bytes_max(&self) -> Option<u64> {
        (!self.is_mounted).then_some(self.bytes)
    }

    fn filler(&self) -> PathBuf {
        self.directory.join("filler")
    }

    /// Leaves no room on a disk of its own.
    pub fn fill(&self) {
        if self.is_mounted {
            let mut filler = std::fs::File::options().create(true).append(true).open(self.filler()).expect("a file");
            for bytes in [1 << 20, 1 << 12] {
                while filler.write_all(&vec![0; bytes]).is_ok() {}
            }
        }
    }

    /// There is room again.
    pub fn clear(&self) {
        if self.is_mounted {
            // Where it has never been filled there is none.
            let _ = std::fs::remove_file(self.filler());
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            // Lazily: somebody may still look into it.
            let _ = Command::new("umount").arg("-l").arg(&self.directory).status();
        }
    }
}
