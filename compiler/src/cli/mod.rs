//! The binary `chor`: the front end that reads files and writes to a terminal. The one part of the compiler that does I/O.
#![allow(clippy::disallowed_methods, reason = "the binary reads and writes the files that the library does not know")]

mod diagram;
pub(crate) mod fmt;
pub(crate) mod input;
pub mod json;
mod message;
mod new;
mod node;
mod output;
mod progress;
mod version;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::diagnostic::render::short;
use crate::diagnostic::{Code, Diagnostic};
use crate::{Compilation, Options, compile};
use message::MessageFormat;
use progress::Progress;

/// Everything is fine.
const FINE: u8 = 0;
/// The program is refused, or not in its form.
const REFUSED: u8 = 1;
/// The command line is wrong, or a file cannot be read or written.
const FAILED: u8 = 2;

/// Check and compile choreographies, and look after the nodes that run them.
#[derive(Debug, Parser)]
#[command(name = "chor", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  chor check warehouse.chor
  chor check --message-format json *.chor
  chor build warehouse.chor --role Payment --out src/generated
  chor project warehouse.chor --role Payment
  chor version warehouse.chor
  chor diagram warehouse.chor -o warehouse.svg
  chor fmt --check
  chor new trip
  chor explain E0010
  chor lsp
  chor sessions --node warehouse.db --stuck

Exit codes: 0 fine, 1 the program has errors or another form, or the node refuses, 2 wrong usage, or a file or node that cannot be
reached.";

const DIAGRAM_EXAMPLES: &str = "Examples:
  chor diagram warehouse.chor                      # Mermaid, for a fenced block in Markdown
  chor diagram warehouse.chor -o warehouse.svg     # a picture
  chor diagram constructs.chor --choreography Scope --format svg > scope.svg";

#[derive(Debug, Subcommand)]
enum Command {
    /// Report every mistake in the files.
    #[command(after_help = "Example:\n  chor check warehouse.chor payment.chor")]
    Check {
        /// The files, each with those that it uses a program of its own; `-` is the standard input.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// How to write diagnostics: for people on the error output, or as JSON on the output.
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        message_format: MessageFormat,
    },
    /// Write the Rust of a program: to the output, or into a directory as `<name of the file>.rs`.
    #[command(after_help = "Example:\n  chor build warehouse.chor --role Payment --out src/generated")]
    Build {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only what the role of this name needs.
        #[arg(long)]
        role: Option<String>,
        /// The directory to write to; it is made where it is missing.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Show what one role does by itself.
    #[command(after_help = "Example:\n  chor project warehouse.chor --role Payment")]
    Project {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The role.
        #[arg(long)]
        role: String,
        /// The choreography, where the role is in several.
        #[arg(long)]
        choreography: Option<String>,
    },
    /// Print the version of each choreography: nodes work together on a session only if they have the same one.
    #[command(after_help = "Example:\n  chor version warehouse.chor warehouse_v1.chor")]
    Version {
        /// The files, each with those that it uses a program of its own.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// How to write versions and diagnostics: for people, or as JSON, an object a line.
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        message_format: MessageFormat,
    },
    /// Draw a choreography as a sequence diagram: what all roles do, in order, with the selections that the compiler put in.
    #[command(after_help = DIAGRAM_EXAMPLES)]
    Diagram {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The choreography; without it all of the program, in Mermaid one below the other as Markdown.
        #[arg(long, value_name = "NAME")]
        choreography: Option<String>,
        /// How to write it; otherwise as the ending of the file to write to says, and as Mermaid where that says nothing.
        #[arg(long, value_enum, value_name = "FORMAT")]
        format: Option<diagram::Format>,
        /// The file to write to; otherwise the output.
        #[arg(short = 'o', long = "out", value_name = "PATH")]
        out: Option<PathBuf>,
    },
    /// Make a package with a choreography of two roles and a demo.
    #[command(after_help = "Example:\n  chor new trip --accompanist ~/accompanist && cd trip && cargo run")]
    New {
        /// The name of the package.
        #[arg(value_name = "NAME")]
        name: String,
        /// Its directory, which must be new or empty; one of its name where this is not given.
        #[arg(long, value_name = "DIR")]
        path: Option<PathBuf>,
        /// A clone of Accompanist to build with, or its directory `runtime`; otherwise it is the
        /// clone around the new package, or the version of this compiler on crates.io.
        #[arg(long, value_name = "CLONE")]
        accompanist: Option<PathBuf>,
    },
    /// Write files in their one form: indentation, blanks and line breaks by rule, comments as they are.
    #[command(after_help = "Examples:\n  chor fmt\n  chor fmt --check src\n  chor fmt - < warehouse.chor")]
    Fmt {
        /// Files, and directories with all `.chor` files below them; `-` is from the standard input to the output.
        #[arg(value_name = "PATH", default_value = ".")]
        paths: Vec<PathBuf>,
        /// Change nothing, but list the files that would change, and exit with 1 if there are any.
        #[arg(long)]
        check: bool,
    },
    /// Answer an editor, which starts this itself: the Language Server Protocol over the standard input and output.
    #[command(
        after_help = "Examples:\n  chor lsp                # what an editor is told to run for `.chor` files\n  README.md, \"In the editor\", has the settings of some."
    )]
    Lsp,
    #[command(flatten)]
    Node(node::Command),
    /// Explain a diagnostic by its code.
    #[command(after_help = "Example:\n  chor explain E0010")]
    Explain {
        /// The code, such as E0010.
        #[arg(value_name = "CODE")]
        code: String,
    },
}

/// Runs the command line, and gives the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors and go to the output; where neither can be written, nobody reads.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { FAILED } else { FINE });
        }
    };
    ExitCode::from(match arguments.command {
        Command::Check { files, message_format } => check(&files, message_format),
        Command::Build { file, role, out } => output::build(&file, role.as_deref(), out.as_deref()),
        Command::Project { file, role, choreography } => output::project(&file, &role, choreography.as_deref()),
        Command::Version { files, message_format } => version::version(&files, message_format),
        Command::Diagram { file, choreography, format, out } => {
            diagram::diagram(&file, choreography.as_deref(), format, out.as_deref())
        }
        Command::New { name, path, accompanist } => new::new(&name, path.as_deref(), accompanist.as_deref()),
        Command::Fmt { paths, check } => fmt::fmt(&paths, check),
        Command::Lsp => lsp(),
        Command::Node(command) => node::run(&command),
        Command::Explain { code } => explain(&code),
    })
}

/// The diagnostics that have been written, each in a line.
type Told = BTreeSet<String>;

/// Checks each file as a program of its own; the worst of their exit codes.
fn check(files: &[PathBuf], format: MessageFormat) -> u8 {
    let mut told = Told::new();
    let mut progress = Progress::new("files", files.len());
    let code = |path: &PathBuf| {
        let compilation = compile_file(path, format, &mut told, Some(&progress));
        progress.step();
        compilation.map_or(FAILED, |compilation| exit_code(&compilation))
    };
    files.iter().map(code).fold(FINE, u8::max)
}

fn exit_code(compilation: &Compilation) -> u8 {
    if compilation.has_errors() { REFUSED } else { FINE }
}

/// Reads and compiles one file and writes its diagnostics; nothing where it cannot be read, which has been said.
fn compile_file(
    path: &Path,
    format: MessageFormat,
    told: &mut Told,
    progress: Option<&Progress>,
) -> Option<Compilation> {
    let sources = match input::program(path) {
        Ok(sources) => sources,
        Err(fault) => {
            progress.into_iter().for_each(Progress::clear);
            message::fault(&fault, format);
            return None;
        }
    };
    let compilation = compile(&sources, &Options::default());
    // A file that several programs use is wrong once.
    let is_new = |diagnostic: &&Diagnostic| told.insert(short(diagnostic, &sources));
    let diagnostics: Vec<Diagnostic> = compilation.diagnostics.iter().filter(is_new).cloned().collect();
    if !diagnostics.is_empty() {
        progress.into_iter().for_each(Progress::clear);
    }
    message::write(&sources, &diagnostics, format);
    Some(compilation)
}

fn lsp() -> u8 {
    match crate::lsp::run() {
        Ok(()) => FINE,
        Err(error) => {
            complain(&error);
            FAILED
        }
    }
}

fn explain(text: &str) -> u8 {
    let Some(code) = Code::parse(text.trim()) else {
        let known: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        complain(&format!("there is no code `{text}`; the codes are {}", known.join(", ")));
        return FAILED;
    };
    output::print(code.explanation())
}

fn complain(fault: &str) {
    // Where nothing can be written to the error output, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "error: {fault}");
}
