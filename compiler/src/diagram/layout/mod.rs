//! From a diagram to a scene: lanes as far apart as their texts need, items below each other. One pass measures, one places lanes, one
//! draws; each takes time in proportion to what there is.

mod draw;
mod measured;

use super::measure::{FONT_SIZE, LINE_HEIGHT, width_bold, wrapped};
use super::model::{Diagram, Lane, LaneIndex, Reach};
use super::scene::{Align, Area, Scene, Shape, Text};
use draw::Drawing;
use measured::{Apart, Measured, measured, neighbours};

/// Around everything.
const MARGIN: u32 = 16;

/// The size of the title's text.
pub const TITLE_SIZE: u32 = 17;

/// The title's widest line, measured as other text is.
const TITLE_WIDTH_MAX: u32 = 480;

/// The widest line of a lane's name, measured as other text is.
const NAME_WIDTH_MAX: u32 = 150;

/// How far the second rectangle of a group stands out.
const STACK: u32 = 4;

/// A diagram at least this high has the names of its lanes also at its bottom.
const FOOTER_HEIGHT_MIN: u32 = 520;

/// The head of a lane.
struct Head {
    lines: Vec<String>,
    full: Option<String>,
    width: u32,
}

/// Lays a diagram out.
pub fn layout(diagram: &Diagram) -> Scene {
    let mut apart = Vec::new();
    let items = measured(&diagram.items, &mut apart);
    let heads: Vec<Head> = diagram.lanes.iter().map(head).collect();
    for (index, head) in heads.iter().enumerate() {
        let half = head.width.div_ceil(2) + STACK;
        let next = heads.get(index + 1).map_or(0, |next| next.width.div_ceil(2) + STACK);
        apart.push(Apart { first: index, last: index + 1, distance: half + next + 8 });
        neighbours(Reach::at(index), half, half, &mut apart);
    }
    let columns = columns(diagram.lanes.len(), &heads, &items, &apart);
    let title = wrapped(&diagram.title, TITLE_WIDTH_MAX, 2);
    let title_width = title.iter().map(|line| width_bold(line, TITLE_SIZE)).max().unwrap_or(0);
    let width = columns.width.max(title_width + 2 * MARGIN);
    let mut drawing = Drawing::new(&columns.lanes);
    let title_height = u32::try_from(title.len()).unwrap_or(0) * (LINE_HEIGHT + 6);
    drawing.front.push(Shape::Text(Text {
        area: Area { x: MARGIN, y: MARGIN, width: title_width, height: title_height },
        align: Align::Start,
        full: title.last().filter(|line| line.ends_with('…')).map(|_| diagram.title.clone()),
        lines: title.into_iter().map(|line| (line, "title")).collect(),
    }));
    let line_count = heads.iter().map(|head| head.lines.len()).max().unwrap_or(1).max(1);
    let head_height = u32::try_from(line_count).unwrap_or(1) * LINE_HEIGHT + 12;
    let head_top = MARGIN + title_height + 8 + STACK;
    drawing.y = head_top + head_height + 10;
    let body_top = drawing.y;
    drawing.items(&items);
    if drawing.y == body_top {
        drawing.y += 2 * LINE_HEIGHT;
    }
    let bottom = drawing.y + 8;
    let has_footer = bottom - body_top >= FOOTER_HEIGHT_MIN;
    let mut lifelines = Vec::new();
    for ((lane, head), x) in diagram.lanes.iter().zip(&heads).zip(&columns.lanes) {
        lifelines.push(Shape::Line(vec![(*x, head_top + head_height), (*x, bottom)], "life"));
        drawing.front.extend(name(lane, head, *x, head_top, head_height));
        if has_footer {
            drawing.front.extend(name(lane, head, *x, bottom + STACK, head_height));
        }
    }
    let footer = if has_footer { head_height + STACK } else { 0 };
    let mut shapes = drawing.back;
    shapes.append(&mut lifelines);
    shapes.append(&mut drawing.front);
    Scene { width, height: bottom + footer + MARGIN, title: diagram.title.clone(), shapes }
}

fn head(lane: &Lane) -> Head {
    let title = lane.title();
    let lines = wrapped(&title, NAME_WIDTH_MAX, 2);
    let text = lines.iter().map(|line| width_bold(line, FONT_SIZE)).max().unwrap_or(0);
    let full = lines.last().filter(|line| line.ends_with('…')).map(|_| title);
    Head { full, width: (text + 24).max(64), lines }
}

/// A lane's name in its rectangle, or two for a group.
fn name(lane: &Lane, head: &Head, x: u32, y: u32, height: u32) -> Vec<Shape> {
    let area = Area { x: x - head.width / 2, y, width: head.width, height };
    let mut shapes = Vec::new();
    if lane.is_group {
        let behind = Area { x: area.x + STACK, y: area.y - STACK, ..area };
        shapes.push(Shape::Rect(behind, 4, "lane"));
    }
    shapes.push(Shape::Rect(area, 4, "lane"));
    let text_height = u32::try_from(head.lines.len()).unwrap_or(0) * LINE_HEIGHT;
    let text =
        Area { y: area.y + (height - text_height) / 2, height: text_height, x: area.x + 2, width: area.width - 4 };
    let lines = head.lines.iter().map(|line| (line.clone(), "name")).collect();
    shapes.push(Shape::Text(Text { area: text, align: Align::Middle, lines, full: head.full.clone() }));
    shapes
}

/// Where the lanes are, and the width of everything.
struct Columns {
    lanes: Vec<u32>,
    width: u32,
}

fn columns(count: usize, heads: &[Head], items: &[Measured<'_>], apart: &[Apart]) -> Columns {
    let half = |head: Option<&Head>| head.map_or(0, |head| head.width.div_ceil(2) + STACK);
    let (mut left, mut right) = (half(heads.first()), half(heads.last()));
    let last = count.saturating_sub(1);
    for item in items {
        let reach = item.item.reach();
        if reach.first == 0 {
            left = left.max(item.left);
        }
        if reach.last == last {
            right = right.max(item.right);
        }
    }
    let mut by_last: Vec<Vec<(LaneIndex, u32)>> = vec![Vec::new(); count];
    for Apart { first, last, distance } in apart {
        if let Some(ends) = by_last.get_mut(*last) {
            ends.push((*first, *distance));
        }
    }
    let mut lanes: Vec<u32> = Vec::with_capacity(count);
    for ends in &by_last {
        let need = |(first, distance): &(LaneIndex, u32)| lanes.get(*first).map(|x| x + distance);
        lanes.push(ends.iter().filter_map(need).max().unwrap_or(MARGIN + left).max(MARGIN + left));
    }
    let width = lanes.last().copied().unwrap_or(0) + right + MARGIN;
    Columns { lanes, width }
}
