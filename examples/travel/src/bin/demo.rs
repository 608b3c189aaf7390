//! The demo: six roles as processes, some hundred searches and bookings, SIGKILL now and then, and an audit of all databases at the end.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::ensure;
use clap::Parser;
use example_support::cluster::{Cluster, Launch};
use example_support::demo::{self, Folder, until_told};
use example_support::node::read_json;
use example_support::random::Random;
use travel::audit::audit;
use travel::desk::Request;
use travel::requests::requests;
use travel::world::World;
use travel::{DESK, ROLES};

/// Looks for hotels and books trips in six processes, and kills them again and again
///
/// Makes wishes and trips from a seed, sends them to the client's desk, kills each role with SIGKILL several times meanwhile and starts it again, and
/// then checks the databases against the answers: no seat and no room is sold twice or lost, a confirmed trip has all that it needs, a refused one
/// has nothing. Exits with 1 where they differ.
#[derive(Debug, Parser)]
#[command(
    name = "travel-demo",
    after_help = "Example: travel-demo --kills 10 --keep /tmp/trips\n  then look at /tmp/trips/flight.db with the sqlite3 shell"
)]
struct Arguments {
    /// Airports, places, flights and hotels
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/world.json"))]
    world: PathBuf,
    /// How often hotels are looked for
    #[arg(long, value_name = "COUNT", default_value_t = 250, value_parser = demo::count())]
    searches: usize,
    /// How many trips are ordered
    #[arg(long, value_name = "COUNT", default_value_t = 350, value_parser = demo::count())]
    trips: usize,
    /// What the wishes, the trips and the kills follow from; without it, another one each time
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    #[command(flatten)]
    demo: demo::Options,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    until_told(run(Arguments::parse())).await
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let world: World = read_json(&arguments.world)?;
    let demo::Options { kills: kills_each, in_flight, keep } = arguments.demo;
    let seed = arguments.seed.unwrap_or_else(demo::any_seed);
    eprintln!("seed {seed}");
    let mut random = Random::new(seed);
    let asked = requests(&world, arguments.searches, arguments.trips, &mut random);
    ensure!(!asked.is_empty(), "there is nothing to do: ask for searches or trips");
    let kills = demo::kills(ROLES, kills_each, asked.len(), &mut random);

    let folder = Folder::new(keep.as_deref())?;
    let launches = Launch::binaries(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")), &ROLES).await?;
    let cluster = Cluster::start(&launches, DESK, folder.path(), &arguments.world)?;
    let run = demo::run(cluster, asked.clone(), in_flight, "requests", &kills).await?;

    let findings = audit(folder.path(), &world, &asked, &run.outcomes)?;
    let outcomes_of = |is_search| {
        let of_kind = asked.iter().filter(move |request| matches!(request, Request::Search { .. }) == is_search);
        of_kind.filter_map(|request| run.outcomes.get(&example_support::desk::Request::number(request)))
    };
    println!("\n{} requests in {:.1} s, from seed {seed}\n", asked.len(), run.took.as_secs_f64());
    print!("{}", demo::table_of_outcomes("searches answered", outcomes_of(true)));
    println!("{}", demo::table_of_outcomes("trips booked", outcomes_of(false)));
    print!("{}", demo::table_of_roles(&findings.work, &run.kills));
    let agreed =
        "The databases agree with the answers: no seat and no room is sold twice or lost, and no trip is half booked.";
    Ok(demo::verdict(&findings, agreed))
}
