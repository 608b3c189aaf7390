//! What the roles of choreographies are called in Rust: found out once for each choreography, as it takes all of its roles.

use std::collections::BTreeSet;

use proc_macro2::Ident;

use super::names::{item, screaming, snake};
use crate::hir::{Choreography, ChoreographyId, Hir, RoleId};

/// What the roles of a choreography are called.
#[derive(Debug)]
pub struct RoleNames {
    /// The constants that hold the numbers of the roles, in order, those of members included: or the variables that say who plays them.
    pub constants: Vec<Ident>,
    /// The functions that are the programs of the declared roles, in order.
    pub functions: Vec<Ident>,
}

/// What the roles of all choreographies of a program are called.
#[derive(Debug)]
pub struct AllRoleNames(Vec<RoleNames>);

impl RoleNames {
    /// Finds them out.
    pub fn of(choreography: &Choreography) -> Self {
        let mut taken = BTreeSet::new();
        let mut constants = Vec::new();
        for (index, role) in choreography.roles.iter().enumerate() {
            let name = screaming(&role.name.name);
            // Roles that differ in case only share a spelling, and members of different groups a name; the number keeps them apart.
            let free = taken.insert(name.clone());
            constants.push(if free { item(&name) } else { item(&format!("{name}_{index}")) });
        }
        let mut taken = BTreeSet::new();
        let mut functions = Vec::new();
        for role in choreography.role_ids() {
            let name = snake(choreography.role_name(role));
            let free = taken.insert(name.clone());
            functions.push(if free { item(&name) } else { item(&format!("{name}_{}", role.0)) });
        }
        Self { constants, functions }
    }

    /// The function that is a role's program.
    pub fn function(&self, role: RoleId) -> &Ident {
        self.functions.get(usize::from(role.0)).expect("a program's role is declared")
    }
}

impl AllRoleNames {
    /// Finds them out.
    pub fn of(hir: &Hir) -> Self {
        Self(hir.choreographies.iter().map(RoleNames::of).collect())
    }

    /// Those of a choreography.
    pub fn get(&self, id: ChoreographyId) -> &RoleNames {
        self.0.get(id.0 as usize).expect("a choreography's number is made by the program that holds it")
    }
}
