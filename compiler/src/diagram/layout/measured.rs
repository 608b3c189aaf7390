//! Items with their texts in lines: how high each is, how far it reaches past its lanes, and how far it holds lanes apart.

use crate::diagram::measure::{FONT_SIZE, LINE_HEIGHT, width, width_bold, wrapped};
use crate::diagram::model::{BoxKind, Frame, Item, LaneIndex, Reach};

/// The widest line on an arrow, in a box and at the head of a frame, in pixels.
const ARROW_WIDTH_MAX: u32 = 230;
const BOX_WIDTH_MAX: u32 = 240;
const TITLE_WIDTH_MAX: u32 = 250;

/// The most lines of one text.
const LINE_COUNT_MAX: usize = 3;

/// Between a lifeline and what reaches towards it.
pub const CLEARANCE: u32 = 14;

/// Between the border of a frame and what is in it, at each side and below.
pub const FRAME_PADDING: u32 = 10;

/// How far a box on several lanes reaches past the outer ones.
pub const SPAN_REACH: u32 = 26;

/// Between the border of a box and its text, on both sides together.
const BOX_PADDING: u32 = 20;

/// The mark at the left of a box of a call or a stop.
pub const MARK_WIDTH: u32 = 34;

/// The arrow from a lane to itself is this wide, with the blank before its text.
pub const LOOP_WIDTH: u32 = 38;

/// Above and below a box.
pub const BOX_MARGIN: u32 = 5;

/// An item with its texts in lines.
pub struct Measured<'a> {
    pub item: &'a Item,
    /// The text, the number of the model's line with each line.
    pub lines: Vec<(usize, String)>,
    /// All of the text, where the lines are not.
    pub full: Option<String>,
    /// How far it reaches to the left of its first lane.
    pub left: u32,
    /// How far it reaches to the right of its last lane.
    pub right: u32,
    pub height: u32,
    /// The sections of a frame.
    pub sections: Vec<MeasuredSection<'a>>,
}

/// A section of a frame with its texts in lines.
pub struct MeasuredSection<'a> {
    pub title: Vec<String>,
    pub full: Option<String>,
    /// The height of the title with what is around it.
    pub head: u32,
    pub height: u32,
    pub items: Vec<Measured<'a>>,
}

/// The last lane is at least this far to the right of the first.
pub struct Apart {
    pub first: LaneIndex,
    pub last: LaneIndex,
    pub distance: u32,
}

/// Measures items, and says how far they hold lanes apart.
pub fn measured<'a>(items: &'a [Item], apart: &mut Vec<Apart>) -> Vec<Measured<'a>> {
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        let measured = match item {
            Item::Arrow { from, to, text, .. } => arrow(item, *from, *to, text, apart),
            Item::Box { reach, kind, lines } => {
                let mark = if *kind == BoxKind::Call { MARK_WIDTH } else { 0 };
                boxed(item, *reach, lines, mark, apart)
            }
            Item::Stop { lines, .. } => boxed(item, item.reach(), lines, MARK_WIDTH, apart),
            Item::Frame(inner) => frame(item, inner, apart),
        };
        neighbours(item.reach(), measured.left, measured.right, apart);
        all.push(measured);
    }
    all
}

/// What reaches past a lane does not touch the next one.
pub fn neighbours(reach: Reach, left: u32, right: u32, apart: &mut Vec<Apart>) {
    if let Some(before) = reach.first.checked_sub(1) {
        apart.push(Apart { first: before, last: reach.first, distance: left + CLEARANCE });
    }
    apart.push(Apart { first: reach.last, last: reach.last + 1, distance: right + CLEARANCE });
}

/// The lines of texts, each with its text's number, and the whole where they are cut.
fn in_lines(texts: &[String], width_max: u32) -> (Vec<(usize, String)>, Option<String>) {
    let mut lines = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        lines.extend(wrapped(text, width_max, LINE_COUNT_MAX).into_iter().map(|line| (index, line)));
    }
    let is_cut = lines.iter().any(|(_, line)| line.ends_with('…'));
    (lines, is_cut.then(|| texts.join("\n")))
}

fn height_of(line_count: usize) -> u32 {
    u32::try_from(line_count).unwrap_or(u32::MAX >> 8) * LINE_HEIGHT
}

fn widest(lines: &[(usize, String)]) -> u32 {
    lines.iter().map(|(_, line)| width(line)).max().unwrap_or(0)
}

fn arrow<'a>(item: &'a Item, from: LaneIndex, to: LaneIndex, text: &String, apart: &mut Vec<Apart>) -> Measured<'a> {
    let (lines, full) = in_lines(std::slice::from_ref(text), ARROW_WIDTH_MAX);
    let (text_width, text_height) = (widest(&lines), height_of(lines.len()));
    let sections = Vec::new();
    if from == to {
        let right = LOOP_WIDTH + text_width;
        return Measured { item, lines, full, left: 4, right, height: text_height.max(24) + 10, sections };
    }
    let reach = item.reach();
    apart.push(Apart { first: reach.first, last: reach.last, distance: text_width + 28 });
    Measured { item, lines, full, left: 4, right: 4, height: text_height + 16, sections }
}

fn boxed<'a>(item: &'a Item, reach: Reach, texts: &[String], mark: u32, apart: &mut Vec<Apart>) -> Measured<'a> {
    let (lines, full) = in_lines(texts, BOX_WIDTH_MAX);
    let whole = widest(&lines) + BOX_PADDING + mark;
    let mut height = height_of(lines.len()).max(LINE_HEIGHT) + 10 + 2 * BOX_MARGIN;
    if let Item::Stop { lanes, .. } = item
        && lanes.len() > 1
    {
        height += LINE_HEIGHT;
    }
    let half = match reach.first == reach.last {
        true => whole.div_ceil(2),
        false => {
            apart.push(Apart { first: reach.first, last: reach.last, distance: whole.saturating_sub(2 * SPAN_REACH) });
            SPAN_REACH
        }
    };
    Measured { item, lines, full, left: half, right: half, height, sections: Vec::new() }
}

/// The width of the corner with a frame's word.
pub fn corner_width(frame: &Frame) -> u32 {
    width_bold(frame.kind.word(), FONT_SIZE) + 18
}

fn frame<'a>(item: &'a Item, frame: &'a Frame, apart: &mut Vec<Apart>) -> Measured<'a> {
    let Reach { first, last } = frame.reach;
    let (mut left, mut right, mut title_width, mut height) = (CLEARANCE, CLEARANCE, 0, 0);
    let mut sections = Vec::new();
    for (index, section) in frame.sections.iter().enumerate() {
        let (title, full) = in_lines(std::slice::from_ref(&section.title), TITLE_WIDTH_MAX);
        let before = if index == 0 { corner_width(frame) + 8 } else { 10 };
        title_width = title_width.max(before + widest(&title) + 10);
        let items = measured(&section.items, apart);
        for inner in &items {
            let reach = inner.item.reach();
            if reach.first == first {
                left = left.max(inner.left);
            }
            if reach.last == last {
                right = right.max(inner.right);
            }
        }
        // A section without a title has room for the line above it; the first has the corner.
        let head = match (index, title.len()) {
            (0, 0) => LINE_HEIGHT + 8,
            (_, 0) => 6,
            (_, count) => height_of(count) + 8,
        };
        let inside: u32 = items.iter().map(|item| item.height).sum();
        let below = if items.is_empty() { 2 } else { FRAME_PADDING };
        let whole = head + inside + below;
        height += whole;
        let title = title.into_iter().map(|(_, line)| line).collect();
        sections.push(MeasuredSection { title, full, head, height: whole, items });
    }
    left += FRAME_PADDING;
    right += FRAME_PADDING;
    let missing = title_width.saturating_sub(left + right);
    match first == last {
        true => right += missing,
        false => apart.push(Apart { first, last, distance: missing }),
    }
    // Above and below a frame there is some room to the next one.
    Measured { item, lines: Vec::new(), full: None, left, right, height: height + 10, sections }
}
