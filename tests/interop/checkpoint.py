"""Hold what rtrain saved of a run against what the real Trainer, given the same arguments and the same state, saves.

    checkpoint.py RUN CHECKPOINT [--total_steps 200] -- --output_dir RUN --learning_rate 1e-3 ...

The arguments after `--` are those of the run, as rtrain's command line had them. `training_args.bin` must be the bytes that torch.save
makes of them. Optimizer and schedule are made by the Trainer for the checkpoint's model, load the files of the checkpoint, and must be
saved as the same bytes again; so must the generators. RUN is relative, because its name is in `training_args.bin`.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

import numpy
import torch
from transformers import AutoModelForSequenceClassification, HfArgumentParser, Trainer, TrainingArguments


def main():
    arguments, given = parse_arguments()
    saved = torch.load(Path(arguments.run) / "training_args.bin", weights_only=False)
    if getattr(saved, "logging_dir", None):
        # Time and name of the machine, which release 4 records.
        given += ["--logging_dir", saved.logging_dir]
    if hasattr(saved, "overwrite_output_dir"):
        given += ["--report_to", "none"]
    training = HfArgumentParser(TrainingArguments).parse_args_into_dataclasses(given)[0]
    model = AutoModelForSequenceClassification.from_pretrained(arguments.checkpoint)
    trainer = Trainer(model, training, train_dataset=[{}], eval_dataset=[{}])
    trainer.create_optimizer_and_scheduler(arguments.total_steps)
    rng = torch.load(Path(arguments.checkpoint) / "rng_state.pth", weights_only=False)
    random.setstate(rng["python"])
    numpy.random.set_state(rng["numpy"])
    torch.random.set_rng_state(rng["cpu"])
    states = {"optimizer.pt": trainer.optimizer, "scheduler.pt": trainer.lr_scheduler}
    with tempfile.TemporaryDirectory() as folder:
        for name, holder in states.items():
            holder.load_state_dict(torch.load(Path(arguments.checkpoint) / name, weights_only=True))
            torch.save(holder.state_dict(), Path(folder) / name)
        torch.save(trainer.args, Path(folder) / "training_args.bin")
        trainer._save_rng_state(folder)
        for name in [*states, "rng_state.pth", "training_args.bin"]:
            same = (Path(folder) / name).read_bytes() == (Path(arguments.checkpoint) / name).read_bytes()
            print(f"{name}: {'same bytes' if same else 'OTHER BYTES'}")
            if not same:
                explain(name, saved, trainer.args)
                sys.exit(1)


def explain(name, found, expected):
    if name == "training_args.bin":
        found, expected = vars(found), vars(expected)
        for key in found.keys() | expected.keys():
            if repr(found.get(key)) != repr(expected.get(key)):
                print(f"  {key}: {found.get(key)!r}, not {expected.get(key)!r}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("checkpoint")
    parser.add_argument("--total_steps", type=int, default=200)
    own, given = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    return parser.parse_args(own), given


if __name__ == "__main__":
    main()
