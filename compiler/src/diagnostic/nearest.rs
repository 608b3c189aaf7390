//! Names that could be meant by one that is unknown.

/// How many candidates are named at most.
const CANDIDATES_MAX: usize = 3;

/// The longest name that is compared letter by letter, in characters: the time grows with the square of it.
const LENGTH_MAX: usize = 100;

/// How many names are looked at at most: where there are many mistakes among many names, each is compared with some of them.
const NAMES_MAX: usize = 500;

/// The names that differ from `name` by little, the nearest first.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let characters: Vec<char> = name.chars().collect();
    let limit = (characters.len() / 3).max(1);
    let mut rows = Rows::default();
    let mut found: Vec<(usize, &str)> = names
        .take(NAMES_MAX)
        .filter(|candidate| candidate.chars().count().abs_diff(characters.len()) <= limit && *candidate != name)
        .filter_map(|candidate| match candidate.eq_ignore_ascii_case(name) {
            true => Some((0, candidate)),
            false if characters.len() > LENGTH_MAX => None,
            false => rows.distance(candidate, &characters, limit).map(|distance| (distance, candidate)),
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(CANDIDATES_MAX).map(|(_, candidate)| candidate.to_owned()).collect()
}

/// The last three rows of the table of distances between the beginnings of two names.
#[derive(Debug, Default)]
struct Rows {
    before_last: Vec<usize>,
    last: Vec<usize>,
    current: Vec<usize>,
}

impl Rows {
    /// How many characters must be written, removed or replaced to make one of the other, neighbours changing places counting as one; `None`
    /// where that is more than the limit.
    fn distance(&mut self, one: &str, two: &[char], limit: usize) -> Option<usize> {
        self.last.clear();
        self.last.extend(0..=two.len());
        let (mut previous, mut is_near) = (None, true);
        for (row, character) in one.chars().enumerate() {
            self.current.clear();
            self.current.push(row + 1);
            for (column, other) in two.iter().enumerate() {
                let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
                let replaced = at(&self.last, column) + usize::from(character != *other);
                let mut best = replaced.min(at(&self.last, column + 1) + 1).min(at(&self.current, column) + 1);
                if column > 0 && previous == Some(*other) && two.get(column - 1) == Some(&character) {
                    best = best.min(at(&self.before_last, column - 1) + 1);
                }
                self.current.push(best);
            }
            // A row depends on the two above it, and what is above the limit there only grows.
            let was_near = std::mem::replace(&mut is_near, self.current.iter().any(|distance| *distance <= limit));
            if !was_near && !is_near {
                return None;
            }
            std::mem::swap(&mut self.before_last, &mut self.last);
            std::mem::swap(&mut self.last, &mut self.current);
            previous = Some(character);
        }
        self.last.last().copied().filter(|distance| *distance <= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_comes_first() {
        let names = ["amount", "account", "count", "Amuont"];
        assert_eq!(nearest("amuont", names.into_iter()), ["Amuont", "amount"]);
        let long = "a".repeat(1_000_000);
        assert_eq!(
            nearest(&long, [format!("{long}b").as_str(), &long.to_uppercase()].into_iter()),
            [long.to_uppercase()]
        );
        assert_eq!(nearest("x", names.into_iter()), Vec::<String>::new());
    }
}
