//! The files of one compilation, held as text, and where their lines begin. Nothing here reads a disk: front ends do.

use std::collections::BTreeMap;

use crate::span::{FileId, Span};

/// The longest file that is compiled, in bytes: 64 MiB. Spans count bytes in 32 bits, and no choreography comes near it.
pub const FILE_LENGTH_BYTES_MAX: u64 = 64 << 20;

/// One file.
#[derive(Clone, Debug)]
pub struct SourceFile {
    name: String,
    text: String,
    line_starts: Vec<u32>,
    is_ascii: bool,
    imports: BTreeMap<String, Result<FileId, ImportFault>>,
}

/// Why a file that another one uses is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportFault {
    /// Nobody has looked for it: the sources were not made by [`load`](crate::load::load).
    NotLoaded,
    /// The path begins at the root, and so means something else on another machine.
    NotRelative,
    /// There are [`FILE_COUNT_MAX`](crate::load::FILE_COUNT_MAX) files already.
    TooMany,
    /// Why it cannot be read.
    Unreadable(String),
}

/// A place in a file as people count: both numbers begin at 1, and the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// A place in a file as editors count (Language Server Protocol): both numbers begin at 0, and the column counts UTF-16
/// units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Utf16Position {
    /// The line, from 0.
    pub line: u32,
    /// The column in UTF-16 units, from 0.
    pub character: u32,
}

impl SourceFile {
    /// A file of that name (shown in diagnostics as it is given here) and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| offset(index + 1)))
            .collect();
        let is_ascii = text.is_ascii();
        Self { name: name.into(), text, line_starts, is_ascii, imports: BTreeMap::new() }
    }

    /// The name, as diagnostics show it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file that `use "path";` means in this one, by the path as it is written; `None` where nobody has looked.
    pub fn import(&self, path: &str) -> Option<&Result<FileId, ImportFault>> {
        self.imports.get(path)
    }

    /// Whether all the files that it uses are there.
    pub fn is_complete(&self) -> bool {
        self.imports.values().all(Result::is_ok)
    }

    /// Whether the file is longer than [`FILE_LENGTH_BYTES_MAX`], and so is not compiled.
    pub fn is_too_long(&self) -> bool {
        self.text.len() as u64 > FILE_LENGTH_BYTES_MAX
    }

    /// The text of the bytes `start..end`; empty where they are not within the text or cut a character in two.
    pub fn slice(&self, start: u32, end: u32) -> &str {
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The number of the line, from 0, that holds the byte at `offset`.
    pub fn line_index(&self, offset: u32) -> u32 {
        let after = self.line_starts.partition_point(|start| *start <= offset);
        offset_u32(after.saturating_sub(1))
    }

    /// The text of a line, from 0, without its end.
    pub fn line_text(&self, line_index: u32) -> &str {
        let start = self.line_start(line_index);
        let end = self.line_starts.get(line_index as usize + 1).copied().unwrap_or(offset(self.text.len()));
        self.slice(start, end).trim_end_matches(['\n', '\r'])
    }

    /// Whether nothing but blanks stands before the byte at `offset` on its line.
    pub fn begins_line(&self, offset: u32) -> bool {
        let before = self.slice_until(self.line_start(self.line_index(offset)), offset);
        before.chars().all(char::is_whitespace)
    }

    /// The line and column of the byte at `offset`.
    pub fn line_column(&self, offset: u32) -> LineColumn {
        let line = self.line_index(offset);
        let before = self.slice_until(self.line_start(line), offset);
        LineColumn { line: line + 1, column: offset_u32(before.chars().count()) + 1 }
    }

    /// The place of the byte at `offset` as editors count.
    pub fn utf16_position(&self, offset: u32) -> Utf16Position {
        let line = self.line_index(offset);
        let before = self.slice_until(self.line_start(line), offset);
        // Most texts are ASCII, and then a line may be as long as it likes.
        let character = if self.is_ascii { before.len() } else { before.encode_utf16().count() };
        Utf16Position { line, character: offset_u32(character) }
    }

    /// The byte at an editor's position; the end of the line or of the file where the position is past it.
    pub fn offset_of_utf16(&self, position: Utf16Position) -> u32 {
        if position.line as usize >= self.line_starts.len() {
            return offset(self.text.len());
        }
        let mut units = 0;
        let mut at = self.line_start(position.line);
        for character in self.line_text(position.line).chars() {
            if units >= position.character {
                break;
            }
            units += offset_u32(character.len_utf16());
            at += offset_u32(character.len_utf8());
        }
        at
    }

    /// The byte at a line and a column, both from 1 and the column in characters; nothing where there is no such place.
    pub fn offset_of(&self, line: usize, column: usize) -> Option<u32> {
        let line_index = u32::try_from(line.checked_sub(1)?).ok()?;
        let start = *self.line_starts.get(line_index as usize)?;
        let text = self.line_text(line_index);
        let before = text.char_indices().map(|(index, _)| index).chain([text.len()]).nth(column.checked_sub(1)?)?;
        Some(start + offset(before))
    }

    fn line_start(&self, line_index: u32) -> u32 {
        self.line_starts.get(line_index as usize).copied().unwrap_or(offset(self.text.len()))
    }

    /// The text between two offsets, where the second may lie within a character or past the end.
    fn slice_until(&self, start: u32, end: u32) -> &str {
        let mut end = (end as usize).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.get(start as usize..end).unwrap_or_default()
    }
}

/// The files of one compilation.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// No files yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One file: what most front ends have.
    pub fn single(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { files: vec![SourceFile::new(name, text)] }
    }

    /// Adds a file.
    pub fn add(&mut self, file: SourceFile) -> FileId {
        let id = FileId(offset_u32(self.files.len()));
        self.files.push(file);
        id
    }

    /// Says which file `use "path";` means in the file of that number.
    pub fn set_import(&mut self, id: FileId, path: String, target: Result<FileId, ImportFault>) {
        if let Some(file) = self.files.get_mut(id.0 as usize) {
            file.imports.insert(path, target);
        }
    }

    /// Puts another text in the place of a file's; what it uses stays.
    pub fn set_text(&mut self, id: FileId, text: String) {
        if let Some(file) = self.files.get_mut(id.0 as usize) {
            let imports = std::mem::take(&mut file.imports);
            *file = SourceFile { imports, ..SourceFile::new(std::mem::take(&mut file.name), text) };
        }
    }

    /// The file of that number.
    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// All files with their numbers, in the order added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(index, file)| (FileId(offset_u32(index)), file))
    }

    /// The text that a span covers; empty where there is none.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file).map(|file| file.slice(span.start, span.end)).unwrap_or_default()
    }

    /// `path:line:col` of the span's start, as compilers write it.
    pub fn location(&self, span: Span) -> String {
        match self.get(span.file) {
            Some(file) => {
                let LineColumn { line, column } = file.line_column(span.start);
                format!("{}:{line}:{column}", file.name())
            }
            None => "<unknown>".to_owned(),
        }
    }
}

/// A byte offset. A file beyond 32 bits is never compiled; its offsets saturate.
fn offset(bytes: usize) -> u32 {
    offset_u32(bytes)
}

fn offset_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns() {
        let file = SourceFile::new("a.chor", "let ä = 1;\r\n\n𝄞x");
        let check = |offset: u32, line: u32, column: u32, utf16: (u32, u32)| {
            assert_eq!(file.line_column(offset), LineColumn { line, column }, "offset {offset}");
            let position = Utf16Position { line: utf16.0, character: utf16.1 };
            assert_eq!(file.utf16_position(offset), position, "offset {offset}");
            assert_eq!(file.offset_of_utf16(position), offset);
        };
        check(0, 1, 1, (0, 0));
        check(4, 1, 5, (0, 4));
        check(6, 1, 6, (0, 5));
        check(13, 2, 1, (1, 0));
        check(14, 3, 1, (2, 0));
        check(18, 3, 2, (2, 2));
        check(19, 3, 3, (2, 3));
        assert_eq!(file.offset_of(3, 2), Some(18));
        assert_eq!(file.offset_of(3, 4), None);
        assert_eq!(file.line_text(0), "let ä = 1;");
        assert_eq!(file.line_text(2), "𝄞x");
        assert_eq!(file.line_text(9), "");
    }

    #[test]
    fn positions_past_the_end_are_the_end() {
        let file = SourceFile::new("a.chor", "ab");
        assert_eq!(file.line_column(99), LineColumn { line: 1, column: 3 });
        assert_eq!(file.offset_of_utf16(Utf16Position { line: 7, character: 0 }), 2);
        assert_eq!(SourceFile::new("e", "").line_column(0), LineColumn { line: 1, column: 1 });
    }
}
