"""Convert the model SOURCE with transformers, and hold what `rtrain convert` made of it against that, file by file.

    convert.py SOURCE CONVERTED [--max_shard_size SIZE] [--dtype DTYPE]

Compared are the config, the weights and the index; then transformers loads CONVERTED.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("converted", type=Path)
    parser.add_argument("--max_shard_size", default="50GB")
    parser.add_argument("--dtype")
    arguments = parser.parse_args()
    model = AutoModelForSequenceClassification.from_pretrained(arguments.source)
    if arguments.dtype:
        model = model.to(getattr(torch, arguments.dtype))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, max_shard_size=arguments.max_shard_size)
        expected = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    found = {path.name: path.read_bytes() for path in arguments.converted.iterdir() if not path.name.startswith("tokenizer")}
    assert sorted(found) == sorted(expected), (sorted(found), sorted(expected))
    different = [name for name in expected if found[name] != expected[name]]
    assert not different, different
    again = AutoModelForSequenceClassification.from_pretrained(arguments.converted)
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    print(f"{len(found)} files as transformers writes them")


if __name__ == "__main__":
    main()
