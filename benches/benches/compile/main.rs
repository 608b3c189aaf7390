//! The compiler on large programs, made by rule: medians of the check (all stages up to projection), of the generation of Rust and of
//! what `choreo!` does; lines of Rust per line and role; and what rustc takes for what is generated.
//!
//! `cargo bench -p accompanist-benches --bench compile [-- [ROUNDS] [csv] [rustc]]`; `csv` writes the table for a spreadsheet, `rustc` also
//! has the role of 1,000 lines checked and built by cargo, which takes some minutes.

mod rustc;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use accompanist_benches::figures::{ms, percentile};
use anyhow::bail;
use chor::source::Sources;
use chor::{Options, codegen};

/// The services of every program, and a type.
const HEAD: &str = "struct Parcel { id: u64, name: String, weight: u32 }
service Stock { transaction take(parcel: Parcel) -> u64 compensate put; fn look(id: u64) -> bool; pure fn price(parcel: Parcel) -> u64; }
service Bank { transaction charge(amount: u64) -> u64 compensate refund; }
";

/// A program and what is known of it.
struct Program {
    name: &'static str,
    text: String,
    roles: usize,
}

/// Choreographies of forty lines each, as people write them, up to so many lines.
fn ordinary(name: &'static str, lines: usize) -> Program {
    let mut text = HEAD.to_owned();
    for number in 0..lines.saturating_sub(3) / 40 {
        let part = |text: &mut String, step: usize| {
            writeln!(
                text,
                "    let price{step} = Shop.price(parcel);
    let bill{step} = price{step} ~> Till;
    let receipt{step} = Till.charge(bill{step} + {step}) ~> Shop;
    require receipt{step} > 0, \"no receipt\";
    let seen{step} = Shop.look(receipt{step});
    if seen{step} && price{step} > {step} {{
        Shop.take(parcel);
        Shop ~> Till;
        Till.charge(bill{step});
    }} else {{
        Shop ~> Till;
    }}"
            )
        };
        let _ = writeln!(text, "choreography C{number}<Shop: Stock, Till: Bank>(parcel: Parcel@Shop) -> u64@Shop {{");
        for step in 0..3 {
            let _ = part(&mut text, step);
        }
        text.push_str("    let last = parcel.id ~> Till;\n    last ~> Shop\n}\n");
    }
    Program { name, text, roles: 2 }
}

/// A message around a circle of roles, and a choice that all of them learn of.
fn many_roles(count: usize) -> Program {
    let names: Vec<String> = (0..count).map(|role| format!("R{role}")).collect();
    let mut text = format!("{HEAD}choreography Ring<{}>(x: u64@R0) -> u64@R0 {{\n", names.join(", "));
    text.push_str("    let x0 = x;\n");
    for role in 0..count {
        let _ = writeln!(text, "    let x{} = x{role} + 1 ~> R{};", role + 1, (role + 1) % count);
    }
    let _ = writeln!(text, "    x{count}\n}}");
    Program { name: "200 roles", text, roles: count }
}

/// Choices, one after the other.
fn many_branches(count: usize) -> Program {
    let mut text = format!("{HEAD}choreography Choices<Shop: Stock, Till: Bank>(p: bool@Shop, n: u64@Shop) {{\n");
    text.push_str("    let bill = n ~> Till;\n");
    for _ in 0..count / 2 {
        text.push_str("    if p { Shop.look(n); Till.charge(bill); } else { Shop ~> Till; }\n");
    }
    text.push_str("}\n");
    Program { name: "10,000 branches", text, roles: 2 }
}

struct Figures {
    lines: usize,
    check: Duration,
    generate: Duration,
    expand: Duration,
    rust_lines_per_line_and_role: f64,
}

fn median(rounds: usize, mut work: impl FnMut()) -> Duration {
    let mut samples: Vec<Duration> = (0..rounds)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed()
        })
        .collect();
    percentile(&mut samples, 50)
}

fn measure(program: &Program, rounds: usize) -> anyhow::Result<Figures> {
    let sources = Sources::single("bench.chor", program.text.as_str());
    let compilation = chor::compile(&sources, &Options::default());
    if let Some(diagnostic) = compilation.diagnostics.iter().find(|_| compilation.has_errors()) {
        bail!("{}: {}", program.name, chor::diagnostic::render::short(diagnostic, &sources));
    }
    let rust = prettyplease::unparse(&syn::parse2(codegen::generate(&compilation, None))?);
    let lines = program.text.lines().count();
    Ok(Figures {
        lines,
        check: median(rounds, || drop(chor::compile(&sources, &Options::default()))),
        generate: median(rounds, || drop(codegen::generate(&compilation, None))),
        // The macro compiles, generates and hands the tokens to rustc, which is as much as writing them out and reading them.
        expand: median(rounds, || {
            let compilation = chor::compile(&sources, &Options::default());
            drop(codegen::generate(&compilation, None).to_string());
        }),
        rust_lines_per_line_and_role: rust.lines().count() as f64 / (lines * program.roles) as f64,
    })
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(5);
    let is_csv = arguments.iter().any(|argument| argument == "csv");
    let programs = [
        ordinary("1,000 lines", 1_000),
        ordinary("10,000 lines", 10_000),
        ordinary("100,000 lines", 100_000),
        many_roles(200),
        many_branches(10_000),
    ];
    let heads = ["program", "lines", "check", "lines/s", "generate", "macro", "Rust lines per line and role"];
    match is_csv {
        true => println!("{}", heads.join(",")),
        false => {
            let [program, lines, check, rate, generate, expand, ratio] = heads;
            println!("{program:<18}{lines:>9}{check:>13}{rate:>12}{generate:>13}{expand:>13}{ratio:>30}");
        }
    }
    for program in &programs {
        let figures = measure(program, rounds)?;
        let rate = (figures.lines as f64 / figures.check.as_secs_f64()).round();
        let ratio = figures.rust_lines_per_line_and_role;
        match is_csv {
            true => println!(
                "\"{}\",{},{:.6},{rate},{:.6},{:.6},{ratio:.2}",
                program.name,
                figures.lines,
                figures.check.as_secs_f64(),
                figures.generate.as_secs_f64(),
                figures.expand.as_secs_f64()
            ),
            false => println!(
                "{:<18}{:>9}{:>13}{rate:>12}{:>13}{:>13}{ratio:>30.2}",
                program.name,
                figures.lines,
                ms(figures.check),
                ms(figures.generate),
                ms(figures.expand)
            ),
        }
    }
    if arguments.iter().any(|argument| argument == "rustc") {
        rustc::measure(&ordinary("1,000 lines", 1_000), is_csv)?;
    }
    Ok(())
}
