"""Write tests/golden/shards/RELEASE.json with real transformers: how it reads sizes, splits state dicts, and saves shards.

    HF_HUB_OFFLINE=1 python tests/golden/shards.py tests/golden/shards --models tests/golden/bert/classifier

Run it once with transformers 5.23.0 and once with 4.57.6. The models are saved anew with several sizes and element types; of their files
the checksums are kept, and of the indexes the text.
"""

import argparse
import hashlib
import inspect
import json
import random
import tempfile
from pathlib import Path

import torch
import transformers
from huggingface_hub import split_torch_state_dict_into_shards
from huggingface_hub.serialization._base import parse_size_to_int, split_state_dict_into_shards_factory
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification, PreTrainedModel

SEED = 42
SIZES = ["5GB", "50GB", "100kB", "100KB", "1tb", " 200 MB ", "1.5MB", "0.0015kb", "1e-3GB", "2.9999KB", "1e2MB", "007KB", ".5MB", "1.MB"]
WRONG_SIZES = ["", "5", "5G", "GB", "5GiB", "five MB", "1,5MB", "5 G B", "KB1", "0x10MB", "1e400GB", "nanGB"]
TINY = {
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 20,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--models", type=Path, required=True, help="a BERT classifier that transformers saved")
    arguments = parser.parse_args()
    default = inspect.signature(PreTrainedModel.save_pretrained).parameters["max_shard_size"].default
    golden = {
        "transformers": transformers.__version__,
        "default_max_shard_size": default,
        "sizes": {text: parse_size_to_int(text) for text in SIZES},
        "wrong_sizes": [text for text in WRONG_SIZES if is_wrong(text)],
        "splits": [random_split(random.Random(SEED + number)) for number in range(40)] + list(tied_splits()),
        "saved": list(saved(arguments.models)),
        "conversions": conversions(),
    }
    assert len(golden["wrong_sizes"]) == len(WRONG_SIZES)
    arguments.out.mkdir(exist_ok=True)
    lines = [f"{json.dumps(key)}: {rows(value)}" for key, value in golden.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (arguments.out / f"{transformers.__version__}.json").write_text(text, encoding="utf-8")


def rows(value):
    """JSON with a line for each entry of a list."""
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n" + ",\n".join(json.dumps(item) for item in value) + "\n]"


def is_wrong(text):
    try:
        parse_size_to_int(text)
    except (ValueError, OverflowError):
        return True
    return False


def random_split(numbers):
    """Sizes around the limit, some empty, some sharing the storage of an earlier tensor."""
    limit = numbers.choice([1, 10, 64, 100])
    entries, storages = [], {}
    for index in range(numbers.randrange(1, 14)):
        name = f"t.{index}"
        owner = numbers.choice(sorted(storages)) if storages and numbers.random() < 0.2 else None
        bytes_ = storages[owner] if owner else numbers.choice([0, 1, 5, 10, 32, 64, 65, 100, 101, 300])
        if owner is None:
            storages[name] = bytes_
        entries.append([name, bytes_, owner])
    state_dict = {name: (bytes_, owner or name) for name, bytes_, owner in entries}
    result = split_state_dict_into_shards_factory(
        state_dict,
        get_storage_size=lambda tensor: tensor[0],
        get_storage_id=lambda tensor: tensor[1],
        filename_pattern="model{suffix}.safetensors",
        max_shard_size=limit,
    )
    return split_json(limit, entries, result)


def tied_splits():
    """A real state dict, whose decoder is tied to the embedding, as it goes into `.bin` shards."""
    torch.manual_seed(SEED)
    state_dict = BertForMaskedLM(BertConfig(**TINY)).state_dict()
    owners, entries = {}, []
    for name, tensor in state_dict.items():
        owner = owners.setdefault(tensor.untyped_storage().data_ptr(), name)
        entries.append([name, tensor.untyped_storage().nbytes(), None if owner == name else owner])
    for limit in ["2KB", "4KB", "1MB"]:
        result = split_torch_state_dict_into_shards(state_dict, filename_pattern="pytorch_model{suffix}.bin", max_shard_size=limit)
        yield split_json(parse_size_to_int(limit), entries, result)


def split_json(limit, entries, result):
    shards = [[name, names] for name, names in result.filename_to_tensors.items()]
    return {"limit": limit, "entries": entries, "shards": shards, "total_size": result.metadata["total_size"]}


def saved(source):
    """The classifier saved anew; with legacy names too, which 5.23.0 writes back in another order."""
    for legacy in [False, True]:
        for size, dtype in [("5GB", None), ("100kB", None), ("40KB", None), ("2KB", None), ("5GB", "bfloat16"), ("20KB", "float16")]:
            with tempfile.TemporaryDirectory() as folder:
                given = given_names(source, Path(folder) / "given") if legacy else source
                model = BertForSequenceClassification.from_pretrained(given)
                if dtype:
                    model = model.to(getattr(torch, dtype))
                model.save_pretrained(Path(folder) / "saved", max_shard_size=size)
                files = sorted((Path(folder) / "saved").iterdir())
                index = Path(folder) / "saved" / "model.safetensors.index.json"
                yield {
                    "legacy": legacy,
                    "max_shard_size": size,
                    "dtype": dtype,
                    "sha256": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
                    "index": index.read_text(encoding="utf-8") if index.exists() and size == "40KB" else None,
                }


def given_names(source, target):
    target.mkdir()
    (target / "config.json").write_bytes((source / "config.json").read_bytes())
    renamed = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in load_file(source / "model.safetensors").items()
    }
    save_file(renamed, target / "model.safetensors", metadata={"format": "pt"})
    return target


def conversions():
    """Bits of 32-bit floats, and what torch makes of them in 16 bits: ties, overflow, subnormals, both zeros, infinities."""
    numbers = random.Random(SEED)
    bits = [0, 1 << 31, 0x7F800000, 0xFF800000, 0x7F7FFFFF, 0x00000001, 0x007FFFFF, 0x477FEFFF, 0x477FF000, 0x33000000, 0x33000001]
    for exponent in [0, 1, 100, 102, 103, 110, 112, 113, 127, 142, 143, 200, 254]:
        for low in [0x0000, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0x0FFF, 0x1000, 0x1001, 0x3000]:
            bits.append(numbers.getrandbits(1) << 31 | exponent << 23 | numbers.getrandbits(7) << 16 | low)
    values = torch.tensor(bits, dtype=torch.int64).to(torch.uint32).view(torch.float32)
    half = {name: values.to(getattr(torch, name)).view(torch.int16).tolist() for name in ["bfloat16", "float16"]}
    return {"float32": bits} | {name: [value & 0xFFFF for value in row] for name, row in half.items()}


if __name__ == "__main__":
    main()
