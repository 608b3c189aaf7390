//! Sequence diagrams of whole choreographies: what everyone does, from top to bottom, with what the compiler found out about it: who
//! sends, who decides, and which selections it put in. `build` makes one model of it, of which `mermaid` and `svg` are two writings.

mod build;
mod layout;
mod measure;
mod mermaid;
pub mod model;
mod scene;
mod svg;
#[cfg(test)]
mod tests;
mod text;

pub use layout::layout;
pub use mermaid::mermaid;
pub use model::Diagram;
pub use svg::svg;

use crate::Compilation;

/// The diagrams of a program's choreographies, in the order of the text; of a program with errors there are none.
pub fn diagrams(compilation: &Compilation) -> Vec<Diagram> {
    let of = |projection: &crate::lir::Projection| {
        let choreography = compilation.hir.choreographies.get(projection.choreography)?;
        Some(build::diagram(&compilation.sources, &compilation.hir, choreography, projection))
    };
    compilation.projections.iter().filter_map(of).collect()
}
