"""Say whether two training_args.bin have the same bytes, but for what release 4 notes of time and host; print the fields that differ.

    same_arguments.py FILE FILE
"""

import sys
import tempfile
from pathlib import Path

import torch


def main():
    saved = [torch.load(path, weights_only=False) for path in sys.argv[1:]]
    if hasattr(saved[0], "logging_dir"):
        saved[1].logging_dir = saved[0].logging_dir
    if rewritten(saved[0]) == rewritten(saved[1]):
        print("same bytes")
        return
    left, right = map(vars, saved)
    for name in [*left, *(right.keys() - left.keys())]:
        if repr(left.get(name)) != repr(right.get(name)):
            print(f"{name}: {left.get(name)!r} became {right.get(name)!r}")
    sys.exit("other bytes")


def rewritten(arguments):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "training_args.bin"
        torch.save(arguments, path)
        return path.read_bytes()


if __name__ == "__main__":
    main()
