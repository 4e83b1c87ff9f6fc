//! How values and lists of names are shown in messages: quoted, and never longer than a message bears.

const SHOWN_CHARS: usize = 60;
const SHOWN_NAMES: usize = 20;

/// The text in quotes, with escapes, cut after 60 characters.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The names in quotes, separated by commas, cut after 20.
pub(super) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let total = names.len();
    let mut list = names.take(SHOWN_NAMES).map(quoted).collect::<Vec<_>>().join(", ");
    if total > SHOWN_NAMES {
        list.push_str(&format!(" and {} more", total - SHOWN_NAMES));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_between_characters() {
        assert_eq!(quoted("a\n"), r#""a\n""#);
        assert_eq!(quoted(&"é".repeat(61)), format!("\"{}\"...", "é".repeat(60)));
    }

    #[test]
    fn counts_what_it_leaves_out() {
        assert_eq!(listed(["a", "b"].into_iter()), r#""a", "b""#);
        assert!(listed(["a"; 23].into_iter()).ends_with(r#""a" and 3 more"#));
    }
}
