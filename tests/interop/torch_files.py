"""Loads files of torch that rtrain wrote, checks them with zipfile and pickletools, and saves what was loaded again: the same bytes.

    python tests/interop/torch_files.py FOLDER
"""

import io
import pickletools
import sys
import zipfile
from pathlib import Path

import numpy
import torch
import transformers
from numpy._core.multiarray import _reconstruct

# What transformers itself allows when it loads `rng_state.pth`.
SAFE = [_reconstruct, numpy.ndarray, numpy.dtype, numpy.dtypes.UInt32DType]


def same_objects(path, value):
    """The value with the constants of Python where loading has made other objects of them."""
    if path.name == "rng_state.pth":
        return {sys.intern(name): state for name, state in value.items()}
    if path.name == "training_args.bin":
        return transformers.TrainingArguments(output_dir="out", learning_rate=3e-5, eval_strategy="epoch")
    return value


def check(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None, path
        pickletools.dis(archive.read(f"{path.stem}/data.pkl"), io.StringIO())
    weights_only = path.name != "training_args.bin"
    with torch.serialization.safe_globals(SAFE):
        value = torch.load(path, weights_only=weights_only)
    again = path.with_name("again") / path.name
    again.parent.mkdir(exist_ok=True)
    torch.save(same_objects(path, torch.load(path, weights_only=False)), again)
    assert again.read_bytes() == path.read_bytes(), f"{path.name} comes back as other bytes"
    return value


def main():
    paths = sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_file())
    values = {path.name: check(path) for path in paths}
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(2, 3)), torch.nn.Parameter(torch.zeros(3))], fused=True)
    optimizer.load_state_dict({**values["optimizer.pt"]})
    assert optimizer.state_dict()["state"][1]["step"] == 3
    assert list(values["pytorch_model.bin"]) == ["a", "transposed", "tied"]
    assert torch.equal(values["pytorch_model.bin"]["transposed"], values["pytorch_model.bin"]["a"].t())
    assert values["pytorch_model.bin"]["tied"].data_ptr() == values["pytorch_model.bin"]["a"].data_ptr()
    assert values["training_args.bin"].learning_rate == 3e-5
    assert values["training_args.bin"].eval_strategy == "epoch"
    torch.random.set_rng_state(values["rng_state.pth"]["cpu"])
    numpy.random.set_state(values["rng_state.pth"]["numpy"])
    assert numpy.random.get_state()[2] == 7
    print(len(paths), "files")


main()
