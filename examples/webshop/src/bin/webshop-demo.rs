//! The demo: seven roles as processes and the payment program beside one of them, some hundred orders, SIGKILL now and then, and an audit of all
//! databases at the end.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use clap::Parser;
use example_support::cluster::own_address;
use example_support::demo::{self, Folder, until_told};
use example_support::node::read_json;
use example_support::random::Random;
use webshop::audit::{Cards, audit};
use webshop::requests::orders;
use webshop::world::World;
use webshop::{PROGRAM, ROLES, processes};

/// Places orders in seven processes and one that was there before, and kills them again and again
///
/// Fills carts and orders them from a seed, sends the orders to the client's desk, kills each role and the payment program with SIGKILL several times
/// meanwhile and starts it again, and then checks the databases and the program's ledger against the answers: nothing is charged twice or lost, a
/// confirmed order has its payment, parcel, mail and an emptied cart, a refused one has nothing. Exits with 1 where they differ.
#[derive(Debug, Parser)]
#[command(
    name = "webshop-demo",
    after_help = "Example: webshop-demo --kills 10 --keep /tmp/orders\n  then look at /tmp/orders/payment-service.db with the sqlite3 shell"
)]
struct Arguments {
    /// Products, rates, countries and customers; carts are filled from the seed
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/world.json"))]
    world: PathBuf,
    /// The cards that the payment program begins with
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/cards.json"))]
    cards: PathBuf,
    /// How many orders are placed
    #[arg(long, value_name = "COUNT", default_value_t = 400, value_parser = demo::count())]
    orders: usize,
    /// What the orders and the kills follow from; without it, another one each time
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
    let mut world: World = read_json(&arguments.world)?;
    let cards: Cards = read_json(&arguments.cards)?;
    let demo::Options { kills: kills_each, in_flight, keep } = arguments.demo;
    let seed = arguments.seed.unwrap_or_else(demo::any_seed);
    eprintln!("seed {seed}");
    let mut random = Random::new(seed);
    let (asked, carts) = orders(&world, arguments.orders, &mut random);
    ensure!(!asked.is_empty(), "there is nothing to do: ask for orders");
    world.carts = carts;
    let kills = demo::kills(ROLES.into_iter().chain([PROGRAM]), kills_each, asked.len(), &mut random);

    let folder = Folder::new(keep.as_deref())?;
    let world_file = folder.path().join("world.json");
    std::fs::write(&world_file, serde_json::to_vec(&world)?)?;
    let address = own_address()?;
    let program = processes::program(folder.path(), &arguments.cards, address).await?;
    let cluster = processes::start(processes::roles().await?, folder.path(), &world_file, program, address)?;
    let run = demo::run(cluster, asked.clone(), in_flight, "orders", &kills).await?;

    let findings = audit(folder.path(), &world, &cards, &asked, &run.outcomes)?;
    println!("\n{} orders in {:.1} s, from seed {seed}\n", asked.len(), run.took.as_secs_f64());
    println!("{}", demo::table_of_outcomes("confirmed", run.outcomes.values()));
    print!("{}", demo::table_of_roles(&findings.work, &run.kills));
    let agreed = "The databases and the ledger agree with the answers: nothing is charged twice or lost, and no order is half done.";
    Ok(demo::verdict(&findings, agreed))
}
