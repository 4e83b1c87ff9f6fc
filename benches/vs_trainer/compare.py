"""Time rtrain against the real HF Trainer: the same data, arguments and threads, in turn.

    compare.py --rtrain PATH --roofline PATH --model DIR [--pairs 5] [--threads 2] [--only NAME ...]

benches/vs_trainer/run builds and installs what this needs, and calls it. Each pair runs `hf_trainer.py` and then `rtrain train`.
Printed are the medians and their ratios; the raw figures of every run go to benches/runs/DATE-NAME.json, with the machine's.
"""

import argparse
import csv
import dataclasses
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
REVIEWS = ROOT / "examples" / "reviews"
LEARNING_RATE, SEED, MAX_LENGTH = 5e-5, 42, 128
WITHOUT_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
BERT_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
TINY = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512}


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A run of both programs. Where the rows are full, each has exactly MAX_LENGTH tokens; else they are the 8,000 reviews."""

    name: str
    batch: int
    full_rows: bool
    max_steps: int | None = None
    from_scratch: bool = False
    bf16: bool = False
    overrides: dict = dataclasses.field(default_factory=dict)


SCENARIOS = [
    Scenario("minilm-full", 16, True, 16, overrides=WITHOUT_DROPOUT),
    Scenario("minilm-full-dropout", 16, True, 16),
    Scenario("minilm-full-bf16", 16, True, 16, bf16=True, overrides=WITHOUT_DROPOUT),
    Scenario("bert-base", 8, True, 6, True, overrides=BERT_BASE | WITHOUT_DROPOUT),
    Scenario("bert-base-dropout", 8, True, 6, True, overrides=BERT_BASE),
    Scenario("bert-base-bf16", 8, True, 6, True, bf16=True, overrides=BERT_BASE | WITHOUT_DROPOUT),
    Scenario("tiny", 16, True, 120, True, overrides=TINY | WITHOUT_DROPOUT),
    Scenario("tiny-dropout", 16, True, 120, True, overrides=TINY),
    Scenario("tiny-reviews", 16, False, 200, True, overrides=TINY),
    Scenario("minilm-reviews", 16, False),
]
# Figures of a run, and whether rtrain's over HF's or HF's over rtrain's says how much better rtrain is.
FIGURES = {
    "samples_per_s": "higher",
    "eval_samples_per_s": "higher",
    "wall_s": "lower",
    "first_step_s": "lower",
    "peak_memory_mib": "lower",
    "accuracy": None,
    "eval_loss": None,
    "train_loss": None,
}
STEP = re.compile(r"^\W*loss\W+\S")


def main():
    arguments = parse_arguments()
    arguments.rtrain = arguments.rtrain.resolve()
    for scenario in SCENARIOS:
        if not arguments.only or scenario.name in arguments.only:
            compare(scenario, arguments)


def compare(scenario, arguments):
    with tempfile.TemporaryDirectory() as folder:
        files = {"train": REVIEWS / "train.csv", "validation": REVIEWS / "validation.csv"}
        if scenario.full_rows:
            files = {split: write_full_rows(path, Path(folder) / path.name) for split, path in files.items()}
        pairs, rates = [], []
        for number in range(arguments.pairs):
            rates.append(gemm_gflops(arguments))
            pair = {name: run(command(scenario, files, arguments), scenario) for name, command in COMMANDS.items()}
            pairs.append(pair)
            print(f"{scenario.name}, pair {number + 1}: {json.dumps(pair)}", file=sys.stderr, flush=True)
    rate = statistics.median(rates)
    print_table(scenario, pairs, rate, arguments.model)
    record = {
        "what": dataclasses.asdict(scenario) | {"learning_rate": LEARNING_RATE, "seed": SEED, "max_length": MAX_LENGTH},
        "threads": arguments.threads,
        "machine": machine(),
        "gemm_gflops": rates,
        "pairs": pairs,
    }
    out = ROOT / "benches" / "runs" / f"{datetime.date.today().isoformat()}-{scenario.name}{arguments.suffix}.json"
    out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"raw figures: {out.relative_to(ROOT)}\n", flush=True)
    for pair in pairs:
        accuracies = [side["accuracy"] for side in pair.values()]
        assert max(accuracies) - min(accuracies) <= 0.005, f"{scenario.name}: the accuracies differ by more than half a point: {accuracies}"


def write_full_rows(source, target, reviews_a_row=12, rows=256):
    """Joins reviews to rows of more than MAX_LENGTH tokens."""
    with source.open(newline="", encoding="utf-8") as file:
        reviews = list(csv.DictReader(file))
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for row in range(min(rows, len(reviews) // reviews_a_row)):
            part = reviews[row * reviews_a_row : (row + 1) * reviews_a_row]
            writer.writerow([" ".join(review["text"] for review in part), part[0]["label"]])
    return target


def run(command, scenario):
    """Runs a program that logs a loss at each step, and sees when each comes."""
    with tempfile.TemporaryDirectory() as out:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "PYTHONUNBUFFERED": "1"}
        command = [str(part) for part in [*command, out]]
        start = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        steps, lines = [], []
        for line in process.stdout:
            lines.append(line)
            if STEP.match(line):
                steps.append(time.monotonic() - start)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        if status != 0 or len(steps) < 2:
            sys.exit(f"{' '.join(command)}\nfailed, or logged no steps:\n{''.join(lines)}")
        results = json.loads((Path(out) / "all_results.json").read_text(encoding="utf-8"))
    samples = (len(steps) - 1) * scenario.batch
    return {
        "samples_per_s": round(samples / (steps[-1] - steps[0]), 3),
        "eval_samples_per_s": results["eval_samples_per_second"],
        "wall_s": round(wall, 3),
        "first_step_s": round(steps[0], 3),
        "peak_memory_mib": round(usage.ru_maxrss / 1024, 1),
        "accuracy": results["eval_accuracy"],
        "eval_loss": results["eval_loss"],
        "train_loss": results["train_loss"],
    }


def hf_command(scenario, files, arguments):
    command = [sys.executable, Path(__file__).with_name("hf_trainer.py"), "--model", arguments.model]
    command += ["--train", files["train"], "--validation", files["validation"], "--batch", scenario.batch]
    command += ["--learning_rate", LEARNING_RATE, "--seed", SEED, "--max_seq_length", MAX_LENGTH]
    command += ["--threads", arguments.threads]
    if scenario.max_steps:
        command += ["--max_steps", scenario.max_steps]
    if scenario.from_scratch:
        command += ["--from_scratch"]
    if scenario.bf16:
        command += ["--bf16"]
    if scenario.overrides:
        command += ["--config_overrides", overrides(scenario)]
    return [*command, "--out"]


def rtrain_command(scenario, files, arguments):
    options = {
        "train_file": files["train"],
        "validation_file": files["validation"],
        "num_train_epochs": 1,
        "per_device_train_batch_size": scenario.batch,
        "learning_rate": LEARNING_RATE,
        "seed": SEED,
        "max_seq_length": MAX_LENGTH,
        "pad_to_max_length": "false",
        "logging_steps": 1,
        "save_strategy": "no",
        "threads": arguments.threads,
    }
    if scenario.max_steps:
        options["max_steps"] = scenario.max_steps
    if scenario.bf16:
        options["bf16"] = "true"
    if scenario.overrides:
        options["config_overrides"] = overrides(scenario)
    if scenario.from_scratch:
        options |= {"config_name": arguments.model, "tokenizer_name": arguments.model}
    else:
        options["model_name_or_path"] = arguments.model
    command = [arguments.rtrain, "train"]
    for name, value in options.items():
        command += [f"--{name}", value]
    return [*command, "--output_dir"]


COMMANDS = {"hf": hf_command, "rtrain": rtrain_command}


def overrides(scenario):
    return ",".join(f"{name}={value}" for name, value in scenario.overrides.items())


def gemm_gflops(arguments):
    command = [arguments.roofline, "--threads", str(arguments.threads)]
    return float(subprocess.check_output(command, text=True).split()[0])


def step_gflop(scenario, model):
    """Matrix products of a step, forward and twice that backward: the linear layers of the encoder, and attention.

    First all of them, which HF computes; then those that the result needs: of the last layer the classifier reads the first tokens only.
    """
    config = json.loads((Path(model) / "config.json").read_text(encoding="utf-8")) | scenario.overrides
    width, inner, tokens = config["hidden_size"], config["intermediate_size"], scenario.batch * MAX_LENGTH
    layer = 2 * tokens * (4 * width * width + 2 * width * inner) + 4 * tokens * MAX_LENGTH * width
    return [3 * layers * layer / 1e9 for layers in (config["num_hidden_layers"], config["num_hidden_layers"] - 1)]


def print_table(scenario, pairs, rate, model):
    print(f"{scenario.name}: medians of {len(pairs)} pairs")
    print(f"{'':24}{'HF Trainer':>14}{'rtrain':>14}{'rtrain better by':>20}")
    for name, better in FIGURES.items():
        hf, ours = (statistics.median(pair[side][name] for pair in pairs) for side in ("hf", "rtrain"))
        ratio = {"higher": ours / hf, "lower": hf / ours, None: None}[better]
        print(f"{name:24}{hf:14.5g}{ours:14.5g}{'' if ratio is None else f'{ratio:.2f} times':>20}")
    if scenario.full_rows:
        print_roofline(scenario, pairs, rate, model)


def print_roofline(scenario, pairs, rate, model):
    print(f"roofline: matrix products at {rate:.0f} GFLOP/s")
    for gflop, side, name in zip(step_gflop(scenario, model), COMMANDS, ("HF Trainer", "rtrain"), strict=True):
        roof = rate / gflop * scenario.batch
        samples = statistics.median(pair[side]["samples_per_s"] for pair in pairs)
        print(f"{name:24}{gflop:8.1f} GFLOP a step: at most {roof:.1f} samples/s, of which it reaches {samples / roof:.0%}")


def machine():
    # In a process of its own: what this one holds in memory would count as the peak of those that it starts.
    code = "import json, torch, transformers; print(json.dumps([torch.__version__, transformers.__version__]))"
    torch, transformers = json.loads(subprocess.check_output([sys.executable, "-c", code]))
    cpu = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpu.read_text().splitlines() if "model name" in line]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    return {
        "cpu": names[0] if names else platform.processor(),
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "torch": torch,
        "transformers": transformers,
        "rtrain": commit.strip(),
    }


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rtrain", type=Path, required=True, help="the program, built with --release")
    parser.add_argument("--roofline", type=Path, required=True, help="the program that measures matrix products")
    parser.add_argument("--model", required=True, metavar="DIR", help="the MiniLM to start from")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=[scenario.name for scenario in SCENARIOS], help="these runs only")
    parser.add_argument("--suffix", default="", help="ends the name of the file with the raw figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
