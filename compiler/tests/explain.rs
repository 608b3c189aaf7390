//! The pages that `chor explain` prints tell the truth: the first example gives the code, the second does not and compiles.
#![allow(clippy::unwrap_used, reason = "a test")]

use chor::diagnostic::render::{Colour, Renderer};
use chor::diagnostic::{Code, Severity};
use chor::source::Sources;

fn examples(page: &str) -> Vec<&str> {
    page.split("```chor\n").skip(1).map(|part| part.split("```").next().unwrap()).collect()
}

#[test]
fn examples_do_what_their_page_says() {
    let mut wrong = String::new();
    // Their failing examples would fill the page: they show the shape only, which these pages say.
    let too_large = [Code::E0006, Code::E0013, Code::E0518];
    for code in Code::ALL.iter().filter(|code| !too_large.contains(code)) {
        let examples = examples(code.explanation());
        for (index, example) in examples.iter().enumerate() {
            let sources = Sources::single(format!("{code}.chor"), *example);
            let compilation = chor::compile(&sources, &chor::Options::default());
            let gives = compilation.diagnostics.iter().any(|diagnostic| diagnostic.code() == *code);
            let others = compilation
                .diagnostics
                .iter()
                .any(|diagnostic| diagnostic.code() != *code && diagnostic.severity() == Severity::Error);
            if gives != (index == 0) || others {
                let renderer = Renderer::new(&sources, Colour::Off);
                let blocks: String =
                    compilation.diagnostics.iter().map(|diagnostic| renderer.block(diagnostic)).collect();
                wrong += &format!("example {index} of {code}:\n{example}{blocks}\n");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
