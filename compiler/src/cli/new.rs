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

/// Makes the package `name` in the directory `path`, or in one of its name. `accompanist` is the directory of the runtime's
/// package, where it is not to come from the registry.
pub fn new(name: &str, path: Option<&Path>, accompanist: Option<&Path>) -> u8 {
    if let Err(fault) = check_name(name) {
        complain(&format!("`{name}` is no name for a package: {fault}"));
        return FAILED;
    }
    let directory = path.map_or_else(|| PathBuf::from(name), Path::to_owned);
    match make(name, &directory, accompanist) {
        Ok(()) => {
            let shown = directory.display();
            output::print(&format!("made {shown}; now `cd {shown}` and `cargo run`\n"))
        }
        Err(error) => {
            complain(&format!("{}: {error}", directory.display()));
            FAILED
        }
    }
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

fn make(name: &str, directory: &Path, accompanist: Option<&Path>) -> io::Result<()> {
    match fs::read_dir(directory).map(|mut entries| entries.next().is_some()) {
        Ok(true) => return Err(io::Error::other("is not empty; name a new directory by `--path`")),
        Ok(false) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(directory)?,
        Err(error) => return Err(error),
    }
    let directory = directory.canonicalize()?;
    let checkout = checkout_around(&directory);
    let runtime = match accompanist {
        Some(path) => Some(
            path.canonicalize()
                .map_err(|error| io::Error::new(error.kind(), format!("{} is not there: {error}", path.display())))?,
        ),
        None => checkout.as_ref().map(|root| root.join("runtime")),
    };
    let dependency = match runtime {
        Some(path) => format!("{{ path = {} }}", toml_string(&path)),
        None => format!("\"{}\"", env!("CARGO_PKG_VERSION")),
    };
    // A package within the checkout is none of its workspace's.
    let workspace = if checkout.is_some() { "\n[workspace]\n" } else { "" };
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
    Ok(())
}

/// The checkout of Accompanist that the directory is in.
fn checkout_around(directory: &Path) -> Option<PathBuf> {
    let is_checkout = |root: &&Path| {
        fs::read_to_string(root.join("runtime/Cargo.toml"))
            .is_ok_and(|manifest| manifest.lines().any(|line| line.trim() == "name = \"accompanist\""))
    };
    directory.ancestors().find(is_checkout).map(Path::to_owned)
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
