//! What a node's builder says of single operations, made sure of: the names are those of operations that its roles have.

use std::collections::BTreeSet;
use std::sync::Arc;

use accompanist_core::{Retries, Retry};

use crate::context::ServiceOperation;
use crate::error::Error;

/// How many edits a name may be away from one that is meant.
const EDITS_MAX: usize = 3;

/// Which of `operations` are outside of the database, and the rules that `said` makes for them; an error for a name that is none of them.
pub(super) fn resolve(said: &[(String, Retry)], operations: &[ServiceOperation]) -> Result<Retries, Error> {
    let outside = operations.iter().filter_map(|operation| match operation {
        ServiceOperation::Recorded(name, Some(_)) => Some(Arc::from(*name)),
        ServiceOperation::Recorded(_, None) | ServiceOperation::Transaction(..) => None,
    });
    let mut retries = Retries { outside: outside.collect(), ..Retries::default() };
    for (name, retry) in said {
        let mut found = false;
        for operation in operations {
            let is_transaction = matches!(operation, ServiceOperation::Transaction(..));
            match operation {
                ServiceOperation::Recorded(own, _) | ServiceOperation::Transaction(own, _) if own == name => {
                    retries.operations.insert(Arc::from(*own), *retry);
                }
                ServiceOperation::Recorded(own, Some(compensation))
                | ServiceOperation::Transaction(own, Some(compensation))
                    if compensation == name =>
                {
                    retries.compensations.insert(Arc::from(*own), *retry);
                }
                ServiceOperation::Recorded(..) | ServiceOperation::Transaction(..) => continue,
            }
            found = true;
            if is_transaction && retry.limit().is_some() {
                return Err(Error::configuration(format!(
                    "`retry(\"{name}\", …)` has a time limit, which is for operations declared `fn`: a transaction runs in its \
                     database and waits for nothing else"
                )));
            }
        }
        if !found {
            return Err(unknown(name, operations));
        }
    }
    Ok(retries)
}

fn unknown(name: &str, operations: &[ServiceOperation]) -> Error {
    let names: BTreeSet<&str> = operations
        .iter()
        .flat_map(|operation| match operation {
            ServiceOperation::Recorded(own, compensation) | ServiceOperation::Transaction(own, compensation) => {
                [Some(*own), *compensation]
            }
        })
        .flatten()
        .collect();
    let nearest = names.iter().map(|known| distance(name, known)).min().filter(|distance| *distance <= EDITS_MAX);
    let near: Vec<&str> = names.iter().copied().filter(|known| Some(distance(name, known)) == nearest).collect();
    let list = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let help = match (near.as_slice(), names.is_empty()) {
        (_, true) => "its roles have no operations that could be tried again".to_owned(),
        ([], false) => format!("there are {}", list(&names.into_iter().collect::<Vec<_>>())),
        (near, false) => format!("is it {}?", list(near)),
    };
    Error::configuration(format!("`retry(\"{name}\", …)`: no role of this node has such an operation; {help}"))
}

/// How far `name` is from one that may be meant, in edits; the same operation of another service is none away.
fn distance(name: &str, known: &str) -> usize {
    let bare = |text: &str| text.rsplit('.').next().unwrap_or_default().to_lowercase();
    if bare(name) == bare(known) { 0 } else { edits(&name.to_lowercase(), &known.to_lowercase()) }
}

/// The fewest insertions, removals and replacements of characters from one text to the other.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, c) in from.chars().enumerate() {
        let mut next = vec![index + 1];
        for ((other, above), diagonal) in to.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or_default();
            next.push((left + 1).min(above + 1).min(diagonal + usize::from(*other != c)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const OPERATIONS: [ServiceOperation; 3] = [
        ServiceOperation::Transaction("Payment.charge", Some("Payment.refund")),
        ServiceOperation::Recorded("Payment.quote", Some("Payment.withdraw")),
        ServiceOperation::Transaction("Stock.scrap", None),
    ];

    fn resolved(name: &str, retry: Retry) -> Result<Retries, String> {
        resolve(&[(name.to_owned(), retry)], &OPERATIONS).map_err(|error| error.to_string())
    }

    #[test]
    fn an_operation_and_its_compensation_have_rules_of_their_own() {
        let charge = resolved("Payment.charge", Retry::new().attempts(3)).expect("there is such an operation");
        assert_eq!(charge.operations.get("Payment.charge"), Some(&Retry::new().attempts(3)));
        assert!(charge.compensations.is_empty());
        let refund = resolved("Payment.refund", Retry::new()).expect("there is such a compensation");
        assert!(refund.operations.is_empty() && refund.compensations.contains_key("Payment.charge"));
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_that_may_be_meant() {
        for (name, help) in [
            ("Payment.chrage", "is it `Payment.charge`?"),
            ("Bank.refund", "is it `Payment.refund`?"),
            ("quote", "is it `Payment.quote`?"),
            (
                "Warehouse.reserve",
                "there are `Payment.charge`, `Payment.quote`, `Payment.refund`, `Payment.withdraw`, `Stock.scrap`",
            ),
        ] {
            let error = resolved(name, Retry::new()).expect_err("there is no such operation");
            assert!(error.contains(name) && error.ends_with(help), "{error}");
        }
    }

    #[test]
    fn a_time_limit_is_for_recorded_operations() {
        let limited = Retry::new().time_limit(Duration::from_secs(1));
        assert!(resolved("Payment.quote", limited).is_ok() && resolved("Payment.withdraw", limited).is_ok());
        for name in ["Payment.charge", "Payment.refund"] {
            assert!(resolved(name, limited).expect_err("it is a transaction").contains("declared `fn`"));
        }
    }
}
