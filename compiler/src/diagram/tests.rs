//! Diagrams of programs: what they show, that nothing of it overlaps, and that no text breaks the form that it is written in.
#![allow(clippy::indexing_slicing, reason = "a test")]

use std::fmt::Write;

use super::model::Item;
use super::scene::{Scene, Shape};
use super::{Diagram, diagrams, layout, mermaid, svg};
use crate::source::Sources;
use crate::{Options, compile};

const CONSTRUCTS: &str = include_str!("../../../tests/fixtures/constructs.chor");
const WAREHOUSE: &str = include_str!("../../../examples/warehouse/warehouse.chor");
const TRAVEL: &str = include_str!("../../../examples/travel/travel.chor");
const WEBSHOP: &str = include_str!("../../../examples/webshop/webshop.chor");
const HOSTILE: &str = r##"
service Desk { fn ask(text: String) -> String; transaction end(n: u64) -> u64 compensate none; }
choreography Hostile<end: Desk, Note, Loop[]>(n: u64@end, ä: String@end) -> u64@end {
    let x = "; end # <b> & \"quoted\" %% $$ `\\` wrap: end; ]]> </text> 注文注文注文注文注文" ~> Note;
    let long = end.ask("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    if n < 3 && ä != "end; else" { ä ~> {Note, Loop}; end.end(n); } else { abort end, "end\nsequenceDiagram\n#;<script>"; }
    each w in Loop { saga { n ~> w; require w.index < 3, "</svg>"; } else { end ~> w; } }
    n
}
"##;

fn all(text: &str) -> Vec<Diagram> {
    let compilation = compile(&Sources::single("test.chor", text), &Options::default());
    let found: Vec<_> = compilation.diagnostics.iter().map(|found| (found.code(), found.prose().message)).collect();
    assert!(!compilation.has_errors(), "{found:?}");
    diagrams(&compilation)
}

fn one(text: &str) -> Diagram {
    let mut all = all(text);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// No text overlaps another one or leaves the picture, and each line fits into its area.
fn check_layout(scene: &Scene) {
    let texts: Vec<_> = scene
        .shapes
        .iter()
        .filter_map(|shape| match shape {
            Shape::Text(text) => Some(text),
            Shape::Rect(..) | Shape::Line(..) | Shape::Head(..) => None,
        })
        .collect();
    for (index, text) in texts.iter().enumerate() {
        let area = &text.area;
        assert!(area.x + area.width <= scene.width && area.y + area.height <= scene.height, "outside: {text:?}");
        for (line, class) in &text.lines {
            let width = match *class {
                "title" => super::measure::width_bold(line, layout::TITLE_SIZE),
                "name" | "word" => super::measure::width_bold(line, super::measure::FONT_SIZE),
                _ => super::measure::width(line),
            };
            assert!(width <= area.width, "{line} needs {width} in {area:?}");
        }
        // Texts come from top to bottom but for lanes' names, so a few hundred neighbours are enough to look at.
        for other in texts.iter().skip(index + 1).take(400) {
            assert!(!area.overlaps(&other.area), "{text:?}\nand\n{other:?}");
        }
    }
}

/// Tags are closed in order, and text holds nothing that XML takes for its own.
fn check_xml(text: &str) {
    let mut open = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at(start);
        for entity in before.split('&').skip(1) {
            assert!(["amp;", "lt;", "gt;", "quot;"].iter().any(|known| entity.starts_with(known)), "&{entity}");
        }
        let end = tag.find('>').expect("a tag ends");
        let name = &tag[1..end];
        match (name.strip_prefix('/'), name.ends_with('/')) {
            (Some(name), _) => assert_eq!(open.pop(), Some(name), "of {before}"),
            (None, true) => {}
            (None, false) => open.push(name.split(' ').next().unwrap_or_default()),
        }
        rest = &tag[end + 1..];
    }
    assert!(open.is_empty() && rest == "\n", "{open:?} {rest}");
    assert!(!text.contains("<script") && !text.contains("href"), "nothing runs or is fetched");
}

/// Frames are closed, and no label holds what would end it.
fn check_mermaid(text: &str) {
    let mut depth = 0_usize;
    for line in text.lines().skip(1) {
        let word = line.split_whitespace().next().unwrap_or_default();
        match word {
            "alt" | "opt" | "loop" | "par" | "critical" | "rect" => depth += 1,
            "end" => depth = depth.checked_sub(1).expect("a frame is open"),
            "else" | "and" | "option" => assert!(depth > 0, "{line}"),
            _ => {}
        }
        let mut label = line.split_once(": ").map_or("", |(_, label)| label).to_owned();
        label = label.replace("<br/>", " ");
        assert!(!label.contains(['<', '>', '"', '%', '$', '\\']), "{line}");
        assert!(!label.split(|character: char| !character.is_alphanumeric()).any(|word| word == "end"), "{line}");
        for behind in label.split('#').skip(1) {
            let (number, _) = behind.split_once(';').expect("a number ends");
            assert!(number.parse::<u32>().is_ok(), "{line}");
        }
        assert_eq!(label.matches('#').count(), label.matches(';').count(), "{line}");
    }
    assert_eq!(depth, 0, "{text}");
}

fn check(text: &str) {
    for diagram in all(text) {
        check_mermaid(&mermaid(&diagram));
        let scene = layout(&diagram);
        check_layout(&scene);
        check_xml(&svg(&scene));
    }
}

#[test]
fn constructs_are_shown() {
    let found: String = all(CONSTRUCTS).iter().map(|diagram| mermaid(diagram) + "\n").collect();
    let wanted = include_str!("constructs.mermaid");
    let differs = found.lines().zip(wanted.lines()).find(|(found, wanted)| found != wanted);
    assert!(found == wanted, "first at {differs:?}; all of it now\n{found}");
}

#[test]
fn the_readmes_of_the_examples_show_their_diagrams() {
    let warehouse = (WAREHOUSE, include_str!("../../../examples/warehouse/README.md"));
    let travel = (TRAVEL, include_str!("../../../examples/travel/README.md"));
    let webshop = (WEBSHOP, include_str!("../../../examples/webshop/README.md"));
    for (program, readme) in [warehouse, travel, webshop] {
        for diagram in all(program) {
            let wanted = format!("```mermaid\n{}```\n", mermaid(&diagram));
            assert!(readme.replace('\r', "").contains(&wanted), "`chor diagram` writes now\n{wanted}");
        }
    }
}

#[test]
fn texts_have_room_and_files_are_well_formed() {
    check(CONSTRUCTS);
    check(WAREHOUSE);
    check(TRAVEL);
    check(WEBSHOP);
}

#[test]
fn hostile_labels_stay_labels() {
    check(HOSTILE);
    let text = mermaid(&one(HOSTILE));
    assert!(text.contains("participant u65.u6e.u64. as #101;nd\n"), "{text}");
    let picture = svg(&layout(&one(HOSTILE)));
    assert!(picture.contains("&lt;/svg&gt;"), "{picture}");
}

#[test]
fn a_choreography_without_anything_has_its_lanes() {
    let text = "choreography Idle<A, B[]>() { }";
    check(text);
    let diagram = one(text);
    assert_eq!((diagram.lanes.len(), diagram.items.len()), (2, 0));
    assert_eq!(mermaid(&diagram), "sequenceDiagram\n    title Idle\n    participant A\n    participant B as B[]\n");
}

#[test]
fn a_chain_of_choices_is_one_frame() {
    let text = "choreography C<A, B>(n: u64@A) {
        if n == 1 { A ~> B; } else if n == 2 { n ~> B; } else { n + 1 ~> B; }
    }";
    let diagram = one(text);
    let Some(Item::Frame(frame)) = diagram.items.first() else { unreachable!("a choice is a frame: {diagram:?}") };
    let titles: Vec<&str> = frame.sections.iter().map(|section| section.title.as_str()).collect();
    assert_eq!(titles, ["A decides: n == 1", "A decides: n == 2", "else"]);
}

#[test]
fn selections_say_whether_they_are_written() {
    let written = "choreography C<A, B>(n: u64@A) { if n == 1 { select A ~> B; B ~> A; } else { } }";
    let text = mermaid(&one(written));
    assert!(text.contains("A-->>B: select: A decides so\n"), "{text}");
    assert!(text.contains("A-->>B: select: else (inferred)\n"), "{text}");
}

#[test]
fn hundreds_of_roles_and_thousands_of_messages_take_time_in_proportion() {
    let program = |message_count: usize| {
        let roles: Vec<String> = (0..200).map(|index| format!("Role{index}")).collect();
        let mut text = format!("choreography Large<{}>(n: u64@Role0) {{\n", roles.join(", "));
        for index in 0..message_count {
            let _ = writeln!(text, "Role{} ~> Role{};", index * 7 % 200, (index * 7 + 1 + index % 50) % 200);
        }
        text + "}\n"
    };
    // What is made grows with the program and no faster; that it is made at once, the limits of the tests' time tell.
    let sizes = [1_000, 2_000].map(|count| {
        let diagram = one(&program(count));
        assert_eq!((diagram.lanes.len(), diagram.items.len()), (200, count));
        let scene = layout(&diagram);
        check_layout(&scene);
        let picture = svg(&scene);
        check_mermaid(&mermaid(&diagram));
        picture.len()
    });
    assert!(sizes[1] < 2 * sizes[0], "{sizes:?}");
}
