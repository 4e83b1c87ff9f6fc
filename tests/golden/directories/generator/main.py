"""Makes the directories of the release that is installed, or those that are named.

python main.py OUT [NAME...]
"""

import argparse
import importlib.util
import json
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers

import saved
import runs  # after `saved`: the table keeps this order
from table import DIRECTORIES

if importlib.util.find_spec("peft"):
    import adapter

PACKAGES = ["torch", "transformers", "accelerate", "safetensors", "tokenizers", "huggingface_hub", "numpy", "peft"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    release = transformers.__version__
    out = options.out.resolve() / release
    torch.set_num_threads(1)
    for entry in DIRECTORIES:
        name = entry["name"]
        if release not in entry["releases"] or options.names and name not in options.names:
            continue
        print(release, name, flush=True)
        with tempfile.TemporaryDirectory() as workplace:
            os.chdir(workplace)
            Path("work").mkdir()
            runs.GIVEN.clear()
            entry["make"](Path(name), Path("work"))
            entry["given"] = list(runs.GIVEN)
            entry["lengths"] = list(runs.LENGTHS)
            shutil.rmtree(out / name, ignore_errors=True)
            shutil.copytree(name, out / name, copy_function=shutil.copyfile)
            os.chdir("/")
    record(out.parent, release)


def record(out, release):
    """The table of the directories that are there, and the versions that made them."""
    rows = [
        {"release": entry_release, "name": entry["name"], "task": entry["task"], "class": entry["class"], "shows": entry["shows"]}
        for entry_release in ("4.57.6", "5.23.0") for entry in DIRECTORIES
        if entry_release in entry["releases"] and (out / entry_release / entry["name"]).is_dir()
    ]
    (out / "table.json").write_text(json.dumps(rows, indent=1) + "\n")
    record_runs(out / "runs.json", release)
    path = out / "versions.json"
    versions = json.loads(path.read_text()) if path.exists() else {}
    versions[release] = {package: version(package) for package in PACKAGES}
    path.write_text(json.dumps(dict(sorted(versions.items())), indent=1) + "\n")


def record_runs(path, release):
    """The arguments that each run of this process was given, part by part, and the tokens of each row that it was trained with."""
    made = [entry for entry in DIRECTORIES if entry.get("given")]
    rows = json.loads(path.read_text()) if path.exists() else []
    rows = [row for row in rows if (row["release"], row["name"]) not in {(release, entry["name"]) for entry in made}]
    rows += [{"release": release, "name": entry["name"], "lengths": entry["lengths"], "arguments": entry["given"]} for entry in made]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in sorted(rows, key=lambda row: (row["release"], row["name"])))
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
