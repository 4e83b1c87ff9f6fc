"""Unpickles each pickle of a file and pickles it again: the bytes must be the same, and with them which objects are the same object.

    python tests/interop/pickles.py FILE

FILE holds pickles one after another, each after its length in 8 bytes.
"""

import io
import pickle
import pickletools
import sys
from pathlib import Path


class Outside:
    """An object that a pickle only names."""

    def __init__(self, name):
        self.name = name


class Unpickler(pickle.Unpickler):
    persistent_load = staticmethod(Outside)


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return value.name if isinstance(value, Outside) else None


def main():
    data, count = memoryview(Path(sys.argv[1]).read_bytes()), 0
    while data:
        length = int.from_bytes(data[:8], "little")
        given, data = bytes(data[8 : 8 + length]), data[8 + length :]
        again = io.BytesIO()
        Pickler(again, protocol=2).dump(Unpickler(io.BytesIO(given)).load())
        if again.getvalue() != given:
            pickletools.dis(given, sys.stderr)
            pickletools.dis(again.getvalue(), sys.stderr)
            sys.exit(f"pickle {count} comes back as other bytes")
        count += 1
    print(count, "pickles")


main()
