//! The binary `chor`, once more: tests of this package run it beside nodes, which the package of the compiler cannot.

use std::process::ExitCode;

fn main() -> ExitCode {
    chor::cli::run(std::env::args_os())
}
