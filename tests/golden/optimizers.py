"""Writes what the Trainer's optimizers make of given gradients into optimizers/RELEASE beside this file, or under the folder given.

Run once with a python that has transformers 5.23.0, and once with one that has 4.57.6; lion_32bit needs bitsandbytes 0.50.2 too:
    python tests/golden/optimizers.py [FOLDER]

Of 4.57.6 only the checksums are kept: its files are those of 5.23.0, but that the optimizers of torch take no optim_args.

The loss is the sum of parameters times gradients, so that each step's gradient is known to the last bit.
"""

import sys
from pathlib import Path

# `random.py` and others beside this file would otherwise hide modules of the same name from everything imported below.
sys.path.pop(0)

import hashlib
import json
import shutil

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.utils.data import SequentialSampler
from transformers import Trainer, TrainingArguments

ROOT = (Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent) / "optimizers"
STEPS = 12

CASES = {
    "adamw": dict(optim="adamw_torch", adam_beta1=0.8, adam_epsilon=1e-6),
    "adamw_fused": dict(optim="adamw_torch_fused"),
    "adafactor": dict(optim="adafactor"),
    "sgd": dict(optim="sgd"),
    "sgd_momentum": dict(optim="sgd", optim_args="momentum=0.9, dampening=0.1, weight_decay=0.5"),
    "sgd_nesterov": dict(optim="sgd", optim_args="momentum=0.8,nesterov=True"),
    "adagrad": dict(optim="adagrad"),
    "adagrad_decay": dict(optim="adagrad", optim_args="lr_decay=0.1,eps=1e-6"),
    "rmsprop": dict(optim="rmsprop"),
    "rmsprop_momentum": dict(optim="rmsprop", optim_args="momentum=0.5,alpha=0.9"),
    "rmsprop_centered": dict(optim="rmsprop", optim_args="centered=yes,eps=1e-4"),
    "rmsprop_both": dict(optim="rmsprop", optim_args="momentum=0.5,centered=1"),
    "lion": dict(optim="lion_32bit", adam_beta2=0.99),
}


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(6, 5)
        self.dense = torch.nn.Linear(17, 7)
        self.norm = torch.nn.LayerNorm(19)

    def forward(self, gradients):
        return {"loss": (torch.cat([parameter.flatten() for parameter in self.parameters()]) * gradients[0]).sum()}


class InOrder(Trainer):
    def _get_train_sampler(self, *_):
        return SequentialSampler(self.train_dataset)


def model():
    torch.manual_seed(1)
    return Model()


def gradients():
    """Of sizes that are clipped in some steps, and none for some rows of the table."""
    generator = torch.Generator().manual_seed(2)
    count = sum(parameter.numel() for parameter in model().parameters())
    rows = torch.randn(STEPS, count, generator=generator) * torch.logspace(-2, 0, STEPS)[:, None]
    looked_up = torch.rand(STEPS, 6, generator=generator) < 0.4
    rows[:, :30] *= looked_up.repeat_interleave(5, dim=1)
    return rows


def run(name, given, rows):
    arguments = TrainingArguments(
        output_dir="out", max_steps=STEPS, save_steps=STEPS, per_device_train_batch_size=1, learning_rate=0.01, weight_decay=0.1,
        warmup_steps=2, remove_unused_columns=False, report_to="none", use_cpu=True, disable_tqdm=True, logging_steps=1, **given,
    )
    trainer = InOrder(model=model(), args=arguments, train_dataset=[{"gradients": row} for row in rows])
    trainer.train()
    rates = [entry["learning_rate"] for entry in trainer.state.log_history if "grad_norm" in entry]
    shutil.copyfile(f"out/checkpoint-{STEPS}/optimizer.pt", ROOT / transformers.__version__ / f"{name}.pt")
    weights = load_file(f"out/checkpoint-{STEPS}/model.safetensors")
    shutil.rmtree("out")
    return rates, torch.cat([weights[name].flatten() for name, _ in model().named_parameters()])


def main():
    torch.set_num_threads(1)
    folder = ROOT / transformers.__version__
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = gradients()
    results = {name: run(name, given, rows) for name, given in CASES.items()}
    before = torch.cat([parameter.detach().flatten() for parameter in model().parameters()])
    save_file({"before": before, "gradients": rows} | {name: after for name, (_, after) in results.items()}, folder / "weights.safetensors")
    golden = {
        "torch": torch.__version__,
        "shapes": {name: list(parameter.shape) for name, parameter in model().named_parameters()},
        "learning_rates": next(rates for rates, _ in results.values()),
        "cases": CASES,
        "sha256": {name: hashlib.sha256((folder / f"{name}.pt").read_bytes()).hexdigest() for name in CASES},
    }
    (folder / "cases.json").write_text(json.dumps(golden, indent=1) + "\n")
    if transformers.__version__.startswith("4."):
        for path in [*folder.glob("*.pt"), folder / "weights.safetensors"]:
            path.unlink()


main()
