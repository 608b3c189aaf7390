//! Makes a program smaller that shows a fault, as long as it still does.

use super::{Item, Program};

/// The smallest program that was found which still is `wrong`. It is asked about `tries_max` programs at most.
pub fn shrink(program: &Program, tries_max: usize, wrong: &mut dyn FnMut(&Program) -> bool) -> Program {
    let mut smallest = program.clone();
    let mut tries = 0;
    loop {
        let found = smaller(&smallest).into_iter().find(|candidate| {
            tries += 1;
            tries <= tries_max && wrong(candidate)
        });
        match found {
            Some(found) => smallest = found,
            None => return smallest,
        }
    }
}

/// Programs with one thing less, the greatest things first.
fn smaller(program: &Program) -> Vec<Program> {
    let mut found = Vec::new();
    if program.is_explicit {
        found.push(Program { is_explicit: false, ..program.clone() });
    }
    if program.files > 1 {
        found.push(Program { files: 1, ..program.clone() });
    }
    for at in 0..program.choreographies.len() {
        let with = |change: &dyn Fn(&mut super::Choreography)| {
            let mut other = program.clone();
            change(&mut other.choreographies[at]);
            other
        };
        if at + 1 < program.choreographies.len() {
            let mut other = program.clone();
            other.choreographies.remove(at);
            found.push(other);
        }
        let choreography = &program.choreographies[at];
        for body in smaller_items(&choreography.body) {
            found.push(with(&|choreography| choreography.body.clone_from(&body)));
        }
        for index in (0..choreography.results.len()).filter(|_| choreography.tail.is_none()) {
            found.push(with(&|choreography| drop(choreography.results.remove(index))));
        }
        for index in 0..choreography.params.len() {
            found.push(with(&|choreography| drop(choreography.params.remove(index))));
        }
        if let Some(tail) = &choreography.tail {
            for tail in smaller_item(tail) {
                found.push(with(&|choreography| choreography.tail = Some(tail.clone())));
            }
        }
    }
    found
}

fn smaller_items(items: &[Item]) -> Vec<Vec<Item>> {
    let mut found = Vec::new();
    // The second half, the first half, then one at a time.
    if items.len() > 3 {
        found.push(items[..items.len() / 2].to_vec());
        found.push(items[items.len() / 2..].to_vec());
    }
    for at in (0..items.len()).rev() {
        let replaced = |by: &[Item]| [&items[..at], by, &items[at + 1..]].concat();
        found.push(replaced(&[]));
        if let Item::Block { parts, .. } = &items[at] {
            found.extend(parts.iter().map(|part| replaced(&part.body)));
        }
        found.extend(smaller_item(&items[at]).into_iter().map(|item| replaced(&[item])));
    }
    found
}

fn smaller_item(item: &Item) -> Vec<Item> {
    let Item::Block { open, parts, close } = item else { return Vec::new() };
    let mut found = Vec::new();
    for at in 0..parts.len() {
        if at > 0 {
            let mut fewer = parts.clone();
            fewer.remove(at);
            found.push(Item::Block { open: open.clone(), parts: fewer, close: close.clone() });
        }
        for body in smaller_items(&parts[at].body) {
            let mut changed = parts.clone();
            changed[at].body = body;
            found.push(Item::Block { open: open.clone(), parts: changed, close: close.clone() });
        }
    }
    found
}
