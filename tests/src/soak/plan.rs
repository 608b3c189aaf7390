//! What the session of a number does, and what must come of it whatever happens meanwhile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::generated::soak::Job;
use crate::random::Random;

/// How many of a hundred sessions are refused somewhere.
const REFUSED_PERCENT: usize = 30;

/// The choreographies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// Starts at the shop.
    Purchase,
    /// Starts at the club.
    Payout,
    /// Starts at the bank.
    Voyage,
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which choreography.
    pub kind: Kind,
    /// Its argument.
    pub job: Job,
}

impl Kind {
    /// The role where it starts.
    pub fn initiator(self) -> &'static str {
        match self {
            Self::Purchase => "shop",
            Self::Payout => "club",
            Self::Voyage => "bank",
        }
    }

    /// What takes effect where nobody refuses.
    fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Purchase => &["shop.take", "bank.take", "club.take", "shop.mark"],
            Self::Payout => &["shop.take", "bank.take", "club.take"],
            Self::Voyage => &["bank.take", "shop.take", "club.take", "bank.mark", "club.mark"],
        }
    }

    /// What takes effect where somebody refuses; `None` where that rolls the session back.
    fn otherwise(self, refuser: &str) -> Option<&'static [&'static str]> {
        match (self, refuser) {
            (Self::Voyage, "club.take") => Some(&["bank.take", "shop.take", "shop.mark", "bank.mark", "club.mark"]),
            (Self::Voyage, "shop.take" | "bank.mark") => Some(&["bank.take", "club.mark"]),
            _ => None,
        }
    }
}

impl Plan {
    /// The session of that number.
    pub fn of(seed: u64, number: u64) -> Self {
        let mut random = Random::new(seed ^ number.wrapping_mul(0x9E37_79B9));
        let kind = match random.below(3) {
            0 => Kind::Purchase,
            1 => Kind::Payout,
            _ => Kind::Voyage,
        };
        let operations = kind.operations();
        let refuser = if random.percent(REFUSED_PERCENT) {
            operations.get(random.below(operations.len())).copied().unwrap_or_default()
        } else {
            ""
        };
        let amount = 1 + random.below(9) as u64;
        Self { kind, job: Job { id: format!("s{number}"), amount, refuser: refuser.to_owned() } }
    }

    /// The operations that are in effect when it is over, as `bank.take`: each once, and no other.
    pub fn effects(&self) -> &'static [&'static str] {
        match &*self.job.refuser {
            "" => self.kind.operations(),
            refuser => self.kind.otherwise(refuser).unwrap_or_default(),
        }
    }

    /// Why it is rolled back; `None` where it commits.
    pub fn reason(&self) -> Option<String> {
        let refuser = &self.job.refuser;
        let is_rolled_back = !refuser.is_empty() && self.kind.otherwise(refuser).is_none();
        is_rolled_back.then(|| refusal(refuser))
    }

    /// What is taken out of each till.
    pub fn taken(&self) -> BTreeMap<&'static str, i64> {
        let takes = self.effects().iter().filter_map(|operation| operation.strip_suffix(".take"));
        takes.map(|role| (role, self.job.amount as i64)).collect()
    }
}

/// The words of whoever refuses.
pub fn refusal(operation: &str) -> String {
    format!("{operation} refuses")
}
