//! Makes a program dearer: what is doubled, chained, nested and repeated.

use super::mutate::{Random, mutated, tokens};

/// Declarations that a chain can be made of: each may use what stands before it twice.
pub const CHAINS: [&str; 8] = [
    "choreography C<A, B>(x0: u64@A) -> u64@A {\n    let x1 = (x0, x0);\n    let y = x1 ~> B;\n    x0\n}\n",
    "struct S0 { a: u64 }\nstruct S1 { a: S0, b: S0 }\nchoreography C<A, B>(x: S1@A) { let y = x ~> B; }\n",
    "enum E0 { A(u64), B }\nenum E1 { A(E0), B(E0) }\nchoreography C<A, B>(x: E1@A) { let y = x ~> B; }\n",
    "fn f0(x: u64) -> u64 { x + 1 }\nfn f1(x: u64) -> u64 { f0(f0(x)) }\nchoreography C<A>(x: u64@A) -> u64@A { f1(x) }\n",
    "choreography P0<A, B>(x: u64@A) -> u64@B { x ~> B }\nchoreography P1<A, B>(x: u64@A) -> u64@B {\n    if x > 1 { P0<A, B>(x) } else { P0<A, B>(x + 1) }\n}\n",
    "choreography C<A, B>(x: u64@A) -> u64@B {\n    if x > 1 { x ~> B } else { if x > 2 { x + 1 ~> B } else { x + 2 ~> B } }\n}\n",
    "service S { transaction op(x: u64) -> u64 compensate undo; }\nchoreography C<A: S, B>(x: u64@A) {\n    saga { let y = A.op(x); y ~> B; } else { saga { let z = A.op(x); z ~> B; } else { x ~> B; } }\n}\n",
    "choreography C<A, W[]>(x: u64@A) {\n    let t = x ~> W;\n    each w in W { t + 1 ~> A; each v in W { t ~> v; } }\n}\n",
];

/// The program after some changes that make it dearer.
pub fn grown(text: &str, other: &str, random: &mut Random) -> String {
    let mut text = text.to_owned();
    for _ in 0..=random.below(3) {
        text = match random.below(8) {
            0 | 1 => chained(&text, random),
            2 => doubled(&text, random),
            3 => nested(&text, random),
            4 => repeated(&text, random),
            5 => lines_repeated(&text, random),
            6 => exchanged(&text, random),
            _ => mutated(&[(String::new(), text), (String::new(), other.to_owned())], random),
        };
    }
    text
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// The pieces of a text: each token with what stands before it; and what stands at the end.
fn pieces(text: &str) -> (Vec<(String, String)>, String) {
    let (tokens, end) = tokens(text);
    (tokens.into_iter().map(|(before, token)| (before.to_owned(), token.to_owned())).collect(), end.to_owned())
}

fn joined(pieces: &[(String, String)], end: &str) -> String {
    pieces.iter().map(|(before, token)| format!("{before}{token}")).collect::<String>() + end
}

/// Some declaration again and again, each under a name of its own that uses the one before wherever the
/// first used some other name.
fn chained(text: &str, random: &mut Random) -> String {
    let (mut all, end) = pieces(text);
    let keywords = ["let", "struct", "enum", "fn", "choreography", "const"];
    let starts: Vec<usize> = (0..all.len()).filter(|at| keywords.contains(&all[*at].1.as_str())).collect();
    if starts.is_empty() {
        return text.to_owned();
    }
    let start = starts[random.below(starts.len())];
    let Some(name) = all[start + 1..].iter().find(|(_, token)| is_name(token) && token != "mut") else {
        return text.to_owned();
    };
    let name = name.1.clone();
    let until = end_of_item(&all, start);
    let item = all[start..until].to_vec();
    let used: Vec<String> =
        item.iter().map(|(_, token)| token.clone()).filter(|token| is_name(token) && *token != name).collect();
    if used.is_empty() {
        return text.to_owned();
    }
    let used = used[random.below(used.len())].clone();
    let mut copies = Vec::new();
    let count = 1 + random.below(24);
    for copy in 0..count {
        let before = if copy == 0 { name.clone() } else { format!("{name}_{}", copy - 1) };
        for (blank, token) in &item {
            let token = match token {
                token if *token == name => format!("{name}_{copy}"),
                token if *token == used => before.clone(),
                token => token.clone(),
            };
            copies.push((blank.clone(), token));
        }
    }
    all.splice(until..until, copies);
    joined(&all, &end)
}

/// Where the declaration ends that begins at `start`: behind its `;` or its closing brace.
fn end_of_item(all: &[(String, String)], start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, (_, token)) in all.iter().enumerate().skip(start) {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token == "}" {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    all.len()
}

/// Some group in brackets: its first and its last token.
fn group(all: &[(String, String)], random: &mut Random) -> Option<(usize, usize)> {
    let opens: Vec<usize> = (0..all.len()).filter(|at| ["(", "{", "["].contains(&all[*at].1.as_str())).collect();
    let open = *opens.get(random.below(opens.len().max(1)))?;
    let mut depth = 0_usize;
    for (at, (_, token)) in all.iter().enumerate().skip(open) {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some((open, at));
        }
    }
    None
}

/// Some group of tokens twice, in what may hold two.
fn doubled(text: &str, random: &mut Random) -> String {
    const PAIRS: [(&str, &str, &str); 6] =
        [("(", ", ", ")"), ("[", ", ", "]"), ("(", " + ", ")"), ("{", "; ", "}"), ("", ", ", ""), ("", " ", "")];
    let (mut all, end) = pieces(text);
    let Some((open, close)) = group(&all, random) else { return text.to_owned() };
    let whole = joined(&all[open..=close], "");
    let (before, between, after) = PAIRS[random.below(PAIRS.len())];
    all.splice(open..=close, [(String::new(), format!("{before}{whole}{between}{whole}{after}"))]);
    joined(&all, &end)
}

/// Some group within itself, several times over: where a smaller group stood in it.
fn nested(text: &str, random: &mut Random) -> String {
    let (all, end) = pieces(text);
    let Some((open, close)) = group(&all, random) else { return text.to_owned() };
    let Some((inner_open, inner_close)) = group(&all[open + 1..close], random) else { return text.to_owned() };
    let head = joined(&all[open..=open + inner_open], "");
    let tail = joined(&all[open + 1 + inner_close + 1..=close], "");
    let core = joined(&all[open + 1 + inner_open..=open + 1 + inner_close], "");
    let count = 1 + random.below(12);
    let nest = format!("{}{core}{}", head.repeat(count), tail.repeat(count));
    format!("{}{nest}{}", joined(&all[..open], ""), joined(&all[close + 1..], &end))
}

/// Some element of a list again and again, with other numbers in its names.
fn repeated(text: &str, random: &mut Random) -> String {
    let (mut all, end) = pieces(text);
    let Some((open, close)) = group(&all, random) else { return text.to_owned() };
    let element = numbered(&all[open + 1..close], 1 + random.below(40));
    if element.is_empty() {
        return text.to_owned();
    }
    let separator = [", ", "; ", " "][random.below(3)];
    let many = element.iter().map(|copy| joined(copy, "")).collect::<Vec<_>>().join(separator);
    all.splice(open + 1..close, [(String::new(), many)]);
    joined(&all, &end)
}

/// So many copies, whose names have other numbers at their ends.
fn numbered(item: &[(String, String)], count: usize) -> Vec<Vec<(String, String)>> {
    if item.is_empty() {
        return Vec::new();
    }
    let copy = |by: usize| {
        let renamed = |(blank, token): &(String, String)| {
            let stem = token.trim_end_matches(|last: char| last.is_ascii_digit());
            let number = token[stem.len()..].parse::<usize>().ok().filter(|_| is_name(token));
            let token = number.map_or_else(|| token.clone(), |number| format!("{stem}{}", number.wrapping_add(by)));
            (blank.clone(), token)
        };
        item.iter().map(renamed).collect()
    };
    (0..count).map(copy).collect()
}

/// Some lines again and again, with other numbers in their names.
fn lines_repeated(text: &str, random: &mut Random) -> String {
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return text.to_owned();
    }
    let from = random.below(lines.len());
    let until = (from + 1 + random.below(3)).min(lines.len());
    let (item, end) = pieces(&lines[from..until].join("\n"));
    let copies: Vec<String> = numbered(&item, 1 + random.below(40)).iter().map(|copy| joined(copy, &end)).collect();
    let (before, after) = (lines[..until].join("\n"), lines[until..].join("\n"));
    format!("{before}\n{}\n{after}\n", copies.join("\n"))
}

/// A group in the place of another one.
fn exchanged(text: &str, random: &mut Random) -> String {
    let (mut all, end) = pieces(text);
    let (Some((open, close)), Some((from, to))) = (group(&all, random), group(&all, random)) else {
        return text.to_owned();
    };
    let other = all[from..=to].to_vec();
    all.splice(open..=close, other);
    joined(&all, &end)
}
