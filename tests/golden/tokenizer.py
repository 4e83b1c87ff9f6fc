"""Writes what transformers makes of tokenizer directories: `NAME/source` as found, `NAME/saved` as saved again by 5.23.0. With 4.57.6, which
comes after it, `NAME/saved_4_57_6` from the same sources.

for environment in reference reference_4_57_6; do ~/.cache/rtrain/$environment/bin/python tests/golden/tokenizer.py tests/golden/tokenizer; done
"""

import argparse
import json
import os
import shutil
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import tokenizers
import transformers
from transformers import AutoTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCAB = [*SPECIAL, "a", "b", "##a", "##b", "film", "good", "##é", "日", "\\", '"', "\u007f"]
NAMED = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
OLD = {"do_lower_case": True, **NAMED, "tokenize_chinese_chars": True, "strip_accents": None, "tokenizer_class": "BertTokenizer"}


def added(content, **flags):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True, **flags}


DECODER = {str(index): added(token) for index, token in enumerate(SPECIAL)}
EXTRA = {**DECODER, str(len(VOCAB)): added("<user>", special=False, normalized=True, lstrip=True)}

# name: (files beside config.json, the call before saving)
CASES = {
    "vocabulary_only": ({"vocab.txt": None}, {}),
    "version_3": ({"vocab.txt": None, "tokenizer_config.json": {**OLD, "do_basic_tokenize": True, "never_split": None, "model_max_length": 512, "name_or_path": "x"}, "special_tokens_map.json": NAMED}, {}),
    "version_4": ({"vocab.txt": None, "tokenizer_config.json": {**OLD, "added_tokens_decoder": EXTRA, "clean_up_tokenization_spaces": True, "extra_special_tokens": {}, "model_max_length": 16}, "special_tokens_map.json": NAMED}, {"truncation": True, "max_length": 12, "padding": False}),
    "cased": ({"vocab.txt": None, "tokenizer_config.json": {**OLD, "do_lower_case": False, "strip_accents": False, "model_max_length": 512}}, {"truncation": True, "max_length": 16, "padding": "max_length"}),
    "without_class": ({"vocab.txt": None, "tokenizer_config.json": {"do_lower_case": False}}, {}),
    "reloaded": ("cased", {"truncation": True, "max_length": 8, "padding": False}),
    "reloaded_as_is": ("cased", {}),
    "reloaded_added": ("version_4", {}),
    "truncation_only": ("reloaded", {}),
    "fast_class": ({"vocab.txt": None, "tokenizer_config.json": {**OLD, "tokenizer_class": "BertTokenizerFast", "padding_side": "right", "truncation_side": "right", "max_length": 99}}, {}),
}


def write_source(folder, files):
    for name, content in files.items():
        text = "".join(token + "\n" for token in VOCAB) if content is None else json.dumps(content, indent=2)
        (folder / name).write_text(text, encoding="utf-8")


def save(source, saved, call):
    shutil.rmtree(saved, ignore_errors=True)
    tokenizer = AutoTokenizer.from_pretrained(source)
    if call:
        tokenizer(["good film", "a b"], **call)
    tokenizer.save_pretrained(saved)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    if transformers.__version__ == "4.57.6":
        for name, call in json.loads((out / "cases.json").read_text())["calls"].items():
            save(out / name / "source", out / name / "saved_4_57_6", call)
        return
    shutil.rmtree(out, ignore_errors=True)
    calls = {}
    for name, (files, call) in CASES.items():
        source, saved = out / name / "source", out / name / "saved"
        source.mkdir(parents=True)
        if isinstance(files, str):
            shutil.copytree(out / files / "saved", source, dirs_exist_ok=True)
        else:
            write_source(source, files)
        (source / "config.json").write_text('{"model_type": "bert"}')
        save(source, saved, call)
        calls[name] = call
    versions = {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__}
    (out / "cases.json").write_text(json.dumps({"versions": versions, "calls": calls}, indent=1) + "\n")


if __name__ == "__main__":
    main()
