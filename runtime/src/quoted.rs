//! Text of others, for logs: of one line, of limited length, and without anything that steers a
//! terminal.
//!
//! Ids, reasons and names come from clients and peers. One that holds a new line could forge a
//! line of the log, one with an escape sequence could clear the screen of whoever reads it, and a
//! bidirectional control could show it in another order.

use std::fmt;

/// The characters of a text that are shown; what is longer is cut, and says so.
const CHARACTERS_MAX: usize = 200;

/// A text of others, to be displayed.
pub(crate) struct Quoted<'a>(&'a str);

/// Shows the text with everything escaped that is not plain text, and cut to [`CHARACTERS_MAX`].
pub(crate) fn quoted(text: &str) -> Quoted<'_> {
    Quoted(text)
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for (index, character) in self.0.chars().enumerate() {
            if index >= CHARACTERS_MAX {
                return write!(f, "… ({} bytes)", self.0.len());
            }
            match is_plain(character) {
                true => f.write_char(character)?,
                false => write!(f, "{}", character.escape_unicode())?,
            }
        }
        Ok(())
    }
}

/// Whether a character stands for itself and moves nothing: no control, no line or paragraph
/// separator, nothing that changes the direction of text (Unicode Standard Annex 9), and nothing
/// that is invisible.
pub(crate) fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_forges_a_line_or_steers_a_terminal() {
        let hostile = "ok\n2026 WARN settled\r\x1b[2J\u{9b}31m\u{202e}txt\u{2028}\u{200b}\u{e0041}é漢🎵 \"'";
        let shown = quoted(hostile).to_string();
        assert_eq!(
            shown,
            "ok\\u{a}2026 WARN settled\\u{d}\\u{1b}[2J\\u{9b}31m\\u{202e}txt\\u{2028}\\u{200b}\\u{e0041}é漢🎵 \"'"
        );
        assert!(shown.chars().all(is_plain));
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let exact = "é".repeat(CHARACTERS_MAX);
        assert_eq!(quoted(&exact).to_string(), exact);
        let long = "\n".repeat(1_000_000);
        assert_eq!(quoted(&long).to_string(), format!("{}… (1000000 bytes)", "\\u{a}".repeat(CHARACTERS_MAX)));
    }
}
