//! `chor new`: a package that builds and runs at once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{FAILED, complain, output};

/// Where each file of the template goes, and what is in it.
const TEMPLATE: [(&str, &str); 10] = [
    ("Cargo.toml", include_str!("template/Cargo.toml.in")),
    ("README.md", include_str!("template/README.md.in")),
    (".gitignore", "/target\n*.db\n*.db-wal\n*.db-shm\n*.db.lock\n"),
    ("src/{name}.chor", include_str!("template/choreography.chor.in")),
    ("src/lib.rs", include_str!("template/lib.rs.in")),
    ("src/hotel.rs", include_str!("template/hotel.rs.in")),
    ("src/airline.rs", include_str!("template/airline.rs.in")),
    ("src/bin/hotel.rs", include_str!("template/bin_hotel.rs.in")),
    ("src/bin/airline.rs", include_str!("template/bin_airline.rs.in")),
    ("src/bin/demo.rs", include_str!("template/bin_demo.rs.in")),
];

/// Names that cargo or rustc has for something else in such a package.
const TAKEN: [&str; 12] = [
    "accompanist",
    "airline",
    "anyhow",
    "core",
    "demo",
    "hotel",
    "std",
    "test",
    "tokio",
    "tracing-subscriber",
    "alloc",
    "proc-macro",
];

/// Whether the version of this compiler is on a registry, so that a package can name it by its
/// number. A test of the repository holds it against the changelog.
const PUBLISHED: bool = false;

/// Makes the package `name` in the directory `path`, or in one of its name. `accompanist` is a
/// clone of the repository, or the directory of the runtime's package in it, where the runtime is
/// not to come from a registry.
pub fn new(name: &str, path: Option<&Path>, accompanist: Option<&Path>) -> u8 {
    if let Err(fault) = check_name(name) {
        complain(&format!("`{name}` is no name for a package: {fault}"));
        return FAILED;
    }
    let directory = path.map_or_else(|| PathBuf::from(name), Path::to_owned);
    let runtime = match accompanist.map(runtime_at).transpose() {
        Ok(runtime) => runtime,
        Err(fault) => {
            complain(&fault);
            return FAILED;
        }
    };
    match make(name, &directory, runtime) {
        Ok(made) => output::print(&made.instructions(&directory)),
        Err(error) => {
            complain(&format!("{}: {error}", directory.display()));
            FAILED
        }
    }
}

/// What was made, as far as the next steps depend on it.
struct Made {
    /// The package names the runtime by its path.
    has_path: bool,
    /// The manifest of somebody else's workspace around the package.
    workspace_around: Option<PathBuf>,
}

impl Made {
    /// What to do now.
    fn instructions(&self, directory: &Path) -> String {
        let shown = directory.display();
        let mut text = format!("made {shown}; now `cd {shown}` and `cargo run`\n");
        if !self.has_path && !PUBLISHED {
            let version = env!("CARGO_PKG_VERSION");
            text = format!(
                "made {shown}, which does not build as it is: `accompanist` {version} is not on crates.io\n\
                 write the path of a clone into {}:\n\n    accompanist = {{ path = \"CLONE/runtime\" }}\n\n\
                 then `cd {shown}` and `cargo run`; `chor new --accompanist CLONE` writes that line itself\n",
                directory.join("Cargo.toml").display()
            );
        }
        if let Some(manifest) = &self.workspace_around {
            text.push_str(&format!(
                "it is a workspace of its own; to make it a member of {}, remove `[workspace]` from its Cargo.toml and \
                 add it to the `members` there\n",
                manifest.display()
            ));
        }
        text
    }
}

/// The directory of the package `accompanist` that `path` names: a clone, or that directory itself.
fn runtime_at(path: &Path) -> Result<PathBuf, String> {
    let path = path.canonicalize().map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let found = [path.clone(), path.join("runtime")].into_iter().find(|directory| is_runtime(directory));
    found.ok_or_else(|| {
        format!(
            "`{}` is no clone of Accompanist: neither it nor its directory `runtime` has the package `accompanist`",
            path.display()
        )
    })
}

/// Whether the package `accompanist` is in this directory.
fn is_runtime(directory: &Path) -> bool {
    fs::read_to_string(directory.join("Cargo.toml"))
        .is_ok_and(|manifest| manifest.lines().any(|line| line.trim() == "name = \"accompanist\""))
}

fn check_name(name: &str) -> Result<(), String> {
    let begins = name.starts_with(|character: char| character.is_ascii_lowercase());
    let is_part =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || "-_".contains(character);
    if !begins || !name.chars().all(is_part) {
        return Err("it begins with a small letter, and goes on with such, digits, `-` and `_`".to_owned());
    }
    if TAKEN.contains(&name) || syn::parse_str::<syn::Ident>(&name.replace('-', "_")).is_err() {
        return Err("it means something else in Rust or in such a package".to_owned());
    }
    Ok(())
}

fn make(name: &str, directory: &Path, runtime: Option<PathBuf>) -> io::Result<Made> {
    match fs::read_dir(directory).map(|mut entries| entries.next().is_some()) {
        Ok(true) => return Err(io::Error::other("is not empty; name a new directory by `--path`")),
        Ok(false) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(directory)?,
        Err(error) => return Err(error),
    }
    let directory = directory.canonicalize()?;
    let checkout = directory.ancestors().map(|root| root.join("runtime")).find(|directory| is_runtime(directory));
    let workspace_around = workspace_around(&directory);
    // Cargo takes a package below a workspace that does not name it for a mistake.
    let workspace = if checkout.is_some() || workspace_around.is_some() { "\n[workspace]\n" } else { "" };
    let workspace_around = workspace_around.filter(|_| checkout.is_none());
    let runtime = runtime.or(checkout);
    let dependency = match &runtime {
        Some(path) => format!("{{ path = {} }}", toml_string(path)),
        None => format!("\"{}\"", env!("CARGO_PKG_VERSION")),
    };
    for (path, text) in TEMPLATE {
        let fill = |text: &str| {
            text.replace("{name}", name)
                .replace("{crate}", &name.replace('-', "_"))
                .replace("{accompanist}", &dependency)
                .replace("\n{workspace}", workspace)
        };
        let path = directory.join(fill(path));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        // Nothing is written over, also not what has been made meanwhile.
        let mut file = fs::File::create_new(&path)?;
        io::Write::write_all(&mut file, fill(text).as_bytes())?;
    }
    Ok(Made { has_path: runtime.is_some(), workspace_around })
}

/// The manifest of the workspace that Cargo would look for the package in: the nearest one around
/// its directory.
fn workspace_around(directory: &Path) -> Option<PathBuf> {
    let is_workspace = |manifest: &PathBuf| {
        let is_table = |line: &str| ["[workspace]", "[workspace."].iter().any(|start| line.trim().starts_with(start));
        fs::read_to_string(manifest).is_ok_and(|text| text.lines().any(is_table))
    };
    directory.ancestors().skip(1).map(|parent| parent.join("Cargo.toml")).find(is_workspace)
}

/// A path as a string of TOML.
fn toml_string(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_build() {
        for name in ["trip", "my-trip2", "a_b"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "Trip", "2trip", "fn", "std", "hotel", "a b", "a/b", "..", "größe"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
