accompanist_macros::choreo!("wrong.chor");

fn main() {}
