//! The shop as processes: a role each, and beside the role `payment` the program that charges cards.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use example_support::cluster::{Cluster, Launch};

use crate::{BINARIES, DESK, PROGRAM, ROLES};

/// How the program that charges cards is started: with its ledger in `directory`, at `address`.
///
/// # Errors
/// Where it is not there and cannot be built.
pub async fn program(directory: &Path, cards: &Path, address: SocketAddr) -> anyhow::Result<Launch> {
    let manifest = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/payment-service/Cargo.toml"));
    let mut launches = Launch::binaries(manifest, &[PROGRAM]).await?;
    let launch = launches.remove(PROGRAM).context("it is the one that was asked for")?;
    let arguments = vec![
        format!("--listen={address}"),
        format!("--ledger={}", directory.join(format!("{PROGRAM}.db")).display()),
        format!("--cards={}", cards.display()),
        "--end-with-stdin".to_owned(),
    ];
    Ok(Launch { arguments, ..launch })
}

/// Starts the roles, with their databases in `directory`, and the program. The role `payment` looks for it at `service`.
///
/// # Errors
/// Where a process cannot be built or started.
pub async fn start(directory: &Path, world: &Path, program: Launch, service: SocketAddr) -> anyhow::Result<Cluster> {
    let binaries = Launch::binaries(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")), &BINARIES).await?;
    let mut launches: BTreeMap<_, _> = ROLES.into_iter().zip(binaries.into_values()).collect();
    if let Some(payment) = launches.get_mut("payment") {
        payment.arguments.push(format!("--service=http://{service}"));
        // That a refund found the program down is no news where it is killed all the time.
        if std::env::var_os("RUST_LOG").is_none() {
            payment.arguments.push("--quiet".to_owned());
        }
    }
    let mut cluster = Cluster::start(&launches, DESK, directory, world)?;
    cluster.start_beside(PROGRAM, program)?;
    Ok(cluster)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_are_in_the_order_of_their_roles() {
        assert!(ROLES.iter().zip(BINARIES).all(|(role, binary)| binary == format!("webshop-{role}")));
        assert!(BINARIES.is_sorted(), "as a map has them");
    }
}
