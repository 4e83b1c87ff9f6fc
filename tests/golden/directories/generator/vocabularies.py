"""Small tokenizers of three kinds, made from the texts alone."""

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertTokenizerFast, DistilBertTokenizerFast, GPT2TokenizerFast, RobertaTokenizerFast

from texts import SENTENCES

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def word_pieces():
    """BERT's vocabulary: special tokens, words, letters and their continuations, and some that JSON has to escape."""
    words = sorted({word for text in SENTENCES for word in text.lower().replace(",", " ,").split()})
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    odd = ["\\", '"', "\u007f", "é", "日", "##本", "😀", "\u2028"]
    return list(dict.fromkeys([*SPECIAL, *words, *letters, *(f"##{letter}" for letter in letters), *odd]))


def bert(folder, cls=BertTokenizerFast, **settings):
    """A BERT tokenizer from a vocabulary file in `folder`."""
    path = folder / "vocab.txt"
    path.write_text("".join(token + "\n" for token in word_pieces()), encoding="utf-8")
    return from_files(cls, folder, {"vocab.txt": path}, {"model_max_length": 32, **settings})


def distilbert(folder):
    return bert(folder, DistilBertTokenizerFast)


def byte_pairs(folder, special):
    """A byte-level BPE as `vocab.json` and `merges.txt` in `folder`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(
        SENTENCES, trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    )
    tokenizer.model.save(str(folder))
    return {name: folder / name for name in ("vocab.json", "merges.txt")}


def roberta(folder):
    return from_files(RobertaTokenizerFast, folder, byte_pairs(folder, ROBERTA_SPECIAL), {"model_max_length": 32})


def gpt2(folder, **settings):
    return from_files(GPT2TokenizerFast, folder, byte_pairs(folder, ["<|endoftext|>"]), {"model_max_length": 32, **settings})


def from_files(cls, folder, files, settings):
    """Loads the tokenizer from a directory, as users do: the loader leaves its traces in `tokenizer_config.json`."""
    assert all(path.parent == folder for path in files.values())
    return cls.from_pretrained(str(folder), **settings)
