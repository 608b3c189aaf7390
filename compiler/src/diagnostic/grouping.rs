//! What can be wrong with groups, calls, arms that run side by side, and variables that change, as data.

use super::Problem;
use super::code::Code;
use super::meaning::Meaning;
use crate::span::Span;

/// A fact about groups, calls, arms that run side by side, or variables that change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// A parameter whose parts live at several places.
    SeveralPlaces {
        /// Its type and place.
        span: Span,
    },
    /// One role where a group is needed.
    NotAGroup {
        /// The role.
        name: String,
        /// Where it is used.
        span: Span,
        /// Where it is declared.
        declared: Span,
    },
    /// A group where one role is needed.
    GroupAsRole {
        /// The group.
        name: String,
        /// Its member whose block stands around, if there is one.
        member: Option<String>,
        /// Where it is used.
        span: Span,
    },
    /// A group, or several roles, that are to play one role of a callee.
    GroupForRole {
        /// The callee's role.
        role: String,
        /// Who is to play it.
        span: Span,
        /// Where the role is declared.
        declared: Span,
    },
    /// A role that is to play another one and lacks a service of it.
    LacksService {
        /// The role.
        role: String,
        /// The service.
        service: String,
        /// The role to be played.
        formal: String,
        /// The declarations with it: the role's own, or those of the roles whose member it is.
        instead: Vec<String>,
        /// Where the role is named.
        span: Span,
        /// Where the role to be played is declared.
        declared: Span,
    },
    /// Two roles of a call that one participant may play.
    MayBeOne {
        /// The one.
        one: String,
        /// The other.
        two: String,
        /// Where the other is named.
        span: Span,
        /// Where the one is named.
        first: Span,
    },
    /// A choreography of another signature than is asked for.
    OtherSignature {
        /// Its name.
        name: String,
        /// What is asked for.
        expected: String,
        /// What it has.
        found: String,
        /// Where it is named.
        span: Span,
        /// The parameter.
        declared: Span,
    },
    /// Something else where a choreography is asked for.
    NotAChoreography {
        /// What is asked for.
        expected: String,
        /// What stands there.
        span: Span,
        /// The parameter.
        declared: Span,
    },
    /// `within` with more than one receiver.
    WithinSeveral {
        /// The duration.
        span: Span,
    },
    /// Something else than a name for the members of a group.
    MemberPattern {
        /// The pattern.
        span: Span,
    },
    /// An assignment to something that holds no value.
    NotAssignable {
        /// What is assigned to.
        span: Span,
    },
    /// An assignment to a variable without `mut`.
    NotMutable {
        /// The variable.
        name: String,
        /// Where it is assigned to.
        span: Span,
        /// Where it is bound.
        declared: Span,
        /// `let name = …` binds it.
        by_let: bool,
    },
    /// `let mut` without a place.
    MutWithoutPlace {
        /// The variable.
        name: String,
        /// Its type, as far as it is known.
        ty: String,
        /// Where it is bound.
        span: Span,
    },
    /// A variable assigned in one arm and used in another.
    Race {
        /// The variable.
        name: String,
        /// Where it is assigned.
        assigned: Span,
        /// Where it is used in another arm; the same place where the copies of one block race.
        used: Span,
    },
    /// What each member has for itself, where no member is.
    OwnOutside {
        /// The variable, if it is one.
        value: Option<String>,
        /// Where it is used.
        span: Span,
        /// The group.
        group: Vec<String>,
        /// Who is to get the values of all, if that is known.
        to: Option<String>,
    },
    /// A value that depends on how a scope ended, used at a role that does not take part in it.
    ScopeUnknown {
        /// The variable, if it is one.
        value: Option<String>,
        /// The role.
        role: String,
        /// Where it is used.
        span: Span,
        /// The scope.
        scope: Span,
    },
    /// A choice that only members of a group know of.
    GroupDecides {
        /// The group.
        group: String,
        /// Who must be told.
        role: String,
        /// The guard.
        guard: Span,
    },
    /// A type of which two values are one in JSON.
    LostInJson {
        /// The type.
        whole: String,
        /// The part of it.
        inner: String,
        /// What has it.
        span: Span,
    },
    /// A choreography that is called with too many combinations of choreographies.
    TooManyInstances {
        /// The choreography.
        name: String,
        /// Where it is declared.
        span: Span,
        /// The most combinations.
        max: usize,
    },
    /// A choreography of too many roles.
    TooManyRoles {
        /// The first that is too many.
        span: Span,
        /// How many there may be.
        max: usize,
    },
    /// Blocks for members, too many within one another.
    TooManyMembers {
        /// The member's name.
        span: Span,
        /// How many there may be.
        max: usize,
    },
    /// Values at different places that are used as one.
    PartsApart {
        /// What gives them.
        span: Span,
    },
    /// A cycle of calls that never ends.
    EndlessRecursion {
        /// The choreography.
        name: String,
        /// The calls of the cycle, with the names of who is called.
        calls: Vec<(Span, String)>,
    },
    /// A type argument of a recursive call that grows with each call.
    GrowingType {
        /// The choreography that is called.
        name: String,
        /// The type.
        ty: String,
        /// The call.
        span: Span,
    },
}

impl Grouping {
    /// The problem's code.
    pub fn code(&self) -> Code {
        match self {
            Grouping::NotAGroup { .. } => Code::E0501,
            Grouping::GroupAsRole { .. } | Grouping::GroupForRole { .. } => Code::E0502,
            Grouping::GroupDecides { .. } => Code::E0502,
            Grouping::ScopeUnknown { .. } => Code::E0204,
            Grouping::LostInJson { .. } => Code::E0221,
            Grouping::TooManyMembers { .. } => Code::E0516,
            Grouping::TooManyInstances { .. } => Code::E0517,
            Grouping::TooManyRoles { .. } => Code::E0518,
            Grouping::LacksService { .. } => Code::E0503,
            Grouping::MayBeOne { .. } => Code::E0504,
            Grouping::OtherSignature { .. } | Grouping::NotAChoreography { .. } => Code::E0505,
            Grouping::EndlessRecursion { .. } => Code::E0506,
            Grouping::GrowingType { .. } => Code::E0507,
            Grouping::Race { .. } => Code::E0508,
            Grouping::OwnOutside { .. } => Code::E0509,
            Grouping::PartsApart { .. } => Code::E0510,
            Grouping::WithinSeveral { .. } => Code::E0511,
            Grouping::MemberPattern { .. } => Code::E0512,
            Grouping::NotAssignable { .. } | Grouping::NotMutable { .. } => Code::E0513,
            Grouping::MutWithoutPlace { .. } => Code::E0514,
            Grouping::SeveralPlaces { .. } => Code::E0515,
        }
    }
}

impl From<Grouping> for Problem {
    fn from(grouping: Grouping) -> Self {
        Meaning::Grouping(grouping).into()
    }
}
