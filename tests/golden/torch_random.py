"""Draws random numbers with real torch and writes them, as bit patterns, to random.json beside this file.

Run with a python that has torch, transformers and accelerate, on a processor with AVX2 or AVX-512:
    python tests/golden/torch_random.py
"""

import json
import random
import tempfile
from pathlib import Path

import accelerate
import numpy
import torch
import transformers
from accelerate.data_loader import SeedableRandomSampler

SEEDS = (42, 7, 2**33 + 5)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def normal_bits(g, n, mean, std):
    return torch.empty(n).normal_(mean, std, generator=g).numpy().view(numpy.uint32).tolist()


def random_draws(g, n):
    return torch.empty(n, dtype=torch.int64).random_(generator=g).tolist()


def random_case(seed):
    g = generator(seed)
    first, skipped = random_draws(g, 6), 1000
    random_draws(g, skipped)
    later = random_draws(g, 6)
    return {"seed": seed, "first": first, "skipped": skipped, "later": later}


def python_case(seed):
    """Every 50th number of Python's own generator, as far as its second block of words."""
    random.seed(seed)
    return {"seed": seed, "every_50th": [random.getrandbits(32) for _ in range(700)][::50]}


def normal_cases():
    small = [(n, 0.0, 0.02) for n in (1, 2, 7, 15, 16, 17, 31, 32, 100)] + [(5, 0.3, 1.7), (40, 0.3, 1.7)]
    cases = [(seed, *case) for seed in SEEDS for case in small] + [(42, 2 * 768, 0.0, 0.02), (7, 1003, -1.0, 0.5)]
    return [
        {"seed": seed, "n": n, "mean": mean, "std": std, "bits": normal_bits(generator(seed), n, mean, std)}
        for seed, n, mean, std in cases
    ]


def normal_checksum(seed, n):
    """Each value's bits times its place, counted from one, summed modulo 2**64."""
    bits = numpy.array(normal_bits(generator(seed), n, 0.0, 0.02), dtype=numpy.uint64)
    places = numpy.arange(1, n + 1, dtype=numpy.uint64)
    return {"seed": seed, "n": n, "mean": 0.0, "std": 0.02, "checksum": int((bits * places).sum(dtype=numpy.uint64))}


def sequence(seed):
    """Mixes draws on one generator so that a cached normal sample must survive the others."""
    g, steps = generator(seed), []
    for draw, n in (("normal_", 3), ("normal_", 33), ("random_", 1), ("randperm", 9), ("normal_", 2), ("random_", 1), ("normal_", 1)):
        step = {"draw": draw, "n": n}
        if draw == "normal_":
            step |= {"mean": 0.0, "std": 0.02, "bits": normal_bits(g, n, 0.0, 0.02)}
        elif draw == "randperm":
            step["bits"] = torch.randperm(n, generator=g).tolist()
        else:
            step["bits"] = random_draws(g, n)
        steps.append(step)
    return {"seed": seed, "steps": steps}


def bernoulli_case(seed, n, probability):
    """Which of `n` elements `bernoulli_` sets, as digits, and a draw after it."""
    g = generator(seed)
    keep = torch.empty(n).bernoulli_(probability, generator=g)
    return {
        "seed": seed,
        "probability": probability,
        "keep": "".join(str(int(value)) for value in keep),
        "then": random_draws(g, 1),
    }


def randperm_wide():
    """The shortest order for which torch draws 64 bits a step; only its ends are kept."""
    n, seed = (2**32 - 1) // 20, 42
    order = torch.randperm(n, generator=generator(seed))
    return {"n": n, "seed": seed, "first": order[:8].tolist(), "last": order[-8:].tolist()}


def sampler_orders(n, seed, epochs=3):
    sampler = SeedableRandomSampler(range(n), data_seed=seed)
    return [
        {"made_by": "SeedableRandomSampler", "n": n, "seed": seed, "epoch": epoch, "order": list(sampler)} for epoch in range(epochs)
    ]


def trainer_orders(n, seed, data_seed=None, epochs=3):
    """The row numbers that a real Trainer hands its collator while it trains."""
    seen = []
    rows = [{"input_ids": [5, row + 6], "labels": row % 2, "row": row} for row in range(n)]

    def collate(batch):
        seen.extend(row["row"] for row in batch)
        return {name: torch.tensor([row[name] for row in batch]) for name in ("input_ids", "labels")}

    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8, "vocab_size": n + 6}
    model = transformers.BertForSequenceClassification(transformers.BertConfig(**size))
    with tempfile.TemporaryDirectory() as output_dir:
        arguments = transformers.TrainingArguments(
            output_dir, seed=seed, data_seed=data_seed, num_train_epochs=epochs, per_device_train_batch_size=4, use_cpu=True,
            save_strategy="no", report_to="none", remove_unused_columns=False, disable_tqdm=True, dataloader_pin_memory=False,
        )
        transformers.Trainer(model, arguments, data_collator=collate, train_dataset=rows).train()
    assert len(seen) == n * epochs
    order_seed = seed if data_seed is None else data_seed
    return [
        {"made_by": "Trainer", "n": n, "seed": order_seed, "epoch": epoch, "order": seen[n * epoch : n * (epoch + 1)]}
        for epoch in range(epochs)
    ]


def main():
    torch.set_num_threads(1)
    modules = {"torch": torch, "transformers": transformers, "accelerate": accelerate, "numpy": numpy}
    golden = {
        "versions": {name: module.__version__ for name, module in modules.items()} | {"cpu": torch.backends.cpu.get_cpu_capability()},
        "random_": [random_case(seed) for seed in SEEDS],
        "python": [python_case(seed) for seed in (0, *SEEDS, 2**32)],
        "normal_": normal_cases(),
        "normal_checksums": [normal_checksum(seed, 1_000_003) for seed in SEEDS],
        "bernoulli_": [
            bernoulli_case(seed, n, probability)
            for seed in SEEDS
            for n, probability in ((1, 0.5), (311, 0.9), (312, 0.9), (1000, 0.75), (3000, 0.9), (700, 1 / 3))
        ],
        "sequences": [sequence(seed) for seed in SEEDS],
        "randperm": [
            {"n": n, "seed": seed, "order": torch.randperm(n, generator=generator(seed)).tolist()}
            for seed in SEEDS
            for n in (0, 1, 2, 5, 100, 1000)
        ],
        "randperm_wide": randperm_wide(),
        "epoch_order": sum((sampler_orders(50, seed) for seed in SEEDS), [])
        + trainer_orders(23, 42)
        + trainer_orders(23, 7)
        + trainer_orders(23, 42, data_seed=2**33 + 5),
    }
    lines = []
    for name, value in golden.items():
        if isinstance(value, list):
            value = "[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in value) + "\n]"
        else:
            value = json.dumps(value, separators=(",", ":"))
        lines.append(f"{json.dumps(name)}: {value}")
    Path(__file__).with_name("random.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
