accompanist_macros::choreo!("nowhere.chor", role = A);

fn main() {}
