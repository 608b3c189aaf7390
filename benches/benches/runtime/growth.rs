//! What a saga costs with many sessions in the store: the same, if all goes well.

use std::path::Path;
use std::sync::Arc;

use accompanist::rusqlite::Connection;
use accompanist_benches::chains::{Chain, NODES, Three};
use anyhow::Context as _;

use super::load::one_by_one;
use super::many::{Cost, median};
use super::saga::{millis, stores};
use super::table::{Aim, Row, Table, Unit};

/// Sessions in each store.
const SIZES: [u64; 3] = [1_000, 10_000, 100_000];
const MILLION: u64 = 1_000_000;

/// Sagas that are measured, alone and many at a time.
const ALONE: u64 = 200;
const MANY: u64 = 2_000;

/// How many times as much the cost may be of that with the fewest sessions.
const TIMES_MAX: f64 = 1.5;

pub async fn measure(directory: &Path, with_million: bool, table: &Table) -> anyhow::Result<()> {
    let mut next = 0;
    let mut first = None;
    for size in SIZES.into_iter().chain(with_million.then_some(MILLION)) {
        {
            // There is a finished session to be like.
            let chain = Chain::start(stores(directory, 3)?).await?;
            chain.run(Three { order: 0 }).await?;
            chain.quiet().await;
        }
        for node in NODES.iter().take(3) {
            fill(&directory.join(format!("{node}.db")), size)?;
        }
        let chain = Arc::new(Chain::start(stores(directory, 3)?).await?);
        Cost::of(&chain, MANY / 4, &mut next).await?;
        let mut alone = one_by_one(ALONE, &mut next, |order| chain.run(Three { order })).await?;
        chain.quiet().await;
        let mut micros = Vec::new();
        for _ in 0..3 {
            micros.push(Cost::of(&chain, MANY, &mut next).await?.processor_micros);
        }
        let (millis, micros) = (millis(&mut alone, 50), median(micros));
        let (first_millis, first_micros) = *first.get_or_insert((millis, micros));
        let row = |figure: &str, value, unit, first| {
            let row = Row::new(format!("{size} sessions stored: {figure}"), value, unit).beside(first, "with 1000");
            if size == SIZES[0] { row } else { row.aim(Aim::TimesAtMost(TIMES_MAX)) }
        };
        table.print([
            row("lone saga, p50", millis, Unit::Millis, first_millis),
            row("processor time of many", micros, Unit::Micros, first_micros),
        ]);
    }
    Ok(())
}

/// Adds finished sessions like the one that is there, until there are `size`. No session is looked up that is made so, and what a row's digest says
/// is not read.
fn fill(path: &Path, size: u64) -> anyhow::Result<()> {
    let database = Connection::open(path).context("a database that no node uses")?;
    database.execute_batch("PRAGMA cache_size = -400000; PRAGMA synchronous = OFF")?;
    let mut columns = database.prepare("SELECT name FROM pragma_table_info('accompanist_session')")?;
    let columns: Vec<String> = columns.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let values: Vec<&str> = columns
        .iter()
        .map(|column| match column.as_str() {
            "id" => "NULL",
            "session" => "randomblob(32)",
            "client_id" => "lower(hex(randomblob(16)))",
            other => other,
        })
        .collect();
    let there: u64 = database.query_row("SELECT count(*) FROM accompanist_session", [], |row| row.get(0))?;
    database.execute(
        &format!(
            "WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < ?1)
             INSERT INTO accompanist_session ({}) SELECT {} FROM number, accompanist_session
             WHERE ?1 > 0 AND id = (SELECT max(id) FROM accompanist_session WHERE state = 'finished')",
            columns.join(", "),
            values.join(", ")
        ),
        [size.saturating_sub(there)],
    )?;
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}
