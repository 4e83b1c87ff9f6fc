// The tokens of a text, as the tokenizer of the example model makes them: BERT's normalizer, its words, WordPiece.

/** Gives the numbers of the tokens of a text, `[CLS]` and `[SEP]` around them, at most `limit`. */
export function wordPiece(vocabulary) {
  const [unknown, begin, end] = ['[UNK]', '[CLS]', '[SEP]'].map((token) => vocabulary[token]);
  return (text, limit) => {
    const pieces = words(text).flatMap((word) => piecesOf(word, vocabulary) ?? [unknown]);
    return [begin, ...pieces.slice(0, limit - 2), end];
  };
}

function words(text) {
  const normal = text.normalize('NFD').replace(/\p{Mn}/gu, '').toLowerCase();
  return normal.match(/[\p{P}$+<=>^`|~]|[^\s\p{P}$+<=>^`|~]+/gu) ?? [];
}

/** The longest pieces of the vocabulary, from the left; nothing where one is missing. */
function piecesOf(word, vocabulary) {
  const pieces = [];
  for (let start = 0; start < word.length; ) {
    let end = word.length;
    const piece = () => (start > 0 ? '##' : '') + word.slice(start, end);
    while (end > start && vocabulary[piece()] === undefined) end -= 1;
    if (end === start) return undefined;
    pieces.push(vocabulary[piece()]);
    start = end;
  }
  return pieces;
}
