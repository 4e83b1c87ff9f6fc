"""Write the BERT goldens in OUT_DIR with real transformers.

    HF_HUB_OFFLINE=1 python tests/golden/bert.py tests/golden/bert --texts train.csv

Install tests/interop/requirements.txt first. TEXTS is any CSV with a `text` column and at least
400 rows; the committed goldens used examples/reviews/train.csv.
One thread and a fixed hash seed make two runs on one CPU give the same bytes; the load
report's rows follow the order of a Python set, so the hash seed decides it.
"""

import argparse
import hashlib
import io
import logging
import os
import platform
import re
import shutil
import sys
import tempfile
from collections import Counter
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertModel,
    BertTokenizer,
    set_seed,
)
from transformers.trainer_pt_utils import LabelSmoother

sys.path.append(str(Path(__file__).resolve().parents[1] / "interop"))
from trainer_steps import adamw_steps, collate, gradients, logits, parameters, read_rows, tokenize, write_json

SEED = 42
LABELS = {0: "negative", 1: "neutral", 2: "positive"}
BATCH = 8
MAX_LENGTH = 64
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
HEAD = ("classifier.weight", "classifier.bias", "bert.pooler.dense.weight")
PACKAGES = ("torch", "transformers", "tokenizers", "accelerate", "safetensors", "numpy")

SOURCE_CONFIG = {
    "vocab_size": 57,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 16,
}
SOURCE_BATCH = {
    "input_ids": [[2, 5, 9, 33, 56, 3], [2, 11, 7, 3, 0, 0]],
    "token_type_ids": [[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]],
    "attention_mask": [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out_dir", type=Path, metavar="OUT_DIR", help="folder to write; what it holds is removed")
    parser.add_argument("--texts", type=Path, required=True, help="CSV file with a `text` column")
    arguments = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, sys.orig_argv, os.environ | {"PYTHONHASHSEED": "0", "COLUMNS": "80"})

    torch.set_num_threads(1)
    texts = [row["text"] for row in read_rows(arguments.texts, 400)]
    shutil.rmtree(arguments.out_dir, ignore_errors=True)
    arguments.out_dir.mkdir(parents=True)
    # The load report prints the path that was asked for: keep it free of this machine's folders.
    os.chdir(arguments.out_dir)

    write_versions()
    tokenizer = write_classifier(texts)
    write_batches(tokenizer, texts)
    write_adamw(tokenizer, texts)
    write_problems(tokenizer, texts)
    write_sources()


def write_versions():
    versions = {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    versions["cpu_capability"] = torch.backends.cpu.get_cpu_capability()
    write_json(Path("versions.json"), versions)


def write_classifier(texts):
    """A tokenizer made from `texts` and a classifier with random weights, as `save_pretrained` writes them."""
    with tempfile.TemporaryDirectory() as directory:
        vocabulary = Path(directory, "vocab.txt")
        vocabulary.write_text("".join(f"{token}\n" for token in word_pieces(texts, 500)), encoding="utf-8")
        tokenizer = BertTokenizer(vocab=str(vocabulary), model_max_length=MAX_LENGTH)
    tokenizer.save_pretrained("classifier")

    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=MAX_LENGTH,
        # Ten times the usual spread, or attention would be nearly uniform and hide mistakes in it.
        initializer_range=0.2,
        id2label=LABELS,
        label2id={label: index for index, label in LABELS.items()},
        problem_type="single_label_classification",
    )
    set_seed(SEED)
    BertForSequenceClassification(config).save_pretrained("classifier")
    return tokenizer


def word_pieces(texts, size):
    """Letters and the most frequent words, beginnings and pairs of letters.

    The WordPiece trainer of `tokenizers` breaks ties by a random hash, so two of its runs differ.
    """
    letters, pieces = set(), Counter()
    for text in texts:
        for word, _ in BertPreTokenizer().pre_tokenize_str(BertNormalizer().normalize_str(text)):
            letters.update(word[:1], (f"##{letter}" for letter in word[1:]))
            pieces.update({word, word[:2], word[:3]})
            pieces.update(f"##{word[start : start + 2]}" for start in range(1, len(word) - 1))
    frequent = sorted(pieces.keys() - letters, key=lambda piece: (-pieces[piece], piece))
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(letters), *frequent]
    return tokens[:size]


def classifier(**changes):
    set_seed(SEED)
    return BertForSequenceClassification.from_pretrained("classifier", **NO_DROPOUT, **changes)


def single_batch(tokenizer, texts, labels):
    return collate(tokenizer, tokenize(tokenizer, texts[:BATCH], labels, max_length=MAX_LENGTH))


def write_batches(tokenizer, texts):
    """`classifier.json` and the gradients of its `single` batch."""
    model = classifier()
    labels = [row % len(LABELS) for row in range(BATCH)]
    short = [text for text in texts[BATCH:] if len(text) < 70]
    batches = {}
    for name, batch_texts, text_pairs in (
        ("single", texts[:BATCH], None),
        ("pairs", short[:BATCH], short[BATCH : 2 * BATCH]),
    ):
        examples = tokenize(tokenizer, batch_texts, labels, text_pairs, MAX_LENGTH)
        batch = collate(tokenizer, examples)
        loss, batch_gradients = gradients(model, batch)
        smoothing = partial(LabelSmoother(epsilon=0.1), labels=batch["labels"])
        smoothed_loss, smoothed = gradients(model, batch, smoothing)
        batches[name] = {
            "texts": batch_texts,
            "text_pairs": text_pairs,
            **inputs(batch),
            "labels": labels,
            "logits": logits(model, batch).tolist(),
            "loss": loss,
            "loss_label_smoothing_0.1": smoothed_loss,
            "gradients_label_smoothing_0.1": {key: smoothed[key].tolist() for key in HEAD},
            "token_type_gradient": batch_gradients["bert.embeddings.token_type_embeddings.weight"].tolist(),
        }
        if name == "single":
            save_file(batch_gradients, "gradients.safetensors")
    write_json(Path("classifier.json"), batches)


def inputs(batch):
    return {
        "input_ids": batch["input_ids"].tolist(),
        "token_type_ids": batch["token_type_ids"].tolist(),
        "lengths": batch["attention_mask"].sum(dim=1).tolist(),
    }


def write_adamw(tokenizer, texts):
    """Three steps of the Trainer: the first at learning rate 0, each of them clipped."""
    settings = {
        "learning_rate": 5e-4,
        "weight_decay": 0.01,
        "max_grad_norm": 0.5,
        "lr_scheduler_type": "linear",
        "warmup_steps": 2,
        "max_steps": 10,
        "per_device_train_batch_size": BATCH,
    }
    model = classifier()
    labels = [(7 * row // 2) % len(LABELS) for row in range(3 * BATCH)]
    examples = tokenize(tokenizer, texts[: 3 * BATCH], labels, max_length=MAX_LENGTH)
    log = adamw_steps(model, tokenizer, examples, 3, **settings)
    assert min(log["grad_norms"]) > settings["max_grad_norm"], "a step was not clipped"
    save_file(parameters(model), "adamw.safetensors")

    batches = [collate(tokenizer, examples[start : start + BATCH]) for start in range(0, len(examples), BATCH)]
    write_json(
        Path("adamw.json"),
        {
            "settings": settings,
            "batches": [{**inputs(batch), "labels": batch["labels"].tolist()} for batch in batches],
            **log,
            "logits_after": logits(model, batches[0]).tolist(),
        },
    )


def write_problems(tokenizer, texts):
    """Multi-label and regression on the texts of the `single` batch."""
    problems = {
        "multi_label_classification": (3, [[float(row >> bit & 1) for bit in range(3)] for row in range(BATCH)]),
        "regression": (1, [row / 4 - 1 for row in range(BATCH)]),
    }
    results = {}
    for problem, (num_labels, labels) in problems.items():
        model = classifier(num_labels=num_labels, problem_type=problem, ignore_mismatched_sizes=True)
        batch = single_batch(tokenizer, texts, labels)
        loss, batch_gradients = gradients(model, batch)
        results[problem] = {
            "labels": labels,
            "classifier.weight": model.classifier.weight.tolist(),
            "classifier.bias": model.classifier.bias.tolist(),
            "logits": logits(model, batch).tolist(),
            "loss": loss,
            "gradients": {name: batch_gradients[name].tolist() for name in HEAD},
        }
    write_json(Path("problems.json"), results)


def write_sources():
    """Checkpoints of every shape met in the wild, and what loading and saving them again gives."""
    write_source_checkpoints()
    loading, saved = {"batch": SOURCE_BATCH}, {}
    for source in sorted(Path("sources").iterdir()):
        changes = {"ignore_mismatched_sizes": True} if source.name == "two_labels" else {}
        loading[source.name], model = load(source, **changes)
        saved[source.name] = save(model)
    loading["two_labels"]["error_without_ignore_mismatched_sizes"] = mismatch_error(Path("sources/two_labels"))

    set_seed(SEED)
    model = BertForSequenceClassification(BertConfig(**SOURCE_CONFIG, num_labels=3))
    names = [name for name, _ in model.named_parameters()]
    saved["from_scratch"] = save(model) | {"named_parameters": names}
    write_json(Path("loading.json"), loading)
    write_json(Path("saved.json"), saved)


def write_source_checkpoints():
    config = BertConfig(**SOURCE_CONFIG)
    base = perturbed(BertModel(config))
    base.save_pretrained("sources/base_plain")
    base.save_pretrained("sources/sharded", max_shard_size="3KB")
    perturbed(BertModel(config, add_pooling_layer=False)).save_pretrained("sources/no_pooler")
    perturbed(BertForMaskedLM(config)).save_pretrained("sources/masked_lm")
    perturbed(BertForSequenceClassification(config)).save_pretrained("sources/two_labels")

    plain = load_file("sources/base_plain/model.safetensors")
    prefixed = {f"bert.{name}": tensor for name, tensor in plain.items()}
    legacy_names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    legacy = {re.sub(r"LayerNorm\.\w+$", lambda m: legacy_names[m[0]], name): t for name, t in prefixed.items()}
    position_ids = torch.arange(SOURCE_CONFIG["max_position_embeddings"]).unsqueeze(0)
    for name, tensors in {
        "base_prefixed": prefixed,
        "legacy": legacy,
        "pytorch_buffer": plain | {"embeddings.position_ids": position_ids},
    }.items():
        directory = Path("sources", name)
        directory.mkdir()
        shutil.copy("sources/base_plain/config.json", directory)
        save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})

    base.half().save_pretrained("sources/float16")


def perturbed(model):
    """Biases away from 0 and LayerNorms away from 1, so that a swap or a lost tensor shows."""
    set_seed(7)
    for parameter in model.parameters():
        with torch.no_grad():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model


def load(source, **changes):
    """What `from_pretrained` reports, and what it initialised, after `set_seed(42)`."""
    (handler,) = logging.getLogger("transformers").handlers
    printed = io.StringIO()
    stderr = handler.setStream(printed)
    set_seed(SEED)
    model, info = BertForSequenceClassification.from_pretrained(
        source.as_posix(), num_labels=3, output_loading_info=True, **changes
    )
    handler.setStream(stderr)

    mismatched = sorted([name, list(found), list(wanted)] for name, found, wanted in info["mismatched_keys"])
    initialised = sorted(set(info["missing_keys"]) | {name for name, *_ in mismatched})
    state = model.state_dict()
    batch = {name: torch.tensor(rows) for name, rows in SOURCE_BATCH.items()}
    record = {
        "missing_keys": sorted(info["missing_keys"]),
        "unexpected_keys": sorted(info["unexpected_keys"]),
        "mismatched_keys": mismatched,
        "report": re.sub(r"\x1b\[[0-9;]*m", "", printed.getvalue()),
        "dtype": str(model.dtype).removeprefix("torch."),
        "initialised_bits": {name: bits(state[name]) for name in initialised},
        "logits": logits(model, batch).tolist(),
    }
    return record, model


def bits(tensor):
    array = tensor.numpy()
    return array.view(f"u{array.itemsize}").tolist()


def mismatch_error(source):
    try:
        load(source)
    except RuntimeError as error:
        return str(error)
    raise AssertionError(f"{source} loaded without ignore_mismatched_sizes")


def save(model):
    """The files `save_pretrained` writes, with what a reader needs to see why bytes differ."""
    with tempfile.TemporaryDirectory() as directory:
        model.save_pretrained(directory)
        files = {path.name: path.read_bytes() for path in sorted(Path(directory).iterdir())}
    weights = files["model.safetensors"]
    header_bytes = int.from_bytes(weights[:8], "little")
    return {
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "config_json": files["config.json"].decode(),
        "safetensors_header": weights[8 : 8 + header_bytes].decode(),
    }


if __name__ == "__main__":
    main()
