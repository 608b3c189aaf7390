//! Commands for the operators of running nodes: `sessions`, `inspect`, `retry`, `abort`,
//! `settle`, `peers`, `resolve`, `adopt` and `metrics`. They speak to a node's admin socket,
//! whose protocol stands in the runtime (`runtime/src/node/admin`); nothing else of the compiler is used.

mod adoption;
mod exact;
mod offline;
mod show;
mod socket;
mod table;
mod undecided;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::{FAILED, FINE, REFUSED, complain, output};

/// The version of the protocol.
const VERSION: u64 = 1;

/// How answers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables and sentences.
    #[default]
    Human,
    /// The node's answer as one JSON object.
    Json,
}

/// Which node, and how it answers.
#[derive(Debug, Args)]
pub struct Node {
    /// The node: its database, or its socket. Where there is one socket in the current directory it need not be said.
    #[arg(long, value_name = "PATH")]
    node: Option<PathBuf>,
    /// How to write the answer: for people, or as JSON.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    message_format: Format,
}

const SESSIONS_EXAMPLES: &str = "Examples:
  chor sessions --node warehouse.db              # the oldest first
  chor sessions --node warehouse.db --stuck      # of which something fails and is tried again
  chor sessions --node warehouse.db --state finished   # what is over, and how it ended
  chor sessions --node warehouse.db --state aborting --message-format json";

const SETTLE_EXAMPLE: &str = "Example:
  chor settle order-1042 --node payment.db --reason 'refunded by hand, ticket 77'

Undo first what the transaction did, and settle then: from then on the node takes it for undone, for good.";

const RESOLVE_EXAMPLE: &str = "Example:
  chor resolve order-1042 --node payment.db --commit --reason 'charged by hand, ticket 78'

For a session in doubt that nobody is left to decide, and for one that all others have committed and a restored
database lacks. The other nodes are not told: see first by `chor inspect` at each of them how they have ended it.";

const ADOPT_EXAMPLE: &str = "Examples:
  chor adopt --node payment.db          # what others know that this database does not
  chor adopt --node payment.db --yes    # accept it; then start the node again

End every other process of this node first. Its former database is refused from then on.";

/// What operators ask for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the sessions of a running node that are not finished, and what they wait for; or, by
    /// state, those that are over.
    #[command(after_help = SESSIONS_EXAMPLES)]
    Sessions {
        #[command(flatten)]
        node: Node,
        /// Only those of this choreography.
        #[arg(long, value_name = "NAME")]
        choreography: Option<String>,
        /// Only those in this state: starting, active, voted, aborting, committed, reading or
        /// undeployed; or those that are finished, the newest first.
        #[arg(long)]
        state: Option<String>,
        /// Only those of which an operation or compensation fails.
        #[arg(long)]
        stuck: bool,
        /// Only those whose program did something else than what is recorded.
        #[arg(long)]
        parked: bool,
        /// How many at most; 1000 or fewer.
        #[arg(long, value_name = "COUNT")]
        limit: Option<u64>,
        /// Those that come after: what the list before this one ended with.
        #[arg(long, value_name = "CURSOR")]
        after: Option<String>,
    },
    /// Show all that a running node knows of one session.
    #[command(after_help = "Example:\n  chor inspect order-1042 --node payment.db")]
    Inspect {
        /// The client's id for it, its identity, or at least four digits that this begins with.
        session: String,
        #[command(flatten)]
        node: Node,
    },
    /// Try at once what fails, and send again what nobody has answered.
    #[command(
        after_help = "Examples:\n  chor retry order-1042 --node payment.db\n  chor retry --all --node payment.db"
    )]
    Retry {
        /// The session.
        #[arg(required_unless_present = "all")]
        session: Option<String>,
        /// All sessions of the node.
        #[arg(long, conflicts_with = "session")]
        all: bool,
        #[command(flatten)]
        node: Node,
    },
    /// End a session: every role undoes what it did. Too late once all of them have completed.
    /// Where the node does not run, its database gets the request, and the node ends the session
    /// when it starts.
    #[command(after_help = "Example:\n  chor abort order-1042 --node warehouse.db --reason 'the customer called'")]
    Abort {
        /// The session.
        session: String,
        /// Why; all roles and the client are told.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        node: Node,
    },
    /// Say that the compensation which fails need not be tried any more: somebody has undone it by hand.
    #[command(after_help = SETTLE_EXAMPLE)]
    Settle {
        /// The session.
        session: String,
        /// What was done; it is recorded in the node's database, and logged.
        #[arg(long)]
        reason: String,
        /// The role, where the compensations of several fail at this node.
        #[arg(long)]
        role: Option<String>,
        #[command(flatten)]
        node: Node,
    },
    /// Show which other nodes a running node is connected with, since when, and why not with the
    /// others.
    #[command(after_help = "Example:\n  chor peers --node warehouse.db")]
    Peers {
        #[command(flatten)]
        node: Node,
    },
    /// Decide by hand a session that can never end by itself: at this node only, and for good.
    #[command(after_help = RESOLVE_EXAMPLE)]
    Resolve {
        /// The session.
        session: String,
        /// What this node did in it stands.
        #[arg(long, required_unless_present = "abort", conflicts_with = "abort")]
        commit: bool,
        /// What this node did in it is undone.
        #[arg(long)]
        abort: bool,
        /// Why; it is stored and shown from then on.
        #[arg(long)]
        reason: String,
        /// The role, where several can be decided at this node.
        #[arg(long)]
        role: Option<String>,
        #[command(flatten)]
        node: Node,
    },
    /// Accept the database of a node that its peers refuse: a restored backup, a copy, a new one.
    #[command(after_help = ADOPT_EXAMPLE)]
    Adopt {
        /// Accept it. Without this, only show what the peers know that the database does not.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        node: Node,
    },
    /// Show what a running node counts, as text for Prometheus.
    #[command(after_help = "Example:\n  chor metrics --node warehouse.db")]
    Metrics {
        #[command(flatten)]
        node: Node,
    },
}

impl Command {
    fn node(&self) -> &Node {
        match self {
            Self::Sessions { node, .. }
            | Self::Inspect { node, .. }
            | Self::Retry { node, .. }
            | Self::Abort { node, .. }
            | Self::Settle { node, .. }
            | Self::Resolve { node, .. }
            | Self::Adopt { node, .. }
            | Self::Peers { node }
            | Self::Metrics { node } => node,
        }
    }

    /// The request, with what was said of it.
    fn request(&self) -> Value {
        match self {
            Self::Sessions { choreography, state, stuck, parked, limit, after, node: _ } => request(
                "sessions",
                json!({
                    "choreography": choreography, "state": state, "stuck": stuck, "parked": parked, "limit": limit, "after": after,
                }),
            ),
            Self::Inspect { session, .. } => request("inspect", json!({ "session": session })),
            Self::Retry { session, .. } => request("retry", json!({ "session": session })),
            Self::Abort { session, reason, .. } => request("abort", json!({ "session": session, "reason": reason })),
            Self::Settle { session, reason, role, .. } => {
                request("settle", json!({ "session": session, "reason": reason, "role": role }))
            }
            Self::Resolve { session, abort, reason, role, .. } => {
                let decision = if *abort { "abort" } else { "commit" };
                let fields = json!({ "session": session, "decision": decision, "reason": reason, "role": role });
                request("resolve", fields)
            }
            Self::Adopt { yes, .. } => request("adopt", json!({ "accept": yes })),
            Self::Peers { .. } => request("peers", json!({})),
            Self::Metrics { .. } => request("metrics", json!({})),
        }
    }
}

fn request(name: &str, fields: Value) -> Value {
    let mut request = Map::new();
    request.insert("version".to_owned(), json!(VERSION));
    request.insert("request".to_owned(), json!(name));
    if let Value::Object(fields) = fields {
        request.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Value::Object(request)
}

/// Asks the node, and writes what it answers; the exit code. A session is also aborted where the
/// node does not run.
pub fn run(command: &Command) -> u8 {
    let Node { node, message_format } = command.node();
    if let Command::Abort { session, reason, .. } = command
        && let Some(database) = socket::silent_database(node.as_deref())
    {
        return match offline::abort(&database, session, reason) {
            Ok(line) => report(command, *message_format, &line, &line.to_string()),
            Err(offline::Fault::Failed(fault)) => {
                complain(&fault);
                FAILED
            }
            Err(offline::Fault::Refused(fault)) => {
                complain(&fault);
                REFUSED
            }
        };
    }
    let answered = socket::find(node.as_deref()).and_then(|socket| socket::ask(&socket, &command.request()));
    let answered = answered.and_then(|text| Ok((exact::read(&text)?, text)));
    let (line, text) = match answered {
        Ok(answered) => answered,
        Err(fault) => {
            complain(&fault);
            return FAILED;
        }
    };
    report(command, *message_format, &line, &text)
}

/// Writes an answer; the exit code.
fn report(command: &Command, format: Format, line: &Value, text: &str) -> u8 {
    let code = if line.get("error").is_some() || is_too_late(line) { REFUSED } else { FINE };
    if format == Format::Json {
        return output::print(&format!("{text}\n")).max(code);
    }
    match (line.get("error"), line.get("answer")) {
        (Some(error), _) => {
            complain(&show::clean(error.get("message").and_then(Value::as_str).unwrap_or("the node refuses")));
            code
        }
        (None, Some(answer)) => print(command, answer).max(code),
        (None, None) => {
            complain("the node's answer is none of this version's; use the `chor` of the same version as the node");
            FAILED
        }
    }
}

/// An abort that comes too late is no success.
fn is_too_late(line: &Value) -> bool {
    line.pointer("/answer/outcome").and_then(Value::as_str) == Some("too_late")
}

fn print(command: &Command, answer: &Value) -> u8 {
    let text = match command {
        Command::Sessions { .. } => show::sessions(answer, colour()),
        Command::Inspect { .. } => show::inspected(answer, colour()),
        Command::Retry { .. } => show::retried(answer),
        Command::Abort { .. } if answer.get("outcome").and_then(Value::as_str) == Some("too_late") => {
            complain("too late: all roles have completed; undo by a session of its own what is to be undone");
            return REFUSED;
        }
        Command::Abort { session, .. } if answer.get("outcome").and_then(Value::as_str) == Some("passed_on") => {
            let session = show::clean(session);
            format!(
                "passed on: this role has voted, and asks those that have not (`chor inspect {session}` shows what came of it)\n"
            )
        }
        Command::Abort { .. } if is_outcome(answer, "recorded") => {
            "recorded: the node does not run, and aborts the session when it starts\n".to_owned()
        }
        Command::Abort { .. } if is_outcome(answer, "already_aborting") => {
            format!("it is being rolled back already, for this reason: {}\n", show::reason(answer))
        }
        Command::Abort { .. } if is_outcome(answer, "already_rolled_back") => {
            format!("it has been rolled back already, for this reason: {}\n", show::reason(answer))
        }
        Command::Abort { session, .. } => {
            format!("aborted; every role undoes what it did (`chor inspect {}` shows how far)\n", show::clean(session))
        }
        Command::Settle { .. } => show::settled(answer),
        Command::Resolve { .. } => show::resolved(answer),
        Command::Adopt { .. } => adoption::report(answer),
        Command::Peers { .. } => show::peers(answer),
        Command::Metrics { .. } => answer.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
    };
    output::print(&text)
}

fn is_outcome(answer: &Value, outcome: &str) -> bool {
    answer.get("outcome").and_then(Value::as_str) == Some(outcome)
}

/// Colour only for a terminal whose user has not refused it: <https://no-color.org>.
fn colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().flush().is_ok() && std::io::stdout().is_terminal() && !refused
}
