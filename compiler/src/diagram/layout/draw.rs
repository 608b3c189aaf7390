//! Draws measured items below each other.

use super::measured::{BOX_MARGIN, FRAME_PADDING, LOOP_WIDTH, MARK_WIDTH, Measured, corner_width};
use crate::diagram::measure::{LINE_HEIGHT, width};
use crate::diagram::model::{ArrowKind, BoxKind, Frame, FrameKind, Item, LaneIndex, Reach};
use crate::diagram::scene::{Align, Area, Class, Shape, Text};

/// How long and half as wide the head of an arrow is.
const HEAD_LENGTH: u32 = 9;
const HEAD_HALF: u32 = 5;

/// Half of a cross.
const CROSS: u32 = 5;

pub struct Drawing<'a> {
    /// Where each lane is.
    lanes: &'a [u32],
    /// Where the next item begins.
    pub y: u32,
    /// What stands behind the lifelines.
    pub back: Vec<Shape>,
    /// What stands before them.
    pub front: Vec<Shape>,
}

impl<'a> Drawing<'a> {
    pub fn new(lanes: &'a [u32]) -> Self {
        Self { lanes, y: 0, back: Vec::new(), front: Vec::new() }
    }

    fn x(&self, lane: LaneIndex) -> u32 {
        self.lanes.get(lane).copied().unwrap_or(0)
    }

    pub fn items(&mut self, items: &[Measured<'_>]) {
        for item in items {
            let top = self.y;
            match item.item {
                Item::Arrow { from, to, kind, .. } if from == to => self.loop_arrow(item, *from, *kind),
                Item::Arrow { from, to, kind, .. } => self.arrow(item, *from, *to, *kind),
                Item::Box { reach, kind, .. } => self.boxed(item, *reach, *kind),
                Item::Stop { lanes, .. } => self.stop(item, lanes),
                Item::Frame(frame) => self.frame(item, frame),
            }
            self.y = top + item.height;
        }
    }

    fn text(&mut self, area: Area, align: Align, lines: Vec<(String, Class)>, full: Option<String>) {
        if !lines.is_empty() {
            self.front.push(Shape::Text(Text { area, align, lines, full }));
        }
    }

    fn arrow(&mut self, item: &Measured<'_>, from: LaneIndex, to: LaneIndex, kind: ArrowKind) {
        let (start, end) = (self.x(from), self.x(to));
        let height = height_of(item.lines.len());
        let (left, right) = (start.min(end), start.max(end));
        let text_width = widest(item);
        let area = Area { x: (left + right).saturating_sub(text_width) / 2, y: self.y + 3, width: text_width, height };
        self.text(area, Align::Middle, lines(item, |_| text_class(kind)), item.full.clone());
        let y = self.y + height + 8;
        let tip = if start < end { end - 1 } else { end + 1 };
        let neck = if start < end { tip - HEAD_LENGTH } else { tip + HEAD_LENGTH };
        let stop = if kind == ArrowKind::Value { neck } else { tip };
        self.front.push(Shape::Line(vec![(start, y), (stop, y)], line_class(kind)));
        self.head(kind, (tip, y), neck);
    }

    /// An arrow from members of a group to others of it.
    fn loop_arrow(&mut self, item: &Measured<'_>, lane: LaneIndex, kind: ArrowKind) {
        let (x, y) = (self.x(lane), self.y + 4);
        let height = height_of(item.lines.len());
        let whole = item.height - 10;
        let (upper, lower) = (y + whole / 2 - 8, y + whole / 2 + 8);
        let area = Area { x: x + LOOP_WIDTH, y: y + (whole - height) / 2, width: widest(item), height };
        self.text(area, Align::Start, lines(item, |_| text_class(kind)), item.full.clone());
        let (out, tip) = (x + LOOP_WIDTH - 10, x + 1);
        let stop = if kind == ArrowKind::Value { tip + HEAD_LENGTH } else { tip };
        self.front.push(Shape::Line(vec![(x, upper), (out, upper), (out, lower), (stop, lower)], line_class(kind)));
        self.head(kind, (tip, lower), tip + HEAD_LENGTH);
    }

    fn head(&mut self, kind: ArrowKind, tip: (u32, u32), neck: u32) {
        let (upper, lower) = ((neck, tip.1 - HEAD_HALF), (neck, tip.1 + HEAD_HALF));
        self.front.push(match kind {
            ArrowKind::Value => Shape::Head([upper, tip, lower], "head"),
            ArrowKind::GoOn => Shape::Line(vec![upper, tip, lower], "open"),
            ArrowKind::Selection | ArrowKind::Inferred => Shape::Line(vec![upper, tip, lower], "open tells"),
        });
    }

    /// The rectangle of a box.
    fn area(&self, item: &Measured<'_>, reach: Reach) -> Area {
        let x = self.x(reach.first) - item.left;
        let width = self.x(reach.last) + item.right - x;
        Area { x, y: self.y + BOX_MARGIN, width, height: item.height - 2 * BOX_MARGIN }
    }

    fn boxed(&mut self, item: &Measured<'_>, reach: Reach, kind: BoxKind) {
        let area = self.area(item, reach);
        let class = match kind {
            BoxKind::Transaction => "box transaction",
            BoxKind::Recorded => "box recorded",
            BoxKind::Pure => "box pure",
            BoxKind::Call => "box call",
            BoxKind::Note => "box note",
        };
        let radius = if kind == BoxKind::Call || kind == BoxKind::Note { 0 } else { 6 };
        self.front.push(Shape::Rect(area, radius, class));
        let mut text =
            Area { x: area.x + 4, width: area.width - 8, y: area.y + 5, height: height_of(item.lines.len()) };
        if kind == BoxKind::Call {
            let corner = Area { x: area.x, y: area.y, width: MARK_WIDTH - 4, height: LINE_HEIGHT + 2 };
            self.front.push(Shape::Rect(corner, 0, "corner"));
            self.text(corner, Align::Middle, vec![("ref".to_owned(), "word")], None);
            text = Area { x: area.x + MARK_WIDTH, width: area.width - MARK_WIDTH - 4, ..text };
        }
        self.text(
            text,
            Align::Middle,
            lines(item, |index| if index == 0 { "text" } else { "small" }),
            item.full.clone(),
        );
    }

    fn stop(&mut self, item: &Measured<'_>, lanes: &[LaneIndex]) {
        let area = self.area(item, item.item.reach());
        self.front.push(Shape::Rect(area, 6, "box stop"));
        let height = height_of(item.lines.len());
        let text = Area { x: area.x + MARK_WIDTH, y: area.y + 5, width: area.width - MARK_WIDTH - 4, height };
        self.cross(area.x + MARK_WIDTH / 2, area.y + 5 + height / 2);
        self.text(
            text,
            Align::Middle,
            lines(item, |index| if index == 0 { "text" } else { "small" }),
            item.full.clone(),
        );
        if lanes.len() > 1 {
            for lane in lanes {
                self.cross(self.x(*lane), text.y + height + LINE_HEIGHT / 2);
            }
        }
    }

    fn cross(&mut self, x: u32, y: u32) {
        for (start, end) in [(y - CROSS, y + CROSS), (y + CROSS, y - CROSS)] {
            self.front.push(Shape::Line(vec![(x - CROSS, start), (x + CROSS, end)], "cross"));
        }
    }

    fn frame(&mut self, item: &Measured<'_>, frame: &Frame) {
        let x = self.x(frame.reach.first) - item.left;
        let frame_width = self.x(frame.reach.last) + item.right - x;
        let area = Area { x, y: self.y + 5, width: frame_width, height: item.height - 10 };
        let is_saga = frame.kind == FrameKind::Saga;
        self.back.push(Shape::Rect(area, 0, if is_saga { "frame saga" } else { "frame" }));
        let corner = Area { x, y: area.y, width: corner_width(frame), height: LINE_HEIGHT + 4 };
        self.front.push(Shape::Rect(corner, 0, if is_saga { "corner saga" } else { "corner" }));
        let word = Area { y: corner.y + 2, height: LINE_HEIGHT, ..corner };
        self.text(word, Align::Middle, vec![(frame.kind.word().to_owned(), "word")], None);
        let mut top = area.y;
        for (index, section) in item.sections.iter().enumerate() {
            let before = if index == 0 { corner.width + 8 } else { FRAME_PADDING };
            if index > 0 {
                let class = if is_saga { "divide saga" } else { "divide" };
                self.back.push(Shape::Line(vec![(x, top), (x + frame_width, top)], class));
            }
            let widest = section.title.iter().map(|line| width(line)).max().unwrap_or(0);
            let title = Area { x: x + before, y: top + 3, width: widest, height: height_of(section.title.len()) };
            let lines = section.title.iter().map(|line| (line.clone(), "guard")).collect();
            self.text(title, Align::Start, lines, section.full.clone());
            self.y = top + section.head;
            self.items(&section.items);
            top += section.height;
        }
    }
}

fn widest(item: &Measured<'_>) -> u32 {
    item.lines.iter().map(|(_, line)| width(line)).max().unwrap_or(0)
}

fn height_of(line_count: usize) -> u32 {
    u32::try_from(line_count).unwrap_or(0) * LINE_HEIGHT
}

fn lines(item: &Measured<'_>, class: impl Fn(usize) -> Class) -> Vec<(String, Class)> {
    item.lines.iter().map(|(index, line)| (line.clone(), class(*index))).collect()
}

fn line_class(kind: ArrowKind) -> Class {
    match kind {
        ArrowKind::Value => "arrow",
        ArrowKind::GoOn => "arrow dashed",
        ArrowKind::Selection => "arrow tells",
        ArrowKind::Inferred => "arrow tells dashed",
    }
}

fn text_class(kind: ArrowKind) -> Class {
    match kind {
        ArrowKind::Value => "on",
        ArrowKind::GoOn => "on quiet",
        ArrowKind::Selection => "on tells",
        ArrowKind::Inferred => "on tells inferred",
    }
}
