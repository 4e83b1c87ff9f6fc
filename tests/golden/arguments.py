"""Writes the fields of transformers' TrainingArguments with their defaults to arguments.json beside this file, or to the path given.

Run with a python that has transformers and torch:
    python tests/golden/arguments.py [OUTPUT]
"""

import sys
from pathlib import Path

# `random.py` beside this file would otherwise hide the standard library's `random` from everything imported below.
sys.path.pop(0)

import dataclasses
import enum
import json
import math

import torch
import transformers
from transformers import TrainingArguments

WARMUP = [(0, 100), (0.1, 1000), (0.1, 1001), (0.999, 7), (1, 100), (10.5, 100), (500, 20), (0.3, 10), (0.7, 10)]


def default_of(field):
    value = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
    return value.value if isinstance(value, enum.Enum) else value


class Rows:
    """As much of a data loader as `set_initial_training_values` looks at."""

    def __init__(self, rows, batch_size, drop_last):
        self.dataset = range(rows)
        self.batches = rows // batch_size if drop_last else math.ceil(rows / batch_size)

    def __len__(self):
        return self.batches


def lengths():
    trainer = transformers.Trainer(model=torch.nn.Linear(1, 1), args=TrainingArguments(output_dir="/tmp/arguments", use_cpu=True))
    for rows in (1, 7, 8, 9, 100, 67349):
        for batch, accumulation, epochs, max_steps, drop_last in (
            (8, 1, 3.0, -1, False),
            (8, 1, 3.0, -1, True),
            (8, 4, 2.5, -1, False),
            (3, 2, 0.1, -1, False),
            (16, 1, 1.1, -1, False),
            (8, 2, 3.0, 10, False),
            (32, 1, 3.0, 5000, False),
        ):
            if drop_last and rows < batch:
                continue
            args = TrainingArguments(
                output_dir="/tmp/arguments",
                use_cpu=True,
                per_device_train_batch_size=batch,
                gradient_accumulation_steps=accumulation,
                num_train_epochs=epochs,
                max_steps=max_steps,
            )
            trainer.args = args
            loader = Rows(rows, batch, drop_last)
            num_epochs, steps_per_epoch, _, _, _, batches, total_steps = trainer.set_initial_training_values(args, loader)
            assert batches == len(loader)
            given = dict(
                per_device_train_batch_size=batch,
                gradient_accumulation_steps=accumulation,
                num_train_epochs=epochs,
                max_steps=max_steps,
                dataloader_drop_last=drop_last,
            )
            expected = dict(
                batches_per_epoch=batches, steps_per_epoch=steps_per_epoch, total_steps=total_steps, num_epochs=num_epochs
            )
            yield dict(rows=rows, arguments=given, expected=expected)


def warmups():
    for given, total_steps in WARMUP:
        args = TrainingArguments(output_dir="/tmp/arguments", use_cpu=True, warmup_steps=given)
        yield dict(warmup_steps=given, total_steps=total_steps, expected=args.get_warmup_steps(total_steps))


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_suffix(".json")
    document = {
        "versions": {"transformers": transformers.__version__, "torch": torch.__version__},
        "defaults": {field.name: default_of(field) for field in dataclasses.fields(TrainingArguments)},
        "warmup": list(warmups()),
        "lengths": list(lengths()),
    }
    lines = []
    for key, value in document.items():
        if isinstance(value, list):
            rows = ",\n".join(json.dumps(row) for row in value)
            lines.append(f'"{key}": [\n{rows}\n]')
        elif key == "defaults":
            rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(default)}" for name, default in value.items())
            lines.append(f'"{key}": {{\n{rows}\n}}')
        else:
            lines.append(f'"{key}": {json.dumps(value)}')
    output.write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
