//! What rustc says where `choreo!` is given a wrong choreography. The places within a file are held by the corpus.

#[test]
fn errors_of_the_macro() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
