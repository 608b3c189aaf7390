//! The compiler puts in as few selections as let every role know what it must: small programs, each with
//! the fewest that any choice of selections needs, found by trying all of them.
#![allow(missing_docs, clippy::indexing_slicing, reason = "a test stops at what it does not expect")]

use std::collections::{BTreeMap, BTreeSet};

use chor::Options;
use chor::source::Sources;

/// What stands in a branch.
#[derive(Clone, Copy)]
enum Action {
    Message(char, char),
    Operation(char),
}

use Action::{Message, Operation};

const ACTIONS: [Action; 6] =
    [Message('A', 'B'), Message('A', 'C'), Message('B', 'C'), Message('C', 'B'), Operation('B'), Operation('C')];

/// A program: the actions of the outer branches, and of a choice at the end of the first one.
struct Program {
    first: Vec<Action>,
    inner: Option<[Vec<Action>; 2]>,
    second: Vec<Action>,
}

/// The heads of branches, which selections may stand at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Branch {
    First,
    Second,
    InnerFirst,
    InnerSecond,
}

/// A selection from A to that role.
type Selection = (Branch, char);

/// What happens in one execution, in order.
enum Event {
    /// A takes the branch; the selections at its head follow.
    Take(Branch),
    Do(Action),
}

/// What roles do next, by what they have seen, and in which executions.
type Next = BTreeMap<(char, String), BTreeMap<String, BTreeSet<usize>>>;

/// All that a role does in an execution.
type Done = BTreeSet<(char, usize, String)>;

/// What each role has seen in an execution.
struct Views<'n> {
    execution: usize,
    seen: BTreeMap<char, String>,
    next: &'n mut Next,
    done: &'n mut Done,
}

impl Views<'_> {
    fn see(&mut self, role: char, event: &str) {
        let seen = self.seen.entry(role).or_default();
        let next = self.next.entry((role, seen.clone())).or_default();
        next.entry(event.to_owned()).or_default().insert(self.execution);
        self.done.insert((role, self.execution, event.to_owned()));
        seen.push_str(&format!("[{event}]"));
    }

    /// A message has a position of its own for each thing that its sender may have seen before: one that
    /// does not know the branch sends the same message in both.
    fn send(&mut self, from: char, to: char) {
        let position = format!("{from}{to}{}", self.seen.get(&from).map_or("", String::as_str));
        self.see(from, &format!("send {position}"));
        self.see(to, &format!("receive {position}"));
    }
}

impl Program {
    fn text(&self) -> String {
        let block = |actions: &[Action]| {
            let write = |action: &Action| match action {
                Message(from, to) => format!("{from} ~> {to}; "),
                Operation(role) => format!("{role}.act(); "),
            };
            actions.iter().map(write).collect::<String>()
        };
        let inner = self.inner.as_ref().map(|[one, two]| format!("if h {{ {}}} else {{ {}}}", block(one), block(two)));
        let (first, second) = (block(&self.first), block(&self.second));
        format!(
            "service S {{ fn act(); }}\n\
             choreography Main<A, B: S, C: S>(g: bool@A, h: bool@A) {{ if g {{ {first}{} }} else {{ {second}}} }}\n",
            inner.unwrap_or_default()
        )
    }

    fn executions(&self) -> Vec<Vec<Event>> {
        let run = |branches: &[(Branch, &Vec<Action>)]| -> Vec<Event> {
            let events = |(branch, actions): &(Branch, &Vec<Action>)| {
                let actions = actions.iter().map(|action| Event::Do(*action)).collect::<Vec<_>>();
                [Event::Take(*branch)].into_iter().chain(actions)
            };
            branches.iter().flat_map(events).collect()
        };
        let second = run(&[(Branch::Second, &self.second)]);
        match &self.inner {
            Some([one, two]) => vec![
                run(&[(Branch::First, &self.first), (Branch::InnerFirst, one)]),
                run(&[(Branch::First, &self.first), (Branch::InnerSecond, two)]),
                second,
            ],
            None => vec![run(&[(Branch::First, &self.first)]), second],
        }
    }

    /// All selections that there may be.
    fn selections(&self) -> Vec<Selection> {
        let inner = self.inner.as_ref().map(|_| [Branch::InnerFirst, Branch::InnerSecond]);
        let branches = [Branch::First, Branch::Second].into_iter().chain(inner.into_iter().flatten());
        branches.flat_map(|branch| [(branch, 'B'), (branch, 'C')]).collect()
    }

    /// Whether each role knows what to do with these selections: where what it does next differs between
    /// executions in which it has seen the same, it must receive, and no message that may be on its way to
    /// it in another of these executions as well.
    fn is_known(&self, selections: &[Selection]) -> bool {
        let (mut next, mut done) = (Next::new(), Done::new());
        for (execution, events) in self.executions().into_iter().enumerate() {
            let mut views = Views { execution, seen: BTreeMap::new(), next: &mut next, done: &mut done };
            for event in events {
                match event {
                    Event::Take(branch) => {
                        views.see('A', &format!("take {}", branch as u8));
                        for (_, to) in selections.iter().filter(|(at, _)| *at == branch) {
                            views.send('A', *to);
                        }
                    }
                    Event::Do(Message(from, to)) => views.send(from, to),
                    Event::Do(Operation(role)) => views.see(role, "act"),
                }
            }
            ['B', 'C'].into_iter().for_each(|role| views.see(role, "end"));
        }
        let is_distinct = |role: char, events: &BTreeMap<String, BTreeSet<usize>>| {
            events.iter().all(|(event, _)| {
                let others = events.iter().filter(|(other, _)| *other != event).flat_map(|(_, executions)| executions);
                let mut others = others.map(|execution| (role, *execution, event.clone()));
                event.starts_with("receive") && !others.any(|other| done.contains(&other))
            })
        };
        next.iter().all(|((role, _), events)| *role == 'A' || events.len() == 1 || is_distinct(*role, events))
    }

    /// Whether fewer than so many selections do.
    fn needs_fewer_than(&self, count: usize) -> Option<usize> {
        let all = self.selections();
        let subsets = (0_u32..1 << all.len()).filter(|subset| (subset.count_ones() as usize) < count);
        let chosen = |subset: u32| -> Vec<Selection> {
            all.iter().enumerate().filter(|(index, _)| subset >> index & 1 == 1).map(|(_, one)| *one).collect()
        };
        subsets.filter(|subset| self.is_known(&chosen(*subset))).map(|subset| subset.count_ones() as usize).min()
    }
}

/// The number of selections that the compiler puts in.
fn put_in(text: &str) -> usize {
    let compilation = chor::compile(&Sources::single("small.chor", text), &Options::default());
    assert!(!compilation.has_errors(), "{text}");
    compilation.projections.iter().flat_map(|projection| projection.selections.values()).map(Vec::len).sum()
}

fn lists(length_max: usize) -> Vec<Vec<Action>> {
    let mut all = vec![Vec::new()];
    let mut last = all.clone();
    for _ in 0..length_max {
        let longer =
            |list: &Vec<Action>| ACTIONS.map(|action| list.iter().copied().chain([action]).collect::<Vec<_>>());
        last = last.iter().flat_map(longer).collect();
        all.extend(last.clone());
    }
    all
}

/// How many programs there are, and those for which fewer selections would do: how many, and the first of them.
fn compare(programs: impl Iterator<Item = Program>) -> (usize, usize, Vec<String>) {
    let (mut count, mut more, mut examples) = (0, 0, Vec::new());
    for program in programs {
        count += 1;
        let text = program.text();
        let found = put_in(&text);
        if let Some(fewest) = program.needs_fewer_than(found) {
            more += 1;
            examples.extend((examples.len() < 40).then(|| format!("{found} and not {fewest}: {text}")));
        }
    }
    (count, more, examples)
}

#[test]
fn one_choice_takes_the_fewest_selections() {
    let lists = lists(2);
    let pairs = lists.iter().flat_map(|one| lists.iter().map(move |two| (one.clone(), two.clone())));
    let (count, more, examples) = compare(pairs.map(|(first, second)| Program { first, inner: None, second }));
    // A role that first does the same in both branches, and then receives from different roles, would have to be merged up to there.
    let acts_first = |text: &String| text.contains("if g { B.act(); ") || text.contains("if g { C.act(); ");
    assert_eq!((count, more), (1849, 4), "{}", examples.join("\n"));
    assert!(examples.iter().all(acts_first), "{}", examples.join("\n"));
}

#[test]
fn a_choice_within_another_takes_the_fewest_selections() {
    let lists = lists(1);
    let mut programs = Vec::new();
    for first in &lists {
        for (one, two) in lists.iter().flat_map(|one| lists.iter().map(move |two| (one, two))) {
            for second in &lists {
                let inner = Some([one.clone(), two.clone()]);
                programs.push(Program { first: first.clone(), inner, second: second.clone() });
            }
        }
    }
    let (count, more, examples) = compare(programs.into_iter());
    // Where B hears from C in one inner branch, and C from B in the other, neither is found to learn of the outer branch before the other.
    let is_cycle = |text: &String| {
        text.contains("if h { B ~> C; } else { C ~> B; }") || text.contains("if h { C ~> B; } else { B ~> C; }")
    };
    assert_eq!((count, more), (2401, 14), "{}", examples.join("\n"));
    assert!(examples.iter().all(is_cycle), "{}", examples.join("\n"));
}
