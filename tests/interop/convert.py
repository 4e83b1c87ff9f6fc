"""Convert the model SOURCE with transformers, and hold what `rtrain convert` made of it against that, file by file.

    convert.py SOURCE CONVERTED [--max_shard_size SIZE] [--dtype DTYPE] [--safe_serialization BOOL] [--release VERSION]

Compared are the config, the generation config, the weights and the index, and with a release, which must be the one that runs this,
the tokenizer's files too; then transformers loads CONVERTED.
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch
import transformers
from transformers import AutoTokenizer

TOKENIZER = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("converted", type=Path)
    parser.add_argument("--max_shard_size")
    parser.add_argument("--dtype")
    parser.add_argument("--safe_serialization", choices=["true", "false"], default="true")
    parser.add_argument("--release")
    arguments = parser.parse_args()
    if arguments.release not in (None, transformers.__version__):
        parser.error(f"this is transformers {transformers.__version__}")
    model = load(arguments.source)
    if arguments.dtype:
        model = model.to(getattr(torch, arguments.dtype))
    options = {} if arguments.max_shard_size is None else {"max_shard_size": arguments.max_shard_size}
    if arguments.safe_serialization == "false":
        options["safe_serialization"] = False
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, **options)
        if arguments.release and has_tokenizer(arguments.source):
            AutoTokenizer.from_pretrained(arguments.source).save_pretrained(folder)
        expected = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    compared = lambda name: arguments.release or name not in TOKENIZER
    found = {path.name: path.read_bytes() for path in arguments.converted.iterdir() if compared(path.name)}
    assert sorted(found) == sorted(expected), (sorted(found), sorted(expected))
    different = [name for name in expected if found[name] != expected[name]]
    assert not different, [(name, found[name][:2000], expected[name][:2000]) for name in different]
    again = load(arguments.converted)
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    print(f"{len(found)} files as transformers writes them")


def load(folder):
    """The model as the class that its config names, in its own precision."""
    name = json.loads((folder / "config.json").read_text(encoding="utf-8"))["architectures"][0]
    return getattr(transformers, name).from_pretrained(folder, dtype="auto")


def has_tokenizer(folder):
    return any((folder / name).exists() for name in TOKENIZER)


if __name__ == "__main__":
    main()
