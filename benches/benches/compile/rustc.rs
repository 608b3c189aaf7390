//! What rustc takes for a role binary: a package whose node plays one role of every choreography of a program, beside the same package without
//! any, so that what is left is what the generated code costs.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chor::source::Sources;
use chor::{Options, codegen};

use super::{Program, ms};

/// The services of the program, which do nothing.
const SERVICES: &str = "
struct Idle;
impl<D: accompanist::Database> Stock<D> for Idle {
    fn price(&self, parcel: &Parcel) -> u64 { parcel.id }
    async fn look(&self, _: &accompanist::IdempotencyKey, _: &u64) -> Result<bool, accompanist::Failure> { Ok(true) }
    async fn take(&self, _: &mut D::Tx, parcel: &Parcel) -> Result<u64, accompanist::Failure> { Ok(parcel.id) }
    async fn put(&self, _: &mut D::Tx, _: &Parcel, _: &u64) -> Result<(), accompanist::BoxError> { Ok(()) }
}
";

/// Has cargo check and build the binary of the role `Shop`, with the program and without it, and prints what a line of the program takes.
pub fn measure(program: &Program, is_csv: bool) -> anyhow::Result<()> {
    let package = Package::new()?;
    let sources = Sources::single("bench.chor", program.text.as_str());
    let compilation = chor::compile(&sources, &Options::default());
    let mut full = prettyplease::unparse(&syn::parse2(codegen::generate(&compilation, None))?);
    full.push_str(SERVICES);
    let choreographies = program.text.lines().filter(|line| line.starts_with("choreography")).count();
    let roles = (0..choreographies).fold(String::new(), |mut roles, number| {
        let _ = write!(roles, ".role(c{number}::Shop::new(Idle))");
        roles
    });
    let main = |roles: &str| {
        format!(
            "fn main() {{ let store = accompanist::store::Memory::new(); drop(accompanist::Node::builder(\"shop\", store){roles}); }}\n"
        )
    };
    full.push_str(&main(&roles));
    let bare = main("");
    let lines = program.text.lines().count();
    match is_csv {
        true => println!("\nrustc,lines,with,without,per line"),
        false => println!("\n{:<28}{:>9}{:>13}{:>13}{:>13}", "rustc, one role", "lines", "with", "without", "a line"),
    }
    for arguments in [&["check"][..], &["build"], &["build", "--release"]] {
        // The first run builds what it depends on.
        package.run(arguments, &bare, "first")?;
        let without = package.run(arguments, &bare, "second")?;
        let with = package.run(arguments, &full, "third")?;
        let each = with.saturating_sub(without) / u32::try_from(lines)?;
        let name = format!("cargo {}", arguments.join(" "));
        let micros = each.as_micros();
        match is_csv {
            true => {
                println!(
                    "{name},{lines},{:.6},{:.6},{:.6}",
                    with.as_secs_f64(),
                    without.as_secs_f64(),
                    each.as_secs_f64()
                )
            }
            false => println!("{name:<28}{lines:>9}{:>13}{:>13}{:>13}", ms(with), ms(without), format!("{micros} µs")),
        }
    }
    Ok(())
}

/// A package with one binary.
struct Package {
    directory: tempfile::TempDir,
}

impl Package {
    fn new() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
        let directory = tempfile::tempdir()?;
        std::fs::create_dir(directory.path().join("src"))?;
        let manifest = format!(
            "[package]\nname = \"generated\"\nedition = \"2024\"\n[dependencies]\n\
             accompanist = {{ path = {:?}, default-features = false }}\n[workspace]\n",
            root.join("runtime")
        );
        std::fs::write(directory.path().join("Cargo.toml"), manifest)?;
        std::fs::copy(root.join("Cargo.lock"), directory.path().join("Cargo.lock"))?;
        Ok(Self { directory })
    }

    /// Has cargo do that with a main file; `note` makes it a new one.
    fn run(&self, arguments: &[&str], main: &str, note: &str) -> anyhow::Result<Duration> {
        let directory = self.directory.path();
        std::fs::write(directory.join("src").join("main.rs"), format!("// {note}\n{main}"))?;
        let started = Instant::now();
        let mut cargo = Command::new("cargo");
        let cargo = cargo.args(arguments).args(["--quiet", "--offline"]).current_dir(directory);
        // Its own folder: cargo holds that of this build while a benchmark runs.
        let status = cargo.env("CARGO_TARGET_DIR", directory.join("target")).env("CARGO_INCREMENTAL", "0").status()?;
        match status.success() {
            true => Ok(started.elapsed()),
            false => bail!("what is generated is no Rust"),
        }
    }
}
