//! The candidate that somebody who mistyped a word most likely meant.

/// Longer words than this are data rather than names, and get no suggestion.
const LONGEST_NAME: usize = 64;

/// The candidate with the smallest edit distance to `word`, where that is at most a third of the word's length (at least 1).
///
/// Case and surrounding white space do not count. Of equally near candidates the first one wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word)?;
    let allowed = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let name = folded(candidate).filter(|name| name.len().abs_diff(word.len()) <= allowed)?;
            Some((edit_distance(&word, &name), candidate))
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn folded(word: &str) -> Option<Vec<char>> {
    let folded: Vec<char> = word.trim().chars().flat_map(char::to_lowercase).take(LONGEST_NAME + 1).collect();
    (folded.len() <= LONGEST_NAME).then_some(folded)
}

/// Levenshtein's distance, one row of the table at a time.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_insertions_deletions_and_replacements() {
        let distance = |a: &str, b: &str| edit_distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("label", "label"), 0);
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(nearest("labels", ["text", "label"]), Some("label"));
        assert_eq!(nearest(" Label", ["text", "label"]), Some("label"));
        assert_eq!(nearest("sentence", ["text", "label"]), None);
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn long_words_get_no_suggestion() {
        let long = "a".repeat(65);
        assert_eq!(nearest(&long, [long.as_str()]), None);
    }
}
