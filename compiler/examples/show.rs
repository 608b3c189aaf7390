fn main() {
    for path in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&path).unwrap();
        let sources = chor::source::Sources::single(path, text);
        let c = chor::compile(&sources, &Default::default());
        let r = chor::diagnostic::render::Renderer::new(&sources, chor::diagnostic::render::Colour::Off);
        for d in &c.diagnostics { print!("{}", r.block(d)); }
        if std::env::var("TREE").is_ok() { println!("{:#?}", c.files); }
    }
}
