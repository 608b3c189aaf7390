//! What a node plays: roles of choreographies, each in one version or in several side by side.
//!
//! Two versions of a choreography have the same name and different fingerprints. A session belongs to the version that it started with, for as
//! long as it lives: everything is looked up by both.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

#[cfg(feature = "sim")]
use accompanist_core::Position;
use accompanist_core::{Header, RoleId};

use super::role::ErasedRole;
use crate::context::{Definition, short_version};
use crate::error::Error;
use crate::store::Store;

/// The roles of a node.
pub(super) struct Repertoire<S: Store> {
    /// The versions of each choreography, in the order in which they were given: sessions start on the first.
    choreographies: BTreeMap<&'static str, Vec<Version<S>>>,
}

/// A version of a choreography, and its roles that the node plays.
struct Version<S: Store> {
    definition: &'static Definition,
    roles: BTreeMap<RoleId, Arc<dyn ErasedRole<S>>>,
}

impl<S: Store> Repertoire<S> {
    /// These roles. A role of two definitions that are the same version, such as an old file beside a new one that is still the same, is
    /// taken once, from the definition that is given first; a role of one definition that is given twice is an error.
    pub(super) fn new(given: Vec<Arc<dyn ErasedRole<S>>>) -> Result<Self, Error> {
        let mut choreographies: BTreeMap<_, Vec<Version<S>>> = BTreeMap::new();
        for role in given {
            let (definition, id) = (role.definition(), role.id());
            let versions = choreographies.entry(definition.name).or_default();
            let known = versions.iter_mut().find(|known| known.definition.fingerprint == definition.fingerprint);
            let Some(known) = known else {
                versions.push(Version { definition, roles: BTreeMap::from([(id, role)]) });
                continue;
            };
            match known.roles.entry(id) {
                Entry::Vacant(place) => _ = place.insert(role),
                Entry::Occupied(first) if std::ptr::eq(first.get().definition(), definition) => {
                    let role = definition.role_name(id);
                    return Err(Error::configuration(format!("the role `{}.{role}` is given twice", definition.name)));
                }
                Entry::Occupied(_) => {
                    let (name, role, version) = (definition.name, definition.role_name(id), definition.version());
                    tracing::info!(name, role, version, "the same version is given twice; the first is played");
                }
            }
        }
        Ok(Self { choreographies })
    }

    /// The choreographies that the node plays roles of, in all their versions.
    pub(super) fn definitions(&self) -> impl Iterator<Item = &'static Definition> {
        self.choreographies.values().flatten().map(|version| version.definition)
    }

    /// A choreography's name, if the node plays a role of it.
    pub(super) fn name(&self, choreography: &str) -> Option<&'static str> {
        self.choreographies.get_key_value(choreography).map(|(name, _)| *name)
    }

    /// The transactions of its roles that decide their session, with the version that they are of.
    #[cfg(feature = "sim")]
    pub(super) fn pivots(&self) -> impl Iterator<Item = ([u8; 32], Position)> {
        self.choreographies.values().flatten().flat_map(|Version { definition, roles }| {
            let positions = roles.keys().flat_map(|role| definition.pivots_of(*role));
            positions.map(|position| (definition.fingerprint, position))
        })
    }

    fn versions(&self, name: &str) -> &[Version<S>] {
        self.choreographies.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    fn version(&self, name: &str, fingerprint: &[u8; 32]) -> Option<&Version<S>> {
        self.versions(name).iter().find(|version| version.definition.fingerprint == *fingerprint)
    }

    /// What plays the participant `role` of a session with this header, in the session's own version.
    pub(super) fn role(&self, header: &Header, role: RoleId) -> Option<&Arc<dyn ErasedRole<S>>> {
        let (role, _) = header.part(role)?;
        self.version(&header.choreography, &header.fingerprint)?.roles.get(&role)
    }

    /// The version of a session, if the node has a role of it; or words for whoever wants one that it has not.
    pub(super) fn definition(&self, header: &Header, node: &str) -> Result<&'static Definition, String> {
        let name = &header.choreography;
        match self.version(name, &header.fingerprint) {
            Some(version) => Ok(version.definition),
            None if self.versions(name).is_empty() => {
                Err(format!("node `{node}` plays no role of the choreography `{name}`"))
            }
            None => Err(format!(
                "node `{node}` has another version of the choreography `{name}`, {} and not {}: deploy one version at all its roles, or \
                 this one beside that",
                self.list(name),
                short_version(&header.fingerprint)
            )),
        }
    }

    /// What plays the initiator of a version of a choreography, and whether sessions start on it.
    pub(super) fn initiator(&self, definition: &Definition) -> Result<(&Arc<dyn ErasedRole<S>>, Starts), Error> {
        let name = definition.name;
        let played = self.version(name, &definition.fingerprint).and_then(|it| it.roles.get(&definition.initiator));
        let (Some(role), Some(first)) = (played, self.versions(name).first()) else {
            let initiator = definition.role_name(definition.initiator);
            let mut words =
                format!("a session of `{name}` starts at the role `{initiator}`, which this node does not play");
            if self.versions(name).iter().any(|known| known.definition.fingerprint != definition.fingerprint) {
                words += &format!(" in version {}; it has {}", definition.version(), self.list(name));
            }
            return Err(Error::configuration(words));
        };
        let is_first = first.definition.fingerprint == definition.fingerprint;
        Ok((role, if is_first { Starts::Anew } else { Starts::OnlyAgain(first.definition) }))
    }

    /// Whether the node was given the declared role `role` of this version.
    pub(super) fn plays(&self, definition: &Definition, role: RoleId) -> bool {
        self.version(definition.name, &definition.fingerprint).is_some_and(|version| version.roles.contains_key(&role))
    }

    fn list(&self, name: &str) -> String {
        let versions: Vec<String> = self.versions(name).iter().map(|version| version.definition.version()).collect();
        versions.join(", ")
    }
}

/// Whether sessions start on a version.
pub(super) enum Starts {
    /// They do.
    Anew,
    /// No: on this one they do. Those that there are can be asked for.
    OnlyAgain(&'static Definition),
}

impl Starts {
    /// An error where a session that there is not yet would start on an older version.
    pub(super) fn check(&self, definition: &Definition) -> Result<(), Error> {
        match self {
            Self::Anew => Ok(()),
            Self::OnlyAgain(first) => Err(Error::configuration(format!(
                "sessions of `{}` start on the version that this node was given first, {}; this is {}, which only finishes those that \
                 it has",
                definition.name,
                first.version(),
                definition.version()
            ))),
        }
    }
}
