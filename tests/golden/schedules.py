"""Writes the learning rates of transformers' schedules to schedules.json beside this file, or to the path given.

Run once with a python that has transformers 5.23.0, and once with one that has 4.57.6; the second adds its release to the cases of the first:
    python tests/golden/schedules.py [OUTPUT]
"""

import sys
from pathlib import Path

# `random.py` beside this file would otherwise hide the standard library's `random` from everything imported below.
sys.path.pop(0)

import hashlib
import json
import random
import struct
import tempfile
import warnings

import torch
import transformers
from transformers import Trainer, TrainingArguments

OUTPUT = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "schedules.json"
RELEASE = transformers.__version__
IS_5 = RELEASE.startswith("5.")
FOLDER = Path(tempfile.mkdtemp())
# Steps past the end.
BEYOND = 3
METRICS = [0.9, 0.8, 0.8, 0.85, 0.79, 0.81, 0.82, 0.83, 0.5, 0.5, 0.49995, 0.6, 0.7, 0.7, 0.7, 0.4, 0.3, 0.2, 0.2, 0.1]


def case(kind, kwargs=None, warmup=0, steps=12, rate=5e-5, **more):
    given = dict(learning_rate=rate, lr_scheduler_type=kind, warmup_steps=warmup)
    return dict(arguments=given | ({} if kwargs is None else dict(lr_scheduler_kwargs=kwargs)), total_steps=steps) | more


def by_hand():
    for kind in ("linear", "cosine", "constant", "constant_with_warmup", "cosine_with_restarts", "polynomial", "inverse_sqrt"):
        yield case(kind)
        yield case(kind, warmup=3, rate=3e-4)
        yield case(kind, warmup=0.25, steps=14, rate=1e-3)
        yield case(kind, warmup=20, rate=2e-5)
        yield case(kind, warmup=12)
        yield case(kind, {})
        yield case(kind, {"num_cycle": 1})
    for kind in ("linear", "cosine", "cosine_with_restarts", "polynomial"):
        yield case(kind, steps=100_000, warmup=777, rate=3e-5)
    for cycles in (1, 0.5, 1.5, 3, 2.75, -0.5, 0):
        yield case("cosine", {"num_cycles": cycles}, warmup=2, steps=17)
        yield case("cosine_with_restarts", {"num_cycles": cycles}, warmup=2, steps=17)
    for given in ({"power": 2}, {"power": 0.5, "lr_end": 1e-6}, {"power": 0}, {"power": 3.3, "lr_end": 0}, {"lr_end": 5e-5}, {"power": -1}, {"lr_end": 1}):
        yield case("polynomial", given, warmup=2, steps=11)
    for timescale in (1, 7, 100, 2.5, None, 0):
        yield case("inverse_sqrt", {"timescale": timescale}, warmup=4)
    for kind in ("cosine_with_min_lr", "cosine_warmup_with_min_lr"):
        for given in (
            None,
            {},
            {"min_lr": 1e-6},
            {"min_lr": 0},
            {"min_lr_rate": 0.1},
            {"min_lr_rate": 1},
            {"min_lr": 1e-6, "min_lr_rate": 0.1},
            {"min_lr_rate": 0.3, "num_cycles": 2},
            {"min_lr": None, "min_lr_rate": 0.2},
            {"min_lr": 1e-6, "warmup_lr_rate": 0.1},
            {"min_lr_rate": 0.1, "warmup_lr_rate": 0},
        ):
            yield case(kind, given, warmup=4, steps=13)
        yield case(kind, {"min_lr": 1e-6}, warmup=0)
        yield case(kind, {"min_lr": 1e-6}, warmup=1)
        yield case(kind, {"min_lr": 1e-6}, rate=0.0)
        yield case(kind, {"min_lr_rate": 0.07}, steps=50_000, warmup=0.1)
    for given in (
        None,
        {"num_decay_steps": 4},
        {"num_decay_steps": 4, "num_stable_steps": 2},
        {"num_decay_steps": 40},
        {"num_decay_steps": 0},
        {"num_decay_steps": 5, "warmup_type": "cosine", "decay_type": "linear", "min_lr_ratio": 0.1},
        {"num_decay_steps": 6, "warmup_type": "1-sqrt", "decay_type": "1-sqrt"},
        {"num_decay_steps": 6, "decay_type": "1-sqrt", "min_lr_ratio": 0.25},
        {"num_decay_steps": 6, "num_cycles": 1.5, "min_lr_ratio": 1e-3},
        {"num_decay_steps": 4, "warmup_type": "sqrt"},
        {"num_decay_steps": 4, "num_training_steps": 10},
    ):
        yield case("warmup_stable_decay", given, warmup=4, steps=16)
    yield case("warmup_stable_decay", {"num_decay_steps": 20_000}, warmup=500, steps=50_000)


def of_metrics():
    short = METRICS[:10]
    for given in (
        {"patience": 1},
        {"patience": 0, "factor": 0.5},
        {"patience": 0, "factor": 0.5, "cooldown": 2},
        {"patience": 0, "mode": "max", "threshold_mode": "abs", "threshold": 0.01},
        {"patience": 1, "mode": "max", "factor": 0.3},
        {"patience": 0, "threshold_mode": "abs"},
        {"patience": 0, "threshold": 0, "eps": 0},
        {"patience": 0, "min_lr": 2e-5, "factor": 0.7},
        {"patience": 0, "min_lr": [1e-5, 1e-5]},
        {"patience": 0, "eps": 1e-5},
    ):
        yield case("reduce_lr_on_plateau", given, metrics=METRICS)
        greedy = {"min_lr": 1e-6, "max_lr": 1e-4} | given
        yield case("greedy", greedy, metrics=METRICS)
    yield case("reduce_lr_on_plateau", None, metrics=METRICS)
    yield case("reduce_lr_on_plateau", {"patience": 1}, metrics=[0.5, "nan", "nan", "inf", 0.4, "nan", "-inf", 0.1])
    for given in ({"factor": 1.0}, {"mode": "least"}, {"threshold_mode": "x"}, {"verbose": True}, {"min_lr": [1e-5]}):
        yield case("reduce_lr_on_plateau", given, metrics=short)
    for given in (
        None,
        {"min_lr": 1e-6, "max_lr": 6e-5, "patience": 0, "warmup": 1, "cooldown": 1},
        {"min_lr": 4e-5, "patience": 0, "reset_start": 2},
        {"min_lr": 4e-5, "patience": 0, "reset_start": 1, "cooldown": 2, "mode": "max"},
        {"min_lr": 1e-6, "patience": 0, "smooth": True, "window_size": 3},
        {"min_lr": 4.9e-5, "patience": 0, "smooth": True, "window_size": 2, "reset_start": 2, "threshold_mode": "rel", "verbose": False},
        {"min_lr": [1e-6, 1e-6], "max_lr": [1e-3, 1e-3], "patience": 0, "factor": 0.9},
        {"factor": 2},
        {"mode": "least"},
        {"timescale": 1},
    ):
        yield case("greedy", given, metrics=METRICS)


def resumed():
    """A checkpoint after some steps, and the arguments that the run goes on with."""
    yield case("linear", warmup=2, resumed=dict(after=4, total_steps=20))
    yield case("cosine", warmup=2, resumed=dict(after=4, arguments=dict(learning_rate=1e-3)))
    yield case("polynomial", warmup=2, resumed=dict(after=1, arguments=dict(learning_rate=1e-3)))
    yield case("linear", resumed=dict(after=3, arguments=dict(lr_scheduler_type="constant")))
    yield case("reduce_lr_on_plateau", {"patience": 1}, metrics=METRICS, resumed=dict(after=5, arguments=dict(learning_rate=1e-3)))
    yield case("reduce_lr_on_plateau", {"patience": 0}, metrics=METRICS, resumed=dict(after=5, arguments=dict(lr_scheduler_kwargs={"factor": 0.9})))


def drawn():
    """Cases that nobody thought of."""
    draw = random.Random(5)
    for _ in range(40):
        kind, given = draw.choice(
            [
                ("linear", {}),
                ("cosine", {"num_cycles": draw.uniform(0, 3)}),
                ("cosine_with_restarts", {"num_cycles": draw.randint(1, 5)}),
                ("polynomial", {"power": draw.uniform(0, 4), "lr_end": draw.uniform(0, 1e-5)}),
                ("inverse_sqrt", {"timescale": draw.randint(1, 50)}),
                ("cosine_with_min_lr", {"min_lr_rate": draw.random(), "num_cycles": draw.uniform(0, 3)}),
                ("cosine_warmup_with_min_lr", {"min_lr": draw.uniform(0, 1e-5), "warmup_lr_rate": draw.random()}),
                ("warmup_stable_decay", {"num_decay_steps": draw.randint(1, 9), "min_lr_ratio": draw.random(), "num_cycles": draw.random()}),
            ]
        )
        yield case(kind, given, draw.choice([0, draw.randint(1, 9), draw.random()]), draw.randint(10, 18), 10 ** draw.uniform(-4.5, -2))


def trainer_of(given, total_steps):
    given = dict(given)
    if not IS_5 and 0 < given["warmup_steps"] < 1:
        given["warmup_ratio"] = given.pop("warmup_steps")
    given |= dict(eval_strategy="epoch") if given["lr_scheduler_type"] in ("reduce_lr_on_plateau", "greedy") else {}
    arguments = TrainingArguments(output_dir=str(FOLDER), use_cpu=True, report_to="none", disable_tqdm=True, **given)
    trainer = Trainer(model=torch.nn.Linear(1, 1), args=arguments, eval_dataset=[0])
    trainer.create_optimizer_and_scheduler(total_steps)
    return trainer


def saved(trainer):
    path = FOLDER / "scheduler.pt"
    torch.save(trainer.lr_scheduler.state_dict(), path)
    return path.read_bytes()


def learning_rate(trainer):
    return trainer.optimizer.param_groups[0]["lr"]


def found(case):
    """The learning rate of each step, and the digest of scheduler.pt after the last one; or why there are none."""
    metrics, later = case.get("metrics"), case.get("resumed", {})
    rates = []
    try:
        trainer = trainer_of(case["arguments"], case["total_steps"])
        steps = later.get("total_steps", case["total_steps"]) + BEYOND if metrics is None else len(metrics)
        for step in range(steps):
            if step == later.get("after"):
                saved(trainer)
                optimizer = trainer.optimizer.state_dict()
                trainer = trainer_of(case["arguments"] | later.get("arguments", {}), later.get("total_steps", case["total_steps"]))
                trainer.optimizer.load_state_dict(optimizer)
                trainer.lr_scheduler.load_state_dict(torch.load(FOLDER / "scheduler.pt"))
            rates.append(learning_rate(trainer))
            trainer.optimizer.step()
            trainer.lr_scheduler.step(*([] if metrics is None else [float(metrics[step])]))
    except (ValueError, TypeError, ArithmeticError, KeyError) as error:
        return dict(error=type(error).__name__)
    state = hashlib.sha256(saved(trainer)).hexdigest()
    if len(rates) > 100:
        return dict(rates_sha256=hashlib.sha256(struct.pack(f"<{len(rates)}d", *rates)).hexdigest(), state_sha256=state)
    return dict(rates=rates, state_sha256=state)


def main():
    warnings.simplefilter("ignore")
    cases = json.loads(OUTPUT.read_text()) if OUTPUT.exists() else []
    for known in cases:
        known["releases"] = [release for release in known["releases"] if release != RELEASE]
    cases = [known for known in cases if known["releases"]]
    for new in [*by_hand(), *of_metrics(), *resumed(), *drawn()]:
        new |= found(new)
        text = json.dumps(new)
        twin = next((known for known in cases if json.dumps({key: known[key] for key in known if key != "releases"}) == text), None)
        if twin is None:
            cases.append(new | dict(releases=[RELEASE]))
        else:
            twin["releases"] = sorted({*twin["releases"], RELEASE})
    OUTPUT.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(len(cases), "cases")


main()
