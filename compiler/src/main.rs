//! The binary `chor`; see `chor::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    chor::cli::run(std::env::args_os())
}
