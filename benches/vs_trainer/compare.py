"""Time rtrain against the real HF Trainer: the same data, arguments and threads, in turn.

    benches/vs_trainer.py --python VENV/bin/python --rtrain PATH --model DIR [--pairs 5] [--max_train_samples N]

Each pair runs `tests/interop/train.py` and then `rtrain train`, on the reviews of the examples: one epoch, batch 16,
learning rate 5e-5, evaluation on the validation reviews, saving of the model. Written are the raw figures of every run,
with the machine's, to benches/runs/DATE-NAME.json; printed are the medians, and their ratios.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REVIEWS = ROOT / "examples" / "reviews"
EPOCHS, BATCH, LEARNING_RATE, SEED, MAX_LENGTH = 1, 16, 5e-5, 42, 128
# Figures of a run, and whether rtrain's over HF's or HF's over rtrain's says how much better rtrain is.
FIGURES = {
    "train_samples_per_second": "higher",
    "eval_samples_per_second": "higher",
    "wall_s": "lower",
    "peak_memory_bytes": "lower",
    "accuracy": None,
    "eval_loss": None,
    "train_loss": None,
}


def main():
    arguments = parse_arguments()
    arguments.rtrain = arguments.rtrain.resolve()
    pairs = []
    for number in range(arguments.pairs):
        pair = {"hf": run(hf_command, arguments), "rtrain": run(rtrain_command, arguments)}
        pairs.append(pair)
        print(f"pair {number + 1}: {json.dumps(pair)}", file=sys.stderr, flush=True)
    print_table(pairs)
    name = f"{datetime.date.today().isoformat()}-{arguments.name}.json"
    record = {"what": vars_of(arguments), "machine": machine(arguments.python), "pairs": pairs}
    out = ROOT / "benches" / "runs" / name
    out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"raw figures: {out.relative_to(ROOT)}")


def run(command, arguments):
    with tempfile.TemporaryDirectory() as out:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
        start = time.monotonic()
        process = subprocess.Popen(
            command(arguments, out), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        if status != 0:
            sys.exit(errors.decode(errors="replace"))
        results = json.loads((Path(out) / "all_results.json").read_text(encoding="utf-8"))
    figures = {name.removeprefix("eval_") if name == "eval_accuracy" else name: results.get(name) for name in results}
    figures["wall_s"] = round(wall, 3)
    figures["peak_memory_bytes"] = usage.ru_maxrss * 1024
    return {name: figures[name] for name in FIGURES}


def hf_command(arguments, out):
    command = [arguments.python, ROOT / "tests" / "interop" / "train.py", arguments.model]
    command += [REVIEWS / "train.csv", REVIEWS / "validation.csv", out]
    command += ["--epochs", EPOCHS, "--batch", BATCH, "--lr", LEARNING_RATE, "--seed", SEED]
    command += ["--threads", arguments.threads, "--max_seq_length", MAX_LENGTH]
    if arguments.max_train_samples:
        command += ["--max_train_samples", arguments.max_train_samples]
    return [str(part) for part in command]


def rtrain_command(arguments, out):
    options = {
        "model_name_or_path": arguments.model,
        "train_file": REVIEWS / "train.csv",
        "validation_file": REVIEWS / "validation.csv",
        "output_dir": out,
        "num_train_epochs": EPOCHS,
        "per_device_train_batch_size": BATCH,
        "learning_rate": LEARNING_RATE,
        "seed": SEED,
        "max_seq_length": MAX_LENGTH,
        "pad_to_max_length": "false",
        "save_strategy": "no",
        "threads": arguments.threads,
    }
    if arguments.max_train_samples:
        options["max_train_samples"] = arguments.max_train_samples
    command = [arguments.rtrain, "train"]
    for name, value in options.items():
        command += [f"--{name}", value]
    return [str(part) for part in command]


def print_table(pairs):
    print(f"{'medians of ' + str(len(pairs)) + ' pairs':28} {'HF Trainer':>16} {'rtrain':>16} {'rtrain better by':>18}")
    for name, better in FIGURES.items():
        hf, ours = (statistics.median(pair[side][name] for pair in pairs) for side in ("hf", "rtrain"))
        ratio = {"higher": ours / hf, "lower": hf / ours, None: None}[better]
        print(f"{name:28} {hf:16.5g} {ours:16.5g} {'' if ratio is None else f'{ratio:.2f} times':>18}")


def vars_of(arguments):
    return {
        "model": Path(arguments.model).resolve().parent.name + "/" + Path(arguments.model).resolve().name,
        "max_train_samples": arguments.max_train_samples,
        "threads": arguments.threads,
        "epochs": EPOCHS,
        "batch": BATCH,
        "learning_rate": LEARNING_RATE,
        "seed": SEED,
        "max_length": MAX_LENGTH,
    }


def machine(python):
    code = "import json, torch, transformers; print(json.dumps([torch.__version__, transformers.__version__]))"
    torch, transformers = json.loads(subprocess.check_output([python, "-c", code]))
    cpu = Path("/proc/cpuinfo")
    model = next((line.split(":")[1].strip() for line in cpu.read_text().splitlines() if "model name" in line), "")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    return {
        "cpu": model or platform.processor(),
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "torch": torch,
        "transformers": transformers,
        "rtrain": commit.strip(),
    }


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="Python with torch and transformers; tests/run installs one")
    parser.add_argument("--rtrain", type=Path, required=True, help="the program, built with --release")
    parser.add_argument("--model", required=True, metavar="DIR", help="HuggingFace BERT to start from")
    parser.add_argument("--name", default="vs-trainer", help="goes into the name of the file with the raw figures")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--max_train_samples", type=int)
    return parser.parse_args()


if __name__ == "__main__":
    main()
