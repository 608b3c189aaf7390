//! What the resilient runtime costs, each figure beside its baseline in the same run, with the aim and whether it is reached.
//!
//! `cargo bench -p accompanist-benches --bench runtime -- --help` lists the parts. Times are of a machine that does nothing else; where it does,
//! compare ratios, processor time, and counts of writes and frames.

mod build;
mod growth;
mod load;
mod many;
mod process;
mod saga;
mod table;
mod waiting;

use std::path::Path;

use anyhow::bail;

use self::table::Table;

const HELP: &str = "cargo bench -p accompanist-benches --bench runtime [-- [PART ...] [ROUNDS] [csv]]

Without a part, all but the last two. The parts:
  lone      a saga of three services alone, beside the bare loop: half of the time, and 99 of 100
  slow      the same on disks whose sync takes 1 ms longer
  chains    the same for one, three and five services
  rollback  three transactions undone, beside three done
  plain     the resilient runtime beside the plain one
  many      64 sagas in flight: how many per second, processor time, commits and frames of each
  waiting   100,000 sessions that wait, and as many that sleep: memory of each, and how fast a node that starts again goes on with them
  growth    what a saga costs with 1,000 to 100,000 sessions in the store
  million   growth, and also with 1,000,000
  build     how long a role's binary takes to build from nothing, in a folder of its own

ROUNDS of each measurement, 5 unless said; csv writes the table for a spreadsheet.";

/// What to measure unless it is said.
const USUAL: [&str; 8] = ["lone", "slow", "chains", "rollback", "plain", "many", "waiting", "growth"];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [command, rest @ ..] = arguments.as_slice()
        && command == process::CHILD
    {
        return runtime()?.block_on(waiting::child(rest));
    }
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{HELP}");
        return Ok(());
    }
    let rounds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(5);
    let is_csv = arguments.iter().any(|argument| argument == "csv");
    let is_part = |argument: &&String| argument.parse::<usize>().is_err() && *argument != "csv";
    let mut parts: Vec<&str> = arguments.iter().filter(is_part).map(String::as_str).collect();
    if let Some(unknown) = parts.iter().find(|part| !USUAL.contains(part) && !["million", "build"].contains(part)) {
        bail!("`{unknown}` is no part\n\n{HELP}");
    }
    if parts.is_empty() {
        parts.extend(USUAL);
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let table = Table::begin(is_csv);
    for part in parts {
        let directory = directory.path().join(part);
        std::fs::create_dir_all(&directory)?;
        runtime()?.block_on(measure(part, &directory, rounds, &table))?;
    }
    Ok(())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

async fn measure(part: &str, directory: &Path, rounds: usize, table: &Table) -> anyhow::Result<()> {
    match part {
        "lone" => table.print(saga::lone(directory, rounds).await?),
        "slow" => table.print(saga::slow(directory, rounds).await?),
        "chains" => table.print(saga::chains(directory, rounds).await?),
        "rollback" => table.print(saga::rollback(directory, rounds).await?),
        "plain" => table.print(saga::plain(directory, rounds).await?),
        "many" => table.print(many::measure(directory, rounds).await?),
        "waiting" => table.print(waiting::measure(directory).await?),
        "growth" => growth::measure(directory, false, table).await?,
        "million" => growth::measure(directory, true, table).await?,
        _ => table.print(build::measure()?),
    }
    Ok(())
}
