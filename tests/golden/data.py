"""Writes data.json and data/tokenizer.json: token ids and label mappings as transformers and datasets give them.

Usage: HF_HUB_OFFLINE=1 python data.py TRAIN_CSV OUT_DIR

TRAIN_CSV has a column `text` (examples/reviews/train.csv); OUT_DIR is tests/golden. Made with transformers 5.23.0 and datasets 5.2.0.
With `--keep-tokenizer`, OUT_DIR/data/tokenizer.json is used as it is (training a vocabulary breaks ties by chance).
"""

import argparse
import csv
import json
import platform
import shutil
import tempfile
from pathlib import Path

import datasets
import pandas
import tokenizers
import transformers

NASTY = [
    "",
    " ",
    "naïve café — “quotes” … ﬁne",
    "e\u0301 combining, ﬀ ligature, Å angstrom",
    "日本語のテキスト 한국어 中文字符",
    "emoji 👩‍👩‍👧‍👦 🇩🇪 👍🏽!",
    "tab\tnew\nline\r\nreturn\u00a0nbsp\u2028sep\u200bzero",
    "control \u0000\u0001\u007f\u0085\ufeff\ufffd chars",
    "[CLS] inside [SEP] and [MASK] [UNK] [PAD] [mask]",
    "x" * 120,
    "İstanbul ẞ ß ǅ Σίσυφος",
    "don't can't... well---no!!! $5.99 (50%) #tag @you a_b",
    "مرحبا שלום हिन्दी ไทย",
    "\U00020000 rare \U0001d49c math ½ ² Ⅷ",
]

PAIRS = [
    ("A short one.", "Another short one."),
    ("", "only the second"),
    ("only the first", ""),
    ("word " * 30, "brief"),
    ("brief", "word " * 30),
    ("this one is rather long " * 8, "and so is that one here " * 9),
    ("odd lengths meet here now", "seven tokens of text stand here today"),
]


def train_tokenizer(sentences, folder):
    trained = tokenizers.BertWordPieceTokenizer(lowercase=True)
    trained.train_from_iterator(sentences, vocab_size=1500, min_frequency=2, show_progress=False)
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        transformers.BertTokenizer(vocab=trained.get_vocab(), do_lower_case=True, model_max_length=512).save_pretrained(scratch)
        shutil.copy(Path(scratch) / "tokenizer.json", folder / "tokenizer.json")


def tokenization_cases(tokenizer, sentences):
    pairs = PAIRS + list(zip(sentences[:8], sentences[8:16]))
    firsts, seconds = [first for first, _ in pairs], [second for _, second in pairs]
    requests = [(sentences[:40], None, 128), (sentences[:40], None, 16), (NASTY, None, 128), (NASTY, None, 16), (NASTY, None, 2)]
    requests += [(firsts, seconds, length) for length in (128, 17, 16, 4, 3)]
    for texts, others, max_length in requests:
        encoded = tokenizer(texts, others, truncation=True, max_length=max_length)
        yield {
            "texts": texts,
            "pairs": others,
            "max_length": max_length,
            "input_ids": encoded["input_ids"],
            "token_type_ids": encoded["token_type_ids"],
        }


def csv_table(*labels):
    return "text,label\n" + "".join(f'"t, {i}",{label}\n' for i, label in enumerate(labels))


def json_lines(*labels):
    return "".join(json.dumps({"text": f"t {i}", "label": label}) + "\n" for i, label in enumerate(labels))


def label_requests():
    """(name, format, train, validation, test, do_regression)"""
    yield "texts", "csv", csv_table("pos", "neg", "pos"), csv_table("neg", "pos"), None, None
    yield "union", "csv", csv_table("b", "a"), csv_table("c", "a"), csv_table("A", "é", "b"), None
    yield "integers", "csv", csv_table(10, 9, 2, 10), csv_table(9, 2), None, None
    yield "padded integers", "csv", csv_table("01", "02", " 3", "+4"), csv_table("1", "004"), None, None
    yield "one text among integers", "csv", csv_table("01", "2", "x"), csv_table("2", "01", "x"), None, None
    yield "negative integers", "csv", csv_table(-2, 0, 2), csv_table(0, -2), None, None
    yield "bools", "csv", csv_table("true", "FALSE"), csv_table("False", "True"), None, None
    yield "floats", "csv", csv_table("1.5", "2", "-1e-5"), csv_table("1", "2"), None, None
    yield "floats as classes", "csv", csv_table("1.0", "2.5", "1e16", "1e-5"), csv_table("1", "2.50"), None, False
    yield "integers as numbers", "csv", csv_table(3, 1, 2), csv_table(2, 2), None, True
    yield "integers, then floats", "csv", csv_table(0, 1), csv_table("1.0", "0.0"), None, None
    yield "integers, then fractions", "csv", csv_table(0, 1), csv_table("1.5", "0.0"), None, None
    yield "integers, then texts", "csv", csv_table(0, 1), csv_table("a", "b"), None, None
    yield "texts, then integers", "csv", csv_table("a", "b"), csv_table(1, 2), None, None
    yield "texts, then bools", "csv", csv_table("a", "b"), csv_table("True", "False"), None, None
    yield "texts, then floats", "csv", csv_table("a", "b"), csv_table("1.5", "2"), None, None
    yield "bools, then integers", "csv", csv_table("True", "False"), csv_table(1, 0), None, None
    yield "integers, then bools", "csv", csv_table(0, 1), csv_table("True", "False"), None, None
    yield "texts as numbers", "csv", csv_table("a", "b"), csv_table("a"), None, True
    yield "one class", "csv", csv_table("a", "a"), csv_table("a"), None, None
    yield "quotes, line ends, mark", "csv", '\ufefftext,label\r\n"a ""b"", c\nd",x\r\n\r\n  \r\ne,y\r\n', csv_table("x"), None, None
    yield "texts", "json", json_lines("pos", "neg"), json_lines("neg"), None, None
    yield "digits as texts", "json", json_lines("01", "1", "10"), json_lines("1"), None, None
    yield "integers", "json", json_lines(10, 9), json_lines(9), None, None
    yield "bools", "json", json_lines(True, False), json_lines(False), None, None
    yield "integers and floats", "json", json_lines(1, 2.5), json_lines(1), None, None
    yield "integers, then digits as texts", "json", json_lines(1, 2), json_lines("1", "2"), None, None
    yield "digits as texts, then integers", "json", json_lines("1", "2"), json_lines(1, 2), None, None
    yield "floats as classes", "json", json_lines(0.1, 2.5, 100.0), json_lines(2.5), None, False
    yield "lists", "json", json_lines(["b", "a"], [], ["c"]), json_lines(["a"], ["d", "b"]), None, None
    yield "texts, then lists", "json", json_lines("a", "b"), json_lines(["a"]), None, None
    yield "lists, then texts", "json", json_lines(["a"], ["b"]), json_lines("a"), None, None
    rows = [{"text": "t\n0", "label": "é"}, {"label": "b", "text": "t 1"}]
    yield "array", "json", json.dumps(rows, indent=1), json_lines("b"), None, None
    yield "mark", "json", "\ufeff" + json_lines("b", "a"), json_lines("b"), None, None


def load(kind, files):
    with tempfile.TemporaryDirectory() as scratch:
        paths = {}
        for split, content in files.items():
            paths[split] = str(Path(scratch) / f"{split}.{kind}")
            Path(paths[split]).write_bytes(content.encode())
        splits = datasets.load_dataset(kind, data_files=paths, cache_dir=str(Path(scratch) / "cache"))
        features = {split: splits[split].features["label"] for split in splits}
        columns = {split: {name: splits[split][name][:] for name in ("text", "label")} for split in splits}
        return features, columns


def map_labels(features, columns, do_regression):
    """The rules of examples/pytorch/text-classification/run_classification.py.

    It asks whether `features["label"].dtype` is "list", which datasets 5.2.0 no longer answers: here the feature's class is asked.
    """
    is_float = {split: getattr(feature, "dtype", None) in ["float32", "float64"] for split, feature in features.items()}
    is_regression = is_float["train"] if do_regression is None else do_regression
    if is_regression:
        values = {split: [float(label) for label in column["label"]] for split, column in columns.items()}
        return {"problem_type": "regression", "num_labels": 1, "names": None, "labels": values}
    is_multi_label = isinstance(features["train"], datasets.List)
    names = set()
    for column in columns.values():
        labels = [label for row in column["label"] for label in row] if is_multi_label else column["label"]
        names |= {str(label) for label in labels}
    names = sorted(names)
    if len(names) <= 1:
        raise ValueError("You need more than one label to do classification.")
    label_to_id = {name: index for index, name in enumerate(names)}
    if is_multi_label:
        hot = lambda row: [1.0 if name in row else 0.0 for name in names]
        mapped = {split: [hot(row) for row in column["label"]] for split, column in columns.items()}
    else:
        mapped = {split: [label_to_id[str(label)] for label in column["label"]] for split, column in columns.items()}
    problem_type = "multi_label_classification" if is_multi_label else "single_label_classification"
    return {"problem_type": problem_type, "num_labels": len(names), "names": names, "labels": mapped}


def label_cases():
    for name, kind, train, validation, test, do_regression in label_requests():
        files = {"train": train, "validation": validation} | ({"test": test} if test else {})
        case = {"name": name, "format": kind, "files": files, "do_regression": do_regression}
        try:
            features, columns = load(kind, files)
            mapping = map_labels(features, columns, do_regression)
            yield case | {"texts": {split: column["text"] for split, column in columns.items()}, "expected": mapping}
        except (ValueError, datasets.exceptions.DatasetGenerationError) as error:
            yield case | {"texts": None, "expected": None, "error": type(error).__name__}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train_csv", type=Path)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--keep-tokenizer", action="store_true")
    arguments = parser.parse_args()
    datasets.disable_progress_bars()
    datasets.utils.logging.set_verbosity(datasets.utils.logging.CRITICAL)

    with arguments.train_csv.open(newline="", encoding="utf-8") as file:
        sentences = [row["text"] for row in csv.DictReader(file)]
    if not arguments.keep_tokenizer:
        train_tokenizer(sentences, arguments.out_dir / "data")
    tokenizer = transformers.BertTokenizer.from_pretrained(arguments.out_dir / "data")
    modules = [transformers, tokenizers, datasets, pandas]
    golden = {
        "versions": {"python": platform.python_version()} | {module.__name__: module.__version__ for module in modules},
        "vocab_size": len(tokenizer),
        "tokenization": list(tokenization_cases(tokenizer, sentences)),
        "labels": list(label_cases()),
    }
    with (arguments.out_dir / "data.json").open("w", encoding="utf-8") as file:
        json.dump(golden, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
