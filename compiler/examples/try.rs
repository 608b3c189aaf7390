use chor::*;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let sources = source::Sources::single(path, text);
    let c = compile(&sources, &Options::default());
    let r = diagnostic::render::Renderer::new(&sources, diagnostic::render::Colour::Off);
    for d in &c.diagnostics {
        println!("{}", r.block(d));
    }
    for p in &c.projections {
        for q in &p.programs {
            println!("{}", lir::print::program(&c.hir, p, q.role));
        }
        println!("begins {:?} parts {:?}", p.begins, p.participants);
    }
}
