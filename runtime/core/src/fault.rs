//! Deliberate faults, one at a time: a rule of the protocol that is left out or done wrong. A test switches each on and sees that the checkers
//! find it; in every other build each of them is a constant `false`.

/// A rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// S1: the program's messages leave before the write that they wait for.
    SendsBeforeDurable,
    /// S1: a start is acknowledged before anything is durable.
    AcceptsBeforeDurable,
    /// F1: an abort stops nothing, and transactions still commit.
    CommitsAfterAbort,
    /// F2: a role that is settled goes on sending what it has not heard to be stable (H4).
    SettledGoesOnSending,
    /// Positions: the rounds of a loop have the same ones.
    ReusesPositions,
    /// V1: a role that has voted aborts all the same (H15).
    VotesTwice,
    /// V2: the result is not in the vote's record (H10).
    ResultNotInVote,
    /// C1: the client is told before what the result depends on is durable.
    TellsBeforeDurable,
    /// H15: an initiator that runs again ends a session of which it may have told its client that it commits.
    EndsWhatWasTold,
    /// C1: a vote *completed* counts for whomever it names, and not for its sender.
    VotesForOthers,
    /// C1: *done* of a role that is not the initiator stands for the votes of all.
    BelievesDoneOfAnyone,
    /// A2: an initiator records the abort of a session that it does not know.
    InitiatorIsBegun,
    /// C3: *done* is said before the settled record is durable.
    DoneBeforeDurable,
    /// C3: a vote is answered from memory (H3).
    VoteAnsweredFromMemory,
    /// A2: a role that knows nothing of the session answers an abort without a record (H6).
    AbortWithoutRecord,
    /// A2: an abort is answered before its record is durable (H6).
    AnswersBeforeRecord,
    /// A3: transactions are undone in the order of their commits.
    UndoesInOrderOfCommit,
    /// A3: what has been undone is undone again after a restart.
    UndoesAgain,
    /// G1: a settled role forgets before all are done (H1).
    ForgetsAlone,
    /// G3: a learner forgets once it has undone its part (H8).
    LearnerForgets,
    /// G6: a learner does not say *over* to one that it does not wait for (H7).
    LearnerDoesNotSayOver,
    /// G6: *over* is said of a committed session before that is durable.
    OverBeforeDurable,
    /// G7: a vote for an unknown session is answered by *over* (H5).
    OverForUnknown,
    /// H18b: a scope is left without all votes.
    LeavesScopeEarly,
    /// H18c: a vote of a scope leaves before it is durable.
    ScopeVoteBeforeDurable,
    /// H18c: the body of a scope that failed is run again.
    RunsFailedScopeAgain,
    /// H18d: a role that voted *done* of a scope stays in its body though it hears of the abort.
    StaysInScope,
    /// H18b: the member that collects a scope's votes says how it ended though a vote is missing.
    TellsScopeEndEarly,
    /// H18b: nobody answers a member that asks how a scope ended.
    KeepsScopeEnd,
    /// F4: a message is called stable when its write is asked for, and not yet durable.
    StableBeforeDurable,
    /// F4: a role that has voted calls messages stable that it has only in memory (H11).
    StableWhenVoted,
    /// F5: what is logged is not there for a role that runs again.
    ForgetsLog,
    /// H19: an operation outside of the database is called before its intent is durable.
    CallsBeforeIntent,
    /// H19: a rollback passes by an intent without a result.
    PassesIntentsBy,
    /// A pivot runs before all others have voted.
    RunsPivotEarly,
    /// C1: the vote of an optional role is not waited for, though it has a part.
    ExcusesRoleWithPart,
    /// C1: a vote does not say that the voter has given an optional role a part.
    ForgetsWhomItGave,
    /// C1: an optional role that has done nothing ends a session that may have committed without it.
    AbortsWithoutPart,
    /// H19: a call whose result cannot be recorded is taken for one that did nothing.
    ForgetsUnrecordable,
    /// H16: a sender that is short of room is not answered.
    IgnoresKeep,
    /// H16: an inbox without room lets nothing in, not even what the program waits for.
    RefusesAwaited,
}

#[cfg(test)]
impl Fault {
    pub(crate) const ALL: [Self; 41] = [
        Self::SendsBeforeDurable,
        Self::AcceptsBeforeDurable,
        Self::CommitsAfterAbort,
        Self::SettledGoesOnSending,
        Self::ReusesPositions,
        Self::VotesTwice,
        Self::ResultNotInVote,
        Self::TellsBeforeDurable,
        Self::EndsWhatWasTold,
        Self::VotesForOthers,
        Self::BelievesDoneOfAnyone,
        Self::InitiatorIsBegun,
        Self::DoneBeforeDurable,
        Self::VoteAnsweredFromMemory,
        Self::AbortWithoutRecord,
        Self::AnswersBeforeRecord,
        Self::UndoesInOrderOfCommit,
        Self::UndoesAgain,
        Self::ForgetsAlone,
        Self::LearnerForgets,
        Self::LearnerDoesNotSayOver,
        Self::OverBeforeDurable,
        Self::OverForUnknown,
        Self::LeavesScopeEarly,
        Self::ScopeVoteBeforeDurable,
        Self::RunsFailedScopeAgain,
        Self::StaysInScope,
        Self::TellsScopeEndEarly,
        Self::KeepsScopeEnd,
        Self::StableBeforeDurable,
        Self::StableWhenVoted,
        Self::ForgetsLog,
        Self::CallsBeforeIntent,
        Self::PassesIntentsBy,
        Self::RunsPivotEarly,
        Self::ExcusesRoleWithPart,
        Self::ForgetsWhomItGave,
        Self::AbortsWithoutPart,
        Self::ForgetsUnrecordable,
        Self::IgnoresKeep,
        Self::RefusesAwaited,
    ];
}

/// Whether scopes of two members have a collector, too: so the explorer goes through all states of one.
#[cfg(not(test))]
pub(crate) const fn collects_in_pairs() -> bool {
    false
}

#[cfg(test)]
thread_local! {
    static PAIRS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[cfg(test)]
pub(crate) fn collects_in_pairs() -> bool {
    PAIRS.get()
}

/// What `run` comes to where scopes of two members have a collector.
#[cfg(test)]
pub(crate) fn collecting_in_pairs<T>(run: impl FnOnce() -> T) -> T {
    PAIRS.set(true);
    let ran = run();
    PAIRS.set(false);
    ran
}

#[cfg(not(test))]
pub(crate) const fn is_on(_: Fault) -> bool {
    false
}

#[cfg(test)]
thread_local! {
    static ON: std::cell::Cell<Option<Fault>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
pub(crate) fn is_on(fault: Fault) -> bool {
    ON.get() == Some(fault)
}

/// What `run` comes to with this fault, on this thread.
#[cfg(test)]
pub(crate) fn with<T>(fault: Fault, run: impl FnOnce() -> T) -> T {
    struct Off;
    impl Drop for Off {
        fn drop(&mut self) {
            ON.set(None);
        }
    }
    ON.set(Some(fault));
    let _off = Off;
    run()
}
