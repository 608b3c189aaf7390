//! What a node's builder was told about names, held against what there is: a misspelt one is an
//! error when the node starts, and not a session that waits for a node or a role that nobody
//! plays.

use std::collections::BTreeSet;

use super::CLIENT_ID_BYTES_MAX;
use super::repertoire::Repertoire;
use crate::context::Definition;
use crate::error::Error;
use crate::quoted::{is_plain, quoted};
use crate::store::Store;

/// The longest name of a node, in bytes.
const NODE_NAME_BYTES_MAX: usize = CLIENT_ID_BYTES_MAX;

/// Names of roles that an error lists.
const LISTED_MAX: usize = 12;

/// Checks a node's name. `what` says whose it is.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), Error> {
    let fault = if name.is_empty() {
        "is empty".to_owned()
    } else if name.len() > NODE_NAME_BYTES_MAX {
        format!("has {} bytes, more than {NODE_NAME_BYTES_MAX}", name.len())
    } else if !name.chars().all(is_plain) {
        "has characters that cannot be seen".to_owned()
    } else if name.trim() != name {
        "begins or ends with white space".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::configuration(format!("{what}, `{}`, {fault}", quoted(name))))
}

/// Checks what `assign`, `members` and `allow` said: each names a role of a choreography that the node
/// plays a role of, and nodes by names that nodes can have.
pub(super) fn check_assignments<S: Store>(said: &[(&str, Vec<&str>)], repertoire: &Repertoire<S>) -> Result<(), Error> {
    let definitions: Vec<&Definition> = repertoire.definitions().collect();
    for (role, nodes) in said {
        let has_role = |definition: &&&Definition| {
            let name = match role.split_once('.') {
                Some((choreography, name)) if choreography == definition.name => name,
                Some(_) => return false,
                None => *role,
            };
            definition.roles.contains(&name)
        };
        if !definitions.iter().any(|definition| has_role(&definition)) {
            return Err(unknown_role(role, &definitions));
        }
        for node in nodes {
            check_name(&format!("the name of a node that plays `{}`", quoted(role)), node)?;
        }
    }
    Ok(())
}

fn unknown_role(role: &str, definitions: &[&Definition]) -> Error {
    let names: BTreeSet<String> = definitions
        .iter()
        .flat_map(|definition| definition.roles.iter().map(|role| format!("{}.{role}", definition.name)))
        .collect();
    let more = if names.len() > LISTED_MAX { " and others" } else { "" };
    let names: Vec<&str> = names.iter().take(LISTED_MAX).map(String::as_str).collect();
    Error::configuration(format!(
        "`assign`, `members` or `allow` names the role `{}`, which no choreography of this node has; its roles are {}{more}",
        quoted(role),
        names.join(", ")
    ))
}
