//! A scene as one SVG file that needs nothing else: no scripts, no fonts but those of the system.

use std::fmt::Write;

use super::measure::LINE_HEIGHT;
use super::scene::{Align, Scene, Shape, Text};

const STYLE: &str = "
text { font: 13px Inter, \"Segoe UI\", Roboto, \"Helvetica Neue\", Arial, \"Noto Sans\", \"DejaVu Sans\", sans-serif; fill: #1f2328; }
.title { font-size: 17px; font-weight: bold; }
.name, .word { font-weight: bold; }
.word { fill: #424a53; }
.small { fill: #57606a; font-size: 12px; }
.on, .guard { paint-order: stroke; stroke: #fff; stroke-width: 4px; stroke-linejoin: round; }
.guard { fill: #424a53; font-weight: 500; }
.quiet { fill: #57606a; }
text .tells, .on.tells { fill: #6639ba; }
.inferred { font-style: italic; }
.life { stroke: #afb8c1; }
.lane { fill: #ddf4ff; stroke: #0969da; stroke-width: 1.2; }
polyline { fill: none; stroke: #1f2328; stroke-width: 1.4; }
polyline.life { stroke: #afb8c1; stroke-width: 1.2; }
polyline.dashed { stroke-dasharray: 5 4; stroke: #57606a; }
polyline.open { stroke: #57606a; }
polyline.tells { stroke: #8250df; }
polyline.cross { stroke: #cf222e; stroke-width: 2.4; }
polyline.divide { stroke: #6e7781; stroke-dasharray: 6 4; stroke-width: 1; }
polyline.divide.saga { stroke: #9a6700; }
.head { fill: #1f2328; }
.frame { fill: none; stroke: #6e7781; }
.frame.saga { fill: #fff8e5; stroke: #9a6700; }
.corner { fill: #eaeef2; stroke: #6e7781; }
.corner.saga { fill: #fae7b0; stroke: #9a6700; }
.box { fill: #fff; stroke: #6e7781; }
.transaction { fill: #dafbe1; stroke: #1a7f37; stroke-width: 1.4; }
.recorded { fill: #eef6ff; stroke: #0969da; }
.pure { fill: #f6f8fa; stroke: #8c959f; }
.note { fill: #fff8c5; stroke: #bf8700; }
.call { fill: #fbefff; stroke: #8250df; }
.stop { fill: #ffebe9; stroke: #cf222e; }
";

/// The text of a scene.
pub fn svg(scene: &Scene) -> String {
    let (width, height) = (scene.width, scene.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n"
    );
    let _ = writeln!(out, "<title>{}</title>", escaped(&scene.title));
    let _ = writeln!(out, "<style>{STYLE}</style>");
    let _ = writeln!(out, "<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>");
    for shape in &scene.shapes {
        self::shape(&mut out, shape);
    }
    out.push_str("</svg>\n");
    out
}

// A string takes whatever is written to it, so no write here can fail.
fn shape(out: &mut String, shape: &Shape) {
    let points = |points: &[(u32, u32)]| points.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" ");
    let _ = match shape {
        Shape::Rect(area, radius, class) => {
            let round = if *radius == 0 { String::new() } else { format!(" rx=\"{radius}\"") };
            let (x, y, width, height) = (area.x, area.y, area.width, area.height);
            writeln!(out, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{round}/>")
        }
        Shape::Line(line, class) => writeln!(out, "<polyline class=\"{class}\" points=\"{}\"/>", points(line)),
        Shape::Head(head, class) => writeln!(out, "<polygon class=\"{class}\" points=\"{}\"/>", points(head)),
        Shape::Text(text) => {
            self::text(out, text);
            Ok(())
        }
    };
}

fn text(out: &mut String, text: &Text) {
    let (x, anchor) = match text.align {
        Align::Start => (text.area.x, ""),
        Align::Middle => (text.area.x + text.area.width / 2, " text-anchor=\"middle\""),
    };
    let line_count = u32::try_from(text.lines.len()).unwrap_or(1).max(1);
    let line_height = (text.area.height / line_count).max(LINE_HEIGHT);
    out.push_str("<g>");
    if let Some(full) = &text.full {
        let _ = write!(out, "<title>{}</title>", escaped(full));
    }
    for (index, (line, class)) in (0_u32..).zip(&text.lines) {
        // The letters' foot is below three quarters of a line.
        let y = text.area.y + index * line_height + line_height * 3 / 4;
        let _ = write!(out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}>{}</text>", escaped(line));
    }
    out.push_str("</g>\n");
}

/// The text with what XML takes for its own written otherwise, and without what it does not allow.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ if character.is_control() => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}
