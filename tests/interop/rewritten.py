"""Loads directories that rtrain has written, as people load them, with the release of transformers that they are of.

    python tests/interop/rewritten.py FOLDER TABLE

FOLDER holds the directories of one release that TABLE, `table.json` of the golden directories, lists.
"""

import collections
import io
import json
import os
import pickletools
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy
import torch
import transformers
from accelerate.state import PartialState
from accelerate.utils.dataclasses import DistributedType
from numpy._core.multiarray import _reconstruct
from safetensors import safe_open
from transformers import debug_utils, trainer_pt_utils, trainer_utils, training_args

FOLDER, TABLE = map(lambda path: Path(path).resolve(), sys.argv[1:])
sys.path.insert(0, str(TABLE.parent / "generator"))

import models
import runs

# What transformers itself allows when it loads `rng_state.pth`.
RNG = [_reconstruct, numpy.ndarray, numpy.dtype, numpy.dtypes.UInt32DType]
ARGUMENTS = [
    training_args.TrainingArguments, training_args.OptimizerNames, trainer_utils.SchedulerType, trainer_utils.IntervalStrategy, trainer_utils.SaveStrategy,
    trainer_utils.HubStrategy, trainer_pt_utils.AcceleratorConfig, debug_utils.DebugOption, PartialState, DistributedType, torch.device,
]
AUTO = {
    "classification": transformers.AutoModelForSequenceClassification,
    "masked-lm": transformers.AutoModelForMaskedLM,
    "token-classification": transformers.AutoModelForTokenClassification,
    "question-answering": transformers.AutoModelForQuestionAnswering,
    "causal-lm": transformers.AutoModelForCausalLM,
}
# Tensors that no model has: a golden directory has them on purpose.
UNKNOWN = {"chat_templates": {"steps", "flags"}}


def load_torch(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None, path
        pickletools.dis(archive.read(f"{path.stem}/data.pkl"), io.StringIO())
    allowed = ARGUMENTS if path.name == "training_args.bin" else RNG if path.suffix == ".pth" else []
    with torch.serialization.safe_globals(allowed):
        value = torch.load(path, weights_only=True)
    if path.name == "training_args.bin":
        assert value.to_json_string() and value.seed == 7, path
    if path.suffix == ".pth":
        torch.random.set_rng_state(value["cpu"])
        numpy.random.set_state(value["numpy"])


def load_safetensors(path):
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {"format": "pt"} and all(file.get_tensor(name) is not None for name in file.keys()), path


def load_state(path):
    assert transformers.TrainerState.load_from_json(str(path)).global_step > 0, path


LOADERS = {".safetensors": load_safetensors, ".pt": load_torch, ".pth": load_torch, ".bin": load_torch}


def load_tokenizer(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer("a warm and funny film", "the plot is thin")["input_ids"]
    assert "warm and funny" in tokenizer.decode(tokens), folder
    return tokenizer


def load_model(folder, row, tokenizer):
    model, info = AUTO[row["task"]].from_pretrained(folder, output_loading_info=True)
    assert type(model).__name__ == row["class"], folder
    assert not info["missing_keys"] and not info["mismatched_keys"], (folder, info)
    assert set(info["unexpected_keys"]) == UNKNOWN.get(row["name"], set()), (folder, info)
    batch = tokenizer("a warm and funny film", return_tensors="pt")
    with torch.no_grad():
        assert all(tensor.isfinite().all() for tensor in model(**batch).values() if torch.is_tensor(tensor)) or row["name"] == "run_diverged", folder


def load_adapter(folder, row, tokenizer):
    from peft import PeftModel

    model = PeftModel.from_pretrained(models.make("bert", row["class"], tokenizer), folder)
    assert any("lora_A" in name for name in model.state_dict()), folder


def load(row, counts):
    directory = FOLDER / row["name"]
    for folder in [directory, *sorted(directory.glob("checkpoint-*"))]:
        for path in sorted(folder.iterdir()):
            loader = load_state if path.name == "trainer_state.json" else LOADERS.get(path.suffix)
            if loader:
                loader(path)
                counts["trainer_state.json" if loader is load_state else f"*{path.suffix}"] += 1
        has_tokenizer = (folder / "tokenizer_config.json").exists()
        for config, loader in [("config.json", load_model), ("adapter_config.json", load_adapter)]:
            if (folder / config).exists() and has_tokenizer:
                loader(folder, row, load_tokenizer(folder))
                counts["models with a tokenizer"] += 1
    counts["directories"] += 1


def resume():
    """A run goes on from a checkpoint, to where the golden run has gone."""
    with tempfile.TemporaryDirectory() as workplace:
        os.chdir(workplace)
        out, work = Path("run_resumed"), Path("work")
        work.mkdir()
        shutil.copytree(FOLDER / out / "checkpoint-3", out / "checkpoint-3")
        trainer = runs.classifier(out, work, max_steps=6, save_steps=3)
        trainer.train(resume_from_checkpoint=str(out / "checkpoint-3"))
        assert trainer.state.global_step == 6 and len(trainer.state.log_history) >= 3
        for name in ["scheduler.pt", "rng_state.pth"]:
            assert (out / "checkpoint-6" / name).read_bytes() == (FOLDER / out / "checkpoint-6" / name).read_bytes(), name
        with safe_open(FOLDER / out / "checkpoint-6/model.safetensors", framework="pt") as file:
            for name, parameter in trainer.model.named_parameters():
                # Both steps together move a weight by less than 5e-5, one way or the other.
                torch.testing.assert_close(parameter.data, file.get_tensor(name), atol=1e-4, rtol=0)
        os.chdir("/")


def main():
    torch.set_num_threads(1)
    counts = collections.Counter()
    for row in json.loads(TABLE.read_text()):
        if row["release"] == transformers.__version__:
            load(row, counts)
    resume()
    print(json.dumps(counts))


main()
