//! How wide text is, without asking a font: the widest of the common sans-serif fonts at each letter, so that text fits whichever of
//! them it is shown in.

/// The size of all text but titles, in pixels.
pub const FONT_SIZE: u32 = 13;

/// From one line of text to the next, in pixels.
pub const LINE_HEIGHT: u32 = 17;

/// Widths of the characters from `' '` to `'~'` in thousandths of the font's size: the larger of DejaVu Sans and Verdana.
const WIDTHS: [u32; 95] = [
    352, 401, 460, 838, 636, 1077, 780, 275, 454, 454, 636, 838, 364, 454, 364, 454, // ' ' to '/'
    636, 636, 636, 636, 636, 636, 636, 636, 636, 636, 454, 454, 838, 838, 838, 545, // '0' to '?'
    1000, 684, 686, 698, 771, 632, 575, 776, 752, 421, 455, 693, 557, 863, 748, 787, // '@' to 'O'
    603, 787, 695, 684, 616, 732, 684, 989, 685, 615, 685, 454, 454, 454, 838, 636, // 'P' to '_'
    636, 613, 635, 550, 635, 615, 352, 635, 634, 278, 344, 592, 278, 974, 634, 612, // '`' to 'o'
    635, 635, 427, 521, 394, 634, 592, 818, 592, 592, 525, 636, 454, 636, 838, // 'p' to '~'
];

/// The width of other letters, in thousandths: a wide one of an alphabet, and one of a script whose letters fill a square.
const WIDTH_OTHER: u32 = 1_000;
const WIDTH_SQUARE: u32 = 1_400;

/// The width of a text in pixels, in regular weight.
pub fn width(text: &str) -> u32 {
    (thousandths(text) * FONT_SIZE).div_ceil(1_000)
}

/// The width in pixels of a text in bold of this size.
pub fn width_bold(text: &str, size: u32) -> u32 {
    (thousandths(text) * size * 6 / 5).div_ceil(1_000)
}

fn thousandths(text: &str) -> u32 {
    text.chars().map(of).fold(0, u32::saturating_add).min(u32::MAX >> 8)
}

fn of(character: char) -> u32 {
    let code = u32::from(character);
    let known = code.checked_sub(32).and_then(|index| WIDTHS.get(index as usize)).copied();
    known.unwrap_or(if code < 0x1100 { WIDTH_OTHER } else { WIDTH_SQUARE })
}

/// The text in lines of at most `width_max` pixels, broken at blanks where there are any; behind `count_max` lines there is an ellipsis.
pub fn wrapped(text: &str, width_max: u32, count_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let blank = if line.is_empty() { "" } else { " " };
        if width(&line) + width(blank) + width(word) <= width_max {
            line.push_str(blank);
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        // A word that is too long for a line is cut.
        for character in word.chars() {
            let mut bytes = [0; 4];
            if !line.is_empty() && width(&line) + width(character.encode_utf8(&mut bytes)) > width_max {
                lines.push(std::mem::take(&mut line));
            }
            if lines.len() > count_max {
                break;
            }
            line.push(character);
        }
        if lines.len() > count_max {
            break;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    if lines.len() > count_max {
        lines.truncate(count_max);
        if let Some(last) = lines.last_mut() {
            while !last.is_empty() && width(last) + width("…") > width_max {
                last.pop();
            }
            last.truncate(last.trim_end().len());
            last.push('…');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_lose_nothing_but_blanks() {
        let check = |text: &str, width_max: u32, lines: &[&str]| {
            let found = wrapped(text, width_max, 3);
            assert_eq!(found, lines);
            assert!(found.iter().all(|line| width(line) <= width_max), "{found:?}");
        };
        check("", 80, &[]);
        check("one two", 80, &["one two"]);
        check("one two three", 60, &["one two", "three"]);
        check("abcdefghijklmnop", 60, &["abcdefg", "hijklmno", "p"]);
        check("a b c d e f g h i j k l m n o p", 40, &["a b c", "d e f", "g…"]);
        check(&"x".repeat(100_000), 60, &["xxxxxxx", "xxxxxxx", "xxxxx…"]);
    }

    #[test]
    fn wide_scripts_are_wide() {
        assert!(width("注文") > 2 * FONT_SIZE && width("äß") >= 2 * FONT_SIZE);
    }
}
