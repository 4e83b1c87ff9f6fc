"""Hashes of what a real Trainer draws, written to draws.json beside this file under the release that runs.

Run with the python of each release:
    HF_HUB_OFFLINE=1 python tests/golden/draws.py
"""

import hashlib
import json
import struct
import tempfile
from pathlib import Path

import accelerate
import numpy
import torch
import transformers
from transformers import BertConfig, BertForSequenceClassification, BertModel, Trainer, TrainingArguments, set_seed

GOLDEN = Path(__file__).parent
IS_4 = transformers.__version__.startswith("4.")
SEEDS = range(100)
EPOCHS = 3


def sha256(parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def next_draw():
    """What torch's generator draws next; it stays where it is."""
    state = torch.get_rng_state()
    drawn = torch.empty((), dtype=torch.int64).random_().item()
    torch.set_rng_state(state)
    return drawn


def heads():
    """Of each width and number of labels, the new head of all seeds and what is drawn after it."""
    cases = []
    for hidden_size in (4, 32, 384):
        size = {"hidden_size": hidden_size, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 4}
        with tempfile.TemporaryDirectory() as directory:
            BertModel(BertConfig(vocab_size=8, max_position_embeddings=4, **size)).save_pretrained(directory)
            for num_labels in range(2, 21):

                def head(seed):
                    set_seed(seed)
                    model = BertForSequenceClassification.from_pretrained(directory, num_labels=num_labels)
                    assert not model.classifier.bias.any()
                    return model.classifier.weight.detach().numpy().tobytes() + struct.pack("<Q", next_draw())

                cases.append({"hidden_size": hidden_size, "num_labels": num_labels, "sha256": sha256(map(head, SEEDS))})
    return cases


def rng_states():
    """The file of generators that were seeded only, of all seeds."""
    with tempfile.TemporaryDirectory() as directory:
        trainer = bare_trainer(directory, [{"input_ids": [1], "labels": 0}])

        def state(seed):
            set_seed(seed)
            trainer._save_rng_state(directory)
            return Path(directory, "rng_state.pth").read_bytes()

        return sha256(map(state, SEEDS))


def bare_trainer(directory, rows, seen=None, **arguments):
    """A Trainer without dropout; its collator notes which rows make a batch."""
    size = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 4, "vocab_size": 8}
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}

    def collate(batch):
        if seen is not None:
            seen.append([row["row"] for row in batch])
        # One token of each row: lengths matter to the sampler only.
        return {"input_ids": torch.tensor([row["input_ids"][:1] for row in batch]), "labels": torch.tensor([row["labels"] for row in batch])}

    arguments = {
        "use_cpu": True, "save_strategy": "no", "report_to": "none", "remove_unused_columns": False, "disable_tqdm": True,
        "dataloader_pin_memory": False, "num_train_epochs": EPOCHS, "logging_strategy": "no",
    } | arguments
    model = BertForSequenceClassification(BertConfig(**size, **still))
    return Trainer(model, TrainingArguments(directory, **arguments), data_collator=collate, train_dataset=rows, eval_dataset=rows[:9])


def length(row):
    """Lengths with many that are equal."""
    return 1 + row * row % 61


def rows(count):
    return [{"input_ids": [1] * length(row), "labels": row % 2, "row": row} for row in range(count)]


def sampled(strategy):
    """How a release is told the strategy; nothing where it does not have it."""
    if not IS_4:
        return {"train_sampling_strategy": strategy}
    return {"random": {}, "group_by_length": {"group_by_length": True}}.get(strategy)


def batches_sha256(epochs):
    return sha256(struct.pack(f"<{len(batch) + 1}I", len(batch), *batch) for epoch in epochs for batch in epoch)


def loader_case(case, dataset):
    """The batches of each epoch that the Trainer's own loader gives, and what is drawn after them."""
    names = ("seed", "data_seed", "per_device_train_batch_size", "gradient_accumulation_steps", "dataloader_drop_last")
    with tempfile.TemporaryDirectory() as directory:
        seen = []
        arguments = {name: case[name] for name in names if name in case}
        trainer = bare_trainer(directory, dataset, seen, **arguments, **sampled(case["strategy"]))
        set_seed(case["seed"])
        loader, epochs = trainer.get_train_dataloader(), []
        for epoch in range(EPOCHS):
            if hasattr(loader, "set_epoch"):
                loader.set_epoch(epoch)
            for _ in loader:
                pass
            epochs.append(seen[:])
            seen.clear()
        lengths = {len(epoch) for epoch in epochs}
        assert lengths == {len(loader)}
        return case | {"batches": len(loader), "sha256": batches_sha256(epochs), "next": next_draw()}


def loader_cases():
    cases, datasets = [], {}
    for count in (1, 2, 7, 16, 100, 8000, 104_000):
        for seed, data_seed in ((42, None), (7, None), (0, None), (4_294_967_295, None), (42, 3), (42, 2**33 + 5)):
            for drop_last in (False, True):
                if count > 100 and (drop_last or seed in (0, 7)) or (drop_last and count < 16):
                    continue
                cases.append(("random", count, seed, data_seed, 16, 1, drop_last))
    for strategy in ("sequential", "group_by_length", "batch_rebalance"):
        for count, seed, data_seed in ((1, 42, None), (7, 42, None), (100, 42, None), (100, 7, 3), (1003, 5, None), (8000, 42, None)):
            for batch_size, accumulation, drop_last in ((8, 1, False), (8, 4, False), (5, 3, True)):
                if not drop_last or count >= 100:
                    cases.append((strategy, count, seed, data_seed, batch_size, accumulation, drop_last))
    results = []
    for strategy, count, seed, data_seed, batch_size, accumulation, drop_last in cases:
        if sampled(strategy) is None:
            continue
        case = {
            "strategy": strategy, "rows": count, "seed": seed, "data_seed": data_seed, "per_device_train_batch_size": batch_size,
            "gradient_accumulation_steps": accumulation, "dataloader_drop_last": drop_last,
        }
        results.append(loader_case(case, datasets.setdefault(count, rows(count))))
    return results


def trained_cases():
    """Whole trainings with an evaluation after each epoch: all that is drawn is drawn by loaders."""
    cases = []
    for strategy in ("random", "sequential", "group_by_length", "batch_rebalance"):
        for accumulation in (1, 3):
            if sampled(strategy) is None:
                continue
            with tempfile.TemporaryDirectory() as directory:
                seen, count, batch_size, seed = [], 50, 4, 11
                trainer = bare_trainer(
                    directory, rows(count), seen, seed=seed, per_device_train_batch_size=batch_size, eval_strategy="epoch",
                    gradient_accumulation_steps=accumulation, per_device_eval_batch_size=3, **sampled(strategy),
                )
                trainer.train()
                cases.append({
                    "strategy": strategy, "rows": count, "seed": seed, "per_device_train_batch_size": batch_size,
                    "gradient_accumulation_steps": accumulation, "eval_rows": 9, "per_device_eval_batch_size": 3,
                    "batches": seen, "next": next_draw(),
                })
    return cases


def masks():
    """Which elements of ones `dropout` keeps, and what is drawn after."""
    cases = []
    for seed in (42, 2**33 + 5):
        for probability in (0.1, 0.2, 0.5):
            for shape in ((1,), (3,), (623,), (3, 7, 191), (16, 12, 33, 33)):
                torch.manual_seed(seed)
                kept = torch.nn.functional.dropout(torch.ones(shape), probability) != 0
                cases.append({
                    "seed": seed, "probability": probability, "elements": kept.numel(),
                    "sha256": sha256([kept.to(torch.uint8).numpy().tobytes()]), "next": next_draw(),
                })
    return cases


def uniform():
    """The bits of `uniform_`, by its seed and bounds."""
    cases = []
    for seed in (42, 7):
        for bound, elements in ((1.0, 7), (0.1, 1000), (5 / 229.5, 4097), (0.0371, 2)):
            torch.manual_seed(seed)
            bits = torch.zeros(elements).uniform_(-bound, bound).numpy().view(numpy.uint32).astype("<u4")
            cases.append({"seed": seed, "bound": bound, "elements": elements, "sha256": sha256([bits.tobytes()]), "next": next_draw()})
    return cases


def noisy_steps():
    """Loss of the golden classifier in training mode, with and without neftune noise, and what is drawn after."""
    batches = json.loads((GOLDEN / "bert" / "classifier.json").read_text())
    cases = []
    for name, batch in batches.items():
        lengths, longest = batch["lengths"], len(batch["input_ids"][0])
        for probabilities in ((0.0, 0.0, 0.0), (0.1, 0.2, 0.5)):
            for alpha in (None, 5.0, 0.37):
                for padded_length in sorted({longest, 64}):
                    hidden, attention, classifier = probabilities
                    model = BertForSequenceClassification.from_pretrained(
                        GOLDEN / "bert" / "classifier", hidden_dropout_prob=hidden, attention_probs_dropout_prob=attention,
                        classifier_dropout=classifier,
                    ).train()
                    if alpha is not None:
                        activate_neftune(model, alpha)

                    def padded(key):
                        return torch.tensor([row + [0] * (padded_length - longest) for row in batch[key]])

                    mask = torch.tensor([[1] * length + [0] * (padded_length - length) for length in lengths])
                    set_seed(9)
                    loss = model(
                        input_ids=padded("input_ids"), token_type_ids=padded("token_type_ids"), attention_mask=mask,
                        labels=torch.tensor(batch["labels"]),
                    ).loss
                    cases.append({
                        "batch": name, "probabilities": probabilities, "alpha": alpha, "padded_length": padded_length, "seed": 9,
                        "loss": loss.item(), "next": next_draw(),
                    })
    return cases


def activate_neftune(model, alpha):
    """As the Trainer does it."""
    with tempfile.TemporaryDirectory() as directory:
        trainer = Trainer(model, TrainingArguments(directory, use_cpu=True, report_to="none", neftune_noise_alpha=alpha))
    if IS_4:
        trainer._activate_neftune(model)
    else:
        from transformers.integrations.neftune import activate_neftune as activate

        activate(model, alpha, trainer.accelerator)


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    modules = {"torch": torch, "transformers": transformers, "accelerate": accelerate, "numpy": numpy}
    golden = {"versions": {name: module.__version__ for name, module in modules.items()} | {"cpu": torch.backends.cpu.get_cpu_capability()}}
    golden |= {part.__name__: part() for part in (masks, uniform, noisy_steps, trained_cases, loader_cases, rng_states, heads)}
    path = GOLDEN / "draws.json"
    releases = json.loads(path.read_text()) if path.exists() else {}
    releases[transformers.__version__] = golden
    path.write_text(written(dict(sorted(releases.items()))))


def written(releases):
    """One case a line."""
    def lines(value):
        if isinstance(value, list):
            return "[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in value) + "\n]"
        return json.dumps(value, separators=(",", ":"))

    def release(golden):
        return "{\n" + ",\n".join(f"{json.dumps(name)}: {lines(value)}" for name, value in golden.items()) + "\n}"

    return "{\n" + ",\n".join(f"{json.dumps(name)}: {release(golden)}" for name, golden in releases.items()) + "\n}\n"


if __name__ == "__main__":
    main()
