"""Write `model/` beside this file: the configuration and the tokenizer of a small BERT without weights.

    HF_HUB_OFFLINE=1 python examples/reviews/make_model.py

Install tests/interop/requirements.txt first. The vocabulary is counted from train.csv, so every run
writes the same bytes; the WordPiece trainer of `tokenizers` breaks ties by a random hash.
"""

import csv
import tempfile
from collections import Counter
from pathlib import Path

from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from transformers import BertConfig, BertTokenizer

HERE = Path(__file__).resolve().parent
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS, ENDINGS = 4500, 400
LONGEST_TEXT = 128


def main():
    with (HERE / "train.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    with tempfile.TemporaryDirectory() as directory:
        vocabulary = Path(directory, "vocab.txt")
        vocabulary.write_text("".join(f"{token}\n" for token in word_pieces(texts)), encoding="utf-8")
        tokenizer = BertTokenizer(vocab=str(vocabulary), model_max_length=LONGEST_TEXT)
    tokenizer.save_pretrained(HERE / "model")

    BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=LONGEST_TEXT,
    ).save_pretrained(HERE / "model")


def word_pieces(texts):
    """Every letter, the most frequent words, and the endings that help to spell the rest.

    A rare word is then split into a frequent word, or its letters, and endings.
    """
    words = Counter()
    for text in texts:
        words.update(word for word, _ in BertPreTokenizer().pre_tokenize_str(BertNormalizer().normalize_str(text)))
    letters, endings = set(), Counter()
    for word, count in words.items():
        letters.update(word[:1], (f"##{letter}" for letter in word[1:]))
        for start in range(1, len(word) - 1):
            endings[f"##{word[start:]}"] += count
    return [*SPECIAL, *sorted(letters), *most_frequent(words, WORDS, letters), *most_frequent(endings, ENDINGS, letters)]


def most_frequent(counts, size, known):
    """The pieces counted most often, equal counts in alphabetical order."""
    return sorted(counts.keys() - known, key=lambda piece: (-counts[piece], piece))[:size]


if __name__ == "__main__":
    main()
