"""Run the real Trainer of the installed release for each of trainer_runs.json, for rtrain to be compared with.

    trainer_runs.py MINILM OUT

Writes OUT/RELEASE/NAME: all that the run leaves, but of the large model neither weights nor optimizer.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import transformers
from trainer_run import run

ROOT = Path(__file__).resolve().parents[2]


def main():
    minilm, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve() / transformers.__version__
    table = json.loads(Path(__file__).with_name("trainer_runs.json").read_text())
    shutil.rmtree(out, ignore_errors=True)
    for row in table["runs"]:
        if transformers.__version__ not in row["releases"]:
            continue
        with tempfile.TemporaryDirectory() as workplace:
            os.chdir(workplace)
            os.symlink(minilm, "minilm")
            os.symlink(ROOT / "tests" / "golden" / "semantics", "semantics")
            for name in ("train.csv", "validation.csv"):
                os.symlink(ROOT / "examples" / "reviews" / name, name)
            run(" ".join([table["common"], table[row["model"]], row["arguments"]]).split())
            large = shutil.ignore_patterns("model.safetensors", "optimizer.pt") if row["model"] == "minilm" else None
            shutil.copytree("out", out / row["name"], ignore=large)
            os.chdir("/")


if __name__ == "__main__":
    main()
