//! The texts that an editor has open, and the programs that they are part of: each open file with all that it uses, compiled when somebody asks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use lsp_types::Uri;

use crate::cli::{fmt, input};
use crate::load::load;
use crate::source::{FILE_LENGTH_BYTES_MAX, SourceFile, Sources};
use crate::{Compilation, Options, compile};

/// A text that is open.
struct Document {
    uri: Uri,
    version: i32,
    text: String,
}

/// What is open, and what is known of it.
#[derive(Default)]
pub(super) struct Programs {
    open: BTreeMap<String, Document>,
    /// By the name of their first file.
    compiled: BTreeMap<String, Rc<Compilation>>,
    /// The directories that the editor shows.
    directories: Vec<PathBuf>,
}

impl Programs {
    pub(super) fn new(directories: Vec<PathBuf>) -> Self {
        Self { directories, ..Self::default() }
    }

    pub(super) fn open(&mut self, name: &str, uri: Uri, version: i32, text: String) {
        self.open.insert(name.to_owned(), Document { uri, version, text });
        self.changed(name);
    }

    pub(super) fn change(&mut self, name: &str, version: i32, text: String) {
        if let Some(document) = self.open.get_mut(name) {
            document.version = version;
            document.text = text;
            self.changed(name);
        }
    }

    pub(super) fn close(&mut self, name: &str) {
        self.open.remove(name);
        self.changed(name);
    }

    /// Files may be others on the disk than they were.
    pub(super) fn forget_all(&mut self) {
        self.compiled.clear();
    }

    fn changed(&mut self, name: &str) {
        self.compiled.retain(|_, program| {
            // One that uses a file that cannot be read may have found it now.
            program.sources.iter().all(|(_, file)| file.name() != name && file.is_complete())
        });
    }

    pub(super) fn open_names(&self) -> Vec<String> {
        self.open.keys().cloned().collect()
    }

    /// The URI of a file, as the editor wrote it if the file is open.
    pub(super) fn uri(&self, name: &str) -> Option<Uri> {
        self.open.get(name).map(|document| document.uri.clone()).or_else(|| super::uri::of_name(name))
    }

    pub(super) fn version(&self, name: &str) -> Option<i32> {
        self.open.get(name).map(|document| document.version)
    }

    /// The sources of the program whose first file this is; `None` where it cannot be read.
    pub(super) fn sources(&self, name: &str) -> Option<Sources> {
        let text = self.text(name).ok()?;
        Some(load(SourceFile::new(name, text), |path| self.text(path)))
    }

    /// The program whose first file this is; `None` where it cannot be read.
    pub(super) fn program(&mut self, name: &str) -> Option<Rc<Compilation>> {
        if let Some(program) = self.compiled.get(name) {
            return Some(Rc::clone(program));
        }
        let program = Rc::new(compile(&self.sources(name)?, &Options::default()));
        self.compiled.insert(name.to_owned(), Rc::clone(&program));
        Some(program)
    }

    /// All programs of what is open and what lies in the directories of the editor. Those of files that are not open are not kept.
    pub(super) fn all(&mut self) -> Vec<Rc<Compilation>> {
        let mut names = self.open_names();
        let mut files = Vec::new();
        for directory in &self.directories {
            // What cannot be read is not shown either.
            let _ = fmt::collect(directory, 0, &mut files);
        }
        let is_other = |name: &String| !self.open.contains_key(name);
        let files: Vec<String> = files.iter().map(|path| path.display().to_string()).filter(is_other).collect();
        names.extend(files);
        let programs = names.iter().filter_map(|name| self.program(name)).collect();
        self.compiled.retain(|name, _| self.open.contains_key(name));
        programs
    }

    fn text(&self, name: &str) -> Result<String, String> {
        let Some(document) = self.open.get(name) else {
            // To read from a pipe that happens to be called `x.chor` may never end.
            let kind = std::fs::metadata(name).map(|metadata| metadata.file_type());
            return match kind.is_ok_and(|kind| !kind.is_file() && !kind.is_dir()) {
                true => Err("is no file".to_owned()),
                false => input::text(Path::new(name)),
            };
        };
        match document.text.len() as u64 > FILE_LENGTH_BYTES_MAX {
            true => Err(crate::load::too_long(document.text.len() as u64)),
            false => Ok(document.text.clone()),
        }
    }
}
