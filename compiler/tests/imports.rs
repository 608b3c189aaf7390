//! Programs of several files.

use chor::load::load;
use chor::source::SourceFile;

/// Compiles `main.chor` of these files: the names of its choreographies, and what is said, as `file:line:column code`.
fn check(files: &[(&str, &str)], choreographies: &[&str], said: &[&str]) {
    let text = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
    let root = SourceFile::new("main.chor", text("main.chor").expect("there is one"));
    let sources = load(root, |path| text(path).ok_or_else(|| "no such file".to_owned()));
    let compilation = chor::compile(&sources, &chor::Options::default());
    let found: Vec<String> = compilation
        .diagnostics
        .iter()
        .map(|diagnostic| format!("{} {}", sources.location(diagnostic.span()), diagnostic.code()))
        .collect();
    assert_eq!(found, said, "{:#?}", compilation.diagnostics);
    let names: Vec<&str> = compilation.hir.choreographies.iter().map(|one| one.name.name.as_str()).collect();
    assert_eq!(names, choreographies);
    syn::parse2::<syn::File>(chor::codegen::generate(&compilation, None)).expect("generated Rust is Rust");
}

#[test]
fn all_choreographies_of_all_files_are_generated() {
    let main = "use \"a.chor\"; choreography M<A: S>(x: X@A) { A.f(x); }";
    let a = "use \"main.chor\"; use \"b.chor\"; struct X { y: Y } service S { fn f(x: X); }";
    let b = "struct Y {} choreography N<P, Q>(y: Y@P) { P ~> Q; }";
    check(&[("main.chor", main), ("a.chor", a), ("b.chor", b)], &["M", "N"], &[]);
}

#[test]
fn a_file_does_not_see_what_its_files_use() {
    let main = "use \"a.chor\"; choreography M<S>(x: X@S) { let y: Y = x.y; S.f(); Z { y: x }; }";
    let a = "use \"b.chor\"; struct X { y: Y }";
    let b = "struct Y {} struct Z { y: Y } service S { fn f(); }";
    let said = ["main.chor:1:50 E0103", "main.chor:1:61 E0104", "main.chor:1:66 E0103"];
    check(&[("main.chor", main), ("a.chor", a), ("b.chor", b)], &["M"], &said);
}

#[test]
fn explicit_is_about_its_own_file() {
    let body = "<A, B: S>(x: bool@A) { if x { B.f(); } else { } }";
    let main = format!("use \"a.chor\"; service S {{ fn f(); }} choreography M{body}");
    let a = format!("#![explicit]\nuse \"main.chor\"; choreography N{body}");
    check(&[("main.chor", &main), ("a.chor", &a)], &["M", "N"], &["a.chor:2:58 E0301"]);
}

#[test]
fn what_follows_from_a_missing_file_is_not_told() {
    let main = "use \"a.chor\"; choreography M<A: S, B>(x: X@A) { x ~> C; }";
    check(&[("main.chor", main)], &["M"], &["main.chor:1:5 E0110", "main.chor:1:54 E0103"]);
}

/// What is proposed where a `use` is missing mends it, wherever the file begins.
#[test]
fn a_missing_use_is_written_where_it_belongs() {
    let body = "/// Of the program.\nchoreography M<A>(x: X@A) { }\n";
    for (head, expected) in [
        ("use \"a.chor\";\n", "use \"b.chor\";\nuse \"a.chor\";\n"),
        (
            "//! About.\n\n#![explicit]\nuse \"a.chor\";\n",
            "//! About.\n\n#![explicit]\nuse \"b.chor\";\nuse \"a.chor\";\n",
        ),
    ] {
        let text = |path: &str| match path {
            "a.chor" => Ok("use \"b.chor\"; struct Y { x: X }".to_owned()),
            _ => Ok("struct X {}".to_owned()),
        };
        let main = format!("{head}{body}");
        let sources = load(SourceFile::new("main.chor", main.as_str()), text);
        let compilation = chor::compile(&sources, &chor::Options::default());
        let prose = compilation.diagnostics.first().expect("`X` is not seen").prose();
        let [edit] = prose.edits.as_slice() else { unreachable!("{prose:#?}") };
        let mut mended = main.clone();
        mended.insert_str(edit.span.start as usize, &edit.replacement);
        assert_eq!(mended, format!("{expected}{body}"));
        let sources = load(SourceFile::new("main.chor", mended), text);
        assert!(!chor::compile(&sources, &chor::Options::default()).has_errors());
    }
}
