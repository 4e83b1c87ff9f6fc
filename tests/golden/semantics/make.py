"""Writes RELEASE.json beside this file: what the real Trainer of the installed release does for each of `cases.CASES`.

    HF_HUB_OFFLINE=1 python tests/golden/semantics/make.py [NAME...]

Run once with a python that has transformers 5.23.0, and once with one that has 4.57.6; NAME chooses cases, which are then printed instead.

Of each run are kept: the events that a callback hears, with the step at which it hears them; the state, `state` of the file for all
runs, of a run and of each checkpoint that stays only what differs; and the results. `reduced` says what is left out of them.
Of a refused run the error is kept.
"""

import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.append(str(HERE.parents[1] / "interop"))

import torch
import transformers
from trainer_run import run
from transformers import BertConfig, BertForSequenceClassification, TrainerCallback, set_seed

from cases import CASES, COMMON

WORDS = {"positive": ["good", "funny", "fun"], "negative": ["not", "too", "off"], "neutral": ["story", "comedy", "movie"]}
FILLERS = "the and that with this its you but for all are".split()
STATE_FILES = ["optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json", "training_args.bin", "model.safetensors"]
# One letter an event: `5:slvc` are a step's end, a log entry, an evaluation and a checkpoint at step 5.
LETTERS = {
    "on_init_end": "I", "on_train_begin": "T", "on_epoch_begin": "E", "on_step_begin": "b", "on_substep_end": "u",
    "on_pre_optimizer_step": "p", "on_optimizer_step": "o", "on_step_end": "s", "on_prediction_step": "d", "on_evaluate": "v",
    "on_log": "l", "on_save": "c", "on_epoch_end": "e", "on_train_end": "t", "on_predict": "P",
}
ROUNDED = ("loss", "grad_norm", "best_metric")
CLOCKED = ("_runtime", "_per_second")


class Recorder(TrainerCallback):
    """Notes each event behind the step at which it comes."""

    def __init__(self):
        self.steps = []

    def note(self, letter, step):
        if not self.steps or self.steps[-1][0] != step:
            self.steps.append((step, ""))
        self.steps[-1] = (step, self.steps[-1][1] + letter)

    def events(self):
        return " ".join(f"{step}:{letters}" for step, letters in self.steps)


def listener(letter):
    return lambda self, args, state, control, **kwargs: self.note(letter, state.global_step)


for event, letter in LETTERS.items():
    setattr(Recorder, event, listener(letter))


def main():
    torch.set_num_threads(1)
    if transformers.__version__ == "5.23.0":
        write_rows()
        write_model()
    names = sys.argv[1:] or CASES
    with tempfile.TemporaryDirectory() as folder:
        for table in HERE.glob("*.csv"):
            shutil.copyfile(table, Path(folder) / table.name)
        shutil.copytree(HERE / "model", Path(folder) / "model")
        os.chdir(folder)
        cases = [case(name) for name in names]
    if sys.argv[1:]:
        print(json.dumps(cases, indent=1))
        return
    state = usual_state(cases)
    for row in cases:
        row["state"] = {key: value for key, value in row.get("state", {}).items() if value != state.get(key)}
    head = {"release": transformers.__version__, "torch": torch.__version__, "letters": LETTERS, "common": COMMON.split(), "state": state}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in cases)
    (HERE / f"{transformers.__version__}.json").write_text("{" + ",\n".join([*lines, f'"cases": [\n{rows}\n]']) + "}\n")


def usual_state(cases):
    """The value of each key that most runs end with."""
    states = [row["state"] for row in cases if "state" in row]
    values = {key: [state[key] for state in states] for key in states[0] if key != "log_history"}
    return {key: max(found, key=found.count) for key, found in values.items()}


def case(name):
    print(name, file=sys.stderr, flush=True)
    shutil.rmtree("out", ignore_errors=True)
    arguments, recorder = CASES[name].split(), Recorder()
    row = {"name": name, "arguments": arguments}
    try:
        # The Trainer prints its logs.
        with contextlib.redirect_stdout(sys.stderr), contextlib.redirect_stderr(open(os.devnull, "w")):
            run([*COMMON.split(), *arguments], [recorder])
    except (ValueError, KeyError, AssertionError, TypeError) as error:
        return row | {"refused": f"{type(error).__name__}: {str(error).splitlines()[0][:160]}"}
    state = json.loads(Path("out/trainer_state.json").read_text())
    results = {path.stem.removesuffix("_results"): json.loads(path.read_text()) for path in Path("out").glob("*_results.json")}
    assert results.pop("all") == {**results["train"], **results.get("eval", {})}
    return row | {
        "events": recorder.events(),
        "state": reduced(state),
        "checkpoints": {path.name: checkpoint(path, state) for path in sorted(Path("out").glob("checkpoint-*"), key=lambda path: step_of(path.name))},
        "results": reduced(results),
    }


def step_of(name):
    return int(name.removeprefix("checkpoint-"))


def checkpoint(path, end):
    """What a checkpoint's state has otherwise than the end's, with the number of entries instead of a log that the end's begins with."""
    state = json.loads((path / "trainer_state.json").read_text())
    entries = len(state["log_history"])
    assert state["log_history"] == end["log_history"][:entries] and state.keys() == end.keys()
    differing = {key: value for key, value in reduced(state).items() if key != "log_history" and state[key] != end[key]}
    missing = [name for name in STATE_FILES if not (path / name).exists()]
    return {"log_entries": entries, **({"missing": missing} if missing else {}), "state": differing}


def reduced(value, key=""):
    """Floating-point sums have 6 digits, what the clock says has its name only, and of the control's switches those that are on are named."""
    if key == "TrainerControl":
        assert not value["attributes"] and len(value["args"]) == 5
        return [name for name, on in value["args"].items() if on]
    if isinstance(value, dict):
        clocks = [name for name in value if name.endswith(CLOCKED)]
        rest = {name: reduced(item, name) for name, item in value.items() if name not in clocks}
        return rest | ({"clocks": shortened(clocks)} if clocks else {})
    if isinstance(value, list):
        return [reduced(item, key) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) and key.endswith(ROUNDED) else value


def shortened(clocks):
    """`eval` for eval_runtime, eval_samples_per_second and eval_steps_per_second."""
    split = clocks[0].removesuffix("_runtime")
    usual = [f"{split}_runtime", f"{split}_samples_per_second", f"{split}_steps_per_second"]
    return split if clocks == usual else clocks


def write_model():
    """A model that has learnt nothing, so that its first steps lead it away from evenly wrong answers."""
    set_seed(0)
    source = HERE.parent / "bert" / "classifier"
    size = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32}
    model = BertForSequenceClassification(BertConfig.from_pretrained(source, **size))
    torch.nn.init.zeros_(model.classifier.weight)
    model.save_pretrained(HERE / "model")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(source / name, HERE / "model" / name)
    (HERE / "model" / "model.safetensors").chmod(0o644)


def write_rows():
    """Tables of three classes, each with words of its own."""
    draw = random.Random(5)
    write_table("train.csv", 37, draw, wrong=False)
    write_table("validation.csv", 15, draw, wrong=False)
    write_table("contrary.csv", 15, draw, wrong=True)


def write_table(name, rows, draw, wrong):
    """`wrong` labels are those of other words."""
    labels, lines = list(WORDS), ["text,label"]
    for row in range(rows):
        label = labels[row % 3]
        words = draw.choices(WORDS[label], k=draw.randint(3, 6)) + draw.choices(FILLERS, k=draw.randint(0, 6))
        draw.shuffle(words)
        lines.append(f"{' '.join(words)},{labels[(row + wrong) % 3]}")
    (HERE / name).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
