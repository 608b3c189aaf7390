accompanist_macros::choreo!("../corpus/E0103-an-item-of-a-file-that-is-not-used/main.chor");

fn main() {}
