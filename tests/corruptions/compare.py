"""Shows the damaged directories to one other program and records what it says.

    compare.py PROGRAM FOLDER RESULTS

FOLDER is what `cargo test --test corruptions` leaves where RTRAIN_CORRUPTIONS is set. Each directory is given to a child process of its own
with limits of time and memory, in a scratch folder; what the malicious pickles call would make a file `executed` there. Nothing is ever unpickled by
pickle itself. The sound directories go first: what a program says of them as well is no notice of a corruption.
"""

import datetime
import importlib
import importlib.metadata
import json
import logging
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "golden/directories"
# Of processor time; four times as long by the clock, because other programs may run.
SECONDS = 30
MEMORY_BYTES = 4 << 30
TORCH_FILES = (".bin", ".pt", ".pth")
RESUMING_ONLY = {"optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth", "training_args.bin"}
RESULTS_ONLY = {"all_results.json", "predict_results_reviews.txt"}


class Refused(Exception):
    """What a program says against a file, where it does not raise an error of its own."""


def executes(directory, names):
    """What a program would do that runs a malicious pickle."""
    Path("executed").touch()
    return []


def transformers_says(directory, names):
    """Config, model and tokenizer by `from_pretrained`; the state of a run by the class that reads it. Returns what was warned of."""
    import transformers

    said = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("transformers").addHandler(handler)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if names == ["trainer_state.json"]:
            transformers.TrainerState.load_from_json(str(directory / names[0]))
        else:
            automatic = transformers.AutoModelForCausalLM if directory.name == "gpt2" else transformers.AutoModelForSequenceClassification
            automatic.from_pretrained(str(directory))
            transformers.AutoTokenizer.from_pretrained(str(directory))
    return said + [str(warning.message) for warning in caught]


def torch_says(directory, names):
    import torch
    from transformers.trainer_pt_utils import safe_globals

    for name in names:
        # The generators' states hold objects of numpy, which transformers allows as well.
        if name == "rng_state.pth":
            with safe_globals():
                torch.load(directory / name, weights_only=True, map_location="cpu")
        else:
            torch.load(directory / name, weights_only=True, map_location="cpu")
    return []


def safetensors_says(directory, names):
    from safetensors import safe_open

    for name in names:
        with safe_open(directory / name, framework="pt") as file:
            for key in file.keys():
                file.get_tensor(key)
    return []


def picklescan_says(directory, names):
    from picklescan.scanner import SafetyLevel, scan_file_path

    said = []
    for name in names:
        result = scan_file_path(str(directory / name))
        for found in result.globals:
            if found.safety == SafetyLevel.Dangerous:
                raise Refused(f"dangerous: {found.module} {found.name}")
            if found.safety == SafetyLevel.Suspicious:
                said.append(f"suspicious: {found.module} {found.name}")
        if result.scan_err:
            raise Refused("could not scan the file")
    return said


def modelscan_says(directory, names):
    from modelscan.modelscan import ModelScan

    for name in names:
        results = ModelScan().scan(str(directory / name))
        if results["summary"]["scanned"]["total_scanned"] == 0 and not results["errors"]:
            raise Refused("skips the file")
        if results["issues"]:
            issue = results["issues"][0]
            raise Refused(f"{issue['severity'].lower()}: {issue['description']}")
        if results["errors"]:
            raise Refused(f"error: {results['errors'][0].get('description', '')}")
    return []


def fickling_says(directory, names):
    from fickling.loader import scan_zip_archive

    for name in names:
        results = scan_zip_archive(str(directory / name), graceful=True)
        for member, result in results.items():
            if result.errors:
                raise Refused(result.errors[0])
            if not result.is_safe:
                raise Refused(f"severity {result.severity.name}")
        if not results:
            raise Refused("found no pickle in it")
    return []


def reads_torch(name):
    return name.endswith(TORCH_FILES)


# Program, what asks it, the modules to import before the children are made, and the files that it reads.
PROGRAMS = {
    "transformers": (
        transformers_says,
        ["torch", "transformers", "transformers.models.bert.modeling_bert", "transformers.models.gpt2.modeling_gpt2"],
        lambda name: name not in RESUMING_ONLY | RESULTS_ONLY and not name.startswith("README"),
    ),
    "torch": (torch_says, ["torch", "transformers.trainer_pt_utils"], reads_torch),
    "safetensors": (safetensors_says, ["torch", "safetensors"], lambda name: name.endswith(".safetensors")),
    "picklescan": (picklescan_says, ["picklescan.scanner"], reads_torch),
    "modelscan": (modelscan_says, ["modelscan.modelscan"], reads_torch),
    "fickling": (fickling_says, ["fickling.loader"], reads_torch),
}


def content(path):
    """The bytes of a file; something else where it is none."""
    try:
        return path.read_bytes()
    except OSError as error:
        return str(error.errno)


def files_to_ask(reads, directory, golden):
    """The files that the program reads and that are not those of the sound directory."""
    names = {path.name for folder in (directory, golden) for path in folder.iterdir() if not path.name.startswith("checkpoint-")}
    return sorted(name for name in names if reads(name) and content(directory / name) != content(golden / name))


def ask(says, directory, names):
    """Asks in a child process; returns what it did and in what words."""
    scratch = Path(tempfile.mkdtemp(prefix="rtrain-compare-"))
    for name in ("payload.py", "hubconf.py"):
        (scratch / name).write_text("open('executed', 'w').close()\n\ndef entry(): pass\n\nclass TrainingArguments: pass\n")
    answer = scratch / "answer.json"
    child = os.fork()
    if child == 0:
        answer_in_child(says, directory, names, scratch, answer)
    outcome = wait(child, time.monotonic() + 4 * SECONDS)
    verdict, words = outcome if outcome else ("crashes", "ended without an answer")
    if answer.exists():
        verdict, words = json.loads(answer.read_text())
    if (scratch / "executed").exists():
        verdict = "executes"
    shutil.rmtree(scratch)
    return verdict, shorten(words, directory)


def answer_in_child(says, directory, names, scratch, answer):
    """Never returns."""
    os.chdir(scratch)
    sys.path.insert(0, str(scratch))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    try:
        said = says(directory, names)
        result = ["warns", said] if said else ["silent", ""]
    except MemoryError:
        result = ["memory", f"asks for more than {MEMORY_BYTES >> 30} GiB"]
    except RecursionError:
        result = ["refuses", "RecursionError"]
    except Refused as error:
        result = ["finds", str(error)]
    except BaseException as error:
        words = traceback.format_exception_only(error)[-1].strip()
        wants_memory = "can't allocate" in words or "allocate memory" in words
        result = ["memory" if wants_memory else "refuses", words]
    answer.write_text(json.dumps(result))
    os._exit(0)


def wait(child, deadline):
    """How a child ended, where that says something."""
    endless = "hangs", f"does not end within {SECONDS} s"
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            number = status & 0x7F
            if number in (signal.SIGXCPU, signal.SIGKILL):
                return endless
            return ("crashes", f"signal {number}") if number else None
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return endless


def shorten(words, directory):
    """The words without this machine's paths."""
    if isinstance(words, list):
        return sorted({shorten(line, directory) for line in words})
    # torch says first how its own check could be left out.
    words = words.rsplit("WeightsUnpickler error:", 1)[-1].replace(str(directory), "DIRECTORY")
    words = re.sub(r"/[^\s'\"]*/(?=[^\s/'\"]+)", "", words)
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*m", "", words)).strip()[:160]


def judge(verdict, words, sound):
    """What the program says of the damaged directory that it does not say of the sound one."""
    sound_verdict, sound_words = sound
    if verdict == "warns":
        more = [line for line in words if line not in (sound_words if sound_verdict == "warns" else [])]
        return ("warns", more[0]) if more else ("silent", "")
    # A scanner that suspects the sound file must suspect more, or something else.
    if verdict == sound_verdict and (verdict == "refuses" or verdict == "finds" and words == sound_words):
        return "refuses-sound", words
    return verdict, words


def main():
    program, folder, results = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    says, modules, reads = PROGRAMS[program]
    for module in modules:
        importlib.import_module(module)
    assert ask(executes, GOLDEN, [])[0] == "executes", "an execution would not be noticed"
    sound, answers = {}, {}
    for row in json.loads((folder / "corruptions.json").read_text()):
        golden = GOLDEN / row["from"]
        directory = folder / row["name"] / golden.name
        names = files_to_ask(reads, directory, golden)
        if program != "transformers":
            names = [name for name in names if (directory / name).exists()]
        if not names:
            continue
        key = (row["from"], *names)
        if key not in sound:
            sound[key] = ask(says, golden, [name for name in names if (golden / name).exists()])
        verdict, words = judge(*ask(says, directory, names), sound[key])
        answers[row["name"]] = {"verdict": verdict, "words": words}
    version = importlib.metadata.version(program)
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    results.write_text(json.dumps({"program": program, "version": version, "date": date, "answers": answers}, indent=1, ensure_ascii=False) + "\n")
    print(f"{program} {version}: {len(answers)} directories")


if __name__ == "__main__":
    main()
