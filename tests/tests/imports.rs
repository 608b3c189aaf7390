//! A program of several files by each front end: the build script (`src/generated.rs`), the macro here, and `chor check` in the
//! compiler's own tests.
#![allow(missing_docs, reason = "a test")]

use std::path::Path;

mod from_macro {
    accompanist_macros::choreo!("../fixtures/imported.chor");
}

mod inline {
    accompanist_macros::choreo! {
        use "../fixtures/parts/money.chor";
        choreography Give<A, B>(cents: Cents@A) -> Cents@B { cents ~> B }
    }
}

#[test]
fn the_macro_and_the_build_script_generate_all_choreographies_of_all_files() {
    use accompanist_tests::generated::imported;
    let built = imported::Refund { cents: imported::Cents { count: 3 } };
    let expanded = from_macro::Refund { cents: from_macro::Cents { count: 3 } };
    assert_eq!(built.cents.count, expanded.cents.count);
    let _ = inline::Give { cents: inline::Cents { count: 3 } };
}

#[test]
fn the_crate_is_built_again_when_a_file_that_is_used_changes() {
    // What rustc has read for a crate stands in its dependency file, which cargo goes by.
    let test = std::env::current_exe().expect("a test is a file");
    let dependencies = std::fs::read_to_string(test.with_extension("d")).expect("rustc writes it beside the test");
    for file in ["imported.chor", "parts/shop.chor", "parts/money.chor"] {
        let path = Path::new("fixtures").join(file);
        assert!(dependencies.contains(&path.display().to_string()), "{file} is not in\n{dependencies}");
    }
}
