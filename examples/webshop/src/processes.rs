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

/// How the roles are started; their binaries are built first where cargo has built the demo only.
///
/// # Errors
/// Where they are not there and cannot be built.
pub async fn roles() -> anyhow::Result<BTreeMap<&'static str, Launch>> {
    let binaries = Launch::binaries(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")), &BINARIES).await?;
    Ok(ROLES.into_iter().zip(binaries.into_values()).collect())
}

/// How the roles are started whose binaries are in `binaries`.
#[must_use]
pub fn roles_in(binaries: &Path) -> BTreeMap<&'static str, Launch> {
    let launch = |binary| Launch { program: binaries.join(binary), arguments: Vec::new() };
    ROLES.into_iter().zip(BINARIES.map(launch)).collect()
}

/// Starts the roles, with their databases in `directory`, and the program. The role `payment` looks for it at `service`.
///
/// # Errors
/// Where a process cannot be started.
pub fn start(
    mut roles: BTreeMap<&'static str, Launch>,
    directory: &Path,
    world: &Path,
    program: Launch,
    service: SocketAddr,
) -> anyhow::Result<Cluster> {
    if let Some(payment) = roles.get_mut("payment") {
        payment.arguments.push(format!("--service=http://{service}"));
        // That a refund found the program down is no news where it is killed all the time.
        if std::env::var_os("RUST_LOG").is_none() {
            payment.arguments.push("--quiet".to_owned());
        }
    }
    let mut cluster = Cluster::start(&roles, DESK, directory, world)?;
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
