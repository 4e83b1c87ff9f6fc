"""Writes the files that torch.save makes for real runs into torch/RELEASE beside this file, or under the folder given.

Run once with a python that has transformers 5.23.0, and once with one that has 4.57.6:
    python tests/golden/torch_files.py [FOLDER]
"""

import sys
from pathlib import Path

# `random.py` and others beside this file would otherwise hide modules of the same name from everything imported below.
sys.path.pop(0)

import collections
import json
import random
import shutil

import accelerate
import numpy
import torch
import transformers
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification, Trainer, TrainingArguments

RELEASE = transformers.__version__
IS_5 = RELEASE.startswith("5.")
ROOT = (Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent) / "torch" / RELEASE
SIZE = dict(hidden_size=4, num_hidden_layers=1, num_attention_heads=2, intermediate_size=4, max_position_embeddings=8)
ROWS = [{"input_ids": [1, 2, 3], "attention_mask": [1, 1, 1], "labels": row % 2} for row in range(6)]

RUNS = {
    "adamw": dict(),
    "adafactor": dict(optim="adafactor", lr_scheduler_type="cosine"),
    "sgd": dict(optim="sgd", optim_args="momentum=0.9", lr_scheduler_type="reduce_lr_on_plateau", eval_strategy="steps", eval_steps=1),
    "adagrad": dict(optim="adagrad", lr_scheduler_type="constant"),
    "rmsprop": dict(optim="rmsprop", lr_scheduler_type="inverse_sqrt"),
}

SCHEDULERS = {
    "linear": {},
    "cosine": {},
    "cosine_with_restarts": {"num_cycles": 2},
    "polynomial": {"power": 2.0},
    "constant": {},
    "constant_with_warmup": {},
    "inverse_sqrt": {},
    "reduce_lr_on_plateau": {"patience": 3},
    "cosine_with_min_lr": {"min_lr": 1e-6},
    "cosine_warmup_with_min_lr": {"min_lr": 1e-6},
    "warmup_stable_decay": {"num_decay_steps": 2},
} | ({"greedy": {}} if IS_5 else {})

# What is given beside `output_dir`, for one training_args.bin each.
ARGUMENTS = {
    "defaults": {},
    "strategies": dict(
        do_train=True,
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model="accuracy",
        save_total_limit=2,
        report_to="none",
        use_cpu=True,
    ),
    "numbers": dict(
        learning_rate=1,
        weight_decay=0.01,
        max_grad_norm=0,
        num_train_epochs=2.5,
        warmup_steps=70000,
        logging_steps=0.1,
        save_steps=0.25,
        seed=2**40,
        data_seed=-(2**35),
        eval_delay=1.5,
        report_to=["none"],
        max_steps=-1,
        neftune_noise_alpha=5.0,
    ),
    "dicts": dict(
        lr_scheduler_type="cosine_with_restarts",
        lr_scheduler_kwargs={"num_cycles": 3},
        gradient_checkpointing=True,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        accelerator_config={"split_batches": True, "even_batches": False, "gradient_accumulation_kwargs": {"num_steps": 2}},
        optim="adafactor",
        optim_args="scale_parameter=False",
        label_names=["labels", "start"],
        report_to="none",
        include_for_metrics=["inputs", "loss"],
        debug="underflow_overflow",
    ),
    "texts": dict(
        run_name="näme 名",
        hub_model_id="me/model",
        hub_strategy="checkpoint",
        log_level="info",
        lr_scheduler_type="reduce_lr_on_plateau",
        eval_strategy="steps",
        eval_steps=20,
        save_strategy="no",
        resume_from_checkpoint="out/checkpoint-1",
        ddp_bucket_cap_mb=25,
        report_to="none",
        bf16=True,
        use_cpu=True,
        torch_compile_backend="inductor",
        remove_unused_columns=False,
    ),
}


def run(name, given):
    transformers.set_seed(1)
    random.random(), numpy.random.randn(3)
    model = BertForSequenceClassification(BertConfig(vocab_size=11, **SIZE))
    output = ROOT / name
    arguments = TrainingArguments(
        output_dir="out", max_steps=2, save_steps=2, logging_steps=1, per_device_train_batch_size=2, report_to="none", use_cpu=True,
        disable_tqdm=True, **given,
    )
    Trainer(model=model, args=arguments, train_dataset=ROWS, eval_dataset=ROWS).train()
    keep("out/checkpoint-2", output, ["optimizer.pt", "scheduler.pt"] + (["rng_state.pth", "training_args.bin"] if name == "adamw" else []))
    if name == "adamw":
        arguments.max_steps = 4
        Trainer(model=model, args=arguments, train_dataset=ROWS).train(resume_from_checkpoint="out/checkpoint-2")
        keep("out/checkpoint-4", ROOT / "adamw_resumed", ["optimizer.pt", "scheduler.pt", "rng_state.pth"])
    shutil.rmtree("out")


def keep(source, target, names):
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(Path(source) / name, target / name)


def schedulers():
    for kind, given in SCHEDULERS.items():
        parameters = [{"params": [torch.nn.Parameter(torch.ones(2))], "weight_decay": decay} for decay in (0.1, 0.0)]
        optimizer = torch.optim.AdamW(parameters, lr=5e-5)
        scheduler = transformers.get_scheduler(kind, optimizer, 2, 10, scheduler_specific_kwargs=given)
        for loss in (0.7, 0.6, 0.65):
            optimizer.step()
            scheduler.step(*([loss] if kind in ("reduce_lr_on_plateau", "greedy") else []))
        folder = ROOT / "schedulers" / kind
        folder.mkdir(parents=True)
        torch.save(scheduler.state_dict(), folder / "scheduler.pt")


def scaler():
    scaler = torch.amp.GradScaler("cpu")
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    scaler.scale(weight.sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    (ROOT / "scaler").mkdir()
    torch.save(scaler.state_dict(), ROOT / "scaler" / "scaler.pt")


def random_states():
    """A rng_state file with devices, whose states are 16 bytes each as those of CUDA are, and one with a normal sample kept back."""
    transformers.set_seed(7)
    random.gauss(0.0, 1.0), numpy.random.normal(), torch.randn(1)
    state = {"python": random.getstate(), "numpy": numpy.random.get_state(), "cpu": torch.random.get_rng_state()}
    device = lambda seed: torch.arange(seed, seed + 16, dtype=torch.uint8)
    (ROOT / "random").mkdir()
    torch.save(state | {"cuda": device(1)}, ROOT / "random" / "rng_state.pth")
    torch.save(state | {"cuda": [device(1), device(2)]}, ROOT / "random" / "rng_state_1.pth")


def state_dicts():
    transformers.set_seed(3)
    folder = ROOT / "state_dicts"
    folder.mkdir()
    tied = BertForMaskedLM(BertConfig(vocab_size=11, **SIZE))
    torch.save(tied.state_dict(), folder / "tied.bin")
    base = torch.arange(24, dtype=torch.float32)
    views = collections.OrderedDict()
    views["whole"], views["transposed"], views["part"] = base.view(4, 6), base.view(4, 6).t(), base[6:18].view(3, 4)[:, 1:3]
    views["again"] = views["whole"]
    views["expanded"] = torch.ones(3).expand(2, 3)
    views["empty"], views["scalar"] = torch.zeros(0, 4), torch.tensor(5)
    for dtype in ("float16", "bfloat16", "float64", "int8", "uint8", "int16", "int32", "int64", "bool", "uint16", "uint32", "uint64"):
        views[dtype] = torch.tensor([0, 1, 2]).to(getattr(torch, dtype))
    torch.save(views, folder / "views.bin")
    torch.save(dict(views), folder / "plain_dict.bin")
    torch.save({}, folder / "nothing.bin")
    if not IS_5:
        model = BertForSequenceClassification(BertConfig(vocab_size=11, **SIZE))
        model.save_pretrained(folder / "one", safe_serialization=False)
        model.save_pretrained(folder / "shards", safe_serialization=False, max_shard_size="1KB")
        tied.save_pretrained(folder / "tied_model", safe_serialization=False)
        for path in folder.glob("*/*.json"):
            path.unlink()


def training_arguments():
    for name, given in ARGUMENTS.items():
        folder = ROOT / "arguments" / name
        folder.mkdir(parents=True)
        if not IS_5:
            given = given | {"logging_dir": f"out/{name}"} if name != "defaults" else given
            transformers.training_args.default_logdir = lambda: "runs/Jan01_00-00-00_host"
        torch.save(TrainingArguments(output_dir="out", **given), folder / "training_args.bin")
        (folder / "given.json").write_text(json.dumps({"output_dir": "out"} | given, indent=1, ensure_ascii=False) + "\n")


def main():
    torch.set_num_threads(1)
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    if IS_5:
        for name, given in RUNS.items():
            run(name, given)
        schedulers()
        scaler()
        random_states()
    state_dicts()
    training_arguments()
    modules = {"transformers": transformers, "torch": torch, "accelerate": accelerate, "numpy": numpy}
    versions = {name: module.__version__ for name, module in modules.items()}
    (ROOT / "versions.json").write_text(json.dumps(versions) + "\n")


main()
