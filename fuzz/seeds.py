"""Makes the seeds of every fuzz target out of the goldens: seeds.py FOLDER.

Each seed is a file of a golden directory, or several of them after marks with their names (fuzz/src/lib.rs, `directory`).
"""

import struct
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

FUZZ = Path(__file__).parent
DIRECTORIES = FUZZ.parent / "tests/golden/directories"
MOST_BYTES = 48 << 10

WHOLE = ["adapter", "float16", "two_labels", "gpt2", "shards", "bin_shards", "added_tokens", "chat_templates"]
TOKENIZERS = ["two_labels", "roberta", "gpt2", "added_tokens", "legacy_names", "chat_templates"]
STATE = ["config.json", "tokenizer_config.json", "scheduler.pt", "scaler.pt", "trainer_state.json", "training_args.bin"]
# The order of KINDS in fuzz/src/bin/torch_file.rs.
TORCH_KINDS = ["optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state*.pth", "pytorch_model*.bin", "training_args.bin"]
FILES = {
    "json_reader": ["config.json", "tokenizer_config.json", "trainer_state.json", "adapter_config.json"],
    "config": ["config.json", "generation_config.json", "adapter_config.json"],
    "tokenizer_files": ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt",
                        "vocab.json", "merges.txt", "*.jinja"],
    "run_files": ["trainer_state.json", "*_results.json", "predict_results*.txt"],
    "model_card": ["README.md"],
    "torch_archive": ["scheduler.pt", "scaler.pt", "training_args.bin", "adapter_model.safetensors", "rng_state.pth"],
}


def main(folder: Path) -> None:
    seeds = {}
    for target, patterns in FILES.items():
        seeds[target] = [path.read_bytes() for pattern in patterns for path in sorted(DIRECTORIES.rglob(pattern))]
    weights = [path.read_bytes()[8:] for path in sorted(DIRECTORIES.rglob("*.safetensors"))]
    seeds["safetensors_header"] = seeds["safetensors_differential"] = weights
    torch_files = [(kind, path) for kind, pattern in enumerate(TORCH_KINDS) for path in sorted(DIRECTORIES.rglob(pattern))]
    seeds["torch_file"] = [torch_seed(kind, path) for kind, path in torch_files]
    seeds["pickle_reader"] = [pickle_of(path) for _, path in torch_files]
    seeds["model_card"] += [card.split(b"---\n")[1] for card in seeds["model_card"]]
    seeds["tokenizer"] = [directory(path, "*token*", "vocab*", "merges*") for path in named(TOKENIZERS)]
    whole = [directory(path) for path in named(WHOLE)] + [state(path) for path in sorted(DIRECTORIES.rglob("checkpoint-2"))]
    for target in ["model_directory", "convert", "inspect"]:
        seeds[target] = whole
    seeds["shards"] = [directory(path, "*.safetensors*") for path in named(["adapter", "float16", "shards", "tied_shards"])]
    seeds["reference"] = [pair for path in named(["float16", "adapter", "shards"]) for pair in pairs(path)]
    for target, inputs in seeds.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for seed in inputs:
            if len(seed) <= MOST_BYTES:
                (folder / target / sha256(seed).hexdigest()[:16]).write_bytes(seed)


def named(names: list[str]) -> list[Path]:
    return [path for name in names for path in sorted(DIRECTORIES.glob(f"*/{name}"))]


def marked(name: str, content: bytes) -> bytes:
    return b"\xff\xff==" + name.encode() + b"\n" + content


def directory(path: Path, *patterns: str) -> bytes:
    files = sorted({file for pattern in patterns or ["*"] for file in path.glob(pattern) if file.is_file()})
    return b"".join(marked(file.name, file.read_bytes()) for file in files)


def state(path: Path) -> bytes:
    return b"".join(marked(name, (path / name).read_bytes()) for name in STATE if (path / name).exists())


def pairs(path: Path) -> list[bytes]:
    """A directory beside itself, and beside the same model in the other release."""
    other = DIRECTORIES / {"4.57.6": "5.23.0", "5.23.0": "4.57.6"}[path.parent.name] / path.name
    files = [file for file in sorted(path.iterdir()) if file.name != "tokenizer.json"]
    ours = b"".join(marked(file.name, file.read_bytes()) for file in files)
    return [ours + b"".join(marked(f"reference/{file.name}", (side / file.name).read_bytes()) for file in files if (side / file.name).exists())
            for side in [path, other]]


def pickle_of(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return next(archive.read(name) for name in archive.namelist() if name.endswith("/data.pkl"))


def torch_seed(kind: int, path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        storages = {int(name.split("/")[2]): archive.getinfo(name).file_size for name in archive.namelist() if "/data/" in name}
    lengths = [storages[number] for number in range(len(storages))]
    if len(lengths) > 255 or max(lengths, default=0) > 65_535:
        return bytes(MOST_BYTES + 1)
    return bytes([kind, len(lengths)]) + struct.pack(f"<{len(lengths)}H", *lengths) + pickle_of(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
