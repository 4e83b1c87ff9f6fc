//! Lines and columns of byte offsets in a text.

/// Turns ascending byte offsets into line numbers, reading the text once.
///
/// A line ends at `\n`, `\r\n` or a lone `\r`.
pub(super) struct LineCounter<'a> {
    text: &'a [u8],
    offset: usize,
    line: u64,
}

impl<'a> LineCounter<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        LineCounter { text, offset: 0, line: 1 }
    }

    /// The line, counted from 1, on which `offset` lies. Offsets must not descend.
    pub(super) fn line_of(&mut self, offset: usize) -> u64 {
        while self.offset < offset.min(self.text.len()) {
            let byte = self.text[self.offset];
            let lone_return = byte == b'\r' && self.text.get(self.offset + 1) != Some(&b'\n');
            self.line += u64::from(byte == b'\n' || lone_return);
            self.offset += 1;
        }
        self.line
    }
}

/// The line and the column, both counted from 1, of a byte offset; columns count characters.
pub(super) fn line_and_column(text: &[u8], offset: usize) -> (u64, u64) {
    let before = &text[..offset.min(text.len())];
    let line_start = before.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |end| end + 1);
    let is_char_start = |byte: &&u8| **byte & 0xC0 != 0x80;
    let column = before[line_start..].iter().filter(is_char_start).count() as u64 + 1;
    (LineCounter::new(text).line_of(offset), column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_every_kind_of_line_end() {
        let text = b"a\nb\r\nc\rd";
        let mut lines = LineCounter::new(text);
        let numbers: Vec<u64> = [0, 2, 5, 7].into_iter().map(|offset| lines.line_of(offset)).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(lines.line_of(100), 4);
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(line_and_column("x\néé!".as_bytes(), 6), (2, 3));
        assert_eq!(line_and_column(b"", 0), (1, 1));
    }
}
