//! Shapes and texts at their places, in whole pixels: what is left to be written when a diagram is laid out.

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Its left edge.
    pub x: u32,
    /// Its upper edge.
    pub y: u32,
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
}

impl Area {
    /// Whether both have a point within them.
    pub fn overlaps(&self, other: &Area) -> bool {
        let apart = |start: u32, length: u32, other: u32| start + length <= other;
        !(apart(self.x, self.width, other.x)
            || apart(other.x, other.width, self.x)
            || apart(self.y, self.height, other.y)
            || apart(other.y, other.height, self.y))
    }
}

/// How a shape or text looks: the name of its class in the style sheet.
pub type Class = &'static str;

/// Where a text stands within its area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Its lines begin at the left edge.
    Start,
    /// Its lines are centred.
    Middle,
}

/// Something to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A rectangle with round corners of this radius.
    Rect(Area, u32, Class),
    /// Lines from point to point.
    Line(Vec<(u32, u32)>, Class),
    /// A filled triangle.
    Head([(u32, u32); 3], Class),
    /// Text.
    Text(Text),
}

/// Lines of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The area that they fit into.
    pub area: Area,
    /// Where they stand in it.
    pub align: Align,
    /// The lines, each with how it looks.
    pub lines: Vec<(String, Class)>,
    /// All of the text, where the lines are not.
    pub full: Option<String>,
}

/// A diagram laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// The width of the whole.
    pub width: u32,
    /// The height of the whole.
    pub height: u32,
    /// What it is called.
    pub title: String,
    /// What to draw, from the back to the front.
    pub shapes: Vec<Shape>,
}
