"""Load a folder with real transformers, save it again, and compare the bytes.

    resave.py DIR OUT

Prints `identical` or `different` for each file, with a diff for JSON. Exit code 1 on any
difference: the folder is then not what transformers itself would have written.
"""

import argparse
import difflib
import sys
from pathlib import Path

import transformers

FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
DIFF_LINES = 40


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder to check")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to save to")
    arguments = parser.parse_args()

    config = transformers.AutoConfig.from_pretrained(arguments.directory)
    model_class = getattr(transformers, config.architectures[0])
    model_class.from_pretrained(arguments.directory).save_pretrained(arguments.out)
    transformers.AutoTokenizer.from_pretrained(arguments.directory).save_pretrained(arguments.out)

    different = [name for name in FILES if not same_bytes(arguments.directory / name, arguments.out / name)]
    sys.exit(1 if different else 0)


def same_bytes(found, expected):
    if not found.exists() or not expected.exists():
        present, absent = (expected, found) if expected.exists() else (found, expected)
        print(f"different  {found.name}: in {present.parent}, not in {absent.parent}")
        return False
    before, after = found.read_bytes(), expected.read_bytes()
    if before == after:
        print(f"identical  {found.name}")
        return True
    print(f"different  {found.name}: {len(before)} bytes, saved again {len(after)} bytes")
    lines = json_text(found.name, before), json_text(found.name, after)
    for line in list(difflib.unified_diff(*lines, str(found), str(expected), lineterm=""))[:DIFF_LINES]:
        print(f"    {line}")
    return False


def json_text(name, content):
    """Lines of a JSON file, or of the JSON header of a safetensors file."""
    if name.endswith(".safetensors"):
        header_bytes = int.from_bytes(content[:8], "little")
        content = content[8 : 8 + header_bytes].replace(b"},", b"},\n")
    return content.decode().splitlines()


if __name__ == "__main__":
    main()
