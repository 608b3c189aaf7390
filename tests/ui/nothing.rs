accompanist_macros::choreo!();

fn main() {}
