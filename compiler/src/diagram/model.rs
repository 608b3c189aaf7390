//! What a sequence diagram shows, as data: lanes from left to right, items from top to bottom. It knows of no way to draw it.

/// A diagram of a choreography.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagram {
    /// The choreography's name.
    pub title: String,
    /// One for each declared role, in order.
    pub lanes: Vec<Lane>,
    /// What happens, from top to bottom.
    pub items: Vec<Item>,
}

/// The index of a lane.
pub type LaneIndex = usize;

/// The line of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The role's name.
    pub name: String,
    /// Whether many play it.
    pub is_group: bool,
}

impl Lane {
    /// The role as it is declared.
    pub fn title(&self) -> String {
        if self.is_group { format!("{}[]", self.name) } else { self.name.clone() }
    }
}

/// Lanes beside each other, the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The leftmost lane.
    pub first: LaneIndex,
    /// The rightmost lane.
    pub last: LaneIndex,
}

impl Reach {
    /// One lane.
    pub fn at(lane: LaneIndex) -> Self {
        Self { first: lane, last: lane }
    }

    /// The lanes of both and all between them.
    pub fn with(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// The smallest one with all of `lanes`; `None` where there are none.
    pub fn of(lanes: impl IntoIterator<Item = LaneIndex>) -> Option<Self> {
        lanes.into_iter().map(Self::at).reduce(Self::with)
    }
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An arrow from one role to another, or to the other members of its own.
    Arrow {
        /// The sender.
        from: LaneIndex,
        /// The receiver.
        to: LaneIndex,
        /// What it carries.
        kind: ArrowKind,
        /// What stands on it.
        text: String,
    },
    /// Something in a box on some lanes.
    Box {
        /// The lanes.
        reach: Reach,
        /// What it is.
        kind: BoxKind,
        /// What stands in it, a line each.
        lines: Vec<String>,
    },
    /// Roles that may end the scope, or do.
    Stop {
        /// The roles, in order.
        lanes: Vec<LaneIndex>,
        /// The condition and the reason, a line each.
        lines: Vec<String>,
    },
    /// A frame around other items.
    Frame(Frame),
}

/// What an arrow carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrowKind {
    /// A value.
    Value,
    /// Nothing: the receiver may go on.
    GoOn,
    /// Which branch was taken: `select`.
    Selection,
    /// Which branch was taken; the compiler put it in.
    Inferred,
}

/// What a box is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxKind {
    /// A transaction.
    Transaction,
    /// An operation whose result is recorded.
    Recorded,
    /// A `pure fn`.
    Pure,
    /// The call of another choreography.
    Call,
    /// A remark.
    Note,
}

/// What a frame means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// One of its sections happens.
    Alternatives,
    /// Its one section happens, or does not.
    Optional,
    /// Its first section happens again and again; a second one when it is left.
    Loop,
    /// Its sections happen side by side.
    Parallel,
    /// Its first section happens as a whole, or the second one instead.
    Saga,
}

impl FrameKind {
    /// The word at a frame's corner.
    pub fn word(self) -> &'static str {
        match self {
            FrameKind::Alternatives => "alt",
            FrameKind::Optional => "opt",
            FrameKind::Loop => "loop",
            FrameKind::Parallel => "par",
            FrameKind::Saga => "saga",
        }
    }
}

/// A frame around other items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it means.
    pub kind: FrameKind,
    /// The lanes that it is around.
    pub reach: Reach,
    /// Its parts, of which there is at least one.
    pub sections: Vec<Section>,
}

/// A part of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// When it happens; empty where the frame's word says it all.
    pub title: String,
    /// What happens.
    pub items: Vec<Item>,
}

impl Item {
    /// A remark, if anybody is there to make it.
    pub fn note(lanes: Vec<LaneIndex>, line: String) -> Option<Self> {
        Some(Item::Box { reach: Reach::of(lanes)?, kind: BoxKind::Note, lines: vec![line] })
    }

    /// Roles that may end the scope, if there are any.
    pub fn stop(lanes: Vec<LaneIndex>, lines: Vec<String>) -> Option<Self> {
        (!lanes.is_empty()).then_some(Item::Stop { lanes, lines })
    }

    /// The lanes that it is on.
    pub fn reach(&self) -> Reach {
        match self {
            Item::Arrow { from, to, .. } => Reach::at(*from).with(Reach::at(*to)),
            Item::Box { reach, .. } => *reach,
            Item::Stop { lanes, .. } => Reach::of(lanes.iter().copied()).unwrap_or(Reach::at(0)),
            Item::Frame(frame) => frame.reach,
        }
    }
}
