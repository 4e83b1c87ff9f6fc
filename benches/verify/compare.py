"""Time `rtrain verify` beside `sha256sum` on the same directory of 1 GB, in turn.

    compare.py --rtrain PATH [--runs 5] [--name verify]

The directory is made anew: a BERT of 18 layers with random weights, in one file and in shards, the tokenizer of the golden directory.
Printed are the medians, their ratio and the peak memory; the raw figures go to benches/runs/DATE-NAME.json, with the machine's.
"""

import argparse
import array
import datetime
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "bert" / "classifier"
SIZES = {"hidden_size": 1024, "num_hidden_layers": 18, "num_attention_heads": 16, "intermediate_size": 4096, "vocab_size": 30522}
SHARD_BYTES = 200_000_000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rtrain", type=Path, required=True, help="the program, built with --release")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--name", default="verify")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        # In a process of its own: what this one holds in memory would count as the peak of those that it starts.
        if (child := os.fork()) == 0:
            make(Path(folder))
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            sys.exit("the directory could not be made")
        results = {name: scenario(arguments, *rest) for name, *rest in scenarios(Path(folder))}
    report = {"machine": machine(), "runs": results}
    path = ROOT / "benches" / "runs" / f"{datetime.date.today()}-{arguments.name}.json"
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"raw figures: {path.relative_to(ROOT)}")


def scenarios(folder):
    """Name, directories, arguments of `rtrain verify`, whether the files are read from the disk."""
    single, shards = folder / "single", folder / "shards"
    yield "one file, in the page cache", [single], [single], False
    yield "shards, in the page cache", [shards], [shards], False
    yield "with a reference, in the page cache", [single, folder / "copy"], [single, "--reference", folder / "copy"], False
    yield "one file, from the disk", [single], [single], True


def scenario(arguments, directories, verify, from_disk):
    files = [path for directory in directories for path in sorted(directory.iterdir())]
    size = sum(path.stat().st_size for path in files)
    commands = {"sha256sum": ["sha256sum", *files], "rtrain": [arguments.rtrain, "verify", "--quiet", *verify]}
    runs = {name: [] for name in commands}
    for path in files:
        read(path)
    for _ in range(arguments.runs):
        for name, command in commands.items():
            if from_disk:
                forget(files)
            runs[name].append(timed(command))
    medians = {name: statistics.median(run["wall_s"] for run in runs) for name, runs in runs.items()}
    peak = max(run["peak_memory_mib"] for run in runs["rtrain"])
    ratio = medians["rtrain"] / medians["sha256sum"]
    print(f"{size / 1e9:.2f} GB: sha256sum {medians['sha256sum']:.3f} s, rtrain {medians['rtrain']:.3f} s, ratio {ratio:.2f}, peak {peak} MiB", flush=True)
    return {"bytes": size, "from_disk": from_disk, "median_s": medians, "ratio": round(ratio, 3), "peak_memory_mib": peak, "raw": runs}


def timed(command):
    start = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([str(part) for part in command], stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        if status != 0:
            output.seek(0)
            sys.exit(f"{command} failed:\n{output.read().decode()}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"wall_s": round(wall, 4), "cpu_s": round(cpu, 4), "peak_memory_mib": round(usage.ru_maxrss / 1024, 1)}


def read(path):
    with open(path, "rb", buffering=0) as file:
        buffer = bytearray(1 << 20)
        while file.readinto(buffer):
            pass


def forget(files):
    for path in files:
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def make(folder):
    tensors = parameters()
    config = json.loads((GOLDEN / "config.json").read_text(encoding="utf-8")) | SIZES
    for name in ["single", "shards"]:
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        for file in ["tokenizer.json", "tokenizer_config.json"]:
            shutil.copyfile(GOLDEN / file, folder / name / file)
    write(folder / "single" / "model.safetensors", tensors)
    shards = [{}]
    for name, shape in tensors.items():
        if size(shards[-1]) + size({name: shape}) > SHARD_BYTES:
            shards.append({})
        shards[-1][name] = shape
    weight_map = {}
    for number, shard in enumerate(shards, 1):
        file = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        write(folder / "shards" / file, shard)
        weight_map |= dict.fromkeys(shard, file)
    index = {"metadata": {"total_parameters": size(tensors) // 4, "total_size": size(tensors)}, "weight_map": weight_map}
    text = json.dumps(index, indent=2, sort_keys=True) + "\n"
    (folder / "shards" / "model.safetensors.index.json").write_text(text, encoding="utf-8")
    shutil.copytree(folder / "single", folder / "copy")


def parameters():
    """Names and shapes of a BERT classifier of three labels, in the order of its state dict."""
    width, inner = SIZES["hidden_size"], SIZES["intermediate_size"]
    tensors = {}

    def add(name, *shape):
        tensors[f"{name}.weight"] = shape
        if "embeddings.w" not in name and "embeddings.p" not in name and "embeddings.t" not in name:
            tensors[f"{name}.bias"] = shape[:1]

    config = json.loads((GOLDEN / "config.json").read_text(encoding="utf-8"))
    add("bert.embeddings.word_embeddings", SIZES["vocab_size"], width)
    add("bert.embeddings.position_embeddings", config["max_position_embeddings"], width)
    add("bert.embeddings.token_type_embeddings", config["type_vocab_size"], width)
    add("bert.embeddings.LayerNorm", width)
    for layer in range(SIZES["num_hidden_layers"]):
        prefix = f"bert.encoder.layer.{layer}"
        for name in ["query", "key", "value"]:
            add(f"{prefix}.attention.self.{name}", width, width)
        add(f"{prefix}.attention.output.dense", width, width)
        add(f"{prefix}.attention.output.LayerNorm", width)
        add(f"{prefix}.intermediate.dense", inner, width)
        add(f"{prefix}.output.dense", width, inner)
        add(f"{prefix}.output.LayerNorm", width)
    add("bert.pooler.dense", width, width)
    add("classifier", len(config["id2label"]), width)
    return tensors


def size(tensors):
    total = 0
    for shape in tensors.values():
        numel = 1
        for length in shape:
            numel *= length
        total += 4 * numel
    return total


def write(path, tensors):
    header, start = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(tensors):
        end = start + size({name: tensors[name]})
        header[name] = {"dtype": "F32", "shape": list(tensors[name]), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    values = array.array("f", (random.gauss(0, 0.02) for _ in range(1 << 18)))
    noise = values.tobytes()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for written in range(0, start, len(noise)):
            file.write(noise[: min(len(noise), start - written)])


def machine():
    cpu = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpu.read_text().splitlines() if "model name" in line] if cpu.exists() else []
    flags = {"sha_ni": cpu.exists() and " sha_ni" in cpu.read_text()}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    return {"cpu": names[0] if names else platform.processor(), "processors": os.cpu_count(), "system": platform.platform(), "rtrain": commit.strip()} | flags


if __name__ == "__main__":
    main()
