//! The session core: the protocol of one role's part in one session, as a pure state machine.

use serde::{Deserialize, Serialize};

/// A role of a choreography, by its index in the choreography's list of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoleId(pub u16);
