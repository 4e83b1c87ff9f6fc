"""Convert the model SOURCE with transformers, and hold what `rtrain convert` made of it against that, file by file.

    convert.py SOURCE CONVERTED [--max_shard_size SIZE] [--dtype DTYPE] [--safe_serialization BOOL] [--release VERSION]
    convert.py --list FILE --release VERSION

Compared are the config, the generation config, the weights and the index, and with a release, which must be the one that runs this,
the tokenizer's files too; then transformers loads CONVERTED.
FILE has a line for each conversion: SOURCE, CONVERTED and safe_serialization, with tabs between them.
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
    parser.add_argument("source", type=Path, nargs="?")
    parser.add_argument("converted", type=Path, nargs="?")
    parser.add_argument("--list", type=Path)
    parser.add_argument("--max_shard_size")
    parser.add_argument("--dtype")
    parser.add_argument("--safe_serialization", choices=["true", "false"], default="true")
    parser.add_argument("--release")
    arguments = parser.parse_args()
    if arguments.release not in (None, transformers.__version__):
        parser.error(f"this is transformers {transformers.__version__}")
    if arguments.list is None:
        files = compare(arguments.source, arguments.converted, arguments.safe_serialization, arguments)
        print(f"{files} files as transformers writes them")
        return
    rows = [line.split("\t") for line in arguments.list.read_text(encoding="utf-8").splitlines()]
    files = sum(compare(Path(source), Path(converted), safe, arguments) for source, converted, safe in rows)
    print(f"{files} files of {len(rows)} directories as transformers writes them")


def compare(source, converted, safe_serialization, arguments):
    """The number of files, all of which are those that transformers writes."""
    model = load(source)
    if arguments.dtype:
        model = model.to(getattr(torch, arguments.dtype))
    options = {} if arguments.max_shard_size is None else {"max_shard_size": arguments.max_shard_size}
    if safe_serialization == "false":
        options["safe_serialization"] = False
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, **options)
        if arguments.release and has_tokenizer(source):
            AutoTokenizer.from_pretrained(source).save_pretrained(folder)
        expected = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    compared = lambda name: arguments.release or name not in TOKENIZER
    found = {path.name: path.read_bytes() for path in converted.iterdir() if compared(path.name)}
    assert sorted(found) == sorted(expected), (source, sorted(found), sorted(expected))
    different = [name for name in expected if found[name] != expected[name]]
    assert not different, (source, different)
    again = load(converted)
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), (source, name)
    return len(found)


def load(folder):
    """The model as the class that its config names, in its own precision."""
    name = json.loads((folder / "config.json").read_text(encoding="utf-8"))["architectures"][0]
    return getattr(transformers, name).from_pretrained(folder, dtype="auto")


def has_tokenizer(folder):
    return any((folder / name).exists() for name in TOKENIZER)


if __name__ == "__main__":
    main()
